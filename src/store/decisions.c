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
    "INSERT INTO decisions (operation_id, has_host, made_us, kept_until_us, text, hosts_digest,"   \
    " verdicts) VALUES ($1, $2, $3, $4, $5, $6, $7)"
/* The text is bound where it is not there yet: of very many hosts it is long. */
#define SQL_HAS_HOSTS "SELECT 1 FROM decision_hosts WHERE digest = $1"
#define SQL_INSERT_HOSTS "INSERT INTO decision_hosts (digest, names) VALUES ($1, $2)"
#define SQL_GET_VERDICTS                                                                           \
    "SELECT h.names, d.verdicts FROM decisions d"                                                  \
    " JOIN decision_hosts h ON h.digest = d.hosts_digest WHERE d.id = $1"
#define SQL_DELETE_HOSTS                                                                           \
    "DELETE FROM decision_hosts WHERE NOT EXISTS"                                                  \
    " (SELECT 1 FROM decisions d WHERE d.hosts_digest = decision_hosts.digest)"
#define SQL_DELETE_OLD "DELETE FROM decisions WHERE kept_until_us < $1"
/* While hosts connect, nobody is found every half second. */
#define SQL_DELETE_VAIN "DELETE FROM decisions WHERE operation_id = $1 AND has_host = 0"

/* Adds to *n_deleted. */
static bool
delete_where(Store *store, const char *sql, int64_t value, int *n_deleted, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    int n = 0;
    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, value);
    if (!db_run(statement, &n, error)) {
        return false;
    }
    *n_deleted += n;
    return true;
}

static bool
delete_unused_hosts(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE_HOSTS, error);
    return statement != NULL && db_run(statement, NULL, error);
}

static bool
has_hosts(Store *store, const char *digest, bool *ret_has, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_HAS_HOSTS, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, digest);
    return db_step(statement, ret_has, error);
}

static bool
keep_hosts(Store *store, const HostNames *hosts, GError **error)
{
    bool has = hosts == NULL;
    if (!has && !has_hosts(store, hosts->digest, &has, error)) {
        return false;
    }
    if (has) {
        return true;
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_HOSTS, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, hosts->digest);
    db_bind_text(statement, 2, hosts->text);
    return db_run(statement, NULL, error);
}

static bool
delete_what_is_over(
    Store *store, int64_t operation_id, int64_t now_us, int *ret_n_deleted, GError **error)
{
    *ret_n_deleted = 0;
    return delete_where(store, SQL_DELETE_OLD, now_us, ret_n_deleted, error) &&
        delete_where(store, SQL_DELETE_VAIN, operation_id, ret_n_deleted, error);
}

static bool
insert(Store *store, int64_t operation_id, bool has_host, const StoredDecision *decision,
    int64_t now_us, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_int(statement, 2, has_host);
    db_bind_int(statement, 3, now_us);
    db_bind_int(statement, 4, decision->kept_until_us);
    db_bind_text(statement, 5, decision->text);
    db_bind_text(statement, 6, decision->hosts != NULL ? decision->hosts->digest : NULL);
    db_bind_bytes(statement, 7, decision->verdicts);
    return db_run(statement, NULL, error);
}

static bool
keep(Store *store, int64_t operation_id, bool has_host, const StoredDecision *decision,
    int64_t now_us, GError **error)
{
    return decision->text == NULL ||
        (keep_hosts(store, decision->hosts, error) &&
            insert(store, operation_id, has_host, decision, now_us, error));
}

/* Names of hosts go last: the new decision most often has those of the one that it replaces. */
bool
decisions_insert(Store *store, int64_t operation_id, bool has_host,
    const StoredDecision *decision, GError **error)
{
    int64_t now_us = db_now_us(store);
    int n_deleted = 0;
    return delete_what_is_over(store, operation_id, now_us, &n_deleted, error) &&
        keep(store, operation_id, has_host, decision, now_us, error) &&
        (n_deleted == 0 || delete_unused_hosts(store, error));
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

bool
store_find_verdicts(Store *store, int64_t decision_id, char **ret_names, GBytes **ret_verdicts,
    GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET_VERDICTS, error);
    bool row = false;
    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, decision_id);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_names = row ? db_dup_text(statement, 0) : NULL;
    *ret_verdicts = row ? db_dup_bytes(statement, 1) : NULL;
    return true;
}
