/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Maintenance: a host is emptied, and gets back what was on it. */
#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <string.h>

static const char *
string_of(const json_t *object, const char *key)
{
    return json_text_or(object, key, "-");
}

static int
count_of(const json_t *drain, const char *key)
{
    return (int)json_integer_value(json_object_get(json_object_get(drain, "progress"), key));
}

/* ---- how it is shown ---- */

static char *
percent_text(const json_t *value, const json_t *row)
{
    return json_is_integer(value)
        ? g_strdup_printf("%" JSON_INTEGER_FORMAT " %%", json_integer_value(value))
        : g_strdup("-");
}

static char *
move_text(const json_t *value, const json_t *row)
{
    bool waits = json_is_true(json_object_get(row, "waits"));
    return g_strdup(waits ? "waits" : json_is_string(value) ? json_string_value(value) : "-");
}

static char *
size_text(const json_t *value, const json_t *row)
{
    return output_bytes(json_integer_value(value));
}

static const Column ITEM_COLUMNS[] = {
    {"Server", "instance_name", NULL},
    {"State", "state", NULL},
    {"Move", "move", NULL},
    {"To", "dest_host", NULL},
    {"Copied", "percent", percent_text},
    {"Why", "message", NULL},
    {NULL, NULL, NULL},
};

static const Column PLAN_COLUMNS[] = {
    {"Server", "instance_name", NULL},
    {"Move", "move", move_text},
    {"To", "dest_host", NULL},
    {"Size", "size_bytes", size_text},
    {"Why", "reason", NULL},
    {NULL, NULL, NULL},
};

static const Column DRAIN_COLUMNS[] = {
    {"Id", "id", NULL},
    {"Host", "host", NULL},
    {"Kind", "kind", NULL},
    {"State", "state", NULL},
    {"Servers", "progress.total", NULL},
    {"Moved", "progress.moved", NULL},
    {"Blocked", "progress.blocked", NULL},
    {"Since", "created_at", NULL},
    {"Reason", "reason", NULL},
    {NULL, NULL, NULL},
};

/* ---- why, and what would help: as a column it would be cut ---- */

enum { MAX_NAMES = 8 };

/* The servers of which one sentence is true. */
typedef struct SharedReason {
    const char *reason;
    const char *fix; /* NULL: nothing is to be done */
    bool is_cold;    /* it is why they are switched off for their move, not why they stay */
    GPtrArray *names;
} SharedReason;

static void
shared_reason_free(void *data)
{
    SharedReason *shared = data;
    g_ptr_array_unref(shared->names);
    g_free(shared);
}

/* A job's item has a state: one that waits or stays says what its cold move has failed with. */
static bool
goes_cold(const json_t *row)
{
    const char *state = string_of(row, "state");
    return strcmp(string_of(row, "move"), "cold") == 0 && strcmp(state, "waiting") != 0 &&
        strcmp(state, "blocked") != 0;
}

static SharedReason *
find_shared(GPtrArray *all, const SharedReason *wanted)
{
    for (unsigned i = 0; i < all->len; i++) {
        SharedReason *shared = all->pdata[i];
        if (strcmp(shared->reason, wanted->reason) == 0 &&
            g_strcmp0(shared->fix, wanted->fix) == 0 && shared->is_cold == wanted->is_cold) {
            return shared;
        }
    }
    SharedReason *shared = g_memdup2(wanted, sizeof *wanted);
    shared->names = g_ptr_array_new();
    g_ptr_array_add(all, shared);
    return shared;
}

/* "vm1", or "12 servers (vm1, ..., vm8 and 4 more)". Caller frees. */
static char *
names_text(const GPtrArray *names)
{
    if (names->len == 1) {
        return g_strdup(names->pdata[0]);
    }
    GString *text = g_string_new(NULL);
    g_string_printf(text, "%u servers (", names->len);
    for (unsigned i = 0; i < MIN(names->len, MAX_NAMES); i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", (char *)names->pdata[i]);
    }
    if (names->len > MAX_NAMES) {
        g_string_append_printf(text, " and %u more", names->len - MAX_NAMES);
    }
    g_string_append_c(text, ')');
    return g_string_free(text, false);
}

/* Each sentence once, in the order of the rows. key: what it is called there; "waits_for" tells of
 * what goes well. */
static void
say_reasons(Output *output, const json_t *rows, const char *key)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(shared_reason_free);
    size_t i;
    json_t *row;
    bool is_well = strcmp(key, "waits_for") == 0;
    json_array_foreach(rows, i, row)
    {
        SharedReason own = {
            .reason = json_string_value(json_object_get(row, key)),
            .fix = is_well ? NULL : json_string_value(json_object_get(row, "fix")),
            .is_cold = !is_well && goes_cold(row),
        };
        if (own.reason != NULL) {
            g_ptr_array_add(
                find_shared(all, &own)->names, (char *)string_of(row, "instance_name"));
        }
    }
    for (unsigned n = 0; n < all->len; n++) {
        const SharedReason *shared = all->pdata[n];
        g_autofree char *names = names_text(shared->names);
        output_say(output, "%s%s: %s", names,
            shared->is_cold ? (shared->names->len == 1 ? " goes cold" : " go cold") : "",
            shared->reason);
        if (shared->fix != NULL) {
            output_say(output, "  What would help: %s.", shared->fix);
        }
    }
}

/* ---- a job, a plan ---- */

/* Below a table the last column is said, once: it is left out where nobody has asked for it. */
static bool
list_rows(Output *output, const json_t *rows, const Column *columns, GError **error)
{
    bool is_said = output->format == OUTPUT_TABLE && output->columns->len == 0;
    size_t n = 0;
    while (columns[n].title != NULL) {
        n++;
    }
    g_autofree Column *shown = g_memdup2(columns, (n + 1) * sizeof *columns);
    if (is_said) {
        shown[n - 1] = (Column){NULL, NULL, NULL};
    }
    return output_list(output, rows, shown, NULL, error);
}

/* That there is none is no mistake: what was asked for is so. */
static const char *
no_server(const json_t *about)
{
    if (strcmp(string_of(about, "kind"), "restore") == 0) {
        return "No server that a drain has moved away is left for it to bring back; one that "
               "another restore has is that one's.";
    }
    return count_of(about, "coming") > 0
        ? "No server is on it yet; what is on its way there is taken once it has come."
        : "No server is on it.";
}

static bool
show(Output *output, const json_t *drain, GError **error)
{
    const json_t *items = json_object_get(drain, "items");
    if (output->format == OUTPUT_JSON) {
        return output_object(output, drain, error);
    }
    if (!list_rows(output, items, ITEM_COLUMNS, error)) {
        return false;
    }
    if (json_array_size(items) == 0) {
        output_say(output, "%s The %s of %s is %s.", no_server(drain), string_of(drain, "kind"),
            string_of(drain, "host"), string_of(drain, "state"));
        return true;
    }
    say_reasons(output, items, "message");
    int n_left = count_of(drain, "left");
    g_autofree char *left = n_left > 0
        ? g_strdup_printf("%d deleted or moved by somebody else, ", n_left)
        : g_strdup("");
    output_say(output, "The %s of %s is %s: %d of %d moved, %s%d blocked. %s.",
        string_of(drain, "kind"), string_of(drain, "host"), string_of(drain, "state"),
        count_of(drain, "moved"), count_of(drain, "total"), left, count_of(drain, "blocked"),
        string_of(drain, "meaning"));
    return true;
}

static bool
show_plan(Output *output, const json_t *plan, GError **error)
{
    const json_t *steps = json_object_get(plan, "steps");
    if (output->format == OUTPUT_JSON) {
        return output_object(output, plan, error);
    }
    if (!list_rows(output, steps, PLAN_COLUMNS, error)) {
        return false;
    }
    if (json_array_size(steps) == 0) {
        output_say(output, "%s Nothing was touched.", no_server(plan));
        return true;
    }
    say_reasons(output, steps, "reason");
    say_reasons(output, steps, "waits_for");
    int n_wait = (int)json_integer_value(json_object_get(plan, "wait"));
    g_autofree char *wait =
        n_wait > 0 ? g_strdup_printf(", %d would wait", n_wait) : g_strdup("");
    output_say(output, "%d would move, in this order; %d would stay%s. Nothing was touched.",
        (int)json_integer_value(json_object_get(plan, "moves")),
        (int)json_integer_value(json_object_get(plan, "stay")), wait);
    return true;
}

/* ---- what is not drover's ---- */

/* No drain moves it, and whoever switches the host off would end it. Nothing is said where that
 * cannot be read: the drain is told all the same. */
static void
say_foreign(Output *output, Session *session, const char *host)
{
    g_autofree char *path = session_path("/hosts/%s", host);
    json_auto_t *answer = output->format != OUTPUT_JSON
        ? session_get(session, "drover", path, NULL)
        : NULL;
    const json_t *rows = json_object_get(json_object_get(answer, "host"), "differences");
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (strcmp(string_of(row, "kind"), "foreign") == 0) {
            output_say(output,
                "Domain '%s' is not drover's: it is left alone, and still runs on %s.",
                string_of(row, "domain"), host);
        }
    }
}

/* As of a migration: no when it would not do all that it is for. Who is only busy is waited for. */
static bool
tell_plan(Output *output, Session *session, const json_t *plan, GError **error)
{
    int n_stay = (int)json_integer_value(json_object_get(plan, "stay"));
    if (!show_plan(output, plan, error)) {
        return false;
    }
    if (strcmp(string_of(plan, "kind"), "drain") == 0) {
        say_foreign(output, session, string_of(plan, "host"));
    }
    return n_stay == 0 ||
        error_set(error, ERROR_CONFLICT, "%d server%s would stay; nothing was done", n_stay,
            n_stay == 1 ? "" : "s");
}

/* ---- host drain, host restore ---- */

/* Its end, and whether that is what was asked for. id: as of watch_drain. */
static bool
wait_for_end(
    CommandContext *context, Session *session, const char *host, int64_t id, GError **error)
{
    json_auto_t *drain = watch_drain(session, host, id, error);
    if (drain == NULL || !show(command_output(context), drain, error)) {
        return false;
    }
    if (strcmp(string_of(drain, "kind"), "drain") == 0) {
        say_foreign(command_output(context), session, host);
    }
    const char *state = string_of(drain, "state");
    return strcmp(state, "done") == 0 ||
        error_set(error, ERROR_CONFLICT, "the %s of host '%s' is %s", string_of(drain, "kind"),
            host, state);
}

static json_t *
make_request(CommandContext *context, const char *kind, GError **error)
{
    int64_t parallel = 0;
    if (!command_int(context, "--parallel", 0, 1, 1000, &parallel, error)) {
        return NULL;
    }
    json_t *request = json_pack("{s:{s:b, s:b}}", kind, "dry_run",
        command_has(context, "--dry-run"), "cold_fallback",
        command_has(context, "--cold-fallback"));
    json_t *options = json_object_get(request, kind);
    if (parallel > 0) {
        json_object_set_new(options, "parallel", json_integer(parallel));
    }
    if (command_value(context, "--reason") != NULL) {
        json_object_set_new(options, "reason", json_string(command_value(context, "--reason")));
    }
    return request;
}

static void
say_begun(Output *output, const json_t *drain)
{
    const char *kind = string_of(drain, "kind");
    const char *host = string_of(drain, "host");
    int n = count_of(drain, "total");
    if (n == 0) {
        output_say(output, "%s %s is %s.", no_server(drain), host,
            strcmp(kind, "restore") == 0 ? "enabled" : "disabled");
        return;
    }
    output_say(output,
        "The %s of %s has begun, with %d server%s; 'drover drain show %s' tells how far it is.",
        kind, host, n, n == 1 ? "" : "s", host);
}

static bool
begin(CommandContext *context, const char *kind, GError **error)
{
    const char *host = command_argument(context, 0);
    json_auto_t *request = make_request(context, kind, error);
    Session *session = request != NULL ? command_session(context, error) : NULL;
    if (session == NULL) {
        return false;
    }
    g_autofree char *collection = session_path("/hosts/%s/", host);
    g_autofree char *path = g_strconcat(collection, kind, NULL);
    Output *output = command_output(context);
    json_auto_t *answer = session_request(session, "drover", "POST", path, request, error);
    if (answer == NULL) {
        return false;
    }
    const json_t *plan = json_object_get(answer, "plan");
    if (plan != NULL) {
        return tell_plan(output, session, plan, error);
    }
    const json_t *drain = json_object_get(answer, "drain");
    if (command_has(context, "--wait")) {
        int64_t id = json_integer_value(json_object_get(drain, "id"));
        return wait_for_end(context, session, host, id, error);
    }
    say_begun(output, drain);
    return output->format != OUTPUT_JSON || output_object(output, drain, error);
}

static bool
host_drain(CommandContext *context, GError **error)
{
    return begin(context, "drain", error);
}

static bool
host_restore(CommandContext *context, GError **error)
{
    return begin(context, "restore", error);
}

/* ---- drain list, show, pause, resume, cancel ---- */

static bool
drain_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    const char *host = command_value(context, "--host");
    g_autofree char *path =
        host != NULL ? session_path("/drains?host=%s", host) : g_strdup("/drains");
    json_auto_t *answer = session != NULL ? session_get(session, "drover", path, error) : NULL;
    g_autofree char *none = host != NULL ? g_strdup_printf("%s was never drained.", host)
                                         : g_strdup("No host was ever drained.");
    return answer != NULL &&
        output_list(command_output(context), json_object_get(answer, "drains"), DRAIN_COLUMNS, none,
            error);
}

static bool
drain_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    const char *host = command_argument(context, 0);
    g_autofree char *path = session_path("/hosts/%s/drain", host);
    if (session == NULL) {
        return false;
    }
    if (command_has(context, "--wait")) {
        return wait_for_end(context, session, host, 0, error);
    }
    json_auto_t *answer = session_get(session, "drover", path, error);
    return answer != NULL &&
        show(command_output(context), json_object_get(answer, "drain"), error);
}

/* then: what comes of it. */
static bool
set_wanted(CommandContext *context, const char *wanted, const char *then, GError **error)
{
    Session *session = command_session(context, error);
    g_autofree char *path = session_path("/hosts/%s/drain", command_argument(context, 0));
    json_auto_t *body = json_pack("{s:{s:s}}", "drain", "wanted", wanted);
    json_auto_t *answer =
        session != NULL ? session_request(session, "drover", "PATCH", path, body, error) : NULL;
    if (answer == NULL) {
        return false;
    }
    const json_t *drain = json_object_get(answer, "drain");
    Output *output = command_output(context);
    output_say(output, "The %s of %s %s", string_of(drain, "kind"), string_of(drain, "host"), then);
    return output->format != OUTPUT_JSON || output_object(output, drain, error);
}

static bool
drain_pause(CommandContext *context, GError **error)
{
    return set_wanted(context, "pause",
        "is paused: no move is begun, and those under way come to their end.", error);
}

static bool
drain_resume(CommandContext *context, GError **error)
{
    return set_wanted(context, "run", "goes on.", error);
}

static bool
drain_cancel(CommandContext *context, GError **error)
{
    return set_wanted(
        context, "cancel", "is given up: it ends with the moves that are under way.", error);
}

static const CommandOption BEGIN_OPTIONS[] = {
    {"--dry-run", NULL, "show what would go where, and what would stay: then it fails"},
    {"--parallel", "N", "moves at once; hosts take max_concurrent_live_migrations each"},
    {"--cold-fallback", NULL, "what cannot be moved live is switched off for its move"},
    {"--reason", "TEXT", "why, for whoever looks at the host and its migrations"},
    {"--wait", NULL, "until it is over; fails when something stays"},
    {NULL, NULL, NULL},
};

static const CommandOption LIST_OPTIONS[] = {
    {"--host", "HOST", "only of this host"},
    {NULL, NULL, NULL},
};

static const CommandOption SHOW_OPTIONS[] = {
    {"--wait", NULL, "until it is over; fails when something stays"},
    {NULL, NULL, NULL},
};

const Command drain_commands[] = {
    {"host drain", "HOST", 1, 1, "Empty a host: disable it, and move its servers away",
        "Running servers are moved live, stopped ones cold; cold moves are confirmed by "
        "themselves. droverd does it, also over a restart of its own. What fails is tried "
        "again, elsewhere if it can be; what cannot be moved stays, with the reason, and the "
        "drain ends as blocked. An affinity group goes to one host, one server of it first. "
        "Drains beside each other share one plan. 'drover host restore' undoes it. Exit code "
        "1, of --dry-run and --wait: something would stay, or stays; what is only busy waits.",
        "  drover host drain hosta --dry-run\n"
        "  drover host drain hosta --reason 'new kernel' --wait\n"
        "  drover host drain hosta --parallel 2 --cold-fallback",
        BEGIN_OPTIONS, host_drain},
    {"host restore", "HOST", 1, 1, "Enable a host, and bring back what drains have moved away",
        "What was deleted, or moved since by somebody else than drains, is left where it is. Where "
        "no drain has moved anything away the host is enabled, the command says so, and ends with "
        "0. Exit code 1, of --dry-run and --wait: something would stay away, or stays away.",
        "  drover host restore hosta --dry-run\n  drover host restore hosta --wait", BEGIN_OPTIONS,
        host_restore},
    {"drain list", "", 0, 0, "List drains and restores, the newest first", NULL, NULL,
        LIST_OPTIONS, drain_list},
    {"drain show", "HOST", 1, 1, "Show how far a host's drain is, and what keeps it", NULL,
        "  drover drain show hosta\n  drover drain show hosta --wait", SHOW_OPTIONS, drain_show},
    {"drain pause", "HOST", 1, 1, "Begin no further move; those under way come to their end",
        NULL, NULL, NULL, drain_pause},
    {"drain resume", "HOST", 1, 1, "Go on with a paused drain", NULL, NULL, NULL, drain_resume},
    {"drain cancel", "HOST", 1, 1, "Give a drain up: what was moved stays where it is",
        "It ends with the moves that are under way. The host stays disabled: 'drover host "
        "restore' brings back what was moved, and enables it. Who enables the host while it is "
        "drained gives the drain up as well.",
        NULL, NULL, drain_cancel},
    {NULL},
};
