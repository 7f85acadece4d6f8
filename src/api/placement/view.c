/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/placement/placement.h"
#include <string.h>

json_t *
placement_view_provider(const ApiContext *context, const Host *host)
{
    static const struct {
        const char *rel;
        int since;
    } parts[] = {
        {"inventories", 0}, {"usages", 0}, {"aggregates", 1}, {"traits", 6}, {"allocations", 11}};
    g_autofree char *self =
        g_strdup_printf("/placement/resource_providers/%s", host->hypervisor_id);
    json_t *links = json_pack("[{s:s, s:s}]", "rel", "self", "href", self);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (context->minor >= parts[i].since) {
            json_array_append_new(
                links, api_link(parts[i].rel, g_strdup_printf("%s/%s", self, parts[i].rel)));
        }
    }
    json_t *view = json_pack("{s:s, s:s, s:i, s:o}", "uuid", host->hypervisor_id, "name",
        host->name, "generation", PLACEMENT_GENERATION, "links", links);
    if (context->minor >= 14) {
        json_object_set_new(view, "parent_provider_uuid", json_null());
        json_object_set_new(view, "root_provider_uuid", json_string(host->hypervisor_id));
    }
    return view;
}

static void
add_inventory(json_t *inventories, const char *name, int64_t total, int64_t reserved, double ratio)
{
    if (total <= 0) {
        return;
    }
    json_object_set_new(inventories, name,
        json_pack("{s:I, s:I, s:i, s:I, s:i, s:f}", "total", (json_int_t)total, "reserved",
            (json_int_t)MIN(reserved, total), "min_unit", 1, "max_unit", (json_int_t)total,
            "step_size", 1, "allocation_ratio", ratio));
}

/* A host that was never reached has nothing that is known. */
json_t *
placement_view_inventories(const ApiContext *context, const Host *host)
{
    const PlacementPolicy *policy = &context->options->placement;
    PlacementRatios ratios = placement_ratios(policy, host);
    json_t *inventories = json_object();
    if (host->has_facts) {
        add_inventory(inventories, "VCPU", host->facts.vcpus, 0, ratios.cpu);
        add_inventory(inventories, "MEMORY_MB", host->facts.memory_mib,
            policy->reserved_host_memory_mib, ratios.ram);
        add_inventory(inventories, "DISK_GB", host->facts.pool_capacity_bytes >> 30, 0,
            ratios.disk);
    }
    return inventories;
}

json_t *
placement_view_resources(int64_t vcpus, int64_t ram_mib, int64_t disk_gib, bool with_zeros)
{
    const struct {
        const char *name;
        int64_t amount;
    } rows[] = {{"VCPU", vcpus}, {"MEMORY_MB", ram_mib}, {"DISK_GB", disk_gib}};
    json_t *resources = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].amount > 0 || with_zeros) {
            json_object_set_new(resources, rows[i].name, json_integer(rows[i].amount));
        }
    }
    return resources;
}

Host *
placement_get_host(ApiContext *context, GError **error)
{
    const char *uuid = api_param(context, "uuid");
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        if (strcmp(host->hypervisor_id, uuid) == 0) {
            return store_get_host(context->store, host->name, error);
        }
    }
    error_set(error, ERROR_NOT_FOUND, "No resource provider with uuid %s found", uuid);
    return NULL;
}
