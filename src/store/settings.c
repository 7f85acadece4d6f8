/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Small values that outlive the daemon, and the epoch: which life of the daemon owns the open
 * operations. */
#include "store/db.h"

#define SQL_GET "SELECT value FROM settings WHERE key = $1"
#define SQL_SET                                                                                    \
    "INSERT INTO settings (key, value) VALUES ($1, $2)"                                            \
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
#define SQL_NEXT_EPOCH                                                                             \
    "INSERT INTO settings (key, value) VALUES ('epoch', '1')"                                      \
    " ON CONFLICT (key) DO UPDATE"                                                                 \
    " SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT) RETURNING value"
#define SQL_ADOPT "UPDATE operations SET epoch = $1 WHERE is_open = 1"

bool
store_get_setting(Store *store, const char *key, char **ret_value, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return false;
    }
    bool row = false;
    db_bind_text(statement, 1, key);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_value = row ? db_dup_text(statement, 0) : NULL;
    return true;
}

bool
store_set_setting(Store *store, const char *key, const char *value, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, key);
    db_bind_text(statement, 2, value);
    return db_run(statement, NULL, error);
}

static bool
next_epoch(Store *store, int64_t *ret_epoch, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_NEXT_EPOCH, error);
    bool row = false;

    if (statement == NULL || !db_step(statement, &row, error)) {
        return false;
    }
    *ret_epoch = g_ascii_strtoll(db_text(statement, 0), NULL, 10);
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

    if (transaction == NULL || !next_epoch(store, &epoch, error) ||
        !adopt_open_operations(store, epoch, error) || !db_commit(transaction, error)) {
        return false;
    }
    *ret_epoch = epoch;
    return true;
}
