/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "planner/internal.h"

#include "model/neighbour.h"

#include <string.h>

/* One way of choosing, from beginning to end. */
typedef struct Attempt {
    const DrainRequest *request;
    PlacementPolicy policy;
    GPtrArray *hosts;
    HostIndex *index; /* its own: with what is planned, as are the neighbours */
    GPtrArray *neighbours;
    GPtrArray *steps;
    unsigned n_left; /* without a host */
} Attempt;

static GHashTable *
usage_copy(GHashTable *usage)
{
    GHashTable *copy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter iter;
    void *name;
    void *value;
    g_hash_table_iter_init(&iter, usage);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        g_hash_table_insert(copy, g_strdup(name), g_memdup2(value, sizeof(HostUsage)));
    }
    return copy;
}

static HostUsage *
usage_of(GHashTable *table, const char *host)
{
    HostUsage *usage = g_hash_table_lookup(table, host);
    if (usage == NULL) {
        usage = g_new0(HostUsage, 1);
        g_hash_table_insert(table, g_strdup(host), usage);
    }
    return usage;
}

static PlacementRequest
request_of(const Attempt *attempt, const DrainStep *step, GHashTable *refusals)
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
        request.platforms =
            platform != NULL ? g_hash_table_lookup(around->platform_answers, platform) : NULL;
    }
    return request;
}

/* neighbours_tell has told the index of this one. given: what it is given there; may be NULL. */
static const char *
choose(const Attempt *attempt, const PlacementRequest *request, StoredDecision *given,
    GError **error)
{
    return scheduler_choose(request, attempt->index, given, error);
}

/* What lets go of it, when there would be a host but for its server group. */
static const char *
fix_of_group(ServerGroupPolicy policy)
{
    return policy == SERVER_GROUP_AFFINITY
        ? "its server group stays together and servers move one by one: delete the group ('drover "
          "server group delete'), drain, and make it again"
        : "add a host that has none of its server group, delete one of them, or delete the group "
          "('drover server group delete')";
}

/* The same of a hint, which nobody can take from a server. */
static const char *
fix_of_hint(const char *name, bool is_moving)
{
    bool is_same = strcmp(name, "same_host") == 0;
    return is_same && is_moving
        ? "wait for the moves that are under way: when one of the servers that it names has "
          "arrived, it follows"
        : is_same
        ? "move one of the servers that it names to another host, and drain again; or restart "
          "droverd without SameHostFilter in enabled_filters, drain, and put it back"
        : "add a host that has none of the servers that it names, delete one of them, or restart "
          "droverd without DifferentHostFilter in enabled_filters, drain, and put it back";
}

/* The hint without which there would be a host. */
static const char *
find_hint(const Attempt *attempt, const PlacementRequest *request)
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

/* The host to which it would go if canaries had got there. */
static const char *
find_beyond(const Attempt *attempt, const PlacementRequest *request)
{
    PlacementRequest blind = *request;
    blind.canaries = NULL;
    return request->canaries != NULL ? choose(attempt, &blind, NULL, NULL) : NULL;
}

static void
stays_without_host(Attempt *attempt, DrainStep *step, PlacementRequest request)
{
    const Instance *instance = step->subject->instance;
    PlacementRequest ungrouped = request;
    PlacementRequest off = request;
    const char *hint = find_hint(attempt, &request);
    const char *beyond = hint == NULL ? find_beyond(attempt, &request) : NULL;
    g_autoptr(GError) problem = NULL;
    g_autoptr(StoredDecision) none = g_new0(StoredDecision, 1);
    g_autofree char *reason = NULL;
    g_autofree char *way = NULL;
    choose(attempt, &request, none, &problem);
    const char *fix = none->fix != NULL
        ? none->fix
        : "see what each host lacks with 'drover explain' of it, and make room";
    ungrouped.group_policy = SERVER_GROUP_NONE;
    off.canaries = NULL;
    off.platforms = NULL;
    off.is_live = false;
    if (drain_is_bound(instance) && choose(attempt, &ungrouped, NULL, NULL) != NULL) {
        reason = g_strdup_printf("its server group %s (%s) keeps it: %s", instance->group_id,
            server_group_policy_name(instance->group_policy), problem->message);
        fix = fix_of_group(instance->group_policy);
    } else if (hint != NULL) {
        reason = g_strdup_printf("its hint %s=%s keeps it: %s", hint,
            strcmp(hint, "same_host") == 0 ? instance->same_host : instance->different_host,
            problem->message);
        fix = fix_of_hint(hint, attempt->request->n_under_way > 0);
    } else if (beyond != NULL) {
        step->is_way_shut = true;
        fix = way =
            g_strdup_printf("mend the way, and send another canary: 'drover host lint %s %s'",
                instance->host, beyond);
    } else if (request.is_live && choose(attempt, &off, NULL, NULL) != NULL) {
        step->is_way_shut = true;
        fix = "drain with --cold-fallback, or migrate it cold: 'openstack server migrate'";
    }
    drain_step_stays(step, reason != NULL ? reason : problem->message, fix);
    attempt->n_left++;
}

/* As a claim takes it. */
static void
take(Attempt *attempt, const Instance *instance, const char *host, const StoredDecision *given)
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
    /* Others may have it in their hints. */
    if (attempt->neighbours->len > 0) {
        neighbours_move(attempt->neighbours, instance, host);
    }
}

static void
place(Attempt *attempt, DrainStep *step)
{
    const Instance *instance = step->subject->instance;
    step->is_placed = true;
    PlacementRequest first = request_of(attempt, step, step->subject->refusals);
    PlacementRequest any = request_of(attempt, step, NULL);
    if (neighbours_matter(instance)) {
        neighbours_tell(attempt->neighbours, instance, attempt->index);
    }
    /* One that failed it once is better than none. */
    g_autoptr(StoredDecision) given = g_new0(StoredDecision, 1);
    const char *host = choose(attempt, &first, given, NULL);
    host = host != NULL ? host : choose(attempt, &any, given, NULL);
    if (host == NULL) {
        step->short_hosts = g_steal_pointer(&given->short_hosts);
        stays_without_host(attempt, step, any);
        return;
    }
    step->dest_host = g_strdup(host);
    take(attempt, instance, host, given);
}

static bool
is_to_be_placed(const DrainStep *step)
{
    return !step->is_placed;
}

static bool
is_to_move(const DrainStep *step)
{
    return step->dest_host != NULL;
}

static bool
follows_one(const GPtrArray *steps, const DrainStep *step, bool (*is_one)(const DrainStep *))
{
    /* Few servers have such a hint. */
    for (unsigned i = 0; step->subject->instance->same_host != NULL && i < steps->len; i++) {
        if (is_one(steps->pdata[i]) && drain_step_follows(step, steps->pdata[i])) {
            return true;
        }
    }
    return false;
}

/* In their order, but for those that follow others. False: nobody was placed. */
static bool
place_all(Attempt *attempt, bool with_followers)
{
    bool is_any = false;
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        DrainStep *step = attempt->steps->pdata[i];
        if (!step->is_placed &&
            (with_followers || !follows_one(attempt->steps, step, is_to_be_placed))) {
            place(attempt, step);
            is_any = true;
        }
    }
    return is_any;
}

static void
attempt_run(Attempt *attempt, const GPtrArray *subjects, GCompareFunc order)
{
    for (unsigned i = 0; i < subjects->len; i++) {
        g_ptr_array_add(attempt->steps, drain_step_new(subjects->pdata[i], attempt->hosts));
    }
    g_ptr_array_sort(attempt->steps, order);
    while (place_all(attempt, false)) {
    }
    place_all(attempt, true); /* who name each other */
    g_ptr_array_sort(attempt->steps, drain_step_compare_sizes);
}

static GPtrArray *
neighbours_copy(const GPtrArray *neighbours)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify)neighbour_free);
    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *one = neighbours->pdata[i];
        g_ptr_array_add(copy, neighbour_new(one->instance_id, one->group_id, one->host));
    }
    return copy;
}

static Attempt *
attempt_new(const DrainRequest *request, GPtrArray *hosts, GHashTable *usage)
{
    Attempt *attempt = g_new0(Attempt, 1);
    attempt->request = request;
    attempt->policy = *request->policy;
    attempt->policy.decisions_kept_us = 0; /* nobody asks why: what is given there is enough */
    attempt->hosts = hosts;
    attempt->index = host_index_of(hosts, usage);
    attempt->neighbours = neighbours_copy(request->around->neighbours);
    attempt->steps = g_ptr_array_new_with_free_func((GDestroyNotify)drain_step_free);
    return attempt;
}

static void
attempt_free(Attempt *attempt)
{
    host_index_free(attempt->index);
    g_ptr_array_unref(attempt->neighbours);
    g_clear_pointer(&attempt->steps, g_ptr_array_unref);
    g_free(attempt);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Attempt, attempt_free)

/* The fullest host that will do, instead of the emptiest. What server groups would rather have
 * stays as it is: their weighers are the last. */
static void
pack(PlacementPolicy *policy)
{
    policy->packs = true;
    for (int i = 0; i < PLACEMENT_WEIGHER_SOFT_AFFINITY; i++) {
        policy->multipliers[i] = -ABS(policy->multipliers[i]);
    }
    if (policy->multipliers[PLACEMENT_WEIGHER_RAM] == 0) {
        policy->multipliers[PLACEMENT_WEIGHER_RAM] = -1;
    }
}

/* ---- when ---- */

static bool
has_slot(int limit, int taken)
{
    return limit == 0 || taken < limit;
}

/* usage: as it is, with the moves that are under way. */
static void
hand_out_slots(const DrainRequest *request, const GPtrArray *steps, GHashTable *usage)
{
    int n_under_way = request->n_under_way;
    for (unsigned i = 0; i < steps->len; i++) {
        DrainStep *step = steps->pdata[i];
        if (step->dest_host == NULL) {
            continue;
        }
        HostUsage *source = usage_of(usage, step->subject->instance->host);
        HostUsage *dest = usage_of(usage, step->dest_host);
        step->may_begin = !follows_one(steps, step, is_to_move) &&
            has_slot(request->parallel, n_under_way) &&
            has_slot(request->host_limit, source->outgoing_migrations) &&
            has_slot(request->host_limit, dest->incoming_migrations);
        if (step->may_begin) {
            n_under_way++;
            source->outgoing_migrations++;
            dest->incoming_migrations++;
        }
    }
}

GPtrArray *
drain_plan(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage)
{
    g_autoptr(Attempt) spread = attempt_new(request, hosts, usage);
    g_autoptr(Attempt) packed = attempt_new(request, hosts, usage);
    g_autoptr(GHashTable) slots = usage_copy(usage);
    Attempt *best = spread;
    attempt_run(spread, subjects, drain_step_compare_sizes);
    if (spread->n_left > 0) {
        pack(&packed->policy);
        attempt_run(packed, subjects, drain_step_compare_needs);
        best = packed->n_left < spread->n_left ? packed : spread;
    }
    hand_out_slots(request, best->steps, slots);
    return g_steal_pointer(&best->steps);
}

/* Those who have no host live and could go switched off. */
static bool
turn_cold(const GPtrArray *steps)
{
    bool is_any = false;
    for (unsigned i = 0; i < steps->len; i++) {
        const DrainStep *step = steps->pdata[i];
        DrainSubject *subject = step->subject;
        if (step->is_way_shut && !subject->is_cold &&
            subject->instance->vm_state == VM_STATE_ACTIVE) {
            subject->is_cold = true;
            subject->why_cold = g_strdup(step->reason);
            is_any = true;
        }
    }
    return is_any;
}

GPtrArray *
drain_foretell(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage)
{
    for (;;) {
        g_autoptr(GPtrArray) steps = drain_plan(request, subjects, hosts, usage);
        if (!turn_cold(steps)) {
            return g_steal_pointer(&steps);
        }
    }
}
