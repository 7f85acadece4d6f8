/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"
#include "base/secret.h"
#include <string.h>

static const char *const interfaces[] = {"public", "internal", "admin"};

/* The same words give the same id on every daemon and after every restart. */
static char *
stable_id(const char *kind, const char *type, const char *interface)
{
    g_autofree char *text = g_strdup_printf("%s/%s/%s", kind, type, interface);
    char *id = secret_sha256_hex(text, strlen(text));
    id[32] = '\0';
    return id;
}

static json_t *
view_endpoint(const ApiContext *context, const Service *service, const char *interface)
{
    g_autofree char *id = stable_id("endpoint", service->type, interface);
    g_autofree char *url = api_url(context, "%s", service->endpoint);
    const char *region = context->options->region;
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "interface", interface, "region",
        region, "region_id", region, "url", url);
}

json_t *
identity_catalog(const ApiContext *context)
{
    json_t *catalog = json_array();
    for (int i = 0; i < N_SERVICES; i++) {
        const Service *service = service_get(i);
        if (!service->in_catalog) {
            continue;
        }
        json_t *endpoints = json_array();
        for (size_t j = 0; j < G_N_ELEMENTS(interfaces); j++) {
            json_array_append_new(endpoints, view_endpoint(context, service, interfaces[j]));
        }
        g_autofree char *id = stable_id("service", service->type, "");
        json_array_append_new(catalog,
            json_pack("{s:s, s:s, s:s, s:o}", "id", id, "type", service->type, "name",
                service->name, "endpoints", endpoints));
    }
    return catalog;
}

static json_t *
all_services(const ApiContext *context)
{
    json_t *rows = json_array();
    for (int i = 0; i < N_SERVICES; i++) {
        const Service *service = service_get(i);
        if (service->in_catalog) {
            g_autofree char *id = stable_id("service", service->type, "");
            g_autofree char *self = api_url(context, "/identity/v3/services/%s", id);
            json_array_append_new(rows,
                json_pack("{s:s, s:s, s:s, s:b, s:s, s:{s:s}}", "id", id, "type", service->type,
                    "name", service->name, "enabled", true, "description", "", "links", "self",
                    self));
        }
    }
    return rows;
}

static json_t *
all_endpoints(const ApiContext *context)
{
    json_t *rows = json_array();
    for (int i = 0; i < N_SERVICES; i++) {
        const Service *service = service_get(i);
        g_autofree char *service_id = stable_id("service", service->type, "");
        for (size_t j = 0; service->in_catalog && j < G_N_ELEMENTS(interfaces); j++) {
            json_t *row = view_endpoint(context, service, interfaces[j]);
            g_autofree char *self = api_url(context, "/identity/v3/endpoints/%s",
                json_string_value(json_object_get(row, "id")));
            json_object_set_new(row, "service_id", json_string(service_id));
            json_object_set_new(row, "enabled", json_true());
            json_object_set_new(row, "links", json_pack("{s:s}", "self", self));
            json_array_append_new(rows, row);
        }
    }
    return rows;
}

/* Keeps the rows whose members have the values that the query names. */
static json_t *
filter_rows(const ApiContext *context, json_t *take_rows, const char *const *keys)
{
    size_t i;
    json_t *row;
    json_auto_t *rows = take_rows;
    json_t *kept = json_array();
    json_array_foreach(rows, i, row)
    {
        bool matches = true;
        for (const char *const *key = keys; *key != NULL; key++) {
            const char *wanted = api_query(context, *key);
            matches =
                matches && (wanted == NULL || strcmp(wanted, body_string(row, *key, "")) == 0);
        }
        if (matches) {
            json_array_append(kept, row);
        }
    }
    return kept;
}

static HttpResponse *
reply_one(ApiContext *context, json_t *take_rows, const char *kind, GError **error)
{
    size_t i;
    json_t *row;
    json_auto_t *rows = take_rows;
    const char *id = api_param(context, "id");
    json_array_foreach(rows, i, row)
    {
        if (strcmp(body_string(row, "id", ""), id) == 0) {
            return identity_reply(200, kind, json_incref(row));
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Could not find %s: %s.", kind, id);
    return NULL;
}

HttpResponse *
identity_list_services(ApiContext *context, GError **error)
{
    static const char *const keys[] = {"type", "name", NULL};
    return identity_reply_list(
        context, "services", filter_rows(context, all_services(context), keys));
}

HttpResponse *
identity_show_service(ApiContext *context, GError **error)
{
    return reply_one(context, all_services(context), "service", error);
}

HttpResponse *
identity_list_endpoints(ApiContext *context, GError **error)
{
    static const char *const keys[] = {"interface", "service_id", "region_id", NULL};
    return identity_reply_list(
        context, "endpoints", filter_rows(context, all_endpoints(context), keys));
}

HttpResponse *
identity_show_endpoint(ApiContext *context, GError **error)
{
    return reply_one(context, all_endpoints(context), "endpoint", error);
}

static json_t *
all_regions(const ApiContext *context)
{
    const char *region = context->options->region;
    g_autofree char *self = api_url(context, "/identity/v3/regions/%s", region);
    return json_pack("[{s:s, s:s, s:n, s:{s:s}}]", "id", region, "description", "",
        "parent_region_id", "links", "self", self);
}

HttpResponse *
identity_list_regions(ApiContext *context, GError **error)
{
    return identity_reply_list(context, "regions", all_regions(context));
}

HttpResponse *
identity_show_region(ApiContext *context, GError **error)
{
    return reply_one(context, all_regions(context), "region", error);
}
