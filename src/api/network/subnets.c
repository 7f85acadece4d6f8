/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"
#include <string.h>

static const Field pool_fields[] = {
    {"start", FIELD_STRING, FIELD_REQUIRED},
    {"end", FIELD_STRING, FIELD_REQUIRED},
    {0},
};
static const Field pool = {"pool", FIELD_OBJECT, .fields = pool_fields};

static const Field create_fields[] = {
    {"network_id", FIELD_STRING, FIELD_REQUIRED},
    {"cidr", FIELD_STRING, FIELD_REQUIRED},
    {"ip_version", FIELD_INTEGER, 0, 4, 4},
    {"name", FIELD_STRING, 0, 0, 255},
    {"gateway_ip", FIELD_STRING, FIELD_NULLABLE},
    {"allocation_pools", FIELD_ARRAY, 0, 0, 1, .item = &pool},
    {"enable_dhcp", FIELD_BOOLEAN},
    {"project_id", FIELD_STRING},
    {"tenant_id", FIELD_STRING},
    {0},
};
static const Field create_body[] = {
    {"subnet", FIELD_OBJECT, FIELD_REQUIRED, .fields = create_fields},
    {0},
};

static const Field update_fields[] = {
    {"name", FIELD_STRING, 0, 0, 255},
    {"gateway_ip", FIELD_STRING, FIELD_NULLABLE},
    {"allocation_pools", FIELD_ARRAY, 0, 0, 1, .item = &pool},
    {0},
};
static const Field update_body[] = {
    {"subnet", FIELD_OBJECT, FIELD_REQUIRED, .fields = update_fields},
    {0},
};

/* Instances learn their addresses from the config drive: there is no DHCP. */
static json_t *
view_subnet(const Network *network)
{
    json_t *view = json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:[{s:s, s:s}], s:b}", "id",
        network->subnet_id, "name", network->subnet_name == NULL ? "" : network->subnet_name,
        "network_id", network->id, "ip_version", 4, "cidr", network->cidr, "gateway_ip",
        api_string_or_null(network->gateway), "allocation_pools", "start", network->pool_start,
        "end", network->pool_end, "enable_dhcp", false);
    json_auto_t *rest =
        json_pack("{s:s, s:s, s:s, s:[], s:[], s:[], s:[], s:n, s:n, s:n, s:n, s:o, "
                  "s:o, s:i}",
            "project_id", "", "tenant_id", "", "description", "", "dns_nameservers", "host_routes",
            "service_types", "tags", "ipv6_address_mode", "ipv6_ra_mode", "segment_id",
            "subnetpool_id", "created_at", api_time_z(network->created_us), "updated_at",
            api_time_z(network->created_us), "revision_number", 1);
    json_object_update(view, rest);
    return view;
}

HttpResponse *
network_list_subnets(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) networks = store_list_networks(context->store, error);
    if (networks == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < networks->len; i++) {
        const Network *network = networks->pdata[i];
        if (network->cidr[0] != '\0') {
            json_array_append_new(views, view_subnet(network));
        }
    }
    return network_reply_list(context, "subnets", views, error);
}

/* The network whose subnet the path names. */
static Network *
get_by_subnet(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    g_autoptr(GPtrArray) networks = store_list_networks(context->store, error);
    if (networks == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < networks->len; i++) {
        const Network *network = networks->pdata[i];
        if (network->cidr[0] != '\0' && strcmp(network->subnet_id, id) == 0) {
            return store_get_network(context->store, network->id, error);
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Subnet %s could not be found.", id);
    return NULL;
}

HttpResponse *
network_show_subnet(ApiContext *context, GError **error)
{
    g_autoptr(Network) network = get_by_subnet(context, error);
    return network == NULL ? NULL : network_reply(200, "subnet", view_subnet(network));
}

static void
replace(char **member, const char *value)
{
    g_free(*member);
    *member = g_strdup(value);
}

/* Name, gateway and pool, those that the body names. */
static void
apply_body(const json_t *body, Network *network)
{
    const json_t *range = json_array_get(json_object_get(body, "allocation_pools"), 0);
    if (body_has(body, "name")) {
        replace(&network->subnet_name, body_string(body, "name", ""));
    }
    if (body_has(body, "gateway_ip")) {
        replace(&network->gateway, body_string(body, "gateway_ip", NULL));
    }
    if (range != NULL) {
        replace(&network->pool_start, body_string(range, "start", ""));
        replace(&network->pool_end, body_string(range, "end", ""));
    }
}

static bool
share_addresses(const Network *one, const Network *other)
{
    uint32_t start[2] = {0};
    uint32_t end[2] = {0};

    return strcmp(one->bridge, other->bridge) == 0 && other->cidr[0] != '\0' &&
        network_parse_address(one->pool_start, &start[0]) &&
        network_parse_address(one->pool_end, &end[0]) &&
        network_parse_address(other->pool_start, &start[1]) &&
        network_parse_address(other->pool_end, &end[1]) && start[0] <= end[1] &&
        start[1] <= end[0];
}

/* Two networks on one bridge hand out their addresses without knowing of each other. */
static bool
check_addresses(ApiContext *context, const Network *network, GError **error)
{
    g_autoptr(GPtrArray) networks = store_list_networks(context->store, error);
    if (networks == NULL) {
        return false;
    }
    for (unsigned i = 0; i < networks->len; i++) {
        const Network *other = networks->pdata[i];
        if (strcmp(other->id, network->id) != 0 && share_addresses(network, other)) {
            return error_set(error, ERROR_CONFLICT,
                "network '%s' hands out addresses from %s to %s on bridge '%s' already",
                other->name, other->pool_start, other->pool_end, other->bridge);
        }
    }
    return true;
}

static HttpResponse *
save(ApiContext *context, const Network *network, int status, GError **error)
{
    if (!check_addresses(context, network, error)) {
        return NULL;
    }
    return store_update_network(context->store, network, error)
        ? network_reply(status, "subnet", view_subnet(network))
        : NULL;
}

HttpResponse *
network_create_subnet(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, create_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "subnet");
    if (body_bool(body, "enable_dhcp", false)) {
        /* The client's own default is to say nothing; "true" in as many words is a wish. */
        error_set(error, ERROR_INVALID,
            "there is no DHCP: instances learn their addresses from their config drive "
            "(--no-dhcp)");
        return NULL;
    }
    g_autoptr(Network) network =
        store_get_network(context->store, body_string(body, "network_id", ""), error);
    if (network == NULL) {
        return NULL;
    }
    if (network->cidr[0] != '\0') {
        error_set(error, ERROR_CONFLICT, "network '%s' has its subnet already: %s", network->name,
            network->cidr);
        return NULL;
    }
    replace(&network->cidr, body_string(body, "cidr", ""));
    apply_body(body, network);
    return network_settle_range(network, body_has(body, "gateway_ip"), error)
        ? save(context, network, 201, error)
        : NULL;
}

HttpResponse *
network_update_subnet(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, update_body, 0, 0, error)) {
        return NULL;
    }
    g_autoptr(Network) network = get_by_subnet(context, error);
    if (network == NULL) {
        return NULL;
    }
    apply_body(json_object_get(context->body, "subnet"), network);
    return network_settle_range(network, true, error) ? save(context, network, 200, error) : NULL;
}

/* A subnet that comes later is another one: it gets another id. */
HttpResponse *
network_delete_subnet(ApiContext *context, GError **error)
{
    g_autoptr(Network) network = get_by_subnet(context, error);
    if (network == NULL) {
        return NULL;
    }
    g_free(network->subnet_id);
    network->subnet_id = clock_new_uuid(context->options->clock);
    replace(&network->subnet_name, NULL);
    replace(&network->cidr, "");
    replace(&network->gateway, NULL);
    replace(&network->pool_start, NULL);
    replace(&network->pool_end, NULL);
    return store_update_network(context->store, network, error) ? api_empty(204) : NULL;
}
