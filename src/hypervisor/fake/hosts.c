/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/hosts.h"

#include "hypervisor/fake/volumes.h"
#include "model/pci.h"
#include "model/topology.h"

#include <string.h>

void
hosts_make(FakeFleet *fleet, const char *host)
{
    world_run(fleet->world,
        "insert or ignore into hosts (name, vcpus, memory_mib) values (?1, ?2, ?3)", TEXT(host),
        INT(fleet->options.vcpus), INT(fleet->options.memory_mib));
}

bool
hosts_has_power(FakeFleet *fleet, const char *host)
{
    return world_number(fleet->world, "select power from hosts where name = ?1", TEXT(host)) != 0;
}

bool
hosts_is_answering(FakeFleet *fleet, const char *host)
{
    return world_number(fleet->world,
               "select power and not cut and not frozen from hosts where name = ?1",
               TEXT(host)) != 0;
}

void
hosts_set_power(FakeFleet *fleet, const char *host, bool power)
{
    world_run(fleet->world, "update hosts set power = ?2, frozen = 0 where name = ?1", TEXT(host),
        INT(power));
}

void
hosts_set_cut(FakeFleet *fleet, const char *host, bool cut)
{
    world_run(fleet->world, "update hosts set cut = ?2 where name = ?1", TEXT(host), INT(cut));
}

void
hosts_set_frozen(FakeFleet *fleet, const char *host, bool frozen)
{
    world_run(
        fleet->world, "update hosts set frozen = ?2 where name = ?1", TEXT(host), INT(frozen));
}

/* Nova's cpu_info, as a host of the x86-64 baseline has it. */
static char *
make_cpu_json(int64_t vcpus)
{
    return g_strdup_printf("{\"arch\": \"x86_64\", \"model\": \"qemu64\", \"vendor\": \"AMD\","
                           " \"topology\": {\"sockets\": 1, \"cores\": %" G_GINT64_FORMAT
                           ", \"threads\": 1}, \"features\": []}",
        vcpus);
}

/* Two threads of a core are neighbours. */
static char *
make_topology(const FakeOptions *options, int64_t vcpus, int64_t memory_mib)
{
    g_autoptr(HostTopology) topology = host_topology_new();
    int n_cells = MAX(options->numa_cells, 1);
    int n_cpus = (int)MIN(vcpus, CPU_SET_MAX) / n_cells; /* of each */

    for (int i = 0; i < n_cells; i++) {
        HostCell *cell = host_topology_add_cell(topology, i);
        CellPages pages = {.size_kib = 2048,
            .count = options->huge_pages,
            .foreign = options->huge_pages_used};
        cell->memory_mib = memory_mib / n_cells;
        for (int cpu = n_cpus * i; cpu < n_cpus * (i + 1); cpu++) {
            CpuSet core = {0};
            cpu_set_add(&cell->cpus, cpu);
            cpu_set_add(&core, cpu & ~1);
            if ((cpu | 1) < n_cpus * (i + 1)) {
                cpu_set_add(&core, cpu | 1);
            }
            if ((cpu & 1) == 0) {
                g_array_append_val(cell->cores, core);
            }
        }
        g_array_append_val(cell->pages, pages);
    }
    return host_topology_text(topology);
}

/* Where they are depends on the host, so that no address is right on another one. */
char *
hosts_make_pci_devices(const FakeOptions *options, const char *host)
{
    g_autoptr(GArray) devices = g_array_new(FALSE, FALSE, sizeof(PciDevice));
    unsigned bus = 0x20 + g_str_hash(host) % 0x40;

    for (int i = 0; i < options->pci_devices; i++) {
        PciDevice device = {.vendor_id = "10de",
            .product_id = "2236",
            .type = PCI_TYPE_PCI,
            .numa_node = i % MAX(options->numa_cells, 1),
            .iommu_group = i + 1};
        pci_address_write(&(PciAddress){0, bus, (unsigned)i, 0}, device.address);
        g_array_append_val(devices, device);
    }
    return pci_devices_text(devices);
}

/* Of "a,hosta:b" those that are of every host or of that one, with that before each. */
static char *
words_of_host(const char *all, const char *host, const char *prefix)
{
    g_auto(GStrv) words = g_strsplit(all, ",", -1);
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; words[i] != NULL; i++) {
        const char *colon = strchr(words[i], ':');
        size_t length = colon != NULL ? (size_t)(colon - words[i]) : 0;
        if (colon == NULL || (strlen(host) == length && strncmp(words[i], host, length) == 0)) {
            g_string_append_printf(text, "%s%s%s", text->len > 0 ? "," : "", prefix,
                colon != NULL ? colon + 1 : words[i]);
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
make_bridges(const FakeOptions *options, const char *host)
{
    const char *all = options->bridges != NULL ? options->bridges : "";
    return all[0] != '\0' ? words_of_host(all, host, "") : NULL;
}

static char *
make_offers(const FakeOptions *options, const char *host, const char *pool)
{
    g_autofree char *others = words_of_host(options->pools, host, "pool=");
    return g_strdup_printf(
        "kvm,uefi,tpm,pool=%s%s%s", pool, others[0] != '\0' ? "," : "", others);
}

bool
hosts_has_pool(const FakeOptions *options, const char *host, const char *pool)
{
    g_autofree char *names = words_of_host(options->pools, host, "");
    g_auto(GStrv) words = g_strsplit(names, ",", -1);
    return g_strv_contains((const char *const *)words, pool);
}

/* The same in every run and process, for one name. */
static char *
make_host_uuid(const char *host)
{
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, host, -1);
    return g_strdup_printf(
        "%.8s-%.4s-%.4s-%.4s-%.12s", hash, hash + 8, hash + 12, hash + 16, hash + 20);
}

/* Guests take all of theirs at once; taken_mib is what else runs there. */
HostMemory
hosts_read_memory(FakeFleet *fleet, const char *host)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select h.memory_mib, h.taken_mib + coalesce(sum(d.memory_mib), 0) from hosts h"
        " left join domains d on d.host = h.name and d.state in (?2, ?3) where h.name = ?1"
        " group by h.name",
        TEXT(host), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    world_next(rows); /* opening made the host */
    int64_t total_mib = world_int(rows, 0);
    return (HostMemory){total_mib, MAX(total_mib - world_int(rows, 1), 0)};
}

void
hosts_read_facts(FakeFleet *fleet, const char *host, const char *pool, HostFacts *ret_facts)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select h.vcpus, h.memory_mib, count(d.uuid) from hosts h"
        " left join domains d on d.host = h.name and d.state in (?2, ?3) where h.name = ?1"
        " group by h.name",
        TEXT(host), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    world_next(rows); /* opening made the host */
    int64_t capacity = pools_capacity_bytes(fleet, pool);
    HostMemory memory = hosts_read_memory(fleet, host);
    *ret_facts = (HostFacts){
        .hostname = g_strdup(host),
        .host_uuid = make_host_uuid(host),
        .hypervisor_type = g_strdup("QEMU"),
        .hypervisor_version = 10000002,
        .libvirt_version = 11003000,
        .arch = g_strdup("x86_64"),
        .cpu_json = make_cpu_json(world_int(rows, 0)),
        .cpu_class = g_strdup(FAKE_CPU_CLASS),
        .vcpus = (int)world_int(rows, 0),
        .memory_mib = memory.total_mib,
        .memory_free_mib = memory.free_mib,
        .pool_capacity_bytes = capacity,
        .pool_available_bytes = capacity - pools_used_bytes(fleet, pool),
        .pool_path = g_strdup_printf("/fake/%s", pool),
        .pool_id = g_strdup(pool),
        .pool_json = g_strdup(
            "{\"type\":\"dir\",\"owner\":\"0\",\"group\":\"0\",\"mode\":\"0711\"}"),
        .offers = make_offers(&fleet->options, host, pool),
        .topology = make_topology(&fleet->options, world_int(rows, 0), world_int(rows, 1)),
        .pci_devices = hosts_make_pci_devices(&fleet->options, host),
        .hides_devices = fleet->options.pci_devices < 0,
        .bridges = make_bridges(&fleet->options, host),
        .running_domains = (int)world_int(rows, 2),
    };
}
