/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/claims.h"

#include "base/log.h"
#include "store/decisions.h"

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
/* What an operation that is under way has claimed for a guest that will run. */
#define SELECT_ARRIVING                                                                            \
    "SELECT c.host, CAST(SUM(c.ram_mib) AS BIGINT) FROM claims c"                                  \
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
#define SQL_LIST_NAMES "SELECT name FROM hosts"
#define SQL_FIND_NAME "SELECT name FROM hosts WHERE name = $1"
#define SQL_FIND_CLAIM "SELECT host FROM claims WHERE operation_id = $1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO claims (instance_id, role, operation_id, host, vcpus, ram_mib, disk_gib,"         \
    " topology, devices) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
/* The end of a move has no claim of its own: a revert takes the guest back to what was kept. */
#define SQL_FIND_TOPOLOGY                                                                          \
    "SELECT topology FROM claims WHERE instance_id = $1 ORDER BY CASE WHEN operation_id = $2"      \
    " THEN 0 WHEN role = 'kept' THEN 1 ELSE 2 END LIMIT 1"
#define SQL_FIND_DEVICES                                                                           \
    "SELECT devices FROM claims WHERE instance_id = $1 ORDER BY CASE WHEN operation_id = $2"       \
    " THEN 0 WHEN role = 'kept' THEN 1 ELSE 2 END LIMIT 1"
#define SQL_FIND_ANY_TOPOLOGY                                                                      \
    "SELECT topology FROM claims WHERE instance_id = $1 AND topology IS NOT NULL"
#define SQL_RELEASE_TARGET "DELETE FROM claims WHERE instance_id = $1 AND role = 'target'"
#define SQL_RELEASE_OWNER "DELETE FROM claims WHERE instance_id = $1 AND role = 'owner'"
#define SQL_RELEASE_ALL "DELETE FROM claims WHERE instance_id = $1"
#define SQL_RELEASE_KEPT "DELETE FROM claims WHERE instance_id = $1 AND role = 'kept'"
#define SQL_RELEASE_CLAIM "DELETE FROM claims WHERE operation_id = $1"
#define SQL_PROMOTE "UPDATE claims SET role = 'owner' WHERE instance_id = $1 AND role = 'target'"
#define SQL_KEEP "UPDATE claims SET role = 'kept' WHERE instance_id = $1 AND role = 'owner'"
#define SQL_RESTORE "UPDATE claims SET role = 'owner' WHERE instance_id = $1 AND role = 'kept'"

/* ---- use of hosts ---- */

typedef void (*UsageReader)(DbStatement *statement, HostUsage *usage);

/* One of the sums: for every host, or for one. */
typedef struct UsageQuery {
    const char *sql_all;
    const char *sql_one;
    UsageReader read;
} UsageQuery;

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

static void
read_arriving(DbStatement *statement, HostUsage *usage)
{
    usage->arriving_ram_mib = db_int(statement, 1);
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

static const UsageQuery usage_queries[] = {
    /* First, so that every host has an entry. */
    {SQL_LIST_NAMES, SQL_FIND_NAME, read_nothing},
    {SELECT_CLAIMS " GROUP BY host", SELECT_CLAIMS " WHERE host = $1 GROUP BY host", read_claims},
    {SELECT_FOREIGN " GROUP BY host", SELECT_FOREIGN " AND host = $1 GROUP BY host", read_foreign},
    {SELECT_TOPOLOGIES, SELECT_TOPOLOGIES " AND host = $1", read_topology},
    {SELECT_IO " GROUP BY c.host", SELECT_IO " AND c.host = $1 GROUP BY c.host", read_io},
    {SELECT_ARRIVING " GROUP BY c.host", SELECT_ARRIVING " AND c.host = $1 GROUP BY c.host",
        read_arriving},
    {SELECT_DEVICES, SELECT_DEVICES " AND host = $1", read_devices},
    {SELECT_OPERATIONS " GROUP BY i.host", SELECT_OPERATIONS " AND i.host = $1 GROUP BY i.host",
        read_operations},
    {SELECT_OUTGOING " GROUP BY m.source_host",
        SELECT_OUTGOING " AND m.source_host = $1 GROUP BY m.source_host", read_outgoing},
    {SELECT_INCOMING " GROUP BY m.dest_host",
        SELECT_INCOMING " AND m.dest_host = $1 GROUP BY m.dest_host", read_incoming},
};

static HostUsage *
usage_of(GHashTable *table, const char *host)
{
    HostUsage *usage = g_hash_table_lookup(table, host);

    if (usage == NULL) {
        usage = g_new0(HostUsage, 1);
        g_hash_table_insert(table, g_strdup(host), usage);
    }
    return usage;
}

static bool
run_usage_query(
    Store *store, const UsageQuery *query, const char *host, GHashTable *table, GError **error)
{
    const char *sql = host == NULL ? query->sql_all : query->sql_one;
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    if (host != NULL) {
        db_bind_text(statement, 1, host);
    }
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            return true;
        }
        query->read(statement, usage_of(table, db_text(statement, 0)));
    }
}

/* The first of the queries: the names, what is claimed, and what is taken without a claim. */
enum { N_CLAIM_QUERIES = 7 };

/* host NULL = all. */
static GHashTable *
load_usage(Store *store, const char *host, unsigned n_queries, GError **error)
{
    g_autoptr(GHashTable) table = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)host_usage_free);
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);

    if (transaction == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < n_queries; i++) {
        if (!run_usage_query(store, &usage_queries[i], host, table, error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&table);
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

/* ---- claims ---- */

static bool
find_claim(Store *store, int64_t operation_id, char **ret_host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_CLAIM, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_host = row ? db_dup_text(statement, 0) : NULL;
    return true;
}

static bool
insert_claim(Store *store, const Operation *operation, const Instance *instance, const char *host,
    const StoredDecision *decision, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    const Flavor *flavor = &instance->flavor;
    db_bind_text(statement, 1, instance->id);
    db_bind_text(statement, 2, operation->kind == OPERATION_CREATE ? "owner" : "target");
    db_bind_int(statement, 3, operation->id);
    db_bind_text(statement, 4, host);
    db_bind_int(statement, 5, flavor->vcpus);
    db_bind_int(statement, 6, flavor->ram_mib);
    db_bind_int(statement, 7, instance_disk_gib(instance) + flavor->ephemeral_gib);
    db_bind_text(statement, 8, decision->topology);
    db_bind_text(statement, 9, decision->devices);
    return db_run(statement, NULL, error);
}

/* The decision is the caller's: the name it returns is copied while the hosts still exist. */
static char *
choose_host(Store *store, const Instance *instance, StoreChooseHost choose, void *data,
    StoredDecision *decision, GError **error)
{
    HostIndex *hosts = known_hosts_get(store, error);
    if (hosts == NULL || !store_tell_neighbours(store, instance, hosts, error)) {
        return NULL;
    }
    return g_strdup(choose(hosts, data, decision, error));
}

static bool
find_or_make_claim(Store *store, const Operation *operation, const Instance *instance,
    StoreChooseHost choose, void *data, StoredDecision *decision, char **ret_host, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autofree char *host = NULL;

    if (transaction == NULL || !find_claim(store, operation->id, &host, error)) {
        return false;
    }
    if (host == NULL) {
        host = choose_host(store, instance, choose, data, decision, error);
        if (host == NULL ||
            !insert_claim(store, operation, instance, host, decision, error) ||
            !decisions_insert(store, operation->id, true, decision, error) ||
            !db_commit(transaction, error)) {
            return false;
        }
    }
    *ret_host = g_steal_pointer(&host);
    return true;
}

/* Nothing was claimed. Whether this can be stored does not change why. */
static void
record_failure(Store *store, const Operation *operation, const StoredDecision *decision)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DbTransaction) transaction = db_begin(store, &error);

    if (transaction == NULL ||
        !decisions_insert(store, operation->id, false, decision, &error) ||
        !db_commit(transaction, &error)) {
        log_warning("why operation %" G_GINT64_FORMAT " found no host is not stored: %s",
            operation->id, error->message);
    }
}

bool
store_claim(Store *store, const Operation *operation, const Instance *instance,
    StoreChooseHost choose, void *data, char **ret_host, GError **error)
{
    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    g_autoptr(GError) problem = NULL;

    if (find_or_make_claim(
            store, operation, instance, choose, data, decision, ret_host, &problem)) {
        return true;
    }
    if (error_is(problem, ERROR_NO_VALID_HOST) && decision->text != NULL) {
        record_failure(store, operation, decision);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

bool
store_release_claim(Store *store, int64_t operation_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_RELEASE_CLAIM, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    return db_run(statement, NULL, error);
}

/* *ret_text is NULL when there is no such claim, or it has none. */
static bool
find_text(Store *store, const char *sql, const char *instance_id, int64_t operation_id,
    char **ret_text, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    if (operation_id != 0) {
        db_bind_int(statement, 2, operation_id);
    }
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_text = row ? db_dup_text(statement, 0) : NULL;
    return true;
}

bool
store_find_topology(Store *store, const char *instance_id, int64_t operation_id,
    GuestTopology **ret_topology, GError **error)
{
    g_autofree char *own = NULL;
    g_autofree char *any = NULL;

    if (!find_text(store, SQL_FIND_TOPOLOGY, instance_id, operation_id, &own, error) ||
        (own == NULL &&
            !find_text(store, SQL_FIND_ANY_TOPOLOGY, instance_id, 0, &any, error))) {
        return false;
    }
    *ret_topology = own != NULL ? guest_topology_parse(own)
        : any != NULL           ? guest_topology_new()
                                : NULL;
    return true;
}

bool
store_find_devices(
    Store *store, const char *instance_id, int64_t operation_id, char **ret_text, GError **error)
{
    return find_text(store, SQL_FIND_DEVICES, instance_id, operation_id, ret_text, error);
}

static bool
change_claims(
    Store *store, const char *sql, const char *instance_id, int *ret_changes, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    return db_run(statement, ret_changes, error);
}

bool
claims_release_target(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_TARGET, instance_id, NULL, error);
}

bool
claims_release_all(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_ALL, instance_id, NULL, error);
}

/* The destination's claim becomes the owner's; displace: what becomes of the owner's so far. */
static bool
promote(Store *store, const char *displace, const char *instance_id, GError **error)
{
    int changes = 0;

    if (!change_claims(store, displace, instance_id, NULL, error) ||
        !change_claims(store, SQL_PROMOTE, instance_id, &changes, error)) {
        return false;
    }
    return changes == 1 ||
        error_set(
            error, ERROR_INTERNAL, "instance '%s' has no claim on its destination", instance_id);
}

bool
claims_promote_target(Store *store, const char *instance_id, GError **error)
{
    return promote(store, SQL_RELEASE_OWNER, instance_id, error);
}

bool
claims_keep_source(Store *store, const char *instance_id, GError **error)
{
    return promote(store, SQL_KEEP, instance_id, error);
}

bool
claims_release_kept(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_KEPT, instance_id, NULL, error);
}

bool
claims_restore_kept(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_OWNER, instance_id, NULL, error) &&
        change_claims(store, SQL_RESTORE, instance_id, NULL, error);
}
