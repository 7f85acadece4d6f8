/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /servers: list, show, update, delete. Source: Compute API reference, "Servers". */
#include "api/compute/compute.h"

#include <string.h>

static Instance *
get_instance(ApiContext *context, const char *id, bool with_deleted, GError **error)
{
    g_autoptr(GError) problem = NULL;
    /* Clients ask for names here as well and expect a 404: spare the store what is no id. */
    g_autoptr(Instance) instance =
        is_uuid(id) ? store_get_instance(context->store, id, &problem) : NULL;
    if (!error_pass_others(&problem, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    if (instance == NULL || (instance->vm_state == VM_STATE_DELETED && !with_deleted) ||
        !api_can_see_project(context, instance->project_id)) {
        error_set(error, ERROR_NOT_FOUND, "Instance %s could not be found.", id);
        return NULL;
    }
    return g_steal_pointer(&instance);
}

Instance *
compute_get_instance(ApiContext *context, const char *id, GError **error)
{
    return get_instance(context, id, false, error);
}

Instance *
compute_get_instance_or_deleted(ApiContext *context, const char *id, GError **error)
{
    return get_instance(context, id, true, error);
}

const char *const compute_disk_configs[] = {"AUTO", "MANUAL", NULL};

/* ---- lists ---- */

/* What Nova knows. Those of which there is only one value here (every server has a config drive,
 * none has an IPv6 address) are decided in matches_nothing(). */
static const QueryField list_query[] = {
    {"limit", QUERY_INTEGER},
    {"marker", QUERY_STRING},
    {"sort_key", QUERY_STRING},
    {"sort_dir", QUERY_STRING},
    {"all_tenants", QUERY_STRING},
    {"project_id", QUERY_STRING},
    {"tenant_id", QUERY_STRING},
    {"user_id", QUERY_STRING},
    {"host", QUERY_STRING},
    {"node", QUERY_STRING},
    {"name", QUERY_STRING},
    {"display_name", QUERY_STRING},
    {"status", QUERY_STRING},
    {"vm_state", QUERY_STRING},
    {"task_state", QUERY_STRING},
    {"power_state", QUERY_STRING},
    {"image", QUERY_STRING},
    {"flavor", QUERY_STRING},
    {"ip", QUERY_STRING},
    {"ip6", QUERY_STRING},
    {"uuid", QUERY_STRING},
    {"reservation_id", QUERY_STRING},
    {"availability_zone", QUERY_STRING},
    {"key_name", QUERY_STRING},
    {"config_drive", QUERY_STRING},
    {"hostname", QUERY_STRING},
    {"deleted", QUERY_STRING},
    {"soft_deleted", QUERY_STRING},
    {"changes-since", QUERY_TIME},
    {"changes-before", QUERY_TIME, 66},
    {"locked", QUERY_BOOLEAN, 73},
    {"tags", QUERY_STRING, 26},
    {"tags-any", QUERY_STRING, 26},
    {"not-tags", QUERY_STRING, 26},
    {"not-tags-any", QUERY_STRING, 26},
    {NULL},
};

/* 2.38: when none of them is a status the request is refused; before, it just matches nothing. */
static bool
check_status(const ApiContext *context, const char *statuses, GError **error)
{
    static const char *const known[] = {"ACTIVE", "BUILD", "DELETED", "ERROR", "HARD_REBOOT",
        "MIGRATING", "PASSWORD", "PAUSED", "REBOOT", "REBUILD", "RESCUE", "RESIZE", "REVERT_RESIZE",
        "SHELVED", "SHELVED_OFFLOADED", "SHUTOFF", "SOFT_DELETED", "SUSPENDED", "UNKNOWN",
        "VERIFY_RESIZE", NULL};
    g_auto(GStrv) words = g_strsplit(statuses, ",", -1);
    bool is_any_known = context->minor < 38;
    for (char **word = words; *word != NULL; word++) {
        is_any_known = is_any_known || g_strv_contains(known, *word);
    }
    return is_any_known || error_set(error, ERROR_INVALID, "Invalid status value");
}

/* status may be repeated; any of them matches. Caller frees. */
static char *
read_statuses(const ApiContext *context)
{
    GString *all = NULL;
    for (size_t i = 0; i < http_request_n_queries(context->request); i++) {
        const char *name = NULL, *value = NULL;
        http_request_query_at(context->request, i, &name, &value);
        if (strcmp(name, "status") == 0) {
            g_autofree char *upper = g_ascii_strup(value, -1);
            all = all == NULL ? g_string_new(upper)
                              : (g_string_append_printf(all, ",%s", upper), all);
        }
    }
    return all != NULL ? g_string_free(all, false) : NULL;
}

/* Nova reads this one in its own way: any spelling of true or false, and nothing at all is true. */
static bool
read_all_tenants(const ApiContext *context, bool *ret_all, GError **error)
{
    const char *text = api_query(context, "all_tenants");
    *ret_all = text != NULL;
    if (text == NULL || *text == '\0') {
        return true;
    }
    g_autofree char *lower = g_ascii_strdown(text, -1);
    return parse_bool(lower, ret_all) ||
        error_set(error, ERROR_INVALID,
            "Unrecognized value '%s', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', "
            "'off', 'on', 't', 'true', 'y', 'yes'",
            text);
}

/* Whose: one's own project's, unless an administrator asks for all, or for those of another. */
static bool
read_owner(ApiContext *context, const char *rule, InstanceFilter *filter, GError **error)
{
    bool all = false;
    if (!read_all_tenants(context, &all, error) ||
        (all && !api_check_policy(context, rule, error))) {
        return false;
    }
    const char *asked = api_query(context, "project_id");
    if (asked == NULL) {
        asked = api_query(context, "tenant_id");
    }
    if (asked != NULL && context->is_admin && api_query(context, "all_tenants") == NULL) {
        all = true;
    }
    filter->project_id = all ? asked : context->identity->project_id;
    return true;
}

/* Filters that only administrators may use are ignored for others, as Nova does. */
static void
read_admin_filters(ApiContext *context, InstanceFilter *filter)
{
    if (!context->is_admin) {
        return;
    }
    filter->host = api_query(context, "host");
    if (filter->host == NULL) {
        filter->host = api_query(context, "node");
    }
    filter->id = api_query(context, "uuid");
    filter->hostname = api_query(context, "hostname");
    filter->deleted = query_bool(context->request, "deleted", false);
}

/* 2.83: these are for everybody; before, for administrators. */
static bool
read_state_filters(ApiContext *context, InstanceFilter *filter, GError **error)
{
    if (!context->is_admin && context->minor < 83) {
        return true;
    }
    filter->user_id = api_query(context, "user_id");
    filter->vm_state = api_query(context, "vm_state");
    filter->task_state = api_query(context, "task_state");
    filter->key_name = api_query(context, "key_name");
    filter->availability_zone = api_query(context, "availability_zone");
    const char *power_state = api_query(context, "power_state");
    gint64 number = -1;
    if (power_state != NULL && !g_ascii_string_to_signed(power_state, 10, 0, 7, &number, NULL)) {
        return error_set(error, ERROR_INVALID,
            "Invalid input for query parameters power_state. Value: %s. It is not a number from 0 "
            "to 7",
            power_state);
    }
    filter->power_state = (int)number;
    return true;
}

/* What is deleted is shown to administrators: by deleted=True, or as a status. */
static bool
read_deleted_status(ApiContext *context, InstanceFilter *filter, GError **error)
{
    if (g_strcmp0(filter->statuses, "DELETED") != 0) {
        return true;
    }
    filter->deleted = true;
    return context->is_admin ||
        error_set(error, ERROR_FORBIDDEN, "Only administrators may list deleted instances");
}

/* Filters by what all servers have alike here. */
static bool
matches_nothing(const ApiContext *context)
{
    bool sees_all = context->is_admin || context->minor >= 83;
    return (context->minor >= 5 && api_query(context, "ip6") != NULL) ||
        (context->is_admin && query_bool(context->request, "soft_deleted", false)) ||
        (sees_all && !query_bool(context->request, "config_drive", true));
}

static bool
read_times(ApiContext *context, InstanceFilter *filter, GError **error)
{
    const char *since = api_query(context, "changes-since");
    const char *before = context->minor >= 66 ? api_query(context, "changes-before") : NULL;
    if (since != NULL) {
        time_parse(since, &filter->changed_since_us);
        filter->with_deleted = !filter->deleted;
    }
    if (before != NULL) {
        time_parse(before, &filter->changed_before_us);
        filter->with_deleted = !filter->deleted;
    }
    return filter->changed_before_us == 0 ||
        filter->changed_since_us <= filter->changed_before_us ||
        error_set(error, ERROR_INVALID,
            "The value of changes-since must be less than or equal to changes-before.");
}

static bool
check_regex(const char *name, const char *regex, GError **error)
{
    g_autoptr(GRegex) compiled = regex != NULL ? g_regex_new(regex, 0, 0, NULL) : NULL;
    return regex == NULL || compiled != NULL ||
        error_set(error, ERROR_INVALID,
            "Invalid input for query parameters %s. Value: %s. '%s' is not a 'regex'", name, regex,
            regex);
}

static bool
read_filter(ApiContext *context, const char *rule, InstanceFilter *filter, char **ret_statuses,
    GError **error)
{
    *filter = (InstanceFilter){.power_state = -1, .locked = -1};
    filter->name_regex = api_query(context, "name");
    if (filter->name_regex == NULL) {
        filter->name_regex = api_query(context, "display_name");
    }
    filter->image_id = api_query(context, "image");
    filter->flavor_id = api_query(context, "flavor");
    filter->address = api_query(context, "ip");
    filter->sort_key = api_query(context, "sort_key");
    filter->sort_ascending = g_strcmp0(api_query(context, "sort_dir"), "asc") == 0;
    filter->statuses = *ret_statuses = read_statuses(context);
    filter->reservation_id = api_query(context, "reservation_id");
    if (context->minor >= 26) {
        filter->tags = api_query(context, "tags");
        filter->tags_any = api_query(context, "tags-any");
        filter->not_tags = api_query(context, "not-tags");
        filter->not_tags_any = api_query(context, "not-tags-any");
    }
    if (context->minor >= 73 && api_query(context, "locked") != NULL) {
        filter->locked = query_bool(context->request, "locked", false);
    }
    read_admin_filters(context, filter);
    return read_owner(context, rule, filter, error) && read_state_filters(context, filter, error) &&
        read_deleted_status(context, filter, error) && read_times(context, filter, error) &&
        check_regex("name", filter->name_regex, error) &&
        check_regex("ip", filter->address, error) &&
        (*ret_statuses == NULL || check_status(context, *ret_statuses, error));
}

static json_t *
view_rows(ApiContext *context, const GPtrArray *instances, unsigned n_shown, bool detailed,
    GError **error)
{
    g_auto(ServerView) view;
    server_view_init(&view, context, false);
    json_auto_t *rows = json_array();
    for (unsigned i = 0; i < n_shown; i++) {
        const Instance *instance = instances->pdata[i];
        json_t *row = detailed ? server_view_detail(&view, instance, error)
                               : server_view_summary(context, instance);
        if (row == NULL) {
            return NULL;
        }
        json_array_append_new(rows, row);
    }
    return g_steal_pointer(&rows);
}

static HttpResponse *
list(ApiContext *context, bool detailed, GError **error)
{
    InstanceFilter filter;
    Paging paging;
    g_autofree char *statuses = NULL;
    const char *rule = detailed ? "os_compute_api:servers:detail:get_all_tenants"
                                : "os_compute_api:servers:index:get_all_tenants";
    if (!validate_query(context->request, list_query, context->minor, 75, error) ||
        !api_paging(context, &paging, error) ||
        !read_filter(context, rule, &filter, &statuses, error)) {
        return NULL;
    }
    /* One more than is shown, to know whether there is a next page. */
    filter.limit = paging.limit + 1;
    filter.marker = paging.marker;
    g_autoptr(GPtrArray) instances = matches_nothing(context)
        ? g_ptr_array_new()
        : store_list_instances(context->store, &filter, error);
    if (instances == NULL) {
        return NULL;
    }
    unsigned n_shown = MIN(instances->len, (unsigned)paging.limit);
    json_t *rows = view_rows(context, instances, n_shown, detailed, error);
    if (rows == NULL) {
        return NULL;
    }
    const char *next = NULL;
    if (instances->len > n_shown && n_shown > 0) {
        next = ((const Instance *)instances->pdata[n_shown - 1])->id;
    }
    return compute_reply_list(context, "servers", rows, next);
}

HttpResponse *
compute_list_servers(ApiContext *context, GError **error)
{
    return list(context, false, error);
}

HttpResponse *
compute_list_servers_detail(ApiContext *context, GError **error)
{
    return list(context, true, error);
}

/* ---- one ---- */

static HttpResponse *
reply(ApiContext *context, const Instance *instance, GError **error)
{
    g_auto(ServerView) view;
    server_view_init(&view, context, true);
    json_t *server = server_view_detail(&view, instance, error);
    return server != NULL ? api_json(200, json_pack("{s:o}", "server", server)) : NULL;
}

HttpResponse *
compute_show_server(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    return instance != NULL ? reply(context, instance, error) : NULL;
}

static const Field update_fields[] = {
    {"server", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"name", FIELD_STRING, 0, 1, 255, COMPUTE_NAME_PATTERN},
                {"description", FIELD_STRING, FIELD_NULLABLE, 0, 255, .since = 19},
                {"OS-DCF:diskConfig", FIELD_STRING, .values = compute_disk_configs},
                {NULL},
            }},
    {NULL},
};

HttpResponse *
compute_update_server(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, update_fields, 0, context->minor, error)) {
        return NULL;
    }
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL || !compute_check_lock(context, instance, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "server");
    const char *name = body_string(body, "name", instance->name);
    const char *description = body_has(body, "description") ? body_string(body, "description", NULL)
                                                            : instance->description;
    if (!store_set_instance_name(context->store, instance->id, name, description, error)) {
        return NULL;
    }
    g_autoptr(Instance) updated = store_get_instance(context->store, instance->id, error);
    return updated != NULL ? reply(context, updated, error) : NULL;
}

HttpResponse *
compute_delete_server(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL || !compute_check_lock(context, instance, error) ||
        !store_accept_delete(context->store, instance->id, http_request_id(context->request),
            context->identity->user_id, error)) {
        return NULL;
    }
    engine_nudge(context->engine);
    return api_empty(204);
}
