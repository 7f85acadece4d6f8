/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/context.h"
#include "api/microversion.h"
#include "auth/policy.h"
#include "base/json.h"
#include <string.h>

bool
api_check_policy(ApiContext *context, const char *rule, GError **error)
{
    return policy_check(context->identity, rule, error);
}

bool
api_can_see_project(const ApiContext *context, const char *project_id)
{
    return context->is_admin || g_strcmp0(context->identity->project_id, project_id) == 0;
}

const char *
api_param(const ApiContext *context, const char *name)
{
    return http_request_param(context->request, name);
}

const char *
api_query(const ApiContext *context, const char *name)
{
    return http_request_query(context->request, name);
}

int64_t
api_now_us(const ApiContext *context)
{
    return clock_now_us(context->options->clock);
}

char *
api_url(const ApiContext *context, const char *path_format, ...)
{
    va_list arguments;
    va_start(arguments, path_format);
    g_autofree char *path = g_strdup_vprintf(path_format, arguments);
    va_end(arguments);
    return g_strconcat(context->base_url, path, NULL);
}

json_t *
api_link(const char *rel, char *take_url)
{
    json_t *link = json_pack("{s:s, s:s}", "rel", rel, "href", take_url);
    g_free(take_url);
    return link;
}

HttpResponse *
api_json(int status, json_t *take_value)
{
    json_auto_t *value = take_value;
    return http_response_new_text(status, "application/json", json_to_text(value));
}

HttpResponse *
api_empty(int status)
{
    HttpResponse *response = http_response_new(status);
    http_response_set_header(response, "Content-Type", "application/json");
    return response;
}

json_t *
api_string_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

json_t *
api_time_z(int64_t us)
{
    g_autofree char *text = time_format_z(us);
    return api_string_or_null(text);
}

json_t *
api_time_us(int64_t us)
{
    g_autofree char *text = time_format_us(us);
    return api_string_or_null(text);
}

bool
api_paging(const ApiContext *context, Paging *ret_paging, GError **error)
{
    static const QueryField fields[] = {{"limit", QUERY_INTEGER}, {"marker"}, {0}};
    if (!validate_query(context->request, fields, 0, 0, error)) {
        return false;
    }
    const char *text = api_query(context, "limit");
    int limit = text == NULL ? 0 : (int)g_ascii_strtoull(text, NULL, 10);
    int max = context->options->max_limit;
    ret_paging->limit = limit == 0 || limit > max ? max : limit;
    ret_paging->marker = api_query(context, "marker");
    return true;
}

char *
api_next_url(const ApiContext *context, const char *marker)
{
    GString *url = g_string_new(context->base_url);
    g_string_append(url, http_request_path(context->request));
    g_string_append_c(url, '?');
    for (size_t i = 0; i < http_request_n_queries(context->request); i++) {
        const char *name;
        const char *value;
        http_request_query_at(context->request, i, &name, &value);
        if (strcmp(name, "marker") != 0) {
            g_string_append_uri_escaped(url, name, NULL, FALSE);
            g_string_append_c(url, '=');
            g_string_append_uri_escaped(url, value, NULL, FALSE);
            g_string_append_c(url, '&');
        }
    }
    g_string_append(url, "marker=");
    g_string_append_uri_escaped(url, marker, NULL, FALSE);
    return g_string_free(url, FALSE);
}
