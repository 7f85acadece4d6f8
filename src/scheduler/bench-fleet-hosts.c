/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The hosts of the bench's fleets: their aggregates, their facts and the ways between them. */
#include "scheduler/bench-fleet-parts.h"

/* A request tries no more hosts than these that turn out to refuse it. */
enum { MOST_REFUSALS = 8 };

/* The hosts of one rack are in the same aggregates, so they share what those say. Some racks
 * are of no use, each for a reason of its own. */
typedef enum {
    RACK_OF_HARD_DISKS = 1,
    RACK_OF_OLD_HOSTS,
    RACK_FOR_TINY_FLAVORS,
    RACK_FOR_WINDOWS,
    RACK_IN_OTHER_ZONE,
    RACK_IN_OTHER_POOL,
} Rack;

static void
say(Aggregate *aggregate, const char *key, const char *value)
{
    g_ptr_array_add(aggregate->metadata, aggregate_property_new(key, value));
}

static const char *
rich_zone(int number)
{
    return number % FLEET_RACKS == RACK_IN_OTHER_ZONE ? "zone1" : "zone0";
}

/* A zone, a rack, a pool and a cell: four aggregates, all that any check or weigher reads. */
static HostAggregates *
make_aggregates(int rack_number)
{
    g_autoptr(Aggregate) zone = aggregate_new();
    g_autoptr(Aggregate) rack = aggregate_new();
    g_autoptr(Aggregate) pool = aggregate_new();
    g_autoptr(Aggregate) cell = aggregate_new();
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    zone->name = g_strdup(rich_zone(rack_number));
    say(zone, "availability_zone", zone->name);
    say(zone, "filter_tenant_id", "project1,project2,project3");
    say(zone, "cpu_allocation_ratio", "16");
    say(zone, "ram_allocation_ratio", "1.5");
    say(zone, "disk_allocation_ratio", "1");
    rack->name = g_strdup_printf("rack%d", rack_number);
    say(rack, "disk", rack_number == RACK_OF_HARD_DISKS ? "hdd" : "ssd");
    say(rack, "generation", rack_number == RACK_OF_OLD_HOSTS ? "3" : "5");
    say(rack, "instance_type", rack_number == RACK_FOR_TINY_FLAVORS ? "tiny" : "small,large");
    say(rack, "os_distro", rack_number == RACK_FOR_WINDOWS ? "windows" : "debian,ubuntu");
    say(rack, "max_instances_per_host", "190");
    say(rack, "max_io_ops_per_host", "9");
    say(rack, "ram_weight_multiplier", "1.5");
    pool->name = g_strdup(rack_number == RACK_IN_OTHER_POOL ? "pool2" : "pool1");
    say(pool, "hypervisor_pool", "true");
    say(pool, "block_migration", "true");
    say(pool, "master_compute", "host000000");
    say(pool, "joining_compute", "host000010");
    say(cell, "cell", "cell1");
    cell->name = g_strdup("cell1");
    g_ptr_array_add(all, zone);
    g_ptr_array_add(all, rack);
    g_ptr_array_add(all, pool);
    g_ptr_array_add(all, cell);
    return host_aggregates_new(all);
}

/* Two cells of 16 cores with two threads each; a quarter of them floats; 48 GiB of 2 MiB pages.
 * Their memory is not the same to the MiB, as that of real machines is not. */
static char *
make_topology(int number)
{
    enum { CELLS = 2, CORES = 16, THREAD = CELLS * CORES, SHARED = 4, PAGES = 24576 };
    g_autoptr(HostTopology) topology = host_topology_new();
    topology->has_dedicated = true;
    topology->has_shared = true;
    for (int i = 0; i < CELLS; i++) {
        HostCell *cell = host_topology_add_cell(topology, i);
        CellPages pages = {.size_kib = 2048, .count = PAGES};
        cell->memory_mib = 131072 - number;
        g_array_append_val(cell->pages, pages);
        for (int j = 0; j < CORES; j++) {
            int cpu = i * CORES + j;
            CpuSet core = {0};
            cpu_set_add(&core, cpu);
            cpu_set_add(&core, cpu + THREAD);
            cell->cpus = cpu_set_either(&cell->cpus, &core);
            CpuSet *set = j < SHARED ? &topology->shared : &topology->dedicated;
            *set = cpu_set_either(set, &core);
            g_array_append_val(cell->cores, core);
        }
    }
    return host_topology_text(topology);
}

/* Two cards, and a network card with four parts. */
static const char DEVICES[] = "0000:3b:00.0 10de 1eb8 type-PCI 0 11 -\n"
                              "0000:86:00.0 10de 1eb8 type-PCI 1 12 -\n"
                              "0000:5e:00.0 8086 10fb type-PF 0 13 -\n"
                              "0000:5e:10.0 8086 10ed type-VF 0 14 0000:5e:00.0\n"
                              "0000:5e:10.2 8086 10ed type-VF 0 15 0000:5e:00.0\n"
                              "0000:5e:10.4 8086 10ed type-VF 0 16 0000:5e:00.0\n"
                              "0000:5e:10.6 8086 10ed type-VF 0 17 0000:5e:00.0";

static Canary *
make_canary(const char *name, int number)
{
    Canary *canary = g_new0(Canary, 1);
    canary->dest_host = g_strdup(name);
    canary->tried_us = (int64_t)(FLEET_NOW_S - 100) * G_USEC_PER_SEC;
    canary->error = number % 100 == 11 ? g_strdup("no route to host") : NULL;
    canary->pool = CANARY_POOL_SHARED;
    canary->extra.post_copy = true;
    canary->extra_us = canary->tried_us;
    canary->extra_error = number % 100 == 73 ? g_strdup("Userfaultfd not available") : NULL;
    return canary;
}

static const char OLD_CLASS[] = "without avx512f";
static const char NEW_CLASS[] = "with avx512f";

static void
add_answer(Fleet *fleet, const char *host_class, const char *refusal)
{
    PlatformAnswer *answer = g_new0(PlatformAnswer, 1);
    answer->host_class = g_strdup(host_class);
    answer->asked_host = g_strdup("host000000");
    answer->refusal = g_strdup(refusal);
    g_hash_table_insert(fleet->platforms, answer->host_class, answer);
}

/* What is known of the way there, and what its group and its hints count. */
static void
tell_way(Fleet *fleet, const char *name, int number)
{
    canary_map_put(fleet->canaries, make_canary(name, number));
    if (number % 200 == 17 && g_hash_table_size(fleet->refusals) < MOST_REFUSALS) {
        g_hash_table_insert(fleet->refusals, g_strdup(name), g_strdup("it lacks a secret"));
    }
}

static void
add_neighbours(HostUsage *usage, int number)
{
    usage->group_size = 3;
    usage->group_members = number % 50 == 19;
    usage->group_settled = usage->group_members;
    usage->beside_size = 3;
    usage->beside_here = number % 50 != 23;
    usage->apart_here = number % 50 == 29;
    usage->io_ops = number % 4;
    host_usage_add_topology(usage, 4,
        "guest cells=1 binds=1 page=2048 emulator=4-5,20-21;cell host=0 vcpus=2 memory=4096 "
        "pins=4/5;cell host=1 vcpus=2 memory=4096 pins=20/21");
    host_usage_add_devices(usage, number % 2 == 0 ? "0000:5e:10.0=nic" : "0000:3b:00.0=gpu");
}

/* In each hundred hosts there is one of another kind than those that it shares its aggregates with,
 * for each thing that makes a kind. */
static void
make_unlike(Host *host, int number)
{
    HostFacts *facts = &host->facts;
    int at = number % 100;
    host->has_facts = at != 37;
    host->connected = at != 53;
    facts->cpu_class = g_strdup(at == 13 ? OLD_CLASS : NEW_CLASS);
    host->forced_down = at == 67;
    host->pool = g_strdup(at == 59 || at == 39 ? "other" : "default");
    facts->hypervisor_version = at == 47 ? 9000000 : facts->hypervisor_version;
    facts->offers = g_strdup(at == 31 ? "qemu,uefi,tpm"
            : at == 61                ? "kvm,uefi,tpm,pool=other,stopped=default"
            : at == 83                ? "kvm,uefi,tpm,pool=other"
                                      : "kvm,uefi,tpm,pool=default");
    g_free(facts->bridges);
    facts->bridges = g_strdup(at == 43 ? "br0" : "br0,br1");
    g_free(facts->arch);
    facts->arch = g_strdup(at == 71 ? "aarch64" : "x86_64");
    /* One in twenty has not told, and its canary has; others have a pool of their own. */
    bool is_another = at == 39 || at == 86 || at == 99;
    facts->pool_id = at % 20 == 9 ? NULL : g_strdup(is_another ? "another pool" : "the one pool");
}

static void
enrich(Fleet *fleet, Host *host, int number)
{
    HostFacts *facts = &host->facts;
    int rack = number % FLEET_RACKS;
    if (fleet->racks[rack] == NULL) {
        fleet->racks[rack] = make_aggregates(rack);
    }
    host->aggregates = host_aggregates_ref(fleet->racks[rack]);
    make_unlike(host, number);
    facts->topology = g_strdup(fleet->topologies[number % FLEET_TOPOLOGIES]);
    facts->has_floating_cpus = true;
    facts->floating_cpus = 16;
    facts->pci_devices = g_strdup(DEVICES);
    tell_way(fleet, host->name, number);
}

/* One in fifty is disabled, one in a hundred silent, the rest are filled to different degrees. */
static void
add_host(Fleet *fleet, bool rich, int number)
{
    Host *host = host_new();
    host->name = g_strdup_printf("host%06d", number);
    host->zone = rich ? g_strdup(rich_zone(number)) : g_strdup_printf("zone%d", number % 3);
    host->enabled = number % 50 != 7;
    host->connected = true;
    host->last_seen_us = number % 100 == 3 ? 0 : (int64_t)FLEET_NOW_S * G_USEC_PER_SEC;
    host->has_facts = true;
    host->facts.arch = g_strdup("x86_64");
    host->facts.bridges = g_strdup_printf("br0,br1,rack%d", number % FLEET_RACKS);
    host->facts.hypervisor_version = 10000002;
    host->facts.libvirt_version = 11003000;
    host->facts.vcpus = 64;
    host->facts.memory_mib = 262144;
    host->facts.memory_free_mib = 131072;
    host->facts.pool_capacity_bytes = INT64_C(10240) << 30;
    host->facts.pool_available_bytes = INT64_C(5120) << 30;
    if (rich) {
        enrich(fleet, host, number);
    }
    HostUsage *usage = &host_index_put(fleet->hosts, host)->usage;
    usage->claims = g_rand_int_range(fleet->random, 0, 100);
    usage->instances = usage->claims;
    usage->vcpus = usage->claims * 2;
    usage->ram_mib = (int64_t)usage->claims * 3900;
    usage->arriving_ram_mib = rich ? (number % 8) * 1024 : 0;
    usage->disk_gib = (int64_t)usage->claims * 20;
    if (rich) {
        add_neighbours(usage, number);
    }
}

void
fleet_add_hosts(Fleet *fleet, unsigned n_hosts, bool rich)
{
    for (int i = 0; i < FLEET_TOPOLOGIES; i++) {
        fleet->topologies[i] = make_topology(i);
    }
    add_answer(fleet, OLD_CLASS, "it lacks avx512f");
    add_answer(fleet, NEW_CLASS, NULL);
    for (unsigned i = 0; i < n_hosts; i++) {
        add_host(fleet, rich, (int)i);
    }
}
