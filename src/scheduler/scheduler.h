/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where may an instance go, and where is it best? Pure functions over facts: no I/O, no clock. Each
 * constraint is one row of a table (checks in scheduler.c); every no carries what was needed, what
 * is there and what would help, so that "no valid host" never stands alone. Who asks: the create
 * operation, the live migration, and later whoever explains. */
#include "base/error.h"
#include "model/host.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, name in texts; in the order in which they are made: the first failure is the one told. */
#define PLACEMENT_CHECKS(X)                                                                        \
    X(REQUESTED, "requested")   /* it is the host that was asked for, if one was */                \
    X(NOT_SOURCE, "not-source") /* the instance is not on it already */                            \
    X(ZONE, "zone")             /* it is in the zone that was asked for, if one was */             \
    X(UP, "up")                                                                                    \
    X(ENABLED, "enabled")                                                                          \
    X(CONNECTED, "connected")                                                                      \
    X(FACTS, "facts") /* it has said what it is and has */                                         \
    X(ARCH, "arch")                                                                                \
    X(VERSION, "version") /* its hypervisor is not older than the source's */                      \
    X(REFUSED, "destination-check") /* it was asked, and can run the guest */                      \
    X(RAM, "ram")                                                                                  \
    X(VCPUS, "vcpus")                                                                              \
    X(DISK, "disk")          /* what is promised to instances */                                   \
    X(DISK_FREE, "disk-free") /* what is really free in the pool */

typedef enum {
#define X(name, text) PLACEMENT_CHECK_##name,
    PLACEMENT_CHECKS(X)
#undef X
        PLACEMENT_N_CHECKS,
} PlacementCheck;
const char *placement_check_name(PlacementCheck check);

/* What is asked for. Strings are borrowed. */
typedef struct PlacementRequest {
    const char *instance_id;
    int vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
    const char *requested_host; /* NULL: any */
    const char *zone;           /* NULL: any */
    const char *source_host;    /* where it is; NULL for a create */
    GHashTable *refusals;       /* host -> its own no, as far as it was asked; NULL: nobody was */
    bool force;                 /* the named host is taken without the checks of policy: zone,
                                 * enabled, vcpus, disk */
    bool disk_over_commit;      /* really free bytes do not matter */
    double cpu_allocation_ratio;
    double ram_allocation_ratio;
    double disk_allocation_ratio;
    int reserved_host_memory_mib;
    int64_t service_down_time_us;
    int64_t now_us;
} PlacementRequest;

/* One check of one host. The texts are made for failures only. */
typedef struct PlacementRow {
    bool passed;
    char *needed; /* "2048 MiB" */
    char *have;   /* "1024 MiB" */
    char *fix;    /* one sentence for the operator */
} PlacementRow;

typedef struct PlacementHost {
    const Host *host; /* borrowed from the hosts given */
    bool fits;        /* every row passed */
    PlacementRow rows[PLACEMENT_N_CHECKS];
} PlacementHost;

typedef struct Placement {
    PlacementHost *hosts; /* in the order of the hosts given */
    unsigned n_hosts;
    const Host *chosen;   /* NULL: nobody fits */
} Placement;

/* hosts: Host *; usage: name -> HostUsage *, a missing one is an empty host. Of those that fit the
 * one with most free RAM is chosen, ties by name. */
Placement *placement_make(
    const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage);
void placement_free(Placement *placement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Placement, placement_free)
/* Why nobody fits, as Nova says it where Nova has a text: bounded for a fleet of any size. Caller
 * frees. */
char *placement_reason(const Placement *placement, const PlacementRequest *request);

/* For store_claim: the choice and the error in one. The name is borrowed from hosts. */
const char *scheduler_choose(
    const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage, GError **error);
