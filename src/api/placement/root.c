/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/placement/placement.h"
#include <string.h>

HttpResponse *
placement_show_versions(ApiContext *context, GError **error)
{
    g_autofree char *max = g_strdup_printf("1.%d", context->service->max_minor);
    return api_json(200,
        json_pack("{s:[{s:s, s:s, s:s, s:s, s:[{s:s, s:s}]}]}", "versions", "id", "v1.0", "status",
            "CURRENT", "min_version", "1.0", "max_version", max, "links", "rel", "self", "href",
            ""));
}

static json_t *
view_class(const char *name)
{
    g_autofree char *self = g_strdup_printf("/placement/resource_classes/%s", name);
    return json_pack("{s:s, s:[{s:s, s:s}]}", "name", name, "links", "rel", "self", "href", self);
}

HttpResponse *
placement_list_resource_classes(ApiContext *context, GError **error)
{
    json_t *views = json_array();
    for (int i = 0; i < N_CLASSES; i++) {
        json_array_append_new(views, view_class(placement_classes[i]));
    }
    return api_json(200, json_pack("{s:o}", "resource_classes", views));
}

HttpResponse *
placement_show_resource_class(ApiContext *context, GError **error)
{
    const char *name = api_param(context, "name");
    for (int i = 0; i < N_CLASSES; i++) {
        if (strcmp(placement_classes[i], name) == 0) {
            return api_json(200, view_class(name));
        }
    }
    error_set(error, ERROR_NOT_FOUND, "No such resource class: %s", name);
    return NULL;
}

HttpResponse *
placement_list_traits(ApiContext *context, GError **error)
{
    return api_json(200, json_pack("{s:[]}", "traits"));
}
