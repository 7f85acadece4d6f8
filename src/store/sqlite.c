/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Statements and transactions on SQLite: what db.h promises. */
#include "store/sqlite.h"
#include "base/failpoint.h"
#include <stdlib.h>
#include <string.h>

int64_t
db_now_us(Store *store)
{
    return clock_now_us(store->clock);
}

const Clock *
db_clock(Store *store)
{
    return store->clock;
}

KnownHosts *
db_known_hosts(Store *store)
{
    return store->known_hosts;
}

const char *
db_default_zone(const Store *store)
{
    return store->default_zone;
}

void
store_set_default_zone(Store *store, const char *zone)
{
    g_free(store->default_zone);
    store->default_zone = g_strdup(zone);
    known_hosts_note_all(store->known_hosts);
}

const char *
db_identity_type(void)
{
    return "INTEGER PRIMARY KEY AUTOINCREMENT";
}

const char *
db_bytes_type(void)
{
    return "BLOB";
}

/* ---- statements ---- */

void
sqlite_statement_free(DbStatement *statement)
{
    sqlite3_finalize(statement->handle);
    g_free(statement);
}

static DbStatement *
statement_new(Connection *connection, const char *sql, bool is_cached, GError **error)
{
    sqlite3_stmt *handle = NULL;
    unsigned flags = is_cached ? SQLITE_PREPARE_PERSISTENT : 0;
    int code = sqlite3_prepare_v3(connection->handle, sql, -1, flags, &handle, NULL);

    if (code != SQLITE_OK) {
        sqlite_fail(connection, code, error);
        return NULL;
    }
    int n = sqlite3_bind_parameter_count(handle);
    DbStatement *statement = g_malloc0(sizeof(DbStatement) + (size_t)(n + 1) * sizeof(int));
    statement->connection = connection;
    statement->handle = handle;
    statement->is_cached = is_cached;
    statement->is_write = !sqlite3_stmt_readonly(handle);
    statement->n_parameters = n;
    for (int i = 1; i <= n; i++) {
        int number = atoi(sqlite3_bind_parameter_name(handle, i) + 1);
        g_assert(number >= 1 && number <= n);
        statement->parameters[number] = i;
    }
    return statement;
}

DbStatement *
db_prepare(Store *store, const char *sql, GError **error)
{
    Connection *connection = connection_get(store, error);

    if (connection == NULL) {
        return NULL;
    }
    DbStatement *statement = g_hash_table_lookup(connection->statements, sql);
    if (statement == NULL) {
        statement = statement_new(connection, sql, true, error);
        if (statement == NULL) {
            return NULL;
        }
        g_hash_table_insert(connection->statements, (void *)sql, statement);
    } else if (statement->is_used) {
        return statement_new(connection, sql, false, error);
    }
    statement->is_used = true;
    return statement;
}

DbStatement *
db_prepare_once(Store *store, const char *sql, GError **error)
{
    Connection *connection = connection_get(store, error);

    return connection == NULL ? NULL : statement_new(connection, sql, false, error);
}

void
db_finish(DbStatement *statement)
{
    if (statement == NULL) {
        return;
    }
    if (!statement->is_cached) {
        sqlite_statement_free(statement);
        return;
    }
    sqlite3_reset(statement->handle);
    sqlite3_clear_bindings(statement->handle);
    statement->is_used = false;
}

static int
parameter(const DbStatement *statement, int index)
{
    g_assert(index >= 1 && index <= statement->n_parameters);
    return statement->parameters[index];
}

void
db_bind_text(DbStatement *statement, int index, const char *value)
{
    sqlite3_bind_text(statement->handle, parameter(statement, index), value, -1, SQLITE_TRANSIENT);
}

void
db_bind_int(DbStatement *statement, int index, int64_t value)
{
    sqlite3_bind_int64(statement->handle, parameter(statement, index), value);
}

void
db_bind_double(DbStatement *statement, int index, double value)
{
    sqlite3_bind_double(statement->handle, parameter(statement, index), value);
}

void
db_bind_bytes(DbStatement *statement, int index, GBytes *value)
{
    size_t size = 0;
    const void *bytes = value != NULL ? g_bytes_get_data(value, &size) : NULL;
    sqlite3_bind_blob64(
        statement->handle, parameter(statement, index), bytes, size, SQLITE_TRANSIENT);
}

bool
db_step(DbStatement *statement, bool *ret_row, GError **error)
{
    Connection *connection = statement->connection;

    g_assert(!statement->is_write || connection->transaction != NULL);
    int code = sqlite3_step(statement->handle);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return sqlite_fail(connection, code, error);
    }
    *ret_row = code == SQLITE_ROW;
    return true;
}

static bool
run(DbStatement *statement, int *ret_changes, GError **error)
{
    bool row = false;

    if (!db_step(statement, &row, error)) {
        return false;
    }
    if (ret_changes != NULL) {
        *ret_changes = sqlite3_changes(statement->connection->handle);
    }
    return true;
}

bool
db_run(DbStatement *statement, int *ret_changes, GError **error)
{
    if (!statement->is_write || statement->connection->transaction != NULL) {
        return run(statement, ret_changes, error);
    }
    int changes = 0;
    g_autoptr(DbTransaction) transaction = db_begin(statement->connection->store, error);
    if (transaction == NULL || !run(statement, &changes, error)) {
        return false;
    }
    /* A statement that is still stepping would keep the commit from happening. */
    sqlite3_reset(statement->handle);
    if (!db_commit(transaction, error)) {
        return false;
    }
    if (ret_changes != NULL) {
        *ret_changes = changes;
    }
    return true;
}

bool
db_run_script(Store *store, const char *sql, GError **error)
{
    Connection *connection = connection_get(store, error);

    if (connection == NULL) {
        return false;
    }
    int code = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || sqlite_fail(connection, code, error);
}

const char *
db_text(DbStatement *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->handle, column);
}

char *
db_dup_text(DbStatement *statement, int column)
{
    return g_strdup(db_text(statement, column));
}

int64_t
db_int(DbStatement *statement, int column)
{
    return sqlite3_column_int64(statement->handle, column);
}

double
db_double(DbStatement *statement, int column)
{
    return sqlite3_column_double(statement->handle, column);
}

GBytes *
db_dup_bytes(DbStatement *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement->handle, column);
    int size = sqlite3_column_bytes(statement->handle, column);
    return bytes != NULL ? g_bytes_new(bytes, (size_t)size) : NULL;
}

/* ---- what has changed ---- */

static const struct {
    const char *table;
    ChangeKind kind;
} told_tables[] = {
    {"instances", CHANGE_INSTANCE},
    {"operations", CHANGE_OPERATION},
    {"migrations", CHANGE_MIGRATION},
    {"hosts", CHANGE_HOST},
    {"drains", CHANGE_DRAIN},
};

static void
on_update(void *data, int operation, const char *database, const char *table, sqlite3_int64 number)
{
    Connection *connection = data;

    if (connection->store == NULL || connection->store->on_change == NULL) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(told_tables); i++) {
        if (strcmp(table, told_tables[i].table) == 0) {
            Change change = {told_tables[i].kind, number};
            g_array_append_val(connection->changes, change);
            return;
        }
    }
}

void
sqlite_note_changes(Connection *connection)
{
    connection->changes = g_array_new(false, false, sizeof(Change));
    sqlite3_update_hook(connection->handle, on_update, connection);
}

/* What is not synced of a host is that it lives. */
static void
drop_signs_of_life(GArray *changes)
{
    for (unsigned i = changes->len; i > 0; i--) {
        if (g_array_index(changes, Change, i - 1).kind == CHANGE_HOST) {
            g_array_remove_index_fast(changes, i - 1);
        }
    }
}

static void
tell_changes(Connection *connection, bool is_synced)
{
    Store *store = connection->store;
    GArray *changes = connection->changes;

    if (!is_synced) {
        drop_signs_of_life(changes);
    }
    if (changes->len > 0 && store->on_change != NULL) {
        store->on_change(changes, store->on_change_data);
    }
    g_array_set_size(changes, 0);
}

void
store_set_on_change(Store *store, StoreOnChange on_change, void *data)
{
    store->on_change_data = data;
    store->on_change = on_change;
}

/* ---- transactions ---- */

static bool
execute(Connection *connection, const char *sql, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(connection->store, sql, error);

    if (statement == NULL) {
        return false;
    }
    int code = sqlite3_step(statement->handle);
    return code == SQLITE_DONE || sqlite_fail(connection, code, error);
}

static DbTransaction *
begin(Store *store, bool is_write, bool is_synced, GError **error)
{
    Connection *connection = connection_get(store, error);

    if (connection == NULL) {
        return NULL;
    }
    g_assert(!is_write || connection->transaction == NULL);
    DbTransaction *transaction = g_new0(DbTransaction, 1);
    transaction->connection = connection;
    transaction->is_write = is_write;
    transaction->is_synced = is_synced;
    if (connection->transaction != NULL) {
        return transaction; /* reads inside a transaction already see one moment */
    }
    if (is_write) {
        g_mutex_lock(&store->write);
    }
    connection->transaction = transaction;
    transaction->is_open = true;
    if ((!is_synced && !execute(connection, "PRAGMA synchronous = NORMAL", error)) ||
        !execute(connection, is_write ? "BEGIN IMMEDIATE" : "BEGIN", error) ||
        (is_write && !sqlite_check_epoch(store, error))) {
        db_end(transaction);
        return NULL;
    }
    return transaction;
}

DbTransaction *
db_begin(Store *store, GError **error)
{
    return begin(store, true, true, error);
}

DbTransaction *
db_begin_unsynced(Store *store, GError **error)
{
    return begin(store, true, false, error);
}

DbTransaction *
db_begin_read(Store *store, GError **error)
{
    return begin(store, false, true, error);
}

static void
close_transaction(DbTransaction *transaction)
{
    Connection *connection = transaction->connection;

    transaction->is_open = false;
    connection->transaction = NULL;
    if (!transaction->is_synced) {
        sqlite3_exec(connection->handle, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    }
    if (transaction->is_write) {
        g_mutex_unlock(&connection->store->write);
    }
}

bool
db_commit(DbTransaction *transaction, GError **error)
{
    Connection *connection = transaction->connection;
    g_autoptr(GError) injected = NULL;

    g_assert(transaction->is_open);
    if (failpoint_error("store.commit", &injected)) {
        return error_set(error, ERROR_STORE_DOWN, "database '%s' cannot be written: %s",
            connection->store->path, injected->message);
    }
    if (!execute(connection, "COMMIT", error)) {
        return false;
    }
    close_transaction(transaction);
    tell_changes(connection, transaction->is_synced);
    return true;
}

void
db_end(DbTransaction *transaction)
{
    if (transaction == NULL) {
        return;
    }
    if (transaction->is_open) {
        sqlite3 *handle = transaction->connection->handle;
        /* SQLite has already rolled back after some failures. */
        if (!sqlite3_get_autocommit(handle)) {
            sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
        }
        g_array_set_size(transaction->connection->changes, 0);
        close_transaction(transaction);
    }
    g_free(transaction);
}
