-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- With which processor a guest was last seen to run: a key of cpu_answers.
CREATE TABLE guest_cpus (
    instance_id TEXT NOT NULL PRIMARY KEY REFERENCES instances (id),
    guest_cpu TEXT NOT NULL,
    seen_us BIGINT NOT NULL
);
