/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Neighbours: claims of the instances that another one has to be near to, or apart from. What a
 * claim is checked against and what a plan counts beforehand come from this one place. */
#include "model/host_index.h"
#include "model/instance.h"

/* An instance has one on each host that it claims: two while it moves, and until a cold move is
 * confirmed. */
typedef struct Neighbour {
    char *instance_id;
    char *group_id; /* of its server group; NULL: it is in none */
    char *host;
} Neighbour;

Neighbour *neighbour_new(const char *instance_id, const char *group_id, const char *host);
void neighbour_free(Neighbour *neighbour);

/* Fills in group_members, group_settled and group_size of each host's usage for a decision about
 * that instance. neighbours: Neighbour *, of any instances, itself included. */
void neighbours_tell(const GPtrArray *neighbours, const Instance *instance, HostIndex *hosts);
/* That instance has arrived there, and is nowhere else. */
void neighbours_move(GPtrArray *neighbours, const Instance *instance, const char *host);
