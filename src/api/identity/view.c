/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"
#include <string.h>

static json_t *
self_links(const ApiContext *context, const char *collection, const char *id)
{
    g_autofree char *url = api_url(context, "/identity/v3/%s/%s", collection, id);
    return json_pack("{s:s}", "self", url);
}

json_t *
identity_view_user(const ApiContext *context, const User *user)
{
    json_t *view = json_pack("{s:s, s:s, s:s, s:b, s:n, s:{}, s:o}", "id", user->id, "name",
        user->name, "domain_id", "default", "enabled", user->enabled, "password_expires_at",
        "options", "links", self_links(context, "users", user->id));
    if (user->email != NULL) {
        json_object_set_new(view, "email", json_string(user->email));
    }
    if (user->default_project_id != NULL) {
        json_object_set_new(view, "default_project_id", json_string(user->default_project_id));
    }
    return view;
}

json_t *
identity_view_project(const ApiContext *context, const Project *project)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:b, s:[], s:{}, s:o}", "id", project->id,
        "name", project->name, "domain_id", "default", "description", project->description,
        "enabled", project->enabled, "parent_id", "default", "is_domain", false, "tags", "options",
        "links", self_links(context, "projects", project->id));
}

json_t *
identity_view_role(const ApiContext *context, const Role *role)
{
    return json_pack("{s:s, s:s, s:n, s:n, s:{}, s:o}", "id", role->id, "name", role->name,
        "domain_id", "description", "options", "links", self_links(context, "roles", role->id));
}

json_t *
identity_view_domain(const ApiContext *context)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:[], s:{}, s:o}", "id", "default", "name", "Default",
        "description", "The only domain", "enabled", true, "tags", "options", "links",
        self_links(context, "domains", "default"));
}

HttpResponse *
identity_reply_list(ApiContext *context, const char *name, json_t *take_rows)
{
    g_autofree char *self = api_url(context, "%s", http_request_path(context->request));
    return api_json(200,
        json_pack("{s:o, s:{s:n, s:s, s:n}}", name, take_rows, "links", "next", "self", self,
            "previous"));
}

HttpResponse *
identity_reply(int status, const char *name, json_t *take_row)
{
    return api_json(status, json_pack("{s:o}", name, take_row));
}

bool
identity_matches(const ApiContext *context, const char *name, bool enabled)
{
    const char *wanted_name = api_query(context, "name");
    const char *wanted_domain = api_query(context, "domain_id");
    return (wanted_name == NULL || g_ascii_strcasecmp(wanted_name, name) == 0) &&
        (wanted_domain == NULL || strcmp(wanted_domain, "default") == 0) &&
        query_bool(context->request, "enabled", enabled) == enabled;
}

bool
identity_check_domain(const json_t *object, GError **error)
{
    const char *id = body_string(object, "domain_id", "default");
    return strcmp(id, "default") == 0 ||
        error_set(error, ERROR_NOT_FOUND, "Could not find domain: %s.", id);
}
