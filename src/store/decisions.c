/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/decisions.h"

#include "store/query.h"
#include "store/rows.h"

#define SELECT_DECISIONS                                                                           \
    "SELECT d.id, d.operation_id, o.kind, o.instance_id, i.name, o.request_id, d.made_us,"         \
    " d.kept_until_us, d.text FROM decisions d JOIN operations o ON o.id = d.operation_id"         \
    " JOIN instances i ON i.id = o.instance_id WHERE 1 = 1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO decisions (operation_id, has_host, made_us, kept_until_us, text)"                 \
    " VALUES ($1, $2, $3, $4, $5)"
#define SQL_DELETE_OLD "DELETE FROM decisions WHERE kept_until_us < $1"
/* While hosts connect, nobody is found every half second. */
#define SQL_DELETE_VAIN "DELETE FROM decisions WHERE operation_id = $1 AND has_host = 0"

static bool
delete_where(Store *store, const char *sql, int64_t value, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, value);
    return db_run(statement, NULL, error);
}

bool
decisions_insert(Store *store, int64_t operation_id, bool has_host,
    const StoredDecision *decision, GError **error)
{
    int64_t now_us = db_now_us(store);
    if (decision->text == NULL) {
        return true;
    }
    if (!delete_where(store, SQL_DELETE_OLD, now_us, error) ||
        !delete_where(store, SQL_DELETE_VAIN, operation_id, error)) {
        return false;
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_int(statement, 2, has_host);
    db_bind_int(statement, 3, now_us);
    db_bind_int(statement, 4, decision->kept_until_us);
    db_bind_text(statement, 5, decision->text);
    return db_run(statement, NULL, error);
}

static void *
read_decision(DbStatement *statement)
{
    StoredDecision *decision = g_new0(StoredDecision, 1);
    int column = 0;

    decision->id = db_int(statement, column++);
    decision->operation_id = db_int(statement, column++);
    bool is_known = operation_kind_parse(db_text(statement, column++), &decision->kind);
    g_assert(is_known);
    decision->instance_id = db_dup_text(statement, column++);
    decision->instance_name = db_dup_text(statement, column++);
    decision->request_id = db_dup_text(statement, column++);
    decision->made_us = db_int(statement, column++);
    decision->kept_until_us = db_int(statement, column++);
    decision->text = db_dup_text(statement, column++);
    return decision;
}

GPtrArray *
store_list_decisions(
    Store *store, const char *request_id, const char *instance_id, GError **error)
{
    g_autoptr(Query) query = query_new(SELECT_DECISIONS);

    query_where_text(query, "o.request_id =", request_id);
    query_where_text(query, "o.instance_id =", instance_id);
    query_append(query, " ORDER BY d.id");
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    return statement == NULL
        ? NULL
        : rows_list(statement, read_decision, (GDestroyNotify)stored_decision_free, error);
}
