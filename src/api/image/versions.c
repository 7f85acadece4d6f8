/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"
#include <string.h>

static json_t *
view_versions(const ApiContext *context)
{
    static const char *const ids[] = {
        "v2.15", "v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"};
    json_t *versions = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        json_array_append_new(versions,
            json_pack("{s:s, s:s, s:[o]}", "id", ids[i], "status", i == 0 ? "CURRENT" : "SUPPORTED",
                "links", api_link("self", api_url(context, "/image/v2/"))));
    }
    return json_pack("{s:o}", "versions", versions);
}

HttpResponse *
image_list_versions(ApiContext *context, GError **error)
{
    return api_json(300, view_versions(context));
}

HttpResponse *
image_list_versions_ok(ApiContext *context, GError **error)
{
    return api_json(200, view_versions(context));
}

/* Clients only need to know that there are further, free-form properties. */
static json_t *
image_schema(void)
{
    static const char *const names[] = {"id", "name", "status", "visibility", "protected",
        "os_hidden", "checksum", "os_hash_algo", "os_hash_value", "owner", "size", "virtual_size",
        "container_format", "disk_format", "created_at", "updated_at", "tags", "self", "file",
        "schema", "min_ram", "min_disk"};
    json_t *properties = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        json_object_set_new(properties, names[i], json_object());
    }
    return json_pack("{s:s, s:o, s:{s:s}}", "name", "image", "properties", properties,
        "additionalProperties", "type", "string");
}

HttpResponse *
image_show_schema(ApiContext *context, GError **error)
{
    const char *name = api_param(context, "name");
    if (strcmp(name, "image") == 0) {
        return api_json(200, image_schema());
    }
    if (strcmp(name, "images") == 0) {
        return api_json(200,
            json_pack("{s:s, s:{s:{s:s, s:o}}}", "name", "images", "properties", "images", "type",
                "array", "items", image_schema()));
    }
    error_set(error, ERROR_NOT_FOUND, "there is no schema '%s'", name);
    return NULL;
}
