/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"
#include "auth/auth.h"
#include <string.h>

HttpResponse *
identity_list_roles(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) roles = store_list_roles(context->store, error);
    if (roles == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < roles->len; i++) {
        const Role *role = g_ptr_array_index(roles, i);
        if (identity_matches(context, role->name, true)) {
            json_array_append_new(rows, identity_view_role(context, role));
        }
    }
    return identity_reply_list(context, "roles", rows);
}

/* Borrowed from roles; NULL and an error when there is none of that id. */
static const Role *
get_role(GPtrArray *roles, const char *id, GError **error)
{
    for (unsigned i = 0; i < roles->len; i++) {
        const Role *role = g_ptr_array_index(roles, i);
        if (strcmp(role->id, id) == 0) {
            return role;
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Could not find role: %s.", id);
    return NULL;
}

HttpResponse *
identity_show_role(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) roles = store_list_roles(context->store, error);
    if (roles == NULL) {
        return NULL;
    }
    const Role *role = get_role(roles, api_param(context, "id"), error);
    return role == NULL ? NULL : identity_reply(200, "role", identity_view_role(context, role));
}

/* The user and the project of the path exist. */
static bool
check_parties(ApiContext *context, GError **error)
{
    g_autoptr(User) user = store_get_user(context->store, api_param(context, "user"), error);
    if (user == NULL) {
        return false;
    }
    g_autoptr(Project) project =
        store_get_project(context->store, api_param(context, "project"), error);
    return project != NULL;
}

HttpResponse *
identity_list_grants(ApiContext *context, GError **error)
{
    if (!check_parties(context, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) roles = store_list_roles(context->store, error);
    g_autoptr(GPtrArray) assigned = roles == NULL
        ? NULL
        : store_list_assigned_roles(
              context->store, api_param(context, "user"), api_param(context, "project"), error);
    if (assigned == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < roles->len; i++) {
        const Role *role = g_ptr_array_index(roles, i);
        if (g_ptr_array_find_with_equal_func(assigned, role->name, g_str_equal, NULL)) {
            json_array_append_new(rows, identity_view_role(context, role));
        }
    }
    return identity_reply_list(context, "roles", rows);
}

/* The name of the path's role, whose grant to the path's user is asked about; caller frees. */
static char *
dup_role_name(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) roles =
        check_parties(context, error) ? store_list_roles(context->store, error) : NULL;
    if (roles == NULL) {
        return NULL;
    }
    const Role *role = get_role(roles, api_param(context, "role"), error);
    return role == NULL ? NULL : g_strdup(role->name);
}

static bool
check_assigned(ApiContext *context, const char *role, GError **error)
{
    g_autoptr(GPtrArray) assigned = store_list_assigned_roles(
        context->store, api_param(context, "user"), api_param(context, "project"), error);
    if (assigned == NULL) {
        return false;
    }
    return g_ptr_array_find_with_equal_func(assigned, role, g_str_equal, NULL) ||
        error_set(error, ERROR_NOT_FOUND,
            "Could not find role assignment with role: %s, user or group: %s, project, domain, or "
            "system: %s.",
            api_param(context, "role"), api_param(context, "user"), api_param(context, "project"));
}

HttpResponse *
identity_check_grant(ApiContext *context, GError **error)
{
    g_autofree char *role = dup_role_name(context, error);
    return role != NULL && check_assigned(context, role, error) ? api_empty(204) : NULL;
}

HttpResponse *
identity_create_grant(ApiContext *context, GError **error)
{
    g_autofree char *role = dup_role_name(context, error);
    if (role == NULL ||
        !store_assign_role(context->store, api_param(context, "user"),
            api_param(context, "project"), role, error)) {
        return NULL;
    }
    return api_empty(204);
}

HttpResponse *
identity_revoke_grant(ApiContext *context, GError **error)
{
    g_autofree char *role = dup_role_name(context, error);
    if (role == NULL || !check_assigned(context, role, error) ||
        !store_unassign_role(context->store, api_param(context, "user"),
            api_param(context, "project"), role, error)) {
        return NULL;
    }
    return api_empty(204);
}

/* ---- role assignments: users x their projects x roles ---- */

static bool
wants(const ApiContext *context, const char *key, const char *value)
{
    const char *wanted = api_query(context, key);
    return wanted == NULL || strcmp(wanted, value) == 0;
}

static json_t *
view_party(const char *id, const char *name, bool with_names, bool with_domain)
{
    json_t *view = json_pack("{s:s}", "id", id);
    if (with_names) {
        json_object_set_new(view, "name", json_string(name));
        if (with_domain) {
            json_object_set_new(
                view, "domain", json_pack("{s:s, s:s}", "id", "default", "name", "Default"));
        }
    }
    return view;
}

static json_t *
view_assignment(
    const ApiContext *context, const User *user, const Project *project, const Role *role)
{
    /* ?include_names means yes, as does ?include_names=1. */
    const char *text = api_query(context, "include_names");
    bool with_names =
        text != NULL && (text[0] == '\0' || query_bool(context->request, "include_names", false));
    g_autofree char *url = api_url(
        context, "/identity/v3/projects/%s/users/%s/roles/%s", project->id, user->id, role->id);
    return json_pack("{s:{s:o}, s:o, s:o, s:{s:s}}", "scope", "project",
        view_party(project->id, project->name, with_names, true), "user",
        view_party(user->id, user->name, with_names, true), "role",
        view_party(role->id, role->name, with_names, false), "links", "assignment", url);
}

static bool
append_project(ApiContext *context, json_t *rows, GPtrArray *roles, const User *user,
    const Project *project, GError **error)
{
    g_autoptr(GPtrArray) assigned =
        store_list_assigned_roles(context->store, user->id, project->id, error);
    if (assigned == NULL) {
        return false;
    }
    if (api_query(context, "effective") != NULL) {
        GPtrArray *all = auth_imply_roles(assigned);
        g_ptr_array_unref(assigned);
        assigned = all;
    }
    for (unsigned i = 0; i < roles->len; i++) {
        const Role *role = g_ptr_array_index(roles, i);
        if (wants(context, "role.id", role->id) &&
            g_ptr_array_find_with_equal_func(assigned, role->name, g_str_equal, NULL)) {
            json_array_append_new(rows, view_assignment(context, user, project, role));
        }
    }
    return true;
}

static bool
append_user(ApiContext *context, json_t *rows, GPtrArray *roles, const User *user, GError **error)
{
    g_autoptr(GPtrArray) projects = store_list_user_projects(context->store, user->id, error);
    if (projects == NULL) {
        return false;
    }
    for (unsigned i = 0; i < projects->len; i++) {
        const Project *project = g_ptr_array_index(projects, i);
        if (wants(context, "scope.project.id", project->id) &&
            !append_project(context, rows, roles, user, project, error)) {
            return false;
        }
    }
    return true;
}

HttpResponse *
identity_list_role_assignments(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) roles = store_list_roles(context->store, error);
    g_autoptr(GPtrArray) users = roles == NULL ? NULL : store_list_users(context->store, error);
    if (users == NULL) {
        return NULL;
    }
    json_auto_t *rows = json_array();
    /* There are no groups, and no roles on the system or on domains. */
    bool any = api_query(context, "group.id") == NULL &&
        api_query(context, "scope.system") == NULL && api_query(context, "scope.domain.id") == NULL;
    for (unsigned i = 0; any && i < users->len; i++) {
        const User *user = g_ptr_array_index(users, i);
        if (wants(context, "user.id", user->id) &&
            !append_user(context, rows, roles, user, error)) {
            return NULL;
        }
    }
    return identity_reply_list(context, "role_assignments", json_incref(rows));
}
