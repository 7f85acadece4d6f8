/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/configuration_check.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/configuration.h"
#include "migration/converge.h"
#include "model/host.h"
#include "scheduler/pci.h"

#define POOL_PATTERN "^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$"

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

static bool
check_cpu(const Config *config, GError **error)
{
    const char *mode = config_get(config, "libvirt", "cpu_mode");
    g_auto(GStrv) models = config_get_list(config, "libvirt", "cpu_models");
    g_auto(GStrv) flags = config_get_list(config, "libvirt", "cpu_model_extra_flags");
    bool is_custom = strcmp(mode, "custom") == 0;

    if (is_custom && models[0] == NULL) {
        return error_set(error, ERROR_INVALID, "%s: 'cpu_mode' = custom needs cpu_models",
            config_where(config, "libvirt", "cpu_mode"));
    }
    if (!is_custom && models[0] != NULL) {
        return error_set(error, ERROR_INVALID, "%s: 'cpu_models' needs cpu_mode = custom",
            config_where(config, "libvirt", "cpu_models"));
    }
    return flags[0] == NULL || (strcmp(mode, "none") != 0 && mode[0] != '\0') ||
        error_set(error, ERROR_INVALID,
            "%s: 'cpu_model_extra_flags' needs a cpu_mode other than none",
            config_where(config, "libvirt", "cpu_model_extra_flags"));
}

/* seen: host -> where it was named before. */
static bool
check_members(GHashTable *seen, const Config *group, GStrv hosts, GError **error)
{
    const char *section = config_group_section(group);
    const char *where = config_where(group, section, "hosts");
    const char *name = config_group_name(group);

    if (hosts[0] == NULL) {
        return error_set(error, ERROR_INVALID,
            "%s: group [%s:%s] has no hosts: say which with 'hosts = NAME, NAME*'",
            config_group_where(group), section, name);
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

/* What the group of those hosts, or the whole, says of processors. */
static bool
check_cpu_sets(const Config *config, GError **error)
{
    static const char *const names[] = {"cpu_dedicated_set", "cpu_shared_set"};
    CpuSet sets[2] = {0};

    for (int i = 0; i < 2; i++) {
        const char *text = config_get(config, "compute", names[i]);
        if (text[0] != '\0' && (!cpu_set_parse(text, &sets[i]) || cpu_set_is_empty(&sets[i]))) {
            return error_set(error, ERROR_INVALID,
                "%s: '%s' must be a list of processors below %d, for example 2-7,^4, not '%s'",
                config_where(config, "compute", names[i]), names[i], CPU_SET_MAX, text);
        }
    }
    CpuSet both = cpu_set_both(&sets[0], &sets[1]);
    g_autofree char *text = cpu_set_text(&both);
    return cpu_set_is_empty(&both) ||
        error_set(error, ERROR_INVALID,
            "%s: 'cpu_shared_set' and cpu_dedicated_set both have %s: a processor is for one kind "
            "of instance",
            config_where(config, "compute", "cpu_shared_set"), text);
}

/* ---- PCI devices ---- */

static bool
at_line(const Config *config, const char *name, unsigned line, GError **error)
{
    g_autofree char *where = config_where_line(config, "pci", name, line);

    g_prefix_error(error, "%s: '%s': ", where, name);
    return false;
}

static bool
check_device_spec(const Config *config, GError **error)
{
    unsigned line = 0;
    g_autoptr(GArray) specs =
        pci_specs_read(config_get(config, "pci", "device_spec"), &line, error);

    return specs != NULL || at_line(config, "device_spec", line, error);
}

/* Devices that nobody can ask for are a slip, or half of a change: a warning. */
static bool
check_pci(const Config *config, GPtrArray *warnings, GError **error)
{
    unsigned line = 0;
    const char *text = config_get(config, "pci", "alias");
    g_autoptr(GArray) aliases = pci_aliases_read(text, &line, error);

    if (aliases == NULL) {
        return at_line(config, "alias", line, error);
    }
    const char *specs = config_get(config, "pci", "device_spec");
    if (specs[0] != '\0' && text[0] == '\0') {
        g_ptr_array_add(warnings,
            g_strdup_printf("%s: 'device_spec' names devices that nobody can ask for: no [pci] "
                            "alias is set",
                config_where(config, "pci", "device_spec")));
    }
    return check_device_spec(config, error);
}

static bool
check_group(GHashTable *seen, const Config *group, GError **error)
{
    g_auto(GStrv) hosts = config_get_list(group, config_group_section(group), "hosts");
    bool is_one = hosts[0] != NULL && hosts[1] == NULL && !is_pattern(hosts[0]);

    if (!check_members(seen, group, hosts, error)) {
        return false;
    }
    if (configuration_is_group_of(group, "pci")) {
        return check_device_spec(group, error);
    }
    return configuration_is_group_of(group, "compute")
        ? check_cpu_sets(group, error)
        : check_inbound_address(group, is_one, error) && check_ports(group, error) &&
            check_cpu(group, error);
}

static bool
check_groups(const Config *config, GError **error)
{
    static const char *const sections[] = {"libvirt", "compute", "pci"};

    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (unsigned j = 0; j < config_n_groups(config); j++) {
            const Config *group = config_group(config, j);
            if (configuration_is_group_of(group, sections[i]) &&
                !check_group(seen, group, error)) {
                return false;
            }
        }
    }
    return check_cpu_sets(config, error);
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

    if (!placement_read_filters(names, &filters_off, sentences, error)) {
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
check_graphics(const Config *config, const char *section, GError **error)
{
    static const char *const everywhere[] = {"127.0.0.1", "::1", "0.0.0.0", "::", NULL};
    const char *address = config_get(config, section, "server_listen");

    return g_strv_contains(everywhere, address) ||
        error_set(error, ERROR_INVALID,
            "%s: 'server_listen' must be 127.0.0.1, ::1, 0.0.0.0 or ::, not '%s': an address of "
            "one host is none of the host that a guest moves to",
            config_where(config, section, "server_listen"), address);
}

/* As the API takes the name of a host's pool. */
static bool
check_pool(const Config *config, GError **error)
{
    const char *pool = config_get(config, "volumes", "pool");

    return *pool == '\0' || g_regex_match_simple(POOL_PATTERN, pool, 0, 0) ||
        error_set(error, ERROR_INVALID,
            "%s: 'pool' must be the name of a storage pool, of letters, digits, '.', '_' and '-', "
            "not '%s'",
            config_where(config, "volumes", "pool"), pool);
}

/* One that somebody has set and that is not there would be noticed when a host is to be fenced. */
static bool
check_fencing(const Config *config, GError **error)
{
    const char *path = config_get(config, "fencing", "agent_path");

    return g_file_test(path, G_FILE_TEST_IS_DIR) ||
        error_set(error, ERROR_INVALID,
            "%s: 'agent_path' must be the directory with the fence agents, and there is no "
            "directory '%s'",
            config_where(config, "fencing", "agent_path"), path);
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
            "%s: 'listen' must be ADDRESS:PORT, for example 127.0.0.1:8774, not '%s'",
            config_where(config, "api", "listen"), text);
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
            error_set(error, ERROR_INVALID, "%s: 'tls_cert' and 'tls_key' need each other",
                config_where(config, "api", has_cert ? "tls_cert" : "tls_key")));
}

/* ---- the whole ---- */

bool
configuration_check(const Config *config, GPtrArray *warnings, GError **error)
{
    if (!check_log(config, error) || !check_inbound_address(config, false, error) ||
        !check_ports(config, error) || !check_groups(config, error) || !check_cpu(config, error) ||
        !check_graphics(config, "vnc", error) || !check_graphics(config, "spice", error) ||
        !check_pool(config, error) || !check_fencing(config, error) || !check_api(config, error) ||
        !check_pci(config, warnings, error) || !check_filters(config, warnings, error)) {
        return false;
    }
    warn_of_useless(config, warnings);
    return true;
}

/* ---- with the hosts that are known ---- */

bool
configuration_check_hosts(const Config *config, const GPtrArray *hosts, GError **error)
{
    g_autoptr(LivePolicy) policy = configuration_live_policy(config);

    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        const LiveSettings *settings = live_policy_for(policy, host->name);
        if (!converge_check_parallel(settings, host, error)) {
            const Config *group = configuration_for_host(config, "libvirt", host->name);
            g_prefix_error(error, "%s: ",
                config_where(group, "libvirt", "live_migration_parallel_connections"));
            return false;
        }
    }
    return true;
}

static bool
is_known(const GPtrArray *hosts, const char *name)
{
    for (unsigned i = 0; i < hosts->len; i++) {
        if (g_str_equal(((const Host *)hosts->pdata[i])->name, name)) {
            return true;
        }
    }
    return false;
}

/* The group before this one that has a host which this one names; NULL: this one has a host itself,
 * or names none. */
static const Config *
find_shadow(const Config *config, const Config *group, GStrv names, const GPtrArray *hosts)
{
    const Config *shadow = NULL;

    for (unsigned i = 0; i < hosts->len; i++) {
        const char *host = ((const Host *)hosts->pdata[i])->name;
        const Config *first = configuration_for_host(config, config_group_section(group), host);
        if (first == group) {
            return NULL;
        }
        if (host_is_named(names, host)) {
            shadow = first;
        }
    }
    return shadow;
}

static void
warn_of_group(
    const Config *config, const Config *group, const GPtrArray *hosts, GPtrArray *warnings)
{
    const char *section = config_group_section(group);
    g_auto(GStrv) names = config_get_list(group, section, "hosts");
    const char *where = config_where(group, section, "hosts");
    const Config *shadow = find_shadow(config, group, names, hosts);

    for (size_t i = 0; names[i] != NULL; i++) {
        if (!is_pattern(names[i]) && !is_known(hosts, names[i])) {
            g_ptr_array_add(warnings, g_strdup_printf("%s: there is no host '%s', which is in "
                                                      "group [%s:%s]",
                                          where, names[i], section, config_group_name(group)));
        }
    }
    if (shadow != NULL) {
        g_ptr_array_add(warnings,
            g_strdup_printf("%s: group [%s:%s] holds for no host: [%s:%s] of %s comes "
                            "before it and has them",
                where, section, config_group_name(group), section, config_group_name(shadow),
                config_group_where(shadow)));
    }
}

void
configuration_warn_of_hosts(const Config *config, const GPtrArray *hosts, GPtrArray *warnings)
{
    for (unsigned i = 0; hosts->len > 0 && i < config_n_groups(config); i++) {
        warn_of_group(config, config_group(config, i), hosts, warnings);
    }
}
