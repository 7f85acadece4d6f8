/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of planner/ alone. */
#include "planner/drain_plan.h"

/* One way of choosing, from beginning to end. */
typedef struct DrainAttempt {
    const DrainRequest *request;
    PlacementPolicy policy;
    GPtrArray *hosts;
    HostIndex *index; /* its own: with what is planned, as are the neighbours */
    GPtrArray *neighbours;
    GPtrArray *steps;
    GHashTable *groups;  /* id -> DrainGroup: affinity groups of which somebody is to leave */
    GHashTable *drained; /* host -> why: where nothing goes, since drains empty it */
} DrainAttempt;

/* ---- drain_place.c ---- */
/* hosts and subjects: as of drain_plan; order: of DrainStep *const *. */
DrainAttempt *drain_attempt_new(const DrainRequest *request, const GPtrArray *subjects,
    GPtrArray *hosts, GHashTable *usage);
void drain_attempt_free(DrainAttempt *attempt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DrainAttempt, drain_attempt_free)
void drain_attempt_run(DrainAttempt *attempt, GCompareFunc order);
/* What it needs, with everything that is known around it. refusals are borrowed. */
PlacementRequest drain_request_of(
    const DrainAttempt *attempt, const DrainStep *step, GHashTable *refusals);
/* Hosts that drains empty, and those that failed one of these steps; caller unrefs. */
GHashTable *drain_refusals_new(
    const DrainAttempt *attempt, DrainStep *const *steps, unsigned n_steps);
/* The host for that request, told of its neighbours; given: what it is given there. NULL: none. */
const char *drain_choose(const DrainAttempt *attempt, const DrainStep *step,
    const PlacementRequest *request, StoredDecision *given, GError **error);
/* As a claim takes it. */
void drain_take(DrainAttempt *attempt, const Instance *instance, const char *host,
    const StoredDecision *given);
/* No host will do for that request: the step says why. */
void drain_stays_without_host(DrainAttempt *attempt, DrainStep *step, PlacementRequest request);
/* What helps its affinity group, or else to do without it; caller frees. */
char *drain_fix_without_group(const char *otherwise, const DrainJob *job);
/* A copy of neighbours, Neighbour *. */
GPtrArray *drain_copy_neighbours(const GPtrArray *neighbours);

/* ---- drain_group.c ---- */
/* What is known of an affinity group. */
typedef struct DrainGroup {
    GPtrArray *steps;      /* borrowed: those of it that can move */
    const Arrival *coming; /* one of it that is on its way; NULL: none */
    char *others;          /* why it does not move as a whole, in words; NULL: it can */
    bool is_busy;          /* that ends by itself: an operation of one of it is under way */
    bool is_settled;       /* one of it is left where it is: no job moves it */
} DrainGroup;
/* Fills in attempt->groups. */
void drain_find_groups(DrainAttempt *attempt);
void drain_group_free(DrainGroup *group);
/* The group with which that one moves, or which it follows; NULL: it goes by itself. */
DrainGroup *drain_group_of(const DrainAttempt *attempt, const DrainStep *step);
/* Places what moves with it as a whole: all of them, or none. */
void drain_place_group(DrainAttempt *attempt, DrainGroup *group);
/* Places one that follows who is on its way. */
void drain_place_follower(DrainAttempt *attempt, DrainStep *step, const Arrival *coming);

/* ---- drain_step.c ---- */
/* Without a host, and without a slot. */
DrainStep *drain_step_new(DrainSubject *subject, GPtrArray *hosts);
/* fix may be NULL. */
void drain_step_stays(DrainStep *step, const char *reason, const char *fix);
/* It may not go where others of its server group are, or not where none is. */
bool drain_is_bound(const Instance *instance);
/* Its hint same_host names the other's instance: it can go where that one is, once it is there. */
bool drain_step_follows(const DrainStep *step, const DrainStep *other);
/* Of DrainStep *const *. The largest first. */
int drain_step_compare_sizes(gconstpointer one, gconstpointer other);
/* The same, but what has one host alone comes first; and of the earlier job first. */
int drain_step_compare_pinned(gconstpointer one, gconstpointer other);
int drain_step_compare_ages(gconstpointer one, gconstpointer other);
int drain_step_compare_aged_needs(gconstpointer one, gconstpointer other);
/* What is hard to place first: what is choosy, then by processors of its own, then by memory. */
int drain_step_compare_needs(gconstpointer one, gconstpointer other);
