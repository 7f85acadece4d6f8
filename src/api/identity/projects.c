/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"
#include <string.h>

static const Field project_fields[] = {
    {"name", FIELD_STRING, 0, 1, 64},
    {"description", FIELD_STRING, FIELD_NULLABLE, 0, 1000},
    {"enabled", FIELD_BOOLEAN},
    {"domain_id", FIELD_STRING, FIELD_NULLABLE, 0, 64},
    {"parent_id", FIELD_STRING, FIELD_NULLABLE, 0, 64, "^default$"},
    {"is_domain", FIELD_BOOLEAN},
    {"tags", FIELD_ARRAY},
    {"options", FIELD_OBJECT},
    {0},
};
static const Field project_body[] = {
    {"project", FIELD_OBJECT, FIELD_REQUIRED, .fields = project_fields},
    {0},
};

static Project *
get_project(ApiContext *context, const char *id, GError **error)
{
    g_autoptr(GError) reason = NULL;
    Project *project = store_get_project(context->store, id, &reason);
    if (error_pass_others(&reason, ERROR_NOT_FOUND, error) && project == NULL) {
        error_set(error, ERROR_NOT_FOUND, "Could not find project: %s.", id);
    }
    return project;
}

/* Takes the list. */
static HttpResponse *
reply_projects(ApiContext *context, GPtrArray *take_projects)
{
    g_autoptr(GPtrArray) projects = take_projects;
    json_t *rows = json_array();
    for (unsigned i = 0; i < projects->len; i++) {
        const Project *project = g_ptr_array_index(projects, i);
        if (identity_matches(context, project->name, project->enabled)) {
            json_array_append_new(rows, identity_view_project(context, project));
        }
    }
    return identity_reply_list(context, "projects", rows);
}

HttpResponse *
identity_list_projects(ApiContext *context, GError **error)
{
    GPtrArray *projects = store_list_projects(context->store, error);
    return projects == NULL ? NULL : reply_projects(context, projects);
}

HttpResponse *
identity_list_my_projects(ApiContext *context, GError **error)
{
    GPtrArray *projects =
        store_list_user_projects(context->store, context->identity->user_id, error);
    return projects == NULL ? NULL : reply_projects(context, projects);
}

HttpResponse *
identity_list_user_projects(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    if (strcmp(id, context->identity->user_id) != 0 &&
        !api_check_policy(context, "identity:list_user_projects", error)) {
        return NULL;
    }
    GPtrArray *projects = store_list_user_projects(context->store, id, error);
    return projects == NULL ? NULL : reply_projects(context, projects);
}

/* Everybody may see the project his token is for. */
HttpResponse *
identity_show_project(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    if (!api_can_see_project(context, id) &&
        !api_check_policy(context, "identity:get_project", error)) {
        return NULL;
    }
    g_autoptr(Project) project = get_project(context, id, error);
    return project == NULL
        ? NULL
        : identity_reply(200, "project", identity_view_project(context, project));
}

static bool
apply_body(const json_t *body, Project *project, GError **error)
{
    if (!identity_check_domain(body, error)) {
        return false;
    }
    if (body_bool(body, "is_domain", false) || json_array_size(json_object_get(body, "tags")) > 0) {
        return error_set(error, ERROR_INVALID, "projects have no tags and are no domains here");
    }
    if (body_has(body, "name")) {
        g_free(project->name);
        project->name = g_strdup(body_string(body, "name", ""));
    }
    if (body_has(body, "description") || project->description == NULL) {
        g_free(project->description);
        project->description = g_strdup(body_string(body, "description", ""));
    }
    project->enabled = body_bool(body, "enabled", project->enabled);
    return true;
}

static bool
explain_conflict(GError **error, GError *take_reason, const char *name)
{
    g_autoptr(GError) reason = take_reason;
    if (error_is(reason, ERROR_CONFLICT)) {
        return error_set(error, ERROR_CONFLICT,
            "Conflict occurred attempting to store project - it is not permitted to have two "
            "projects with the same name in the same domain : %s.",
            name);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

HttpResponse *
identity_create_project(ApiContext *context, GError **error)
{
    GError *reason = NULL;
    if (!validate_body(context->body, project_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "project");
    if (!body_has(body, "name")) {
        error_set(error, ERROR_INVALID, "'name' is a required property");
        return NULL;
    }
    g_autoptr(Project) project = g_new0(Project, 1);
    project->id = clock_random_hex(context->options->clock, 16);
    project->enabled = true;
    if (!apply_body(body, project, error)) {
        return NULL;
    }
    if (!store_insert_project(context->store, project, &reason)) {
        explain_conflict(error, reason, project->name);
        return NULL;
    }
    return identity_reply(201, "project", identity_view_project(context, project));
}

HttpResponse *
identity_update_project(ApiContext *context, GError **error)
{
    GError *reason = NULL;
    if (!validate_body(context->body, project_body, 0, 0, error)) {
        return NULL;
    }
    g_autoptr(Project) project = get_project(context, api_param(context, "id"), error);
    if (project == NULL || !apply_body(json_object_get(context->body, "project"), project, error)) {
        return NULL;
    }
    if (!store_update_project(context->store, project, &reason)) {
        explain_conflict(error, reason, project->name);
        return NULL;
    }
    return identity_reply(200, "project", identity_view_project(context, project));
}

/* What lives in a project must go first: nothing may be left without an owner. */
HttpResponse *
identity_delete_project(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    g_autoptr(Project) project = get_project(context, id, error);
    if (project == NULL) {
        return NULL;
    }
    InstanceFilter filter = {.project_id = id, .power_state = -1, .locked = -1, .limit = 1};
    g_autoptr(GPtrArray) instances = store_list_instances(context->store, &filter, error);
    if (instances == NULL) {
        return NULL;
    }
    if (instances->len > 0) {
        error_set(error, ERROR_CONFLICT, "project '%s' still has instances", project->name);
        return NULL;
    }
    return store_delete_project(context->store, id, error) ? api_empty(204) : NULL;
}

HttpResponse *
identity_list_domains(ApiContext *context, GError **error)
{
    json_t *rows = json_array();
    if (identity_matches(context, "Default", true)) {
        json_array_append_new(rows, identity_view_domain(context));
    }
    return identity_reply_list(context, "domains", rows);
}

HttpResponse *
identity_show_domain(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    if (strcmp(id, "default") != 0) {
        error_set(error, ERROR_NOT_FOUND, "Could not find domain: %s.", id);
        return NULL;
    }
    return identity_reply(200, "domain", identity_view_domain(context));
}

/* Roles are on projects only. */
HttpResponse *
identity_list_my_domains(ApiContext *context, GError **error)
{
    return identity_reply_list(context, "domains", json_array());
}
