/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/canaries.h"

#include "store/query.h"
#include "store/rows.h"

#define SELECT_CANARIES                                                                            \
    "SELECT source_host, dest_host, asked_us, tried_us, elapsed_ms, error, pool, ask_post_copy,"   \
    " ask_connections, extra_us, extra_post_copy, extra_connections, extra_error, moved_us,"       \
    " move_error FROM canaries"
/* The end of the last one is never later than a new wish, however coarse the clock. Who asks for
 * less while more is pending takes nothing away. */
#define SQL_ASK                                                                                    \
    "INSERT INTO canaries (source_host, dest_host, asked_us, ask_post_copy, ask_connections)"      \
    " VALUES ($1, $2, $3, $4, $5)"                                                                 \
    " ON CONFLICT (source_host, dest_host) DO UPDATE SET asked_us ="                               \
    " CASE WHEN excluded.asked_us > canaries.tried_us THEN excluded.asked_us"                      \
    " ELSE canaries.tried_us + 1 END,"                                                             \
    " ask_post_copy = CASE WHEN canaries.asked_us > canaries.tried_us"                             \
    " AND canaries.ask_post_copy > excluded.ask_post_copy"                                         \
    " THEN canaries.ask_post_copy ELSE excluded.ask_post_copy END,"                                \
    " ask_connections = CASE WHEN canaries.asked_us > canaries.tried_us"                           \
    " AND canaries.ask_connections > excluded.ask_connections"                                     \
    " THEN canaries.ask_connections ELSE excluded.ask_connections END"
/* More that was asked for while it was on its way is still to be sent. */
#define SQL_FINISH                                                                                 \
    "UPDATE canaries SET tried_us = CASE"                                                          \
    " WHEN ask_post_copy <> $7 OR ask_connections <> $8 THEN asked_us - 1"                         \
    " WHEN $3 > asked_us THEN $3 ELSE asked_us END,"                                               \
    " elapsed_ms = $4, error = $5, pool = $6 WHERE source_host = $1 AND dest_host = $2"
/* It ends with the first one: an older time than that one's is of an earlier canary. */
#define SQL_FINISH_EXTRA                                                                           \
    "UPDATE canaries SET extra_us = tried_us, extra_post_copy = $3, extra_connections = $4,"       \
    " extra_error = $5 WHERE source_host = $1 AND dest_host = $2"
#define SQL_DROP                                                                                   \
    "UPDATE canaries SET asked_us = tried_us WHERE source_host = $1 AND dest_host = $2"
/* More that is asked for stays so. Of guests only one that arrived since tells more than the canary
 * did: what an earlier one has met was not how it was in the end. */
#define KEPT_MOVE "moved_us > tried_us AND move_error IS NULL"
#define SQL_FORGET_RED                                                                             \
    "UPDATE canaries SET asked_us = CASE WHEN asked_us > tried_us THEN asked_us ELSE 0 END,"       \
    " moved_us = CASE WHEN " KEPT_MOVE " THEN moved_us ELSE 0 END, move_error = NULL,"             \
    " tried_us = 0, elapsed_ms = 0, error = NULL"                                                  \
    " WHERE error IS NOT NULL AND (source_host = $1 OR dest_host = $1)"
/* Where one was asked for, or has failed, and nothing is known. */
#define SQL_ASK_ANEW                                                                               \
    "UPDATE canaries SET asked_us = $2, ask_post_copy = 0, ask_connections = 0"                    \
    " WHERE tried_us = 0 AND asked_us = 0 AND (source_host = $1 OR dest_host = $1)"                \
    " AND EXISTS (SELECT 1 FROM hosts h WHERE h.connected = 1 AND h.name ="                        \
    " CASE WHEN source_host = $1 THEN dest_host ELSE source_host END)"
/* A move never ends at the very time of a canary that it comes after. */
#define SQL_NOTE_MOVE                                                                              \
    "UPDATE canaries SET moved_us = CASE WHEN $3 > tried_us THEN $3 ELSE tried_us + 1 END,"        \
    " move_error = $4 WHERE source_host = $1 AND dest_host = $2"

static void *
read_canary(DbStatement *statement)
{
    Canary *canary = g_new0(Canary, 1);
    int column = 0;

    canary->source_host = db_dup_text(statement, column++);
    canary->dest_host = db_dup_text(statement, column++);
    canary->asked_us = db_int(statement, column++);
    canary->tried_us = db_int(statement, column++);
    canary->elapsed_ms = db_int(statement, column++);
    canary->error = db_dup_text(statement, column++);
    canary->pool = (CanaryPool)db_int(statement, column++);
    canary->asked.post_copy = db_int(statement, column++) != 0;
    canary->asked.connections = (int)db_int(statement, column++);
    canary->extra_us = db_int(statement, column++);
    canary->extra.post_copy = db_int(statement, column++) != 0;
    canary->extra.connections = (int)db_int(statement, column++);
    canary->extra_error = db_dup_text(statement, column++);
    canary->moved_us = db_int(statement, column++);
    canary->move_error = db_dup_text(statement, column++);
    return canary;
}

static bool
ask(Store *store, const Canary *canary, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_ASK, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, canary->source_host);
    db_bind_text(statement, 2, canary->dest_host);
    db_bind_int(statement, 3, db_now_us(store));
    db_bind_int(statement, 4, canary->asked.post_copy);
    db_bind_int(statement, 5, canary->asked.connections);
    return db_run(statement, NULL, error);
}

bool
store_ask_canaries(Store *store, const GPtrArray *canaries, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    for (unsigned i = 0; transaction != NULL && i < canaries->len; i++) {
        if (!ask(store, canaries->pdata[i], error)) {
            return false;
        }
    }
    return transaction != NULL && db_commit(transaction, error);
}

GPtrArray *
store_list_canaries(Store *store, const CanaryFilter *filter, GError **error)
{
    g_autoptr(Query) query = query_new(SELECT_CANARIES " WHERE 1 = 1");

    query_where_text(query, "source_host =", filter->source_host);
    if (filter->is_pending) {
        query_append(query, " AND asked_us > tried_us");
    }
    query_append(query, filter->is_pending ? " ORDER BY asked_us, source_host, dest_host"
                                           : " ORDER BY source_host, dest_host");
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    return statement == NULL
        ? NULL
        : rows_list(statement, read_canary, (GDestroyNotify)canary_free, error);
}

CanaryMap *
store_map_canaries(Store *store, const char *source_host, GError **error)
{
    CanaryFilter filter = {.source_host = source_host};
    g_autoptr(GPtrArray) canaries = store_list_canaries(store, &filter, error);

    if (canaries == NULL) {
        return NULL;
    }
    CanaryMap *map = canary_map_new();
    while (canaries->len > 0) {
        canary_map_put(map, g_ptr_array_steal_index(canaries, canaries->len - 1));
    }
    return map;
}

static bool
finish(Store *store, const Canary *canary, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FINISH, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, canary->source_host);
    db_bind_text(statement, 2, canary->dest_host);
    db_bind_int(statement, 3, db_now_us(store));
    db_bind_int(statement, 4, canary->elapsed_ms);
    db_bind_text(statement, 5, canary->error);
    db_bind_int(statement, 6, canary->pool);
    db_bind_int(statement, 7, canary->asked.post_copy);
    db_bind_int(statement, 8, canary->asked.connections);
    return db_run(statement, NULL, error);
}

static bool
finish_extra(Store *store, const Canary *canary, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FINISH_EXTRA, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, canary->source_host);
    db_bind_text(statement, 2, canary->dest_host);
    db_bind_int(statement, 3, canary->extra.post_copy);
    db_bind_int(statement, 4, canary->extra.connections);
    db_bind_text(statement, 5, canary->extra_error);
    return db_run(statement, NULL, error);
}

bool
store_finish_canary(Store *store, const Canary *canary, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && finish(store, canary, error) &&
        (canary->extra_us == 0 || finish_extra(store, canary, error)) &&
        db_commit(transaction, error);
}

bool
store_drop_canary(Store *store, const Canary *canary, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DROP, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, canary->source_host);
    db_bind_text(statement, 2, canary->dest_host);
    return db_run(statement, NULL, error);
}

bool
canaries_on_connection(Store *store, const char *host, bool connected, GError **error)
{
    g_autoptr(DbStatement) statement =
        db_prepare(store, connected ? SQL_ASK_ANEW : SQL_FORGET_RED, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    if (connected) {
        db_bind_int(statement, 2, db_now_us(store));
    }
    return db_run(statement, NULL, error);
}

bool
canaries_note_move(Store *store, const Canary *way, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_NOTE_MOVE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, way->source_host);
    db_bind_text(statement, 2, way->dest_host);
    db_bind_int(statement, 3, db_now_us(store));
    db_bind_text(statement, 4, way->move_error);
    return db_run(statement, NULL, error);
}
