/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server event list and show, console log show: what was done to a server, what it said. */
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

static const Column STEP_COLUMNS[] = {
    {"Event", "event", NULL},
    {"Result", "result", NULL},
    {"Start Time", "start_time", NULL},
    {"Finish Time", "finish_time", NULL},
    {"Details", "details", NULL},
    {NULL, NULL, NULL},
};

/* The action as two tables: what it was, and its events. Who has asked for some of its fields has
 * not asked for its events. */
static bool
print_action(Output *output, const json_t *action, GError **error)
{
    json_auto_t *plain = json_copy((json_t *)action);
    json_object_del(plain, "events");
    if (!output_object(output, plain, error)) {
        return false;
    }
    if (output->columns->len > 0) {
        return true;
    }
    putchar('\n');
    return output_list(output, json_object_get(action, "events"), STEP_COLUMNS, NULL, error);
}

static bool
server_event_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *path = session_path("/servers/%s/os-instance-actions/%s",
        json_string_value(json_object_get(server, "id")), command_argument(context, 1));
    json_auto_t *answer = session_get(session, "compute", path, error);
    if (answer == NULL) {
        return false;
    }
    const json_t *action = json_object_get(answer, "instanceAction");
    Output *output = command_output(context);
    return output->format == OUTPUT_TABLE ? print_action(output, action, error)
                                          : output_object(output, action, error);
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
        "  drover server event list vm1\n  drover server event list vm1 --json", NULL,
        server_event_list},
    {"server event show", "SERVER REQUEST-ID", 2, 2,
        "Show one thing that was done to a server, step by step",
        "The newest step is the first. To administrators the details tell what each was for, and "
        "why the last one failed.",
        "  drover server event show vm1 req-7f2a4e5c-...\n"
        "  drover server event show vm1 req-7f2a4e5c-... --json", NULL, server_event_show},
    {"console log show", "SERVER", 1, 1, "Show what a server wrote to its serial console", NULL,
        "  drover console log show --lines 20 vm1", CONSOLE_OPTIONS, console_log_show},
    {NULL},
};
