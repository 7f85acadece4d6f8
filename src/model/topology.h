/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The processors and the memory of a host by its NUMA cells, and what of them one guest is given.
 * Both are kept as text, a line for each thing; nobody but these functions reads it. */
#include "model/cpu_set.h"

/* ---- of a host ---- */

typedef struct CellPages {
    int64_t size_kib;
    int64_t count;
    int64_t foreign; /* of them in use, and not by guests whose claims name them */
} CellPages;

typedef struct HostCell {
    int id;
    int64_t memory_mib;
    CpuSet cpus;
    GArray *cores; /* of CpuSet: threads of one core each */
    GArray *pages; /* of CellPages: those larger than ordinary ones */
} HostCell;

typedef struct HostTopology {
    bool has_dedicated; /* [compute] cpu_dedicated_set says what is for pinned guests */
    bool has_shared;    /* cpu_shared_set says what is for all others */
    CpuSet dedicated;
    CpuSet shared;
    GPtrArray *cells; /* HostCell *, by their ids */
} HostTopology;

HostTopology *host_topology_new(void);
void host_topology_free(HostTopology *topology);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostTopology, host_topology_free)
HostCell *host_topology_add_cell(HostTopology *topology, int id);
CpuSet host_topology_cpus(const HostTopology *topology);
/* Those that guests which are not pinned run on: those shared, or when nothing is said of either
 * kind, all; with dedicated ones alone, none. Nova: [compute] cpu_shared_set. */
CpuSet host_topology_floating(const HostTopology *topology);
char *host_topology_text(const HostTopology *topology);
/* NULL: the text is NULL, empty, or none of ours. */
HostTopology *host_topology_parse(const char *text);
bool host_topology_has_foreign_pages(const HostTopology *topology);

/* ---- of a guest ---- */

typedef struct GuestCell {
    int host_cell; /* -1: wherever */
    int n_vcpus;
    int64_t memory_mib;
    GArray *pins; /* of int: the processor of each of its vCPUs; empty: they float over: */
    CpuSet floats;
} GuestCell;

typedef struct GuestTopology {
    bool has_cells;      /* the guest sees NUMA cells */
    bool binds_memory;   /* its memory is taken from the host's cells that are named */
    int64_t page_kib;    /* 0 = ordinary ones */
    CpuSet emulator;     /* what QEMU's own threads run on; empty: everywhere */
    CpuSet blocked;      /* taken, and left idle */
    GPtrArray *cells;    /* GuestCell * */
} GuestTopology;

GuestTopology *guest_topology_new(void);
void guest_topology_free(GuestTopology *topology);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestTopology, guest_topology_free)
GuestCell *guest_topology_add_cell(GuestTopology *topology);
/* The processors that are its own: pinned or left idle. */
CpuSet guest_topology_taken(const GuestTopology *topology);
/* One line; never empty. */
char *guest_topology_text(const GuestTopology *topology);
GuestTopology *guest_topology_parse(const char *text); /* as host_topology_parse */
/* The pages of a guest that runs there are not foreign. */
void host_topology_own_pages(HostTopology *host, const GuestTopology *guest);
/* Of such a text, or NULL: its vCPUs have processors of their own; and how many others it has that
 * stay idle. What has none is not read whole. */
bool guest_topology_is_pinned(const char *text);
int guest_topology_count_idle(const char *text);
/* Likewise: its memory is in pages that the host keeps apart from what is free. */
bool guest_topology_has_huge_pages(const char *text);
