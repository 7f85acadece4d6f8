/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/schema.h"

#define SQL_CREATE_VERSIONS                                                                        \
    "CREATE TABLE IF NOT EXISTS schema_version ("                                                  \
    " version BIGINT NOT NULL PRIMARY KEY, applied_us BIGINT NOT NULL, sha256 TEXT NOT NULL)"
#define SQL_GET_VERSION "SELECT COALESCE(MAX(version), 0) FROM schema_version"
#define SQL_GET_DIGEST "SELECT sha256 FROM schema_version WHERE version = $1"
#define SQL_INSERT_VERSION                                                                         \
    "INSERT INTO schema_version (version, applied_us, sha256) VALUES ($1, $2, $3)"

static char *
digest(const SchemaFile *file)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, file->sql, -1);
}

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
record_version(Store *store, const SchemaFile *file, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_VERSION, error);
    g_autofree char *sha256 = digest(file);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, file->version);
    db_bind_int(statement, 2, db_now_us(store));
    db_bind_text(statement, 3, sha256);
    return db_run(statement, NULL, error);
}

/* A file never changes once it is released. In between it may, and then a database that was made
 * before would lack tables and columns: better that is said at the start than met one by one. */
static bool
check_applied(Store *store, const SchemaFile *file, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET_DIGEST, NULL);
    g_autofree char *sha256 = digest(file);
    bool row = false;

    /* The very first databases had no such column. */
    if (statement != NULL) {
        db_bind_int(statement, 1, file->version);
        if (!db_step(statement, &row, error)) {
            return false;
        }
    }
    return (row && g_strcmp0(db_text(statement, 0), sha256) == 0) ||
        error_set(error, ERROR_UNSUPPORTED,
            "the database was made by a droverd between releases, whose schema %s was another: "
            "start that droverd, or give this one a new database",
            file->name);
}

static bool
apply(Store *store, const SchemaFile *file, GError **error)
{
    g_autoptr(GString) sql = g_string_new(file->sql);
    g_string_replace(sql, "@IDENTITY@", db_identity_type(), 0);
    g_string_replace(sql, "@BYTES@", db_bytes_type(), 0);

    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    if (transaction == NULL || !db_run_script(store, sql->str, error) ||
        !record_version(store, file, error) || !db_commit(transaction, error)) {
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
        bool is_applied = files[i].version <= version;
        if (!(is_applied ? check_applied : apply)(store, &files[i], error)) {
            return false;
        }
    }
    *ret_version = newest;
    return true;
}
