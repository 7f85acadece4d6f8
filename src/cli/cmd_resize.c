/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server resize ..., and the words that clients have for the end of a cold move. */
#include "cli/command.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

/* The server named first; *ret_session is borrowed. */
static char *
find_server_id(CommandContext *context, Session **ret_session, GError **error)
{
    *ret_session = command_session(context, error);
    json_auto_t *server = *ret_session != NULL
        ? find_server(*ret_session, command_argument(context, 0), error)
        : NULL;
    return server != NULL ? find_id(server) : NULL;
}

/* ---- resize ---- */

static const CommandOption RESIZE_OPTIONS[] = {
    {"--flavor", "FLAVOR", "how much of everything it gets"},
    {"--confirm", NULL, "as 'server resize confirm'"},
    {"--revert", NULL, "as 'server resize revert'"},
    {"--reason", "TEXT", "why, for whoever looks at the migration later"},
    {"--wait", NULL, "show the progress; fails with the reason when it failed"},
    {NULL, NULL, NULL},
};

static bool
resize(CommandContext *context, Session *session, const char *id, GError **error)
{
    int64_t migration_id = -1;
    json_auto_t *flavor = find_flavor(session, command_value(context, "--flavor"), error);
    if (flavor == NULL) {
        return false;
    }
    g_autofree char *flavor_id = find_id(flavor);
    json_auto_t *body = json_pack("{s:{s:s}}", "resize", "flavorRef", flavor_id);
    if (!session_set_reason(session, command_value(context, "--reason"), error) ||
        !session_act(session, id, body, error) ||
        !watch_newest_migration(session, id, &migration_id, error)) {
        return false;
    }
    if (command_has(context, "--wait")) {
        return watch_migration(session, command_output(context), migration_id, error);
    }
    output_say(command_output(context), "Resize of %s initiated.", id);
    return watch_begun(session, command_output(context), migration_id, error);
}

static bool
end_move(CommandContext *context, const char *action, GError **error)
{
    Session *session = NULL;
    g_autofree char *id = find_server_id(context, &session, error);
    json_auto_t *body = json_pack("{s:n}", action);
    if (id == NULL || !session_act(session, id, body, error)) {
        return false;
    }
    if (command_has(context, "--wait") &&
        !watch_server(session, id, "ACTIVE,SHUTOFF,PAUSED", error)) {
        return false;
    }
    int64_t migration_id = -1;
    return watch_newest_migration(session, id, &migration_id, error) &&
        watch_begun(session, command_output(context), migration_id, error);
}

static bool
server_confirm(CommandContext *context, GError **error)
{
    return end_move(context, "confirmResize", error);
}

static bool
server_revert(CommandContext *context, GError **error)
{
    return end_move(context, "revertResize", error);
}

static bool
server_resize(CommandContext *context, GError **error)
{
    Session *session = NULL;
    int n_said = (command_value(context, "--flavor") != NULL) + command_has(context, "--confirm") +
        command_has(context, "--revert");
    if (n_said != 1) {
        return usage_error(error, "say one of --flavor, --confirm and --revert");
    }
    if (command_has(context, "--confirm")) {
        return server_confirm(context, error);
    }
    if (command_has(context, "--revert")) {
        return server_revert(context, error);
    }
    g_autofree char *id = find_server_id(context, &session, error);
    return id != NULL && resize(context, session, id, error);
}

/* ---- confirm and revert, in every spelling ---- */

static const CommandOption END_OPTIONS[] = {
    {"--wait", NULL, "until it is done"},
    {NULL, NULL, NULL},
};

#define CONFIRM "Keep a server where its cold migration or resize has brought it"
#define REVERT "Take a server back to where it was before its cold migration or resize"

const Command resize_commands[] = {
    {"server resize", "SERVER", 1, 1, "Give a server another flavor, on another host",
        "The server is switched off for it, starts again (unless it was off), and waits to be "
        "confirmed or reverted. A disk is never made smaller.",
        "  drover server resize --flavor m1.big --wait vm1\n  drover server resize confirm vm1",
        RESIZE_OPTIONS, server_resize},
    {"server resize confirm", "SERVER", 1, 1, CONFIRM, NULL, NULL, END_OPTIONS, server_confirm},
    {"server resize revert", "SERVER", 1, 1, REVERT, NULL, NULL, END_OPTIONS, server_revert},
    {"server migration confirm", "SERVER", 1, 1, CONFIRM, NULL, NULL, END_OPTIONS, server_confirm},
    {"server migration revert", "SERVER", 1, 1, REVERT, NULL, NULL, END_OPTIONS, server_revert},
    {"server migrate confirm", "SERVER", 1, 1, CONFIRM, NULL, NULL, END_OPTIONS, server_confirm},
    {"server migrate revert", "SERVER", 1, 1, REVERT, NULL, NULL, END_OPTIONS, server_revert},
    {NULL},
};
