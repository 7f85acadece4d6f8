/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Connections, one for each thread, and the store they belong to. */
#include "store/lock.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000 };

/* cache_size is in KiB when negative. Connections are as many as threads, so each is small. */
#define SQL_CONFIGURE                                                                              \
    "PRAGMA journal_mode = WAL;"                                                                   \
    "PRAGMA synchronous = FULL;"                                                                   \
    "PRAGMA foreign_keys = ON;"                                                                    \
    "PRAGMA cache_size = -512;"                                                                    \
    "PRAGMA mmap_size = 0;"                                                                        \
    "PRAGMA temp_store = MEMORY;"                                                                  \
    "PRAGMA journal_size_limit = 8388608;"

static GMutex connections_lock;
static void on_thread_end(void *connections);
static GPrivate thread_connections = G_PRIVATE_INIT(on_thread_end);

/* ---- errors ---- */

static bool
fail_constraint(sqlite3 *handle, GError **error)
{
    int code = sqlite3_extended_errcode(handle);
    const char *text = sqlite3_errmsg(handle);
    const char *column = strrchr(text, ' ');

    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return error_set(error, ERROR_CONFLICT, "this value of %s exists already",
            column != NULL ? column + 1 : text);
    }
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return error_set(
            error, ERROR_CONFLICT, "it is still in use, or refers to something that is gone");
    }
    return error_set(error, ERROR_INTERNAL, "database: %s", text);
}

static bool
fail_full(const char *path, GError **error)
{
    return error_set(error, ERROR_STORE_DOWN,
        "database '%s' cannot grow, the disk is full: free some space there, no restart is needed",
        path);
}

static bool
fail_io(const char *path, int system_errno, GError **error)
{
    if (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG) {
        return fail_full(path, error);
    }
    return error_set(error, ERROR_STORE_DOWN,
        "database '%s' cannot be read or written: %s; check that its disk is sound and "
        "not full",
        path, system_errno != 0 ? g_strerror(system_errno) : "input/output error");
}

bool
sqlite_fail(Connection *connection, int code, GError **error)
{
    sqlite3 *handle = connection->handle;
    const char *path = connection->store->path;

    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return fail_constraint(handle, error);
    case SQLITE_FULL: return fail_full(path, error);
    case SQLITE_IOERR: return fail_io(path, sqlite3_system_errno(handle), error);
    case SQLITE_READONLY:
        return error_set(error, ERROR_STORE_DOWN,
            "database '%s' is read-only: check its permissions, those of its directory, and how "
            "the file system is mounted",
            path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(error, ERROR_STORE_DOWN,
            "database '%s' is damaged: stop droverd and restore the file from a backup", path);
    case SQLITE_CANTOPEN:
        return error_set(error, ERROR_STORE_DOWN,
            "database '%s' cannot be opened: check that its directory exists and can be written",
            path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(error, ERROR_STORE_DOWN,
            "database '%s' is locked by another program: end that one", path);
    default:
        return error_set(
            error, ERROR_STORE_DOWN, "database '%s': %s", path, sqlite3_errmsg(handle));
    }
}

/* ---- connections ---- */

static void
connection_close(Connection *connection)
{
    g_clear_pointer(&connection->statements, g_hash_table_unref);
    g_clear_pointer(&connection->changes, g_array_unref);
    sqlite3_close(connection->handle);
    connection->handle = NULL;
}

static Connection *
connection_open(Store *store, GError **error)
{
    Connection *connection = g_new0(Connection, 1);
    connection->store = store;
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(store->path, &connection->handle, flags, NULL);

    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(connection->handle, BUSY_TIMEOUT_MS);
        code = sqlite3_exec(connection->handle, SQL_CONFIGURE, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK && store->has_schema) {
        code = sqlite_watch_hosts(connection);
    }
    if (code != SQLITE_OK) {
        sqlite_fail(connection, code, error);
        connection_close(connection);
        g_free(connection);
        return NULL;
    }
    connection->statements =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)sqlite_statement_free);
    sqlite_note_changes(connection);
    return connection;
}

static void
on_thread_end(void *connections)
{
    GPtrArray *array = connections;

    g_mutex_lock(&connections_lock);
    for (unsigned i = 0; i < array->len; i++) {
        Connection *connection = array->pdata[i];
        if (connection->store != NULL) {
            g_ptr_array_add(connection->store->idle, connection);
        } else {
            g_free(connection);
        }
    }
    g_mutex_unlock(&connections_lock);
    g_ptr_array_unref(array);
}

static Connection *
connection_take(Store *store, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&connections_lock);

    if (store->idle->len > 0) {
        return g_ptr_array_steal_index_fast(store->idle, store->idle->len - 1);
    }
    Connection *connection = connection_open(store, error);
    if (connection != NULL) {
        g_ptr_array_add(store->connections, connection);
    }
    return connection;
}

Connection *
connection_get(Store *store, GError **error)
{
    GPtrArray *mine = g_private_get(&thread_connections);

    for (unsigned i = 0; mine != NULL && i < mine->len; i++) {
        Connection *connection = mine->pdata[i];
        if (g_atomic_pointer_get(&connection->store) == store) {
            return connection;
        }
    }
    Connection *connection = connection_take(store, error);
    if (connection == NULL) {
        return NULL;
    }
    if (mine == NULL) {
        mine = g_ptr_array_new();
        g_private_set(&thread_connections, mine);
    }
    g_ptr_array_add(mine, connection);
    return connection;
}

/* ---- the store ---- */

/* The one connection that there is has made the tables. */
static bool
watch_tables(Store *store, GError **error)
{
    Connection *connection = connection_get(store, error);
    store->has_schema = true;
    if (connection == NULL) {
        return false;
    }
    int code = sqlite_watch_hosts(connection);
    return code == SQLITE_OK || sqlite_fail(connection, code, error);
}

/* Tokens and password hashes are in it: the file is its owner's alone. SQLite gives its other
 * files the same mode. */
static bool
create_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return error_set(error, ERROR_STORE_DOWN,
            "database '%s' cannot be opened: %s; check the path and its permissions", path,
            g_strerror(errno));
    }
    close(fd);
    return true;
}

static void
configure_library(void)
{
    static gsize once;

    if (g_once_init_enter(&once)) {
        /* Its memory statistics cost a mutex at every allocation. */
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        g_once_init_leave(&once, 1);
    }
}

Store *
store_open(const char *url, const Clock *clock, GError **error)
{
    if (!g_str_has_prefix(url, "sqlite:///")) {
        error_set(error, ERROR_INVALID,
            "database '%s' is not known: write sqlite:///path/of/the/file", url);
        return NULL;
    }
    configure_library();
    g_autoptr(Store) store = g_new0(Store, 1);
    store->clock = clock;
    store->path = g_strdup(url + strlen("sqlite://"));
    store->default_zone = g_strdup("nova");
    store->connections = g_ptr_array_new();
    store->idle = g_ptr_array_new();
    store->known_hosts = known_hosts_new();
    g_mutex_init(&store->write);
    store->lock_fd = lock_take(store->path, error);
    if (store->lock_fd < 0 || !create_file(store->path, error) ||
        !schema_upgrade(store, schema_files, n_schema_files, &store->schema_version, error) ||
        !watch_tables(store, error)) {
        return NULL;
    }
    return g_steal_pointer(&store);
}

void
store_close(Store *store)
{
    if (store == NULL) {
        return;
    }
    GPtrArray *mine = g_private_get(&thread_connections);

    g_mutex_lock(&connections_lock);
    for (unsigned i = 0; i < store->connections->len; i++) {
        Connection *connection = store->connections->pdata[i];
        bool is_mine = mine != NULL && g_ptr_array_remove_fast(mine, connection);
        bool is_idle = g_ptr_array_remove_fast(store->idle, connection);
        connection_close(connection);
        g_atomic_pointer_set(&connection->store, NULL);
        /* Another thread's memory still points to the others; they go with that thread. */
        if (is_mine || is_idle) {
            g_free(connection);
        }
    }
    g_mutex_unlock(&connections_lock);
    g_ptr_array_unref(store->connections);
    g_ptr_array_unref(store->idle);
    g_mutex_clear(&store->write);
    known_hosts_free(store->known_hosts);
    lock_drop(store->lock_fd);
    g_free(store->path);
    g_free(store->default_zone);
    g_free(store);
}

int
store_schema_version(Store *store)
{
    return store->schema_version;
}
