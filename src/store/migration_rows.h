/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
#include "store/db.h"

/* Inside the transaction of a move: what a migration has learned. */
bool migration_update_row(
    Store *store, int64_t operation_id, const Migration *migration, GError **error);
