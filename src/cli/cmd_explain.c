/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover explain: where a server may go, and why not elsewhere. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/find.h"
#include "cli/usage.h"

#include <stdio.h>
#include <string.h>

static const CommandOption OPTIONS[] = {
    {"--live", NULL, "a live migration; without it what suits the server as it is"},
    {"--cold", NULL, "a cold migration"},
    {"--evacuate", NULL, "an evacuation"},
    {"--host", "HOST", "this host alone, with every check"},
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

/* What is asked about a server. */
typedef struct Question {
    const char *move;  /* NULL: what suits it, as of the others */
    const char *host;
    const char *block; /* block_migration */
    bool over_commit;
    bool rehearse;
} Question;

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
    g_autofree char *full = g_strconcat(path, query->str, NULL);
    json_auto_t *answer = session_get(session, "drover", full, error);
    return answer != NULL ? json_incref(json_object_get(answer, "explanation")) : NULL;
}

/* ---- tables ---- */

static const char *
string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

/* "1.000" in the order of the ranking; the weigher is found by the name that Nova has for it. */
static char *
share_of(const json_t *row, const char *weigher)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(row, "weighers"), i, entry)
    {
        if (strcmp(string_of(entry, "weigher"), weigher) == 0) {
            /* Nothing times a negative multiplier is nothing as well. */
            double share = json_number_value(json_object_get(entry, "share")) + 0.0;
            double multiplier = json_number_value(json_object_get(entry, "multiplier"));
            bool is_own = strcmp(string_of(entry, "multiplier_from"), "aggregate") == 0;
            return is_own ? g_strdup_printf("%.3f (x%g of its aggregate)", share, multiplier)
                          : g_strdup_printf("%.3f", share);
        }
    }
    return g_strdup("-");
}

static char *
ram_share(const json_t *value, const json_t *row)
{
    return share_of(row, "RAMWeigher");
}

static char *
cpu_share(const json_t *value, const json_t *row)
{
    return share_of(row, "CPUWeigher");
}

static char *
disk_share(const json_t *value, const json_t *row)
{
    return share_of(row, "DiskWeigher");
}

static char *
instances_share(const json_t *value, const json_t *row)
{
    return share_of(row, "NumInstancesWeigher");
}

static char *
io_ops_share(const json_t *value, const json_t *row)
{
    return share_of(row, "IoOpsWeigher");
}

static char *
soft_affinity_share(const json_t *value, const json_t *row)
{
    return share_of(row, "ServerGroupSoftAffinityWeigher");
}

static char *
soft_anti_affinity_share(const json_t *value, const json_t *row)
{
    return share_of(row, "ServerGroupSoftAntiAffinityWeigher");
}

static char *
weight_text(const json_t *value, const json_t *row)
{
    return json_is_number(value) ? g_strdup_printf("%.3f", json_number_value(value))
                                 : g_strdup("-");
}

static char *
failed_text(const json_t *value, const json_t *row)
{
    return json_array_size(value) > 0 ? output_text(value) : g_strdup("-");
}

static const Column HOST_COLUMNS[] = {
    {"Host", "name", NULL},
    {"Rank", "rank", NULL},
    {"Weight", "weight", weight_text},
    {"RAM", "weighers", ram_share},
    {"CPU", "weighers", cpu_share},
    {"Disk", "weighers", disk_share},
    {"Instances", "weighers", instances_share},
};

/* Of what few servers and configurations have: shown where it counts for one of the hosts. */
static const struct {
    const char *weigher;
    Column column;
} RARE_COLUMNS[] = {
    {"IoOpsWeigher", {"I/O", "weighers", io_ops_share}},
    {"ServerGroupSoftAffinityWeigher", {"Beside Group", "weighers", soft_affinity_share}},
    {"ServerGroupSoftAntiAffinityWeigher",
        {"Apart From Group", "weighers", soft_anti_affinity_share}},
};

static const Column FAILED_COLUMN = {"Failed", "failed", failed_text};

enum { MOST_HOST_COLUMNS = G_N_ELEMENTS(HOST_COLUMNS) + G_N_ELEMENTS(RARE_COLUMNS) + 2 };

static bool
counts(const json_t *hosts, const char *weigher)
{
    size_t i;
    json_t *host;
    json_array_foreach(hosts, i, host)
    {
        size_t j;
        json_t *entry;
        json_array_foreach(json_object_get(host, "weighers"), j, entry)
        {
            if (strcmp(string_of(entry, "weigher"), weigher) == 0 &&
                json_number_value(json_object_get(entry, "share")) != 0) {
                return true;
            }
        }
    }
    return false;
}

/* The shares add up to the weight. */
static void
choose_host_columns(const json_t *hosts, Column columns[MOST_HOST_COLUMNS])
{
    size_t n = G_N_ELEMENTS(HOST_COLUMNS);
    memcpy(columns, HOST_COLUMNS, sizeof HOST_COLUMNS);
    for (size_t i = 0; i < G_N_ELEMENTS(RARE_COLUMNS); i++) {
        if (counts(hosts, RARE_COLUMNS[i].weigher)) {
            columns[n++] = RARE_COLUMNS[i].column;
        }
    }
    columns[n++] = FAILED_COLUMN;
    columns[n] = (Column){NULL, NULL, NULL};
}

/* ---- what hosts would have given away ---- */

/* "3 of 4" */
static char *
given_text(const json_t *value, const json_t *row)
{
    return g_strdup_printf("%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
        json_integer_value(json_object_get(value, "after")),
        json_integer_value(json_object_get(value, "total")));
}

/* "0.50:1 -> 0.75:1" */
static char *
ratio_text(const json_t *value, const json_t *row)
{
    double total = (double)json_integer_value(json_object_get(value, "total"));
    double before = (double)json_integer_value(json_object_get(value, "before"));
    double after = (double)json_integer_value(json_object_get(value, "after"));
    return g_strdup_printf("%.2f:1 -> %.2f:1", before / total, after / total);
}

static const Column GIVEN_COLUMNS[] = {
    {"Host", "name", NULL},
    {"vCPUs", "vcpus", given_text},
    {"Ratio", "vcpus", ratio_text},
    {"MiB", "ram_mib", given_text},
    {"Ratio", "ram_mib", ratio_text},
    {NULL, NULL, NULL},
};

/* Of the hosts where it fits; a record tells of none. */
static bool
print_given(Output *output, const json_t *hosts, GError **error)
{
    json_auto_t *rows = json_array();
    size_t i;
    json_t *host;
    json_array_foreach(hosts, i, host)
    {
        json_t *given = json_object_get(host, "given");
        if (json_is_object(given)) {
            json_object_set(given, "name", json_object_get(host, "name"));
            json_array_append(rows, given);
        }
    }
    if (json_array_size(rows) == 0) {
        return true;
    }
    output_say(output, "%s", "\nWhat each would have given away with it, before -> after:");
    return output_list(output, rows, GIVEN_COLUMNS, NULL, error);
}

static const Column CHECK_COLUMNS[] = {
    {"Host", "host", NULL},
    {"Check", "check", NULL},
    {"Result", "result", NULL},
    {"Needed", "needed", NULL},
    {"Has", "have", NULL},
    {NULL, NULL, NULL},
};

static bool
speaks_against(const json_t *check)
{
    const char *result = string_of(check, "result");
    return strcmp(result, "fail") == 0 || strcmp(result, "warn") == 0;
}

/* The checks of all hosts as rows, with their host. */
static json_t *
list_checks(const json_t *explanation, bool all)
{
    json_t *rows = json_array();
    size_t i;
    size_t j;
    json_t *host;
    json_t *check;
    json_array_foreach(json_object_get(explanation, "hosts"), i, host)
    {
        json_array_foreach(json_object_get(host, "checks"), j, check)
        {
            if (all || speaks_against(check)) {
                json_t *row = json_copy(check);
                json_object_set(row, "host", json_object_get(host, "name"));
                json_array_append_new(rows, row);
            }
        }
    }
    return rows;
}

/* What would help, once for each check and sentence, in the order of the rows. */
static void
say_fixes(Output *output, const json_t *rows)
{
    g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (!json_is_string(json_object_get(row, "fix"))) {
            continue;
        }
        char *line = g_strdup_printf("%s: %s", string_of(row, "check"), string_of(row, "fix"));
        if (!g_hash_table_add(said, line)) {
            continue;
        }
        output_say(output, "%s  %s", g_hash_table_size(said) == 1 ? "\nWhat would help:\n" : "",
            line);
    }
}

static void
say_head(Output *output, const json_t *explanation)
{
    const json_t *needs = json_object_get(explanation, "needs");
    g_autofree char *name = output_text(json_object_get(explanation, "instance_name"));
    const char *made_at = json_string_value(json_object_get(explanation, "made_at"));
    if (made_at != NULL) {
        output_say(output, "Decided at %s:", made_at);
    }
    output_say(output,
        "%s, on %s (%s): needs %" JSON_INTEGER_FORMAT " vCPUs, %" JSON_INTEGER_FORMAT
        " MiB, %" JSON_INTEGER_FORMAT " GiB",
        name, string_of(explanation, "source_host"), string_of(explanation, "move"),
        json_integer_value(json_object_get(needs, "vcpus")),
        json_integer_value(json_object_get(needs, "ram_mib")),
        json_integer_value(json_object_get(needs, "disk_gib")));
    if (json_is_string(json_object_get(explanation, "refused"))) {
        output_say(output, "It would be refused now: %s", string_of(explanation, "refused"));
    }
    output_say(output,
        "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " hosts fit; it %s to: %s",
        json_integer_value(json_object_get(explanation, "n_fit")),
        json_integer_value(json_object_get(explanation, "n_hosts")),
        made_at != NULL ? "went" : "would go", string_of(explanation, "chosen"));
    json_int_t n_hosts = json_integer_value(json_object_get(explanation, "n_hosts"));
    size_t n_told = json_array_size(json_object_get(explanation, "hosts"));
    if (made_at != NULL && (size_t)n_hosts > n_told) {
        const char *asked = json_string_value(json_object_get(explanation, "requested_host"));
        output_say(output, "%s%s%s", asked != NULL ? "Asked for was one host, " : "",
            asked != NULL ? asked : "Kept of these hosts are the best, and some of each no",
            asked != NULL ? ": of the others nothing is kept." : ".");
    }
    output_say(output, "%s", "");
}

static bool
print_explanation(Output *output, const json_t *explanation, bool all, GError **error)
{
    const json_t *hosts = json_object_get(explanation, "hosts");
    Column columns[MOST_HOST_COLUMNS];
    say_head(output, explanation);
    choose_host_columns(hosts, columns);
    if (!output_list(output, hosts, columns, "There are no hosts yet.", error)) {
        return false;
    }
    if (output->format != OUTPUT_TABLE || output->columns->len > 0) {
        return true;
    }
    if (!print_given(output, hosts, error)) {
        return false;
    }
    json_auto_t *rows = list_checks(explanation, all);
    if (json_array_size(rows) > 0) {
        putchar('\n');
        if (!output_list(output, rows, CHECK_COLUMNS, NULL, error)) {
            return false;
        }
        say_fixes(output, rows);
    }
    return true;
}

static bool
show_explanation(CommandContext *context, const json_t *explanation, bool all, GError **error)
{
    Output *output = command_output(context);
    return output->format == OUTPUT_JSON ? output_object(output, explanation, error)
                                         : print_explanation(output, explanation, all, error);
}

bool
explain_dry_run(CommandContext *context, Session *session, const char *id, const char *move,
    GError **error)
{
    const char *host = command_value(context, "--host");
    Question question = {move, host, NULL, false, command_has(context, "--rehearse")};
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
            string_of(explanation, "refused"));
    }
    if (!json_is_string(json_object_get(explanation, "chosen"))) {
        g_autofree char *which = host != NULL ? g_strdup_printf("host '%s' does not fit", host)
                                              : g_strdup("no host fits");
        return error_set(error, ERROR_CONFLICT,
            "%s; nothing was done (the request would be told: %s)", which,
            string_of(explanation, "reason"));
    }
    return true;
}

/* A request may have been decided several times: a host that was chosen can still say no. */
static bool
explain_request(CommandContext *context, const char *request, GError **error)
{
    if (command_n_arguments(context) > 0 || command_has(context, "--host") ||
        command_has(context, "--rehearse")) {
        return usage_error(
            error, "--request tells of a request: no SERVER, --host or --rehearse with it");
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    g_autofree char *path = session_path("/decisions?request_id=%s", request);
    json_auto_t *answer = session_get(session, "drover", path, error);
    const json_t *decisions = json_object_get(answer, "decisions");
    Output *output = command_output(context);
    if (answer == NULL || output->format == OUTPUT_JSON) {
        return answer != NULL && output_object(output, answer, error);
    }
    size_t i;
    json_t *decision;
    json_array_foreach(decisions, i, decision)
    {
        output_say(output, "%s", i > 0 ? "" : request);
        if (!print_explanation(output, decision, command_has(context, "--all"), error)) {
            return false;
        }
    }
    return json_array_size(decisions) > 0 ||
        error_set(error, ERROR_NOT_FOUND,
            "no decision of request '%s' is kept; 'openstack server event list SERVER' tells the "
            "requests of a server, and [filter_scheduler] decisions_kept_hours how long they are "
            "kept", request);
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
    };
    Session *session = choose_move(context, &question.move, error) &&
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
        "Every host is looked at by the checks that a request is decided by, and nothing is\n"
        "touched: a host may be full by the time that something is asked for. What only the host\n"
        "itself can tell (does its processor suit the guest?) is asked when it is chosen: that\n"
        "check is 'unknown' here. With --json every check of every host is told.\n"
        "The check 'storage' tells by what is known of both hosts what becomes of each disk, and\n"
        "what --block-migration or --shared-migration would be refused for there; the request\n"
        "itself asks the hosts once more.\n"
        "Of each host where it fits it is told how many processors and how much memory would be\n"
        "given away with it, and how far that is over-committed: 2.00:1 is twice what there is.\n"
        "With --rehearse the host (the one that is named, else the one it would go to) starts a\n"
        "twin of the running server, paused, with its processor, machine, memory and TPM and\n"
        "without its disks and NICs, and ends it: the check 'rehearsal' tells what came of it.\n"
        "With --request: what was looked at when that request was decided, and what was found\n"
        "then, for as long as [filter_scheduler] decisions_kept_hours says.",
        "  drover explain vm1\n"
        "  drover explain vm1 --cold --host hostb\n"
        "  drover explain vm1 --host hostb --rehearse\n"
        "  drover explain vm1 --live --block-migration\n"
        "  drover explain vm1 --live --json\n"
        "  drover explain --request req-7f2a4e5c-...",
        OPTIONS, explain},
    {NULL},
};
