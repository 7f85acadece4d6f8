/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"

static json_t *
view_version(const ApiContext *context)
{
    return json_pack("{s:s, s:s, s:s, s:[o], s:[{s:s, s:s}]}", "id", "v3.14", "status", "stable",
        "updated", "2020-04-07T00:00:00Z", "links",
        api_link("self", api_url(context, "/identity/v3/")), "media-types", "base",
        "application/json", "type", "application/vnd.openstack.identity-v3+json");
}

HttpResponse *
identity_list_versions(ApiContext *context, GError **error)
{
    return api_json(300, json_pack("{s:{s:[o]}}", "versions", "values", view_version(context)));
}

HttpResponse *
identity_show_version(ApiContext *context, GError **error)
{
    return api_json(200, json_pack("{s:o}", "version", view_version(context)));
}
