/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/cell_room.h"

static void
room_free(void *data)
{
    CellRoom *room = data;
    g_array_unref(room->pages);
    g_free(room);
}

static CellRoom *
room_new(const HostTopology *host, const HostCell *cell)
{
    CellRoom *room = g_new0(CellRoom, 1);
    CpuSet floating = host_topology_floating(host);
    room->cell = cell;
    room->dedicated = cpu_set_both(&cell->cpus, &host->dedicated);
    room->floating = cpu_set_both(&cell->cpus, &floating);
    room->memory_mib = cell->memory_mib;
    room->pages = g_array_new(FALSE, FALSE, sizeof(CellPages));
    for (unsigned i = 0; i < cell->pages->len; i++) {
        CellPages pages = g_array_index(cell->pages, CellPages, i);
        room->memory_mib -= pages.size_kib * pages.count / 1024;
        pages.count -= pages.foreign;
        g_array_append_val(room->pages, pages);
    }
    return room;
}

CellPages *
cell_room_pages(const CellRoom *room, int64_t size_kib)
{
    for (unsigned i = 0; i < room->pages->len; i++) {
        CellPages *pages = &g_array_index(room->pages, CellPages, i);
        if (pages->size_kib == size_kib) {
            return pages;
        }
    }
    return NULL;
}

static void
take_memory(CellRoom *room, int64_t page_kib, int64_t memory_mib)
{
    CellPages *pages = page_kib > 0 ? cell_room_pages(room, page_kib) : NULL;
    if (pages != NULL) {
        pages->count -= memory_mib * 1024 / page_kib;
    } else if (page_kib == 0) {
        room->memory_mib -= memory_mib;
    }
}

static void
take_claim(GPtrArray *rooms, const GuestTopology *guest)
{
    CpuSet taken = guest_topology_taken(guest);
    for (unsigned i = 0; i < rooms->len; i++) {
        CellRoom *room = rooms->pdata[i];
        room->dedicated = cpu_set_without(&room->dedicated, &taken);
        for (unsigned j = 0; j < guest->cells->len; j++) {
            const GuestCell *cell = guest->cells->pdata[j];
            if (cell->host_cell == room->cell->id) {
                take_memory(room, guest->page_kib, cell->memory_mib);
            }
        }
    }
}

GPtrArray *
cell_rooms_new(const HostTopology *host, const char *topologies)
{
    GPtrArray *rooms = g_ptr_array_new_with_free_func(room_free);
    for (unsigned i = 0; i < host->cells->len; i++) {
        g_ptr_array_add(rooms, room_new(host, host->cells->pdata[i]));
    }
    g_auto(GStrv) lines = g_strsplit(topologies != NULL ? topologies : "", "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        g_autoptr(GuestTopology) guest = guest_topology_parse(lines[i]);
        if (guest != NULL) {
            take_claim(rooms, guest);
        }
    }
    return rooms;
}
