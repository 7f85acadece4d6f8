/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What is done about a dead host: its power, its servers, and what is left behind. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

/* ---- server evacuate ---- */

enum { PASSWORD_BYTES = 6 }; /* 48 bits of chance, twelve letters */

static bool
evacuate(Session *session, const char *id, const char *host, const char *password, GError **error)
{
    json_auto_t *body = json_pack("{s:{}}", "evacuate");
    json_t *value = json_object_get(body, "evacuate");
    if (host != NULL) {
        json_object_set_new(value, "host", json_string(host));
    }
    if (password != NULL) {
        json_object_set_new(value, "adminPass", json_string(password));
    }
    return session_act(session, id, body, error);
}

static bool
newest_evacuation(Session *session, const char *id, int64_t *ret_id, GError **error)
{
    g_autofree char *path = session_path(
        "/os-migrations?instance_uuid=%s&migration_type=evacuation&limit=1", id);
    json_auto_t *answer = session_get(session, "compute", path, error);
    if (answer == NULL) {
        return false;
    }
    json_t *first = json_array_get(json_object_get(answer, "migrations"), 0);
    *ret_id = json_integer_value(json_object_get(first, "id"));
    return true;
}

static bool
wait_for(Session *session, Output *output, const char *id, GError **error)
{
    int64_t migration = 0;
    return newest_evacuation(session, id, &migration, error) &&
        watch_migration(session, output, migration, error);
}

static bool
show_begun(Session *session, Output *output, const char *id, GError **error)
{
    int64_t migration = 0;
    return newest_evacuation(session, id, &migration, error) &&
        watch_begun(session, output, migration, error);
}

/* What is printed for programs is the migration alone. */
static void
say_password(Output *output, const char *password)
{
    fprintf(output->format == OUTPUT_TABLE ? stdout : stderr,
        "Password, if its disk is rebuilt: %s\n", password);
}

static const CommandOption EVACUATE_OPTIONS[] = {
    {"--host", "HOST", "where to; chosen when it is not said"},
    {"--password", "PASSWORD", "of the new root disk; made and shown when it is not said"},
    {"--reason", "TEXT", "why, for whoever looks at the migration later"},
    {"--wait", NULL, "until it is over; fails with the reason"},
    {NULL, NULL, NULL},
};

static bool
server_evacuate(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *id = find_id(server);
    const char *given = command_value(context, "--password");
    g_autofree char *made = given == NULL ? clock_random_hex(clock_system(), PASSWORD_BYTES) : NULL;
    Output *output = command_output(context);
    if (!session_set_reason(session, command_value(context, "--reason"), error) ||
        !evacuate(session, id, command_value(context, "--host"), given != NULL ? given : made,
            error)) {
        return false;
    }
    bool waits = command_has(context, "--wait");
    if (!waits) {
        output_say(output, "Evacuation of %s accepted.", id);
    }
    bool is_done = waits && wait_for(session, output, id, error);
    /* One that has failed has made no disk that it could be in. */
    if (made != NULL && (is_done || !waits || watch_is_interrupted())) {
        say_password(output, made);
    }
    return waits ? is_done : show_begun(session, output, id, error);
}

/* ---- host evacuate ---- */

static const Column RESULT_COLUMNS[] = {
    {"Server", "id", NULL},
    {"Name", "name", NULL},
    {"Evacuate", "result", NULL},
    {"Reason", "reason", NULL},
    {NULL, NULL, NULL},
};

static void
add_row(json_t *rows, const json_t *server, const char *result, const GError *problem)
{
    json_array_append_new(rows,
        json_pack("{s:O, s:O, s:s, s:s?}", "id", json_object_get(server, "id"), "name",
            json_object_get(server, "name"), "result", result, "reason",
            problem != NULL ? problem->message : NULL));
}

/* Each is asked for first, so that the host is fenced once for all of them. */
static json_t *
accept_each(CommandContext *context, Session *session, const json_t *servers, int *ret_failed)
{
    json_t *rows = json_array();
    size_t i;
    json_t *server;
    json_array_foreach(servers, i, server)
    {
        g_autoptr(GError) problem = NULL;
        g_autofree char *id = find_id(server);
        bool accepted =
            evacuate(session, id, command_value(context, "--host"), NULL, &problem);
        add_row(rows, server, accepted ? "accepted" : "refused", problem);
        *ret_failed += !accepted;
    }
    return rows;
}

/* False when it was interrupted: nobody has failed then. */
static bool
wait_for_each(
    CommandContext *context, Session *session, json_t *rows, int *ret_failed, GError **error)
{
    /* For programs the list is all. */
    Output *each = command_output(context)->format == OUTPUT_TABLE ? command_output(context) : NULL;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        g_autoptr(GError) problem = NULL;
        if (strcmp(json_string_value(json_object_get(row, "result")), "accepted") != 0) {
            continue;
        }
        const char *id = json_string_value(json_object_get(row, "id"));
        bool is_done = wait_for(session, each, id, &problem);
        if (watch_is_interrupted()) {
            return error_set(error, ERROR_CANCELLED,
                "interrupted: the evacuations go on; 'drover server migration list --type "
                "evacuation' shows how far they are");
        }
        json_object_set_new(row, "result", json_string(is_done ? "done" : "failed"));
        if (!is_done) {
            json_object_set_new(row, "reason", json_string(problem->message));
        }
        *ret_failed += !is_done;
    }
    return true;
}

static const CommandOption HOST_EVACUATE_OPTIONS[] = {
    {"--host", "HOST", "where all of them go; chosen for each when it is not said"},
    {"--reason", "TEXT", "why, for whoever looks at the migration later"},
    {"--wait", NULL, "until each is over"},
    {NULL, NULL, NULL},
};

static bool
host_evacuate(CommandContext *context, GError **error)
{
    int n_failed = 0;
    const char *host = command_argument(context, 0);
    Session *session = command_session(context, error);
    g_autofree char *host_path = session_path("/hosts/%s", host);
    g_autofree char *path = session_path("/servers?all_tenants=True&host=%s", host);
    /* A name that is misspelt has no servers: that must not look like success. */
    json_auto_t *known =
        session != NULL ? session_get(session, "drover", host_path, error) : NULL;
    json_auto_t *servers =
        known != NULL ? session_list(session, "compute", path, "servers", error) : NULL;
    if (servers == NULL ||
        !session_set_reason(session, command_value(context, "--reason"), error)) {
        return false;
    }
    json_auto_t *rows = accept_each(context, session, servers, &n_failed);
    if (command_has(context, "--wait") &&
        !wait_for_each(context, session, rows, &n_failed, error)) {
        return false;
    }
    size_t n = json_array_size(rows);
    if (!output_list(command_output(context), rows, RESULT_COLUMNS, "No server is on that host.",
            error)) {
        return false;
    }
    output_say(command_output(context), "%zu server(s), %d failed.", n, n_failed);
    return n_failed == 0 ||
        error_set(error, ERROR_CONFLICT, "%d of %zu servers could not be evacuated", n_failed, n);
}

/* ---- host set, host power ---- */

static const CommandOption SET_OPTIONS[] = {
    {"--fence-agent", "NAME", "that switches its power, as fence_ipmilan; \"\" for none"},
    {"--fence-options", "K=V,...", "what the agent is told; a comma in a value is \\,"},
    {NULL, NULL, NULL},
};

static bool
host_set(CommandContext *context, GError **error)
{
    const char *agent = command_value(context, "--fence-agent");
    const char *options = command_value(context, "--fence-options");
    if (agent == NULL && options == NULL) {
        return usage_error(error, "say --fence-agent or --fence-options: nothing else can be set");
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{}}", "host");
    json_t *host = json_object_get(body, "host");
    if (agent != NULL) {
        json_object_set_new(host, "fence_agent", json_string(agent));
    }
    if (options != NULL) {
        json_object_set_new(host, "fence_options", json_string(options));
    }
    g_autofree char *path = session_path("/hosts/%s", command_argument(context, 0));
    json_auto_t *answer = session_request(session, "drover", "PATCH", path, body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "host"), error);
}

static const CommandOption POWER_OPTIONS[] = {
    {"--force", NULL, "off although the host is up: its guests die with it"},
    {NULL, NULL, NULL},
};

static bool
host_power(CommandContext *context, GError **error)
{
    static const char *const ACTIONS[] = {"status", "off", "on", NULL};
    const char *action =
        command_n_arguments(context) > 1 ? command_argument(context, 1) : "status";
    if (!g_strv_contains(ACTIONS, action)) {
        return usage_error(error, "the power is told to be status, off or on, not '%s'", action);
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:b}}", "power", "action", action, "force",
        command_has(context, "--force"));
    g_autofree char *path = session_path("/hosts/%s/power", command_argument(context, 0));
    json_auto_t *answer = session_request(session, "drover", "POST", path, body, error);
    if (answer == NULL) {
        return false;
    }
    json_t *host = json_object_get(answer, "host");
    json_auto_t *shown = json_pack("{s:O, s:O, s:O, s:O}", "name", json_object_get(host, "name"),
        "power", json_object_get(host, "power"), "fenced", json_object_get(host, "fenced"),
        "power_seen", json_object_get(host, "power_seen"));
    return output_object(command_output(context), shown, error);
}

/* ---- leftovers ---- */

static char *
size_text(const json_t *value, const json_t *row)
{
    (void)row;
    return output_bytes(json_is_integer(value) ? json_integer_value(value) : -1);
}

static const Column LEFTOVER_COLUMNS[] = {
    {"Id", "id", NULL},
    {"Host", "host", NULL},
    {"Kind", "kind", NULL},
    {"Name", "name", NULL},
    {"Size", "size_bytes", size_text},
    {"Why", "why", NULL},
    {"Goes When", "removable_when", NULL},
    {"Since", "since", NULL},
    {"Last Error", "last_error", NULL},
    {NULL, NULL, NULL},
};

/* For programs; nobody could read so wide a table. */
static const Column LEFTOVER_MEMBERS[] = {
    {"Id", "id", NULL},
    {"Host", "host", NULL},
    {"Kind", "kind", NULL},
    {"Name", "name", NULL},
    {"Instance UUID", "instance_uuid", NULL},
    {"With Disks", "with_disks", NULL},
    {"Size Bytes", "size_bytes", NULL},
    {"Copy", "copy", NULL},
    {"Why", "why", NULL},
    {"Goes When", "removable_when", NULL},
    {"Remove Wanted", "remove_wanted", NULL},
    {"Since", "since", NULL},
    {"Last Error", "last_error", NULL},
    {NULL, NULL, NULL},
};

static const CommandOption LEFTOVER_OPTIONS[] = {
    {"--host", "HOST", "only on this host"},
    {NULL, NULL, NULL},
};

static bool
inspect_leftovers(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    const char *host = command_value(context, "--host");
    g_autofree char *path =
        host != NULL ? session_path("/leftovers?host=%s", host) : g_strdup("/leftovers");
    json_auto_t *answer = session != NULL ? session_get(session, "drover", path, error) : NULL;
    Output *output = command_output(context);
    const Column *columns =
        output->format == OUTPUT_JSON ? LEFTOVER_MEMBERS : LEFTOVER_COLUMNS;
    return answer != NULL &&
        output_list(output, json_object_get(answer, "leftovers"), columns,
            "Nothing is left behind anywhere.", error);
}

static bool
leftover_remove(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    g_autofree char *path = session_path("/leftovers/%s", command_argument(context, 0));
    json_auto_t *answer =
        session != NULL ? session_request(session, "drover", "DELETE", path, NULL, error) : NULL;
    if (answer == NULL) {
        return false;
    }
    const json_t *row = json_object_get(answer, "leftover");
    const char *host = json_string_value(json_object_get(row, "host"));
    bool is_volume = g_strcmp0(json_string_value(json_object_get(row, "kind")), "volume") == 0;
    Output *output = command_output(context);
    output_say(output, "It is removed as soon as host '%s' answers and %s.", host,
        is_volume ? "no server needs it" : "the server is seen where it belongs");
    return output_object(output, row, error);
}

const Command evacuate_commands[] = {
    {"server evacuate", "SERVER", 1, 1, "Make a dead host's server anew on another host",
        "The host must be down, and known to be dead: by a fence agent ('drover host set'), or "
        "because an operator says so ('openstack compute service set --down'). The root disk is "
        "kept where both hosts share their pool and rebuilt from the image where not. After a "
        "failure the same command may be given again.",
        "  drover server evacuate --wait vm1\n"
        "  drover server evacuate --host hostc --password s3cret vm1",
        EVACUATE_OPTIONS, server_evacuate},
    {"host evacuate", "HOST", 1, 1, "Evacuate every server of a dead host", NULL,
        "  drover host evacuate hosta --wait", HOST_EVACUATE_OPTIONS, host_evacuate},
    {"host set", "HOST", 1, 1, "Say how a host's power is switched",
        "A fence agent is a program of Debian's package fence-agents, or one of your own with the "
        "same protocol, in the directory [fencing] agent_path. Its options are kept in the "
        "database and never shown.",
        "  drover host set hosta --fence-agent fence_ipmilan \\\n"
        "      --fence-options ip=10.9.0.1,username=drover,password=s3cret,lanplus=1",
        SET_OPTIONS, host_set},
    {"host power", "HOST [status|off|on]", 1, 2, "Ask for a host's power, or switch it", NULL,
        "  drover host power hosta\n  drover host power hosta on", POWER_OPTIONS, host_power},
    {"inspect leftovers", "", 0, 0, "List what operations have left on hosts, and why",
        "What may be removed is removed by itself, once it is proven that nothing needs it.", NULL,
        LEFTOVER_OPTIONS, inspect_leftovers},
    {"leftover remove", "ID", 1, 1, "Remove a leftover that does not go by itself",
        "For volumes of nobody, and for a copy that was found active beside its server, and "
        "paused: look at both first. The server must be seen where it belongs all the same. What "
        "was not found active is refused: it goes by itself, and nothing can be said beforehand "
        "about a copy that nobody has seen yet.",
        "  drover inspect leftovers\n  drover leftover remove 9", NULL, leftover_remove},
    {NULL},
};
