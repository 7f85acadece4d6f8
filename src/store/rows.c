/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/rows.h"

GPtrArray *
rows_list(DbStatement *statement, RowReader read, GDestroyNotify free_record, GError **error)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(free_record);

    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return NULL;
        }
        if (!row) {
            return g_steal_pointer(&records);
        }
        g_ptr_array_add(records, read(statement));
    }
}

bool
rows_find(DbStatement *statement, RowReader read, void **ret_record, GError **error)
{
    bool row = false;

    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_record = row ? read(statement) : NULL;
    return true;
}

static bool
fail_missing(const char *thing, const char *id, GError **error)
{
    return error_set(error, ERROR_NOT_FOUND, "there is no %s '%s'", thing, id);
}

void *
rows_get(DbStatement *statement, RowReader read, const char *thing, const char *id, GError **error)
{
    void *record = NULL;

    if (!rows_find(statement, read, &record, error)) {
        return NULL;
    }
    if (record == NULL) {
        fail_missing(thing, id, error);
    }
    return record;
}

bool
rows_change(DbStatement *statement, const char *thing, const char *id, GError **error)
{
    int changes = 0;

    if (!db_run(statement, &changes, error)) {
        return false;
    }
    return changes > 0 || fail_missing(thing, id, error);
}
