-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
-- Beside which instances one is to be, and apart from which: ids with commas between them. What its
-- image said of itself when it was made: a JSON object.
ALTER TABLE instances ADD COLUMN same_host TEXT;
ALTER TABLE instances ADD COLUMN different_host TEXT;
ALTER TABLE instances ADD COLUMN image_properties_json TEXT;
