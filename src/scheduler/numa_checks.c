/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of what a guest is bound to: processors of its own, cells, pages. They are asked for
 * such guests alone, also of a host that is forced: what is taken cannot be given twice. */
#include "scheduler/internal.h"

#include <string.h>

static const HostCells *
cells_of(const Subject *subject)
{
    return host_index_cells(subject->hosts, subject->entry);
}

/* A check reads of a host nothing but these cells, and of the request what its question says. */
void
numa_find_answers(Subject *subject)
{
    const NumaRequest *numa = &subject->numa;
    const PlacementRequest *request = subject->request;
    if (!numa_request_binds(numa)) {
        return;
    }
    g_autofree char *cpus =
        g_strdup_printf("dedicated-cpus %d %d", numa->is_dedicated, request->vcpus);
    g_autofree char *pages = g_strdup_printf("huge-pages %d %" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
        numa->asks_pages, numa->page_kib, request->ram_mib);
    g_autofree char *all = g_strdup_printf("numa %s %s %d %d %d", cpus, pages, numa->n_cells,
        numa->threads, numa->shares_emulator);
    subject->answers.dedicated_cpus = host_index_answers(subject->hosts, cpus);
    subject->answers.huge_pages = host_index_answers(subject->hosts, pages);
    subject->answers.numa = host_index_answers(subject->hosts, all);
}

/* A row is written for each host. */
static PlacementResult
judge_once(
    const Subject *subject, GByteArray *answers, CheckFunction judge, PlacementRow *row)
{
    unsigned known = subject->entry->usage.cells_left;
    if (row != NULL || answers == NULL) {
        return judge(subject, row);
    }
    return check_once(
        answers, known != 0 ? known : cells_of(subject)->number, judge, subject);
}

/* There is nothing to look at: it asks for nothing, or the host has not told. */
static bool
is_settled(bool asks, const HostCells *cells, PlacementRow *row, PlacementResult *ret_result)
{
    *ret_result = asks ? PLACEMENT_FAIL : PLACEMENT_PASS;
    if (asks && cells->host != NULL) {
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
#define FIX_NO_SHARED "set [compute] cpu_shared_set for it, and restart droverd"

static CpuSet
free_dedicated(const HostCells *cells)
{
    CpuSet all = {0};
    for (unsigned i = 0; i < cells->rooms->len; i++) {
        const CellRoom *room = cells->rooms->pdata[i];
        all = cpu_set_either(&all, &room->dedicated);
    }
    return all;
}

static char *
tell_dedicated(const HostCells *cells, const CpuSet *left)
{
    if (!cells->host->has_dedicated) {
        return g_strdup("no cpu_dedicated_set");
    }
    g_autofree char *set = cpu_set_text(&cells->host->dedicated);
    g_autofree char *rest = cpu_set_text(left);
    return g_strdup_printf("%d free of %s%s%s%s", cpu_set_count(left), set,
        rest[0] != '\0' ? " (" : "", rest, rest[0] != '\0' ? ")" : "");
}

static PlacementResult
judge_dedicated_cpus(const Subject *subject, PlacementRow *row)
{
    bool asks = subject->numa.is_dedicated;
    int needed = subject->request->vcpus;
    const HostCells *cells = asks ? cells_of(subject) : NULL;
    PlacementResult result;
    if (row != NULL && asks) {
        row->needed = g_strdup_printf("%d dedicated CPUs", needed);
    }
    if (is_settled(asks, cells, row, &result)) {
        return result;
    }
    CpuSet left = free_dedicated(cells);
    if (row != NULL) {
        row->have = tell_dedicated(cells, &left);
    }
    return check_answer(cpu_set_count(&left) >= needed,
        cells->host->has_dedicated ? "move a pinned instance away, or add to its cpu_dedicated_set"
                                  : FIX_NO_DEDICATED,
        row);
}

PlacementResult
check_dedicated_cpus(const Subject *subject, PlacementRow *row)
{
    return judge_once(subject, subject->answers.dedicated_cpus, judge_dedicated_cpus, row);
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
free_pages_mib(const HostCells *cells, int64_t page_kib)
{
    g_autoptr(GHashTable) by_size = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, NULL);
    int64_t most_kib = 0;
    for (unsigned i = 0; i < cells->rooms->len; i++) {
        const CellRoom *room = cells->rooms->pdata[i];
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
foreign_pages_mib(const HostCells *cells, int64_t page_kib)
{
    int64_t kib = 0;
    for (unsigned i = 0; i < cells->rooms->len; i++) {
        const CellRoom *room = cells->rooms->pdata[i];
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
tell_pages(const HostCells *cells, int64_t page_kib, int64_t have_mib)
{
    int64_t foreign_mib = foreign_pages_mib(cells, page_kib);
    return foreign_mib == 0
        ? g_strdup_printf("%" G_GINT64_FORMAT " MiB of them free", have_mib)
        : g_strdup_printf("%" G_GINT64_FORMAT " MiB of them free, %" G_GINT64_FORMAT
                          " MiB in use by others",
              have_mib, foreign_mib);
}

static PlacementResult
judge_huge_pages(const Subject *subject, PlacementRow *row)
{
    const NumaRequest *numa = &subject->numa;
    bool asks = numa_request_has_huge_pages(numa);
    const HostCells *cells = asks ? cells_of(subject) : NULL;
    PlacementResult result;
    if (row != NULL && asks) {
        g_autofree char *pages = name_pages(numa);
        row->needed = g_strdup_printf(
            "%" G_GINT64_FORMAT " MiB in %s", subject->request->ram_mib, pages);
    }
    if (is_settled(asks, cells, row, &result)) {
        return result;
    }
    int64_t have_mib = free_pages_mib(cells, numa->page_kib);
    if (row != NULL) {
        row->have = tell_pages(cells, numa->page_kib, have_mib);
    }
    return check_answer(have_mib >= subject->request->ram_mib,
        "reserve more of them in its kernel (vm.nr_hugepages), or free some", row);
}

PlacementResult
check_huge_pages(const Subject *subject, PlacementRow *row)
{
    return judge_once(subject, subject->answers.huge_pages, judge_huge_pages, row);
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
tell_rooms(const NumaRequest *numa, const HostCells *cells)
{
    enum { MOST = 8 };
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < MIN(cells->rooms->len, MOST); i++) {
        const CellRoom *room = cells->rooms->pdata[i];
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

static const char *
fix_cells(const NumaRequest *numa, const HostTopology *host)
{
    CpuSet floating = host_topology_floating(host);
    return numa->is_dedicated && !host->has_dedicated        ? FIX_NO_DEDICATED
        : !numa->is_dedicated && cpu_set_is_empty(&floating) ? FIX_NO_SHARED
        : "free room in one of its cells, or ask for more and smaller cells";
}

static PlacementResult
judge_numa(const Subject *subject, PlacementRow *row)
{
    bool asks = numa_request_binds(&subject->numa);
    const HostCells *cells = asks ? cells_of(subject) : NULL;
    PlacementResult result;
    if (row != NULL && asks) {
        row->needed = tell_needed(subject);
    }
    if (is_settled(asks, cells, row, &result)) {
        return result;
    }
    if (row != NULL) {
        row->have = tell_rooms(&subject->numa, cells);
    }
    g_autoptr(GuestTopology) guest = numa_fit(&subject->numa, subject->request->vcpus,
        subject->request->ram_mib, cells->host, cells->rooms);
    return check_answer(guest != NULL, fix_cells(&subject->numa, cells->host), row);
}

PlacementResult
check_numa(const Subject *subject, PlacementRow *row)
{
    return judge_once(subject, subject->answers.numa, judge_numa, row);
}

char *
subject_give_topology(const Subject *subject)
{
    const HostCells *cells = cells_of(subject);
    g_autoptr(GuestTopology) guest = cells->host == NULL
        ? NULL
        : numa_fit(&subject->numa, subject->request->vcpus, subject->request->ram_mib, cells->host,
              cells->rooms);
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
