/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of scheduler/ alone: what its two tables look at. */
#include "scheduler/scheduler.h"

/* NAME, Nova's name: the filters that can be switched. */
#define PLACEMENT_FILTERS(X)                                                                       \
    X(COMPUTE, "ComputeFilter")                                                                    \
    X(NUM_INSTANCES, "NumInstancesFilter")                                                         \
    X(TENANCY, "AggregateMultiTenancyIsolation")                                                   \
    X(EXTRA_SPECS, "AggregateInstanceExtraSpecsFilter")

typedef enum {
    FILTER_NONE = -1,
#define X(name, text) FILTER_##name,
    PLACEMENT_FILTERS(X)
#undef X
        N_FILTERS,
} PlacementFilter;
const char *placement_filter_name(PlacementFilter filter); /* NULL for FILTER_NONE */

/* What a flavor wants an aggregate to say of its host. */
typedef struct Spec {
    char *key;
    char *wanted; /* the value, or an operator and what it is applied to: "<or> a <or> b" */
} Spec;
/* Of the flavor's extra specs: Spec *. */
GPtrArray *specs_new(const char *extra_specs_json);
void spec_free(Spec *spec);
bool spec_matches(const char *have, const char *wanted);
bool spec_is_met(const Spec *spec, const HostAggregates *aggregates);

/* What a check looks at. */
typedef struct Subject {
    const PlacementRequest *request;
    const Host *host;
    const Host *source; /* NULL: a create, or the source is not known */
    const HostUsage *usage;
    const GPtrArray *specs; /* Spec * */
} Subject;

/* ---- what checks have in common ---- */
PlacementResult check_answer(bool passed, const char *fix, PlacementRow *row);
PlacementResult check_unless_forced(PlacementResult result, const Subject *subject);
/* ---- group_checks.c ---- */
PlacementResult check_cell(const Subject *subject, PlacementRow *row);
PlacementResult check_tenant(const Subject *subject, PlacementRow *row);
PlacementResult check_extra_specs(const Subject *subject, PlacementRow *row);
PlacementResult check_affinity(const Subject *subject, PlacementRow *row);
PlacementResult check_anti_affinity(const Subject *subject, PlacementRow *row);

/* row NULL: only the answer, which is cheap. Otherwise the row is filled in. */
PlacementResult placement_check(const Subject *subject, PlacementCheck check, PlacementRow *row);
/* Whether any host could fail it: what the request does not ask for is not asked of every host. */
bool placement_can_fail(const Subject *subject, PlacementCheck check);

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
    GPtrArray *specs;                          /* Spec * */
    PlacementCheck checks[PLACEMENT_N_CHECKS]; /* those that a host could fail, in their order */
    unsigned n_checks;
    unsigned n_before_claims; /* of these: those that do not look at claims */
    Tally tallies[PLACEMENT_N_CHECKS];
} Look;

Subject look_subject(const Look *look, unsigned index);
/* PLACEMENT_N_CHECKS: it fits. The claims of a host that fails before them are not looked up: that
 * is a quarter of the time of a decision. */
PlacementCheck look_first_failure(const Look *look, unsigned index, Subject *ret_subject);
/* Why nobody fits. Caller frees. */
char *look_reason(const Look *look);
