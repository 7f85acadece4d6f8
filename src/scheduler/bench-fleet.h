/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The fake fleets of bench-scheduler, and what is asked of them. */
#include "scheduler/internal.h"

/* NAME, what it is called in the output. What excludes each other is in kinds of its own: nothing
 * with a PCI device moves live, huge pages are not taken of free memory, and a server group has one
 * policy. */
#define BENCH_KINDS(X)                                                                             \
    X(PLAIN, "plain") /* nothing but a size, perhaps a zone: of hosts in no aggregate */           \
    X(CREATE, "create") /* one with hints and volumes, in a group that would rather be apart */    \
    X(LIVE, "live")     /* a live move with hints and volumes, in a group that is apart */         \
    X(PINNED, "live-pinned") /* the same with two cells, processors of its own and huge pages */   \
    X(PCI, "cold-pci") /* a cold move of such a guest with two devices */

typedef enum {
#define X(name, text) BENCH_##name,
    BENCH_KINDS(X)
#undef X
        BENCH_N_KINDS,
} BenchKind;
const char *bench_kind_name(BenchKind kind);

typedef struct Fleet Fleet;
/* rich: in aggregates, with cells, devices and guests that are bound to them. */
Fleet *fleet_new(unsigned n_hosts, bool rich, GRand *random);
void fleet_free(Fleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_free)
HostIndex *fleet_hosts(const Fleet *fleet);
/* As long as the fleet lives; the next one writes over what it borrows. */
PlacementRequest fleet_ask(Fleet *fleet, BenchKind kind);
