/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover host lint: are these hosts fit for migrations, and from which to which do guests get? */
#include "base/error.h"
#include "cli/command.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <string.h>

/* Wider than this a matrix is a list. */
enum { MATRIX_MAX = 8, LOOK_INTERVAL_S = 1 };

static const CommandOption OPTIONS[] = {
    {"--no-canaries", NULL, "send none: show what is known, and the last ones with their age"},
    {"--post-copy", NULL, "another canary each, which switches to post-copy"},
    {"--parallel-connections", "N", "another canary each, by so many connections (1 to 255)"},
    {"--all", NULL, "what is in order as well"},
    {NULL, NULL, NULL},
};

static const Column CHECK_COLUMNS[] = {
    {"Host", "host", NULL},
    {"Check", "check", NULL},
    {"Result", "result", NULL},
    {"Found", "found", NULL},
    {"Fix", "fix", NULL},
    {NULL, NULL, NULL},
};

/* "12 s", "3 h" */
static char *
age_text(const json_t *value, const json_t *row)
{
    int64_t seconds = json_integer_value(value);
    if (!json_is_integer(value)) {
        return g_strdup("-");
    }
    return seconds < 120    ? g_strdup_printf("%d s", (int)seconds)
        : seconds < 7200    ? g_strdup_printf("%d min", (int)(seconds / 60))
        : seconds < 172800  ? g_strdup_printf("%d h", (int)(seconds / 3600))
                            : g_strdup_printf("%d d", (int)(seconds / 86400));
}

static const Column RED_COLUMNS[] = {
    {"From", "source_host", NULL},
    {"To", "dest_host", NULL},
    {"Age", "age_s", age_text},
    {"Reason", "reason", NULL},
    {"Fix", "fix", NULL},
    {NULL, NULL, NULL},
};

static const Column PAIR_COLUMNS[] = {
    {"From", "source_host", NULL},
    {"To", "dest_host", NULL},
    {"Result", "result", NULL},
    {"Age", "age_s", age_text},
    {NULL, NULL, NULL},
};

static const char *
string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* ---- asking ---- */

static char *
join_hosts(CommandContext *context)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < command_n_arguments(context); i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? "," : "", command_argument(context, i));
    }
    return g_strdup(text->str);
}

static json_t *
look(CommandContext *context, Session *session, GError **error)
{
    g_autofree char *names = join_hosts(context);
    g_autofree char *path =
        names[0] != '\0' ? session_path("/lint?hosts=%s", names) : g_strdup("/lint");
    json_auto_t *answer = session_get(session, "drover", path, error);
    return answer != NULL ? json_incref(json_object_get(answer, "lint")) : NULL;
}

/* What was asked for and what cannot be sent, as the API tells it; NULL: the error says why. */
static json_t *
start(CommandContext *context, Session *session, GError **error)
{
    int64_t connections = 0;
    if (!command_int(context, "--parallel-connections", 0, 1, 255, &connections, error)) {
        return NULL;
    }
    json_auto_t *body = json_pack("{s:{}}", "lint");
    json_t *lint = json_object_get(body, "lint");
    if (command_has(context, "--post-copy")) {
        json_object_set_new(lint, "post_copy", json_true());
    }
    if (connections > 0) {
        json_object_set_new(lint, "parallel_connections", json_integer(connections));
    }
    json_t *hosts = json_array();
    for (int i = 0; i < command_n_arguments(context); i++) {
        json_array_append_new(hosts, json_string(command_argument(context, i)));
    }
    if (json_array_size(hosts) > 0) {
        json_object_set_new(lint, "hosts", hosts);
    } else {
        json_decref(hosts);
    }
    json_auto_t *answer = session_request(session, "drover", "POST", "/lint", body, error);
    json_t *asked = json_incref(json_object_get(answer, "lint"));
    return asked == NULL || json_object_update_missing(asked, lint) == 0 ? asked : NULL;
}

static size_t
count(const json_t *rows, const char *result)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        n += strcmp(string_of(json_array_get(rows, i), "result"), result) == 0;
    }
    return n;
}

static const json_t *
find_pair(const json_t *canaries, const json_t *pair)
{
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        const json_t *canary = json_array_get(canaries, i);
        if (strcmp(string_of(canary, "source_host"), string_of(pair, "source_host")) == 0 &&
            strcmp(string_of(canary, "dest_host"), string_of(pair, "dest_host")) == 0) {
            return canary;
        }
    }
    return NULL;
}

/* Or one has failed before it came to that. */
static bool
is_sent_so(const json_t *canary, const json_t *asked)
{
    const json_t *extra = json_object_get(canary, "extra");
    bool is_post_copy = json_is_true(json_object_get(extra, "post_copy"));
    return strcmp(string_of(canary, "result"), "fail") == 0 ||
        ((is_post_copy || !json_is_true(json_object_get(asked, "post_copy"))) &&
            json_integer_value(json_object_get(extra, "parallel_connections")) >=
                json_integer_value(json_object_get(asked, "parallel_connections")));
}

/* Those that were taken back: none has ended since, or none was sent as was asked for. Times are
 * text of one width. */
static void
add_cut_off(const json_t *asked, const json_t *last)
{
    const json_t *pairs = json_object_get(asked, "asked");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *wish = json_array_get(pairs, i);
        const json_t *canary = find_pair(last, wish);
        if (strcmp(string_of(canary, "tried_at"), string_of(asked, "asked_at")) < 0 ||
            !is_sent_so(canary, asked)) {
            json_array_append_new(json_object_get(asked, "unsent"),
                json_pack("{s:s, s:s, s:s, s:s}", "source_host", string_of(wish, "source_host"),
                    "dest_host", string_of(wish, "dest_host"), "reason",
                    "droverd took it back: one of the two hosts was not connected, was lost "
                    "meanwhile, or its QEMU cannot send what several have asked for",
                    "fix", "see why in 'drover host list' and in droverd's log, and lint again"));
        }
    }
}

/* Until none is on its way any more. droverd gives each up in time. asked: what start returns; adds
 * to what was not sent. */
static json_t *
wait_for_canaries(
    CommandContext *context, Session *session, const json_t *asked, GError **error)
{
    json_auto_t *lint = look(context, session, error);
    for (;;) {
        const json_t *canaries = json_object_get(lint, "canaries");
        size_t n_left = count(canaries, "pending");
        if (lint == NULL) {
            return NULL;
        }
        if (n_left == 0) {
            watch_line("%s", "");
            add_cut_off(asked, canaries);
            return json_incref(lint);
        }
        watch_line("%zu canaries are on their way", n_left);
        g_usleep(LOOK_INTERVAL_S * G_USEC_PER_SEC);
        json_decref(lint);
        lint = look(context, session, error);
    }
}

/* ---- tables ---- */

static size_t
count_red_extras(const json_t *canaries)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        const json_t *extra = json_object_get(json_array_get(canaries, i), "extra");
        n += strcmp(string_of(extra, "result"), "fail") == 0;
    }
    return n;
}

static json_t *
select_rows(const json_t *rows, bool all, const char *const *results)
{
    json_t *selected = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (all || g_strv_contains(results, string_of(row, "result"))) {
            json_array_append(selected, row);
        }
    }
    return selected;
}

static void
add_once(GPtrArray *names, const char *name)
{
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL)) {
        g_ptr_array_add(names, (void *)name);
    }
}

static GPtrArray *
list_names(const json_t *canaries)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        add_once(names, string_of(json_array_get(canaries, i), "source_host"));
    }
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        add_once(names, string_of(json_array_get(canaries, i), "dest_host"));
    }
    return names;
}

/* "post-copy, 4 connections": what was asked beside what is configured. Caller frees. */
static char *
extra_text(const json_t *extra)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int connections =
        (int)json_integer_value(json_object_get(extra, "parallel_connections"));
    if (json_is_true(json_object_get(extra, "post_copy"))) {
        g_string_append(text, "post-copy");
    }
    if (connections > 0) {
        g_string_append_printf(text, "%s%d connections", text->len > 0 ? ", " : "", connections);
    }
    return g_strdup(text->str);
}

/* "ok 2.5 s", "ok (guest)", "FAIL", "..."; then, of what was asked beside, the same. */
static char *
cell_text(const json_t *canary)
{
    const char *result = string_of(canary, "result");
    const json_t *extra = json_object_get(canary, "extra");
    double elapsed_s = json_number_value(json_object_get(canary, "elapsed_ms")) / 1000;
    bool is_ok = strcmp(result, "pass") == 0;
    bool is_by_guest = strcmp(string_of(canary, "known_by"), "guest") == 0;
    g_autofree char *first = is_ok && !is_by_guest ? g_strdup_printf("ok %.1f s", elapsed_s)
                                                   : NULL;
    const char *word = is_ok                    ? "ok (guest)"
        : strcmp(result, "fail") == 0           ? "FAIL"
        : strcmp(result, "warn") == 0           ? "WARN"
        : strcmp(result, "pending") == 0        ? "..."
                                                : "not tried";
    if (!json_is_object(extra)) {
        return g_strdup(first != NULL ? first : word);
    }
    g_autofree char *how = extra_text(extra);
    return g_strdup_printf("%s; %s %s", first != NULL ? first : word, how,
        strcmp(string_of(extra, "result"), "pass") == 0 ? "ok" : "FAIL");
}

/* What failed in a way that was asked for is red too, and told beside. */
static void
add_red_extras(json_t *rows, const json_t *canaries)
{
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        const json_t *canary = json_array_get(canaries, i);
        json_t *extra = json_object_get(canary, "extra");
        if (strcmp(string_of(extra, "result"), "fail") == 0) {
            g_autofree char *how = extra_text(extra);
            g_autofree char *dest =
                g_strdup_printf("%s (%s)", string_of(canary, "dest_host"), how);
            json_t *row = json_copy(extra);
            json_object_set_new(
                row, "source_host", json_string(string_of(canary, "source_host")));
            json_object_set_new(row, "dest_host", json_string(dest));
            json_array_append_new(rows, row);
        }
    }
}

/* No verdict on the way: what the last one came to stays in its cell. */
static void
add_unsent(json_t *rows, const json_t *unsent)
{
    for (size_t i = 0; i < json_array_size(unsent); i++) {
        json_t *row = json_copy(json_array_get(unsent, i));
        g_autofree char *reason = g_strdup_printf("not sent: %s", string_of(row, "reason"));
        json_object_set_new(row, "reason", json_string(reason));
        json_array_append_new(rows, row);
    }
}

static json_t *
make_matrix(const json_t *canaries, const GPtrArray *names)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < names->len; i++) {
        const char *source = names->pdata[i];
        json_t *row = json_pack("{s:s}", "from", source);
        for (size_t j = 0; j < json_array_size(canaries); j++) {
            const json_t *canary = json_array_get(canaries, j);
            if (strcmp(string_of(canary, "source_host"), source) == 0) {
                g_autofree char *key = g_strconcat("to ", string_of(canary, "dest_host"), NULL);
                g_autofree char *cell = cell_text(canary);
                json_object_set_new(row, key, json_string(cell));
            }
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static bool
print_matrix(Output *output, const json_t *canaries, GError **error)
{
    g_autoptr(GPtrArray) names = list_names(canaries);
    if (names->len > MATRIX_MAX) {
        return output_list(output, canaries, PAIR_COLUMNS, NULL, error);
    }
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autofree Column *columns = g_new0(Column, names->len + 2);
    columns[0] = (Column){"From \\ To", "from", NULL};
    for (unsigned i = 0; i < names->len; i++) {
        char *path = g_strconcat(KEY("to "), names->pdata[i], NULL);
        g_ptr_array_add(paths, path);
        columns[i + 1] = (Column){names->pdata[i], path, NULL};
    }
    json_auto_t *matrix = make_matrix(canaries, names);
    return output_list(output, matrix, columns, NULL, error);
}

static bool
print_tables(Output *output, const json_t *lint, bool all, bool is_alone, GError **error)
{
    static const char *const bad[] = {"warn", "fail", "unknown", "unseen", NULL};
    static const char *const red[] = {"fail", "warn", NULL};
    const json_t *canaries = json_object_get(lint, "canaries");
    json_auto_t *checks = select_rows(json_object_get(lint, "checks"), all, bad);
    json_auto_t *failed = select_rows(canaries, false, red);
    add_red_extras(failed, canaries);
    add_unsent(failed, json_object_get(lint, "unsent"));
    if (!output_list(output, checks, CHECK_COLUMNS, NULL, error)) {
        return false;
    }
    const char *none = is_alone
        ? "\nNo canary was sent: it takes two hosts. Name another one as well, or none for all.\n"
        : "\nNo canary was sent yet.\n";
    output_say(output, "%s", json_array_size(canaries) > 0 ? "\nCanaries:\n" : none);
    if (json_array_size(canaries) > 0 && !print_matrix(output, canaries, error)) {
        return false;
    }
    if (json_array_size(failed) == 0) {
        return true;
    }
    output_say(output, "\nWhat failed:\n");
    return output_list(output, failed, RED_COLUMNS, NULL, error);
}

static bool
host_lint(CommandContext *context, GError **error)
{
    bool is_quiet = command_has(context, "--no-canaries");
    if (is_quiet &&
        (command_has(context, "--post-copy") || command_has(context, "--parallel-connections"))) {
        return usage_error(error,
            "--no-canaries sends none: leave out --post-copy and --parallel-connections with it");
    }
    Session *session = command_session(context, error);
    Output *output = command_output(context);
    json_auto_t *asked = session == NULL ? NULL
        : is_quiet                       ? json_pack("{s:[]}", "unsent")
                                         : start(context, session, error);
    json_auto_t *lint = asked == NULL ? NULL
        : is_quiet             ? look(context, session, error)
                               : wait_for_canaries(context, session, asked, error);
    if (lint == NULL) {
        return false;
    }
    json_t *unsent = json_object_get(asked, "unsent");
    bool is_alone = !is_quiet && json_array_size(unsent) == 0 &&
        json_array_size(json_object_get(asked, "asked")) == 0;
    json_object_set(lint, "unsent", unsent);
    size_t n_failed = json_array_size(unsent) + count(json_object_get(lint, "checks"), "fail") +
        count(json_object_get(lint, "canaries"), "fail") +
        count_red_extras(json_object_get(lint, "canaries"));
    bool is_told = output->format == OUTPUT_JSON
        ? output_object(output, lint, error)
        : print_tables(output, lint, command_has(context, "--all"), is_alone, error);
    return is_told &&
        (n_failed == 0 ||
            error_set(error, ERROR_CONFLICT, "%zu of the checks and canaries failed", n_failed));
}

const Command lint_commands[] = {
    {"host lint", "[HOST...]", 0, 16, "Look whether hosts are fit for migrations, and try it",
        "Looks at what is known of each host (versions, CPU, certificate, pool) and sends "
        "canaries: an empty, paused domain of 8 MiB goes from one host to another by the same "
        "call as a guest, and ends there. That proves names, trust, ports, TLS and addresses at "
        "once. --post-copy and --parallel-connections send a second one where the first has "
        "arrived: it runs and is switched over before its memory is there, or goes by so many "
        "streams (both together need QEMU 10.1). A guest that moved later than a canary, or "
        "could not because of the way, counts instead of it. Named hosts are tried in pairs, both "
        "ways, and one alone not at all; without names each host with two others. What came of "
        "them is kept; one that cannot be sent, since a host is not connected, is told and "
        "changes nothing. Nothing has to be installed on a host, and nobody logs in there: what "
        "cannot be seen that way is listed as 'unseen'.\n"
        "Exit code 1: something failed, or was not sent.",
        "  drover host lint\n  drover host lint hosta hostb\n"
        "  drover host lint --post-copy hosta hostb\n"
        "  drover host lint --no-canaries --all hosta\n  drover host lint --json",
        OPTIONS, host_lint},
    {NULL},
};
