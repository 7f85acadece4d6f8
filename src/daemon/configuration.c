/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/configuration.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/config_keys.h"
#include "migration/converge.h"
#include "model/host.h"

#define DEFAULT_CONFIG "/etc/drover/drover.conf"
#define DEFAULT_CONFIG_DIR "/etc/drover/conf.d"

/* ---- what contradicts what ---- */

static bool
check_log(const Config *config, GError **error)
{
    LogLevel level;
    const char *level_name = config_get(config, "DEFAULT", "log_level");

    return log_level_parse(level_name, &level) ||
        error_set(error, ERROR_INVALID,
            "%s: 'log_level' must be error, warning, info or debug, not '%s'",
            config_where(config, "DEFAULT", "log_level"), level_name);
}

static bool
is_pattern(const char *host)
{
    return strpbrk(host, "*?") != NULL;
}

/* One address is that of one host. */
static bool
check_inbound_address(const Config *config, bool is_one_host, GError **error)
{
    const char *address = config_get(config, "libvirt", "live_migration_inbound_addr");

    return *address == '\0' || is_one_host || strstr(address, "%s") != NULL ||
        error_set(error, ERROR_INVALID,
            "%s: 'live_migration_inbound_addr' = '%s' would be the address of several hosts: let "
            "%%s stand for the name of the host, or put it into a group of one host",
            config_where(config, "libvirt", "live_migration_inbound_addr"), address);
}

static bool
check_ports(const Config *config, GError **error)
{
    int64_t min = config_get_int(config, "libvirt", "migration_port_min");
    int64_t max = config_get_int(config, "libvirt", "migration_port_max");

    return min <= max ||
        error_set(error, ERROR_INVALID,
            "%s: 'migration_port_max' = %" G_GINT64_FORMAT
            " is below migration_port_min = %" G_GINT64_FORMAT,
            config_where(config, "libvirt", "migration_port_max"), max, min);
}

/* seen: host -> where it was named before. */
static bool
check_members(GHashTable *seen, const Config *group, GStrv hosts, GError **error)
{
    const char *where = config_where(group, "libvirt", "hosts");
    const char *name = config_group_name(group);

    if (hosts[0] == NULL) {
        return error_set(error, ERROR_INVALID,
            "%s: group [libvirt:%s] has no hosts: say which with 'hosts = NAME, NAME*'",
            config_group_where(group), name);
    }
    for (size_t i = 0; hosts[i] != NULL; i++) {
        const char *first = g_hash_table_lookup(seen, hosts[i]);
        if (first != NULL) {
            return error_set(error, ERROR_INVALID,
                "%s: host '%s' is in another group already, by %s", where, hosts[i], first);
        }
        g_hash_table_insert(seen, g_strdup(hosts[i]), (void *)where);
    }
    return true;
}

static bool
check_groups(const Config *config, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        g_auto(GStrv) hosts = config_get_list(group, "libvirt", "hosts");
        bool is_one = hosts[0] != NULL && hosts[1] == NULL && !is_pattern(hosts[0]);
        if (!check_members(seen, group, hosts, error) ||
            !check_inbound_address(group, is_one, error) || !check_ports(group, error)) {
            return false;
        }
    }
    return true;
}

static void
warn_of_useless(const Config *config, GPtrArray *warnings)
{
    const char *action = config_get(config, "libvirt", "live_migration_timeout_action");

    if (g_str_equal(action, "force_complete") &&
        config_get_int(config, "libvirt", "live_migration_completion_timeout") == 0) {
        g_ptr_array_add(warnings,
            g_strdup_printf("%s: 'live_migration_timeout_action' does nothing while "
                            "live_migration_completion_timeout is 0",
                config_where(config, "libvirt", "live_migration_timeout_action")));
    }
}

/* Names of filters that Nova has and that change nothing here are worth a warning each. */
static bool
check_filters(const Config *config, GPtrArray *warnings, GError **error)
{
    const char *where = config_where(config, "filter_scheduler", "enabled_filters");
    g_auto(GStrv) names = config_get_list(config, "filter_scheduler", "enabled_filters");
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    unsigned filters_off = 0;
    bool has_instances = false;

    if (!placement_read_filters(names, &filters_off, &has_instances, sentences, error)) {
        g_prefix_error(error, "%s: enabled_filters: ", where);
        return false;
    }
    for (unsigned i = 0; i < sentences->len; i++) {
        g_ptr_array_add(warnings, g_strdup_printf("%s: enabled_filters: %s", where,
                                      (const char *)sentences->pdata[i]));
    }
    return true;
}

static bool
check_cpu(const Config *config, GError **error)
{
    static const char *const modes[] = {
        "", "host-model", "host-passthrough", "maximum", "custom", "none", NULL};
    const char *mode = config_get(config, "libvirt", "cpu_mode");
    g_auto(GStrv) models = config_get_list(config, "libvirt", "cpu_models");
    g_auto(GStrv) flags = config_get_list(config, "libvirt", "cpu_model_extra_flags");
    bool is_custom = strcmp(mode, "custom") == 0;

    if (!g_strv_contains(modes, mode)) {
        return error_set(error, ERROR_INVALID,
            "[libvirt] cpu_mode = %s: it is host-model, host-passthrough, maximum, custom or none",
            mode);
    }
    if (is_custom != (models[0] != NULL)) {
        return error_set(error, ERROR_INVALID,
            is_custom ? "[libvirt] cpu_mode = custom needs cpu_models"
                      : "[libvirt] cpu_models needs cpu_mode = custom");
    }
    return flags[0] == NULL || (strcmp(mode, "none") != 0 && mode[0] != '\0') ||
        error_set(error, ERROR_INVALID,
            "[libvirt] cpu_model_extra_flags needs a cpu_mode other than none");
}

static bool
check_graphics(const Config *config, const char *section, GError **error)
{
    static const char *const everywhere[] = {"127.0.0.1", "::1", "0.0.0.0", "::", NULL};
    const char *address = config_get(config, section, "server_listen");

    return g_strv_contains(everywhere, address) ||
        error_set(error, ERROR_INVALID,
            "[%s] server_listen = %s: it is 127.0.0.1, ::1, 0.0.0.0 or ::, because an address of "
            "one host is none of the host that a guest moves to",
            section, address);
}

bool
configuration_parse_listen(
    const Config *config, char **ret_address, uint16_t *ret_port, GError **error)
{
    const char *text = config_get(config, "api", "listen");
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 0, UINT16_MAX, &port, NULL)) {
        return error_set(error, ERROR_INVALID,
            "[api] listen is ADDRESS:PORT, for example 127.0.0.1:8774, not '%s'", text);
    }
    g_autofree char *address = g_strndup(text, (size_t)(colon - text));
    size_t length = strlen(address);
    if (length > 2 && address[0] == '[' && address[length - 1] == ']') {
        *ret_address = g_strndup(address + 1, length - 2);
    } else {
        *ret_address = g_steal_pointer(&address);
    }
    *ret_port = (uint16_t)port;
    return true;
}

static bool
check_api(const Config *config, GError **error)
{
    bool has_cert = config_get_or_null(config, "api", "tls_cert") != NULL;
    bool has_key = config_get_or_null(config, "api", "tls_key") != NULL;
    g_autofree char *address = NULL;
    uint16_t port;

    return configuration_parse_listen(config, &address, &port, error) &&
        (has_cert == has_key ||
            error_set(error, ERROR_INVALID, "[api] tls_cert and tls_key need each other"));
}

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

Config *
configuration_load(const ConfigSources *sources, GPtrArray **ret_warnings, GError **error)
{
    const char *path = choose_path(sources->file, DEFAULT_CONFIG, true);
    const char *directory =
        choose_path(sources->directory, DEFAULT_CONFIG_DIR, sources->file == NULL);
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Config) config = config_load(
        daemon_config_keys, daemon_config_obsolete, path, directory, &warnings, error);

    if (config == NULL) {
        return NULL;
    }
    if (sources->state_path != NULL &&
        !config_set(config, "DEFAULT", "state_path", sources->state_path, error)) {
        return NULL;
    }
    if (!check_log(config, error) || !check_inbound_address(config, false, error) ||
        !check_ports(config, error) || !check_groups(config, error) || !check_cpu(config, error) ||
        !check_graphics(config, "vnc", error) || !check_graphics(config, "spice", error) ||
        !check_api(config, error) ||
        !check_filters(config, warnings, error)) {
        return NULL;
    }
    warn_of_useless(config, warnings);
    *ret_warnings = g_steal_pointer(&warnings);
    return g_steal_pointer(&config);
}

/* ---- where instances may go ---- */

PlacementPolicy
configuration_placement(const Config *config)
{
    g_auto(GStrv) names = config_get_list(config, "filter_scheduler", "enabled_filters");
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    bool has_instances = false;
    PlacementPolicy policy = {
        .cpu_allocation_ratio = config_get_float(config, "DEFAULT", "cpu_allocation_ratio"),
        .ram_allocation_ratio = config_get_float(config, "DEFAULT", "ram_allocation_ratio"),
        .disk_allocation_ratio = config_get_float(config, "DEFAULT", "disk_allocation_ratio"),
        .reserved_host_memory_mib =
            (int)config_get_int(config, "DEFAULT", "reserved_host_memory_mb"),
    };

    /* They were read before, when the configuration was loaded. */
    if (placement_read_filters(names, &policy.filters_off, &has_instances, sentences, NULL) &&
        has_instances) {
        policy.max_instances_per_host =
            (int)config_get_int(config, "filter_scheduler", "max_instances_per_host");
    }
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
    };
}

LivePolicy *
configuration_live_policy(const Config *config)
{
    LiveSettings for_all = read_live_settings(config);
    LivePolicy *policy = live_policy_new(&for_all);

    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        LiveSettings settings = read_live_settings(group);
        g_auto(GStrv) hosts = config_get_list(group, "libvirt", "hosts");
        live_policy_add_group(
            policy, config_group_name(group), (const char *const *)hosts, &settings);
    }
    return policy;
}

const Config *
configuration_for_host(const Config *config, const char *host)
{
    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        g_auto(GStrv) hosts = config_get_list(group, "libvirt", "hosts");
        for (size_t j = 0; hosts[j] != NULL; j++) {
            if (g_pattern_match_simple(hosts[j], host)) {
                return group;
            }
        }
    }
    return config;
}

bool
configuration_check_hosts(const Config *config, const GPtrArray *hosts, GError **error)
{
    g_autoptr(LivePolicy) policy = configuration_live_policy(config);

    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        const LiveSettings *settings = live_policy_for(policy, host->name);
        if (!converge_check_parallel(settings, host, error)) {
            const Config *group = configuration_for_host(config, host->name);
            g_prefix_error(error, "%s: ",
                config_where(group, "libvirt", "live_migration_parallel_connections"));
            return false;
        }
    }
    return true;
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

static void
compare_key(GPtrArray *changes, const ConfigKey *key, const Config *old_config,
    const Config *new_config, const char *host)
{
    const char *from = config_get(old_config, key->section, key->name);
    const char *to = config_get(new_config, key->section, key->name);
    unsigned first = changes->len;

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
configuration_compare(const Config *old_config, const Config *new_config, const GPtrArray *hosts)
{
    GPtrArray *changes = g_ptr_array_new_with_free_func(change_free);

    for (const ConfigKey *key = daemon_config_keys; key->section != NULL; key++) {
        if ((key->flags & CONFIG_GROUP_ONLY) != 0) {
            continue; /* what it changes is what its hosts get */
        }
        compare_key(changes, key, old_config, new_config, NULL);
        for (unsigned i = 0; (key->flags & CONFIG_GROUP) != 0 && i < hosts->len; i++) {
            const char *host = ((const Host *)hosts->pdata[i])->name;
            compare_key(changes, key, configuration_for_host(old_config, host),
                configuration_for_host(new_config, host), host);
        }
    }
    return changes;
}

GPtrArray *
configuration_list(const Config *config, const char *host)
{
    const Config *view = host != NULL ? configuration_for_host(config, host) : config;
    GPtrArray *values = g_ptr_array_new_with_free_func(g_free);

    for (const ConfigKey *key = daemon_config_keys; key->section != NULL; key++) {
        bool is_of_host = host == NULL || (key->flags & CONFIG_GROUP) != 0;
        if ((key->flags & CONFIG_GROUP_ONLY) != 0 || !is_of_host) {
            continue;
        }
        ApiConfigValue *value = g_new0(ApiConfigValue, 1);
        *value = (ApiConfigValue){
            .section = key->section,
            .name = key->name,
            .value = config_get(view, key->section, key->name),
            .default_value = key->default_value,
            .help = key->help,
            .where = config_where(view, key->section, key->name),
            .group = view != config ? config_group_name(view) : NULL,
            .needs_restart = (key->flags & CONFIG_RELOAD) == 0,
        };
        g_ptr_array_add(values, value);
    }
    return values;
}
