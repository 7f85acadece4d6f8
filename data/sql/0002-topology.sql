-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- What of a host's NUMA cells, processors and pages is there, and what each claim has of them: as
-- src/model/topology.c writes it.
ALTER TABLE hosts ADD COLUMN facts_topology TEXT;
ALTER TABLE hosts ADD COLUMN facts_has_floating_cpus BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN facts_floating_cpus BIGINT NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN topology TEXT;
CREATE INDEX claims_with_topology ON claims (host) WHERE topology IS NOT NULL;
