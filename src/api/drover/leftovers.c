/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What operations have left on hosts, and why it is still there. */
#include "api/drover/drover.h"

static json_t *
view_leftover(const Leftover *leftover)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:o, s:b, s:o, s:s, s:s, s:b, s:o, s:o, s:o}",
        "id",
        (json_int_t)leftover->id, "host", leftover->host, "kind",
        leftover_kind_name(leftover->kind), "name", leftover->name, "instance_uuid",
        api_string_or_null(leftover->instance_id), "with_disks", leftover->with_disks, "size_bytes",
        leftover->size_bytes >= 0 ? json_integer(leftover->size_bytes) : json_null(), "why",
        leftover->why, "removable_when", leftover->removable_when, "remove_wanted",
        leftover->remove_wanted, "last_error", api_string_or_null(leftover->last_error), "since",
        api_time_us(leftover->since_us), "copy",
        api_string_or_null(leftover_copy_name(leftover->copy)));
}

static const QueryField list_query[] = {
    {"host", QUERY_STRING},
    {"instance_uuid", QUERY_STRING},
    {0},
};

HttpResponse *
drover_list_leftovers(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, list_query, 1, 1, error)) {
        return NULL;
    }
    LeftoverFilter filter = {
        .host = api_query(context, "host"), .instance_id = api_query(context, "instance_uuid")};
    g_autoptr(GPtrArray) leftovers = store_list_leftovers(context->store, &filter, error);
    if (leftovers == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < leftovers->len; i++) {
        json_array_append_new(views, view_leftover(leftovers->pdata[i]));
    }
    return api_json(200, json_pack("{s:o}", "leftovers", views));
}

/* It is removed by the engine, once its host can be asked. */
HttpResponse *
drover_remove_leftover(ApiContext *context, GError **error)
{
    int64_t id = 0;
    if (!g_ascii_string_to_signed(api_param(context, "id"), 10, 1, G_MAXINT64, &id, NULL)) {
        error_set(error, ERROR_NOT_FOUND, "there is no leftover '%s'", api_param(context, "id"));
        return NULL;
    }
    g_autoptr(Leftover) leftover = store_get_leftover(context->store, id, error);
    if (leftover == NULL) {
        return NULL;
    }
    g_autofree char *why_not = leftover_why_not_ordered(leftover);
    if (why_not != NULL) {
        error_set(error, ERROR_CONFLICT, "%s", why_not);
        return NULL;
    }
    if (!store_want_leftover_removed(context->store, id, error)) {
        return NULL;
    }
    engine_nudge_leftovers(context->engine);
    leftover->remove_wanted = true;
    return api_json(202, json_pack("{s:o}", "leftover", view_leftover(leftover)));
}
