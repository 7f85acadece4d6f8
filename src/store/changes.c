/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/changes.h"
#include "store/db.h"

#define SQL_INSTANCE "SELECT id, project_id, NULL, NULL FROM instances WHERE number = $1"
#define SQL_OPERATION                                                                              \
    "SELECT i.id, i.project_id, m.id, NULL FROM operations o"                                      \
    " JOIN instances i ON i.id = o.instance_id"                                                    \
    " LEFT JOIN migrations m ON m.operation_id = o.id OR m.end_operation_id = o.id"                \
    " WHERE o.id = $1"
#define SQL_MIGRATION                                                                              \
    "SELECT i.id, i.project_id, m.id, NULL FROM migrations m"                                      \
    " JOIN instances i ON i.id = m.instance_id WHERE m.id = $1"
#define SQL_HOST "SELECT NULL, NULL, NULL, name FROM hosts WHERE number = $1"
#define SQL_DRAIN "SELECT NULL, NULL, NULL, host FROM drains WHERE id = $1"

static const char *
query_of(ChangeKind kind)
{
    switch (kind) {
    case CHANGE_INSTANCE: return SQL_INSTANCE;
    case CHANGE_OPERATION: return SQL_OPERATION;
    case CHANGE_MIGRATION: return SQL_MIGRATION;
    case CHANGE_HOST: return SQL_HOST;
    case CHANGE_DRAIN: return SQL_DRAIN;
    }
    g_assert_not_reached();
}

static void
add_names(DbStatement *statement, ChangedNames *names)
{
    if (db_text(statement, 0) != NULL) {
        g_hash_table_insert(
            names->instances, db_dup_text(statement, 0), db_dup_text(statement, 1));
    }
    if (db_text(statement, 2) != NULL) {
        g_hash_table_add(names->migrations, db_dup_text(statement, 2));
    }
    if (db_text(statement, 3) != NULL) {
        g_hash_table_add(names->hosts, db_dup_text(statement, 3));
    }
}

bool
store_name_change(Store *store, const Change *change, ChangedNames *names, GError **error)
{
    bool row = false;
    g_autoptr(DbStatement) statement = db_prepare(store, query_of(change->kind), error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, change->number);
    while (db_step(statement, &row, error)) {
        if (!row) {
            return true;
        }
        add_names(statement, names);
    }
    return false;
}
