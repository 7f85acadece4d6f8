/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/aggregates.h"
#include "store/canaries.h"
#include "store/rows.h"
#include <string.h>

#define FACTS_COLUMNS                                                                              \
    "facts_hostname, facts_hypervisor_type, facts_hypervisor_version, facts_libvirt_version,"      \
    " facts_arch, facts_cpu_json, facts_vcpus, facts_memory_mib, facts_memory_free_mib,"           \
    " facts_pool_capacity_bytes, facts_pool_available_bytes, facts_pool_path, facts_uptime_s,"     \
    " facts_running_domains, facts_host_uuid, facts_pool_id, facts_pool_json, facts_offers,"       \
    " facts_certificate_json, facts_cpu_class, facts_topology, facts_has_floating_cpus,"           \
    " facts_floating_cpus, facts_pci_devices, facts_bridges, facts_hides_devices"
#define COLUMNS                                                                                    \
    "number, id, hypervisor_id, name, uri, peer_uri, migration_address, pool, enabled,"            \
    " disabled_reason, connected, connect_error, last_seen_us, created_us, updated_us,"            \
    " forced_down, forced_down_us, forced_down_by, fence_agent, fence_options, power, power_us,"   \
    " fenced_us, fenced_by, fence_error, has_facts, " FACTS_COLUMNS
#define SQL_INSERT                                                                                 \
    "INSERT INTO hosts (id, hypervisor_id, name, uri, peer_uri, migration_address, pool,"          \
    " enabled, disabled_reason, created_us, updated_us)"                                           \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
#define SQL_COUNT_USE                                                                              \
    "SELECT (SELECT COUNT(*) FROM instances WHERE host = $1 AND terminated_us = 0),"               \
    " (SELECT COUNT(*) FROM claims WHERE host = $1)"
#define SQL_DELETE "DELETE FROM hosts WHERE name = $1"
#define SQL_GET "SELECT " COLUMNS " FROM hosts WHERE name = $1"
#define SQL_LIST "SELECT " COLUMNS " FROM hosts ORDER BY name"
#define SQL_GIVE_DRAIN_UP                                                                          \
    "UPDATE drains SET wanted = 'cancel' WHERE host = $1 AND kind = 'drain' AND is_open = 1"
#define SQL_SET_ENABLED                                                                            \
    "UPDATE hosts SET enabled = $2, disabled_reason = $3, updated_us = $4 WHERE name = $1"
#define SQL_SET_FORCED_DOWN                                                                        \
    "UPDATE hosts SET forced_down = $2, forced_down_us = CASE WHEN $2 = 0 THEN 0"                  \
    " WHEN forced_down_us <> 0 THEN forced_down_us ELSE $4 END,"                                   \
    " forced_down_by = CASE WHEN $2 = 0 THEN NULL ELSE COALESCE(forced_down_by, $3) END,"          \
    " updated_us = $4 WHERE name = $1"
#define SQL_SET_FENCE                                                                              \
    "UPDATE hosts SET fence_agent = $2, fence_options = $3, fence_error = NULL, updated_us = $4"   \
    " WHERE name = $1"
#define SQL_SET_POWER                                                                              \
    "UPDATE hosts SET power = $2, power_us = $4, fence_error = NULL,"                              \
    " fenced_us = CASE WHEN $2 <> 'off' THEN 0 WHEN fenced_us <> 0 THEN fenced_us ELSE $4 END,"    \
    " fenced_by = CASE WHEN $2 <> 'off' THEN NULL ELSE $3 END, updated_us = $4 WHERE name = $1"
#define SQL_SET_FENCE_ERROR                                                                        \
    "UPDATE hosts SET fence_error = $2, updated_us = $3 WHERE name = $1"
#define SQL_SET_CONNECTION                                                                         \
    "UPDATE hosts SET connected = $2, connect_error = $3,"                                         \
    " last_seen_us = CASE WHEN $4 > 0 THEN $4 ELSE last_seen_us END,"                              \
    " fenced_us = CASE WHEN $2 = 1 THEN 0 ELSE fenced_us END,"                                     \
    " fenced_by = CASE WHEN $2 = 1 THEN NULL ELSE fenced_by END,"                                  \
    " power = CASE WHEN $2 = 1 THEN 'on' ELSE power END,"                                          \
    " power_us = CASE WHEN $2 = 1 THEN $5 ELSE power_us END,"                                      \
    " updated_us = $5 WHERE name = $1"
#define SQL_SET_FACTS                                                                              \
    "UPDATE hosts SET has_facts = 1, facts_hostname = $2, facts_hypervisor_type = $3,"             \
    " facts_hypervisor_version = $4, facts_libvirt_version = $5, facts_arch = $6,"                 \
    " facts_cpu_json = $7, facts_vcpus = $8, facts_memory_mib = $9, facts_memory_free_mib = $10,"  \
    " facts_pool_capacity_bytes = $11, facts_pool_available_bytes = $12, facts_pool_path = $13,"   \
    " facts_uptime_s = $14, facts_running_domains = $15, facts_host_uuid = $16,"                   \
    " facts_pool_id = $17, facts_pool_json = $18, facts_offers = $19,"                             \
    " facts_certificate_json = $20, facts_cpu_class = $21, facts_topology = $22,"                  \
    " facts_has_floating_cpus = $23, facts_floating_cpus = $24, facts_pci_devices = $25,"          \
    " facts_bridges = $26, facts_hides_devices = $27 WHERE name = $1"
#define SQL_SET_MEMORY                                                                             \
    "UPDATE hosts SET facts_memory_mib = $2, facts_memory_free_mib = $3 WHERE name = $1"
#define SQL_TOUCH "UPDATE hosts SET last_seen_us = $2 WHERE name = $1 AND last_seen_us < $2"

static int
read_facts(DbStatement *statement, int column, HostFacts *facts)
{
    facts->hostname = db_dup_text(statement, column++);
    facts->hypervisor_type = db_dup_text(statement, column++);
    facts->hypervisor_version = (int)db_int(statement, column++);
    facts->libvirt_version = (int)db_int(statement, column++);
    facts->arch = db_dup_text(statement, column++);
    facts->cpu_json = db_dup_text(statement, column++);
    facts->vcpus = (int)db_int(statement, column++);
    facts->memory_mib = db_int(statement, column++);
    facts->memory_free_mib = db_int(statement, column++);
    facts->pool_capacity_bytes = db_int(statement, column++);
    facts->pool_available_bytes = db_int(statement, column++);
    facts->pool_path = db_dup_text(statement, column++);
    facts->uptime_s = db_int(statement, column++);
    facts->running_domains = (int)db_int(statement, column++);
    facts->host_uuid = db_dup_text(statement, column++);
    facts->pool_id = db_dup_text(statement, column++);
    facts->pool_json = db_dup_text(statement, column++);
    facts->offers = db_dup_text(statement, column++);
    facts->certificate_json = db_dup_text(statement, column++);
    facts->cpu_class = db_dup_text(statement, column++);
    facts->topology = db_dup_text(statement, column++);
    facts->has_floating_cpus = db_int(statement, column++);
    facts->floating_cpus = (int)db_int(statement, column++);
    facts->pci_devices = db_dup_text(statement, column++);
    facts->bridges = db_dup_text(statement, column++);
    facts->hides_devices = db_int(statement, column++);
    return column;
}

static int
read_fence(DbStatement *statement, int column, Host *host)
{
    host->forced_down = db_int(statement, column++);
    host->forced_down_us = db_int(statement, column++);
    host->forced_down_by = db_dup_text(statement, column++);
    host->fence_agent = db_dup_text(statement, column++);
    g_free(host->fence_options);
    host->fence_options = db_dup_text(statement, column++);
    bool is_known = host_power_parse(db_text(statement, column++), &host->power);
    g_assert(is_known);
    host->power_us = db_int(statement, column++);
    host->fenced_us = db_int(statement, column++);
    host->fenced_by = db_dup_text(statement, column++);
    host->fence_error = db_dup_text(statement, column++);
    return column;
}

static void *
read_host(DbStatement *statement)
{
    Host *host = host_new();
    int column = 0;

    host->number = db_int(statement, column++);
    host->id = db_dup_text(statement, column++);
    host->hypervisor_id = db_dup_text(statement, column++);
    host->name = db_dup_text(statement, column++);
    host->uri = db_dup_text(statement, column++);
    host->peer_uri = db_dup_text(statement, column++);
    host->migration_address = db_dup_text(statement, column++);
    host->pool = db_dup_text(statement, column++);
    host->enabled = db_int(statement, column++);
    host->disabled_reason = db_dup_text(statement, column++);
    host->connected = db_int(statement, column++);
    host->connect_error = db_dup_text(statement, column++);
    host->last_seen_us = db_int(statement, column++);
    host->created_us = db_int(statement, column++);
    host->updated_us = db_int(statement, column++);
    column = read_fence(statement, column, host);
    host->has_facts = db_int(statement, column++);
    read_facts(statement, column, &host->facts);
    return host;
}

/* A text that may be left out. */
static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static bool
insert_host(Store *store, const Host *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    int64_t now_us = db_now_us(store);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host->id);
    db_bind_text(statement, 2, host->hypervisor_id);
    db_bind_text(statement, 3, host->name);
    db_bind_text(statement, 4, host->uri);
    db_bind_text(statement, 5, or_empty(host->peer_uri));
    db_bind_text(statement, 6, or_empty(host->migration_address));
    db_bind_text(statement, 7, or_empty(host->pool));
    db_bind_int(statement, 8, host->enabled);
    db_bind_text(statement, 9, host->disabled_reason);
    db_bind_int(statement, 10, host->created_us != 0 ? host->created_us : now_us);
    db_bind_int(statement, 11, now_us);
    return db_run(statement, NULL, error);
}

bool
store_insert_host(Store *store, const Host *host, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    bool is_in_default = host->zone == NULL || strcmp(host->zone, db_default_zone(store)) == 0;

    return transaction != NULL && insert_host(store, host, error) &&
        (is_in_default || aggregates_join_zone(store, host->zone, host->name, error)) &&
        db_commit(transaction, error);
}

static bool
check_unused(Store *store, const char *name, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_COUNT_USE, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    int64_t n_instances = db_int(statement, 0);
    int64_t n_claims = db_int(statement, 1);
    if (n_instances == 0 && n_claims == 0) {
        return true;
    }
    return error_set(error, ERROR_CONFLICT,
        "host '%s' is still in use: %" G_GINT64_FORMAT " instance(s) and %" G_GINT64_FORMAT
        " claim(s) are on it",
        name, n_instances, n_claims);
}

static bool
delete_host(Store *store, const char *name, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    return rows_change(statement, "host", name, error);
}

static bool
leave_pools(Store *store, const char *name, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (pools_check_removal(store, name, &problem)) {
        return true;
    }
    if (error_is(problem, ERROR_INVALID)) {
        return error_set(error, ERROR_CONFLICT, "%s", problem->message);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

bool
store_delete_host(Store *store, const char *name, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && check_unused(store, name, error) &&
        store_check_no_drain(store, name, error) && leave_pools(store, name, error) &&
        delete_host(store, name, error) && db_commit(transaction, error);
}

Host *
store_get_host(Store *store, const char *name, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, name);
    g_autoptr(Host) host = rows_get(statement, read_host, "host", name, error);
    return host != NULL && aggregates_tell_host(store, host, error) ? g_steal_pointer(&host) : NULL;
}

bool
store_find_host(Store *store, const char *name, Host **ret_host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return false;
    }
    void *record = NULL;
    db_bind_text(statement, 1, name);
    if (!rows_find(statement, read_host, &record, error)) {
        return false;
    }
    g_autoptr(Host) host = record;
    if (host != NULL && !aggregates_tell_host(store, host, error)) {
        return false;
    }
    *ret_host = g_steal_pointer(&host);
    return true;
}

GPtrArray *
store_list_hosts(Store *store, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);
    g_autoptr(DbStatement) statement =
        transaction == NULL ? NULL : db_prepare(store, SQL_LIST, error);
    g_autoptr(GPtrArray) hosts = statement == NULL
        ? NULL
        : rows_list(statement, read_host, (GDestroyNotify)host_free, error);

    return hosts != NULL && aggregates_tell_hosts(store, hosts, error) ? g_steal_pointer(&hosts)
                                                                       : NULL;
}

/* Who wants servers on it does not want it to be emptied. A restore enables it itself. */
static bool
give_drain_up(Store *store, const char *name, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GIVE_DRAIN_UP, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    return db_run(statement, NULL, error);
}

bool
store_set_host_enabled(
    Store *store, const char *name, bool enabled, const char *disabled_reason, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_SET_ENABLED, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_int(statement, 2, enabled);
    db_bind_text(statement, 3, disabled_reason);
    db_bind_int(statement, 4, db_now_us(store));
    return rows_change(statement, "host", name, error) &&
        (!enabled || give_drain_up(store, name, error)) && db_commit(transaction, error);
}

bool
store_set_host_forced_down(
    Store *store, const char *name, bool forced_down, const char *by, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_FORCED_DOWN, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_int(statement, 2, forced_down);
    db_bind_text(statement, 3, by);
    db_bind_int(statement, 4, db_now_us(store));
    return rows_change(statement, "host", name, error);
}

bool
store_set_host_fence(
    Store *store, const char *name, const char *agent, const char *options, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_FENCE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_text(statement, 2, agent);
    db_bind_text(statement, 3, or_empty(options));
    db_bind_int(statement, 4, db_now_us(store));
    return rows_change(statement, "host", name, error);
}

bool
store_set_host_power(
    Store *store, const char *name, HostPower power, const char *by, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_POWER, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_text(statement, 2, host_power_name(power));
    db_bind_text(statement, 3, by);
    db_bind_int(statement, 4, db_now_us(store));
    return rows_change(statement, "host", name, error);
}

bool
store_set_host_fence_error(Store *store, const char *name, const char *reason, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_FENCE_ERROR, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_text(statement, 2, reason);
    db_bind_int(statement, 3, db_now_us(store));
    return rows_change(statement, "host", name, error);
}

static bool
set_connection(Store *store, const char *name, bool connected, const char *connect_error,
    int64_t last_seen_us, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_CONNECTION, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_int(statement, 2, connected);
    db_bind_text(statement, 3, connect_error);
    db_bind_int(statement, 4, last_seen_us);
    db_bind_int(statement, 5, db_now_us(store));
    return rows_change(statement, "host", name, error);
}

bool
store_set_host_connection(Store *store, const char *name, bool connected, const char *connect_error,
    int64_t last_seen_us, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL &&
        set_connection(store, name, connected, connect_error, last_seen_us, error) &&
        canaries_on_connection(store, name, connected, error) && db_commit(transaction, error);
}

bool
store_set_host_facts(Store *store, const char *name, const HostFacts *facts, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_FACTS, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_text(statement, 2, facts->hostname);
    db_bind_text(statement, 3, facts->hypervisor_type);
    db_bind_int(statement, 4, facts->hypervisor_version);
    db_bind_int(statement, 5, facts->libvirt_version);
    db_bind_text(statement, 6, facts->arch);
    db_bind_text(statement, 7, facts->cpu_json != NULL ? facts->cpu_json : "{}");
    db_bind_int(statement, 8, facts->vcpus);
    db_bind_int(statement, 9, facts->memory_mib);
    db_bind_int(statement, 10, facts->memory_free_mib);
    db_bind_int(statement, 11, facts->pool_capacity_bytes);
    db_bind_int(statement, 12, facts->pool_available_bytes);
    db_bind_text(statement, 13, facts->pool_path);
    db_bind_int(statement, 14, facts->uptime_s);
    db_bind_int(statement, 15, facts->running_domains);
    db_bind_text(statement, 16, facts->host_uuid);
    db_bind_text(statement, 17, facts->pool_id);
    db_bind_text(statement, 18, facts->pool_json);
    db_bind_text(statement, 19, facts->offers);
    db_bind_text(statement, 20, facts->certificate_json);
    db_bind_text(statement, 21, facts->cpu_class);
    db_bind_text(statement, 22, facts->topology);
    db_bind_int(statement, 23, facts->has_floating_cpus);
    db_bind_int(statement, 24, facts->floating_cpus);
    db_bind_text(statement, 25, facts->pci_devices);
    db_bind_text(statement, 26, facts->bridges);
    db_bind_int(statement, 27, facts->hides_devices);
    return rows_change(statement, "host", name, error);
}

bool
store_set_host_memory(Store *store, const char *name, const HostMemory *memory, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_MEMORY, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_int(statement, 2, memory->total_mib);
    db_bind_int(statement, 3, memory->free_mib);
    return rows_change(statement, "host", name, error);
}

static bool
touch_host(Store *store, const char *name, int64_t last_seen_us, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_TOUCH, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, name);
    db_bind_int(statement, 2, last_seen_us);
    return db_run(statement, NULL, error);
}

bool
store_touch_hosts(
    Store *store, const GPtrArray *names, const int64_t *last_seen_us, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_unsynced(store, error);

    if (transaction == NULL) {
        return false;
    }
    for (unsigned i = 0; i < names->len; i++) {
        if (!touch_host(store, names->pdata[i], last_seen_us[i], error)) {
            return false;
        }
    }
    return db_commit(transaction, error);
}
