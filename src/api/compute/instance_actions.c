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

HttpResponse *
compute_list_instance_actions(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) operations =
        store_list_instance_operations(context->store, instance->id, 0, error);
    if (operations == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < operations->len; i++) {
        json_array_append_new(rows, view_action(context, operations->pdata[i]));
    }
    return api_json(200, json_pack("{s:o}", "instanceActions", rows));
}

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
        const OperationEvent *event = events->pdata[i - 1];
        bool is_last = i == events->len;
        int64_t finish_us =
            is_last ? event->at_us : ((const OperationEvent *)events->pdata[i])->at_us;
        bool is_error = is_last && operation->error_code != NULL;
        json_t *row = json_pack("{s:s, s:o, s:o, s:s, s:n}", "event", event->to, "start_time",
            api_time_us(event->at_us), "finish_time", api_time_us(finish_us), "result",
            is_error ? "Error" : "Success", "traceback");
        if (context->minor >= 62 && context->is_admin) {
            json_object_set_new(row, "host", api_string_or_null(instance->host));
        }
        if (context->minor >= 84) {
            json_object_set_new(row, "details",
                api_string_or_null(is_error ? operation->message : event->sentence));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

HttpResponse *
compute_show_instance_action(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
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
    error_set(error, ERROR_NOT_FOUND, "Action for request_id %s on instance %s not found",
        request_id, instance->id);
    return NULL;
}
