/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/migration_rows.h"
#include "store/query.h"
#include "store/rows.h"

#define SELECT_DRAINS                                                                              \
    "SELECT id, host, kind, state, wanted, parallel, cold_fallback, reason, request_id, user_id,"  \
    " created_us, updated_us FROM drains"
#define SQL_INSERT                                                                                 \
    "INSERT INTO drains (host, kind, state, is_open, wanted, parallel, cold_fallback, reason,"     \
    " request_id, user_id, created_us, updated_us)"                                                \
    " VALUES ($1, $2, 'running', 1, 'run', $3, $4, $5, $6, $7, $8, $8) RETURNING id"
#define SQL_FIND_OPEN "SELECT kind FROM drains WHERE host = $1 AND is_open = 1"
#define SQL_GET SELECT_DRAINS " WHERE id = $1"
#define SQL_SET_WANTED                                                                             \
    "UPDATE drains SET wanted = $2 WHERE id = $1 AND is_open = 1 AND wanted <> 'cancel'"
#define SQL_MOVE                                                                                   \
    "UPDATE drains SET state = $3, is_open = $4, updated_us = $5 WHERE id = $1 AND state = $2"
/* An operator's own reason stays. */
#define SQL_DISABLE_HOST                                                                           \
    "UPDATE hosts SET enabled = 0, disabled_reason = $2, updated_us = $3"                          \
    " WHERE name = $1 AND enabled = 1"
#define SQL_ENABLE_HOST                                                                            \
    "UPDATE hosts SET enabled = 1, disabled_reason = NULL, updated_us = $2 WHERE name = $1"
#define SQL_INSERT_ITEM                                                                            \
    "INSERT INTO drain_items (drain_id, instance_id, state) VALUES ($1, $2, 'waiting')"            \
    " ON CONFLICT (drain_id, instance_id) DO NOTHING"
#define SQL_INSERT_ALL                                                                             \
    "INSERT INTO drain_items (drain_id, instance_id, state)"                                       \
    " SELECT CAST($1 AS BIGINT), id, 'waiting' FROM instances"                                     \
    " WHERE host = $2 AND terminated_us = 0"
/* Of a drain d and its item i. A restore that was done settles those drains before it, but for what
 * another restore had then: it has left that to that one, which may have brought it elsewhere or
 * nowhere. */
#define IS_NOT_RESTORED                                                                            \
    " d.kind = 'drain' AND i.state = 'moved' AND NOT EXISTS (SELECT 1 FROM drains r"               \
    " WHERE r.host = d.host AND r.kind = 'restore' AND r.state = 'done' AND r.id > d.id"           \
    " AND (EXISTS (SELECT 1 FROM drain_items x WHERE x.drain_id = r.id"                            \
    " AND x.instance_id = i.instance_id) OR NOT EXISTS (SELECT 1 FROM drains q"                    \
    " JOIN drain_items y ON y.drain_id = q.id AND y.instance_id = i.instance_id"                   \
    " WHERE q.kind = 'restore' AND q.id < r.id"                                                    \
    " AND (q.is_open = 1 OR q.updated_us >= r.created_us))))"
/* Where the host's drains have taken them, and from there drains of those hosts. One that another
 * restore is bringing somewhere is that one's. */
#define SQL_LIST_DRAINED                                                                           \
    "WITH RECURSIVE taken (instance_id, drain_id, host) AS ("                                      \
    "SELECT i.instance_id, i.drain_id, i.dest_host FROM drain_items i"                             \
    " JOIN drains d ON d.id = i.drain_id WHERE d.host = $1 AND" IS_NOT_RESTORED                    \
    " UNION SELECT i.instance_id, i.drain_id, i.dest_host FROM taken t"                            \
    " JOIN drain_items i ON i.instance_id = t.instance_id"                                         \
    " JOIN drains d ON d.id = i.drain_id"                                                          \
    " WHERE d.host = t.host AND d.id > t.drain_id AND" IS_NOT_RESTORED ")"                         \
    " SELECT DISTINCT t.instance_id FROM taken t JOIN instances n ON n.id = t.instance_id"         \
    " WHERE n.terminated_us = 0 AND n.host = t.host AND n.host <> $1"                              \
    " AND NOT EXISTS (SELECT 1 FROM drain_items i JOIN drains d ON d.id = i.drain_id"              \
    " WHERE i.instance_id = n.id AND d.kind = 'restore' AND d.is_open = 1"                         \
    " AND i.state IN ('waiting', 'moving', 'confirming')) ORDER BY t.instance_id"
#define SQL_LIST_COMING                                                                            \
    "SELECT DISTINCT n.id FROM claims c JOIN instances n ON n.id = c.instance_id"                  \
    " JOIN operations o ON o.instance_id = n.id AND o.is_open = 1"                                 \
    " WHERE c.host = $1 AND COALESCE(n.host, '') <> $1 AND n.terminated_us = 0"                    \
    " AND o.kind NOT IN ('confirmResize', 'delete') ORDER BY n.id"
#define SQL_LIST_ITEMS                                                                             \
    "SELECT i.drain_id, i.instance_id, n.name, i.state, i.dest_host, i.operation_id, i.is_cold,"   \
    " i.attempts, i.tried, i.not_before_us, i.message, i.fix, n.group_id FROM drain_items i"       \
    " JOIN instances n ON n.id = i.instance_id WHERE i.drain_id = $1 ORDER BY n.name, n.id"
#define SQL_UPDATE_ITEM                                                                            \
    "UPDATE drain_items SET state = $4, dest_host = $5, operation_id = $6, is_cold = $7,"          \
    " attempts = $8, tried = $9, not_before_us = $10, message = $11, fix = $12"                    \
    " WHERE drain_id = $1 AND instance_id = $2 AND state = $3"

static void *
read_drain(DbStatement *statement)
{
    Drain *drain = g_new0(Drain, 1);
    int column = 0;

    drain->id = db_int(statement, column++);
    drain->host = db_dup_text(statement, column++);
    drain->is_restore = g_strcmp0(db_text(statement, column++), "restore") == 0;
    bool is_known = drain_state_parse(db_text(statement, column++), &drain->state);
    is_known = drain_wanted_parse(db_text(statement, column++), &drain->wanted) && is_known;
    g_assert(is_known);
    drain->parallel = (int)db_int(statement, column++);
    drain->cold_fallback = db_int(statement, column++);
    drain->reason = db_dup_text(statement, column++);
    drain->request_id = db_dup_text(statement, column++);
    drain->user_id = db_dup_text(statement, column++);
    drain->created_us = db_int(statement, column++);
    drain->updated_us = db_int(statement, column++);
    return drain;
}

static void *
read_item(DbStatement *statement)
{
    DrainItem *item = g_new0(DrainItem, 1);
    int column = 0;

    item->drain_id = db_int(statement, column++);
    item->instance_id = db_dup_text(statement, column++);
    item->instance_name = db_dup_text(statement, column++);
    bool is_known = drain_item_state_parse(db_text(statement, column++), &item->state);
    g_assert(is_known);
    item->dest_host = db_dup_text(statement, column++);
    item->operation_id = db_int(statement, column++);
    item->is_cold = db_int(statement, column++);
    item->attempts = (int)db_int(statement, column++);
    item->tried = db_dup_text(statement, column++);
    item->not_before_us = db_int(statement, column++);
    item->message = db_dup_text(statement, column++);
    item->fix = db_dup_text(statement, column++);
    item->group_id = db_dup_text(statement, column++);
    return item;
}

Drain *
store_get_drain(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, id);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, id);
    return rows_get(statement, read_drain, "drain", text, error);
}

GPtrArray *
store_list_drains(Store *store, const char *host, bool only_open, int limit, GError **error)
{
    g_autoptr(Query) query = query_new(SELECT_DRAINS " WHERE 1 = 1");

    query_where_text(query, "host =", host);
    query_append(query, only_open ? " AND is_open = 1 ORDER BY id DESC" : " ORDER BY id DESC");
    if (limit > 0) {
        query_append(query, " LIMIT ");
        query_append_int(query, limit);
    }
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    return statement == NULL
        ? NULL
        : rows_list(statement, read_drain, (GDestroyNotify)drain_free, error);
}

GPtrArray *
store_list_drain_items(Store *store, int64_t drain_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_ITEMS, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, drain_id);
    return rows_list(statement, read_item, (GDestroyNotify)drain_item_free, error);
}

static void *
read_id(DbStatement *statement)
{
    return db_dup_text(statement, 0);
}

GPtrArray *
store_list_drained(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_DRAINED, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, host);
    return rows_list(statement, read_id, g_free, error);
}

GPtrArray *
store_list_kept(Store *store, const char *host, GError **error)
{
    MigrationFilter filter = {
        .source_host = host, .states = "migration:finished,resize:finished"};
    g_autoptr(GPtrArray) found = store_list_migrations(store, &filter, error);
    if (found == NULL) {
        return NULL;
    }
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < found->len; i++) {
        const Migration *migration = found->pdata[i];
        g_ptr_array_add(ids, g_strdup(migration->operation.instance_id));
    }
    return ids;
}

GPtrArray *
store_list_coming(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_COMING, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, host);
    return rows_list(statement, read_id, g_free, error);
}

/* ---- accepting ---- */

bool
store_check_no_drain(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_OPEN, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    return !row ||
        error_set(error, ERROR_CONFLICT,
            "a %s of host '%s' is under way: 'drover drain show %s' tells how far it is, and "
            "'drover drain cancel %s' gives it up",
            db_text(statement, 0), host, host, host);
}

static bool
insert_drain(Store *store, const DrainAsk *ask, int64_t *ret_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, ask->host);
    db_bind_text(statement, 2, ask->is_restore ? "restore" : "drain");
    db_bind_int(statement, 3, ask->parallel);
    db_bind_int(statement, 4, ask->cold_fallback);
    db_bind_text(statement, 5, ask->reason);
    db_bind_text(statement, 6, ask->request_id);
    db_bind_text(statement, 7, ask->user_id);
    db_bind_int(statement, 8, db_now_us(store));
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_id = db_int(statement, 0);
    return true;
}

static bool
disable_host(Store *store, const DrainAsk *ask, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DISABLE_HOST, error);
    g_autofree char *reason = g_strdup_printf("drain %" G_GINT64_FORMAT "%s%s", id,
        ask->reason != NULL ? ": " : "", ask->reason != NULL ? ask->reason : "");

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, ask->host);
    db_bind_text(statement, 2, reason);
    db_bind_int(statement, 3, db_now_us(store));
    return db_run(statement, NULL, error);
}

static bool
enable_host(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_ENABLE_HOST, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    db_bind_int(statement, 2, db_now_us(store));
    return db_run(statement, NULL, error);
}

static bool
insert_all_on_host(Store *store, int64_t drain_id, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_ALL, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, drain_id);
    db_bind_text(statement, 2, host);
    return db_run(statement, NULL, error);
}

bool
store_insert_drain_item(Store *store, int64_t drain_id, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_ITEM, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, drain_id);
    db_bind_text(statement, 2, instance_id);
    return db_run(statement, NULL, error);
}

static bool
insert_all_drained(Store *store, int64_t drain_id, const char *host, GError **error)
{
    g_autoptr(GPtrArray) ids = store_list_drained(store, host, error);

    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        if (!store_insert_drain_item(store, drain_id, ids->pdata[i], error)) {
            return false;
        }
    }
    return ids != NULL;
}

static bool
insert_items(Store *store, const DrainAsk *ask, int64_t id, GError **error)
{
    return ask->is_restore
        ? enable_host(store, ask->host, error) && insert_all_drained(store, id, ask->host, error)
        : disable_host(store, ask, id, error) && insert_all_on_host(store, id, ask->host, error);
}

Drain *
store_accept_drain(Store *store, const DrainAsk *ask, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    int64_t id = 0;

    if (transaction == NULL || !store_check_no_drain(store, ask->host, error) ||
        !insert_drain(store, ask, &id, error) || !insert_items(store, ask, id, error)) {
        return NULL;
    }
    g_autoptr(Drain) drain = store_get_drain(store, id, error);
    if (drain == NULL || !db_commit(transaction, error)) {
        return NULL;
    }
    return g_steal_pointer(&drain);
}

static bool
refuse_wish(Store *store, int64_t id, GError **error)
{
    g_autoptr(Drain) drain = store_get_drain(store, id, error);

    if (drain == NULL) {
        return false;
    }
    const char *kind = drain->is_restore ? "restore" : "drain";
    return drain_state_is_open(drain->state)
        ? error_set(error, ERROR_GONE_STALE,
              "the %s of host '%s' is given up already: it ends with the moves that are under way, "
              "and can be asked for again then",
              kind, drain->host)
        : error_set(error, ERROR_GONE_STALE, "the last %s of host '%s' is over: it is %s", kind,
              drain->host, drain_state_name(drain->state));
}

bool
store_set_drain_wanted(Store *store, int64_t id, DrainWanted wanted, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_WANTED, error);
    int changes = 0;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    db_bind_text(statement, 2, drain_wanted_name(wanted));
    return db_run(statement, &changes, error) &&
        (changes > 0 || refuse_wish(store, id, error));
}

/* ---- the engine's ---- */

static bool
swapped(int changes, int64_t id, GError **error)
{
    return changes > 0 ||
        error_set(error, ERROR_GONE_STALE,
            "drain %" G_GINT64_FORMAT " is not in the state that it was seen in", id);
}

bool
store_move_drain(Store *store, int64_t id, DrainState from, DrainState to, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_MOVE, error);
    int changes = 0;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    db_bind_text(statement, 2, drain_state_name(from));
    db_bind_text(statement, 3, drain_state_name(to));
    db_bind_int(statement, 4, drain_state_is_open(to));
    db_bind_int(statement, 5, db_now_us(store));
    return db_run(statement, &changes, error) && swapped(changes, id, error);
}

bool
store_update_drain_item(
    Store *store, const DrainItem *item, DrainItemState from, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE_ITEM, error);
    int changes = 0;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, item->drain_id);
    db_bind_text(statement, 2, item->instance_id);
    db_bind_text(statement, 3, drain_item_state_name(from));
    db_bind_text(statement, 4, drain_item_state_name(item->state));
    db_bind_text(statement, 5, item->dest_host);
    if (item->operation_id != 0) {
        db_bind_int(statement, 6, item->operation_id);
    }
    db_bind_int(statement, 7, item->is_cold);
    db_bind_int(statement, 8, item->attempts);
    db_bind_text(statement, 9, item->tried);
    db_bind_int(statement, 10, item->not_before_us);
    db_bind_text(statement, 11, item->message);
    db_bind_text(statement, 12, item->fix);
    return db_run(statement, &changes, error) && swapped(changes, item->drain_id, error);
}

bool
store_accept_drain_move(Store *store, DrainItem *item, DrainItemState from,
    const MigrationRequest *request, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Migration) migration =
        transaction != NULL ? migration_accept(store, request, error) : NULL;

    if (migration == NULL) {
        return false;
    }
    item->operation_id = migration->operation.id;
    return store_update_drain_item(store, item, from, error) && db_commit(transaction, error);
}

bool
store_accept_drain_confirm(Store *store, DrainItem *item, DrainItemState from,
    const OperationRequest *request, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Operation) operation =
        transaction != NULL ? migration_accept_end(store, request, error) : NULL;

    if (operation == NULL) {
        return false;
    }
    item->operation_id = operation->id;
    return store_update_drain_item(store, item, from, error) && db_commit(transaction, error);
}
