/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/topology.h"

#include <stdlib.h>
#include <string.h>

/* ---- words: "cell id=0 cpus=0-3": a kind, then names with values ---- */

static const char *
value_of(char *const *words, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 1; words[0] != NULL && words[i] != NULL; i++) {
        if (strncmp(words[i], name, length) == 0 && words[i][length] == '=') {
            return words[i] + length + 1;
        }
    }
    return "";
}

static int64_t
number_of(char *const *words, const char *name)
{
    return g_ascii_strtoll(value_of(words, name), NULL, 10);
}

static CpuSet
set_of(char *const *words, const char *name)
{
    CpuSet set = {0};
    const char *text = value_of(words, name);
    if (*text != '\0') {
        cpu_set_parse(text, &set);
    }
    return set;
}

static void
put_set(GString *text, const char *name, const CpuSet *set)
{
    if (!cpu_set_is_empty(set)) {
        g_autofree char *cpus = cpu_set_text(set);
        g_string_append_printf(text, " %s=%s", name, cpus);
    }
}

/* ---- of a host ---- */

static void
host_cell_free(void *data)
{
    HostCell *cell = data;
    g_array_unref(cell->cores);
    g_array_unref(cell->pages);
    g_free(cell);
}

HostTopology *
host_topology_new(void)
{
    HostTopology *topology = g_new0(HostTopology, 1);
    topology->cells = g_ptr_array_new_with_free_func(host_cell_free);
    return topology;
}

void
host_topology_free(HostTopology *topology)
{
    if (topology != NULL) {
        g_ptr_array_unref(topology->cells);
        g_free(topology);
    }
}

HostCell *
host_topology_add_cell(HostTopology *topology, int id)
{
    HostCell *cell = g_new0(HostCell, 1);
    cell->id = id;
    cell->cores = g_array_new(FALSE, FALSE, sizeof(CpuSet));
    cell->pages = g_array_new(FALSE, FALSE, sizeof(CellPages));
    g_ptr_array_add(topology->cells, cell);
    return cell;
}

CpuSet
host_topology_cpus(const HostTopology *topology)
{
    CpuSet cpus = {0};
    for (unsigned i = 0; i < topology->cells->len; i++) {
        const HostCell *cell = topology->cells->pdata[i];
        cpus = cpu_set_either(&cpus, &cell->cpus);
    }
    return cpus;
}

CpuSet
host_topology_floating(const HostTopology *topology)
{
    CpuSet all = host_topology_cpus(topology);
    if (topology->has_shared) {
        return cpu_set_both(&all, &topology->shared);
    }
    return topology->has_dedicated ? (CpuSet){0} : all;
}

static void
put_host_cell(GString *text, const HostCell *cell)
{
    g_string_append_printf(
        text, "cell id=%d memory=%" G_GINT64_FORMAT, cell->id, cell->memory_mib);
    put_set(text, "cpus", &cell->cpus);
    for (unsigned i = 0; i < cell->cores->len; i++) {
        g_autofree char *core = cpu_set_text(&g_array_index(cell->cores, CpuSet, i));
        g_string_append_printf(text, "%s%s", i == 0 ? " cores=" : "/", core);
    }
    for (unsigned i = 0; i < cell->pages->len; i++) {
        const CellPages *pages = &g_array_index(cell->pages, CellPages, i);
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT,
            i == 0 ? " pages=" : "/", pages->size_kib, pages->count);
        if (pages->foreign > 0) {
            g_string_append_printf(text, ":%" G_GINT64_FORMAT, pages->foreign);
        }
    }
    g_string_append_c(text, '\n');
}

char *
host_topology_text(const HostTopology *topology)
{
    GString *text = g_string_new(NULL);
    if (topology->has_dedicated || topology->has_shared) {
        g_string_append_printf(
            text, "sets of=%d", topology->has_dedicated + 2 * topology->has_shared);
        put_set(text, "dedicated", &topology->dedicated);
        put_set(text, "shared", &topology->shared);
        g_string_append_c(text, '\n');
    }
    for (unsigned i = 0; i < topology->cells->len; i++) {
        put_host_cell(text, topology->cells->pdata[i]);
    }
    return g_string_free(text, FALSE);
}

static void
read_host_cell(HostTopology *topology, char *const *words)
{
    HostCell *cell = host_topology_add_cell(topology, (int)number_of(words, "id"));
    cell->memory_mib = number_of(words, "memory");
    cell->cpus = set_of(words, "cpus");
    g_auto(GStrv) cores = g_strsplit(value_of(words, "cores"), "/", -1);
    for (size_t i = 0; cores[i] != NULL; i++) {
        CpuSet core = {0};
        if (cpu_set_parse(cores[i], &core)) {
            g_array_append_val(cell->cores, core);
        }
    }
    g_auto(GStrv) pages = g_strsplit(value_of(words, "pages"), "/", -1);
    for (size_t i = 0; pages[i] != NULL; i++) {
        char *end = NULL;
        CellPages entry = {.size_kib = g_ascii_strtoll(pages[i], &end, 10)};
        entry.count = *end == ':' ? g_ascii_strtoll(end + 1, &end, 10) : 0;
        entry.foreign = *end == ':' ? g_ascii_strtoll(end + 1, NULL, 10) : 0;
        g_array_append_val(cell->pages, entry);
    }
}

HostTopology *
host_topology_parse(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
    g_autoptr(HostTopology) topology = host_topology_new();
    for (size_t i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
        if (g_strcmp0(words[0], "cell") == 0) {
            read_host_cell(topology, words);
        } else if (g_strcmp0(words[0], "sets") == 0) {
            int64_t of = number_of(words, "of");
            topology->has_dedicated = (of & 1) != 0;
            topology->has_shared = (of & 2) != 0;
            topology->dedicated = set_of(words, "dedicated");
            topology->shared = set_of(words, "shared");
        }
    }
    return topology->cells->len > 0 ? g_steal_pointer(&topology) : NULL;
}

/* ---- of a guest ---- */

static void
guest_cell_free(void *data)
{
    GuestCell *cell = data;
    g_array_unref(cell->pins);
    g_free(cell);
}

GuestTopology *
guest_topology_new(void)
{
    GuestTopology *topology = g_new0(GuestTopology, 1);
    topology->cells = g_ptr_array_new_with_free_func(guest_cell_free);
    return topology;
}

void
guest_topology_free(GuestTopology *topology)
{
    if (topology != NULL) {
        g_ptr_array_unref(topology->cells);
        g_free(topology);
    }
}

GuestCell *
guest_topology_add_cell(GuestTopology *topology)
{
    GuestCell *cell = g_new0(GuestCell, 1);
    cell->host_cell = -1;
    cell->pins = g_array_new(FALSE, FALSE, sizeof(int));
    g_ptr_array_add(topology->cells, cell);
    return cell;
}

CpuSet
guest_topology_taken(const GuestTopology *topology)
{
    CpuSet taken = topology->blocked;
    for (unsigned i = 0; i < topology->cells->len; i++) {
        const GuestCell *cell = topology->cells->pdata[i];
        for (unsigned j = 0; j < cell->pins->len; j++) {
            cpu_set_add(&taken, g_array_index(cell->pins, int, j));
        }
    }
    return taken;
}

static void
put_guest_cell(GString *text, const GuestCell *cell)
{
    g_string_append_printf(text, ";cell host=%d vcpus=%d memory=%" G_GINT64_FORMAT,
        cell->host_cell, cell->n_vcpus, cell->memory_mib);
    for (unsigned i = 0; i < cell->pins->len; i++) {
        g_string_append_printf(
            text, "%s%d", i == 0 ? " pins=" : "/", g_array_index(cell->pins, int, i));
    }
    put_set(text, "floats", &cell->floats);
}

char *
guest_topology_text(const GuestTopology *topology)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "guest cells=%d binds=%d page=%" G_GINT64_FORMAT,
        topology->has_cells, topology->binds_memory, topology->page_kib);
    put_set(text, "emulator", &topology->emulator);
    put_set(text, "blocked", &topology->blocked);
    for (unsigned i = 0; i < topology->cells->len; i++) {
        put_guest_cell(text, topology->cells->pdata[i]);
    }
    return g_string_free(text, FALSE);
}

static void
read_guest_cell(GuestTopology *topology, char *const *words)
{
    GuestCell *cell = guest_topology_add_cell(topology);
    cell->host_cell = (int)number_of(words, "host");
    cell->n_vcpus = (int)number_of(words, "vcpus");
    cell->memory_mib = number_of(words, "memory");
    cell->floats = set_of(words, "floats");
    g_auto(GStrv) pins = g_strsplit(value_of(words, "pins"), "/", -1);
    for (size_t i = 0; pins[i] != NULL; i++) {
        int pin = atoi(pins[i]);
        g_array_append_val(cell->pins, pin);
    }
}

GuestTopology *
guest_topology_parse(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text != NULL ? text : "", ";", -1);
    if (parts[0] == NULL || !g_str_has_prefix(parts[0], "guest ")) {
        return NULL;
    }
    GuestTopology *topology = guest_topology_new();
    g_auto(GStrv) head = g_strsplit(parts[0], " ", -1);
    topology->has_cells = number_of(head, "cells") != 0;
    topology->binds_memory = number_of(head, "binds") != 0;
    topology->page_kib = number_of(head, "page");
    topology->emulator = set_of(head, "emulator");
    topology->blocked = set_of(head, "blocked");
    for (size_t i = 1; parts[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(parts[i], " ", -1);
        read_guest_cell(topology, words);
    }
    return topology;
}

bool
guest_topology_is_pinned(const char *text)
{
    return text != NULL && strstr(text, " pins=") != NULL;
}

int
guest_topology_count_idle(const char *text)
{
    if (text == NULL || strstr(text, " blocked=") == NULL) {
        return 0;
    }
    g_autoptr(GuestTopology) topology = guest_topology_parse(text);
    return topology != NULL ? cpu_set_count(&topology->blocked) : 0;
}

bool
guest_topology_has_huge_pages(const char *text)
{
    static const char name[] = " page=";
    const char *at = text != NULL ? strstr(text, name) : NULL;
    return at != NULL && g_ascii_strtoll(at + strlen(name), NULL, 10) > 0;
}

/* ---- pages of both ---- */

bool
host_topology_has_foreign_pages(const HostTopology *topology)
{
    for (unsigned i = 0; i < topology->cells->len; i++) {
        const HostCell *cell = topology->cells->pdata[i];
        for (unsigned j = 0; j < cell->pages->len; j++) {
            if (g_array_index(cell->pages, CellPages, j).foreign > 0) {
                return true;
            }
        }
    }
    return false;
}

static void
own_pages(HostCell *cell, int64_t size_kib, int64_t memory_mib)
{
    for (unsigned i = 0; i < cell->pages->len; i++) {
        CellPages *pages = &g_array_index(cell->pages, CellPages, i);
        if (pages->size_kib == size_kib) {
            pages->foreign = MAX(pages->foreign - memory_mib * 1024 / size_kib, 0);
        }
    }
}

void
host_topology_own_pages(HostTopology *host, const GuestTopology *guest)
{
    for (unsigned i = 0; guest->page_kib > 0 && i < guest->cells->len; i++) {
        const GuestCell *given = guest->cells->pdata[i];
        for (unsigned j = 0; j < host->cells->len; j++) {
            HostCell *cell = host->cells->pdata[j];
            if (cell->id == given->host_cell) {
                own_pages(cell, guest->page_kib, given->memory_mib);
            }
        }
    }
}
