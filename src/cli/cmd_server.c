/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server list and show: the openstack client's words for the same things. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/find.h"
#include "cli/topology.h"

#include <string.h>

#define HOST_KEY "OS-EXT-SRV-ATTR:host"
#define TASK_KEY "OS-EXT-STS:task_state"

/* private=10.0.0.5; two=10.1.0.7 */
static char *
format_addresses(const json_t *value, const json_t *row)
{
    GString *text = g_string_new(NULL);
    const char *network = NULL;
    json_t *addresses = NULL;
    json_object_foreach((json_t *)value, network, addresses)
    {
        g_string_append_printf(text, "%s%s=", text->len > 0 ? "; " : "", network);
        size_t i = 0;
        json_t *address = NULL;
        json_array_foreach(addresses, i, address)
        {
            g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                json_string_value(json_object_get(address, "addr")));
        }
    }
    return g_string_free(text, false);
}

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Status", "status", NULL},
    {"Networks", "addresses", format_addresses},
    {"Host", KEY(HOST_KEY), NULL},
    {"Flavor", "flavor.original_name", NULL},
    {NULL, NULL, NULL},
};

static const Column LONG_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Status", "status", NULL},
    {"Task State", KEY(TASK_KEY), NULL},
    {"Power State", KEY("OS-EXT-STS:power_state"), NULL},
    {"Networks", "addresses", format_addresses},
    {"Host", KEY(HOST_KEY), NULL},
    {"Flavor", "flavor.original_name", NULL},
    {"Zone", KEY("OS-EXT-AZ:availability_zone"), NULL},
    {"Created", "created", NULL},
    {NULL, NULL, NULL},
};

static const CommandOption LIST_OPTIONS[] = {
    {"--all-projects", NULL, "of every project (administrators)"},
    {"--host", "HOST", "only those on this host (administrators)"},
    {"--status", "STATUS", "only those in this status"},
    {"--name", "REGEX", "only those whose name matches"},
    {"--long", NULL, "more columns"},
    {NULL, NULL, NULL},
};

static void
append_query(GString *path, const char *key, const char *value)
{
    if (value != NULL) {
        g_autofree char *escaped = g_uri_escape_string(value, NULL, false);
        g_string_append_printf(
            path, "%c%s=%s", strchr(path->str, '?') != NULL ? '&' : '?', key, escaped);
    }
}

static bool
server_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    g_autoptr(GString) path = g_string_new("/servers/detail");
    append_query(path, "all_tenants", command_has(context, "--all-projects") ? "True" : NULL);
    append_query(path, "host", command_value(context, "--host"));
    append_query(path, "status", command_value(context, "--status"));
    append_query(path, "name", command_value(context, "--name"));
    json_auto_t *rows = session_list(session, "compute", path->str, "servers", error);
    return rows != NULL &&
        output_list(command_output(context), rows,
            command_has(context, "--long") ? LONG_COLUMNS : LIST_COLUMNS,
            "There are no servers here. 'drover server create --help' shows how to make one.",
            error);
}

static const CommandOption SHOW_OPTIONS[] = {
    {"--topology", NULL,
        "also its NUMA cells; to administrators with those of its host, and with the pins"},
    {NULL, NULL, NULL},
};

static bool
add_topology(CommandContext *context, Session *session, json_t *server, GError **error)
{
    const char *id = json_string_value(json_object_get(server, "id"));
    g_autofree char *path = session_path("/servers/%s/topology", id);
    json_auto_t *topology = session_get(session, "compute", path, error);
    if (topology == NULL) {
        return false;
    }
    g_autofree char *text = topology_text(topology);
    bool is_json = command_output(context)->format == OUTPUT_JSON;
    json_object_set_new(server, "topology", is_json ? json_incref(topology) : json_string(text));
    return true;
}

/* The Compute API shows them from a microversion on that drover does not have. */
static bool
add_hints_of(Session *session, json_t *server, GError **error)
{
    const char *id = json_string_value(json_object_get(server, "id"));
    g_autofree char *path = session_path("/instances?id=%s", id);
    json_auto_t *answer = session_get(session, "drover", path, error);
    const json_t *row = json_array_get(json_object_get(answer, "instances"), 0);
    json_t *hints = json_object_get(row, "scheduler_hints");
    if (hints != NULL) {
        json_object_set(server, "scheduler_hints", hints);
    }
    return answer != NULL;
}

static bool
server_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *path =
        session_path("/servers/%s", json_string_value(json_object_get(server, "id")));
    json_auto_t *answer = session_get(session, "compute", path, error);
    json_t *shown = json_object_get(answer, "server");
    return answer != NULL && add_hints_of(session, shown, error) &&
        (!command_has(context, "--topology") ||
            add_topology(context, session, shown, error)) &&
        output_object(command_output(context), shown, error);
}

const Command server_commands[] = {
    {"server list", "", 0, 0, "List servers", NULL,
        "  drover server list\n  drover server list --all-projects --host hosta --json",
        LIST_OPTIONS, server_list},
    {"server show", "SERVER", 1, 1, "Show one server", NULL,
        "  drover server show vm1\n  drover server show --topology vm1", SHOW_OPTIONS, server_show},
    {NULL},
};
