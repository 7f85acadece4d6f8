/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Emptying a host for maintenance, and bringing back what was on it: jobs that the engine carries
 * out. */
#include "api/drover/drover.h"

#include <string.h>

/* ---- the view of a job ---- */

static json_t *
view_counts(GPtrArray *items)
{
    json_t *view = json_pack("{s:i}", "total", (int)items->len);
    for (int state = 0; state <= DRAIN_ITEM_BLOCKED; state++) {
        int n = 0;
        for (unsigned i = 0; i < items->len; i++) {
            n += (int)((const DrainItem *)items->pdata[i])->state == state;
        }
        json_object_set_new(
            view, drain_item_state_name((DrainItemState)state), json_integer(n));
    }
    return view;
}

static json_t *
percent_of(const JobStats *stats)
{
    int64_t total = MAX(stats->memory_total_bytes, 0) + MAX(stats->disk_total_bytes, 0);
    int64_t done = MAX(stats->memory_processed_bytes, 0) + MAX(stats->disk_processed_bytes, 0);
    return total > 0 ? json_integer(MIN(done * 100 / total, 100)) : json_null();
}

/* Which migration it is, and how far. */
static void
add_migration(ApiContext *context, json_t *view, const DrainItem *item)
{
    g_autoptr(Migration) migration = item->operation_id == 0
        ? NULL
        : store_get_migration_of_operation(context->store, item->operation_id, NULL);
    bool is_moving = migration != NULL && item->state == DRAIN_ITEM_MOVING;
    json_object_set_new(view, "migration_id",
        migration != NULL ? json_integer(migration->id) : json_null());
    json_object_set_new(
        view, "percent", is_moving ? percent_of(&migration->stats) : json_null());
}

static json_t *
view_item(ApiContext *context, const DrainItem *item)
{
    bool has_move = item->operation_id != 0;
    json_t *view = json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:o, s:o}", "instance_uuid",
        item->instance_id, "instance_name", item->instance_name, "state",
        drain_item_state_name(item->state), "move",
        api_string_or_null(has_move ? (item->is_cold ? "cold" : "live") : NULL), "dest_host",
        api_string_or_null(item->dest_host), "attempts", item->attempts, "message",
        api_string_or_null(item->message), "fix", api_string_or_null(item->fix));
    add_migration(context, view, item);
    return view;
}

static bool
has_item(const GPtrArray *items, const char *instance_id)
{
    for (unsigned i = 0; i < items->len; i++) {
        if (strcmp(((const DrainItem *)items->pdata[i])->instance_id, instance_id) == 0) {
            return true;
        }
    }
    return false;
}

/* What an operation brings to a host that is being drained, and is no item yet. */
static bool
add_coming(ApiContext *context, const Drain *drain, const GPtrArray *items, json_t *counts,
    GError **error)
{
    bool is_for_more = !drain->is_restore && drain_state_is_open(drain->state);
    g_autoptr(GPtrArray) ids = is_for_more
        ? store_list_coming(context->store, drain->host, error)
        : g_ptr_array_new_with_free_func(g_free);
    int n = 0;
    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        n += !has_item(items, ids->pdata[i]);
    }
    json_object_set_new(counts, "coming", json_integer(n));
    return ids != NULL;
}

static json_t *
view_drain(ApiContext *context, const Drain *drain, bool with_items, GError **error)
{
    g_autoptr(GPtrArray) items = store_list_drain_items(context->store, drain->id, error);
    json_auto_t *counts = items != NULL ? view_counts(items) : NULL;
    if (counts == NULL || !add_coming(context, drain, items, counts, error)) {
        return NULL;
    }
    json_t *view = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:O}", "id",
        (json_int_t)drain->id, "host", drain->host, "kind", drain->is_restore ? "restore" : "drain",
        "state", drain_state_name(drain->state), "meaning", drain_state_sentence(drain->state),
        "wanted", drain_wanted_name(drain->wanted), "parallel",
        drain->parallel > 0 ? json_integer(drain->parallel) : json_null(), "cold_fallback",
        drain->cold_fallback, "reason", api_string_or_null(drain->reason), "created_at",
        api_time_us(drain->created_us), "updated_at", api_time_us(drain->updated_us), "progress",
        counts);
    if (with_items) {
        json_t *views = json_array();
        for (unsigned i = 0; i < items->len; i++) {
            json_array_append_new(views, view_item(context, items->pdata[i]));
        }
        json_object_set_new(view, "items", views);
    }
    return view;
}

static HttpResponse *
reply(ApiContext *context, const Drain *drain, int status, GError **error)
{
    json_t *view = view_drain(context, drain, true, error);
    return view != NULL ? api_json(status, json_pack("{s:o}", "drain", view)) : NULL;
}

/* ---- asking for one ---- */

static const Field ask_fields[] = {
    {"dry_run", FIELD_BOOLEAN},
    {"parallel", FIELD_INTEGER, FIELD_NULLABLE, 1, 1000},
    {"cold_fallback", FIELD_BOOLEAN},
    {"reason", FIELD_STRING, FIELD_NULLABLE, 1, 255, "^[^[:cntrl:]]*$"},
    {0},
};
static const Field drain_body[] = {
    {"drain", FIELD_OBJECT, FIELD_REQUIRED, .fields = ask_fields},
    {0},
};
static const Field restore_body[] = {
    {"restore", FIELD_OBJECT, FIELD_REQUIRED, .fields = ask_fields},
    {0},
};

/* Nothing moves from or to a host that does not answer. */
static bool
check_up(const ApiContext *context, const Host *host, bool is_restore, GError **error)
{
    return host_is_up(host, api_now_us(context), context->options->service_down_time_us) ||
        error_set(error, ERROR_CONFLICT, "host '%s' is down: %s", host->name,
            is_restore ? "it gets its servers back when it is up"
                       : "'drover host evacuate' is for the servers of a dead host");
}

static HttpResponse *
accept(ApiContext *context, const Host *host, bool is_restore, const json_t *body, GError **error)
{
    DrainAsk ask = {
        .host = host->name,
        .is_restore = is_restore,
        .parallel = (int)body_int(body, "parallel", 0),
        .cold_fallback = body_bool(body, "cold_fallback", false),
        .reason = body_string(body, "reason", NULL),
        .request_id = http_request_id(context->request),
        .user_id = context->identity->user_id,
    };
    g_autoptr(Drain) drain = store_accept_drain(context->store, &ask, error);
    if (drain == NULL) {
        return NULL;
    }
    engine_nudge_drains(context->engine);
    return reply(context, drain, 202, error);
}

static HttpResponse *
begin(ApiContext *context, bool is_restore, GError **error)
{
    if (!validate_body(context->body, is_restore ? restore_body : drain_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, is_restore ? "restore" : "drain");
    g_autoptr(Host) host = drover_get_host(context, api_param(context, "name"), error);
    if (host == NULL || !check_up(context, host, is_restore, error)) {
        return NULL;
    }
    bool cold_fallback = body_bool(body, "cold_fallback", false);
    return body_bool(body, "dry_run", false)
        ? drover_plan_drain(context, host, is_restore, cold_fallback, error)
        : accept(context, host, is_restore, body, error);
}

HttpResponse *
drover_begin_drain(ApiContext *context, GError **error)
{
    return begin(context, false, error);
}

HttpResponse *
drover_begin_restore(ApiContext *context, GError **error)
{
    return begin(context, true, error);
}

/* ---- looking at one, and steering it ---- */

static Drain *
get_newest(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = drover_get_host(context, api_param(context, "name"), error);
    g_autoptr(GPtrArray) drains =
        host != NULL ? store_list_drains(context->store, host->name, false, 1, error) : NULL;
    if (drains == NULL) {
        return NULL;
    }
    if (drains->len == 0) {
        error_set(error, ERROR_NOT_FOUND, "host '%s' was never drained", host->name);
        return NULL;
    }
    return g_ptr_array_steal_index(drains, 0);
}

HttpResponse *
drover_show_drain(ApiContext *context, GError **error)
{
    g_autoptr(Drain) drain = get_newest(context, error);
    return drain != NULL ? reply(context, drain, 200, error) : NULL;
}

static const Field wanted_fields[] = {
    {"wanted", FIELD_STRING, FIELD_REQUIRED,
        .values = (const char *const[]){"run", "pause", "cancel", NULL}},
    {0},
};
static const Field wanted_body[] = {
    {"drain", FIELD_OBJECT, FIELD_REQUIRED, .fields = wanted_fields},
    {0},
};

HttpResponse *
drover_update_drain(ApiContext *context, GError **error)
{
    DrainWanted wanted = DRAIN_WANTED_RUN;
    if (!validate_body(context->body, wanted_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "drain");
    drain_wanted_parse(body_string(body, "wanted", NULL), &wanted);
    g_autoptr(Drain) drain = get_newest(context, error);
    if (drain == NULL) {
        return NULL;
    }
    if (!store_set_drain_wanted(context->store, drain->id, wanted, error)) {
        return NULL;
    }
    engine_nudge_drains(context->engine);
    g_autoptr(Drain) changed = store_get_drain(context->store, drain->id, error);
    return changed != NULL ? reply(context, changed, 202, error) : NULL;
}

static const QueryField list_query[] = {
    {"host", QUERY_STRING},
    {0},
};

/* Newest first. */
HttpResponse *
drover_list_drains(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, list_query, 1, 1, error)) {
        return NULL;
    }
    const char *name = api_query(context, "host");
    g_autoptr(GPtrArray) drains =
        store_list_drains(context->store, name, false, context->options->max_limit, error);
    /* One that is gone keeps its drains. */
    if (drains != NULL && drains->len == 0 && name != NULL) {
        g_autoptr(Host) host = drover_get_host(context, name, error);
        if (host == NULL) {
            return NULL;
        }
    }
    json_auto_t *views = json_array();
    for (unsigned i = 0; drains != NULL && i < drains->len; i++) {
        json_t *view = view_drain(context, drains->pdata[i], false, error);
        if (view == NULL) {
            return NULL;
        }
        json_array_append_new(views, view);
    }
    return drains != NULL ? api_json(200, json_pack("{s:O}", "drains", views)) : NULL;
}

HttpResponse *
drover_show_one_drain(ApiContext *context, GError **error)
{
    int64_t id = 0;
    if (!g_ascii_string_to_signed(api_param(context, "id"), 10, 1, G_MAXINT64, &id, NULL)) {
        error_set(error, ERROR_NOT_FOUND, "there is no drain '%s'", api_param(context, "id"));
        return NULL;
    }
    g_autoptr(Drain) drain = store_get_drain(context->store, id, error);
    return drain != NULL ? reply(context, drain, 200, error) : NULL;
}
