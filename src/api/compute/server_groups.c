/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /os-server-groups: servers that belong on one host, or on different ones. Source: Compute API
 * reference, "Server groups". */
#include "api/compute/compute.h"

#include <string.h>

enum {
    SINCE_OWNERS = 13,
    SINCE_SOFT = 15,
    SINCE_POLICY = 64, /* one policy with rules, in place of a list of one */
};

/* ---- showing ---- */

static json_t *
view_rules(const ServerGroup *group)
{
    return group->max_server_per_host != 0
        ? json_pack("{s:i}", "max_server_per_host", group->max_server_per_host)
        : json_object();
}

static json_t *
view(const ApiContext *context, const ServerGroup *group)
{
    const char *policy = server_group_policy_name(group->policy);
    json_t *members = json_array();
    for (unsigned i = 0; i < group->members->len; i++) {
        json_array_append_new(members, json_string(group->members->pdata[i]));
    }
    json_t *row =
        json_pack("{s:s, s:s, s:o}", "id", group->id, "name", group->name, "members", members);
    if (context->minor < SINCE_POLICY) {
        json_object_set_new(row, "policies", json_pack("[s]", policy));
        json_object_set_new(row, "metadata", json_object());
    } else {
        json_object_set_new(row, "policy", json_string(policy));
        json_object_set_new(row, "rules", view_rules(group));
    }
    if (context->minor >= SINCE_OWNERS) {
        json_object_set_new(row, "project_id", json_string(group->project_id));
        json_object_set_new(row, "user_id", json_string(group->user_id));
    }
    return row;
}

static HttpResponse *
reply(const ApiContext *context, const ServerGroup *group)
{
    return api_json(200, json_pack("{s:o}", "server_group", view(context, group)));
}

ServerGroup *
compute_get_server_group(ApiContext *context, const char *id, ErrorCode missing, GError **error)
{
    ServerGroup *found = NULL;
    if (!store_find_server_group(context->store, id, &found, error)) {
        return NULL;
    }
    g_autoptr(ServerGroup) group = found;
    if (group == NULL || !api_can_see_project(context, group->project_id)) {
        error_set(error, missing, "Instance group %s could not be found.", id);
        return NULL;
    }
    return g_steal_pointer(&group);
}

/* The marker is no parameter of Nova's, which passes over it until 2.74: but that is how
 * openstacksdk goes on after a page that it has set a limit to. */
static const QueryField list_query[] = {
    {"all_projects", QUERY_STRING},
    {"limit", QUERY_INTEGER},
    {"offset", QUERY_INTEGER},
    {"marker", QUERY_STRING, 0, 74},
    {NULL},
};

HttpResponse *
compute_list_server_groups(ApiContext *context, GError **error)
{
    Paging paging = {0};
    if (!validate_query(context->request, list_query, context->minor, 75, error) ||
        !api_paging(context, &paging, error)) {
        return NULL;
    }
    bool all = api_query(context, "all_projects") != NULL;
    if (all && !api_check_policy(
                   context, "os_compute_api:os-server-groups:index:all_projects", error)) {
        return NULL;
    }
    const char *offset_text = api_query(context, "offset");
    uint64_t to_skip = offset_text != NULL ? g_ascii_strtoull(offset_text, NULL, 10) : 0;
    g_autoptr(GPtrArray) groups = store_list_server_groups(
        context->store, all ? NULL : context->identity->project_id, error);
    if (groups == NULL) {
        return NULL;
    }
    json_auto_t *rows = json_array();
    bool after_marker = paging.marker == NULL;
    for (unsigned i = 0; i < groups->len && (int)json_array_size(rows) < paging.limit; i++) {
        const ServerGroup *group = groups->pdata[i];
        if (!after_marker) {
            after_marker = strcmp(group->id, paging.marker) == 0;
        } else if (to_skip > 0) {
            to_skip--;
        } else {
            json_array_append_new(rows, view(context, group));
        }
    }
    if (!after_marker) {
        error_set(error, ERROR_INVALID, "marker [%s] not found", paging.marker);
        return NULL;
    }
    return api_json(200, json_pack("{s:O}", "server_groups", rows));
}

HttpResponse *
compute_show_server_group(ApiContext *context, GError **error)
{
    g_autoptr(ServerGroup) group =
        compute_get_server_group(context, api_param(context, "id"), ERROR_NOT_FOUND, error);
    return group != NULL ? reply(context, group) : NULL;
}

/* ---- making and deleting ---- */

static const char *const hard_policies[] = {"affinity", "anti-affinity", NULL};
static const char *const all_policies[] = {
    "anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity", NULL};

static const Field hard_item[] = {{"", FIELD_STRING, .values = hard_policies}};
static const Field soft_item[] = {{"", FIELD_STRING, .values = all_policies}};

#define NAME {"name", FIELD_STRING, FIELD_REQUIRED, 1, 255, COMPUTE_NAME_PATTERN}
static const Field hard_fields[] = {
    NAME, {"policies", FIELD_ARRAY, FIELD_REQUIRED, 1, 1, .item = hard_item}, {NULL}};
static const Field soft_fields[] = {
    NAME, {"policies", FIELD_ARRAY, FIELD_REQUIRED, 1, 1, .item = soft_item}, {NULL}};
static const Field rules_fields[] = {
    {"max_server_per_host", FIELD_INTEGER, 0, 1, G_MAXINT32}, {NULL}};
static const Field policy_fields[] = {
    NAME,
    {"policy", FIELD_STRING, FIELD_REQUIRED, .values = all_policies},
    {"rules", FIELD_OBJECT, .fields = rules_fields},
    {NULL},
};
#undef NAME

static bool
read_policy(const ApiContext *context, const json_t *body, ServerGroup *group, GError **error)
{
    const char *policy = context->minor < SINCE_POLICY
        ? json_string_value(json_array_get(json_object_get(body, "policies"), 0))
        : body_string(body, "policy", NULL);
    bool is_known = server_group_policy_parse(policy, &group->policy);
    g_assert(is_known);
    const json_t *rules = json_object_get(body, "rules");
    group->max_server_per_host = (int)body_int(rules, "max_server_per_host", 0);
    return json_object_size(rules) == 0 || group->policy == SERVER_GROUP_ANTI_AFFINITY ||
        error_set(error, ERROR_INVALID, "Only anti-affinity policy supports rules.");
}

HttpResponse *
compute_create_server_group(ApiContext *context, GError **error)
{
    const Field fields[] = {{"server_group", FIELD_OBJECT, FIELD_REQUIRED,
                                .fields = context->minor >= SINCE_POLICY ? policy_fields
                                    : context->minor >= SINCE_SOFT       ? soft_fields
                                                                         : hard_fields},
        {NULL}};
    if (!validate_body(context->body, fields, 0, context->minor, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "server_group");
    g_autoptr(ServerGroup) group = server_group_new();
    group->name = g_strdup(body_string(body, "name", NULL));
    group->project_id = g_strdup(context->identity->project_id);
    group->user_id = g_strdup(context->identity->user_id);
    return read_policy(context, body, group, error) &&
            store_insert_server_group(context->store, group, error)
        ? reply(context, group)
        : NULL;
}

HttpResponse *
compute_delete_server_group(ApiContext *context, GError **error)
{
    g_autoptr(ServerGroup) group =
        compute_get_server_group(context, api_param(context, "id"), ERROR_NOT_FOUND, error);
    return group != NULL && store_delete_server_group(context->store, group->id, error)
        ? api_empty(204)
        : NULL;
}
