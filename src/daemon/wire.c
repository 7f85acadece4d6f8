/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/wire.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "auth/auth.h"
#include "base/error.h"
#include "base/log.h"
#include "cold/cold.h"
#include "daemon/configuration_check.h"
#include "daemon/cpu_apply.h"
#include "daemon/hypervisors.h"
#include "dashboard/dashboard.h"
#include "engine/engine.h"
#include "evacuation/evacuation.h"
#include "migration/migration.h"

/* libvirt-facts R7: nothing waits without bound. */
#define PREPARE_TIMEOUT_US (60 * G_USEC_PER_SEC)
#define SWITCHOVER_TIMEOUT_US (60 * G_USEC_PER_SEC)
/* A migration is looked at beside its events this often. */
#define WATCH_INTERVAL_US G_USEC_PER_SEC

struct Daemon {
    const ConfigSources *sources;
    const Config *config; /* of the start: what is asked of it once is borrowed for ever */
    GMutex config_lock;   /* current, and the order of reloads */
    Config *current;      /* of the last reload; NULL = that of the start */
    char *image_directory;
    CpuPolicy *cpus; /* of the start */
    PciPolicy *pci;  /* the same */
    Store *store;
    Hypervisor *libvirt;
    Hypervisor *fake; /* NULL: not configured */
    Engine *engine;
    Api *api;
    HttpServer *server;
};

static int64_t
get_us(const Config *config, const char *section, const char *name)
{
    return config_get_int(config, section, name) * G_USEC_PER_SEC;
}

/* ---- the state directory and the database ---- */

static bool
prepare_state(Daemon *daemon, GError **error)
{
    const char *path = config_get(daemon->config, "DEFAULT", "state_path");

    if (g_mkdir_with_parents(path, 0700) != 0) {
        return error_set(error, ERROR_INTERNAL, "cannot make the state directory '%s': %s", path,
            g_strerror(errno));
    }
    if (g_access(path, R_OK | W_OK | X_OK) != 0) {
        return error_set(error, ERROR_INTERNAL, "cannot write to the state directory '%s': %s",
            path, g_strerror(errno));
    }
    daemon->image_directory = g_build_filename(path, "images", NULL);
    return true;
}

static bool
open_store(Daemon *daemon, GError **error)
{
    const char *state_path = config_get(daemon->config, "DEFAULT", "state_path");
    const char *configured = config_get_or_null(daemon->config, "database", "connection");
    g_autofree char *absolute = g_canonicalize_filename(state_path, NULL);
    g_autofree char *url = configured != NULL ? g_strdup(configured)
                                              : g_strdup_printf("sqlite://%s/drover.db", absolute);

    daemon->store = store_open(url, clock_system(), error);
    if (daemon->store == NULL) {
        return false;
    }
    store_set_default_zone(
        daemon->store, config_get(daemon->config, "DEFAULT", "default_availability_zone"));
    return true;
}

static void
log_warnings(const GPtrArray *warnings)
{
    for (unsigned i = 0; i < warnings->len; i++) {
        log_warning("%s", (const char *)warnings->pdata[i]);
    }
}

/* What hosts were when they were last seen stops a start as it stops a reload. */
static bool
check_known_hosts(Daemon *daemon, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(daemon->store, error);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);

    if (hosts == NULL || !configuration_check_hosts(daemon->config, hosts, error)) {
        return false;
    }
    configuration_warn_of_hosts(daemon->config, hosts, warnings);
    log_warnings(warnings);
    return true;
}

static bool
make_first_administrator(Daemon *daemon, GError **error)
{
    g_autofree char *password = NULL;

    if (!auth_bootstrap(daemon->store, clock_system(), &password, error)) {
        return false;
    }
    if (password != NULL) {
        printf("The first administrator is 'admin' of project 'admin'. Shown this once, its "
               "password: %s\n",
            password);
        fflush(stdout);
    }
    return true;
}

/* ---- hypervisors ---- */

static const Config *
current_config(const Daemon *daemon)
{
    return daemon->current != NULL ? daemon->current : daemon->config;
}

/* What a reload has made of it; asked for by workers. */
static LibvirtCpu
find_cpu(const char *host, void *data)
{
    Daemon *daemon = data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&daemon->config_lock);

    return configuration_cpu_for_host(current_config(daemon), host);
}

static bool
make_hypervisors(Daemon *daemon, GError **error)
{
    daemon->libvirt = hypervisors_make_libvirt(daemon->config, find_cpu, daemon, error);
    return daemon->libvirt != NULL && hypervisors_make_fake(daemon->config, &daemon->fake, error);
}

static Hypervisor *
find_hypervisor(const char *uri, void *data)
{
    Daemon *daemon = data;

    if (g_str_has_prefix(uri, "fake:")) {
        return daemon->fake;
    }
    return daemon->libvirt;
}

/* ---- engine, API, server ---- */

/* What operations are told, which a reload changes. live is the caller's to unref. */
static OperationSettings
read_settings(const Daemon *daemon, const Config *config)
{
    return (OperationSettings){
        .service_down_time_us = get_us(daemon->config, "DEFAULT", "service_down_time"),
        .max_create_attempts = (int)config_get_int(config, "scheduler", "max_attempts"),
        .max_concurrent_live_migrations =
            (int)config_get_int(config, "DEFAULT", "max_concurrent_live_migrations"),
        .live = configuration_live_policy(config),
        .prepare_timeout_us = PREPARE_TIMEOUT_US,
        .switchover_timeout_us = SWITCHOVER_TIMEOUT_US,
        .shutdown_timeout_us = get_us(config, "DEFAULT", "shutdown_timeout"),
        .resize_confirm_window_us = get_us(config, "DEFAULT", "resize_confirm_window"),
        .canary_interval_us = get_us(config, "lint", "canary_interval"),
        .watch_interval_us = WATCH_INTERVAL_US,
        .placement = configuration_placement(daemon->config),
        .cpus = daemon->cpus,
        .pci = daemon->pci,
        .image_directory = daemon->image_directory,
        .volume_pool = (char *)config_get_or_null(daemon->config, "volumes", "pool"),
        .fence_directory = (char *)config_get(daemon->config, "fencing", "agent_path"),
        .fence_timeout_ms = (int)config_get_int(daemon->config, "fencing", "timeout") * 1000,
    };
}

static void
make_engine(Daemon *daemon)
{
    const Config *config = daemon->config;
    daemon->cpus = configuration_cpu_policy(config);
    daemon->pci = configuration_pci_policy(config);
    OperationSettings settings = read_settings(daemon, config);
    g_autoptr(LivePolicy) live = settings.live;
    int64_t keepalive_s = config_get_int(config, "libvirt", "keepalive_interval") *
        (config_get_int(config, "libvirt", "keepalive_count") + 1);
    EngineOptions options = {
        .keepalive_us = keepalive_s * G_USEC_PER_SEC,
        .sync_interval_us = get_us(config, "DEFAULT", "sync_power_state_interval"),
        .resume_guests = config_get_bool(config, "DEFAULT", "resume_guests_state_on_host_boot"),
        .max_transfers = (int)config_get_int(config, "DEFAULT", "max_transfers"),
    };
    daemon->engine =
        engine_new(daemon->store, clock_system(), &settings, &options, find_hypervisor, daemon);
}

/* The machine of each type of migration. */
static const struct {
    MigrationType type;
    const char *(*status_of_state)(const char *state);
    char *(*states_of_status)(const char *status);
} movers[] = {
    {MIGRATION_TYPE_LIVE, migration_status_of_state, migration_states_of_status},
    {MIGRATION_TYPE_EVACUATION, evacuation_status_of_state, evacuation_states_of_status},
    {MIGRATION_TYPE_COLD, cold_status_of_state, cold_states_of_status},
    {MIGRATION_TYPE_RESIZE, cold_status_of_state, cold_states_of_status},
};

static const char *
migration_status(const Migration *migration)
{
    for (size_t i = 0; i < G_N_ELEMENTS(movers); i++) {
        if (movers[i].type == migration->type) {
            return movers[i].status_of_state(migration->operation.state);
        }
    }
    g_assert_not_reached();
}

static char *
migration_states(const char *status)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(movers); i++) {
        g_autofree char *names = movers[i].states_of_status(status);
        g_auto(GStrv) states = g_strsplit(names != NULL ? names : "", ",", -1);
        for (size_t j = 0; states[j] != NULL; j++) {
            g_string_append_printf(text, "%s%s:%s", text->len > 0 ? "," : "",
                migration_type_name(movers[i].type), states[j]);
        }
    }
    return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

/* ---- a new configuration ---- */

static void
log_change(const ApiConfigChange *change)
{
    g_ptr_array_add(change->hosts, NULL);
    g_autofree char *hosts = g_strjoinv(", ", (char **)change->hosts->pdata);
    g_ptr_array_remove_index(change->hosts, change->hosts->len - 1);
    LogField fields[] = {
        {"where", change->where}, {"hosts", hosts[0] != '\0' ? hosts : NULL}, {NULL, NULL}};

    log_record(LOG_LEVEL_INFO, fields, "[%s] %s was '%s', is '%s'%s", change->section, change->name,
        change->from, change->to, change->needs_restart ? " from the next start on" : "");
}

static void
apply(Daemon *daemon, Config *take_config)
{
    OperationSettings settings = read_settings(daemon, take_config);
    g_autoptr(LivePolicy) live = settings.live;

    engine_set_settings(daemon->engine, &settings);
    config_free(daemon->current);
    daemon->current = take_config;
}

/* The caller has config_lock. */
static bool
reload(Daemon *daemon, GPtrArray **ret_changes, GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Config) config = configuration_load(daemon->sources, NULL, &warnings, error);
    g_autoptr(GPtrArray) hosts = config != NULL ? store_list_hosts(daemon->store, error) : NULL;

    if (hosts == NULL || !configuration_check_hosts(config, hosts, error)) {
        return false;
    }
    g_autoptr(GPtrArray) changes = configuration_compare(
        daemon->config, current_config(daemon), config, hosts);
    configuration_warn_of_hosts(config, hosts, warnings);
    apply(daemon, g_steal_pointer(&config));
    log_info("the configuration was read anew: %u changes", changes->len);
    for (unsigned i = 0; i < changes->len; i++) {
        log_change(changes->pdata[i]);
    }
    log_warnings(warnings);
    if (ret_changes != NULL) {
        *ret_changes = g_steal_pointer(&changes);
        *ret_warnings = g_steal_pointer(&warnings);
    }
    return true;
}

bool
daemon_reload(Daemon *daemon, GPtrArray **ret_changes, GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&daemon->config_lock);

    return reload(daemon, ret_changes, ret_warnings, error);
}

/* text NULL: the file is to be gone. A reader, and whoever dies here, finds the old file or the
 * new one. */
static bool
write_file(const char *path, const char *text, GError **error)
{
    g_autoptr(GError) problem = NULL;
    GFileSetContentsFlags flags = G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE;

    if (text == NULL) {
        g_unlink(path);
        return true;
    }
    return g_file_set_contents_full(path, text, -1, flags, 0644, &problem) ||
        error_set(error, ERROR_CONFLICT, "%s", problem->message);
}

static char *
make_cpu_file(Daemon *daemon, const ApiCpuModel *model, GError **error)
{
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Config) config = configuration_load(daemon->sources, NULL, &warnings, error);
    g_autoptr(GPtrArray) hosts = config != NULL ? store_list_hosts(daemon->store, error) : NULL;

    return hosts != NULL ? cpu_apply_make(daemon->sources, config, model, hosts, error) : NULL;
}

/* What was right as a whole a moment ago may be wrong with a file that somebody else is writing:
 * the old one is put back then. */
static bool
apply_cpu(void *data, const ApiCpuModel *model, char **ret_path, GPtrArray **ret_changes,
    GPtrArray **ret_warnings, GError **error)
{
    Daemon *daemon = data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&daemon->config_lock);
    g_autofree char *path = cpu_apply_path(daemon->sources, error);
    g_autofree char *text = path != NULL ? make_cpu_file(daemon, model, error) : NULL;
    g_autofree char *old_text = NULL;
    g_autofree char *hosts = g_strjoinv(", ", model->hosts);

    if (text == NULL) {
        return false;
    }
    g_file_get_contents(path, &old_text, NULL, NULL);
    if (!write_file(path, text, error)) {
        return false;
    }
    log_info("user '%s' lets hosts %s have CPU model '%s': written to %s", model->user, hosts,
        model->model, path);
    if (!reload(daemon, ret_changes, ret_warnings, error)) {
        write_file(path, old_text, NULL);
        log_warning("%s is as it was: the configuration cannot be read", path);
        return false;
    }
    *ret_path = g_steal_pointer(&path);
    return true;
}

static bool
reload_config(void *data, GPtrArray **ret_changes, GPtrArray **ret_warnings, GError **error)
{
    return daemon_reload(data, ret_changes, ret_warnings, error);
}

static void
list_config(void *config_data, const char *host, ApiConfigRows rows, void *data)
{
    Daemon *daemon = config_data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&daemon->config_lock);
    g_autoptr(GPtrArray) values = configuration_list(daemon->config, current_config(daemon), host);

    rows(values, data);
}

static bool
is_nocloud(const Config *config)
{
    return strcmp(config_get(config, "DEFAULT", "config_drive_layout"), "nocloud") == 0;
}

static bool
make_api(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    ApiOptions options = {
        .clock = clock_system(),
        .public_url = config_get_or_null(config, "api", "public_url"),
        .region = config_get(config, "api", "region"),
        .image_directory = daemon->image_directory,
        .volume_pool = config_get_or_null(config, "volumes", "pool"),
        .config_drive_format = config_get(config, "DEFAULT", "config_drive_format"),
        .config_drive_label = is_nocloud(config) ? "CIDATA" : "config-2",
        .max_image_bytes = (uint64_t)config_get_int(config, "glance", "image_size_cap"),
        .token_lifetime_us = get_us(config, "token", "expiration"),
        .service_down_time_us = get_us(config, "DEFAULT", "service_down_time"),
        .max_limit = (int)config_get_int(config, "api", "max_limit"),
        .metrics_public = config_get_bool(config, "api", "metrics_public"),
        .allow_plaintext = config_get_bool(config, "libvirt", "allow_plaintext"),
        .swtpm_enabled = config_get_bool(config, "libvirt", "swtpm_enabled"),
        .placement = configuration_placement(config),
        .fence_directory = config_get(config, "fencing", "agent_path"),
        .fence_timeout_ms = (int)config_get_int(config, "fencing", "timeout") * 1000,
        .evacuated_instances_stopped =
            config_get_bool(config, "DEFAULT", "evacuated_instances_stopped"),
        .migration_status = migration_status,
        .migration_states = migration_states,
        .config_data = daemon,
        .list_config = list_config,
        .reload_config = reload_config,
        .apply_cpu = apply_cpu,
    };
    daemon->api = api_new(&options, daemon->store, daemon->engine, error);
    if (daemon->api != NULL) {
        dashboard_add_routes(api_router(daemon->api));
    }
    return daemon->api != NULL;
}

/* "127.0.0.1:8774", "[::1]:8774", ":8774". */
static bool
listen_for_requests(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    g_autofree char *address = NULL;
    uint16_t port;

    if (!configuration_parse_listen(config, &address, &port, error)) {
        return false;
    }
    HttpServerConfig server = {
        .address = address[0] != '\0' ? address : NULL,
        .port = port,
        .tls_cert_file = config_get_or_null(config, "api", "tls_cert"),
        .tls_key_file = config_get_or_null(config, "api", "tls_key"),
        .n_threads = (int)config_get_int(config, "api", "threads"),
        .max_connections = (int)config_get_int(config, "api", "max_connections"),
        .clock = clock_system(),
        .router = api_router(daemon->api),
        .hooks = api_hooks(daemon->api),
    };
    daemon->server = http_server_new(&server);
    if (!http_server_start(daemon->server, error)) {
        return false;
    }
    log_info("the API listens on %s, port %u%s", server.address != NULL ? address : "every address",
        http_server_port(daemon->server), server.tls_cert_file != NULL ? ", with TLS" : "");
    return true;
}

/* The engine is last: nothing is done to any host before it is certain that this daemon can
 * start. */
Daemon *
daemon_start(const ConfigSources *sources, const Config *config, StoreOnLost on_lost, void *data,
    GError **error)
{
    Daemon *daemon = g_new0(Daemon, 1);

    g_mutex_init(&daemon->config_lock);
    daemon->sources = sources;
    daemon->config = config;
    if (!prepare_state(daemon, error) || !open_store(daemon, error) ||
        !check_known_hosts(daemon, error) || !make_hypervisors(daemon, error)) {
        daemon_stop(daemon);
        return NULL;
    }
    store_set_on_lost(daemon->store, on_lost, data);
    make_engine(daemon);
    /* The password is shown once: not before all that may be wrong with a first start has gone
     * well. */
    if (!make_api(daemon, error) || !listen_for_requests(daemon, error) ||
        !make_first_administrator(daemon, error) || !engine_start(daemon->engine, error)) {
        daemon_stop(daemon);
        return NULL;
    }
    return daemon;
}

bool
daemon_check(Daemon *daemon, GError **error)
{
    return store_check_epoch(daemon->store, error);
}

bool
daemon_reset_password(const Config *config, const char *user, GError **error)
{
    Daemon daemon = {.config = config};
    g_autofree char *password = NULL;
    bool is_ok = prepare_state(&daemon, error) && open_store(&daemon, error) &&
        auth_reset_password(daemon.store, clock_system(), user, &password, error);

    if (is_ok) {
        printf("The new password of '%s': %s\n", user, password);
    }
    g_clear_pointer(&daemon.store, store_close);
    g_free(daemon.image_directory);
    cpu_policy_free(daemon.cpus);
    pci_policy_free(daemon.pci);
    return is_ok;
}

/* Hypervisors stay: a worker may be inside one. The process ends right after. */
void
daemon_stop(Daemon *daemon)
{
    g_clear_pointer(&daemon->server, http_server_free);
    if (daemon->engine != NULL) {
        engine_stop(daemon->engine);
    }
    g_clear_pointer(&daemon->api, api_free);
    g_clear_pointer(&daemon->store, store_close);
}
