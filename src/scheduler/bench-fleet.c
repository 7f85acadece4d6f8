/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The fleets of the bench as a whole; their hosts and guests are beside. */
#include "scheduler/bench-fleet-parts.h"

#include "model/volume.h"

static const char ALIASES[] =
    "{\"name\": \"gpu\", \"vendor_id\": \"10de\", \"product_id\": \"1eb8\"}\n"
    "{\"name\": \"nic\", \"vendor_id\": \"8086\", \"product_id\": \"10ed\", "
    "\"device_type\": \"type-VF\"}";

static void
answer_free(void *answer)
{
    platform_answer_free(answer);
}

Fleet *
fleet_new(unsigned n_hosts, bool rich, GRand *random)
{
    Fleet *fleet = g_new0(Fleet, 1);
    fleet->random = random;
    fleet->hosts = host_index_new();
    fleet->policy = (PlacementPolicy){
        .cpu_allocation_ratio = 16,
        .ram_allocation_ratio = 1.5,
        .disk_allocation_ratio = 1,
        .reserved_host_memory_mib = 512,
        .max_instances_per_host = 200,
        .multipliers = {1, 1, 1, -0.5},
    };
    if (rich) {
        fleet->policy.max_io_ops_per_host = 8;
        fleet->policy.pci_aliases = ALIASES;
        fleet->policy.decisions_kept_us = INT64_C(3600) * G_USEC_PER_SEC;
        for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
            fleet->policy.multipliers[i] = 1;
        }
    }
    fleet->ports = fleet_make_ports();
    fleet->volumes = fleet_make_volumes();
    fleet->instance = instance_new();
    fleet->instance->image.root_hash = g_strdup("hash");
    fleet->canaries = canary_map_new();
    fleet->platforms = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, answer_free);
    fleet->refusals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    fleet->rehearsal = (Rehearsal){.host = "host000000", .elapsed_ms = 900};
    fleet_add_hosts(fleet, n_hosts, rich);
    return fleet;
}

void
fleet_free(Fleet *fleet)
{
    host_index_free(fleet->hosts);
    for (int i = 0; i < FLEET_RACKS; i++) {
        host_aggregates_unref(fleet->racks[i]);
    }
    for (int i = 0; i < FLEET_TOPOLOGIES; i++) {
        g_free(fleet->topologies[i]);
    }
    g_ptr_array_unref(fleet->ports);
    g_ptr_array_unref(fleet->volumes);
    instance_free(fleet->instance);
    canary_map_free(fleet->canaries);
    g_hash_table_unref(fleet->platforms);
    g_hash_table_unref(fleet->refusals);
    g_free(fleet);
}

HostIndex *
fleet_hosts(const Fleet *fleet)
{
    return fleet->hosts;
}
