/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover network ...: a bridge that every host has, with an address range. */
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/usage.h"

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Subnets", "subnets", NULL},
    {NULL, NULL, NULL},
};

static bool
network_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows =
        session != NULL ? session_list(session, "network", "/networks", "networks", error) : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no networks. 'drover network create --help' shows how to make one.", error);
}

static bool
network_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *network =
        session != NULL ? find_network(session, command_argument(context, 0), error) : NULL;
    return network != NULL && output_object(command_output(context), network, error);
}

static const CommandOption CREATE_OPTIONS[] = {
    {"--bridge", "NAME", "the bridge on every host (needed)"},
    {"--cidr", "CIDR", "its address range (needed): 10.0.0.0/24"},
    {"--gateway", "ADDRESS", "the first address of the range when not said"},
    {"--pool", "FIRST-LAST", "which addresses are handed out; all when not said"},
    {NULL, NULL, NULL},
};

static json_t *
subnet_body(CommandContext *context, const json_t *network, GError **error)
{
    json_auto_t *body = json_pack("{s:{s:O, s:i, s:s}}", "subnet", "network_id",
        json_object_get(network, "id"), "ip_version", 4, "cidr", command_value(context, "--cidr"));
    json_t *subnet = json_object_get(body, "subnet");
    if (command_value(context, "--gateway") != NULL) {
        json_object_set_new(subnet, "gateway_ip", json_string(command_value(context, "--gateway")));
    }
    const char *pool = command_value(context, "--pool");
    if (pool != NULL) {
        g_auto(GStrv) ends = g_strsplit(pool, "-", 2);
        if (g_strv_length(ends) != 2) {
            usage_error(error, "--pool is FIRST-LAST, not '%s'", pool);
            return NULL;
        }
        json_object_set_new(subnet, "allocation_pools",
            json_pack("[{s:s, s:s}]", "start", ends[0], "end", ends[1]));
    }
    return g_steal_pointer(&body);
}

static bool
network_create(CommandContext *context, GError **error)
{
    if (!command_has(context, "--bridge") || !command_has(context, "--cidr")) {
        return usage_error(error, "say --bridge and --cidr: see 'drover network create --help'");
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:s}}", "network", "name", command_argument(context, 0),
        "provider:physical_network", command_value(context, "--bridge"));
    json_auto_t *made = session_request(session, "network", "POST", "/networks", body, error);
    json_t *network = json_object_get(made, "network");
    json_auto_t *subnet = network != NULL ? subnet_body(context, network, error) : NULL;
    json_auto_t *answer = subnet != NULL
        ? session_request(session, "network", "POST", "/subnets", subnet, error)
        : NULL;
    if (answer == NULL) {
        if (network != NULL) {
            /* A network without addresses is of no use: nothing is left half done. */
            g_autofree char *path =
                session_path("/networks/%s", json_string_value(json_object_get(network, "id")));
            json_auto_t *ignored = session_request(session, "network", "DELETE", path, NULL, NULL);
        }
        return false;
    }
    json_auto_t *shown = find_network(session, command_argument(context, 0), error);
    return shown != NULL && output_object(command_output(context), shown, error);
}

static bool
network_delete(CommandContext *context, GError **error)
{
    return each_delete(context, find_network, "network", "networks", error);
}

const Command network_commands[] = {
    {"network list", "", 0, 0, "List networks", NULL, NULL, NULL, network_list},
    {"network show", "NETWORK", 1, 1, "Show a network", NULL, NULL, NULL, network_show},
    {"network create", "NAME", 1, 1, "Create a network with its addresses (administrators)", NULL,
        "  drover network create --bridge br0 --cidr 10.0.0.0/24 private", CREATE_OPTIONS,
        network_create},
    {"network delete", "NETWORK...", 1, 1000, "Delete networks that no server uses", NULL, NULL,
        NULL, network_delete},
    {NULL},
};
