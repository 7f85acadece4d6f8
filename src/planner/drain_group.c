/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Affinity groups of a plan. None of their servers may go where the others are not, so they go to
 * one host that has room for all: one leads, and the others follow when it is there. */
#include "planner/internal.h"

#include "model/neighbour.h"

#include <string.h>

/* So many hosts are looked at with all of a group: each is a choice of its own. Then as many of
 * those that take each of it. */
enum { MAX_TRIES = 32 };

void
drain_group_free(DrainGroup *group)
{
    if (group != NULL) {
        g_ptr_array_unref(group->steps);
        g_free(group->others);
        g_free(group);
    }
}

/* ---- who is in it ---- */

static bool
is_of_affinity(const Instance *instance)
{
    return instance->group_id != NULL && instance->group_policy == SERVER_GROUP_AFFINITY;
}

static DrainStep *
find_step(const DrainAttempt *attempt, const char *instance_id)
{
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        DrainStep *step = attempt->steps->pdata[i];
        if (strcmp(step->subject->instance->id, instance_id) == 0) {
            return step;
        }
    }
    return NULL;
}

static const Arrival *
find_arrival(const DrainAttempt *attempt, const char *instance_id)
{
    const GPtrArray *arrivals = attempt->request->around->arrivals;
    for (unsigned i = 0; i < arrivals->len; i++) {
        const Arrival *arrival = arrivals->pdata[i];
        if (strcmp(arrival->instance->id, instance_id) == 0) {
            return arrival;
        }
    }
    return NULL;
}

static bool
is_on_two_hosts(const DrainAttempt *attempt, const Neighbour *one)
{
    for (unsigned i = 0; i < attempt->neighbours->len; i++) {
        const Neighbour *other = attempt->neighbours->pdata[i];
        if (other != one && strcmp(other->instance_id, one->instance_id) == 0) {
            return true;
        }
    }
    return false;
}

/* Why the group does not move as a whole; the first one found is told. */
static void
set_others(DrainGroup *group, char *take_words)
{
    if (group->others == NULL) {
        group->others = take_words;
    } else {
        g_free(take_words);
    }
}

/* A claim of one of the group. True: it is settled, and nobody moves it: the others may join it. */
static bool
look_at_member(const DrainAttempt *attempt, DrainGroup *group, const Neighbour *one)
{
    DrainStep *step = find_step(attempt, one->instance_id);
    const Arrival *arrival = find_arrival(attempt, one->instance_id);
    const char *name = step != NULL ? step->subject->instance->name : one->instance_id;
    name = name != NULL ? name : one->instance_id;
    if (arrival != NULL) {
        group->coming = arrival;
        return false;
    }
    if (is_on_two_hosts(attempt, one)) {
        set_others(group, g_strdup_printf("'%s' of it waits to be confirmed or reverted", name));
        return false;
    }
    if (step == NULL) {
        set_others(group,
            g_strdup_printf("server %s of it is on %s and is not among those to be moved", name,
                one->host));
        return true;
    }
    if (step->move == PLANNED_NOTHING) {
        group->is_busy = group->is_busy || step->is_busy;
        set_others(group, g_strdup_printf("'%s' of it cannot move: %s", name, step->reason));
    }
    return false;
}

static void
look_at_group(const DrainAttempt *attempt, const char *id, DrainGroup *group)
{
    for (unsigned i = 0; i < attempt->neighbours->len; i++) {
        const Neighbour *one = attempt->neighbours->pdata[i];
        if (g_strcmp0(one->group_id, id) == 0) {
            group->is_settled = look_at_member(attempt, group, one) || group->is_settled;
        }
    }
    /* Beside one that has arrived nobody waits for the next. */
    group->coming = group->is_settled ? NULL : group->coming;
    for (unsigned i = 0; i < group->steps->len; i++) {
        DrainStep *step = group->steps->pdata[i];
        step->is_pinned = step->is_pinned || group->is_settled || group->coming != NULL;
    }
}

void
drain_find_groups(DrainAttempt *attempt)
{
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        DrainStep *step = attempt->steps->pdata[i];
        const Instance *instance = step->subject->instance;
        if (!is_of_affinity(instance) || step->move == PLANNED_NOTHING) {
            continue;
        }
        DrainGroup *group = g_hash_table_lookup(attempt->groups, instance->group_id);
        if (group == NULL) {
            group = g_new0(DrainGroup, 1);
            group->steps = g_ptr_array_new();
            g_hash_table_insert(attempt->groups, instance->group_id, group);
        }
        g_ptr_array_add(group->steps, step);
    }
    GHashTableIter iter;
    void *id;
    void *group;
    g_hash_table_iter_init(&iter, attempt->groups);
    while (g_hash_table_iter_next(&iter, &id, &group)) {
        look_at_group(attempt, id, group);
    }
}

DrainGroup *
drain_group_of(const DrainAttempt *attempt, const DrainStep *step)
{
    const Instance *instance = step->subject->instance;
    DrainGroup *group = is_of_affinity(instance)
        ? g_hash_table_lookup(attempt->groups, instance->group_id)
        : NULL;
    bool is_whole = group != NULL && group->others == NULL && group->steps->len > 1;
    return group != NULL && (group->coming != NULL || is_whole) ? group : NULL;
}

/* ---- who leads ---- */

static bool
names_one(const DrainGroup *group, const DrainStep *step)
{
    for (unsigned i = 0; i < group->steps->len; i++) {
        if (drain_step_follows(step, group->steps->pdata[i])) {
            return true;
        }
    }
    return false;
}

static bool
has_failed(const DrainStep *step)
{
    return step->subject->refusals != NULL && g_hash_table_size(step->subject->refusals) > 0;
}

/* Who is the most likely to fail goes while the others are still together: one that has failed
 * before, then the largest. Nobody goes before the one that its hint names. */
static bool
leads_better(const DrainGroup *group, const DrainStep *one, const DrainStep *other)
{
    bool one_waits = names_one(group, one);
    bool other_waits = names_one(group, other);
    if (one_waits != other_waits) {
        return other_waits;
    }
    if (has_failed(one) != has_failed(other)) {
        return has_failed(one);
    }
    return drain_step_compare_sizes(&one, &other) < 0;
}

static void
bring_leader_first(DrainGroup *group)
{
    for (unsigned i = 1; i < group->steps->len; i++) {
        if (leads_better(group, group->steps->pdata[i], group->steps->pdata[0])) {
            void *former = group->steps->pdata[0];
            group->steps->pdata[0] = group->steps->pdata[i];
            group->steps->pdata[i] = former;
        }
    }
}

/* ---- a host for all ---- */

/* What that one needs there, and nothing of its group, which comes along. host NULL: anywhere. */
static PlacementRequest
request_of(const DrainAttempt *attempt, const DrainStep *step, const char *host,
    GHashTable *refusals)
{
    PlacementRequest request = drain_request_of(attempt, step, refusals);
    request.group_policy = SERVER_GROUP_NONE;
    request.requested_host = host;
    return request;
}

/* As if all of them were one guest; who asks for cells or devices is looked at by itself. */
static PlacementRequest
request_of_all(const DrainAttempt *attempt, const DrainGroup *group, const char *host,
    GHashTable *refusals)
{
    PlacementRequest request = request_of(attempt, group->steps->pdata[0], host, refusals);
    for (unsigned i = 1; i < group->steps->len; i++) {
        const Instance *instance = ((const DrainStep *)group->steps->pdata[i])->subject->instance;
        request.vcpus += instance->flavor.vcpus;
        request.ram_mib += instance->flavor.ram_mib;
        request.disk_gib += instance_disk_gib(instance) + instance->flavor.ephemeral_gib;
    }
    return request;
}

/* What a host has, to go back to. */
typedef struct Snapshot {
    HostEntry *entry;
    HostUsage usage;
    GPtrArray *neighbours;
} Snapshot;

static Snapshot
snapshot_new(const DrainAttempt *attempt, const char *host)
{
    Snapshot snapshot = {.entry = host_index_find(attempt->index, host),
        .neighbours = drain_copy_neighbours(attempt->neighbours)};
    snapshot.usage = snapshot.entry->usage;
    snapshot.usage.topologies = g_strdup(snapshot.usage.topologies);
    snapshot.usage.devices = g_strdup(snapshot.usage.devices);
    return snapshot;
}

static void
snapshot_end(DrainAttempt *attempt, Snapshot *snapshot, bool is_kept)
{
    if (!is_kept) {
        GPtrArray *neighbours = attempt->neighbours;
        host_entry_set_usage(snapshot->entry, &snapshot->usage);
        attempt->neighbours = snapshot->neighbours;
        snapshot->neighbours = neighbours;
    }
    g_free(snapshot->usage.topologies);
    g_free(snapshot->usage.devices);
    g_ptr_array_unref(snapshot->neighbours);
}

/* All of them there, or nothing is changed. */
static bool
fit_all(DrainAttempt *attempt, DrainGroup *group, const char *host)
{
    Snapshot snapshot = snapshot_new(attempt, host);
    bool is_fit = true;
    for (unsigned i = 0; i < group->steps->len && is_fit; i++) {
        const DrainStep *step = group->steps->pdata[i];
        PlacementRequest request = request_of(attempt, step, host, attempt->drained);
        g_autoptr(StoredDecision) given = g_new0(StoredDecision, 1);
        is_fit = drain_choose(attempt, step, &request, given, NULL) != NULL;
        if (is_fit) {
            drain_take(attempt, step->subject->instance, host, given);
        }
    }
    snapshot_end(attempt, &snapshot, is_fit);
    return is_fit;
}

/* Hosts that would not take that one even by itself are not tried with all. */
static void
pass_over(DrainAttempt *attempt, const DrainStep *step, GHashTable *tried)
{
    PlacementPolicy policy = attempt->policy;
    PlacementRequest alone = request_of(attempt, step, NULL, attempt->drained);
    g_autoptr(StoredDecision) found = g_new0(StoredDecision, 1);
    policy.decisions_kept_us = 1; /* it writes down what it found of each host */
    alone.policy = &policy;
    alone.asks_storage = true; /* which would be a preference, and here is not a no */
    alone.same_host = NULL;    /* that may be one who goes with it */
    drain_choose(attempt, step, &alone, found, NULL);
    g_autoptr(Placement) placement = placement_from_text(found->text, NULL);
    for (unsigned i = 0; placement != NULL && i < host_index_size(attempt->index); i++) {
        char *name = host_index_at(attempt->index, i)->host->name;
        PlacementVerdict verdict;
        if (placement_read_verdict(placement, found->verdicts, i, &verdict) &&
            verdict.failed != NULL && !g_hash_table_contains(tried, name)) {
            g_hash_table_insert(tried, name, (char *)"it does not take one of the group");
        }
    }
}

static void
pass_over_all(DrainAttempt *attempt, const DrainGroup *group, GHashTable *tried)
{
    for (unsigned i = 0; i < group->steps->len; i++) {
        pass_over(attempt, group->steps->pdata[i], tried);
    }
}

/* The best host for the one that leads that takes the others too. tried: host -> why not, grows. */
static const char *
find_host(DrainAttempt *attempt, DrainGroup *group, const char *pin, GHashTable *tried)
{
    const DrainStep *leader = group->steps->pdata[0];
    for (int i = 0; i < 2 * MAX_TRIES; i++) {
        /* What the others need the best ones for it may not have. */
        if (i == MAX_TRIES) {
            pass_over_all(attempt, group, tried);
        }
        /* The sum leads to one with room at once; but no ratio lets one guest alone have more than
         * a host has, so it is not the last word. */
        PlacementRequest all = request_of_all(attempt, group, pin, tried);
        PlacementRequest one = request_of(attempt, leader, pin, tried);
        const char *host = drain_choose(attempt, leader, &all, NULL, NULL);
        host = host != NULL ? host : drain_choose(attempt, leader, &one, NULL, NULL);
        if (host == NULL || fit_all(attempt, group, host)) {
            return host;
        }
        g_hash_table_insert(tried, (char *)host, (char *)"it does not take all of the group");
    }
    return NULL;
}

/* ---- where there is none ---- */

/* Who would have no host even alone says why, and the others wait for it. False: all would. */
static bool
blame_one(DrainAttempt *attempt, DrainGroup *group, const char *pin)
{
    DrainStep *culprit = NULL;
    for (unsigned i = 0; i < group->steps->len; i++) {
        DrainStep *step = group->steps->pdata[i];
        PlacementRequest alone = request_of(attempt, step, pin, attempt->drained);
        if (drain_choose(attempt, step, &alone, NULL, NULL) == NULL) {
            drain_stays_without_host(attempt, step, alone);
            culprit = step;
        }
    }
    for (unsigned i = 0; culprit != NULL && i < group->steps->len; i++) {
        DrainStep *step = group->steps->pdata[i];
        if (step->move == PLANNED_NOTHING) {
            continue;
        }
        const Instance *instance = culprit->subject->instance;
        g_autofree char *reason =
            g_strdup_printf("its server group %s (affinity) moves as a whole, and '%s' stays: %s",
                instance->group_id, instance->name != NULL ? instance->name : instance->id,
                culprit->reason);
        step->is_busy = true;
        drain_step_stays(step, reason, culprit->fix);
    }
    return culprit != NULL;
}

static void
tell_no_room(DrainAttempt *attempt, DrainGroup *group, const char *pin)
{
    const DrainStep *leader = group->steps->pdata[0];
    g_autoptr(GError) problem = NULL;
    PlacementRequest all = request_of_all(attempt, group, pin, attempt->drained);
    drain_choose(attempt, leader, &all, NULL, &problem);
    g_autofree char *reason = g_strdup_printf(
        "its server group %s (affinity) moves as a whole, and no host takes all %u servers of it"
        "%s%s",
        leader->subject->instance->group_id, group->steps->len, problem != NULL ? ": " : "",
        problem != NULL ? problem->message : "");
    g_autofree char *room = g_strdup_printf(
        "make room for all of them on %s", pin != NULL ? pin : "one host");
    for (unsigned i = 0; i < group->steps->len; i++) {
        DrainStep *step = group->steps->pdata[i];
        g_autofree char *fix = drain_fix_without_group(room, step->subject->job);
        drain_step_stays(step, reason, fix);
    }
}

/* ---- placing ---- */

/* Where those of a restore come from; NULL: anywhere. False: they come from several hosts. */
static bool
find_pin(const DrainGroup *group, const char **ret_pin)
{
    const char *pin = NULL;
    for (unsigned i = 0; i < group->steps->len; i++) {
        const char *dest = ((const DrainStep *)group->steps->pdata[i])->subject->dest_host;
        if (pin != NULL && dest != NULL && strcmp(pin, dest) != 0) {
            return false;
        }
        pin = dest != NULL ? dest : pin;
    }
    *ret_pin = pin;
    return true;
}

static char *
words_of_following(const Instance *leader, const char *host)
{
    return g_strdup_printf("it follows '%s' of its server group (affinity) to %s once that has "
                           "arrived; until then the group is apart",
        leader->name != NULL ? leader->name : leader->id, host);
}

static void
settle(DrainGroup *group, const char *host)
{
    DrainStep *leader = group->steps->pdata[0];
    leader->dest_host = g_strdup(host);
    for (unsigned i = 1; i < group->steps->len; i++) {
        DrainStep *step = group->steps->pdata[i];
        step->dest_host = g_strdup(host);
        step->leader = leader;
        step->waits_for = words_of_following(leader->subject->instance, host);
        leader->chain_bytes += step->size_bytes;
    }
}

void
drain_place_group(DrainAttempt *attempt, DrainGroup *group)
{
    const char *pin = NULL;
    for (unsigned i = 0; i < group->steps->len; i++) {
        ((DrainStep *)group->steps->pdata[i])->is_placed = true;
    }
    if (!find_pin(group, &pin)) {
        for (unsigned i = 0; i < group->steps->len; i++) {
            drain_step_stays(group->steps->pdata[i],
                "two restores want its server group (affinity) on two hosts",
                "give one of them up: 'drover drain cancel' of its host");
        }
        return;
    }
    bring_leader_first(group);
    g_autoptr(GHashTable) first =
        drain_refusals_new(attempt, (DrainStep *const *)group->steps->pdata, group->steps->len);
    g_autoptr(GHashTable) any = drain_refusals_new(attempt, NULL, 0);
    const char *host = find_host(attempt, group, pin, first);
    host = host != NULL ? host : find_host(attempt, group, pin, any);
    if (host != NULL) {
        settle(group, host);
    } else if (!blame_one(attempt, group, pin)) {
        tell_no_room(attempt, group, pin);
    }
}

void
drain_place_follower(DrainAttempt *attempt, DrainStep *step, const Arrival *coming)
{
    PlacementRequest request = request_of(attempt, step, coming->host, attempt->drained);
    g_autoptr(StoredDecision) given = g_new0(StoredDecision, 1);
    step->is_placed = true;
    const char *host = drain_choose(attempt, step, &request, given, NULL);
    if (host == NULL) {
        drain_stays_without_host(attempt, step, request);
        /* When that one has arrived, or has not, there is more to be said. */
        step->is_busy = true;
        return;
    }
    step->dest_host = g_strdup(host);
    step->waits_for = words_of_following(coming->instance, host);
    drain_take(attempt, step->subject->instance, host, given);
}
