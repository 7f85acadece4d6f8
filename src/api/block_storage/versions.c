/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/block_storage/block_storage.h"
#include <string.h>

static HttpResponse *
reply_versions(const ApiContext *context, int status)
{
    return api_json(status,
        json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:[o], s:[{s:s, s:s}]}]}", "versions", "id",
            "v3.0", "status", "CURRENT", "version", "3.0", "min_version", "3.0", "updated",
            "2016-02-08T12:20:21Z", "links", api_link("self", api_url(context, "/volume/v3/")),
            "media-types", "base", "application/json", "type",
            "application/vnd.openstack.volume+json;version=3"));
}

HttpResponse *
block_storage_list_versions(ApiContext *context, GError **error)
{
    return reply_versions(context, 300);
}

HttpResponse *
block_storage_show_versions(ApiContext *context, GError **error)
{
    return reply_versions(context, 200);
}

/* ---- types ---- */

static const char *const types[] = {"qcow2", "raw"};

static json_t *
view_type(const char *name)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:{}, s:n}", "id", name, "name", name,
        "description", "a file of this format in the pool that all hosts share", "is_public", 1,
        "os-volume-type-access:is_public", 1, "extra_specs", "qos_specs_id");
}

HttpResponse *
block_storage_list_types(ApiContext *context, GError **error)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        json_array_append_new(rows, view_type(types[i]));
    }
    return api_json(200, json_pack("{s:o}", "volume_types", rows));
}

HttpResponse *
block_storage_show_type(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    bool is_default = strcmp(id, "default") == 0;
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (is_default || strcmp(id, types[i]) == 0) {
            return api_json(200, json_pack("{s:o}", "volume_type", view_type(types[i])));
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Volume type %s could not be found.", id);
    return NULL;
}

/* ---- the rest ---- */

HttpResponse *
block_storage_show_limits(ApiContext *context, GError **error)
{
    VolumeFilter filter = {.project_id = context->identity->project_id};
    g_autoptr(GPtrArray) volumes = store_list_volumes(context->store, &filter, error);
    if (volumes == NULL) {
        return NULL;
    }
    int64_t size_gib = 0;
    for (unsigned i = 0; i < volumes->len; i++) {
        size_gib += ((const Volume *)volumes->pdata[i])->size_gib;
    }
    return api_json(200,
        json_pack("{s:{s:[], s:{s:i, s:i, s:i, s:I}}}", "limits", "rate", "absolute",
            "maxTotalVolumes", -1, "maxTotalVolumeGigabytes", -1, "totalVolumesUsed",
            (int)volumes->len, "totalGigabytesUsed", (json_int_t)size_gib));
}

HttpResponse *
block_storage_list_zones(ApiContext *context, GError **error)
{
    return api_json(200,
        json_pack("{s:[{s:s, s:{s:b}}]}", "availabilityZoneInfo", "zoneName", "nova", "zoneState",
            "available", 1));
}

HttpResponse *
block_storage_list_snapshots(ApiContext *context, GError **error)
{
    return api_json(200, json_pack("{s:[]}", "snapshots"));
}

HttpResponse *
block_storage_list_services(ApiContext *context, GError **error)
{
    return api_json(200, json_pack("{s:[]}", "services"));
}
