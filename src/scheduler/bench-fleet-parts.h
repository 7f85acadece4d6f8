/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the files of bench-fleet share. */
#include "scheduler/bench-fleet.h"

#include "model/canary_map.h"
#include "model/platform_answer.h"

enum { FLEET_NOW_S = 2000, FLEET_RACKS = 40, FLEET_TOPOLOGIES = 1000 };

struct Fleet {
    GRand *random; /* borrowed */
    HostIndex *hosts;
    HostAggregates *racks[FLEET_RACKS];
    char *topologies[FLEET_TOPOLOGIES];
    PlacementPolicy policy;
    GPtrArray *ports; /* of every guest */
    GPtrArray *volumes;
    Instance *instance; /* whose disks go along */
    CanaryMap *canaries;
    GHashTable *platforms;
    GHashTable *refusals;
    Rehearsal rehearsal;
};

/* bench-fleet-hosts.c: puts so many hosts into it, and all that is known of them. */
void fleet_add_hosts(Fleet *fleet, unsigned n_hosts, bool rich);

/* bench-fleet-guests.c */
GPtrArray *fleet_make_ports(void);
GPtrArray *fleet_make_volumes(void);
