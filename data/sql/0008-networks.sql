-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- Which bridges a host has (words with commas between; NULL: it did not tell), and whether its
-- libvirt was asked for PCI devices and cannot list any.
ALTER TABLE hosts ADD COLUMN facts_bridges TEXT;
ALTER TABLE hosts ADD COLUMN facts_hides_devices INTEGER NOT NULL DEFAULT 0;
