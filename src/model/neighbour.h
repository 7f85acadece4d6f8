/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Neighbours: claims of the instances that another one has to be near to, or apart from. What a
 * claim is checked against and what a plan counts beforehand come from this one place. */
#include "model/host_index.h"
#include "model/instance.h"

/* What a drain or restore that is under way does with it, as seen from that host. */
typedef enum {
    NEIGHBOUR_STAYS,  /* nothing: it was not taken into one, or is where that wants it */
    NEIGHBOUR_LEAVES, /* it is to leave the host, and waits */
    NEIGHBOUR_GOES,   /* that has asked for its move */
} NeighbourPlan;

/* An instance has one on each host that it claims: two while it moves, and until a cold move is
 * confirmed. */
typedef struct Neighbour {
    char *instance_id;
    char *group_id; /* of its server group; NULL: it is in none */
    char *host;
    NeighbourPlan plan;
} Neighbour;

Neighbour *neighbour_new(const char *instance_id, const char *group_id, const char *host);
void neighbour_free(Neighbour *neighbour);

/* Whether it is one of the ids, which stand with commas between; NULL: none does. */
bool neighbour_is_named(const char *ids, const char *id);
/* Whether anybody's place matters for its own. */
bool neighbours_matter(const Instance *instance);
/* Fills in what each host's usage tells of its server group and of those that its hints name, for a
 * decision about that instance. neighbours: Neighbour *, of any instances, itself included. */
void neighbours_tell(const GPtrArray *neighbours, const Instance *instance, HostIndex *hosts);
/* That host is dead, and evacuated before anything else is done: nobody on it binds anybody, and no
 * drain holds the others. */
void neighbours_lose(GPtrArray *neighbours, const char *host);
/* That instance has arrived there, and is nowhere else. */
void neighbours_move(GPtrArray *neighbours, const Instance *instance, const char *host);
