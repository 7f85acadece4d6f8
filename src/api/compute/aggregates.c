/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /os-aggregates: hosts that belong together, and the zones that some of these are. Source: Compute
 * API reference, "Host aggregates". */
#include "api/compute/compute.h"

#include <string.h>

/* ---- showing ---- */

static json_t *
view_metadata(const Aggregate *aggregate)
{
    json_t *view = json_object();

    for (unsigned i = 0; i < aggregate->metadata->len; i++) {
        const AggregateProperty *property = aggregate->metadata->pdata[i];
        json_object_set_new(view, property->key, json_string(property->value));
    }
    return view;
}

static json_t *
view_hosts(const Aggregate *aggregate)
{
    json_t *view = json_array();

    for (unsigned i = 0; i < aggregate->hosts->len; i++) {
        json_array_append_new(view, json_string(aggregate->hosts->pdata[i]));
    }
    return view;
}

/* Hosts and metadata are not in the reply to a create. */
static json_t *
view_bare(const ApiContext *context, const Aggregate *aggregate)
{
    json_t *view = json_pack("{s:I, s:s, s:o, s:o, s:o, s:n, s:b}", "id",
        (json_int_t)aggregate->id, "name", aggregate->name, AGGREGATE_ZONE,
        api_string_or_null(aggregate_get(aggregate, AGGREGATE_ZONE)), "created_at",
        api_time_us(aggregate->created_us), "updated_at", api_time_us(aggregate->updated_us),
        "deleted_at", "deleted", 0);

    if (context->minor >= 41) {
        json_object_set_new(view, "uuid", json_string(aggregate->uuid));
    }
    return view;
}

static json_t *
view_whole(const ApiContext *context, const Aggregate *aggregate)
{
    json_t *view = view_bare(context, aggregate);

    json_object_set_new(view, "hosts", view_hosts(aggregate));
    json_object_set_new(view, "metadata", view_metadata(aggregate));
    return view;
}

/* The id of the path is a number: names are the clients' business. */
static bool
read_id(const ApiContext *context, int64_t *ret_id, GError **error)
{
    const char *text = api_param(context, "id");
    guint64 id = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &id, NULL)) {
        return error_set(error, ERROR_INVALID,
            "Invalid input received: Invalid id '%s': id must be an integer from 1 on", text);
    }
    *ret_id = (int64_t)id;
    return true;
}

static HttpResponse *
reply(ApiContext *context, int64_t id, GError **error)
{
    g_autoptr(Aggregate) aggregate = store_get_aggregate(context->store, id, error);

    return aggregate != NULL
        ? api_json(200, json_pack("{s:o}", "aggregate", view_whole(context, aggregate)))
        : NULL;
}

HttpResponse *
compute_list_aggregates(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) aggregates = store_list_aggregates(context->store, error);

    if (aggregates == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < aggregates->len; i++) {
        json_array_append_new(rows, view_whole(context, aggregates->pdata[i]));
    }
    return api_json(200, json_pack("{s:o}", "aggregates", rows));
}

HttpResponse *
compute_show_aggregate(ApiContext *context, GError **error)
{
    int64_t id = 0;

    return read_id(context, &id, error) ? reply(context, id, error) : NULL;
}

/* ---- changing ---- */

/* What the store refuses for what is there, with Nova's words in front of it. A taken name is told
 * as Nova tells it; name may be NULL. */
static void
tell_refusal(const GError *problem, ErrorCode code, const char *what, const char *name,
    GError **error)
{
    if (error_is(problem, ERROR_CONFLICT) && name != NULL) {
        error_set(error, ERROR_CONFLICT, "Aggregate %s already exists.", name);
    } else if (error_is(problem, ERROR_INVALID)) {
        error_set(error, code, "%s. Reason: %s.", what, problem->message);
    } else {
        g_propagate_error(error, g_error_copy(problem));
    }
}

static const Field create_fields[] = {
    {"aggregate", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"name", FIELD_STRING, FIELD_REQUIRED, 1, 255, COMPUTE_NAME_PATTERN},
                {AGGREGATE_ZONE, FIELD_STRING, FIELD_NULLABLE, 1, 255, ZONE_NAME_PATTERN},
                {NULL},
            }},
    {NULL},
};

HttpResponse *
compute_create_aggregate(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, create_fields, 0, context->minor, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "aggregate");
    const char *zone = body_string(body, AGGREGATE_ZONE, NULL);
    g_autoptr(GError) problem = NULL;
    g_autoptr(Aggregate) aggregate = aggregate_new();
    aggregate->name = g_strdup(body_string(body, "name", NULL));
    if (zone != NULL) {
        g_ptr_array_add(aggregate->metadata, aggregate_property_new(AGGREGATE_ZONE, zone));
    }
    if (!store_insert_aggregate(context->store, aggregate, &problem)) {
        tell_refusal(
            problem, ERROR_INVALID, "Cannot create aggregate", aggregate->name, error);
        return NULL;
    }
    return api_json(200, json_pack("{s:o}", "aggregate", view_bare(context, aggregate)));
}

static const Field update_fields[] = {
    {"aggregate", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"name", FIELD_STRING, 0, 1, 255, COMPUTE_NAME_PATTERN},
                {AGGREGATE_ZONE, FIELD_STRING, FIELD_NULLABLE, 1, 255, ZONE_NAME_PATTERN},
                {NULL},
            }},
    {NULL},
};

HttpResponse *
compute_update_aggregate(ApiContext *context, GError **error)
{
    int64_t id = 0;
    if (!validate_body(context->body, update_fields, 0, context->minor, error) ||
        !read_id(context, &id, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "aggregate");
    if (json_object_size(body) == 0) {
        error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute aggregate. Value: {}. {} does not have enough "
            "properties");
        return NULL;
    }
    const char *name = body_string(body, "name", NULL);
    g_autoptr(GError) problem = NULL;
    g_autoptr(GPtrArray) changes =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
    if (body_has(body, AGGREGATE_ZONE)) {
        g_ptr_array_add(changes,
            aggregate_property_new(AGGREGATE_ZONE, body_string(body, AGGREGATE_ZONE, NULL)));
    }
    if (!store_update_aggregate(context->store, id, name, changes, &problem)) {
        g_autofree char *what =
            g_strdup_printf("Cannot update aggregate %" G_GINT64_FORMAT, id);
        tell_refusal(problem, ERROR_INVALID, what, name, error);
        return NULL;
    }
    return reply(context, id, error);
}

HttpResponse *
compute_delete_aggregate(ApiContext *context, GError **error)
{
    g_autoptr(GError) problem = NULL;
    int64_t id = 0;
    if (!read_id(context, &id, error)) {
        return NULL;
    }
    if (!store_delete_aggregate(context->store, id, &problem)) {
        g_autofree char *what =
            g_strdup_printf("Unable to delete aggregate %" G_GINT64_FORMAT, id);
        tell_refusal(problem, ERROR_INVALID, what, NULL, error);
        return NULL;
    }
    return api_empty(200);
}

/* ---- actions ---- */

static HttpResponse *
add_host(ApiContext *context, int64_t id, const json_t *value, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (!store_add_aggregate_host(
            context->store, id, body_string(value, "host", ""), &problem)) {
        g_autofree char *what =
            g_strdup_printf("Cannot add host to aggregate %" G_GINT64_FORMAT, id);
        tell_refusal(problem, ERROR_CONFLICT, what, NULL, error);
        return NULL;
    }
    /* Of a pool it tells that this host is joining, however fast it is proven. */
    HttpResponse *response = reply(context, id, error);
    engine_nudge_pools(context->engine);
    return response;
}

static HttpResponse *
remove_host(ApiContext *context, int64_t id, const json_t *value, GError **error)
{
    const char *host = body_string(value, "host", "");
    g_autoptr(GError) problem = NULL;

    if (!store_remove_aggregate_host(context->store, id, host, &problem)) {
        g_autofree char *what = g_strdup_printf(
            "Cannot remove host %s in aggregate %" G_GINT64_FORMAT, host, id);
        tell_refusal(problem, ERROR_CONFLICT, what, NULL, error);
        return NULL;
    }
    return reply(context, id, error);
}

/* A null takes its key away. */
static bool
read_change(const char *key, const json_t *value, GPtrArray *changes, GError **error)
{
    if (!validate_matches(KEY_PATTERN, key)) {
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute metadata. Additional properties are not allowed "
            "('%s' was unexpected)",
            key);
    }
    const char *text = json_string_value(value);
    if (text == NULL ? !json_is_null(value) : g_utf8_strlen(text, -1) > 255) {
        g_autofree char *repr = json_to_repr(value);
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute %s. Value: %s. It is not a text of at most 255 "
            "characters",
            key, repr);
    }
    bool is_zone = strcmp(key, AGGREGATE_ZONE) == 0 && text != NULL;
    if (is_zone && !validate_matches(ZONE_NAME_PATTERN, text)) {
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute availability_zone. Value: %s. An availability zone "
            "has a name without a colon, without blanks at its ends",
            text);
    }
    const char *wish = text != NULL ? placement_refuse_property(key, text) : NULL;
    if (wish != NULL) {
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute %s. Value: %s. %c%s", key, text,
            g_ascii_toupper(wish[0]), wish + 1);
    }
    g_ptr_array_add(changes, aggregate_property_new(key, text));
    return true;
}

static HttpResponse *
set_metadata(ApiContext *context, int64_t id, const json_t *value, GError **error)
{
    g_autoptr(GPtrArray) changes =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
    const char *key = NULL;
    json_t *text = NULL;
    json_object_foreach(json_object_get(value, "metadata"), key, text)
    {
        if (!read_change(key, text, changes, error)) {
            return NULL;
        }
    }
    g_autoptr(GError) problem = NULL;
    if (!store_update_aggregate(context->store, id, NULL, changes, &problem)) {
        g_autofree char *what =
            g_strdup_printf("Cannot update metadata of aggregate %" G_GINT64_FORMAT, id);
        tell_refusal(problem, ERROR_INVALID, what, NULL, error);
        return NULL;
    }
    return reply(context, id, error);
}

static const Field host_fields[] = {
    {"host", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {NULL},
};
static const Field metadata_fields[] = {
    {"metadata", FIELD_OBJECT, FIELD_REQUIRED},
    {NULL},
};

static const struct {
    const char *name;
    const char *policy;
    const Field *fields;
    HttpResponse *(*run)(ApiContext *context, int64_t id, const json_t *value, GError **error);
} actions[] = {
    {"add_host", "os_compute_api:os-aggregates:add_host", host_fields, add_host},
    {"remove_host", "os_compute_api:os-aggregates:remove_host", host_fields, remove_host},
    {"set_metadata", "os_compute_api:os-aggregates:set_metadata", metadata_fields, set_metadata},
};

HttpResponse *
compute_aggregate_action(ApiContext *context, GError **error)
{
    const char *name = json_object_iter_key(json_object_iter(context->body));
    int64_t id = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (g_strcmp0(name, actions[i].name) != 0) {
            continue;
        }
        const Field fields[] = {
            {name, FIELD_OBJECT, FIELD_REQUIRED, .fields = actions[i].fields}, {NULL}};
        return api_check_policy(context, actions[i].policy, error) &&
                validate_body(context->body, fields, 0, context->minor, error) &&
                read_id(context, &id, error)
            ? actions[i].run(context, id, json_object_get(context->body, name), error)
            : NULL;
    }
    error_set(error, ERROR_INVALID, "There is no such action: %s", name != NULL ? name : "");
    return NULL;
}
