/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/numa.h"

/* ---- processors of one cell ---- */

/* A core that libvirt does not tell of is a processor by itself. */
static CpuSet
core_of(const HostCell *cell, int cpu)
{
    CpuSet alone = {0};
    for (unsigned i = 0; i < cell->cores->len; i++) {
        const CpuSet *core = &g_array_index(cell->cores, CpuSet, i);
        if (cpu_set_has(core, cpu)) {
            return *core;
        }
    }
    cpu_set_add(&alone, cpu);
    return alone;
}

static bool
is_free_core(const CellRoom *room, const CpuSet *core)
{
    CpuSet rest = cpu_set_without(core, &room->dedicated);
    return cpu_set_is_empty(&rest);
}

/* Of cores that are free as a whole. */
static void
take_cores(const CellRoom *room, int n, CpuThreads policy, GArray *pins, CpuSet *used)
{
    for (int cpu = cpu_set_next(&room->dedicated, 0); cpu >= 0 && (int)pins->len < n;
         cpu = cpu_set_next(&room->dedicated, cpu + 1)) {
        CpuSet core = core_of(room->cell, cpu);
        bool fits = policy != CPU_THREADS_REQUIRE || cpu_set_count(&core) > 1;
        if (cpu_set_has(used, cpu) || !fits || !is_free_core(room, &core)) {
            continue;
        }
        *used = cpu_set_either(used, &core);
        int thread = cpu;
        do {
            g_array_append_val(pins, thread);
            thread = cpu_set_next(&core, thread + 1);
        } while (policy != CPU_THREADS_ISOLATE && thread >= 0 && (int)pins->len < n);
    }
}

static bool
has_pin(const GArray *pins, int cpu)
{
    for (unsigned i = 0; i < pins->len; i++) {
        if (g_array_index(pins, int, i) == cpu) {
            return true;
        }
    }
    return false;
}

static void
take_threads(const CellRoom *room, int n, GArray *pins)
{
    for (int cpu = cpu_set_next(&room->dedicated, 0); cpu >= 0 && (int)pins->len < n;
         cpu = cpu_set_next(&room->dedicated, cpu + 1)) {
        if (!has_pin(pins, cpu)) {
            g_array_append_val(pins, cpu);
        }
    }
}

/* Adds what stays idle to blocked. */
static bool
pin(const CellRoom *room, int n, CpuThreads policy, GArray *pins, CpuSet *blocked)
{
    CpuSet used = {0};
    take_cores(room, n, policy, pins, &used);
    if (policy == CPU_THREADS_PREFER) {
        take_threads(room, n, pins);
    }
    if (policy == CPU_THREADS_ISOLATE) {
        for (unsigned i = 0; i < pins->len; i++) {
            cpu_set_remove(&used, g_array_index(pins, int, i));
        }
        *blocked = cpu_set_either(blocked, &used);
    }
    return (int)pins->len == n;
}

/* ---- a guest on cells ---- */

static bool
has_memory(const CellRoom *room, int64_t page_kib, int64_t memory_mib)
{
    if (page_kib == 0) {
        return room->memory_mib >= memory_mib;
    }
    const CellPages *pages = cell_room_pages(room, page_kib);
    return pages != NULL && memory_mib * 1024 % page_kib == 0 &&
        pages->count >= memory_mib * 1024 / page_kib;
}

/* Adds the cell, when the room is enough. */
static bool
give_cell(const NumaRequest *request, const CellRoom *room, int n_vcpus, int64_t memory_mib,
    GuestTopology *guest)
{
    g_autoptr(GArray) pins = g_array_new(FALSE, FALSE, sizeof(int));
    CpuSet blocked = guest->blocked;
    if (!has_memory(room, guest->page_kib, memory_mib)) {
        return false;
    }
    bool has_cpus = request->is_dedicated
        ? pin(room, n_vcpus, request->threads, pins, &blocked)
        : cpu_set_count(&room->floating) >= n_vcpus;
    if (!has_cpus) {
        return false;
    }
    GuestCell *cell = guest_topology_add_cell(guest);
    cell->host_cell = room->cell->id;
    cell->n_vcpus = n_vcpus;
    cell->memory_mib = memory_mib;
    g_array_append_vals(cell->pins, pins->data, pins->len);
    if (!request->is_dedicated) {
        cell->floats = room->floating;
    }
    guest->blocked = blocked;
    return true;
}

/* QEMU's own threads run beside the vCPUs, or on what is shared. */
static void
give_emulator(const NumaRequest *request, const HostTopology *host, GuestTopology *guest)
{
    if (!request->is_dedicated) {
        return;
    }
    CpuSet floating = host_topology_floating(host);
    CpuSet own = guest_topology_taken(guest);
    bool is_shared = request->shares_emulator && !cpu_set_is_empty(&floating);
    guest->emulator = is_shared ? floating : cpu_set_without(&own, &guest->blocked);
}

static GuestTopology *
fit_with_pages(const NumaRequest *request, int vcpus, int64_t ram_mib, int64_t page_kib,
    const HostTopology *host, GPtrArray *rooms)
{
    int n = MAX(request->n_cells, 1);
    g_autoptr(GuestTopology) guest = guest_topology_new();
    guest->has_cells = request->n_cells > 0 || request->asks_pages;
    guest->binds_memory = guest->has_cells || host->cells->len > 1;
    guest->page_kib = page_kib;
    for (unsigned i = 0; i < rooms->len && (int)guest->cells->len < n; i++) {
        give_cell(request, rooms->pdata[i], vcpus / n, ram_mib / n, guest);
    }
    if ((int)guest->cells->len < n) {
        return NULL;
    }
    give_emulator(request, host, guest);
    return g_steal_pointer(&guest);
}

static int
compare_sizes(gconstpointer one, gconstpointer other)
{
    int64_t a = *(const int64_t *)one;
    int64_t b = *(const int64_t *)other;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* Of int64_t, in the order in which they are tried: large ones first. */
static GArray *
page_sizes(const NumaRequest *request, GPtrArray *rooms)
{
    GArray *sizes = g_array_new(FALSE, FALSE, sizeof(int64_t));
    bool is_large = request->page_kib == PAGES_LARGE || request->page_kib == PAGES_ANY;
    for (unsigned i = 0; is_large && i < rooms->len; i++) {
        const CellRoom *room = rooms->pdata[i];
        for (unsigned j = 0; j < room->pages->len; j++) {
            int64_t size_kib = g_array_index(room->pages, CellPages, j).size_kib;
            g_array_append_val(sizes, size_kib);
        }
    }
    g_array_sort(sizes, compare_sizes);
    int64_t last = request->page_kib == PAGES_ANY ? PAGES_ORDINARY : request->page_kib;
    if (last >= 0) {
        g_array_append_val(sizes, last);
    }
    return sizes;
}

static GuestTopology *
let_float(const HostTopology *host, int vcpus)
{
    if (!host->has_shared && !host->has_dedicated) {
        return NULL;
    }
    GuestTopology *guest = guest_topology_new();
    GuestCell *cell = guest_topology_add_cell(guest);
    cell->n_vcpus = vcpus;
    cell->floats = host_topology_floating(host);
    return guest;
}

GuestTopology *
numa_fit(const NumaRequest *request, int vcpus, int64_t ram_mib, const HostTopology *host,
    GPtrArray *rooms)
{
    if (!numa_request_binds(request)) {
        return let_float(host, vcpus);
    }
    g_autoptr(GArray) sizes = page_sizes(request, rooms);
    for (unsigned i = 0; i < sizes->len; i++) {
        GuestTopology *guest = fit_with_pages(
            request, vcpus, ram_mib, g_array_index(sizes, int64_t, i), host, rooms);
        if (guest != NULL) {
            return guest;
        }
    }
    return NULL;
}
