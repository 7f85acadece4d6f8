/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/placement/placement.h"
#include "model/topology.h"

#include <string.h>

const char *const placement_classes[N_CLASSES] = {
    [CLASS_VCPU] = "VCPU",
    [CLASS_PCPU] = "PCPU",
    [CLASS_MEMORY_MB] = "MEMORY_MB",
    [CLASS_DISK_GB] = "DISK_GB",
};

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
add_inventory(json_t *inventories, int class, int64_t total, int64_t reserved, double ratio)
{
    if (total <= 0) {
        return;
    }
    json_object_set_new(inventories, placement_classes[class],
        json_pack("{s:I, s:I, s:i, s:I, s:i, s:f}", "total", (json_int_t)total, "reserved",
            (json_int_t)MIN(reserved, total), "min_unit", 1, "max_unit", (json_int_t)total,
            "step_size", 1, "allocation_ratio", ratio));
}

/* A host that was never reached has nothing that is known. Processors that stay idle beside those
 * of a pinned instance are reserved: nobody else gets them, and the instance does not run there. */
json_t *
placement_view_inventories(const ApiContext *context, const Host *host, const HostUsage *usage)
{
    const PlacementPolicy *policy = &context->options->placement;
    const HostFacts *facts = &host->facts;
    PlacementRatios ratios = placement_ratios(policy, host);
    json_t *inventories = json_object();
    if (host->has_facts) {
        add_inventory(inventories, CLASS_VCPU, host_floating_cpus(facts),
            placement_reserved_cpus(policy, host), ratios.cpu);
        add_inventory(
            inventories, CLASS_PCPU, host_dedicated_cpus(facts), usage->idle_cpus, 1.0);
        add_inventory(inventories, CLASS_MEMORY_MB, facts->memory_mib,
            placement_reserved_memory_mib(policy, host), ratios.ram);
        add_inventory(
            inventories, CLASS_DISK_GB, facts->pool_capacity_bytes >> 30, 0, ratios.disk);
    }
    return inventories;
}

void
placement_add_claim(const ClaimRow *claim, Amounts *sum)
{
    bool is_pinned = guest_topology_is_pinned(claim->topology);
    sum->of[is_pinned ? CLASS_PCPU : CLASS_VCPU] += claim->vcpus;
    sum->of[CLASS_MEMORY_MB] += claim->ram_mib;
    sum->of[CLASS_DISK_GB] += claim->disk_gib;
}

Amounts
placement_used(const HostUsage *usage)
{
    return (Amounts){{
        [CLASS_VCPU] = usage->vcpus - usage->dedicated_vcpus,
        [CLASS_PCPU] = usage->dedicated_vcpus,
        [CLASS_MEMORY_MB] = usage->ram_mib,
        [CLASS_DISK_GB] = usage->disk_gib,
    }};
}

json_t *
placement_view_amounts(const Amounts *amounts, const json_t *inventories)
{
    json_t *view = json_object();
    for (int i = 0; i < N_CLASSES; i++) {
        const char *name = placement_classes[i];
        if (amounts->of[i] > 0 || json_object_get(inventories, name) != NULL) {
            json_object_set_new(view, name, json_integer(amounts->of[i]));
        }
    }
    return view;
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
