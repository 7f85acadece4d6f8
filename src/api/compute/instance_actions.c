/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /servers/{id}/os-instance-actions: what was done to it, and how that ended. An operation is an
 * action, its history are the events. Source: Compute API reference, "Servers actions". */
#include "api/compute/compute.h"

#include <string.h>

static json_t *
view_action(const ApiContext *context, const Operation *operation)
{
    /* Nova gives the hard reboot the same name. */
    const char *name =
        operation->kind == OPERATION_REBOOT_HARD ? "reboot" : operation_kind_name(operation->kind);
    json_t *view = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "action", name, "instance_uuid",
        operation->instance_id, "request_id", api_string_or_null(operation->request_id), "user_id",
        api_string_or_null(operation->user_id), "project_id",
        api_string_or_null(operation->project_id), "start_time", api_time_us(operation->created_us),
        "message", api_string_or_null(operation->error_code != NULL ? operation->message : NULL));
    if (context->minor >= 58) {
        json_object_set_new(view, "updated_at", api_time_us(operation->updated_us));
    }
    return view;
}

/* 2.21: of deleted servers as well. */
static Instance *
get_instance(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    return context->minor >= 21 ? compute_get_instance_or_deleted(context, id, error)
                                : compute_get_instance(context, id, error);
}

/* ---- the list ---- */

static const QueryField list_query[] = {
    {"limit", QUERY_INTEGER, 58},
    {"marker", QUERY_STRING, 58},
    {"changes-since", QUERY_TIME, 58},
    {"changes-before", QUERY_TIME, 66},
    {NULL},
};

/* What a page of the list holds; until 2.57 everything. */
typedef struct Window {
    Paging paging;
    int64_t since_us;
    int64_t before_us;
} Window;

static bool
read_window(const ApiContext *context, Window *ret_window, GError **error)
{
    *ret_window = (Window){.paging = {.limit = G_MAXINT}, .before_us = G_MAXINT64};
    if (context->minor < 58) {
        return true;
    }
    const char *since = api_query(context, "changes-since");
    const char *before = api_query(context, "changes-before");
    if (!validate_query(context->request, list_query, context->minor, 58, error) ||
        !api_paging(context, &ret_window->paging, error)) {
        return false;
    }
    if (since != NULL) {
        time_parse(since, &ret_window->since_us);
    }
    if (before != NULL) {
        time_parse(before, &ret_window->before_us);
    }
    return ret_window->since_us <= ret_window->before_us ||
        error_set(error, ERROR_INVALID,
            "The value of changes-since must be less than or equal to changes-before.");
}

static HttpResponse *
reply_window(ApiContext *context, const GPtrArray *operations, const Window *window, GError **error)
{
    json_auto_t *rows = json_array();
    const char *marker = window->paging.marker, *last = NULL;
    bool after_marker = marker == NULL, has_more = false;
    for (unsigned i = 0; i < operations->len && !has_more; i++) {
        const Operation *operation = operations->pdata[i];
        if (!after_marker) {
            after_marker = g_strcmp0(operation->request_id, marker) == 0;
        } else if (operation->updated_us >= window->since_us &&
            operation->updated_us <= window->before_us) {
            has_more = (int)json_array_size(rows) == window->paging.limit;
            if (!has_more) {
                json_array_append_new(rows, view_action(context, operation));
                last = operation->request_id;
            }
        }
    }
    if (!after_marker) {
        error_set(error, ERROR_INVALID, "Marker %s could not be found.", marker);
        return NULL;
    }
    json_t *reply = json_pack("{s:O}", "instanceActions", rows);
    if (has_more && last != NULL) {
        /* Nova names these links without the name of the collection. */
        json_object_set_new(
            reply, "links", json_pack("[o]", api_link("next", api_next_url(context, last))));
    }
    return api_json(200, reply);
}

HttpResponse *
compute_list_instance_actions(ApiContext *context, GError **error)
{
    Window window;
    g_autoptr(Instance) instance = get_instance(context, error);
    if (instance == NULL || !read_window(context, &window, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) operations =
        store_list_instance_operations(context->store, instance->id, 0, error);
    return operations != NULL ? reply_window(context, operations, &window, error) : NULL;
}

/* ---- one, with its events ---- */

/* Administrators see where it was and why it failed; others that it was, from 2.51 on. */
static json_t *
view_event(const ApiContext *context, const Operation *operation, const Instance *instance,
    const OperationEvent *event, const OperationEvent *next)
{
    /* The state that it is in now has no end yet. */
    bool is_now = next == NULL && operation->is_open;
    bool is_error = next == NULL && operation->error_code != NULL;
    json_t *row = json_pack("{s:s, s:o, s:o, s:o}", "event", event->to, "start_time",
        api_time_us(event->at_us), "finish_time",
        is_now ? json_null() : api_time_us(next != NULL ? next->at_us : event->at_us), "result",
        is_now ? json_null() : json_string(is_error ? "Error" : "Success"));
    if (context->is_admin) {
        json_object_set_new(row, "traceback", json_null());
    }
    if (context->minor >= 62) {
        json_object_set_new(row, "hostId", compute_host_id(instance));
    }
    if (context->minor >= 62 && context->is_admin) {
        json_object_set_new(row, "host", api_string_or_null(instance->host));
    }
    if (context->minor >= 84 && context->is_admin) {
        json_object_set_new(
            row, "details", api_string_or_null(is_error ? operation->message : event->sentence));
    }
    return row;
}

/* Newest first. */
static json_t *
view_events(
    const ApiContext *context, const Operation *operation, const Instance *instance, GError **error)
{
    g_autoptr(GPtrArray) events = store_list_operation_events(context->store, operation->id, error);
    if (events == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = events->len; i > 0; i--) {
        const OperationEvent *next = i < events->len ? events->pdata[i] : NULL;
        json_array_append_new(
            rows, view_event(context, operation, instance, events->pdata[i - 1], next));
    }
    return rows;
}

HttpResponse *
compute_show_instance_action(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = get_instance(context, error);
    g_autoptr(GPtrArray) operations = instance != NULL
        ? store_list_instance_operations(context->store, instance->id, 0, error)
        : NULL;
    if (operations == NULL) {
        return NULL;
    }
    const char *request_id = api_param(context, "request");
    for (unsigned i = 0; i < operations->len; i++) {
        const Operation *operation = operations->pdata[i];
        if (g_strcmp0(operation->request_id, request_id) != 0) {
            continue;
        }
        json_t *view = view_action(context, operation);
        /* Administrators always; from 2.51 the owner too. */
        if (context->is_admin || context->minor >= 51) {
            json_t *events = view_events(context, operation, instance, error);
            if (events == NULL) {
                json_decref(view);
                return NULL;
            }
            json_object_set_new(view, "events", events);
        }
        return api_json(200, json_pack("{s:o}", "instanceAction", view));
    }
    error_set(error, ERROR_NOT_FOUND, "Action %s not found", request_id);
    return NULL;
}
