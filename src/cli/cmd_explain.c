/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover explain: where a server may go, and why not elsewhere. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/explain_print.h"
#include "cli/find.h"
#include "cli/usage.h"

#include <stdio.h>
#include <string.h>

static const CommandOption OPTIONS[] = {
    {"--live", NULL, "a live migration; without it what suits the server as it is"},
    {"--cold", NULL, "a cold migration"},
    {"--evacuate", NULL, "an evacuation"},
    {"--host", "HOST", "this host alone, with every check; of a request: what was found of it"},
    {"--block-migration", NULL, "live: with copies of its disks, which shared storage refuses"},
    {"--shared-migration", NULL, "live: without copies, which storage of its own refuses"},
    {"--disk-overcommit", NULL, "live: what is really free in a pool does not matter"},
    {"--rehearse", NULL, "live: let it, or the host it would go to, start a twin of the server"},
    {"--request", "ID", "why a request went where it went, as it was then (req-...)"},
    {"--all", NULL, "every check of every host, not only what speaks against it"},
    {NULL, NULL, NULL},
};

static bool
choose_move(CommandContext *context, const char **ret_move, GError **error)
{
    static const char *const MOVES[] = {"--live", "--cold", "--evacuate"};
    *ret_move = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(MOVES); i++) {
        if (!command_has(context, MOVES[i])) {
            continue;
        }
        if (*ret_move != NULL) {
            return usage_error(error, "say one of --live, --cold and --evacuate");
        }
        *ret_move = MOVES[i] + strlen("--");
    }
    return true;
}

/* What only a guest that runs while it moves has. */
static bool
check_live_only(CommandContext *context, const char *move, GError **error)
{
    static const char *const LIVE_ONLY[] = {
        "--block-migration", "--shared-migration", "--disk-overcommit", "--rehearse"};
    if (move == NULL || strcmp(move, "live") == 0) {
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(LIVE_ONLY); i++) {
        if (command_has(context, LIVE_ONLY[i])) {
            return usage_error(error,
                "%s is of a live migration, and --%s of another move: say one of them",
                LIVE_ONLY[i], move);
        }
    }
    return true;
}

bool
explain_read_block_migration(CommandContext *context, const char **ret_block, GError **error)
{
    bool block = command_has(context, "--block-migration");
    bool shared = command_has(context, "--shared-migration");
    if (block && shared) {
        return usage_error(
            error, "--block-migration and --shared-migration exclude each other");
    }
    *ret_block = block ? "true" : shared ? "false" : NULL;
    return true;
}

/* Of more hosts than a person reads the best are shown, and some of each no. */
#define SOME_HOSTS "40"

/* What is asked about a server. */
typedef struct Question {
    const char *move;  /* NULL: what suits it, as of the others */
    const char *host;
    const char *block; /* block_migration */
    bool over_commit;
    bool rehearse;
    bool some; /* of many hosts those alone that a person reads */
} Question;

static bool
shows_some(CommandContext *context)
{
    return command_output(context)->format == OUTPUT_TABLE && !command_has(context, "--all");
}

static void
add_word(GString *query, const char *key, const char *value)
{
    if (value != NULL) {
        g_autofree char *word = session_path("=%s", value);
        g_string_append_printf(query, "%c%s%s", query->len == 0 ? '?' : '&', key, word);
    }
}

static json_t *
get_explanation(Session *session, const char *id, const Question *question, GError **error)
{
    g_autofree char *path = session_path("/instances/%s/explanation", id);
    g_autoptr(GString) query = g_string_new(NULL);
    add_word(query, "move", question->move);
    add_word(query, "host", question->host);
    add_word(query, "block_migration", question->block);
    add_word(query, "disk_over_commit", question->over_commit ? "true" : NULL);
    add_word(query, "rehearse", question->rehearse ? "true" : NULL);
    add_word(query, "max_hosts", question->some ? SOME_HOSTS : NULL);
    g_autofree char *full = g_strconcat(path, query->str, NULL);
    json_auto_t *answer = session_get(session, "drover", full, error);
    return answer != NULL ? json_incref(json_object_get(answer, "explanation")) : NULL;
}

static bool
show_explanation(CommandContext *context, const json_t *explanation, bool all, GError **error)
{
    Output *output = command_output(context);
    return output->format == OUTPUT_JSON ? output_object(output, explanation, error)
                                         : explain_print(output, explanation, all, error);
}

bool
explain_dry_run(CommandContext *context, Session *session, const char *id, const char *move,
    GError **error)
{
    const char *host = command_value(context, "--host");
    Question question = {.move = move,
        .host = host,
        .rehearse = command_has(context, "--rehearse"),
        .some = command_output(context)->format == OUTPUT_TABLE};
    if (strcmp(move, "live") == 0 &&
        !explain_read_block_migration(context, &question.block, error)) {
        return false;
    }
    json_auto_t *explanation = get_explanation(session, id, &question, error);
    if (explanation == NULL || !show_explanation(context, explanation, host != NULL, error)) {
        return false;
    }
    if (json_is_string(json_object_get(explanation, "refused"))) {
        return error_set(error, ERROR_CONFLICT, "it would be refused now: %s (nothing was done)",
            json_string_value(json_object_get(explanation, "refused")));
    }
    if (!json_is_string(json_object_get(explanation, "chosen"))) {
        g_autofree char *which = host != NULL ? g_strdup_printf("host '%s' does not fit", host)
                                              : g_strdup("no host fits");
        bool is_taken = json_is_string(json_object_get(explanation, "fails_with"));
        return error_set(error, ERROR_CONFLICT,
            "%s; nothing was done (the request would be %s: %s)", which,
            is_taken ? "taken, and its migration fail" : "told",
            json_string_value(json_object_get(explanation, is_taken ? "fails_with" : "reason")));
    }
    return true;
}

/* What was decided is told as it was: nothing can be asked for with it. */
static bool
check_request(CommandContext *context, const char *request, GError **error)
{
    if (*request == '\0') {
        return usage_error(error,
            "--request needs the ID of a request (req-...): 'drover server event list SERVER' "
            "tells those of a server");
    }
    if (command_n_arguments(context) > 0) {
        return usage_error(error, "--request tells of a request: no SERVER with it");
    }
    for (const CommandOption *option = OPTIONS; option->name != NULL; option++) {
        if (command_has(context, option->name) && strcmp(option->name, "--request") != 0 &&
            strcmp(option->name, "--host") != 0 && strcmp(option->name, "--all") != 0) {
            return usage_error(error,
                "%s asks what would be done now, and --request what was decided then: say one of "
                "them", option->name);
        }
    }
    return true;
}

static bool
was_no_host(const json_t *decision)
{
    const json_t *about = json_object_get(decision, "asked_about");
    return json_is_true(json_object_get(about, "is_kept")) &&
        json_is_false(json_object_get(about, "was_looked_at"));
}

/* A request that has been decided several times may have had other hosts each time. */
static bool
check_decisions(
    const json_t *decisions, const char *request, const char *host, GError **error)
{
    size_t n_without = 0;
    size_t i;
    json_t *decision;
    if (json_array_size(decisions) == 0) {
        return error_set(error, ERROR_NOT_FOUND,
            "no decision of request '%s' is kept; 'drover server event list SERVER' tells the "
            "requests of a server, and [filter_scheduler] decisions_kept_hours how long they are "
            "kept", request);
    }
    json_array_foreach(decisions, i, decision)
    {
        n_without += was_no_host(decision);
    }
    return host == NULL || n_without < json_array_size(decisions) ||
        error_set(error, ERROR_NOT_FOUND,
            "there was no host '%s' when request '%s' was decided: 'drover explain --request %s' "
            "tells of those there were", host, request, request);
}

/* A host that was chosen can still say no: then a request is decided again. */
static bool
print_decisions(CommandContext *context, const json_t *decisions, const char *request,
    GError **error)
{
    Output *output = command_output(context);
    bool all = command_has(context, "--all");
    size_t i;
    json_t *decision;
    json_array_foreach(decisions, i, decision)
    {
        output_say(output, "%s", i > 0 ? "" : request);
        bool is_printed = command_value(context, "--host") != NULL
            ? explain_print_host(output, decision, all, error)
            : explain_print(output, decision, all, error);
        if (!is_printed) {
            return false;
        }
    }
    return true;
}

static bool
explain_request(CommandContext *context, const char *request, GError **error)
{
    const char *host = command_value(context, "--host");
    Session *session =
        check_request(context, request, error) ? command_session(context, error) : NULL;
    if (session == NULL) {
        return false;
    }
    g_autoptr(GString) query = g_string_new(NULL);
    add_word(query, "request_id", request);
    add_word(query, "host", host);
    g_autofree char *path = g_strconcat("/decisions", query->str, NULL);
    json_auto_t *answer = session_get(session, "drover", path, error);
    if (answer == NULL) {
        return false;
    }
    const json_t *decisions = json_object_get(answer, "decisions");
    Output *output = command_output(context);
    if (output->format == OUTPUT_JSON) {
        return output_object(output, answer, error) &&
            check_decisions(decisions, request, host, error);
    }
    return check_decisions(decisions, request, host, error) &&
        print_decisions(context, decisions, request, error);
}

static bool
explain(CommandContext *context, GError **error)
{
    const char *request = command_value(context, "--request");
    if (request != NULL) {
        return explain_request(context, request, error);
    }
    if (command_n_arguments(context) == 0) {
        return usage_error(error, "say a SERVER, or --request ID");
    }
    Question question = {
        .host = command_value(context, "--host"),
        .over_commit = command_has(context, "--disk-overcommit"),
        .rehearse = command_has(context, "--rehearse"),
        .some = shows_some(context),
    };
    Session *session = choose_move(context, &question.move, error) &&
            check_live_only(context, question.move, error) &&
            explain_read_block_migration(context, &question.block, error)
        ? command_session(context, error)
        : NULL;
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *id = find_id(server);
    json_auto_t *explanation = get_explanation(session, id, &question, error);
    bool all = command_has(context, "--all") || question.host != NULL;
    return explanation != NULL && show_explanation(context, explanation, all, error);
}

const Command explain_commands[] = {
    {"explain", "[SERVER]", 0, 1, "Tell where a server may go, and why not elsewhere",
        "Every host is looked at by the checks that a request is decided by, and nothing is "
        "touched: a host may be full by the time that something is asked for. Of a guest that "
        "runs its host is asked what keeps it there, and one host of each kind whether it can "
        "give the guest its processor. The host that a request chooses is asked once more: that "
        "check, destination-check, is 'unknown' here. With --json every check of every host is "
        "told.\n"
        "The check 'storage' tells by what is known of both hosts what becomes of each disk, and "
        "what --block-migration or --shared-migration would be refused for there; the request "
        "itself asks the hosts once more.\n"
        "Of each host where it fits it is told how many processors and how much memory would be "
        "given away with it, and how far that is over-committed: 2.00:1 is twice what there is.\n"
        "With --rehearse the host (the one that is named, else the one it would go to) starts a "
        "twin of the running server, paused, with its processor, machine, memory and TPM and "
        "without its disks and NICs, and ends it: the check 'rehearsal' tells what came of it.\n"
        "Of more than 40 hosts the best are shown and some of each no, with how many failed what "
        "first; --all shows every one.\n"
        "With --request: what was looked at when that request was decided, what it was decided "
        "by, and what was found then, for as long as [filter_scheduler] decisions_kept_hours "
        "says: of up to 16 hosts every check, of more the five best and some of each no; with "
        "--host of any host which check it failed first, or how well it fitted. Hosts whose checks "
        "are not kept and that weighed about the same are not told apart: their places are told "
        "as those that they shared.",
        "  drover explain vm1\n"
        "  drover explain vm1 --cold --host hostb\n"
        "  drover explain vm1 --host hostb --rehearse\n"
        "  drover explain vm1 --live --block-migration\n"
        "  drover explain vm1 --live --json\n"
        "  drover explain --request req-7f2a4e5c-...\n"
        "  drover explain --request req-7f2a4e5c-... --host hostx",
        OPTIONS, explain},
    {NULL},
};
