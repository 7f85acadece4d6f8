/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The guests that the bench asks places for, one kind after the other. */
#include "scheduler/bench-fleet-parts.h"

#include "model/volume.h"

#include <string.h>

enum { SIZES = 4, BOUND_SIZES = 2 };

static const char IMAGE[] =
    "{\"hw_architecture\": \"x86_64\", \"img_hv_type\": \"kvm\", \"hw_vm_mode\": \"hvm\", "
    "\"img_hv_requested_version\": \">=8.0,<11\", \"os_distro\": \"debian\"}";

/* Each of them says what aggregates are to say. */
static const char *const extra_specs[BENCH_N_KINDS] = {
    [BENCH_CREATE] = "{\"aggregate_instance_extra_specs:disk\": \"ssd\", \"generation\": \">= 4\"}",
    [BENCH_LIVE] = "{\"aggregate_instance_extra_specs:disk\": \"ssd\", \"generation\": \">= 4\"}",
    [BENCH_PINNED] =
        "{\"aggregate_instance_extra_specs:disk\": \"ssd\", \"generation\": \">= 4\", "
        "\"hw:cpu_policy\": \"dedicated\", \"hw:numa_nodes\": \"2\", "
        "\"hw:mem_page_size\": \"2MB\"}",
    [BENCH_PCI] =
        "{\"aggregate_instance_extra_specs:disk\": \"ssd\", \"generation\": \">= 4\", "
        "\"hw:cpu_policy\": \"dedicated\", \"hw:numa_nodes\": \"2\", "
        "\"hw:mem_page_size\": \"2MB\", \"pci_passthrough:alias\": \"gpu:1,nic:1\"}",
};

const char *
bench_kind_name(BenchKind kind)
{
    static const char *const names[] = {
#define X(name, text) [BENCH_##name] = text,
        BENCH_KINDS(X)
#undef X
    };
    return names[kind];
}

GPtrArray *
fleet_make_ports(void)
{
    GPtrArray *ports = g_ptr_array_new_with_free_func((GDestroyNotify)port_free);
    for (int i = 0; i < 2; i++) {
        Port *port = port_new();
        port->bridge = g_strdup_printf("br%d", i);
        port->network_id = g_strdup_printf("net%d", i);
        port->network_name = g_strdup(port->network_id);
        g_ptr_array_add(ports, port);
    }
    return ports;
}

/* One on the network, one in the pool that the hosts share. */
GPtrArray *
fleet_make_volumes(void)
{
    GPtrArray *volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    for (int i = 0; i < 2; i++) {
        Volume *volume = volume_new();
        volume->id = g_strdup_printf("volume%d", i);
        volume->uri = i == 0 ? g_strdup("nbd://storage/volume0") : NULL;
        volume->pool = i == 0 ? NULL : g_strdup("default");
        volume->attachment = attachment_new();
        volume->attachment->device = g_strdup_printf("/dev/vd%c", 'c' + i);
        g_ptr_array_add(volumes, volume);
    }
    return volumes;
}

static void
ask_of_guest(const Fleet *fleet, BenchKind kind, PlacementRequest *request)
{
    request->project_id = "project1";
    request->flavor_name = "small";
    request->extra_specs_json = extra_specs[kind];
    request->image_properties_json = IMAGE;
    request->firmware = "uefi";
    request->tpm_version = "2.0";
    request->same_host = "a,b,c";
    request->different_host = "d,e,f";
    request->group_policy =
        kind == BENCH_CREATE ? SERVER_GROUP_SOFT_ANTI_AFFINITY : SERVER_GROUP_ANTI_AFFINITY;
    request->refusals = fleet->refusals;
    request->volumes = fleet->volumes;
    request->instance = kind != BENCH_CREATE ? fleet->instance : NULL;
}

static void
ask_to_go_live(const Fleet *fleet, PlacementRequest *request)
{
    request->is_live = true;
    request->canaries = fleet->canaries;
    request->permits_post_copy = true;
    request->platforms = fleet->platforms;
    request->rehearsal = &fleet->rehearsal;
    request->guest_stays = "";
    request->block_migration = BLOCK_MIGRATION_NO;
}

/* All that looks at the source has something to look for. */
static bool
is_good_source(const Host *host)
{
    const HostFacts *facts = &host->facts;
    bool is_plain = host->aggregates == NULL;
    return is_plain ||
        (host->has_facts && g_strcmp0(facts->pool_id, "the one pool") == 0 &&
            strcmp(host->pool, "default") == 0 && strcmp(facts->arch, "x86_64") == 0 &&
            facts->hypervisor_version >= 10000000 && host_emulator(facts) == HOST_EMULATOR_KVM &&
            strcmp(host->zone, "zone0") == 0);
}

static const Host *
pick_source(Fleet *fleet)
{
    unsigned n_hosts = host_index_size(fleet->hosts);
    const Host *host = NULL;
    do {
        int at = g_rand_int_range(fleet->random, 0, (int)n_hosts);
        host = host_index_at(fleet->hosts, (unsigned)at)->host;
    } while (!is_good_source(host));
    return host;
}

PlacementRequest
fleet_ask(Fleet *fleet, BenchKind kind)
{
    bool is_bound = kind == BENCH_PINNED || kind == BENCH_PCI;
    int size = 1 << g_rand_int_range(fleet->random, 0, is_bound ? BOUND_SIZES : SIZES);
    int vcpus = is_bound ? 2 * size : size; /* to be halved among its cells */
    const Host *source = pick_source(fleet);
    bool is_in_zone = kind != BENCH_PLAIN || g_rand_boolean(fleet->random);
    PlacementRequest request = {
        .policy = &fleet->policy,
        .instance_id = "i",
        .vcpus = vcpus,
        .ram_mib = 2048 * size,
        .disk_gib = 20 * size,
        .zone = is_in_zone ? source->zone : NULL,
        .source_host = kind == BENCH_CREATE ? NULL : source->name,
        .ports = fleet->ports,
        .service_down_time_us = 60 * G_USEC_PER_SEC,
        .now_us = (int64_t)FLEET_NOW_S * G_USEC_PER_SEC,
    };
    if (kind != BENCH_PLAIN) {
        ask_of_guest(fleet, kind, &request);
    }
    if (kind == BENCH_LIVE || kind == BENCH_PINNED) {
        ask_to_go_live(fleet, &request);
    }
    return request;
}
