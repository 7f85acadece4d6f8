/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"
#include <string.h>

enum { DEFAULT_MTU = 1500 };

static const char *const network_types[] = {"flat", NULL};

/* What drover cannot do (VLANs, external networks, ...) is not taken silently. A bridge's name is
 * that of a Linux network device. */
static const Field create_fields[] = {
    {"name", FIELD_STRING, 0, 1, 255},
    {"provider:physical_network", FIELD_STRING, 0, 1, 15, "^[A-Za-z0-9][A-Za-z0-9._-]*$"},
    {"provider:network_type", FIELD_STRING, .values = network_types},
    {"mtu", FIELD_INTEGER, 0, 576, 65521},
    {"admin_state_up", FIELD_BOOLEAN},
    {"shared", FIELD_BOOLEAN},
    {"router:external", FIELD_BOOLEAN},
    {"port_security_enabled", FIELD_BOOLEAN},
    {"is_default", FIELD_BOOLEAN},
    {"project_id", FIELD_STRING},
    {"tenant_id", FIELD_STRING},
    {0},
};
static const Field create_body[] = {
    {"network", FIELD_OBJECT, FIELD_REQUIRED, .fields = create_fields},
    {0},
};

static const Field update_fields[] = {
    {"name", FIELD_STRING, 0, 1, 255},
    {"mtu", FIELD_INTEGER, 0, 576, 65521},
    {"admin_state_up", FIELD_BOOLEAN},
    {"shared", FIELD_BOOLEAN},
    {0},
};
static const Field update_body[] = {
    {"network", FIELD_OBJECT, FIELD_REQUIRED, .fields = update_fields},
    {0},
};

static json_t *
view_network(const Network *network)
{
    json_t *subnets = json_array();
    if (network->cidr[0] != '\0') {
        json_array_append_new(subnets, json_string(network->subnet_id));
    }
    json_t *view = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:I, s:s, s:s, s:n}", "id",
        network->id, "name", network->name, "status", "ACTIVE", "admin_state_up", true, "shared",
        true, "router:external", false, "subnets", subnets, "mtu", (json_int_t)network->mtu,
        "provider:network_type", "flat", "provider:physical_network", network->bridge,
        "provider:segmentation_id");
    json_auto_t *rest = json_pack("{s:s, s:s, s:s, s:[s], s:[], s:[], s:b, s:o, s:o, s:i}",
        "project_id", "", "tenant_id", "", "description", "", "availability_zones", "nova",
        "availability_zone_hints", "tags", "port_security_enabled", false, "created_at",
        api_time_z(network->created_us), "updated_at", api_time_z(network->created_us),
        "revision_number", 1);
    json_object_update(view, rest);
    return view;
}

HttpResponse *
network_list(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) networks = store_list_networks(context->store, error);
    if (networks == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < networks->len; i++) {
        json_array_append_new(views, view_network(networks->pdata[i]));
    }
    return network_reply_list(context, "networks", views, error);
}

static Network *
get_network(ApiContext *context, GError **error)
{
    g_autoptr(GError) reason = NULL;
    const char *id = api_param(context, "id");
    Network *network = store_get_network(context->store, id, &reason);
    if (error_pass_others(&reason, ERROR_NOT_FOUND, error) && network == NULL) {
        error_set(error, ERROR_NOT_FOUND, "Network %s could not be found.", id);
    }
    return network;
}

HttpResponse *
network_show(ApiContext *context, GError **error)
{
    g_autoptr(Network) network = get_network(context, error);
    return network == NULL ? NULL : network_reply(200, "network", view_network(network));
}

/* Every network is there for everybody, flat, and inside. */
static bool
check_kind(const json_t *body, GError **error)
{
    if (!body_bool(body, "admin_state_up", true)) {
        return error_set(error, ERROR_INVALID, "networks that are down are not served");
    }
    if (body_bool(body, "router:external", false) || body_bool(body, "is_default", false)) {
        return error_set(error, ERROR_INVALID, "external networks are not served");
    }
    return true;
}

static bool
explain_conflict(GError **error, GError *take_reason, const char *name)
{
    g_autoptr(GError) reason = take_reason;
    if (error_is(reason, ERROR_CONFLICT)) {
        return error_set(error, ERROR_CONFLICT, "a network named '%s' exists already", name);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

HttpResponse *
network_create(ApiContext *context, GError **error)
{
    GError *reason = NULL;
    if (!validate_body(context->body, create_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "network");
    const char *bridge = body_string(body, "provider:physical_network", NULL);
    if (!check_kind(body, error)) {
        return NULL;
    }
    if (bridge == NULL || !body_has(body, "name")) {
        error_set(error, ERROR_INVALID,
            "a network needs a 'name', and in 'provider:physical_network' the name of the bridge "
            "that every host has for it (--provider-physical-network)");
        return NULL;
    }
    g_autoptr(Network) network = network_new();
    network->id = clock_new_uuid(context->options->clock);
    network->subnet_id = clock_new_uuid(context->options->clock);
    network->name = g_strdup(body_string(body, "name", ""));
    network->bridge = g_strdup(bridge);
    network->cidr = g_strdup("");
    network->mtu = body_int(body, "mtu", DEFAULT_MTU);
    network->created_us = api_now_us(context);
    if (!store_insert_network(context->store, network, &reason)) {
        explain_conflict(error, reason, network->name);
        return NULL;
    }
    return network_reply(201, "network", view_network(network));
}

HttpResponse *
network_update(ApiContext *context, GError **error)
{
    GError *reason = NULL;
    if (!validate_body(context->body, update_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "network");
    g_autoptr(Network) network = get_network(context, error);
    if (network == NULL || !check_kind(body, error)) {
        return NULL;
    }
    if (body_has(body, "name")) {
        g_free(network->name);
        network->name = g_strdup(body_string(body, "name", ""));
    }
    network->mtu = body_int(body, "mtu", network->mtu);
    if (!store_update_network(context->store, network, &reason)) {
        explain_conflict(error, reason, network->name);
        return NULL;
    }
    return network_reply(200, "network", view_network(network));
}

HttpResponse *
network_delete(ApiContext *context, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Network) network = get_network(context, error);
    if (network == NULL) {
        return NULL;
    }
    if (store_delete_network(context->store, network->id, &reason)) {
        return api_empty(204);
    }
    if (error_is(reason, ERROR_CONFLICT)) {
        error_set(error, ERROR_CONFLICT,
            "Unable to complete operation on network %s. There are one or more ports still in use "
            "on the network.",
            network->id);
    } else {
        g_propagate_error(error, g_steal_pointer(&reason));
    }
    return NULL;
}
