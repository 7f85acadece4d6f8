/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The use of hosts: sums of claims, and of what is under way. */
#include "model/topology.h"
#include "store/claims.h"
#include "store/rows.h"

#define SELECT_CLAIMS                                                                              \
    "SELECT host, CAST(SUM(vcpus) AS BIGINT), CAST(SUM(ram_mib) AS BIGINT),"                       \
    " CAST(SUM(disk_gib) AS BIGINT), SUM(CASE WHEN role = 'owner' THEN 1 ELSE 0 END),"             \
    " COUNT(*)"                                                                                    \
    " FROM claims"
#define SELECT_FOREIGN                                                                             \
    "SELECT host, CAST(SUM(vcpus) AS BIGINT), CAST(SUM(memory_mib) AS BIGINT)"                     \
    " FROM host_differences WHERE kind = 'foreign'"
#define SELECT_TOPOLOGIES "SELECT host, vcpus, topology FROM claims WHERE topology IS NOT NULL"
/* What makes or moves a guest: its disks are written meanwhile. */
#define SELECT_IO                                                                                  \
    "SELECT c.host, COUNT(*) FROM claims c JOIN operations o ON o.instance_id = c.instance_id"     \
    " WHERE o.is_open = 1 AND o.kind IN ('create', 'live-migration', 'migrate', 'resize',"         \
    " 'evacuate')"
/* What an operation that is under way has claimed for a guest that will run; of one claim. */
#define SELECT_ARRIVING                                                                            \
    "SELECT c.host, c.ram_mib, c.topology FROM claims c"                                           \
    " JOIN operations o ON o.id = c.operation_id JOIN instances i ON i.id = c.instance_id"         \
    " WHERE o.is_open = 1 AND i.vm_state <> 'stopped'"
#define SELECT_DEVICES "SELECT host, devices FROM claims WHERE devices IS NOT NULL"
#define SELECT_OPERATIONS                                                                          \
    "SELECT i.host, COUNT(*) FROM operations o JOIN instances i ON i.id = o.instance_id"           \
    " WHERE o.is_open = 1 AND i.host IS NOT NULL"
#define SELECT_OUTGOING                                                                            \
    "SELECT m.source_host, COUNT(*) FROM operations o JOIN migrations m ON m.operation_id = o.id"  \
    " WHERE o.is_open = 1"
#define SELECT_INCOMING                                                                            \
    "SELECT m.dest_host, COUNT(*) FROM operations o JOIN migrations m ON m.operation_id = o.id"    \
    " WHERE o.is_open = 1 AND m.dest_host IS NOT NULL"
/* Where an instance has claims beside the host that it is on. */
#define SQL_LIST_ELSEWHERE                                                                         \
    "SELECT DISTINCT host FROM claims WHERE instance_id = $1 AND host <> $2"
#define SQL_LIST_NAMES "SELECT name FROM hosts"
#define SQL_FIND_NAME "SELECT name FROM hosts WHERE name = $1"

typedef void (*UsageReader)(DbStatement *statement, HostUsage *usage);

/* One of the sums: for every host, for one, and for one without an instance. */
typedef struct UsageQuery {
    const char *sql_all;
    const char *sql_one;
    const char *sql_without; /* NULL: nothing of it is of claims */
    UsageReader read;
} UsageQuery;

/* Which sums: host NULL: of all; without: of claims of other instances than that, NULL: of all. */
typedef struct UsageScope {
    const char *host;
    const char *without;
} UsageScope;

static void
read_nothing(DbStatement *statement, HostUsage *usage)
{
}

static void
read_claims(DbStatement *statement, HostUsage *usage)
{
    usage->vcpus = (int)db_int(statement, 1);
    usage->ram_mib = db_int(statement, 2);
    usage->disk_gib = db_int(statement, 3);
    usage->instances = (int)db_int(statement, 4);
    usage->claims = (int)db_int(statement, 5);
}

/* Of one claim, as is the next: there may be several of a host. */
static void
read_topology(DbStatement *statement, HostUsage *usage)
{
    host_usage_add_topology(usage, (int)db_int(statement, 1), db_text(statement, 2));
}

static void
read_devices(DbStatement *statement, HostUsage *usage)
{
    host_usage_add_devices(usage, db_text(statement, 1));
}

static void
read_foreign(DbStatement *statement, HostUsage *usage)
{
    usage->foreign_vcpus = (int)db_int(statement, 1);
    usage->foreign_ram_mib = db_int(statement, 2);
}

/* Huge pages are taken from what the host keeps for them. */
static void
read_arriving(DbStatement *statement, HostUsage *usage)
{
    bool is_apart = guest_topology_has_huge_pages(db_text(statement, 2));
    usage->arriving_ram_mib += is_apart ? 0 : db_int(statement, 1);
}

static void
read_io(DbStatement *statement, HostUsage *usage)
{
    usage->io_ops = (int)db_int(statement, 1);
}

static void
read_operations(DbStatement *statement, HostUsage *usage)
{
    usage->open_operations = (int)db_int(statement, 1);
}

static void
read_outgoing(DbStatement *statement, HostUsage *usage)
{
    usage->outgoing_migrations = (int)db_int(statement, 1);
}

static void
read_incoming(DbStatement *statement, HostUsage *usage)
{
    usage->incoming_migrations = (int)db_int(statement, 1);
}

#define WITHOUT " AND instance_id <> $2"
#define WITHOUT_C " AND c.instance_id <> $2"
static const UsageQuery usage_queries[] = {
    /* First, so that every host has an entry. */
    {SQL_LIST_NAMES, SQL_FIND_NAME, NULL, read_nothing},
    {SELECT_CLAIMS " GROUP BY host", SELECT_CLAIMS " WHERE host = $1 GROUP BY host",
        SELECT_CLAIMS " WHERE host = $1" WITHOUT " GROUP BY host", read_claims},
    {SELECT_FOREIGN " GROUP BY host", SELECT_FOREIGN " AND host = $1 GROUP BY host", NULL,
        read_foreign},
    {SELECT_TOPOLOGIES, SELECT_TOPOLOGIES " AND host = $1",
        SELECT_TOPOLOGIES " AND host = $1" WITHOUT, read_topology},
    {SELECT_IO " GROUP BY c.host", SELECT_IO " AND c.host = $1 GROUP BY c.host",
        SELECT_IO " AND c.host = $1" WITHOUT_C " GROUP BY c.host", read_io},
    {SELECT_ARRIVING, SELECT_ARRIVING " AND c.host = $1",
        SELECT_ARRIVING " AND c.host = $1" WITHOUT_C, read_arriving},
    {SELECT_DEVICES, SELECT_DEVICES " AND host = $1", SELECT_DEVICES " AND host = $1" WITHOUT,
        read_devices},
    {SELECT_OPERATIONS " GROUP BY i.host", SELECT_OPERATIONS " AND i.host = $1 GROUP BY i.host",
        NULL, read_operations},
    {SELECT_OUTGOING " GROUP BY m.source_host",
        SELECT_OUTGOING " AND m.source_host = $1 GROUP BY m.source_host", NULL, read_outgoing},
    {SELECT_INCOMING " GROUP BY m.dest_host",
        SELECT_INCOMING " AND m.dest_host = $1 GROUP BY m.dest_host", NULL, read_incoming},
};

static bool
run_usage_query(Store *store, const UsageQuery *query, const UsageScope *scope, GHashTable *table,
    GError **error)
{
    bool leaves_out = scope->without != NULL && query->sql_without != NULL;
    const char *sql = scope->host == NULL ? query->sql_all
        : leaves_out                      ? query->sql_without
                                          : query->sql_one;
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    if (scope->host != NULL) {
        db_bind_text(statement, 1, scope->host);
    }
    if (leaves_out) {
        db_bind_text(statement, 2, scope->without);
    }
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            return true;
        }
        query->read(statement, host_usage_get(table, db_text(statement, 0)));
    }
}

/* The first of the queries: the names, what is claimed, and what is taken without a claim. */
enum { N_CLAIM_QUERIES = 7 };

static bool
run_usage_queries(Store *store, const UsageScope *scope, unsigned n_queries, GHashTable *table,
    GError **error)
{
    for (unsigned i = 0; i < n_queries; i++) {
        if (!run_usage_query(store, &usage_queries[i], scope, table, error)) {
            return false;
        }
    }
    return true;
}

/* host NULL = all. */
static GHashTable *
load_usage(Store *store, const char *host, unsigned n_queries, GError **error)
{
    g_autoptr(GHashTable) table = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)host_usage_free);
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);
    const UsageScope scope = {.host = host};

    return transaction != NULL && run_usage_queries(store, &scope, n_queries, table, error)
        ? g_steal_pointer(&table)
        : NULL;
}

GHashTable *
claims_list_usage(Store *store, const char *host, GError **error)
{
    return load_usage(store, host, N_CLAIM_QUERIES, error);
}

GHashTable *
store_list_host_usage(Store *store, GError **error)
{
    return load_usage(store, NULL, G_N_ELEMENTS(usage_queries), error);
}

static void *
read_name(DbStatement *statement)
{
    return db_dup_text(statement, 0);
}

static GPtrArray *
list_elsewhere(Store *store, const Instance *instance, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_ELSEWHERE, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, instance->id);
    db_bind_text(statement, 2, instance->host != NULL ? instance->host : "");
    return rows_list(statement, read_name, g_free, error);
}

GHashTable *
store_list_host_usage_for(Store *store, const Instance *instance, GError **error)
{
    g_autoptr(GHashTable) table = store_list_host_usage(store, error);
    g_autoptr(GPtrArray) hosts =
        table != NULL ? list_elsewhere(store, instance, error) : NULL;

    for (unsigned i = 0; hosts != NULL && i < hosts->len; i++) {
        const UsageScope scope = {hosts->pdata[i], instance->id};
        g_hash_table_remove(table, scope.host);
        if (!run_usage_queries(store, &scope, G_N_ELEMENTS(usage_queries), table, error)) {
            return NULL;
        }
    }
    return hosts != NULL ? g_steal_pointer(&table) : NULL;
}

bool
store_get_host_usage(Store *store, const char *name, HostUsage *ret_usage, GError **error)
{
    g_autoptr(GHashTable) table =
        load_usage(store, name, G_N_ELEMENTS(usage_queries), error);

    if (table == NULL) {
        return false;
    }
    HostUsage *usage = g_hash_table_lookup(table, name);
    if (usage == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "there is no host '%s'", name);
    }
    *ret_usage = *usage;
    ret_usage->topologies = NULL;
    ret_usage->devices = NULL;
    return true;
}
