/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Where each instance of a plan goes, and why one stays. */
#include "planner/internal.h"

#include "model/neighbour.h"

#include <string.h>

PlacementRequest
drain_request_of(
    const DrainAttempt *attempt, const DrainStep *step, GHashTable *refusals)
{
    const DrainSubject *subject = step->subject;
    const Surroundings *around = attempt->request->around;
    Migration migration = {
        .type = step->move == PLANNED_LIVE ? MIGRATION_TYPE_LIVE : MIGRATION_TYPE_COLD,
        .requested_host = (char *)subject->dest_host,
        .source_host = subject->instance->host,
    };
    PlacementRequest request = placement_request_to_move(&attempt->policy, subject->instance,
        &migration, attempt->request->service_down_time_us, attempt->request->now_us);
    request.refusals = refusals;
    request.volumes = g_hash_table_lookup(around->volumes, subject->instance->id);
    request.instance = request.volumes != NULL ? subject->instance : NULL;
    if (step->move == PLANNED_LIVE && subject->instance->host != NULL) {
        const char *platform = g_hash_table_lookup(around->guest_platforms, subject->instance->id);
        request.canaries = g_hash_table_lookup(around->canaries, subject->instance->host);
        placement_permit_post_copy(&request, subject->instance,
            g_hash_table_contains(around->post_copies, subject->instance->host));
        request.platforms =
            platform != NULL ? g_hash_table_lookup(around->platform_answers, platform) : NULL;
    }
    return request;
}

/* neighbours_tell has told the index of this one. given: what it is given there; may be NULL. */
static const char *
choose(const DrainAttempt *attempt, const PlacementRequest *request, StoredDecision *given,
    GError **error)
{
    return scheduler_choose(request, attempt->index, given, error);
}

const char *
drain_choose(const DrainAttempt *attempt, const DrainStep *step, const PlacementRequest *request,
    StoredDecision *given, GError **error)
{
    if (neighbours_matter(step->subject->instance)) {
        neighbours_tell(attempt->neighbours, step->subject->instance, attempt->index);
    }
    return choose(attempt, request, given, error);
}

/* ---- what would let it go: where it may go, and what is to be asked for again ---- */

static const char *
verb_of(const DrainJob *job)
{
    return job->is_restore ? "restore" : "drain";
}

/* Nobody can put a server into a group that it was not made in. */
char *
drain_fix_without_group(const char *otherwise, const DrainJob *job)
{
    return g_strdup_printf("%s, or delete the group ('drover server group delete'), which leaves "
                           "its servers without one, and %s",
        otherwise, verb_of(job));
}

/* There would be a host but for its server group. Caller frees, as with the others. */
static char *
fix_of_group(const Instance *instance, const DrainGroup *group, const DrainJob *job)
{
    g_autofree char *off = g_strdup_printf(
        "move those of its server group off %s, or delete them", job->host);
    /* Who is no part of the restore does not come along, but a drain takes it too. */
    g_autofree char *drain = g_strdup_printf("drain the host where it is ('drover host drain %s'), "
                                             "which keeps its server group together",
        instance->host);
    bool is_left = group != NULL && group->is_settled;
    const char *otherwise = instance->group_policy == SERVER_GROUP_AFFINITY
        ? (job->is_restore && is_left ? drain : "see to the others of its server group")
        : job->is_restore ? off
        : "add a host that has none of its server group, delete one of them";
    return drain_fix_without_group(otherwise, job);
}

/* The same of a hint, which nobody can take from a server. */
static char *
fix_of_hint(const char *name, const DrainJob *job)
{
    bool is_same = strcmp(name, "same_host") == 0;
    if (is_same && job->n_under_way > 0) {
        return g_strdup("wait for the moves that are under way: when one of the servers that it "
                        "names has arrived, it follows");
    }
    g_autofree char *otherwise = is_same
        ? g_strdup_printf("move one of the servers that it names to %s, and %s again;",
              job->is_restore ? job->host : "another host", verb_of(job))
        : job->is_restore
        ? g_strdup_printf("move the servers that it names off %s, delete them,", job->host)
        : g_strdup("add a host that has none of the servers that it names, delete one of them,");
    return g_strdup_printf("%s or restart droverd without %s in enabled_filters, %s, and put it "
                           "back",
        otherwise, is_same ? "SameHostFilter" : "DifferentHostFilter", verb_of(job));
}

/* Live it cannot go, switched off it could. */
static char *
fix_of_running(const DrainJob *job)
{
    return g_strdup_printf(
        "%s with --cold-fallback, or migrate it cold: 'openstack server migrate%s%s'",
        verb_of(job), job->is_restore ? " --host " : "", job->is_restore ? job->host : "");
}

/* The hint without which there would be a host. */
static const char *
find_hint(const DrainAttempt *attempt, const PlacementRequest *request)
{
    PlacementRequest anywhere = *request;
    PlacementRequest beside = *request;
    anywhere.same_host = NULL;
    beside.different_host = NULL;
    return request->same_host != NULL && choose(attempt, &anywhere, NULL, NULL) != NULL
        ? "same_host"
        : request->different_host != NULL && choose(attempt, &beside, NULL, NULL) != NULL
        ? "different_host"
        : NULL;
}

/* What would open the way to a host to which it would go if canaries had got there; NULL: there is
 * none. Caller frees. */
static char *
fix_of_way(const DrainAttempt *attempt, const PlacementRequest *request)
{
    PlacementRequest blind = *request;
    blind.permits_post_copy = false;
    const char *beyond =
        request->permits_post_copy ? choose(attempt, &blind, NULL, NULL) : NULL;
    if (beyond != NULL) {
        return placement_post_copy_fix(request->source_host, beyond);
    }
    blind.canaries = NULL;
    beyond = request->canaries != NULL ? choose(attempt, &blind, NULL, NULL) : NULL;
    return beyond != NULL
        ? g_strdup_printf("mend the way, and send another canary: 'drover host lint %s %s'",
              request->source_host, beyond)
        : NULL;
}

void
drain_stays_without_host(DrainAttempt *attempt, DrainStep *step, PlacementRequest request)
{
    const Instance *instance = step->subject->instance;
    const DrainJob *job = step->subject->job;
    PlacementRequest ungrouped = request;
    PlacementRequest off = request;
    const char *hint = find_hint(attempt, &request);
    g_autofree char *fix_way = hint == NULL ? fix_of_way(attempt, &request) : NULL;
    g_autoptr(GError) problem = NULL;
    g_autoptr(StoredDecision) none = g_new0(StoredDecision, 1);
    g_autofree char *reason = NULL;
    g_autofree char *fix = NULL;
    choose(attempt, &request, none, &problem);
    ungrouped.group_policy = SERVER_GROUP_NONE;
    off.canaries = NULL;
    off.platforms = NULL;
    off.is_live = false;
    off.is_cold = true;
    if (drain_is_bound(instance) && choose(attempt, &ungrouped, NULL, NULL) != NULL) {
        const DrainGroup *group = g_hash_table_lookup(attempt->groups, instance->group_id);
        const char *others = group != NULL ? group->others : NULL;
        step->is_busy = group != NULL && group->is_busy;
        reason = g_strdup_printf("its server group %s (%s) keeps it: %s%s%s", instance->group_id,
            server_group_policy_name(instance->group_policy), others != NULL ? others : "",
            others != NULL ? "; " : "", problem->message);
        fix = fix_of_group(instance, group, job);
    } else if (hint != NULL) {
        reason = g_strdup_printf("its hint %s=%s keeps it: %s", hint,
            strcmp(hint, "same_host") == 0 ? instance->same_host : instance->different_host,
            problem->message);
        fix = fix_of_hint(hint, job);
    } else if (fix_way != NULL) {
        step->is_way_shut = true;
        fix = g_steal_pointer(&fix_way);
    } else if (request.is_live && choose(attempt, &off, NULL, NULL) != NULL) {
        step->is_way_shut = true;
        fix = fix_of_running(job);
    } else {
        fix = g_strdup(none->fix != NULL
                ? none->fix
                : "see what each host lacks with 'drover explain' of it, and make room");
    }
    drain_step_stays(step, reason != NULL ? reason : problem->message, fix);
}

static void
take(DrainAttempt *attempt, const Instance *instance, const char *host, const StoredDecision *given)
{
    HostUsage *usage = &host_index_find(attempt->index, host)->usage;
    usage->vcpus += instance->flavor.vcpus;
    usage->ram_mib += instance->flavor.ram_mib;
    usage->arriving_ram_mib +=
        placement_takes_free_memory(instance) ? instance->flavor.ram_mib : 0;
    usage->disk_gib += instance_disk_gib(instance) + instance->flavor.ephemeral_gib;
    usage->claims++;
    host_usage_add_topology(usage, instance->flavor.vcpus, given->topology);
    host_usage_add_devices(usage, given->devices);
}

void
drain_take(DrainAttempt *attempt, const Instance *instance, const char *host,
    const StoredDecision *given)
{
    take(attempt, instance, host, given);
    /* Others may have it in their hints. */
    if (attempt->neighbours->len > 0) {
        neighbours_move(attempt->neighbours, instance, host);
    }
}

static void
add_all(GHashTable *to, GHashTable *from)
{
    GHashTableIter iter;
    void *host;
    void *why;
    g_hash_table_iter_init(&iter, from);
    while (g_hash_table_iter_next(&iter, &host, &why)) {
        g_hash_table_insert(to, host, why);
    }
}

GHashTable *
drain_refusals_new(const DrainAttempt *attempt, DrainStep *const *steps, unsigned n_steps)
{
    GHashTable *all = g_hash_table_new(g_str_hash, g_str_equal);
    add_all(all, attempt->drained);
    for (unsigned i = 0; i < n_steps; i++) {
        if (steps[i]->subject->refusals != NULL) {
            add_all(all, steps[i]->subject->refusals);
        }
    }
    return all;
}

static void
place(DrainAttempt *attempt, DrainStep *step)
{
    const Instance *instance = step->subject->instance;
    step->is_placed = true;
    g_autoptr(GHashTable) refusals = drain_refusals_new(attempt, &step, 1);
    PlacementRequest first = drain_request_of(attempt, step, refusals);
    PlacementRequest any = drain_request_of(attempt, step, attempt->drained);
    /* One that failed it once is better than none. */
    g_autoptr(StoredDecision) given = g_new0(StoredDecision, 1);
    const char *host = drain_choose(attempt, step, &first, given, NULL);
    host = host != NULL ? host : choose(attempt, &any, given, NULL);
    if (host == NULL) {
        step->short_hosts = g_steal_pointer(&given->short_hosts);
        drain_stays_without_host(attempt, step, any);
        return;
    }
    step->dest_host = g_strdup(host);
    drain_take(attempt, instance, host, given);
}

/* Alone, with its group, or after who is on its way. */
static void
place_any(DrainAttempt *attempt, DrainStep *step)
{
    DrainGroup *group = drain_group_of(attempt, step);
    if (group == NULL) {
        place(attempt, step);
    } else if (group->coming != NULL) {
        drain_place_follower(attempt, step, group->coming);
    } else {
        drain_place_group(attempt, group);
    }
}

/* A hint of it, or of who moves with it, names one that is yet to be placed. */
static bool
waits_for_another(const DrainAttempt *attempt, const DrainStep *step)
{
    const DrainGroup *group = drain_group_of(attempt, step);
    const DrainStep *const *members = group != NULL && group->coming == NULL
        ? (const DrainStep *const *)group->steps->pdata
        : &step;
    unsigned n_members = members != &step ? group->steps->len : 1;
    for (unsigned i = 0; i < n_members; i++) {
        /* Few servers have such a hint. */
        for (unsigned j = 0;
             members[i]->subject->instance->same_host != NULL && j < attempt->steps->len; j++) {
            const DrainStep *other = attempt->steps->pdata[j];
            if (!other->is_placed && drain_step_follows(members[i], other) &&
                (n_members == 1 || drain_group_of(attempt, other) != group)) {
                return true;
            }
        }
    }
    return false;
}

/* In their order, but for those that follow others. False: nobody was placed. */
static bool
place_all(DrainAttempt *attempt, bool with_followers)
{
    bool is_any = false;
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        DrainStep *step = attempt->steps->pdata[i];
        if (!step->is_placed && (with_followers || !waits_for_another(attempt, step))) {
            place_any(attempt, step);
            is_any = true;
        }
    }
    return is_any;
}

void
drain_attempt_run(DrainAttempt *attempt, GCompareFunc order)
{
    g_ptr_array_sort(attempt->steps, order);
    while (place_all(attempt, false)) {
    }
    place_all(attempt, true); /* who name each other */
    g_ptr_array_sort(attempt->steps, drain_step_compare_sizes);
}

/* ---- from beginning to end ---- */

GPtrArray *
drain_copy_neighbours(const GPtrArray *neighbours)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify)neighbour_free);
    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *one = neighbours->pdata[i];
        Neighbour *other = neighbour_new(one->instance_id, one->group_id, one->host);
        other->plan = one->plan;
        g_ptr_array_add(copy, other);
    }
    return copy;
}

/* What moves of others will claim, as far as they have not. */
static void
take_arrivals(DrainAttempt *attempt)
{
    const GPtrArray *arrivals = attempt->request->around->arrivals;
    for (unsigned i = 0; i < arrivals->len; i++) {
        const Arrival *arrival = arrivals->pdata[i];
        if (arrival->is_claimed || host_index_find(attempt->index, arrival->host) == NULL) {
            continue;
        }
        PlacementRequest request = placement_request(&attempt->policy, arrival->instance,
            attempt->request->service_down_time_us, attempt->request->now_us);
        g_autoptr(StoredDecision) given = g_new0(StoredDecision, 1);
        request.requested_host = arrival->host;
        request.group_policy = SERVER_GROUP_NONE;
        request.same_host = request.different_host = NULL;
        choose(attempt, &request, given, NULL);
        take(attempt, arrival->instance, arrival->host, given);
    }
}

/* Also where a host that is disabled is let pass. */
static void
find_drained(DrainAttempt *attempt)
{
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        const DrainJob *job = ((const DrainStep *)attempt->steps->pdata[i])->subject->job;
        if (!job->is_restore) {
            g_hash_table_insert(attempt->drained, (char *)job->host, (char *)"it is being drained");
        }
    }
}

DrainAttempt *
drain_attempt_new(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage)
{
    DrainAttempt *attempt = g_new0(DrainAttempt, 1);
    attempt->request = request;
    attempt->policy = *request->policy;
    attempt->policy.decisions_kept_us = 0; /* nobody asks why: what is given there is enough */
    attempt->hosts = hosts;
    attempt->index = host_index_of(hosts, usage);
    attempt->neighbours = drain_copy_neighbours(request->around->neighbours);
    attempt->steps = g_ptr_array_new_with_free_func((GDestroyNotify)drain_step_free);
    attempt->groups = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)drain_group_free);
    attempt->drained = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < subjects->len; i++) {
        g_ptr_array_add(attempt->steps, drain_step_new(subjects->pdata[i], hosts));
    }
    find_drained(attempt);
    drain_find_groups(attempt);
    take_arrivals(attempt);
    return attempt;
}

void
drain_attempt_free(DrainAttempt *attempt)
{
    if (attempt == NULL) {
        return;
    }
    host_index_free(attempt->index);
    g_ptr_array_unref(attempt->neighbours);
    g_hash_table_unref(attempt->groups);
    g_hash_table_unref(attempt->drained);
    g_clear_pointer(&attempt->steps, g_ptr_array_unref);
    g_free(attempt);
}
