/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server group ...: servers that belong on one host, or on different ones. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/usage.h"

static char *
format_count(const json_t *value, const json_t *row)
{
    return g_strdup_printf("%zu", json_array_size(value));
}

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Policy", "policy", NULL},
    {"Members", "members", format_count},
    {NULL, NULL, NULL},
};

static bool
group_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows = session != NULL
        ? session_list(session, "compute", "/os-server-groups", "server_groups", error)
        : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no server groups. 'drover server group create --help' shows how to make "
            "one.",
            error);
}

static bool
group_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *group =
        session != NULL ? find_server_group(session, command_argument(context, 0), error) : NULL;
    return group != NULL && output_object_flat(command_output(context), group, error);
}

static const CommandOption CREATE_OPTIONS[] = {
    {"--policy", "POLICY", "affinity, anti-affinity, soft-affinity or soft-anti-affinity (needed)"},
    {"--max-per-host", "N", "with anti-affinity: how many may be on one host; 1 when not said"},
    {NULL, NULL, NULL},
};

static bool
group_create(CommandContext *context, GError **error)
{
    int64_t most = 0;
    if (!command_has(context, "--policy")) {
        return usage_error(error, "say --policy: see 'drover server group create --help'");
    }
    if (!command_int(context, "--max-per-host", 0, 1, G_MAXINT32, &most, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:s}}", "server_group", "name",
        command_argument(context, 0), "policy", command_value(context, "--policy"));
    if (most > 0) {
        json_object_set_new(json_object_get(body, "server_group"), "rules",
            json_pack("{s:I}", "max_server_per_host", (json_int_t)most));
    }
    json_auto_t *answer =
        session_request(session, "compute", "POST", "/os-server-groups", body, error);
    return answer != NULL &&
        output_object_flat(
            command_output(context), json_object_get(answer, "server_group"), error);
}

static bool
group_delete(CommandContext *context, GError **error)
{
    return each_delete(context, find_server_group, "compute", "os-server-groups", error);
}

const Command server_group_commands[] = {
    {"server group list", "", 0, 0, "List server groups", NULL, NULL, NULL, group_list},
    {"server group show", "GROUP", 1, 1, "Show a server group with its members", NULL, NULL, NULL,
        group_show},
    {"server group create", "NAME", 1, 1, "Create a server group",
        "Servers get into it when they are made, with 'drover server create --group', and are "
        "held to its policy by every move. The soft policies are wishes.",
        "  drover server group create --policy anti-affinity web", CREATE_OPTIONS, group_create},
    {"server group delete", "GROUP...", 1, 1000, "Delete server groups; their servers stay", NULL,
        NULL, NULL, group_delete},
    {NULL},
};
