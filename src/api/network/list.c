/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"
#include <string.h>

static bool
is_equal(const json_t *value, const char *wanted)
{
    bool flag;
    if (json_is_boolean(value)) {
        return parse_bool(wanted, &flag) && flag == json_is_true(value);
    }
    if (json_is_integer(value)) {
        return g_ascii_strtoll(wanted, NULL, 10) == json_integer_value(value);
    }
    return g_strcmp0(json_string_value(value), wanted) == 0;
}

/* "fixed_ips=ip_address=10.0.0.5" and "fixed_ips=subnet_id=..." */
static bool
matches_fixed_ips(const json_t *list, const char *wanted)
{
    size_t i;
    json_t *entry;
    const char *equals = strchr(wanted, '=');
    if (equals == NULL) {
        return false;
    }
    g_autofree char *key = g_strndup(wanted, (size_t)(equals - wanted));
    json_array_foreach(list, i, entry)
    {
        if (strcmp(body_string(entry, key, ""), equals + 1) == 0) {
            return true;
        }
    }
    return false;
}

static bool
matches_one(const json_t *view, const char *name, const char *wanted)
{
    const json_t *value = json_object_get(view, name);
    return strcmp(name, "fixed_ips") == 0 ? matches_fixed_ips(value, wanted)
                                          : is_equal(value, wanted);
}

static bool
is_control(const char *name)
{
    static const char *const names[] = {
        "fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir", NULL};
    return g_strv_contains(names, name);
}

/* Values of the same name are alternatives; different names must all match. Names that the object
 * does not have are ignored, as Neutron does. */
static bool
matches(const ApiContext *context, const json_t *view)
{
    const HttpRequest *request = context->request;
    for (size_t i = 0; i < http_request_n_queries(request); i++) {
        const char *name;
        const char *value;
        bool any = false;
        http_request_query_at(request, i, &name, &value);
        if (is_control(name) || json_object_get(view, name) == NULL) {
            continue;
        }
        for (size_t j = 0; j < http_request_n_queries(request); j++) {
            const char *other;
            http_request_query_at(request, j, &other, &value);
            any = any || (strcmp(other, name) == 0 && matches_one(view, name, value));
        }
        if (!any) {
            return false;
        }
    }
    return true;
}

/* The view with the members that ?fields=a&fields=b names; all when there is none. */
static json_t *
thin_out(const ApiContext *context, json_t *view)
{
    json_t *thin = json_object();
    for (size_t i = 0; i < http_request_n_queries(context->request); i++) {
        const char *name;
        const char *value;
        http_request_query_at(context->request, i, &name, &value);
        if (strcmp(name, "fields") == 0) {
            json_object_set(thin, value, json_object_get(view, value));
        }
    }
    if (api_query(context, "fields") == NULL) {
        json_object_update(thin, view);
    }
    return thin;
}

HttpResponse *
network_reply_list(ApiContext *context, const char *name, json_t *take_views, GError **error)
{
    size_t i;
    json_t *view;
    Paging paging;
    json_auto_t *views = take_views;
    if (!api_paging(context, &paging, error)) {
        return NULL;
    }
    json_t *page = json_array();
    bool begun = paging.marker == NULL;
    json_array_foreach(views, i, view)
    {
        bool is_marker = !begun && strcmp(body_string(view, "id", ""), paging.marker) == 0;
        if (begun && matches(context, view) && (int)json_array_size(page) < paging.limit) {
            json_array_append_new(page, thin_out(context, view));
        }
        begun = begun || is_marker;
    }
    return network_reply(200, name, page);
}

HttpResponse *
network_reply(int status, const char *name, json_t *take_view)
{
    return api_json(status, json_pack("{s:o}", name, take_view));
}
