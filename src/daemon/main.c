/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* droverd: the command line, the signals, and one sentence for each way a start can fail. */
#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "daemon/config_keys.h"
#include "daemon/configuration.h"
#include "cold/cold.h"
#include "drain/drain.h"
#include "daemon/wire.h"
#include "evacuation/evacuation.h"
#include "lifecycle/lifecycle.h"
#include "migration/migration.h"

enum {
    EXIT_OK = 0,
    EXIT_START = 1, /* something outside is not as it must be: the port, the database, ... */
    EXIT_USAGE = 2, /* the command line or the configuration is wrong */
};

enum { N_ARENAS = 2, TRIM_INTERVAL_S = 15 };

typedef struct Options {
    char *config;
    char *config_dir;
    char *state_dir;
    char *pid_file;
    char *machine;
    char *reset_user;
    int check_config; /* GOption writes an int */
    int list_config;
    int list_failpoints;
    int version;
} Options;

static int
complain(int status, const char *message)
{
    fprintf(stderr, "droverd: %s\n", message);
    return status;
}

static bool
parse_options(int *argc, char ***argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config,
            "The configuration; /etc/drover/drover.conf when it exists", "FILE"},
        {"config-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->config_dir,
            "A directory of *.conf files that are read after it; /etc/drover/conf.d beside the "
            "default one",
            "DIR"},
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
            "Takes the place of [DEFAULT] state_path", "DIR"},
        {"pid-file", 0, 0, G_OPTION_ARG_FILENAME, &options->pid_file,
            "Holds the process id while droverd is up", "FILE"},
        {"check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config,
            "Reads the configuration, says what is wrong with it, and ends", NULL},
        {"list-config", 0, 0, G_OPTION_ARG_NONE, &options->list_config,
            "Prints every key: section, name, type, default and meaning, and ends", NULL},
        {"list-failpoints", 0, 0, G_OPTION_ARG_NONE, &options->list_failpoints,
            "Prints the points at which DROVER_FAILPOINTS can stop it, and ends", NULL},
        {"print-machine", 0, 0, G_OPTION_ARG_STRING, &options->machine,
            "Prints the states and moves of 'lifecycle', 'migration', 'cold', 'evacuation', "
            "'drain' or 'drain-item' as a Mermaid diagram, and ends",
            "NAME"},
        {"reset-password", 0, 0, G_OPTION_ARG_STRING, &options->reset_user,
            "Gives the user a new random password, prints it, and ends; while droverd is stopped",
            "USER"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Prints the version, and ends",
            NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context,
        "The migration control plane for libvirt hosts. It stays in the foreground, logs to "
        "standard error, reads its configuration anew with SIGHUP, and ends with SIGTERM or "
        "SIGINT.");
    if (!g_option_context_parse(context, argc, argv, error)) {
        return false;
    }
    if (*argc > 1) {
        return error_set(error, ERROR_INVALID, "there is no argument '%s'", (*argv)[1]);
    }
    return true;
}

/* ---- what it tells about itself ---- */

static const char *
type_name(ConfigType type)
{
    switch (type) {
    case CONFIG_STRING: return "string";
    case CONFIG_INT: return "integer";
    case CONFIG_BOOL: return "boolean";
    case CONFIG_FLOAT: return "number";
    case CONFIG_LIST: return "list";
    }
    g_assert_not_reached();
}

/* Caller frees. */
static char *
flags_text(const ConfigKey *key)
{
    bool is_group = (key->flags & (CONFIG_GROUP | CONFIG_GROUP_ONLY)) != 0;
    g_autofree char *group = !is_group ? g_strdup("")
        : (key->flags & CONFIG_GROUP_ONLY) != 0
        ? g_strdup_printf(" It stands in a group, [%s:NAME], alone.", key->section)
        : g_strdup_printf(" A group, [%s:NAME], may have its own.", key->section);

    return g_strconcat(
        group, (key->flags & CONFIG_RELOAD) != 0 ? " A reload is enough." : "", NULL);
}

static int
list_config(void)
{
    for (const ConfigKey *key = daemon_config_keys; key->section != NULL; key++) {
        g_autofree char *flags = flags_text(key);
        printf("%s\t%s\t%s\t%s\t%s%s\n", key->section, key->name, type_name(key->type),
            key->default_value, key->help, flags);
    }
    return EXIT_OK;
}

static int
list_failpoints(void)
{
    GStrv (*const lists[])(void) = {
        lifecycle_list_failpoints, migration_list_failpoints, evacuation_list_failpoints,
        cold_list_failpoints, drain_list_failpoints};

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_auto(GStrv) names = lists[i]();
        for (size_t j = 0; names[j] != NULL; j++) {
            printf("%s\n", names[j]);
        }
    }
    return EXIT_OK;
}

static int
print_machine(const char *name)
{
    const Machine *machines[] = {lifecycle_machine(), migration_machine(), cold_machine(),
        evacuation_machine(), drain_machine(), drain_item_machine()};
    g_autoptr(GString) names = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(machines); i++) {
        g_string_append_printf(names, "%s'%s'", i > 0 ? ", " : "", machines[i]->name);
        if (g_str_equal(machines[i]->name, name)) {
            g_autofree char *text = machine_to_mermaid(machines[i]);
            printf("%s", text);
            return EXIT_OK;
        }
    }
    g_autofree char *text =
        g_strdup_printf("there is no machine '%s': they are %s", name, names->str);
    return complain(EXIT_USAGE, text);
}

/* ---- the configuration ---- */

static void
start_log(const Config *config, GPtrArray *warnings)
{
    LogLevel level = LOG_LEVEL_INFO;

    log_level_parse(config_get(config, "DEFAULT", "log_level"), &level);
    log_init(level, g_str_equal(config_get(config, "DEFAULT", "log_format"), "json"));
    for (unsigned i = 0; i < warnings->len; i++) {
        log_warning("%s", (const char *)warnings->pdata[i]);
    }
}

/* ---- running ---- */

static bool
write_pid_file(const char *path, GError **error)
{
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());

    return path == NULL || g_file_set_contents(path, text, -1, error);
}

static gboolean
on_signal(void *data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

/* Says what has changed, and for which hosts; a configuration that is wrong changes nothing. */
static gboolean
on_reload(void *data)
{
    g_autoptr(GError) error = NULL;

    if (!daemon_reload(data, NULL, NULL, &error)) {
        log_error("the configuration stays as it was: %s", error->message);
    }
    return G_SOURCE_CONTINUE;
}

/* A burst leaves memory behind that is free and scattered; glibc gives it back when asked. */
static gboolean
on_trim(void *data)
{
    malloc_trim(0);
    return G_SOURCE_CONTINUE;
}

/* On any thread. */
static void
on_lost(void *data)
{
    g_idle_add(on_signal, data);
}

static void
wait_for_signal(Daemon *daemon, GMainLoop *loop)
{
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_unix_signal_add(SIGHUP, on_reload, daemon);
    g_timeout_add_seconds(TRIM_INTERVAL_S, on_trim, NULL);
    g_main_loop_run(loop);
}

static int
run(const Options *options, const ConfigSources *sources, const Config *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, false);

    signal(SIGPIPE, SIG_IGN);
    Daemon *daemon = daemon_start(sources, config, on_lost, loop, &error);
    if (daemon == NULL) {
        return complain(error_is(error, ERROR_INVALID) ? EXIT_USAGE : EXIT_START, error->message);
    }
    if (!write_pid_file(options->pid_file, &error)) {
        daemon_stop(daemon);
        return complain(EXIT_START, error->message);
    }
    log_info("droverd %s is up", DROVER_VERSION);
    wait_for_signal(daemon, loop);
    bool is_ours = daemon_check(daemon, &error);
    if (is_ours) {
        log_info("droverd is asked to end");
    } else {
        log_error("droverd ends: %s", error->message);
    }
    daemon_stop(daemon);
    /* Another one's, if that has the same. */
    if (is_ours && options->pid_file != NULL) {
        g_unlink(options->pid_file);
    }
    return is_ours ? EXIT_OK : EXIT_START;
}

int
main(int argc, char **argv)
{
    Options options = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) warnings = NULL;

    if (!parse_options(&argc, &argv, &options, &error)) {
        return complain(EXIT_USAGE, error->message);
    }
    if (options.version) {
        printf("droverd %s\n", DROVER_VERSION);
        return EXIT_OK;
    }
    if (options.list_config) {
        return list_config();
    }
    if (options.list_failpoints) {
        return list_failpoints();
    }
    if (options.machine != NULL) {
        return print_machine(options.machine);
    }
    ConfigSources sources = {options.config, options.config_dir, options.state_dir};
    Config *config = configuration_load(&sources, NULL, &warnings, &error);
    if (config == NULL) {
        return complain(EXIT_USAGE, error->message);
    }
    start_log(config, warnings);
    if (options.check_config) {
        printf("The configuration is right, as far as that can be told without the hosts: what "
               "depends on them (their QEMU, which of them are there) is checked at the start and "
               "at each reload.\n");
        return EXIT_OK;
    }
    if (options.reset_user != NULL) {
        return daemon_reset_password(config, options.reset_user, &error)
            ? EXIT_OK
            : complain(EXIT_START, error->message);
    }
    /* glibc would make an arena for each of some fifty threads, and keep in each what it has freed.
     */
    mallopt(M_ARENA_MAX, N_ARENAS);
    failpoint_init();
    int status = run(&options, &sources, config);
    /* Workers may still be inside a host's call; the process ends under them, as it may at any
     * moment. */
    fflush(NULL);
    _exit(status);
}
