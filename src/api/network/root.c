/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"
#include <string.h>

HttpResponse *
network_list_versions(ApiContext *context, GError **error)
{
    return api_json(200,
        json_pack("{s:[{s:s, s:s, s:[o]}]}", "versions", "id", "v2.0", "status", "CURRENT", "links",
            api_link("self", api_url(context, "/network/v2.0/"))));
}

HttpResponse *
network_list_resources(ApiContext *context, GError **error)
{
    static const char *const names[][2] = {
        {"network", "networks"}, {"subnet", "subnets"}, {"port", "ports"}};
    json_t *resources = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        json_array_append_new(resources,
            json_pack("{s:s, s:s, s:[o]}", "name", names[i][0], "collection", names[i][1], "links",
                api_link("self", api_url(context, "/network/v2.0/%s", names[i][1]))));
    }
    return api_json(200, json_pack("{s:o}", "resources", resources));
}

/* Those whose attributes the views have. */
static const char *const extensions[][2] = {
    {"provider", "Provider Network"},
    {"net-mtu", "Network MTU"},
    {"external-net", "Neutron external network"},
    {"availability_zone", "Availability Zone"},
    {"binding", "Port Binding"},
    {"quotas", "Quota management support"},
};

static json_t *
view_extension(size_t i)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:[]}", "alias", extensions[i][0], "name",
        extensions[i][1], "description", extensions[i][1], "updated", "2026-01-01T00:00:00-00:00",
        "links");
}

HttpResponse *
network_list_extensions(ApiContext *context, GError **error)
{
    json_t *views = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++) {
        json_array_append_new(views, view_extension(i));
    }
    return api_json(200, json_pack("{s:o}", "extensions", views));
}

HttpResponse *
network_show_extension(ApiContext *context, GError **error)
{
    const char *alias = api_param(context, "alias");
    for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++) {
        if (strcmp(extensions[i][0], alias) == 0) {
            return network_reply(200, "extension", view_extension(i));
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Extension with alias %s does not exist", alias);
    return NULL;
}

HttpResponse *
network_list_zones(ApiContext *context, GError **error)
{
    return api_json(200,
        json_pack("{s:[{s:s, s:s, s:s}]}", "availability_zones", "name", "nova", "resource",
            "network", "state", "available"));
}

/* There are no quotas on networks: -1 is "no limit". */
HttpResponse *
network_show_quota(ApiContext *context, GError **error)
{
    static const char *const names[] = {"network", "subnet", "port", "router", "floatingip",
        "security_group", "security_group_rule", "rbac_policy", "subnetpool"};
    json_t *quota = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        json_object_set_new(quota, names[i], json_integer(-1));
    }
    return network_reply(200, "quota", quota);
}

HttpResponse *
network_list_nothing(ApiContext *context, GError **error)
{
    g_autofree char *name = g_path_get_basename(http_request_path(context->request));
    g_strdelimit(name, "-", '_');
    return api_json(200, json_pack("{s:[]}", name));
}
