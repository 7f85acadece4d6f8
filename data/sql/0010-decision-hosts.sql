-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- What was found of each host that a decision looked at: a byte for each, in the order of names,
-- which are kept once for all decisions of the same hosts. See src/scheduler/verdicts.c.
CREATE TABLE decision_hosts (
    digest TEXT NOT NULL PRIMARY KEY,
    names TEXT NOT NULL
);
ALTER TABLE decisions ADD COLUMN hosts_digest TEXT REFERENCES decision_hosts (digest);
ALTER TABLE decisions ADD COLUMN verdicts @BYTES@;
CREATE INDEX decisions_by_hosts ON decisions (hosts_digest);
