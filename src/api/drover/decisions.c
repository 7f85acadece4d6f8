/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Where requests went and why, as it was when that was decided. */
#include "api/drover/drover.h"
#include "scheduler/scheduler.h"

static json_t *
view_decision(const StoredDecision *decision, GError **error)
{
    g_autoptr(Placement) placement = placement_from_text(decision->text, error);
    if (placement == NULL) {
        return NULL;
    }
    json_t *view = json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o}", "id",
        (json_int_t)decision->id, "request_id", api_string_or_null(decision->request_id),
        "instance_uuid", decision->instance_id, "instance_name", decision->instance_name, "move",
        operation_kind_name(decision->kind), "made_at", api_time_us(decision->made_us),
        "kept_until", api_time_us(decision->kept_until_us));
    json_auto_t *rest = drover_view_placement(placement);
    json_object_update(view, rest);
    return view;
}

static const QueryField list_query[] = {
    {"request_id", QUERY_STRING},
    {"instance_uuid", QUERY_STRING},
    {0},
};

HttpResponse *
drover_list_decisions(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, list_query, 1, 1, error)) {
        return NULL;
    }
    const char *request = api_query(context, "request_id");
    const char *instance = api_query(context, "instance_uuid");
    if ((request == NULL && instance == NULL) || (request != NULL && request[0] == '\0')) {
        error_set(error, ERROR_INVALID, "say request_id or instance_uuid");
        return NULL;
    }
    g_autoptr(GPtrArray) decisions =
        store_list_decisions(context->store, request, instance, error);
    if (decisions == NULL) {
        return NULL;
    }
    json_auto_t *views = json_array();
    for (unsigned i = 0; i < decisions->len; i++) {
        json_t *view = view_decision(decisions->pdata[i], error);
        if (view == NULL) {
            return NULL;
        }
        json_array_append_new(views, view);
    }
    return api_json(200, json_pack("{s:O}", "decisions", views));
}
