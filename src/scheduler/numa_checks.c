/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of what a guest is bound to: processors of its own, cells, pages. They are asked for
 * such guests alone, also of a host that is forced: what is taken cannot be given twice. */
#include "scheduler/internal.h"

#include <string.h>

typedef struct Rooms {
    const HostTopology *host; /* NULL: it has not told */
    GPtrArray *rooms;         /* CellRoom * */
} Rooms;

struct NumaMemo {
    GHashTable *hosts;      /* text (borrowed of a host) -> HostTopology *, or NULL: none */
    const HostEntry *entry; /* whose rooms these are; NULL: nobody's */
    Rooms rooms;
};

NumaMemo *
numa_memo_new(void)
{
    NumaMemo *memo = g_new0(NumaMemo, 1);
    memo->hosts = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)host_topology_free);
    return memo;
}

void
numa_memo_free(NumaMemo *memo)
{
    g_clear_pointer(&memo->rooms.rooms, g_ptr_array_unref);
    g_hash_table_unref(memo->hosts);
    g_free(memo);
}

static const HostTopology *
topology_of(NumaMemo *memo, const char *text)
{
    void *topology = NULL;
    if (text != NULL && !g_hash_table_lookup_extended(memo->hosts, text, NULL, &topology)) {
        topology = host_topology_parse(text);
        g_hash_table_insert(memo->hosts, (char *)text, topology);
    }
    return topology;
}

/* Nothing of a host or its claims changes as long as one decision looks at them. */
static Rooms
rooms_of(const Subject *subject)
{
    NumaMemo *memo = subject->numa_memo;
    if (memo->entry != subject->entry) {
        g_clear_pointer(&memo->rooms.rooms, g_ptr_array_unref);
        memo->entry = subject->entry;
        memo->rooms.host = topology_of(memo, subject->host->facts.topology);
        memo->rooms.rooms = memo->rooms.host != NULL
            ? numa_rooms(memo->rooms.host, subject->usage->topologies)
            : NULL;
    }
    return memo->rooms;
}

/* There is nothing to look at: it asks for nothing, or the host has not told. */
static bool
is_settled(bool asks, const Rooms *rooms, PlacementRow *row, PlacementResult *ret_result)
{
    *ret_result = asks ? PLACEMENT_FAIL : PLACEMENT_PASS;
    if (asks && rooms->host != NULL) {
        return false;
    }
    if (row != NULL && row->needed == NULL) {
        row->needed = g_strdup(asks ? "cells that are known" : "none");
    }
    if (row != NULL) {
        row->have = g_strdup(asks ? "its libvirt tells of none" : "any");
        row->fix = asks ? g_strdup("use a host whose libvirt tells its NUMA cells") : NULL;
    }
    return true;
}

/* ---- processors ---- */

#define FIX_NO_DEDICATED "set [compute] cpu_dedicated_set for it, and restart droverd"

static CpuSet
free_dedicated(const Rooms *rooms)
{
    CpuSet all = {0};
    for (unsigned i = 0; i < rooms->rooms->len; i++) {
        const CellRoom *room = rooms->rooms->pdata[i];
        all = cpu_set_either(&all, &room->dedicated);
    }
    return all;
}

static char *
tell_dedicated(const Rooms *rooms, const CpuSet *left)
{
    if (!rooms->host->has_dedicated) {
        return g_strdup("no cpu_dedicated_set");
    }
    g_autofree char *set = cpu_set_text(&rooms->host->dedicated);
    g_autofree char *rest = cpu_set_text(left);
    return g_strdup_printf("%d free of %s%s%s%s", cpu_set_count(left), set,
        rest[0] != '\0' ? " (" : "", rest, rest[0] != '\0' ? ")" : "");
}

PlacementResult
check_dedicated_cpus(const Subject *subject, PlacementRow *row)
{
    bool asks = subject->numa.is_dedicated;
    int needed = subject->request->vcpus;
    Rooms rooms = asks ? rooms_of(subject) : (Rooms){0};
    PlacementResult result;
    if (row != NULL && asks) {
        row->needed = g_strdup_printf("%d dedicated CPUs", needed);
    }
    if (is_settled(asks, &rooms, row, &result)) {
        return result;
    }
    CpuSet left = free_dedicated(&rooms);
    if (row != NULL) {
        row->have = tell_dedicated(&rooms, &left);
    }
    return check_answer(cpu_set_count(&left) >= needed,
        rooms.host->has_dedicated ? "move a pinned instance away, or add to its cpu_dedicated_set"
                                  : FIX_NO_DEDICATED,
        row);
}

/* ---- pages ---- */

static char *
name_pages(const NumaRequest *numa)
{
    return numa->page_kib == PAGES_LARGE
        ? g_strdup("huge pages")
        : g_strdup_printf("pages of %" G_GINT64_FORMAT " KiB", numa->page_kib);
}

/* Of the size that is asked for; of the sizes, the one that has most. */
static int64_t
free_pages_mib(const Rooms *rooms, int64_t page_kib)
{
    g_autoptr(GHashTable) by_size = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, NULL);
    int64_t most_kib = 0;
    for (unsigned i = 0; i < rooms->rooms->len; i++) {
        const CellRoom *room = rooms->rooms->pdata[i];
        for (unsigned j = 0; j < room->pages->len; j++) {
            CellPages *pages = &g_array_index(room->pages, CellPages, j);
            if (page_kib > 0 && pages->size_kib != page_kib) {
                continue;
            }
            int64_t so_far =
                (int64_t)(intptr_t)g_hash_table_lookup(by_size, &pages->size_kib);
            so_far += MAX(pages->count, 0) * pages->size_kib;
            g_hash_table_insert(by_size, &pages->size_kib, (gpointer)(intptr_t)so_far);
            most_kib = MAX(most_kib, so_far);
        }
    }
    return most_kib / 1024;
}

static int64_t
foreign_pages_mib(const Rooms *rooms, int64_t page_kib)
{
    int64_t kib = 0;
    for (unsigned i = 0; i < rooms->rooms->len; i++) {
        const CellRoom *room = rooms->rooms->pdata[i];
        for (unsigned j = 0; j < room->pages->len; j++) {
            const CellPages *pages = &g_array_index(room->pages, CellPages, j);
            if (page_kib <= 0 || pages->size_kib == page_kib) {
                kib += pages->foreign * pages->size_kib;
            }
        }
    }
    return kib / 1024;
}

static char *
tell_pages(const Rooms *rooms, int64_t page_kib, int64_t have_mib)
{
    int64_t foreign_mib = foreign_pages_mib(rooms, page_kib);
    return foreign_mib == 0
        ? g_strdup_printf("%" G_GINT64_FORMAT " MiB of them free", have_mib)
        : g_strdup_printf("%" G_GINT64_FORMAT " MiB of them free, %" G_GINT64_FORMAT
                          " MiB in use by others",
              have_mib, foreign_mib);
}

PlacementResult
check_huge_pages(const Subject *subject, PlacementRow *row)
{
    const NumaRequest *numa = &subject->numa;
    bool asks = numa_request_has_huge_pages(numa);
    Rooms rooms = asks ? rooms_of(subject) : (Rooms){0};
    PlacementResult result;
    if (row != NULL && asks) {
        g_autofree char *pages = name_pages(numa);
        row->needed = g_strdup_printf(
            "%" G_GINT64_FORMAT " MiB in %s", subject->request->ram_mib, pages);
    }
    if (is_settled(asks, &rooms, row, &result)) {
        return result;
    }
    int64_t have_mib = free_pages_mib(&rooms, numa->page_kib);
    if (row != NULL) {
        row->have = tell_pages(&rooms, numa->page_kib, have_mib);
    }
    return check_answer(have_mib >= subject->request->ram_mib,
        "reserve more of them in its kernel (vm.nr_hugepages), or free some", row);
}

/* ---- cells ---- */

static char *
tell_needed(const Subject *subject)
{
    const NumaRequest *numa = &subject->numa;
    int n = MAX(numa->n_cells, 1);
    g_autofree char *pages =
        numa->page_kib > 0 || numa->page_kib == PAGES_LARGE ? name_pages(numa) : NULL;
    return g_strdup_printf("%d cell%s, each with %d %s and %" G_GINT64_FORMAT " MiB%s%s", n,
        n > 1 ? "s" : "", subject->request->vcpus / n,
        numa->is_dedicated ? "dedicated CPUs" : "CPUs", subject->request->ram_mib / n,
        pages != NULL ? " in " : "", pages != NULL ? pages : "");
}

static char *
tell_rooms(const NumaRequest *numa, const Rooms *rooms)
{
    enum { MOST = 8 };
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < MIN(rooms->rooms->len, MOST); i++) {
        const CellRoom *room = rooms->rooms->pdata[i];
        const CpuSet *cpus = numa->is_dedicated ? &room->dedicated : &room->floating;
        g_string_append_printf(text, "%scell %d: %d CPUs, %" G_GINT64_FORMAT " MiB",
            i > 0 ? "; " : "", room->cell->id, cpu_set_count(cpus), MAX(room->memory_mib, 0));
        for (unsigned j = 0; j < room->pages->len; j++) {
            const CellPages *pages = &g_array_index(room->pages, CellPages, j);
            if (pages->count > 0) {
                g_string_append_printf(text,
                    ", %" G_GINT64_FORMAT " pages of %" G_GINT64_FORMAT " KiB", pages->count,
                    pages->size_kib);
            }
        }
    }
    return g_string_free(text, FALSE);
}

PlacementResult
check_numa(const Subject *subject, PlacementRow *row)
{
    bool asks = numa_request_binds(&subject->numa);
    Rooms rooms = asks ? rooms_of(subject) : (Rooms){0};
    PlacementResult result;
    if (row != NULL && asks) {
        row->needed = tell_needed(subject);
    }
    if (is_settled(asks, &rooms, row, &result)) {
        return result;
    }
    if (row != NULL) {
        row->have = tell_rooms(&subject->numa, &rooms);
    }
    g_autoptr(GuestTopology) guest = numa_fit(&subject->numa, subject->request->vcpus,
        subject->request->ram_mib, rooms.host, rooms.rooms);
    return check_answer(guest != NULL,
        subject->numa.is_dedicated && !rooms.host->has_dedicated
            ? FIX_NO_DEDICATED
            : "free room in one of its cells, or ask for more and smaller cells",
        row);
}

char *
subject_give_topology(const Subject *subject)
{
    Rooms rooms = rooms_of(subject);
    g_autoptr(GuestTopology) guest = rooms.host == NULL
        ? NULL
        : numa_fit(&subject->numa, subject->request->vcpus, subject->request->ram_mib, rooms.host,
              rooms.rooms);
    return guest != NULL ? guest_topology_text(guest) : NULL;
}

/* ---- filters ---- */

/* Source: the handbook of live migration, prerequisites: with CPU pinning and NUMA both filters
 * must be enabled. What they check is checked here in any case; an operator who has not named them
 * has not planned for such guests to move. */
PlacementResult
check_numa_filters(const Subject *subject, PlacementRow *row)
{
    unsigned off = subject->request->policy->filters_off;
    bool has_numa = (off & (1U << FILTER_NUMA_TOPOLOGY)) == 0;
    bool has_specs = (off & (1U << FILTER_EXTRA_SPECS)) == 0;
    bool asks = subject->request->is_live && numa_request_binds(&subject->numa);
    if (row != NULL) {
        row->needed = g_strdup(
            asks ? "NUMATopologyFilter and AggregateInstanceExtraSpecsFilter enabled" : "none");
        row->have = g_strdup(has_numa && has_specs ? "both enabled"
                : has_numa  ? "AggregateInstanceExtraSpecsFilter is not enabled"
                : has_specs ? "NUMATopologyFilter is not enabled"
                            : "neither is enabled");
    }
    return check_answer(!asks || (has_numa && has_specs),
        "name both in [filter_scheduler] enabled_filters, or move it cold", row);
}
