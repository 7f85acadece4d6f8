/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What the Compute API says of itself. Source: Compute API reference, "API versions". */
#include "api/compute/compute.h"

static json_t *
view_version(const ApiContext *context)
{
    g_autofree char *maximum = g_strdup_printf("2.%d", context->service->max_minor);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[o]}", "id", "v2.1", "status", "CURRENT",
        "version", maximum, "min_version", "2.1", "updated", "2013-07-23T11:33:21Z", "links",
        api_link("self", api_url(context, "/compute/v2.1/")));
}

HttpResponse *
compute_list_versions(ApiContext *context, GError **error)
{
    return api_json(200, json_pack("{s:[o]}", "versions", view_version(context)));
}

HttpResponse *
compute_show_version(ApiContext *context, GError **error)
{
    json_t *version = view_version(context);
    json_object_set_new(version, "media-types",
        json_pack("[{s:s, s:s}]", "base", "application/json", "type",
            "application/vnd.openstack.compute+json;version=2.1"));
    return api_json(200, json_pack("{s:o}", "version", version));
}
