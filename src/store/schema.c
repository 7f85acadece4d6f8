/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/schema.h"

#define SQL_CREATE_VERSIONS                                                                        \
    "CREATE TABLE IF NOT EXISTS schema_version ("                                                  \
    " version BIGINT NOT NULL PRIMARY KEY, applied_us BIGINT NOT NULL)"
#define SQL_GET_VERSION "SELECT COALESCE(MAX(version), 0) FROM schema_version"
#define SQL_INSERT_VERSION "INSERT INTO schema_version (version, applied_us) VALUES ($1, $2)"

static bool
read_version(Store *store, int *ret_version, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET_VERSION, error);
    bool row = false;

    if (statement == NULL || !db_step(statement, &row, error)) {
        return false;
    }
    *ret_version = (int)db_int(statement, 0);
    return true;
}

static bool
record_version(Store *store, int version, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_VERSION, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, version);
    db_bind_int(statement, 2, db_now_us(store));
    return db_run(statement, NULL, error);
}

static bool
apply(Store *store, const SchemaFile *file, GError **error)
{
    g_autoptr(GString) sql = g_string_new(file->sql);
    g_string_replace(sql, "@IDENTITY@", db_identity_type(), 0);

    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    if (transaction == NULL || !db_run_script(store, sql->str, error) ||
        !record_version(store, file->version, error) || !db_commit(transaction, error)) {
        g_prefix_error(error, "schema %s: ", file->name);
        return false;
    }
    return true;
}

bool
schema_upgrade(Store *store, const SchemaFile *files, int n_files, int *ret_version, GError **error)
{
    int version = 0;
    int newest = files[n_files - 1].version;

    if (!db_run_script(store, SQL_CREATE_VERSIONS, error) ||
        !read_version(store, &version, error)) {
        return false;
    }
    if (version > newest) {
        return error_set(error, ERROR_UNSUPPORTED,
            "the database has schema version %d and this droverd knows versions up to %d: start "
            "the newer droverd that wrote it, or restore a backup",
            version, newest);
    }
    for (int i = 0; i < n_files; i++) {
        if (files[i].version > version && !apply(store, &files[i], error)) {
            return false;
        }
    }
    *ret_version = newest;
    return true;
}
