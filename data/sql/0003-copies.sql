-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- How a copy was found that should have been off: src/model/leftover.h.
ALTER TABLE leftovers ADD COLUMN copy TEXT CHECK (copy IN ('paused', 'running', 'held'));
