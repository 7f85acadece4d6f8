/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The words of the older nova client that runbooks still say. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/find.h"

#include <stdio.h>

static const CommandOption OPTIONS[] = {
    {"--block-migrate", NULL, "copy the disks"},
    {"--reason", "TEXT", "why, for whoever looks at the migration later"},
    {NULL, NULL, NULL},
};

/* nova live-migration SERVER [HOST], and the sentence that it printed once. */
static bool
live_migration(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL ||
        !session_set_reason(session, command_value(context, "--reason"), error)) {
        return false;
    }
    const char *host = command_argument(context, 1);
    const char *id = json_string_value(json_object_get(server, "id"));
    json_auto_t *body = json_pack("{s:{s:o, s:o}}", "os-migrateLive", "host",
        host != NULL ? json_string(host) : json_null(), "block_migration",
        command_has(context, "--block-migrate") ? json_true() : json_string("auto"));
    if (!session_act(session, id, body, error)) {
        return false;
    }
    printf("Migration of %s initiated.\n", id);
    return true;
}

static const Column SHARE_COLUMNS[] = {
    {"HOST", "host", NULL},
    {"PROJECT", "project", NULL},
    {"cpu", "cpu", NULL},
    {"memory_mb", "memory_mb", NULL},
    {"disk_gb", "disk_gb", NULL},
    {NULL, NULL, NULL},
};

/* nova host-describe HOST, which the clients dropped with version 2.43 of the API. */
static bool
host_describe(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    g_autofree char *path = session_path("/os-hosts/%s", command_argument(context, 0));
    json_auto_t *answer = session != NULL ? session_get(session, "compute", path, error) : NULL;
    if (answer == NULL) {
        return false;
    }
    json_auto_t *rows = json_array();
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(answer, "host"), i, entry)
    {
        json_array_append(rows, json_object_get(entry, "resource"));
    }
    return output_list(command_output(context), rows, SHARE_COLUMNS, NULL, error);
}

const Command legacy_commands[] = {
    {"live-migration", "SERVER [HOST]", 1, 2, "As 'nova live-migration' did: move a running server",
        NULL, "  drover live-migration vm1 hostc", OPTIONS, live_migration},
    {"host-describe", "HOST", 1, 1, "As 'nova host-describe' did: what servers use of a host",
        "(total) is what the host has, (used_now) what is claimed on it and kept for the host "
        "itself, (used_max) what is claimed alone, also for servers on their way, then by project.",
        "  drover host-describe hostc", NULL, host_describe},
    {NULL},
};
