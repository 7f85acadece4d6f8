/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover project ..., user ..., role ..., token ..., catalog ...: who may ask. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/find.h"
#include "cli/usage.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

static const Column NAME_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {NULL, NULL, NULL},
};

static bool
list_named(CommandContext *context, const char *path, const char *key, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows =
        session != NULL ? session_list(session, "identity", path, key, error) : NULL;
    return rows != NULL && output_list(command_output(context), rows, NAME_COLUMNS, NULL, error);
}

static bool
project_list(CommandContext *context, GError **error)
{
    return list_named(context, "/projects", "projects", error);
}

static bool
user_list(CommandContext *context, GError **error)
{
    return list_named(context, "/users", "users", error);
}

static bool
role_list(CommandContext *context, GError **error)
{
    return list_named(context, "/roles", "roles", error);
}

static bool
token_issue(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    const json_t *token = session_token(session);
    json_auto_t *shown = json_pack("{s:O?, s:s, s:O?, s:O?}", "expires",
        json_object_get(token, "expires_at"), "id", session_token_id(session), "project_id",
        json_object_get(json_object_get(token, "project"), "id"), "user_id",
        json_object_get(json_object_get(token, "user"), "id"));
    return output_object(command_output(context), shown, error);
}

static char *
format_public_url(const json_t *endpoints, const json_t *row)
{
    size_t i = 0;
    json_t *endpoint = NULL;
    json_array_foreach(endpoints, i, endpoint)
    {
        if (g_strcmp0(json_string_value(json_object_get(endpoint, "interface")), "public") == 0) {
            return g_strdup(json_string_value(json_object_get(endpoint, "url")));
        }
    }
    return g_strdup("-");
}

static const Column CATALOG_COLUMNS[] = {
    {"Name", "name", NULL},
    {"Type", "type", NULL},
    {"Public URL", "endpoints", format_public_url},
    {NULL, NULL, NULL},
};

static bool
catalog_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    return session != NULL &&
        output_list(command_output(context), json_object_get(session_token(session), "catalog"),
            CATALOG_COLUMNS, "The token has no project, so it has no catalog.", error);
}

/* ---- changing ---- */

static const CommandOption PROJECT_OPTIONS[] = {
    {"--description", "TEXT", ""},
    {NULL, NULL, NULL},
};

static bool
project_create(CommandContext *context, GError **error)
{
    const char *description = command_value(context, "--description");
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:s}}", "project", "name", command_argument(context, 0),
        "description", description != NULL ? description : "");
    json_auto_t *answer = session_request(session, "identity", "POST", "/projects", body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "project"), error);
}

static const CommandOption USER_OPTIONS[] = {
    {"--password-file", "FILE", "its first line is the password; - reads standard input (needed)"},
    {NULL, NULL, NULL},
};

/* Never from the command line itself: every user of the machine could read it there. */
static char *
read_password(CommandContext *context, GError **error)
{
    const char *file = command_value(context, "--password-file");
    if (file == NULL) {
        usage_error(error, "say --password-file FILE, or - for standard input");
        return NULL;
    }
    g_autofree char *text = NULL;
    if (strcmp(file, "-") == 0) {
        char line[1024];
        text = g_strdup(fgets(line, sizeof(line), stdin) != NULL ? line : "");
    } else if (!g_file_get_contents(file, &text, NULL, error)) {
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    if (*text == '\0') {
        error_set(error, ERROR_INVALID, "the password in '%s' is empty", file);
        return NULL;
    }
    return g_steal_pointer(&text);
}

static bool
user_create(CommandContext *context, GError **error)
{
    g_autofree char *password = read_password(context, error);
    Session *session = password != NULL ? command_session(context, error) : NULL;
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack(
        "{s:{s:s, s:s}}", "user", "name", command_argument(context, 0), "password", password);
    json_auto_t *answer = session_request(session, "identity", "POST", "/users", body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "user"), error);
}

static const CommandOption ROLE_OPTIONS[] = {
    {"--user", "USER", "(needed)"},
    {"--project", "PROJECT", "(needed)"},
    {NULL, NULL, NULL},
};

static bool
change_role(CommandContext *context, const char *method, GError **error)
{
    if (!command_has(context, "--user") || !command_has(context, "--project")) {
        return usage_error(error, "say --user and --project");
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *role = find_role(session, command_argument(context, 0), error);
    json_auto_t *user =
        role != NULL ? find_user(session, command_value(context, "--user"), error) : NULL;
    json_auto_t *project =
        user != NULL ? find_project(session, command_value(context, "--project"), error) : NULL;
    if (project == NULL) {
        return false;
    }
    g_autofree char *path = session_path("/projects/%s/users/%s/roles/%s",
        json_string_value(json_object_get(project, "id")),
        json_string_value(json_object_get(user, "id")),
        json_string_value(json_object_get(role, "id")));
    json_auto_t *answer = session_request(session, "identity", method, path, NULL, error);
    return answer != NULL;
}

static bool
role_add(CommandContext *context, GError **error)
{
    return change_role(context, "PUT", error);
}

static bool
role_remove(CommandContext *context, GError **error)
{
    return change_role(context, "DELETE", error);
}

const Command identity_commands[] = {
    {"project list", "", 0, 0, "List projects", NULL, NULL, NULL, project_list},
    {"project create", "NAME", 1, 1, "Create a project", NULL, NULL, PROJECT_OPTIONS,
        project_create},
    {"user list", "", 0, 0, "List users", NULL, NULL, NULL, user_list},
    {"user create", "NAME", 1, 1, "Create a user", NULL,
        "  drover user create --password-file - alice", USER_OPTIONS, user_create},
    {"role list", "", 0, 0, "List roles", NULL, NULL, NULL, role_list},
    {"role add", "ROLE", 1, 1, "Give a user a role on a project", NULL,
        "  drover role add --user alice --project demo member", ROLE_OPTIONS, role_add},
    {"role remove", "ROLE", 1, 1, "Take a role away", NULL, NULL, ROLE_OPTIONS, role_remove},
    {"token issue", "", 0, 0, "Log in and show the token", NULL, NULL, NULL, token_issue},
    {"catalog list", "", 0, 0, "List the services and where they are", NULL, NULL, NULL,
        catalog_list},
    {NULL},
};
