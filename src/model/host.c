/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/host.h"
#include <string.h>

#include "model/topology.h"

Host *
host_new(void)
{
    Host *host = g_new0(Host, 1);

    host->enabled = true;
    host->fence_options = g_strdup("");
    return host;
}

void
host_facts_clear(HostFacts *facts)
{
    g_free(facts->hostname);
    g_free(facts->host_uuid);
    g_free(facts->hypervisor_type);
    g_free(facts->arch);
    g_free(facts->cpu_json);
    g_free(facts->cpu_class);
    g_free(facts->pool_path);
    g_free(facts->pool_id);
    g_free(facts->pool_json);
    g_free(facts->certificate_json);
    g_free(facts->offers);
    g_free(facts->topology);
    g_free(facts->pci_devices);
    g_free(facts->bridges);
    *facts = (HostFacts){0};
}

PoolsKnown
host_compare_pools(const Host *one, const Host *other)
{
    const char *id = one->has_facts ? one->facts.pool_id : NULL;
    const char *other_id = other->has_facts ? other->facts.pool_id : NULL;
    if (id == NULL || *id == '\0' || other_id == NULL || *other_id == '\0') {
        return POOLS_UNKNOWN;
    }
    return strcmp(id, other_id) == 0 ? POOLS_ONE : POOLS_TWO;
}

void
host_facts_copy(const HostFacts *from, HostFacts *ret_to)
{
    HostFacts copy = *from;

    copy.hostname = g_strdup(from->hostname);
    copy.host_uuid = g_strdup(from->host_uuid);
    copy.hypervisor_type = g_strdup(from->hypervisor_type);
    copy.arch = g_strdup(from->arch);
    copy.cpu_json = g_strdup(from->cpu_json);
    copy.cpu_class = g_strdup(from->cpu_class);
    copy.pool_path = g_strdup(from->pool_path);
    copy.pool_id = g_strdup(from->pool_id);
    copy.pool_json = g_strdup(from->pool_json);
    copy.certificate_json = g_strdup(from->certificate_json);
    copy.offers = g_strdup(from->offers);
    copy.topology = g_strdup(from->topology);
    copy.pci_devices = g_strdup(from->pci_devices);
    copy.bridges = g_strdup(from->bridges);
    host_facts_clear(ret_to);
    *ret_to = copy;
}

int
host_floating_cpus(const HostFacts *facts)
{
    return facts->has_floating_cpus ? facts->floating_cpus : facts->vcpus;
}

int
host_dedicated_cpus(const HostFacts *facts)
{
    /* No set is named: the cells need not be read. */
    if (!facts->has_floating_cpus) {
        return 0;
    }
    g_autoptr(HostTopology) topology = host_topology_parse(facts->topology);
    if (topology == NULL) {
        return 0;
    }
    CpuSet all = host_topology_cpus(topology);
    CpuSet dedicated = cpu_set_both(&all, &topology->dedicated);
    return cpu_set_count(&dedicated);
}

void
host_free(Host *host)
{
    if (host == NULL) {
        return;
    }
    g_free(host->id);
    g_free(host->hypervisor_id);
    g_free(host->name);
    g_free(host->uri);
    g_free(host->peer_uri);
    g_free(host->migration_address);
    g_free(host->pool);
    g_free(host->zone);
    host_aggregates_unref(host->aggregates);
    g_free(host->disabled_reason);
    g_free(host->connect_error);
    g_free(host->forced_down_by);
    g_free(host->fence_agent);
    g_free(host->fence_options);
    g_free(host->fenced_by);
    g_free(host->fence_error);
    host_facts_clear(&host->facts);
    g_free(host);
}

void
host_usage_free(HostUsage *usage)
{
    if (usage != NULL) {
        g_free(usage->topologies);
        g_free(usage->devices);
        g_free(usage);
    }
}

HostUsage *
host_usage_get(GHashTable *table, const char *host)
{
    HostUsage *usage = g_hash_table_lookup(table, host);

    if (usage == NULL) {
        usage = g_new0(HostUsage, 1);
        g_hash_table_insert(table, g_strdup(host), usage);
    }
    return usage;
}

/* A line more. */
static void
add_line(char **text, const char *line)
{
    char *longer = *text != NULL ? g_strconcat(*text, "\n", line, NULL) : g_strdup(line);

    g_free(*text);
    *text = longer;
}

void
host_usage_add_topology(HostUsage *usage, int vcpus, const char *topology)
{
    if (topology == NULL) {
        return;
    }
    /* Guests that float take no processor for good. */
    usage->dedicated_vcpus += guest_topology_is_pinned(topology) ? vcpus : 0;
    usage->idle_cpus += guest_topology_count_idle(topology);
    add_line(&usage->topologies, topology);
    usage->cells_left = 0;
}

void
host_usage_add_devices(HostUsage *usage, const char *devices)
{
    if (devices != NULL) {
        add_line(&usage->devices, devices);
        usage->devices_left = 0;
    }
}

static const char *const power_names[] = {
    [HOST_POWER_UNKNOWN] = "unknown",
    [HOST_POWER_OFF] = "off",
    [HOST_POWER_ON] = "on",
};

const char *
host_power_name(HostPower power)
{
    return power_names[power];
}

bool
host_power_parse(const char *text, HostPower *ret_power)
{
    for (size_t i = 0; i < G_N_ELEMENTS(power_names); i++) {
        if (g_strcmp0(text, power_names[i]) == 0) {
            *ret_power = (HostPower)i;
            return true;
        }
    }
    return false;
}

bool
host_is_fenced(const Host *host)
{
    return host->forced_down || host->fenced_us != 0;
}

const char *
host_cell(const Host *host)
{
    return host->aggregates != NULL ? host->aggregates->cell : NULL;
}

bool
host_is_up(const Host *host, int64_t now_us, int64_t service_down_time_us)
{
    if (host_is_fenced(host) || host->last_seen_us == 0) {
        return false;
    }
    return now_us - host->last_seen_us <= service_down_time_us;
}

HostEmulator
host_emulator(const HostFacts *facts)
{
    if (facts->offers == NULL) {
        return HOST_EMULATOR_UNKNOWN;
    }
    size_t length = strcspn(facts->offers, ",");
    return length == 3 && strncmp(facts->offers, "kvm", 3) == 0 ? HOST_EMULATOR_KVM
                                                                : HOST_EMULATOR_QEMU;
}

bool
host_tells_pools(const HostFacts *facts)
{
    return facts->offers != NULL && strstr(facts->offers, ",pool=") != NULL;
}

/* A name with a comma is never told. */
HostPool
host_find_pool(const HostFacts *facts, const char *pool)
{
    if (!host_tells_pools(facts) || strchr(pool, ',') != NULL) {
        return HOST_POOL_UNKNOWN;
    }
    g_autofree char *active = g_strdup_printf("pool=%s", pool);
    g_autofree char *stopped = g_strdup_printf("stopped=%s", pool);
    g_auto(GStrv) words = g_strsplit(facts->offers, ",", -1);
    return g_strv_contains((const char *const *)words, active) ? HOST_POOL_ACTIVE
        : g_strv_contains((const char *const *)words, stopped) ? HOST_POOL_STOPPED
                                                               : HOST_POOL_MISSING;
}

bool
host_lacks_pool(const HostFacts *facts, const char *pool)
{
    HostPool found = host_find_pool(facts, pool);
    return found == HOST_POOL_MISSING || found == HOST_POOL_STOPPED;
}

bool
host_lacks_bridge(const HostFacts *facts, const char *bridge)
{
    g_auto(GStrv) words = facts->bridges != NULL ? g_strsplit(facts->bridges, ",", -1) : NULL;
    return words != NULL && !g_strv_contains((const char *const *)words, bridge);
}

char *
host_pool_fix(const char *pool)
{
    return g_strdup_printf("define it there as on the other hosts ('virsh pool-define'), then "
                           "'virsh pool-start %s' and 'virsh pool-autostart %s'",
        pool, pool);
}

bool
host_is_named(char *const *patterns, const char *name)
{
    bool is_named = patterns == NULL;

    for (size_t i = 0; !is_named && patterns[i] != NULL; i++) {
        is_named = g_pattern_match_simple(patterns[i], name);
    }
    return is_named;
}
