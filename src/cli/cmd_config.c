/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover config ...: what droverd is told by its configuration, and telling it to read it anew. */
#include "base/error.h"
#include "cli/command.h"

#include <stdio.h>

static const CommandOption SHOW_OPTIONS[] = {
    {"--host", "HOST", "what holds for this host, by its group"},
    {NULL, NULL, NULL},
};

static const Column SHOW_COLUMNS[] = {
    {"Section", "section", NULL},
    {"Key", "name", NULL},
    {"Value", "value", NULL},
    {"At Next Start", "at_next_start", NULL},
    {"From", "where", NULL},
    {"Group", "group", NULL},
    {NULL, NULL, NULL},
};

static bool
config_show(CommandContext *context, GError **error)
{
    const char *host = command_value(context, "--host");
    Session *session = command_session(context, error);
    g_autofree char *path =
        host != NULL ? session_path("/config?host=%s", host) : g_strdup("/config");
    json_auto_t *answer = session != NULL ? session_get(session, "drover", path, error) : NULL;
    return answer != NULL &&
        output_list(command_output(context), json_object_get(answer, "config"), SHOW_COLUMNS, NULL,
            error);
}

static const Column LIST_COLUMNS[] = {
    {"Section", "section", NULL},
    {"Key", "name", NULL},
    {"Default", "default", NULL},
    {"Needs Restart", "needs_restart", NULL},
    {"Help", "help", NULL},
    {NULL, NULL, NULL},
};

static bool
config_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *answer = session != NULL ? session_get(session, "drover", "/config", error) : NULL;
    return answer != NULL &&
        output_list(command_output(context), json_object_get(answer, "config"), LIST_COLUMNS, NULL,
            error);
}

/* "hosta, hostb" */
static json_t *
effect_text(const json_t *change)
{
    const json_t *hosts = json_object_get(change, "hosts");
    g_autoptr(GString) text = g_string_new(
        json_is_true(json_object_get(change, "needs_restart")) ? "at the next start" : "now");
    for (size_t i = 0; i < json_array_size(hosts); i++) {
        g_string_append_printf(
            text, "%s%s", i == 0 ? ", on " : " ", json_string_value(json_array_get(hosts, i)));
    }
    return json_string(text->str);
}

static const Column CHANGE_COLUMNS[] = {
    {"Section", "section", NULL},
    {"Key", "name", NULL},
    {"Was", "from", NULL},
    {"Is", "to", NULL},
    {"From", "where", NULL},
    {"Takes effect", "effect", NULL},
    {NULL, NULL, NULL},
};

static bool
config_reload(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *answer = session != NULL
        ? session_request(session, "drover", "POST", "/config/reload", NULL, error)
        : NULL;
    if (answer == NULL) {
        return false;
    }
    const json_t *reload = json_object_get(answer, "reload");
    json_t *changes = json_object_get(reload, "changes");
    const json_t *warnings = json_object_get(reload, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        fprintf(stderr, "%s\n", json_string_value(json_array_get(warnings, i)));
    }
    for (size_t i = 0; i < json_array_size(changes); i++) {
        json_t *change = json_array_get(changes, i);
        json_object_set_new(change, "effect", effect_text(change));
    }
    return output_list(
        command_output(context), changes, CHANGE_COLUMNS, "Nothing has changed.", error);
}

const Command config_commands[] = {
    {"config list", "", 0, 0, "List every key there is, its default, and what it is for",
        "The same as the manual page drover.conf(5).", NULL, NULL, config_list},
    {"config show", "", 0, 0, "Show every key of the configuration, and where it was set",
        "What droverd uses. Where a start alone takes a new value that a reload has read, the old "
        "one is shown, and the new one beside it.",
        "  drover config show --host hosta", SHOW_OPTIONS, config_show},
    {"config reload", "", 0, 0, "Have droverd read its configuration anew",
        "A configuration that is wrong is refused as a whole, with the line and the reason, and "
        "everything stays as it was. Migrations that are under way go on by the new one. The list "
        "says what has changed, from when on, and for which hosts. SIGHUP does the same.",
        NULL, NULL, config_reload},
    {NULL},
};
