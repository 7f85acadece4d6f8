-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- What else is asked of a canary (ask_...), what came of that, and what guests have met on the way
-- since: src/model/canary.h.
ALTER TABLE canaries ADD COLUMN ask_post_copy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE canaries ADD COLUMN ask_connections BIGINT NOT NULL DEFAULT 0;
ALTER TABLE canaries ADD COLUMN extra_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE canaries ADD COLUMN extra_post_copy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE canaries ADD COLUMN extra_connections BIGINT NOT NULL DEFAULT 0;
ALTER TABLE canaries ADD COLUMN extra_error TEXT;
ALTER TABLE canaries ADD COLUMN moved_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE canaries ADD COLUMN move_error TEXT;
