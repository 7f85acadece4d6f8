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

const Command legacy_commands[] = {
    {"live-migration", "SERVER [HOST]", 1, 2, "As 'nova live-migration' did: move a running server",
        NULL, "  drover live-migration vm1 hostc", OPTIONS, live_migration},
    {NULL},
};
