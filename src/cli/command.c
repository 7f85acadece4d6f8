/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/command.h"
#include "cli/help.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

/* As a shell counts a program that SIGINT has ended. */
#define EXIT_INTERRUPTED 130

struct CommandContext {
    const Command *command;
    GPtrArray *arguments;      /* const char * */
    GHashTable *values;        /* option name -> GPtrArray of const char * */
    GHashTable *login_options; /* "os-cloud" -> value, for credentials */
    Output *output;
    Credentials *credentials;
    Session *session;
};

static const Command *const COMMANDS[] = {
    server_commands,
    server_create_commands,
    server_verb_commands,
    server_log_commands,
    move_commands,
    verify_commands,
    migration_commands,
    resize_commands,
    explain_commands,
    host_commands,
    lint_commands,
    cpu_commands,
    evacuate_commands,
    drain_commands,
    aggregate_commands,
    server_group_commands,
    service_commands,
    config_commands,
    image_commands,
    flavor_commands,
    network_commands,
    volume_commands,
    identity_commands,
    legacy_commands,
    completion_commands,
};

/* Understood by every command. */
static const CommandOption COMMON_OPTIONS[] = {
    {"--json", NULL, "print JSON"},
    {"-f", "FORMAT", "table, json or value"},
    {"-c", "COLUMN", "print only this column; may be repeated"},
    {"--help", NULL, "print this help"},
    {NULL, NULL, NULL},
};

static const CommandOption LOGIN_OPTIONS[] = {
    {"--os-cloud", "CLOUD", "an entry of clouds.yaml (OS_CLOUD)"},
    {"--os-auth-url", "URL", "of the identity service (OS_AUTH_URL)"},
    {"--os-username", "NAME", "(OS_USERNAME)"},
    {"--os-user-id", "ID", "(OS_USER_ID)"},
    {"--os-password", "PASSWORD", "(OS_PASSWORD)"},
    {"--os-token", "TOKEN", "instead of a password (OS_TOKEN)"},
    {"--os-project-name", "NAME", "(OS_PROJECT_NAME)"},
    {"--os-project-id", "ID", "(OS_PROJECT_ID)"},
    {"--os-user-domain-name", "NAME", "(OS_USER_DOMAIN_NAME)"},
    {"--os-project-domain-name", "NAME", "(OS_PROJECT_DOMAIN_NAME)"},
    {"--os-cacert", "FILE", "certificates to trust (OS_CACERT)"},
    {"--os-interface", "NAME", "public, internal or admin (OS_INTERFACE)"},
    {"--insecure", NULL, "do not verify the server's certificate"},
    {NULL, NULL, NULL},
};

void
command_foreach(void (*visit)(const Command *command, void *data), void *data)
{
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
        for (const Command *command = COMMANDS[i]; command->words != NULL; command++) {
            visit(command, data);
        }
    }
}

/* ---- what commands ask ---- */

const char *
command_argument(CommandContext *context, int index)
{
    return index < (int)context->arguments->len ? context->arguments->pdata[index] : NULL;
}

int
command_n_arguments(CommandContext *context)
{
    return (int)context->arguments->len;
}

const GPtrArray *
command_values(CommandContext *context, const char *option)
{
    GPtrArray *values = g_hash_table_lookup(context->values, option);
    if (values == NULL) {
        values = g_ptr_array_new();
        g_hash_table_insert(context->values, (char *)option, values);
    }
    return values;
}

bool
command_has(CommandContext *context, const char *option)
{
    return command_values(context, option)->len > 0;
}

const char *
command_value(CommandContext *context, const char *option)
{
    const GPtrArray *values = command_values(context, option);
    return values->len > 0 ? values->pdata[values->len - 1] : NULL;
}

bool
command_int(CommandContext *context, const char *option, int64_t fallback, int64_t min, int64_t max,
    int64_t *ret_value, GError **error)
{
    const char *text = command_value(context, option);
    if (text == NULL) {
        *ret_value = fallback;
        return true;
    }
    if (!g_ascii_string_to_signed(text, 10, min, max, ret_value, NULL)) {
        return usage_error(error,
            "%s must be a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
            ", and '%s' is not",
            option, min, max, text);
    }
    return true;
}

Output *
command_output(CommandContext *context)
{
    return context->output;
}

Session *
command_session(CommandContext *context, GError **error)
{
    if (context->session == NULL) {
        context->credentials = credentials_load(context->login_options, error);
        if (context->credentials == NULL) {
            return NULL;
        }
        context->session = session_open(context->credentials, error);
    }
    return context->session;
}

/* ---- parsing ---- */

static const CommandOption *
find_option(const CommandOption *options, const char *name)
{
    for (const CommandOption *option = options; option != NULL && option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

/* The command with the most words that argv begins with; *ret_n_words of argv belong to it. */
typedef struct Match {
    char **words;
    int n_words;
    const Command *command;
    int length;
} Match;

static void
match_command(const Command *command, void *data)
{
    Match *match = data;
    g_auto(GStrv) words = g_strsplit(command->words, " ", -1);
    int n = (int)g_strv_length(words);
    if (n > match->n_words || n <= match->length) {
        return;
    }
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], match->words[i]) != 0) {
            return;
        }
    }
    match->command = command;
    match->length = n;
}

static bool
take_option(CommandContext *context, const CommandOption *option, const char *value)
{
    if (g_str_has_prefix(option->name, "--os-") || strcmp(option->name, "--insecure") == 0) {
        g_hash_table_insert(context->login_options, (char *)option->name + 2, (char *)value);
        return true;
    }
    GPtrArray *values = (GPtrArray *)command_values(context, option->name);
    g_ptr_array_add(values, (char *)value);
    return true;
}

/* Sorts argv into plain words and options. Options of the command are only known once its words
 * are, so the words are collected first, with what follows an option that takes a value left out
 * whenever that option is known to anybody. */
static bool
option_takes_value(const char *name)
{
    const CommandOption *option = find_option(COMMON_OPTIONS, name);
    if (option == NULL) {
        option = find_option(LOGIN_OPTIONS, name);
    }
    for (size_t i = 0; option == NULL && i < G_N_ELEMENTS(COMMANDS); i++) {
        for (const Command *command = COMMANDS[i]; option == NULL && command->words != NULL;
             command++) {
            option = find_option(command->options, name);
        }
    }
    return option != NULL && option->argument != NULL;
}

static GPtrArray *
plain_words(int argc, char **argv)
{
    GPtrArray *words = g_ptr_array_new();
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            g_ptr_array_add(words, argv[i]);
        } else if (strcmp(argv[i], "--") == 0) {
            break;
        } else if (strchr(argv[i], '=') == NULL && option_takes_value(argv[i])) {
            i++;
        }
    }
    return words;
}

/* Of two values one would be lost. Of the common options and of those of the login the last one
 * counts, so that an alias may have them. */
static bool
check_repeated(CommandContext *context, const CommandOption *option, GError **error)
{
    bool is_own = find_option(context->command->options, option->name) == option;

    return !is_own || option->may_repeat || !command_has(context, option->name) ||
        usage_error(error, "%s is given twice: say it once", option->name);
}

/* A variable that is not set: "" names no host, and is no wish for any host. */
static bool
check_named(const CommandOption *option, const char *value, GError **error)
{
    return *value != '\0' || strcmp(option->argument, "HOST") != 0 ||
        usage_error(error, "%s needs the name of a host", option->name);
}

static bool
parse_option(CommandContext *context, int argc, char **argv, int *i, GError **error)
{
    const char *equals = strchr(argv[*i], '=');
    g_autofree char *name =
        equals != NULL ? g_strndup(argv[*i], equals - argv[*i]) : g_strdup(argv[*i]);
    const CommandOption *option = find_option(context->command->options, name);
    if (option == NULL) {
        option = find_option(COMMON_OPTIONS, name);
    }
    if (option == NULL) {
        option = find_option(LOGIN_OPTIONS, name);
    }
    if (option == NULL) {
        return usage_error(error, "'%s' has no option '%s': see 'drover %s --help'",
            context->command->words, name, context->command->words);
    }
    if (option->argument == NULL) {
        return equals == NULL ? take_option(context, option, "")
                              : usage_error(error, "%s takes no value", name);
    }
    if (equals == NULL && *i + 1 >= argc) {
        return usage_error(error, "%s needs a value: %s %s", name, name, option->argument);
    }
    const char *value = equals != NULL ? equals + 1 : argv[++*i];
    return check_repeated(context, option, error) && check_named(option, value, error) &&
        take_option(context, option, value);
}

static bool
parse(CommandContext *context, int argc, char **argv, int n_words, GError **error)
{
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0') {
            if (n_words-- <= 0) {
                g_ptr_array_add(context->arguments, argv[i]);
            }
        } else if (!parse_option(context, argc, argv, &i, error)) {
            return false;
        }
    }
    return true;
}

static bool
check_arguments(CommandContext *context, GError **error)
{
    const Command *command = context->command;
    int n = (int)context->arguments->len;
    for (int i = 0; i < n; i++) {
        /* A variable that is not set: as part of a path it would mean all of them. */
        if (*command_argument(context, i) == '\0') {
            return usage_error(error, "an argument is empty: drover %s %s",
                command->words, command->arguments);
        }
    }
    if (n < command->min_arguments) {
        return usage_error(error, "something is missing: drover %s %s", command->words,
            command->arguments);
    }
    if (n > command->max_arguments) {
        bool is_list = g_str_has_suffix(command->arguments, "...") ||
            g_str_has_suffix(command->arguments, "...]");
        g_autofree char *most = is_list
            ? g_strdup_printf(" takes %d at most", command->max_arguments)
            : g_strdup("");
        return usage_error(error, "'%s' is too much: drover %s %s%s",
            (const char *)context->arguments->pdata[command->max_arguments], command->words,
            command->arguments, most);
    }
    return true;
}

static bool
take_output_options(CommandContext *context, GError **error)
{
    static const char *FORMATS[] = {"table", "json", "value"};
    const char *format = command_has(context, "--json") ? "json" : command_value(context, "-f");
    for (size_t i = 0; format != NULL && i < G_N_ELEMENTS(FORMATS); i++) {
        if (strcmp(format, FORMATS[i]) == 0) {
            context->output->format = (OutputFormat)i;
            format = NULL;
        }
    }
    if (format != NULL) {
        return usage_error(error, "-f is table, json or value, not '%s'", format);
    }
    const GPtrArray *columns = command_values(context, "-c");
    for (unsigned i = 0; i < columns->len; i++) {
        g_ptr_array_add(context->output->columns, g_strdup(columns->pdata[i]));
    }
    return true;
}

/* ---- help ---- */

static char *
join_words(const GPtrArray *words)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < words->len; i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", (char *)words->pdata[i]);
    }
    return g_string_free(text, FALSE);
}

static bool
is_help_wanted(int argc, char **argv)
{
    bool is_wanted = strcmp(argv[1], "help") == 0;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        is_wanted = is_wanted || strcmp(argv[i], "--help") == 0;
    }
    return is_wanted;
}

static int
unknown_command(GPtrArray *words)
{
    g_autofree char *typed = join_words(words);
    fprintf(stderr, "drover: there is no command '%s'", typed);
    const char *first = words->pdata[0];
    fprintf(stderr, ": see 'drover --help'\n");
    g_autofree char *prefix = g_strconcat(first, " ", NULL);
    help_print_rows(prefix);
    return 2;
}

/* ---- running ---- */

static void
context_clear(CommandContext *context)
{
    g_clear_pointer(&context->session, session_free);
    g_clear_pointer(&context->credentials, credentials_free);
    g_ptr_array_unref(context->arguments);
    g_hash_table_unref(context->values);
    g_hash_table_unref(context->login_options);
    output_free(context->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandContext, context_clear)

static int
exit_code(const GError *error)
{
    if (watch_is_interrupted()) {
        return EXIT_INTERRUPTED;
    }
    return is_usage_error(error) ? 2 : 1;
}

static int
run(const Command *command, int n_words, int argc, char **argv)
{
    g_auto(CommandContext) context = {
        .command = command,
        .arguments = g_ptr_array_new(),
        .values =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref),
        .login_options = g_hash_table_new(g_str_hash, g_str_equal),
        .output = output_new(),
    };
    g_autoptr(GError) error = NULL;
    if (!parse(&context, argc, argv, n_words, &error)) {
        fprintf(stderr, "drover: %s\n", error->message);
        return 2;
    }
    if (command_has(&context, "--help")) {
        help_print_command(command, COMMON_OPTIONS, LOGIN_OPTIONS);
        return 0;
    }
    if (!check_arguments(&context, &error) || !take_output_options(&context, &error)) {
        fprintf(stderr, "drover: %s\n", error->message);
        return 2;
    }
    if (!command->run(&context, &error)) {
        fflush(stdout); /* or it may come to stand inside a line of it */
        fprintf(stderr, "drover: %s\n", error != NULL ? error->message : "failed");
        return exit_code(error);
    }
    return 0;
}

int
command_main(int argc, char **argv)
{
    g_autoptr(GPtrArray) words = plain_words(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("drover " DROVER_VERSION);
        return 0;
    }
    if (words->len > 0 && strcmp(words->pdata[0], "help") == 0) {
        g_ptr_array_remove_index(words, 0);
    }
    if (words->len == 0) {
        help_print_all();
        return argc == 1 ? 2 : 0;
    }
    Match match = {.words = (char **)words->pdata, .n_words = (int)words->len};
    command_foreach(match_command, &match);
    if (match.command == NULL) {
        g_autofree char *typed = join_words(words);
        return is_help_wanted(argc, argv) && help_print_group(typed) ? 0
                                                                     : unknown_command(words);
    }
    if (strcmp(argv[1], "help") == 0) {
        help_print_command(match.command, COMMON_OPTIONS, LOGIN_OPTIONS);
        return 0;
    }
    return run(match.command, match.length, argc, argv);
}
