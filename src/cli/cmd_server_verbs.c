/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server delete, start, stop ...: one small request for each server that is named. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <string.h>

static const CommandOption WAIT_OPTIONS[] = {
    {"--wait", NULL, "until it is done; fails with the reason when it is not"},
    {NULL, NULL, NULL},
};

typedef struct SmallVerb {
    const json_t *body;
    const char *wanted_status;
} SmallVerb;

static bool
act_on_one(CommandContext *context, Session *session, const char *argument, const void *data,
    GError **error)
{
    const SmallVerb *verb = data;
    json_auto_t *server = find_server(session, argument, error);
    g_autofree char *id = server != NULL ? find_id(server) : NULL;
    return id != NULL && session_act(session, id, verb->body, error) &&
        (!command_has(context, "--wait") ||
            watch_server(session, id, verb->wanted_status, error));
}

/* One action on each server named; with --wait until it is done. */
static bool
act_on_each(CommandContext *context, const char *action, const json_t *value,
    const char *wanted_status, GError **error)
{
    json_auto_t *body = json_pack("{s:O}", action, value);
    SmallVerb verb = {body, wanted_status};
    return each_argument(context, act_on_one, &verb, error);
}

static bool
server_start(CommandContext *context, GError **error)
{
    return act_on_each(context, "os-start", json_null(), "ACTIVE", error);
}

static bool
server_stop(CommandContext *context, GError **error)
{
    return act_on_each(context, "os-stop", json_null(), "SHUTOFF", error);
}

static bool
server_pause(CommandContext *context, GError **error)
{
    return act_on_each(context, "pause", json_null(), "PAUSED", error);
}

static bool
server_unpause(CommandContext *context, GError **error)
{
    return act_on_each(context, "unpause", json_null(), "ACTIVE", error);
}

static const CommandOption REBOOT_OPTIONS[] = {
    {"--hard", NULL, "reset it instead of asking the guest"},
    {"--wait", NULL, "until it is done"},
    {NULL, NULL, NULL},
};

static bool
server_reboot(CommandContext *context, GError **error)
{
    json_auto_t *value =
        json_pack("{s:s}", "type", command_has(context, "--hard") ? "HARD" : "SOFT");
    return act_on_each(context, "reboot", value, "ACTIVE", error);
}

static const CommandOption SET_OPTIONS[] = {
    {"--state", "STATE", "active or error (administrators; needed)"},
    {NULL, NULL, NULL},
};

static bool
server_set(CommandContext *context, GError **error)
{
    const char *state = command_value(context, "--state");
    if (state == NULL || (strcmp(state, "active") != 0 && strcmp(state, "error") != 0)) {
        return usage_error(error, "say --state active or --state error");
    }
    json_auto_t *value = json_pack("{s:s}", "state", state);
    return act_on_each(context, "os-resetState", value, NULL, error);
}

static bool
delete_one(CommandContext *context, Session *session, const char *argument, const void *data,
    GError **error)
{
    json_auto_t *server = find_server(session, argument, error);
    if (server == NULL) {
        return false;
    }
    g_autofree char *id = find_id(server);
    g_autofree char *path = session_path("/servers/%s", id);
    json_auto_t *answer = session_request(session, "compute", "DELETE", path, NULL, error);
    return answer != NULL &&
        (!command_has(context, "--wait") || watch_server_deleted(session, id, error));
}

static bool
server_delete(CommandContext *context, GError **error)
{
    return each_argument(context, delete_one, NULL, error);
}

const Command server_verb_commands[] = {
    {"server delete", "SERVER...", 1, 1000, "Delete servers", NULL, NULL, WAIT_OPTIONS,
        server_delete},
    {"server start", "SERVER...", 1, 1000, "Start servers", NULL, NULL, WAIT_OPTIONS, server_start},
    {"server stop", "SERVER...", 1, 1000, "Stop servers, gracefully first", NULL, NULL,
        WAIT_OPTIONS, server_stop},
    {"server reboot", "SERVER...", 1, 1000, "Reboot servers", NULL, NULL, REBOOT_OPTIONS,
        server_reboot},
    {"server pause", "SERVER...", 1, 1000, "Pause servers", NULL, NULL, WAIT_OPTIONS, server_pause},
    {"server unpause", "SERVER...", 1, 1000, "Let paused servers go on", NULL, NULL, WAIT_OPTIONS,
        server_unpause},
    {"server set", "SERVER...", 1, 1000, "Set the state of servers, to end an ERROR",
        "A server stays in ERROR until somebody has looked at its fault ('drover server show'). "
        "When the guest itself is well, as after an evacuation that failed although its host was "
        "alive, --state active ends that. Its host is asked what the guest is: SHUTOFF, PAUSED or "
        "ERROR is shown if it is that, and one that should run, and is off since its host lost "
        "power, is started; else nothing is done to it. While the host does not answer, ACTIVE is "
        "your word alone. A server that waits for a confirm or revert is refused.",
        "  drover server set --state active vm1", SET_OPTIONS, server_set},
    {NULL},
};
