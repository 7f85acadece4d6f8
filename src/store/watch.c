/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Which hosts a statement changes: triggers of each connection's own note their names while the
 * statement runs, whoever wrote it, and so before its transaction can end. */
#include "store/known_hosts.h"
#include "store/sqlite.h"

/* A sign of life is a column of its own: there is one for each host every few seconds. */
#define SQL_LIST_COLUMNS                                                                           \
    "SELECT group_concat(name, ', ') FROM pragma_table_info('hosts') WHERE name <> 'last_seen_us'"
/* The triggers: name, event, table; what each does. */
#define TRIGGER(name, event, body)                                                                 \
    "CREATE TEMP TRIGGER watch_" name " AFTER " event " BEGIN " body "; END;"
#define NOTE(row, column) "SELECT note_host(" row "." column ")"
/* What is under way counts where the instance has claims. */
#define NOTE_CLAIMS "SELECT note_host(host) FROM claims WHERE instance_id = NEW.instance_id"
/* So does whether it is to run: what is on its way takes memory that is free, or none. */
#define NOTE_CLAIMS_OF_INSTANCE "SELECT note_host(host) FROM claims WHERE instance_id = NEW.id"
#define NOTE_ALL "SELECT note_all_hosts()"
#define SQL_WATCH                                                                                  \
    TRIGGER("hosts_insert", "INSERT ON main.hosts", NOTE("NEW", "name"))                           \
    TRIGGER("hosts_delete", "DELETE ON main.hosts", NOTE("OLD", "name"))                           \
    TRIGGER("hosts_update", "UPDATE OF %s ON main.hosts",                                          \
        NOTE("OLD", "name") ";" NOTE("NEW", "name"))                                               \
    TRIGGER("hosts_seen", "UPDATE OF last_seen_us ON main.hosts",                                  \
        "SELECT note_host_seen(NEW.name, NEW.last_seen_us)")                                       \
    TRIGGER("claims_insert", "INSERT ON main.claims", NOTE("NEW", "host"))                         \
    TRIGGER("claims_delete", "DELETE ON main.claims", NOTE("OLD", "host"))                         \
    TRIGGER("claims_update", "UPDATE ON main.claims",                                              \
        NOTE("OLD", "host") ";" NOTE("NEW", "host"))                                               \
    TRIGGER("operations_insert", "INSERT ON main.operations", NOTE_CLAIMS)                         \
    TRIGGER("operations_update", "UPDATE OF is_open ON main.operations"                            \
        " WHEN OLD.is_open <> NEW.is_open", NOTE_CLAIMS)                                           \
    TRIGGER("instances_update",                                                                    \
        "UPDATE OF vm_state ON main.instances"                                                     \
        " WHEN (OLD.vm_state = 'stopped') <> (NEW.vm_state = 'stopped')",                          \
        NOTE_CLAIMS_OF_INSTANCE)                                                                   \
    TRIGGER("aggregates_rename",                                                                   \
        "UPDATE OF name ON main.aggregates WHEN OLD.name <> NEW.name", NOTE_ALL)                   \
    TRIGGER("differences_insert", "INSERT ON main.host_differences", NOTE("NEW", "host"))          \
    TRIGGER("differences_delete", "DELETE ON main.host_differences", NOTE("OLD", "host"))          \
    TRIGGER("aggregates_delete", "DELETE ON main.aggregates", NOTE_ALL)                            \
    TRIGGER("aggregate_metadata_insert", "INSERT ON main.aggregate_metadata", NOTE_ALL)            \
    TRIGGER("aggregate_metadata_update", "UPDATE ON main.aggregate_metadata", NOTE_ALL)            \
    TRIGGER("aggregate_metadata_delete", "DELETE ON main.aggregate_metadata", NOTE_ALL)            \
    TRIGGER("aggregate_hosts_insert", "INSERT ON main.aggregate_hosts", NOTE("NEW", "host"))       \
    TRIGGER("aggregate_hosts_delete", "DELETE ON main.aggregate_hosts", NOTE("OLD", "host"))

static KnownHosts *
known_of(sqlite3_context *context)
{
    const Connection *connection = sqlite3_user_data(context);
    return connection->store->known_hosts;
}

static void
note_host(sqlite3_context *context, int n, sqlite3_value **values)
{
    known_hosts_note(known_of(context), (const char *)sqlite3_value_text(values[0]));
}

static void
note_host_seen(sqlite3_context *context, int n, sqlite3_value **values)
{
    known_hosts_note_seen(known_of(context), (const char *)sqlite3_value_text(values[0]),
        sqlite3_value_int64(values[1]));
}

static void
note_all_hosts(sqlite3_context *context, int n, sqlite3_value **values)
{
    known_hosts_note_all(known_of(context));
}

typedef void (*SqlFunction)(sqlite3_context *context, int n, sqlite3_value **values);

static int
add_function(Connection *connection, const char *name, int n, SqlFunction function)
{
    return sqlite3_create_function_v2(connection->handle, name, n, SQLITE_UTF8, connection,
        function, NULL, NULL, NULL);
}

static int
read_columns(Connection *connection, char **ret_columns)
{
    sqlite3_stmt *handle = NULL;
    int code = sqlite3_prepare_v2(connection->handle, SQL_LIST_COLUMNS, -1, &handle, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(handle);
    }
    *ret_columns =
        code == SQLITE_ROW ? g_strdup((const char *)sqlite3_column_text(handle, 0)) : NULL;
    sqlite3_finalize(handle);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

int
sqlite_watch_hosts(Connection *connection)
{
    g_autofree char *columns = NULL;
    int code = add_function(connection, "note_host", 1, note_host);
    if (code == SQLITE_OK) {
        code = add_function(connection, "note_host_seen", 2, note_host_seen);
    }
    if (code == SQLITE_OK) {
        code = add_function(connection, "note_all_hosts", 0, note_all_hosts);
    }
    if (code == SQLITE_OK) {
        code = read_columns(connection, &columns);
    }
    if (code != SQLITE_OK) {
        return code;
    }
    g_autofree char *sql = g_strdup_printf(SQL_WATCH, columns);
    return sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
}
