/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Small values that outlive the daemon. */
#include "store/db.h"

#define SQL_GET "SELECT value FROM settings WHERE key = $1"
#define SQL_SET                                                                                    \
    "INSERT INTO settings (key, value) VALUES ($1, $2)"                                            \
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"

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
