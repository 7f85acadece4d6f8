/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The epoch: which life of which daemon this database belongs to. The lock beside the file keeps a
 * second daemon away; where it does not (somebody deletes it, a file system ignores it), the later
 * epoch wins, and each write transaction looks whether that is still this one. */
#include "base/log.h"
#include "store/db.h"
#include "store/sqlite.h"

#define SQL_GET "SELECT value FROM settings WHERE key = 'epoch'"
#define SQL_NEXT                                                                                   \
    "INSERT INTO settings (key, value) VALUES ('epoch', '1')"                                      \
    " ON CONFLICT (key) DO UPDATE"                                                                 \
    " SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT) RETURNING value"
#define SQL_ADOPT "UPDATE operations SET epoch = $1 WHERE is_open = 1"

static bool
read_epoch(Store *store, const char *sql, int64_t *ret_epoch, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    bool row = false;

    if (statement == NULL || !db_step(statement, &row, error)) {
        return false;
    }
    *ret_epoch = row ? g_ascii_strtoll(db_text(statement, 0), NULL, 10) : 0;
    return true;
}

static bool
adopt_open_operations(Store *store, int64_t epoch, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_ADOPT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, epoch);
    return db_run(statement, NULL, error);
}

bool
store_begin_epoch(Store *store, int64_t *ret_epoch, GError **error)
{
    int64_t epoch = 0;
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL || !read_epoch(store, SQL_NEXT, &epoch, error) ||
        !adopt_open_operations(store, epoch, error) || !db_commit(transaction, error)) {
        return false;
    }
    store->epoch = epoch;
    /* What was read before may have been changed by whoever had it until now. */
    known_hosts_note_all(store->known_hosts);
    *ret_epoch = epoch;
    return true;
}

/* ---- is it still ours? ---- */

static bool
refuse(Store *store, int64_t epoch, GError **error)
{
    error_set(error, ERROR_STORE_DOWN,
        "database '%s' was taken over by another droverd (its life %" G_GINT64_FORMAT
        ", this one's %" G_GINT64_FORMAT "): this one writes nothing any more; start one droverd "
        "for each database, and leave '%s.lock' alone",
        store->path, epoch, store->epoch, store->path);
    if (g_atomic_int_compare_and_exchange(&store->is_lost, 0, 1) && store->on_lost != NULL) {
        store->on_lost(store->on_lost_data);
    }
    return false;
}

bool
sqlite_check_epoch(Store *store, GError **error)
{
    int64_t epoch = 0;

    if (store->epoch == 0) {
        return true; /* no daemon's: it has the lock, and begins nothing */
    }
    return read_epoch(store, SQL_GET, &epoch, error) &&
        (epoch == store->epoch || refuse(store, epoch, error));
}

bool
store_check_epoch(Store *store, GError **error)
{
    return sqlite_check_epoch(store, error);
}

void
store_set_on_lost(Store *store, StoreOnLost on_lost, void *data)
{
    store->on_lost_data = data;
    store->on_lost = on_lost;
}
