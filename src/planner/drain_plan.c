/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The ways of choosing compared, and when each move may begin. */
#include "planner/internal.h"

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

/* ---- the best of several ways ---- */

static unsigned
count_left(const DrainAttempt *attempt, const DrainJob *job)
{
    unsigned n_left = 0;
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        const DrainStep *step = attempt->steps->pdata[i];
        n_left += (job == NULL || step->subject->job == job) && step->dest_host == NULL;
    }
    return n_left;
}

static int
compare_jobs(gconstpointer one, gconstpointer other)
{
    int64_t a = (*(const DrainJob *const *)one)->id;
    int64_t b = (*(const DrainJob *const *)other)->id;
    return (a > b) - (a < b);
}

/* Of those that there is something to move for: the earliest first. */
static GPtrArray *
list_jobs(const GPtrArray *subjects)
{
    GPtrArray *jobs = g_ptr_array_new();
    for (unsigned i = 0; i < subjects->len; i++) {
        const DrainJob *job = ((const DrainSubject *)subjects->pdata[i])->job;
        if (!g_ptr_array_find(jobs, job, NULL)) {
            g_ptr_array_add(jobs, (void *)job);
        }
    }
    g_ptr_array_sort(jobs, compare_jobs);
    return jobs;
}

/* It leaves fewer of the earliest job, or as many and fewer of the next. */
static bool
is_better(const DrainAttempt *attempt, const DrainAttempt *best, const GPtrArray *jobs)
{
    for (unsigned i = 0; i < jobs->len; i++) {
        unsigned n_left = count_left(attempt, jobs->pdata[i]);
        unsigned n_best = count_left(best, jobs->pdata[i]);
        if (n_left != n_best) {
            return n_left < n_best;
        }
    }
    return false;
}

typedef struct Way {
    GCompareFunc order;
    bool packs;
    bool is_of_several; /* it is another one only when there are several jobs */
} Way;

static const Way ways[] = {
    {drain_step_compare_pinned, false, false},
    {drain_step_compare_needs, true, false},
    {drain_step_compare_ages, false, true},
    {drain_step_compare_aged_needs, true, true},
};

/* Steps are sorted; caller frees. */
static DrainAttempt *
find_best(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage)
{
    g_autoptr(GPtrArray) jobs = list_jobs(subjects);
    DrainAttempt *best = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        if ((best != NULL && count_left(best, NULL) == 0) ||
            (ways[i].is_of_several && jobs->len < 2)) {
            break;
        }
        DrainAttempt *attempt = drain_attempt_new(request, subjects, hosts, usage);
        if (ways[i].packs) {
            pack(&attempt->policy);
        }
        drain_attempt_run(attempt, ways[i].order);
        if (best == NULL || is_better(attempt, best, jobs)) {
            DrainAttempt *former = best;
            best = attempt;
            attempt = former;
        }
        drain_attempt_free(attempt);
    }
    return best;
}

/* ---- who stays for other jobs alone ---- */

/* Without the others, and what is on its way. */
static DrainAttempt *
plan_alone(const DrainRequest *request, const DrainJob *job, const GPtrArray *subjects,
    GPtrArray *hosts, GHashTable *usage)
{
    g_autoptr(GPtrArray) own = g_ptr_array_new();
    for (unsigned i = 0; i < subjects->len; i++) {
        const DrainSubject *subject = subjects->pdata[i];
        if (subject->job == job) {
            g_ptr_array_add(own, (void *)subject);
        }
    }
    return find_best(request, own, hosts, usage);
}

static bool
has_host(const DrainAttempt *attempt, const DrainSubject *subject)
{
    for (unsigned i = 0; i < attempt->steps->len; i++) {
        const DrainStep *step = attempt->steps->pdata[i];
        if (step->subject == subject) {
            return step->dest_host != NULL;
        }
    }
    return false;
}

/* The numbers of its reason are those that are left by the others, which no host shows. */
static void
tell_others(DrainStep *step)
{
    g_autofree char *reason = g_strdup_printf(
        "other drains or restores have planned the room that there is: %s", step->reason);
    drain_step_stays(step, reason,
        "make room on another host, or give the other one up ('drover drain cancel' of its host), "
        "and ask for this one again");
}

static void
tell_all(DrainAttempt *best, const DrainRequest *request, const GPtrArray *subjects,
    GPtrArray *hosts, GHashTable *usage)
{
    g_autoptr(GPtrArray) jobs = list_jobs(subjects);
    for (unsigned i = 0; jobs->len > 1 && i < jobs->len; i++) {
        const DrainJob *job = jobs->pdata[i];
        if (count_left(best, job) == 0) {
            continue;
        }
        g_autoptr(DrainAttempt) alone = plan_alone(request, job, subjects, hosts, usage);
        for (unsigned j = 0; j < best->steps->len; j++) {
            DrainStep *step = best->steps->pdata[j];
            if (step->subject->job == job && step->dest_host == NULL &&
                has_host(alone, step->subject)) {
                tell_others(step);
            }
        }
    }
}

/* ---- when ---- */

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

static bool
has_slot(int limit, int taken)
{
    return limit == 0 || taken < limit;
}

/* A hint of it names one that is yet to move. */
static bool
follows_one(const GPtrArray *steps, const DrainStep *step)
{
    for (unsigned i = 0; step->subject->instance->same_host != NULL && i < steps->len; i++) {
        const DrainStep *other = steps->pdata[i];
        if (other->dest_host != NULL && drain_step_follows(step, other)) {
            return true;
        }
    }
    return false;
}

static char *
words_of_held(const DrainSubject *follower)
{
    const Instance *instance = follower->instance;
    return g_strdup_printf("'%s' on %s is to follow it, since they are of one server group "
                           "(affinity), and does not begin now%s%s",
        instance->name != NULL ? instance->name : instance->id, instance->host,
        follower->why_held != NULL ? ": " : "",
        follower->why_held != NULL ? follower->why_held : "");
}

/* One that leads begins when all of its group can, and says who cannot. */
static bool
is_held(const GPtrArray *steps, DrainStep *step)
{
    bool is_held = step->subject->is_held || step->waits_for != NULL;
    for (unsigned i = 0; !is_held && i < steps->len; i++) {
        const DrainStep *other = steps->pdata[i];
        is_held = other->leader == step && other->subject->is_held;
        step->waits_for = is_held ? words_of_held(other->subject) : NULL;
    }
    return is_held;
}

/* Moves whose host is not settled yet are not among those of the usage. */
static void
add_arrivals(const Surroundings *around, GHashTable *usage)
{
    for (unsigned i = 0; i < around->arrivals->len; i++) {
        const Arrival *arrival = around->arrivals->pdata[i];
        if (!arrival->has_slot) {
            host_usage_get(usage, arrival->host)->incoming_migrations++;
        }
    }
}

static int
count_begun(const GPtrArray *steps, const DrainJob *job)
{
    int n = job->n_under_way;
    for (unsigned i = 0; i < steps->len; i++) {
        const DrainStep *step = steps->pdata[i];
        n += step->subject->job == job && step->may_begin;
    }
    return n;
}

/* usage: as it is, with the moves that are under way. */
static void
hand_out_slots(const DrainRequest *request, const GPtrArray *steps, GHashTable *usage)
{
    add_arrivals(request->around, usage);
    for (unsigned i = 0; i < steps->len; i++) {
        DrainStep *step = steps->pdata[i];
        const DrainJob *job = step->subject->job;
        if (step->dest_host == NULL) {
            continue;
        }
        HostUsage *source = host_usage_get(usage, step->subject->instance->host);
        HostUsage *dest = host_usage_get(usage, step->dest_host);
        step->may_begin = !is_held(steps, step) &&
            has_slot(request->host_limit, source->outgoing_migrations) &&
            has_slot(request->host_limit, dest->incoming_migrations) &&
            (job->parallel == 0 || count_begun(steps, job) < job->parallel) &&
            !follows_one(steps, step);
        if (step->may_begin) {
            source->outgoing_migrations++;
            dest->incoming_migrations++;
        }
    }
}

GPtrArray *
drain_plan(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage)
{
    g_autoptr(GHashTable) slots = usage_copy(usage);
    g_autoptr(DrainAttempt) best = find_best(request, subjects, hosts, usage);
    tell_all(best, request, subjects, hosts, usage);
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
