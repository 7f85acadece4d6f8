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
#include "daemon/wire.h"
#include "lifecycle/lifecycle.h"
#include "migration/migration.h"

#define DEFAULT_CONFIG "/etc/drover/drover.conf"
#define DEFAULT_CONFIG_DIR "/etc/drover/conf.d"

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
            "The configuration; " DEFAULT_CONFIG " when it exists", "FILE"},
        {"config-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->config_dir,
            "A directory of *.conf files that are read after it; " DEFAULT_CONFIG_DIR
            " beside the default one",
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
            "Prints the states and moves of 'lifecycle' or 'migration' as a Mermaid diagram, and "
            "ends",
            "NAME"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Prints the version, and ends",
            NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context,
        "The migration control plane for libvirt hosts. It stays in the foreground, logs to "
        "standard error, and ends with SIGTERM or SIGINT.");
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

static int
list_config(void)
{
    for (const ConfigKey *key = daemon_config_keys; key->section != NULL; key++) {
        printf("%s\t%s\t%s\t%s\t%s\n", key->section, key->name, type_name(key->type),
            key->default_value, key->help);
    }
    return EXIT_OK;
}

static int
list_failpoints(void)
{
    GStrv (*const lists[])(void) = {lifecycle_list_failpoints, migration_list_failpoints};

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
    const Machine *machines[] = {lifecycle_machine(), migration_machine()};

    for (size_t i = 0; i < G_N_ELEMENTS(machines); i++) {
        if (g_str_equal(machines[i]->name, name)) {
            g_autofree char *text = machine_to_mermaid(machines[i]);
            printf("%s", text);
            return EXIT_OK;
        }
    }
    return complain(EXIT_USAGE, "the machines are 'lifecycle' and 'migration'");
}

/* ---- the configuration ---- */

/* The default file and directory may be absent; named ones may not. */
static const char *
choose_path(const char *named, const char *fallback, bool use_fallback)
{
    if (named != NULL) {
        return named;
    }
    return use_fallback && g_file_test(fallback, G_FILE_TEST_EXISTS) ? fallback : NULL;
}

static Config *
load_config(const Options *options, GPtrArray **ret_warnings, GError **error)
{
    const char *path = choose_path(options->config, DEFAULT_CONFIG, true);
    const char *directory =
        choose_path(options->config_dir, DEFAULT_CONFIG_DIR, options->config == NULL);
    g_autoptr(Config) config = config_load(
        daemon_config_keys, daemon_config_obsolete, path, directory, ret_warnings, error);

    if (config == NULL) {
        return NULL;
    }
    if (options->state_dir != NULL &&
        !config_set(config, "DEFAULT", "state_path", options->state_dir, error)) {
        return NULL;
    }
    return g_steal_pointer(&config);
}

static bool
start_log(const Config *config, GPtrArray *warnings, GError **error)
{
    const char *level_name = config_get(config, "DEFAULT", "log_level");
    const char *format = config_get(config, "DEFAULT", "log_format");
    LogLevel level;

    if (!log_level_parse(level_name, &level)) {
        return error_set(error, ERROR_INVALID,
            "[DEFAULT] log_level is error, warning, info or debug, not '%s'", level_name);
    }
    if (!g_str_equal(format, "logfmt") && !g_str_equal(format, "json")) {
        return error_set(
            error, ERROR_INVALID, "[DEFAULT] log_format is logfmt or json, not '%s'", format);
    }
    log_init(level, g_str_equal(format, "json"));
    for (unsigned i = 0; warnings != NULL && i < warnings->len; i++) {
        log_warning("%s", (const char *)warnings->pdata[i]);
    }
    return true;
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

/* A burst leaves memory behind that is free and scattered; glibc gives it back when asked. */
static gboolean
on_trim(void *data)
{
    malloc_trim(0);
    return G_SOURCE_CONTINUE;
}

static void
wait_for_signal(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, false);

    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_timeout_add_seconds(TRIM_INTERVAL_S, on_trim, NULL);
    g_main_loop_run(loop);
}

static int
run(const Options *options, const Config *config)
{
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN);
    Daemon *daemon = daemon_start(config, &error);
    if (daemon == NULL) {
        return complain(error_is(error, ERROR_INVALID) ? EXIT_USAGE : EXIT_START, error->message);
    }
    if (!write_pid_file(options->pid_file, &error)) {
        daemon_stop(daemon);
        return complain(EXIT_START, error->message);
    }
    log_info("droverd %s is up", DROVER_VERSION);
    wait_for_signal();
    log_info("droverd is asked to end");
    daemon_stop(daemon);
    if (options->pid_file != NULL) {
        g_unlink(options->pid_file);
    }
    return EXIT_OK;
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
    Config *config = load_config(&options, &warnings, &error);
    if (config == NULL || !start_log(config, warnings, &error)) {
        return complain(EXIT_USAGE, error->message);
    }
    if (options.check_config) {
        printf("The configuration is right.\n");
        return EXIT_OK;
    }
    /* glibc would make an arena for each of some fifty threads, and keep in each what it has freed.
     */
    mallopt(M_ARENA_MAX, N_ARENAS);
    failpoint_init();
    int status = run(&options, config);
    /* Workers may still be inside a host's call; the process ends under them, as it may at any
     * moment. */
    fflush(NULL);
    _exit(status);
}
