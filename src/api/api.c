/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/api.h"
#include "api/api-private.h"
#include "api/areas.h"
#include "api/dispatch.h"
#include "api/microversion.h"
#include "auth/policy.h"
#include "base/log.h"
#include <string.h>

static char *
dup_without_slash(const char *url)
{
    if (url == NULL || url[0] == '\0') {
        return NULL;
    }
    size_t length = strlen(url);
    return g_strndup(url, url[length - 1] == '/' ? length - 1 : length);
}

static double
ratio_or_one(double ratio)
{
    return ratio > 0 ? ratio : 1.0;
}

static ApiOptions
complete_options(const ApiOptions *options)
{
    ApiOptions full = *options;
    full.public_url = dup_without_slash(options->public_url);
    full.region = g_strdup(options->region == NULL ? "RegionOne" : options->region);
    full.image_directory = g_strdup(options->image_directory);
    full.volume_pool = g_strdup(options->volume_pool);
    full.config_drive_format = g_strdup(options->config_drive_format);
    full.config_drive_label = g_strdup(options->config_drive_label);
    if (full.token_lifetime_us == 0) {
        full.token_lifetime_us = 24 * G_TIME_SPAN_HOUR;
    }
    if (full.service_down_time_us == 0) {
        full.service_down_time_us = G_TIME_SPAN_MINUTE;
    }
    if (full.max_limit == 0) {
        full.max_limit = 1000;
    }
    full.placement.cpu_allocation_ratio = ratio_or_one(options->placement.cpu_allocation_ratio);
    full.placement.ram_allocation_ratio = ratio_or_one(options->placement.ram_allocation_ratio);
    full.placement.disk_allocation_ratio =
        ratio_or_one(options->placement.disk_allocation_ratio);
    return full;
}

static void
table_free(void *data)
{
    ApiTable *table = data;
    g_free(table->routes);
    g_free(table);
}

void
api_add_routes(Api *api, ServiceId service, const char *prefix, const ApiRoute *rows, size_t n_rows)
{
    ApiTable *table = g_new0(ApiTable, 1);
    table->api = api;
    table->service = service_get(service);
    table->routes = g_new0(HttpRoute, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        g_assert(rows[i].policy == NULL || policy_has_rule(rows[i].policy));
        table->routes[i] = (HttpRoute){
            .method = rows[i].method,
            .path = rows[i].path,
            .handler = dispatch_request,
            .sink = rows[i].upload_begin == NULL ? NULL : dispatch_sink(),
            .data = &rows[i],
        };
    }
    g_ptr_array_add(api->tables, table);
    http_router_add_table(api->router, prefix, table->routes, n_rows, table);
}

Api *
api_new(const ApiOptions *options, Store *store, Engine *engine, GError **error)
{
    g_autoptr(Api) api = g_new0(Api, 1);
    api->options = complete_options(options);
    api->store = store;
    api->engine = engine;
    api->router = http_router_new();
    api->tables = g_ptr_array_new_with_free_func(table_free);
    if (!image_prepare(api, error)) {
        return NULL;
    }
    root_add_routes(api);
    identity_add_routes(api);
    compute_add_routes(api);
    image_add_routes(api);
    network_add_routes(api);
    placement_add_routes(api);
    block_storage_add_routes(api);
    drover_add_routes(api);
    api->events = events_new(store, api->options.clock);
    return g_steal_pointer(&api);
}

void
api_free(Api *api)
{
    if (api == NULL) {
        return;
    }
    events_free(api->events);
    http_router_free(api->router);
    g_ptr_array_unref(api->tables);
    g_free((char *)api->options.public_url);
    g_free((char *)api->options.region);
    g_free((char *)api->options.image_directory);
    g_free((char *)api->options.volume_pool);
    g_free((char *)api->options.config_drive_format);
    g_free((char *)api->options.config_drive_label);
    g_free(api);
}

HttpRouter *
api_router(Api *api)
{
    return api->router;
}

static HttpResponse *
on_refuse(HttpRequest *request, int status, const char *message, void *data)
{
    const Service *service = service_find_by_path(http_request_path(request));
    return fault_new(service, http_request_id(request), status, message);
}

static void
on_finish(HttpRequest *request, HttpResponse *response, void *data)
{
    const ApiContext *context = dispatch_find_context(request);
    const Service *service = service_find_by_path(http_request_path(request));
    if (service->request_id_header != NULL) {
        http_response_set_header(response, service->request_id_header, http_request_id(request));
    }
    if (context != NULL && context->has_version) {
        microversion_set_headers(context->service, context->minor, response);
    }
}

/* The line of the access log: one for each request, scrapes excepted. */
static void
on_after(const HttpRequest *request, const HttpAccess *access, void *data)
{
    const ApiContext *context = dispatch_find_context(request);
    const Identity *identity = context == NULL ? NULL : context->identity;
    const char *path = http_request_path(request);
    g_autofree char *status = g_strdup_printf("%d", access->status);
    g_autofree char *duration = g_strdup_printf("%.6f", access->duration_s);
    LogField fields[] = {
        {"method", http_request_method(request)},
        {"path", path},
        {"status", status},
        {"seconds", duration},
        {"user_id", identity == NULL ? NULL : identity->user_id},
        {"project_id", identity == NULL ? NULL : identity->project_id},
        {"peer", http_request_peer(request)},
        {"request_id", http_request_id(request)},
        {0},
    };
    LogLevel level = strcmp(path, "/metrics") == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    log_record(level, fields, "%s", access->is_complete ? "request" : "request cut off");
}

HttpHooks
api_hooks(Api *api)
{
    return (HttpHooks){.refuse = on_refuse, .finish = on_finish, .after = on_after, .data = api};
}
