/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a flavor asks of the processors and the memory of a host, and what of them a guest is given.
 * Pure. Sources: Nova, "CPU topologies", "Huge pages" and "Extra specs". */
#include "base/error.h"
#include "model/cell_room.h"

/* hw:cpu_thread_policy. */
typedef enum {
    CPU_THREADS_PREFER,  /* whole cores first */
    CPU_THREADS_ISOLATE, /* a core each; its other threads stay idle */
    CPU_THREADS_REQUIRE, /* cores with several threads alone, and whole ones */
} CpuThreads;

enum { PAGES_ORDINARY = 0, PAGES_LARGE = -1, PAGES_ANY = -2 };

typedef struct NumaRequest {
    bool is_dedicated;    /* hw:cpu_policy */
    int n_cells;          /* hw:numa_nodes; 0 = it does not ask for any */
    bool asks_pages;      /* hw:mem_page_size: */
    int64_t page_kib;     /* one size, or one of the above */
    CpuThreads threads;
    bool shares_emulator; /* hw:emulator_threads_policy = share */
} NumaRequest;

/* INVALID, one sentence: what the flavor asks for does not exist, contradicts itself or is not
 * done here. Other keys are left to others. */
bool numa_request_read(const char *extra_specs_json, int vcpus, int64_t ram_mib,
    NumaRequest *ret_request, GError **error);
/* It is bound to processors, cells or pages of its host. */
bool numa_request_binds(const NumaRequest *request);

/* Its memory is taken of pages that are for nothing else; of "any" that is not known. */
bool numa_request_has_huge_pages(const NumaRequest *request);

/* What a guest of that size gets of rooms (CellRoom *); NULL: it does not fit. One that asks for
 * nothing gets the processors that float, when the host says which. */
GuestTopology *numa_fit(
    const NumaRequest *request, int vcpus, int64_t ram_mib, const HostTopology *host,
    GPtrArray *rooms);
