/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/configuration.h"

#include "daemon/config_keys.h"
#include "daemon/configuration_check.h"
#include "model/host.h"

#define DEFAULT_CONFIG "/etc/drover/drover.conf"
#define DEFAULT_CONFIG_DIR "/etc/drover/conf.d"

/* ---- reading ---- */

/* The default file and directory may be absent; named ones may not. */
static const char *
choose_path(const char *named, const char *fallback, bool use_fallback)
{
    if (named != NULL) {
        return named;
    }
    return use_fallback && g_file_test(fallback, G_FILE_TEST_EXISTS) ? fallback : NULL;
}

const char *
configuration_directory(const ConfigSources *sources)
{
    return choose_path(sources->directory, DEFAULT_CONFIG_DIR, sources->file == NULL);
}

Config *
configuration_load(const ConfigSources *sources, const ConfigText *instead,
    GPtrArray **ret_warnings, GError **error)
{
    const char *path = choose_path(sources->file, DEFAULT_CONFIG, true);
    const char *directory = configuration_directory(sources);
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Config) config = config_load_instead(daemon_config_keys, daemon_config_obsolete,
        path, directory, instead, &warnings, error);

    if (config == NULL) {
        return NULL;
    }
    if (sources->state_path != NULL &&
        !config_set(config, "DEFAULT", "state_path", sources->state_path, error)) {
        return NULL;
    }
    if (!configuration_check(config, warnings, error)) {
        return NULL;
    }
    *ret_warnings = g_steal_pointer(&warnings);
    return g_steal_pointer(&config);
}

/* ---- where instances may go ---- */

/* As long as the program: policies are copied by whoever asks. */
static const char *
isolation_prefix(const Config *config)
{
    const char *space = config_get_or_null(
        config, "filter_scheduler", "aggregate_image_properties_isolation_namespace");
    g_autofree char *prefix = g_strconcat(space != NULL ? space : "",
        config_get(config, "filter_scheduler", "aggregate_image_properties_isolation_separator"),
        NULL);
    return space != NULL ? g_intern_string(prefix) : NULL;
}

PlacementPolicy
configuration_placement(const Config *config)
{
    g_auto(GStrv) names = config_get_list(config, "filter_scheduler", "enabled_filters");
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    PlacementPolicy policy = {
        .cpu_allocation_ratio = config_get_float(config, "DEFAULT", "cpu_allocation_ratio"),
        .ram_allocation_ratio = config_get_float(config, "DEFAULT", "ram_allocation_ratio"),
        .ram_over_commit = config_get_bool(config, "DEFAULT", "ram_over_commit"),
        .disk_allocation_ratio = config_get_float(config, "DEFAULT", "disk_allocation_ratio"),
        .reserved_host_memory_mib =
            (int)config_get_int(config, "DEFAULT", "reserved_host_memory_mb"),
        .reserved_host_cpus = (int)config_get_int(config, "DEFAULT", "reserved_host_cpus"),
        .max_instances_per_host =
            (int)config_get_int(config, "filter_scheduler", "max_instances_per_host"),
        .max_io_ops_per_host =
            (int)config_get_int(config, "filter_scheduler", "max_io_ops_per_host"),
        .image_default_arch = config_get_or_null(
            config, "filter_scheduler", "image_properties_default_architecture"),
        .image_isolation_prefix = isolation_prefix(config),
        .pci_aliases = config_get(config, "pci", "alias"),
        .decisions_kept_us =
            config_get_int(config, "filter_scheduler", "decisions_kept_hours") * 3600 *
            G_USEC_PER_SEC,
    };

    /* They were read before, when the configuration was loaded. */
    bool is_read = placement_read_filters(names, &policy.filters_off, sentences, NULL);
    g_assert(is_read);
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        policy.multipliers[i] = config_get_float(
            config, "filter_scheduler", placement_weigher_key((PlacementWeigher)i));
    }
    return policy;
}

/* ---- groups of hosts ---- */

static LiveSettings
read_live_settings(const Config *config)
{
    const char *action = config_get(config, "libvirt", "live_migration_timeout_action");

    return (LiveSettings){
        .with_tls = config_get_bool(config, "libvirt", "live_migration_with_native_tls"),
        .bandwidth_mib_s = config_get_int(config, "libvirt", "live_migration_bandwidth"),
        .downtime_ms = (int)config_get_int(config, "libvirt", "live_migration_downtime"),
        .downtime_steps = (int)config_get_int(config, "libvirt", "live_migration_downtime_steps"),
        .downtime_delay_s = (int)config_get_int(config, "libvirt", "live_migration_downtime_delay"),
        .completion_timeout_s =
            (int)config_get_int(config, "libvirt", "live_migration_completion_timeout"),
        .timeout_action = g_str_equal(action, "force_complete") ? TIMEOUT_ACTION_FORCE_COMPLETE
                                                                : TIMEOUT_ACTION_ABORT,
        .permit_auto_converge =
            config_get_bool(config, "libvirt", "live_migration_permit_auto_converge"),
        .permit_post_copy = config_get_bool(config, "libvirt", "live_migration_permit_post_copy"),
        .parallel_connections =
            (int)config_get_int(config, "libvirt", "live_migration_parallel_connections"),
        .inbound_addr = config_get(config, "libvirt", "live_migration_inbound_addr"),
        .port_min = (int)config_get_int(config, "libvirt", "migration_port_min"),
        .port_max = (int)config_get_int(config, "libvirt", "migration_port_max"),
        .connect_timeout_s =
            (int)config_get_int(config, "libvirt", "live_migration_connect_timeout"),
        .rehearse = config_get_bool(config, "libvirt", "live_migration_rehearse"),
    };
}

LivePolicy *
configuration_live_policy(const Config *config)
{
    LiveSettings for_all = read_live_settings(config);
    LivePolicy *policy = live_policy_new(&for_all);

    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        if (!configuration_is_group_of(group, "libvirt")) {
            continue;
        }
        LiveSettings settings = read_live_settings(group);
        g_auto(GStrv) hosts = config_get_list(group, "libvirt", "hosts");
        live_policy_add_group(
            policy, config_group_name(group), (const char *const *)hosts, &settings);
    }
    return policy;
}

static void
add_cpus(CpuPolicy *policy, const Config *config, char *const *hosts)
{
    cpu_policy_add(policy, hosts, config_get(config, "compute", "cpu_dedicated_set"),
        config_get(config, "compute", "cpu_shared_set"));
}

CpuPolicy *
configuration_cpu_policy(const Config *config)
{
    CpuPolicy *policy = cpu_policy_new();

    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        if (configuration_is_group_of(group, "compute")) {
            g_auto(GStrv) hosts = config_get_list(group, "compute", "hosts");
            add_cpus(policy, group, hosts);
        }
    }
    add_cpus(policy, config, NULL);
    return policy;
}

PciPolicy *
configuration_pci_policy(const Config *config)
{
    PciPolicy *policy = pci_policy_new();

    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        if (configuration_is_group_of(group, "pci")) {
            g_auto(GStrv) hosts = config_get_list(group, "pci", "hosts");
            pci_policy_add(policy, hosts, config_get(group, "pci", "device_spec"));
        }
    }
    pci_policy_add(policy, NULL, config_get(config, "pci", "device_spec"));
    return policy;
}

bool
configuration_has_pci(const Config *config)
{
    bool has = config_get(config, "pci", "device_spec")[0] != '\0';

    for (unsigned i = 0; !has && i < config_n_groups(config); i++) {
        has = config_get(config_group(config, i), "pci", "device_spec")[0] != '\0';
    }
    return has;
}

bool
configuration_is_group_of(const Config *group, const char *section)
{
    return g_str_equal(config_group_section(group), section);
}

const Config *
configuration_for_host(const Config *config, const char *section, const char *host)
{
    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        if (!configuration_is_group_of(group, section)) {
            continue;
        }
        g_auto(GStrv) hosts = config_get_list(group, section, "hosts");
        if (host_is_named(hosts, host)) {
            return group;
        }
    }
    return config;
}

LibvirtCpu
configuration_cpu_for_host(const Config *config, const char *host)
{
    const Config *group = configuration_for_host(config, "libvirt", host);

    return (LibvirtCpu){
        .mode = g_strdup(config_get(group, "libvirt", "cpu_mode")),
        .models = config_get_list(group, "libvirt", "cpu_models"),
        .flags = config_get_list(group, "libvirt", "cpu_model_extra_flags"),
    };
}

/* ---- what is, and what changes ---- */

static void
change_free(void *data)
{
    ApiConfigChange *change = data;

    g_free(change->from);
    g_free(change->to);
    g_free(change->where);
    g_ptr_array_unref(change->hosts);
    g_free(change);
}

/* The row of that change, made on first use. */
static ApiConfigChange *
take_change(GPtrArray *changes, unsigned first, const ConfigKey *key, const char *from,
    const char *to, const char *where)
{
    for (unsigned i = first; i < changes->len; i++) {
        ApiConfigChange *change = changes->pdata[i];
        if (g_str_equal(change->from, from) && g_str_equal(change->to, to)) {
            return change;
        }
    }
    ApiConfigChange *change = g_new0(ApiConfigChange, 1);
    *change = (ApiConfigChange){
        .section = key->section,
        .name = key->name,
        .from = g_strdup(from),
        .to = g_strdup(to),
        .where = g_strdup(where),
        .needs_restart = (key->flags & CONFIG_RELOAD) == 0,
        .hosts = g_ptr_array_new_with_free_func(g_free),
    };
    g_ptr_array_add(changes, change);
    return change;
}

/* started: what is in use of keys that a start alone takes. A value that a reload has read and no
 * start has taken was never in use, and one that is as it was at the start changes nothing. */
static void
compare_key(GPtrArray *changes, const ConfigKey *key, const Config *started,
    const Config *old_config, const Config *new_config, const char *host)
{
    const char *from = config_get(old_config, key->section, key->name);
    const char *to = config_get(new_config, key->section, key->name);
    unsigned first = changes->len;

    if ((key->flags & CONFIG_RELOAD) == 0 && !g_str_equal(from, to)) {
        from = config_get(started, key->section, key->name);
    }
    while (first > 0 && ((ApiConfigChange *)changes->pdata[first - 1])->name == key->name) {
        first--;
    }
    if (g_str_equal(from, to)) {
        return;
    }
    ApiConfigChange *change = take_change(
        changes, first, key, from, to, config_where(new_config, key->section, key->name));
    if (host != NULL) {
        g_ptr_array_add(change->hosts, g_strdup(host));
    }
}

GPtrArray *
configuration_compare(const Config *started, const Config *old_config, const Config *new_config,
    const GPtrArray *hosts)
{
    GPtrArray *changes = g_ptr_array_new_with_free_func(change_free);

    for (const ConfigKey *key = daemon_config_keys; key->section != NULL; key++) {
        if ((key->flags & CONFIG_GROUP_ONLY) != 0) {
            continue; /* what it changes is what its hosts get */
        }
        compare_key(changes, key, started, old_config, new_config, NULL);
        for (unsigned i = 0; (key->flags & CONFIG_GROUP) != 0 && i < hosts->len; i++) {
            const char *host = ((const Host *)hosts->pdata[i])->name;
            compare_key(changes, key, configuration_for_host(started, key->section, host),
                configuration_for_host(old_config, key->section, host),
                configuration_for_host(new_config, key->section, host), host);
        }
    }
    return changes;
}

/* What waits for the next start; NULL: nothing does. */
static const char *
find_next_value(const ConfigKey *key, const Config *used, const Config *latest)
{
    const char *next = config_get(latest, key->section, key->name);

    return g_str_equal(next, config_get(used, key->section, key->name)) ? NULL : next;
}

GPtrArray *
configuration_list(const Config *started, const Config *latest, const char *host)
{
    GPtrArray *values = g_ptr_array_new_with_free_func(g_free);

    for (const ConfigKey *key = daemon_config_keys; key->section != NULL; key++) {
        bool is_of_host = host == NULL || (key->flags & CONFIG_GROUP) != 0;
        if ((key->flags & CONFIG_GROUP_ONLY) != 0 || !is_of_host) {
            continue;
        }
        const Config *view =
            host != NULL ? configuration_for_host(latest, key->section, host) : latest;
        bool needs_restart = (key->flags & CONFIG_RELOAD) == 0;
        const Config *of_start =
            host != NULL ? configuration_for_host(started, key->section, host) : started;
        const Config *used = needs_restart ? of_start : view;
        ApiConfigValue *value = g_new0(ApiConfigValue, 1);
        *value = (ApiConfigValue){
            .section = key->section,
            .name = key->name,
            .value = config_get(used, key->section, key->name),
            .next_value = find_next_value(key, used, view),
            .default_value = key->default_value,
            .help = key->help,
            .where = config_where(used, key->section, key->name),
            .group = view != latest ? config_group_name(view) : NULL,
            .needs_restart = needs_restart,
        };
        g_ptr_array_add(values, value);
    }
    return values;
}
