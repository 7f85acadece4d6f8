/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One instance of a plan: what is to be carried, how it can move, and its place in the order. */
#include "planner/internal.h"

#include "scheduler/pci.h"
#include <string.h>

const char *
planned_move_name(PlannedMove move)
{
    switch (move) {
    case PLANNED_NOTHING: return NULL;
    case PLANNED_LIVE: return "live";
    case PLANNED_COLD: return "cold";
    }
    g_assert_not_reached();
}

void
drain_step_free(DrainStep *step)
{
    if (step == NULL) {
        return;
    }
    g_free(step->dest_host);
    g_free(step->reason);
    g_free(step->fix);
    g_free(step->waits_for);
    g_strfreev(step->short_hosts);
    g_free(step);
}

DrainSubject *
drain_subject_new(const DrainJob *job, const DrainItem *item, const Instance *instance,
    bool cold_fallback)
{
    DrainSubject *subject = g_new0(DrainSubject, 1);
    g_auto(GStrv) names = g_strsplit(item->tried != NULL ? item->tried : "", ",", -1);
    subject->job = job;
    subject->instance = instance;
    subject->dest_host = job->is_restore ? job->host : NULL;
    subject->is_cold = item->is_cold && cold_fallback;
    subject->why_cold = subject->is_cold ? g_strdup(item->message) : NULL;
    subject->refusals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (int i = 0; names[i] != NULL; i++) {
        if (*names[i] != '\0') {
            g_hash_table_insert(
                subject->refusals, g_strdup(names[i]), g_strdup("moving it there has failed"));
        }
    }
    return subject;
}

void
drain_subject_free(void *data)
{
    DrainSubject *subject = data;
    g_clear_pointer(&subject->refusals, g_hash_table_unref);
    g_free(subject->why_cold);
    g_free(subject->why_held);
    g_free(subject);
}

/* ---- what is to be carried ---- */

static const Host *
find_host(GPtrArray *hosts, const char *name)
{
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        if (g_strcmp0(host->name, name) == 0) {
            return host;
        }
    }
    return NULL;
}

static bool
is_pool_shared(GPtrArray *hosts, const char *name)
{
    const Host *source = find_host(hosts, name);
    const char *pool_id = source != NULL ? source->facts.pool_id : NULL;
    bool is_shared = pool_id != NULL && pool_id[0] != '\0';
    for (unsigned i = 0; is_shared && i < hosts->len; i++) {
        is_shared = g_strcmp0(((const Host *)hosts->pdata[i])->facts.pool_id, pool_id) == 0;
    }
    return is_shared;
}

int64_t
drain_size_of(const Instance *instance, GPtrArray *hosts)
{
    const Flavor *flavor = &instance->flavor;
    int64_t disk_gib = (int64_t)instance_disk_gib(instance) + flavor->ephemeral_gib;
    return ((int64_t)flavor->ram_mib << 20) +
        (is_pool_shared(hosts, instance->host) ? 0 : disk_gib << 30);
}

/* ---- how it can move ---- */

void
drain_step_stays(DrainStep *step, const char *reason, const char *fix)
{
    step->move = PLANNED_NOTHING;
    g_free(step->reason);
    step->reason = g_strdup(reason);
    g_free(step->fix);
    step->fix = g_strdup(fix);
}

static void
decide_move(DrainStep *step)
{
    const Instance *instance = step->subject->instance;
    if (instance->open_operation != 0) {
        g_autofree char *reason =
            g_strdup_printf("its operation '%s' is under way", instance->open_kind);
        step->is_busy = true;
        drain_step_stays(step, reason, NULL);
        return;
    }
    switch (instance->vm_state) {
    case VM_STATE_ACTIVE:
        step->move = step->subject->is_cold ? PLANNED_COLD : PLANNED_LIVE;
        step->reason = g_strdup(step->subject->why_cold);
        return;
    case VM_STATE_PAUSED: step->move = PLANNED_LIVE; return;
    case VM_STATE_STOPPED: step->move = PLANNED_COLD; return;
    case VM_STATE_RESIZED:
        drain_step_stays(step, "its resize or cold migration waits for a word",
            "confirm it ('drover server resize confirm') or revert it");
        return;
    case VM_STATE_ERROR:
        drain_step_stays(step, "it is in ERROR",
            "look at its fault ('drover server show'), then reset its state or delete it");
        return;
    case VM_STATE_BUILDING:
    case VM_STATE_DELETED:
        step->is_busy = true;
        drain_step_stays(step, "it is being made or deleted", NULL);
        return;
    }
}

bool
drain_is_bound(const Instance *instance)
{
    return instance->group_policy == SERVER_GROUP_AFFINITY ||
        instance->group_policy == SERVER_GROUP_ANTI_AFFINITY;
}

bool
drain_step_follows(const DrainStep *step, const DrainStep *other)
{
    const char *ids = step->subject->instance->same_host;
    if (ids == NULL || other == step) {
        return false;
    }
    g_auto(GStrv) named = g_strsplit(ids, ",", -1);
    return g_strv_contains((const char *const *)named, other->subject->instance->id);
}

/* How hard it is to place. What cannot be read asks for nothing, as a choice sees it. */
static void
weigh_needs(DrainStep *step)
{
    const Instance *instance = step->subject->instance;
    const Flavor *flavor = &instance->flavor;
    NumaRequest numa = {0};
    g_autoptr(GArray) devices = NULL;
    bool is_numa = numa_request_read(flavor->extra_specs_json, flavor->vcpus, flavor->ram_mib,
                       &numa, NULL) &&
        numa_request_binds(&numa);
    pci_request_read(flavor->extra_specs_json, &devices, NULL);
    step->is_choosy = drain_is_bound(instance) || is_numa || devices != NULL;
    step->dedicated_cpus = is_numa && numa.is_dedicated ? flavor->vcpus : 0;
}

DrainStep *
drain_step_new(DrainSubject *subject, GPtrArray *hosts)
{
    DrainStep *step = g_new0(DrainStep, 1);
    step->subject = subject;
    step->size_bytes = drain_size_of(subject->instance, hosts);
    step->chain_bytes = step->size_bytes;
    step->is_pinned = subject->dest_host != NULL;
    weigh_needs(step);
    decide_move(step);
    step->is_placed = step->move == PLANNED_NOTHING;
    return step;
}

/* ---- its place in the order ---- */

int
drain_step_compare_sizes(gconstpointer one, gconstpointer other)
{
    const DrainStep *a = *(const DrainStep *const *)one;
    const DrainStep *b = *(const DrainStep *const *)other;
    if (a->chain_bytes != b->chain_bytes) {
        return a->chain_bytes > b->chain_bytes ? -1 : 1;
    }
    return strcmp(a->subject->instance->id, b->subject->instance->id);
}

static int
compare_pins(gconstpointer one, gconstpointer other)
{
    const DrainStep *a = *(const DrainStep *const *)one;
    const DrainStep *b = *(const DrainStep *const *)other;
    return (int)b->is_pinned - (int)a->is_pinned;
}

static int
compare_ages(gconstpointer one, gconstpointer other)
{
    int64_t a = (*(const DrainStep *const *)one)->subject->job->id;
    int64_t b = (*(const DrainStep *const *)other)->subject->job->id;
    return (a > b) - (a < b);
}

int
drain_step_compare_pinned(gconstpointer one, gconstpointer other)
{
    int pins = compare_pins(one, other);
    return pins != 0 ? pins : drain_step_compare_sizes(one, other);
}

int
drain_step_compare_ages(gconstpointer one, gconstpointer other)
{
    int ages = compare_ages(one, other);
    return ages != 0 ? ages : drain_step_compare_pinned(one, other);
}

int
drain_step_compare_aged_needs(gconstpointer one, gconstpointer other)
{
    int ages = compare_ages(one, other);
    return ages != 0 ? ages : drain_step_compare_needs(one, other);
}

int
drain_step_compare_needs(gconstpointer one, gconstpointer other)
{
    const DrainStep *a = *(const DrainStep *const *)one;
    const DrainStep *b = *(const DrainStep *const *)other;
    int pins = compare_pins(one, other);
    if (pins != 0) {
        return pins;
    }
    if (a->is_choosy != b->is_choosy) {
        return a->is_choosy ? -1 : 1;
    }
    if (a->dedicated_cpus != b->dedicated_cpus) {
        return a->dedicated_cpus > b->dedicated_cpus ? -1 : 1;
    }
    int64_t needed = b->subject->instance->flavor.ram_mib - a->subject->instance->flavor.ram_mib;
    return needed != 0 ? (needed > 0 ? 1 : -1) : drain_step_compare_sizes(one, other);
}
