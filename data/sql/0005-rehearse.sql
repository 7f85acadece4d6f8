-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- Whether the destination of a live migration is to rehearse the guest: src/model/migration.h.
ALTER TABLE migrations ADD COLUMN rehearse BIGINT NOT NULL DEFAULT 0;
