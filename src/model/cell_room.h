/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What claims leave of the NUMA cells of a host. */
#include "model/topology.h"

/* What is left of one cell. */
typedef struct CellRoom {
    const HostCell *cell; /* borrowed */
    CpuSet dedicated;     /* free processors for pinned guests */
    CpuSet floating;
    int64_t memory_mib;   /* in ordinary pages */
    GArray *pages;        /* of CellPages, free */
} CellRoom;

/* CellRoom *, in the order of the cells, which they borrow. topologies: a line for each claim. */
GPtrArray *cell_rooms_new(const HostTopology *host, const char *topologies);
/* NULL: the cell has none of that size. */
CellPages *cell_room_pages(const CellRoom *room, int64_t size_kib);
