/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where operations went, and why: stored with the claim. */
#include "model/decision.h"
#include "store/db.h"

/* Inside a write transaction. Takes away what was kept for long enough, and what was decided in
 * vain for this operation before, also when this one has no text: then it is not stored. */
bool decisions_insert(Store *store, int64_t operation_id, bool has_host,
    const StoredDecision *decision, GError **error);
