/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/query.h"
#include "store/rows.h"

/* A host's class changes with all that an answer depends on; it is asked again all the same, and
 * after a no each time: its facts may be older than what mended it. */
#define FRESH_US (24 * INT64_C(3600) * G_USEC_PER_SEC)
#define KEPT_US (30 * 24 * INT64_C(3600) * G_USEC_PER_SEC)

#define SQL_MAP                                                                                    \
    "SELECT host_class, asked_host, refusal, asked_us FROM cpu_answers WHERE guest_cpu = $1"
#define SQL_UNASKED                                                                                \
    "SELECT MIN(h.name) FROM hosts h WHERE h.connected = 1 AND h.facts_cpu_class IS NOT NULL"      \
    " AND NOT EXISTS (SELECT 1 FROM cpu_answers a WHERE a.guest_cpu = $1"                          \
    " AND a.host_class = h.facts_cpu_class AND a.refusal IS NULL AND a.asked_us > $2)"             \
    " GROUP BY h.facts_cpu_class ORDER BY 1"
#define SQL_PUT                                                                                    \
    "INSERT INTO cpu_answers (guest_cpu, host_class, asked_host, refusal, asked_us)"               \
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (guest_cpu, host_class) DO UPDATE SET"               \
    " asked_host = excluded.asked_host, refusal = excluded.refusal, asked_us = excluded.asked_us"
#define SQL_SET_CLASS "UPDATE hosts SET facts_cpu_class = $2 WHERE name = $1"
#define SQL_FORGET "DELETE FROM cpu_answers WHERE asked_us < $1"

#define SQL_NOTE_GUEST                                                                             \
    "INSERT INTO guest_cpus (instance_id, guest_cpu, seen_us) VALUES ($1, $2, $3)"                 \
    " ON CONFLICT (instance_id) DO UPDATE SET guest_cpu = excluded.guest_cpu,"                     \
    " seen_us = excluded.seen_us"
/* At the same time is not since. */
#define SQL_FIND_GUEST                                                                             \
    "SELECT g.guest_cpu FROM guest_cpus g WHERE g.instance_id = $1"                                \
    " AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.instance_id = g.instance_id"              \
    " AND o.kind <> 'live-migration' AND o.updated_us >= g.seen_us)"

static void *
read_answer(DbStatement *statement)
{
    PlatformAnswer *answer = g_new0(PlatformAnswer, 1);

    answer->host_class = db_dup_text(statement, 0);
    answer->asked_host = db_dup_text(statement, 1);
    answer->refusal = db_dup_text(statement, 2);
    answer->asked_us = db_int(statement, 3);
    return answer;
}

GHashTable *
store_map_platform_answers(Store *store, const char *platform, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_MAP, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, platform);
    g_autoptr(GPtrArray) answers =
        rows_list(statement, read_answer, (GDestroyNotify)platform_answer_free, error);
    if (answers == NULL) {
        return NULL;
    }
    GHashTable *map =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)platform_answer_free);
    while (answers->len > 0) {
        PlatformAnswer *answer = g_ptr_array_steal_index(answers, answers->len - 1);
        g_hash_table_insert(map, answer->host_class, answer);
    }
    return map;
}

static void *
read_name(DbStatement *statement)
{
    return db_dup_text(statement, 0);
}

GPtrArray *
store_list_platform_unasked(Store *store, const char *platform, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UNASKED, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, platform);
    db_bind_int(statement, 2, db_now_us(store) - FRESH_US);
    return rows_list(statement, read_name, g_free, error);
}

static bool
set_class(Store *store, const char *host, const char *host_class, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_CLASS, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    db_bind_text(statement, 2, host_class);
    return db_run(statement, NULL, error);
}

static bool
put(Store *store, const char *platform, const char *host_class, const PlatformAnswer *answer,
    GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_PUT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, platform);
    db_bind_text(statement, 2, host_class);
    db_bind_text(statement, 3, answer->asked_host);
    db_bind_text(statement, 4, answer->refusal);
    db_bind_int(statement, 5, db_now_us(store));
    return db_run(statement, NULL, error);
}

static bool
forget_old(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FORGET, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, db_now_us(store) - KEPT_US);
    return db_run(statement, NULL, error);
}

bool
store_put_platform_answer(Store *store, const char *platform, const char *host_class,
    const PlatformAnswer *answer, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && set_class(store, answer->asked_host, host_class, error) &&
        put(store, platform, host_class, answer, error) && forget_old(store, error) &&
        db_commit(transaction, error);
}

/* ---- guests ---- */

bool
store_note_guest_platform(
    Store *store, const char *instance_id, const char *platform, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_unsynced(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_NOTE_GUEST, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    db_bind_text(statement, 2, platform);
    db_bind_int(statement, 3, db_now_us(store));
    return db_run(statement, NULL, error) && db_commit(transaction, error);
}

bool
store_find_guest_platform(
    Store *store, const char *instance_id, char **ret_guest_platform, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_GUEST, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_guest_platform = row ? db_dup_text(statement, 0) : NULL;
    return true;
}
