-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- Which PCI devices of a host are for guests, and which of them each claim has: as src/model/pci.c
-- writes it.
ALTER TABLE hosts ADD COLUMN facts_pci_devices TEXT;
ALTER TABLE claims ADD COLUMN devices TEXT;
CREATE INDEX claims_with_devices ON claims (host) WHERE devices IS NOT NULL;
