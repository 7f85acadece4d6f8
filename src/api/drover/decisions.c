/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Where requests went and why, as it was when that was decided. */
#include "api/drover/drover.h"
#include "scheduler/scheduler.h"

#include <string.h>

/* Of a host that fits, how well: exactly where it is one of those whose rows are kept. */
static json_t *
view_fit(const PlacementVerdict *verdict, const PlacementHost *told)
{
    PlacementVerdict fit = *verdict;
    if (told != NULL && told->rank > 0) {
        fit = (PlacementVerdict){NULL, told->weight, told->weight, told->rank, told->rank};
    }
    return json_pack("{s:[f, f], s:[i, i]}", "weight_between", fit.weight_least, fit.weight_most,
        "rank_between", (int)fit.rank_first, (int)fit.rank_last);
}

static const PlacementHost *
find_told(const Placement *placement, const char *host)
{
    for (unsigned i = 0; i < placement->n_told; i++) {
        if (strcmp(placement->hosts[i].name, host) == 0) {
            return &placement->hosts[i];
        }
    }
    return NULL;
}

/* What was found of that host; is_kept false: nothing of that, by a droverd that did not yet. */
static json_t *
view_verdict(ApiContext *context, const StoredDecision *decision, const Placement *placement,
    const char *host, GError **error)
{
    g_autofree char *names = NULL;
    g_autoptr(GBytes) verdicts = NULL;
    if (!store_find_verdicts(context->store, decision->id, &names, &verdicts, error)) {
        return NULL;
    }
    PlacementVerdict verdict = {0};
    int at = names != NULL ? host_names_find(names, host) : -1;
    bool is_known =
        at >= 0 && placement_read_verdict(placement, verdicts, (unsigned)at, &verdict);
    json_t *view = json_pack("{s:s, s:b, s:b}", "name", host, "is_kept", names != NULL,
        "was_looked_at", is_known);
    if (is_known) {
        bool fits = verdict.failed == NULL;
        json_object_set_new(view, "fits", json_boolean(fits));
        json_object_set_new(view, "failed_first", api_string_or_null(verdict.failed));
        json_object_set_new(
            view, "fit", fits ? view_fit(&verdict, find_told(placement, host)) : json_null());
    }
    return view;
}

/* host NULL: nobody asks for one. */
static json_t *
view_decision(
    ApiContext *context, const StoredDecision *decision, const char *host, GError **error)
{
    g_autoptr(Placement) placement = placement_from_text(decision->text, error);
    json_auto_t *verdict = placement != NULL && host != NULL
        ? view_verdict(context, decision, placement, host, error)
        : json_null();
    if (placement == NULL || verdict == NULL) {
        return NULL;
    }
    json_t *view = json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o}", "id",
        (json_int_t)decision->id, "request_id", api_string_or_null(decision->request_id),
        "instance_uuid", decision->instance_id, "instance_name", decision->instance_name, "move",
        operation_kind_name(decision->kind), "made_at", api_time_us(decision->made_us),
        "kept_until", api_time_us(decision->kept_until_us));
    json_auto_t *rest = drover_view_placement(placement);
    json_object_update(view, rest);
    if (host != NULL) {
        json_object_set(view, "asked_about", verdict);
    }
    return view;
}

static const QueryField list_query[] = {
    {"request_id", QUERY_STRING},
    {"instance_uuid", QUERY_STRING},
    {"host", QUERY_STRING}, /* what was found of it as well */
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
    const char *host = api_query(context, "host");
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
        json_t *view = view_decision(context, decisions->pdata[i], host, error);
        if (view == NULL) {
            return NULL;
        }
        json_array_append_new(views, view);
    }
    return api_json(200, json_pack("{s:O}", "decisions", views));
}
