/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
#include "store/db.h"

/* Inside the transaction of a move: what a migration has learned. */
bool migration_update_row(Store *store, const Migration *migration, GError **error);
/* Inside a transaction of the caller: what store_accept_migration and store_accept_end promise. */
Migration *migration_accept(Store *store, const MigrationRequest *request, GError **error);
Operation *migration_accept_end(Store *store, const OperationRequest *request, GError **error);
/* resize.c: inside the transaction that accepts a resize. */
bool resize_insert_flavors(Store *store, int64_t operation_id, const Flavor *old_flavor,
    const Flavor *new_flavor, GError **error);
