/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What becomes of a cold move that waits for its owner's word. */
#include "store/migration_rows.h"
#include "store/operation_rows.h"

/* The move that the instance shows as VERIFY_RESIZE: its last one. */
#define SQL_END                                                                                    \
    "UPDATE migrations SET end_operation_id = $2 WHERE end_operation_id IS NULL AND id ="          \
    " (SELECT MAX(id) FROM migrations WHERE instance_id = $1)"

static bool
end_migration(Store *store, const Operation *operation, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_END, error);
    int changes = 0;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, operation->instance_id);
    db_bind_int(statement, 2, operation->id);
    if (!db_run(statement, &changes, error)) {
        return false;
    }
    return changes == 1 ||
        error_set(error, ERROR_INVALID, "Instance has not been resized.");
}

Operation *
migration_accept_end(Store *store, const OperationRequest *request, GError **error)
{
    g_autoptr(Operation) operation = operation_accept(store, request, NULL, NULL, error);

    if (operation == NULL || !end_migration(store, operation, error)) {
        return NULL;
    }
    return g_steal_pointer(&operation);
}

Operation *
store_accept_end(Store *store, const OperationRequest *request, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL) {
        return NULL;
    }
    g_autoptr(Operation) operation = migration_accept_end(store, request, error);
    if (operation == NULL || !db_commit(transaction, error)) {
        return NULL;
    }
    return g_steal_pointer(&operation);
}
