/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Small resources that clients look at on their way: limits, zones, addresses. */
#include "api/compute/compute.h"

#include <string.h>

/* There are no quotas: -1 is Nova's word for it. */
HttpResponse *
compute_show_limits(ApiContext *context, GError **error)
{
    InstanceFilter filter = {
        .project_id = context->identity->project_id, .power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) instances = store_list_instances(context->store, &filter, error);
    if (instances == NULL) {
        return NULL;
    }
    int vcpus = 0, ram_mib = 0;
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        vcpus += instance->flavor.vcpus;
        ram_mib += instance->flavor.ram_mib;
    }
    return api_json(200,
        json_pack("{s:{s:[], s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i}}}", "limits", "rate", "absolute",
            "maxTotalInstances", -1, "maxTotalCores", -1, "maxTotalRAMSize", -1, "maxServerMeta",
            128, "totalInstancesUsed", (int)instances->len, "totalCoresUsed", vcpus, "totalRAMUsed",
            ram_mib));
}

/* ---- availability zones: those of the hosts; available when one of these is enabled ---- */

static void
add_zone_host(ApiContext *context, json_t *zone, const Host *host)
{
    bool is_up = host_is_up(host, api_now_us(context), context->options->service_down_time_us);
    json_object_set_new(json_object_get(zone, "hosts"), host->name,
        json_pack("{s:{s:b, s:b, s:o}}", "nova-compute", "available", is_up, "active",
            host->enabled, "updated_at", api_time_us(host->last_seen_us)));
}

/* The zone of what droverd itself is: services of its own machine, up while it answers. */
static json_t *
view_internal_zone(const ApiContext *context)
{
    json_t *services = json_object();
    for (int i = 0; i < N_CONTROL_SERVICES; i++) {
        json_object_set_new(services, compute_control_binaries[i],
            json_pack("{s:b, s:b, s:o}", "available", 1, "active", 1, "updated_at",
                api_time_us(api_now_us(context))));
    }
    return json_pack("{s:s, s:{s:b}, s:{s:o}}", "zoneName", "internal", "zoneState", "available", 1,
        "hosts", g_get_host_name(), services);
}

static HttpResponse *
list_zones(ApiContext *context, bool detailed, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    if (detailed) {
        json_array_append_new(rows, view_internal_zone(context));
    }
    g_autoptr(GHashTable) zones = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        json_t *zone = g_hash_table_lookup(zones, host->zone);
        if (zone == NULL) {
            zone = json_pack("{s:s, s:{s:b}, s:o}", "zoneName", host->zone, "zoneState",
                "available", 0, "hosts", detailed ? json_object() : json_null());
            g_hash_table_insert(zones, host->zone, zone);
            json_array_append_new(rows, zone);
        }
        if (host->enabled) {
            json_object_set_new(json_object_get(zone, "zoneState"), "available", json_true());
        }
        if (detailed) {
            add_zone_host(context, zone, host);
        }
    }
    return api_json(200, json_pack("{s:o}", "availabilityZoneInfo", rows));
}

HttpResponse *
compute_list_zones(ApiContext *context, GError **error)
{
    return list_zones(context, false, error);
}

HttpResponse *
compute_list_zones_detail(ApiContext *context, GError **error)
{
    return list_zones(context, true, error);
}

HttpResponse *
compute_list_addresses(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL) {
        return NULL;
    }
    json_t *addresses = json_object();
    for (unsigned i = 0; i < instance->ports->len; i++) {
        const Port *port = instance->ports->pdata[i];
        if (json_object_get(addresses, port->network_name) == NULL) {
            json_object_set_new(addresses, port->network_name, json_array());
        }
        json_array_append_new(json_object_get(addresses, port->network_name),
            json_pack("{s:i, s:s}", "version", 4, "addr", port->address));
    }
    return api_json(200, json_pack("{s:o}", "addresses", addresses));
}
