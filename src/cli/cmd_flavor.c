/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover flavor ... */
#include "base/error.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"RAM", "ram", NULL},
    {"Disk", "disk", NULL},
    {"VCPUs", "vcpus", NULL},
    {"Is Public", KEY("os-flavor-access:is_public"), NULL},
    {NULL, NULL, NULL},
};

static bool
flavor_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows = session != NULL
        ? session_list(session, "compute", "/flavors/detail", "flavors", error)
        : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no flavors. 'drover flavor create --help' shows how to make one.", error);
}

static bool
flavor_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *flavor =
        session != NULL ? find_flavor(session, command_argument(context, 0), error) : NULL;
    return flavor != NULL && output_object(command_output(context), flavor, error);
}

static const CommandOption CREATE_OPTIONS[] = {
    {"--ram", "MIB", "memory, 256 when not said"},
    {"--disk", "GIB", "root disk; 0 = as large as the image (when not said)"},
    {"--vcpus", "N", "1 when not said"},
    {"--id", "ID", "made up when not said"},
    {NULL, NULL, NULL},
};

static bool
flavor_create(CommandContext *context, GError **error)
{
    int64_t ram = 0, disk = 0, vcpus = 0;
    if (!command_int(context, "--ram", 256, 1, G_MAXINT32, &ram, error) ||
        !command_int(context, "--disk", 0, 0, G_MAXINT32, &disk, error) ||
        !command_int(context, "--vcpus", 1, 1, 1024, &vcpus, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    const char *id = command_value(context, "--id");
    json_auto_t *body = json_pack("{s:{s:s, s:I, s:I, s:I, s:o}}", "flavor", "name",
        command_argument(context, 0), "ram", (json_int_t)ram, "disk", (json_int_t)disk, "vcpus",
        (json_int_t)vcpus, "id", id != NULL ? json_string(id) : json_null());
    json_auto_t *answer = session_request(session, "compute", "POST", "/flavors", body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "flavor"), error);
}

static bool
flavor_delete(CommandContext *context, GError **error)
{
    return each_delete(context, find_flavor, "compute", "flavors", error);
}

const Command flavor_commands[] = {
    {"flavor list", "", 0, 0, "List flavors", NULL, NULL, NULL, flavor_list},
    {"flavor show", "FLAVOR", 1, 1, "Show a flavor", NULL, NULL, NULL, flavor_show},
    {"flavor create", "NAME", 1, 1, "Create a flavor (administrators)", NULL,
        "  drover flavor create --ram 512 --disk 1 --vcpus 1 m1.tiny", CREATE_OPTIONS,
        flavor_create},
    {"flavor delete", "FLAVOR...", 1, 1000, "Delete flavors; servers keep theirs", NULL, NULL, NULL,
        flavor_delete},
    {NULL},
};
