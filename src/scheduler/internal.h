/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of scheduler/ alone: what its two tables look at. */
#include "scheduler/scheduler.h"

/* NAME, Nova's name: the filters that can be switched. */
#define PLACEMENT_FILTERS(X)                                                                       \
    X(COMPUTE, "ComputeFilter")                                                                    \
    X(NUM_INSTANCES, "NumInstancesFilter")

typedef enum {
    FILTER_NONE = -1,
#define X(name, text) FILTER_##name,
    PLACEMENT_FILTERS(X)
#undef X
        N_FILTERS,
} PlacementFilter;
const char *placement_filter_name(PlacementFilter filter); /* NULL for FILTER_NONE */

/* What a check looks at. */
typedef struct Subject {
    const PlacementRequest *request;
    const Host *host;
    const Host *source; /* NULL: a create, or the source is not known */
    const HostUsage *usage;
} Subject;

/* row NULL: only the answer, which is cheap. Otherwise the row is filled in. */
PlacementResult placement_check(const Subject *subject, PlacementCheck check, PlacementRow *row);
/* The first check from one to before another that fails; the latter: none does. */
PlacementCheck placement_first_failure(
    const Subject *subject, PlacementCheck from, PlacementCheck to);

/* What is left of a host by its claims. */
int64_t subject_free_ram_mib(const Subject *subject);
int64_t subject_free_vcpus(const Subject *subject);
int64_t subject_free_disk_gib(const Subject *subject);

/* What this weigher sees in a host that has facts. */
double placement_weigh(const Subject *subject, PlacementWeigher weigher);

/* ---- reason.c ---- */
enum { TALLY_NAMED = 3 };

/* Hosts whose first failure was one check. */
typedef struct Tally {
    unsigned n_failed;
    unsigned named[TALLY_NAMED]; /* the first of them, by their place in the list */
} Tally;

/* What a look at every host has found. */
typedef struct Look {
    const PlacementRequest *request;
    GPtrArray *hosts;
    GHashTable *usage;
    const Host *source;
    Tally tallies[PLACEMENT_N_CHECKS];
} Look;

Subject look_subject(const Look *look, unsigned index);
/* PLACEMENT_N_CHECKS: it fits. The claims of a host that fails before them are not looked up: that
 * is a quarter of the time of a decision. */
PlacementCheck look_first_failure(const Look *look, unsigned index, Subject *ret_subject);
/* Why nobody fits. Caller frees. */
char *look_reason(const Look *look);
