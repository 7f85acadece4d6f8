/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover host lint: are these hosts fit for migrations, and from which to which do guests get? */
#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/lint_print.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <string.h>

#define LOOK_INTERVAL_US G_USEC_PER_SEC

static const CommandOption OPTIONS[] = {
    {"--no-canaries", NULL, "send none: show what is known, and the last ones with their age"},
    {"--post-copy", NULL, "another canary each, which switches to post-copy"},
    {"--parallel-connections", "N", "another canary each, by so many connections (1 to 255)"},
    {"--all", NULL, "what is in order as well"},
    {NULL, NULL, NULL},
};

static char *
join_hosts(CommandContext *context, const char *between)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < command_n_arguments(context); i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? between : "", command_argument(context, i));
    }
    return g_strdup(text->str);
}

static json_t *
look(CommandContext *context, Session *session, GError **error)
{
    g_autofree char *names = join_hosts(context, ",");
    g_autofree char *path =
        names[0] != '\0' ? session_path("/lint?hosts=%s", names) : g_strdup("/lint");
    json_auto_t *answer = watch_get(session, "drover", path, error);
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
        n += strcmp(json_text_or(json_array_get(rows, i), "result", ""), result) == 0;
    }
    return n;
}

static bool
is_same(const json_t *one, const json_t *other, const char *key)
{
    return json_equal(json_object_get(one, key), json_object_get(other, key));
}

static const json_t *
find_pair(const json_t *canaries, const json_t *pair)
{
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        const json_t *canary = json_array_get(canaries, i);
        if (is_same(canary, pair, "source_host") && is_same(canary, pair, "dest_host")) {
            return canary;
        }
    }
    return NULL;
}

/* It has ended since it was asked for. canary: or its second one. Times are text of one width. */
static bool
is_tried(const json_t *canary, const json_t *asked)
{
    return strcmp(json_text_or(canary, "tried_at", ""), json_text_or(asked, "asked_at", "")) >= 0;
}

/* The second one, where it was asked for; or the first has failed before it came to that. */
static bool
is_sent_so(const json_t *canary, const json_t *asked)
{
    const json_t *extra = json_object_get(canary, "extra");
    bool wants_post_copy = json_is_true(json_object_get(asked, "post_copy"));
    int64_t wanted = json_integer_value(json_object_get(asked, "parallel_connections"));
    return (!wants_post_copy && wanted == 0) ||
        strcmp(json_text_or(canary, "canary_result", ""), "fail") == 0 ||
        (is_tried(extra, asked) &&
            (!wants_post_copy || json_is_true(json_object_get(extra, "post_copy"))) &&
            json_integer_value(json_object_get(extra, "parallel_connections")) >= wanted);
}

/* Those that were taken back: none has ended since, or none was sent as was asked for. */
static void
add_cut_off(const json_t *asked, const json_t *last)
{
    const json_t *pairs = json_object_get(asked, "asked");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *wish = json_array_get(pairs, i);
        const json_t *canary = find_pair(last, wish);
        if (!is_tried(canary, asked) || !is_sent_so(canary, asked)) {
            json_array_append_new(json_object_get(asked, "unsent"),
                json_pack("{s:O, s:O, s:s, s:s}", "source_host",
                    json_object_get(wish, "source_host"), "dest_host",
                    json_object_get(wish, "dest_host"), "reason",
                    "droverd took it back: one of the two hosts was not connected, was lost "
                    "meanwhile, or its QEMU cannot send what several have asked for",
                    "fix", "see why in 'drover host list' and in droverd's log, and lint again"));
        }
    }
}

static void
end_interrupted(CommandContext *context, GError **error)
{
    g_autofree char *names = join_hosts(context, " ");
    watch_line("%s", "");
    error_set(error, ERROR_CANCELLED,
        "interrupted: the canaries go on, and end by themselves; 'drover host lint "
        "--no-canaries%s%s' tells what came of them", *names != '\0' ? " " : "", names);
}

/* Until none is on its way any more. droverd gives each up in time. asked: what start returns; adds
 * to what was not sent. */
static json_t *
wait_for_canaries(
    CommandContext *context, Session *session, const json_t *asked, GError **error)
{
    watch_begin();
    for (;;) {
        json_auto_t *lint = look(context, session, error);
        const json_t *canaries = json_object_get(lint, "canaries");
        size_t n_left = count(canaries, "pending");
        if (n_left == 0) {
            watch_line("%s", "");
            if (lint != NULL) {
                add_cut_off(asked, canaries);
            }
            return json_incref(lint);
        }
        watch_line("canaries on their way: %zu", n_left);
        if (!watch_pause(LOOK_INTERVAL_US)) {
            end_interrupted(context, error);
            return NULL;
        }
    }
}

static size_t
count_red_extras(const json_t *canaries)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        const json_t *extra = json_object_get(json_array_get(canaries, i), "extra");
        n += strcmp(json_text_or(extra, "result", ""), "fail") == 0;
    }
    return n;
}

/* Nothing is known of the way of one that was not sent: it is no failure, and not in order. */
static bool
sum_up(size_t n_failed, size_t n_unsent, GError **error)
{
    g_autofree char *failed =
        g_strdup_printf("%zu of the checks and canaries failed", n_failed);
    g_autofree char *unsent = g_strdup_printf(
        n_unsent == 1 ? "%zu canary was not sent" : "%zu canaries were not sent", n_unsent);
    return (n_failed == 0 && n_unsent == 0) ||
        error_set(error, ERROR_CONFLICT, "%s%s%s", n_failed > 0 ? failed : "",
            n_failed > 0 && n_unsent > 0 ? ", and " : "", n_unsent > 0 ? unsent : "");
}

/* Why there was nobody to send a canary to, and what to do. */
static const char *
say_alone(CommandContext *context, const json_t *checks)
{
    if (command_n_arguments(context) > 0) {
        return ". Name another one as well, or none for all";
    }
    for (size_t i = 0; i < json_array_size(checks); i++) {
        if (json_is_string(json_object_get(json_array_get(checks, i), "host"))) {
            return ", and there is only one";
        }
    }
    return ", and there is none";
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
    size_t n_failed = count(json_object_get(lint, "checks"), "fail") +
        count(json_object_get(lint, "canaries"), "fail") +
        count_red_extras(json_object_get(lint, "canaries"));
    bool is_told = output->format == OUTPUT_JSON
        ? output_object(output, lint, error)
        : lint_print(output, lint, command_has(context, "--all"),
              is_alone ? say_alone(context, json_object_get(lint, "checks")) : NULL, error);
    return is_told && sum_up(n_failed, json_array_size(unsent), error);
}

const Command lint_commands[] = {
    {"host lint", "[HOST...]", 0, 16, "Look whether hosts are fit for migrations, and try it",
        "Looks at what is known of each host (versions, CPU, certificate, pool) and sends "
        "canaries: an empty, paused domain of 8 MiB goes from one host to another by the same "
        "call as a guest, and ends there. That proves names, trust, ports, TLS and addresses at "
        "once. --post-copy and --parallel-connections send a second one where the first has "
        "arrived: it runs and is switched over before its memory is there, or goes by so many "
        "streams (both together need QEMU 10.1). A guest that moved later than a canary, or "
        "could not because of the way, counts instead of it. Named hosts, 16 at most, are tried in "
        "pairs, both ways, and one alone not at all; without names each host with two others of "
        "its cell. What came of them is kept; one that cannot be sent, since a host is not "
        "connected, is told and changes nothing. Nothing has to be installed on a host, and nobody "
        "logs in there: what cannot be seen that way is listed as 'unseen'.\n"
        "Exit code 1: something failed, or was not sent.",
        "  drover host lint\n  drover host lint hosta hostb\n"
        "  drover host lint --post-copy hosta hostb\n"
        "  drover host lint --no-canaries --all hosta\n  drover host lint --json",
        OPTIONS, host_lint},
    {NULL},
};
