/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server event list and console log show: what was done to a server, and what it said. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/find.h"

#include <stdio.h>

static const Column EVENT_COLUMNS[] = {
    {"Request ID", "request_id", NULL},
    {"Action", "action", NULL},
    {"Start Time", "start_time", NULL},
    {"Message", "message", NULL},
    {NULL, NULL, NULL},
};

static bool
server_event_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *path = session_path(
        "/servers/%s/os-instance-actions", json_string_value(json_object_get(server, "id")));
    json_auto_t *rows = session_list(session, "compute", path, "instanceActions", error);
    return rows != NULL &&
        output_list(
            command_output(context), rows, EVENT_COLUMNS, "Nothing has happened yet.", error);
}

static const CommandOption CONSOLE_OPTIONS[] = {
    {"--lines", "N", "only the last N lines"},
    {NULL, NULL, NULL},
};

static bool
console_log_show(CommandContext *context, GError **error)
{
    int64_t lines = 0;
    if (!command_int(context, "--lines", 0, 1, 1000000, &lines, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{}}", "os-getConsoleOutput");
    if (lines > 0) {
        json_object_set_new(
            json_object_get(body, "os-getConsoleOutput"), "length", json_integer(lines));
    }
    g_autofree char *path =
        session_path("/servers/%s/action", json_string_value(json_object_get(server, "id")));
    json_auto_t *answer = session_request(session, "compute", "POST", path, body, error);
    if (answer == NULL) {
        return false;
    }
    if (command_output(context)->format == OUTPUT_JSON) {
        return output_object(command_output(context), answer, error);
    }
    /* Line by line, so that only what is between the line ends is made harmless. */
    g_auto(GStrv) texts =
        g_strsplit(json_string_value(json_object_get(answer, "output")), "\n", -1);
    for (char **text = texts; *text != NULL; text++) {
        /* Behind the last line end there is no line. */
        if (**text == '\0' && text[1] == NULL) {
            break;
        }
        json_auto_t *line = json_string(g_strchomp(*text));
        g_autofree char *safe = output_text(line);
        puts(safe);
    }
    return true;
}

const Command server_log_commands[] = {
    {"server event list", "SERVER", 1, 1, "List what was done to a server, and how it ended", NULL,
        NULL, NULL, server_event_list},
    {"console log show", "SERVER", 1, 1, "Show what a server wrote to its serial console", NULL,
        "  drover console log show --lines 20 vm1", CONSOLE_OPTIONS, console_log_show},
    {NULL},
};
