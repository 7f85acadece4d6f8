/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One plan for all jobs: what one of them will take, no other one gets. */
#include "drain/internal.h"

#include <string.h>

void
drain_situation_clear(DrainSituation *situation)
{
    g_clear_pointer(&situation->steps, g_ptr_array_unref);
    g_clear_pointer(&situation->around, surroundings_free);
    g_clear_pointer(&situation->subjects, g_ptr_array_unref);
    g_clear_pointer(&situation->usage, g_hash_table_unref);
    g_clear_pointer(&situation->hosts, g_ptr_array_unref);
}

/* ---- whose affinity group has begun to move ---- */

/* That item has taken its instance, or is taking it, to another host than where this one is. */
static bool
is_apart(const DrainTask *task, const DrainItem *one, const Instance *instance)
{
    const DrainItem *own = drain_find_item(task, one->instance_id);
    /* What another job once did with it says nothing while this one still waits for it. */
    bool is_waiting = own != NULL && own != one && own->state == DRAIN_ITEM_WAITING;
    return !is_waiting && strcmp(one->instance_id, instance->id) != 0 &&
        g_strcmp0(one->dest_host, instance->host) != 0;
}

static bool
has_begun(const DrainTask *task, const DrainTask *other, const char *group_id,
    const Instance *instance)
{
    for (unsigned i = 0; i < other->items->len; i++) {
        const DrainItem *one = other->items->pdata[i];
        bool is_begun = one->state == DRAIN_ITEM_MOVING ||
            one->state == DRAIN_ITEM_CONFIRMING || one->state == DRAIN_ITEM_MOVED;
        if (is_begun && g_strcmp0(one->group_id, group_id) == 0 &&
            is_apart(task, one, instance)) {
            return true;
        }
    }
    return false;
}

bool
drain_is_following(const DrainTask *task, const DrainItem *item, const Instance *instance)
{
    if (item->group_id == NULL || instance->group_policy != SERVER_GROUP_AFFINITY) {
        return false;
    }
    for (unsigned i = 0; i < task->all->len; i++) {
        const DrainTask *other = task->all->pdata[i];
        if (other->items != NULL && has_begun(task, other, item->group_id, instance)) {
            return true;
        }
    }
    return false;
}

/* ---- who is to move ---- */

bool
drain_is_resting(const DrainTask *task, const DrainItem *item)
{
    return item->not_before_us > task->now_us;
}

static DrainSubject *
subject_new(const DrainTask *task, const DrainItem *item, const Instance *instance)
{
    DrainSubject *subject =
        drain_subject_new(&task->job, item, instance, task->drain->cold_fallback);
    bool may_begin = task->drain->state == DRAIN_RUNNING ||
        drain_is_following(task, item, instance);
    subject->is_held = task->is_away || !may_begin || drain_is_resting(task, item);
    subject->why_held = subject->is_held
        ? drain_words_held(task->drain, task->is_away, may_begin)
        : NULL;
    return subject;
}

/* A restore that is to bring it back from here, which is what a drain wants as well; NULL: none. */
static const DrainTask *
find_restore(const DrainTask *task, const DrainItem *item)
{
    for (unsigned i = 0; !task->drain->is_restore && i < task->all->len; i++) {
        const DrainTask *other = task->all->pdata[i];
        const DrainItem *one = other->drain->is_restore && other->items != NULL
            ? drain_find_item(other, item->instance_id)
            : NULL;
        if (one != NULL && one->state == DRAIN_ITEM_WAITING) {
            return other;
        }
    }
    return NULL;
}

/* It leaves the move to the restore, and says so, also when that does not move. */
static bool
tell_restore(DrainTask *task, DrainItem *item, const DrainTask *restore, const GPtrArray *hosts,
    GError **error)
{
    g_autofree char *reason = NULL;
    g_autofree char *fix = NULL;
    drain_words_restore(restore->drain, drain_is_away(restore->drain, hosts), &reason, &fix);
    if (task->drain->state != DRAIN_RUNNING || drain_is_resting(task, item) ||
        g_strcmp0(item->message, reason) == 0) {
        return true;
    }
    return drain_item_tell(task, item, reason, fix, error);
}

/* Also of those whose turn it is not: their room is theirs. */
static bool
add_subjects(DrainTask *task, DrainSituation *situation, GError **error)
{
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        if (item->state != DRAIN_ITEM_WAITING) {
            continue;
        }
        const Instance *instance = drain_get_instance(task, item, error);
        if (instance == NULL || !drain_settle_waiting(task, item, instance, error)) {
            return false;
        }
        if (item->state != DRAIN_ITEM_WAITING) {
            continue;
        }
        const DrainTask *restore = find_restore(task, item);
        if (restore != NULL) {
            if (!tell_restore(task, item, restore, situation->hosts, error)) {
                return false;
            }
            continue;
        }
        if (drain_is_resting(task, item)) {
            drain_look_at(task, item->not_before_us);
        }
        if (!store_add_surroundings(
                task->context->store, instance, situation->around, error)) {
            return false;
        }
        g_ptr_array_add(situation->subjects, subject_new(task, item, instance));
    }
    return true;
}

static bool
read_fleet(OperationContext *context, DrainSituation *situation, GError **error)
{
    situation->around = surroundings_new();
    situation->subjects = g_ptr_array_new_with_free_func(drain_subject_free);
    situation->hosts = store_list_hosts(context->store, error);
    situation->usage =
        situation->hosts != NULL ? store_list_host_usage(context->store, error) : NULL;
    return situation->usage != NULL &&
        store_add_arrivals(context->store, situation->around, error);
}

/* One whose servers cannot be read is looked at again later; the others go on meanwhile. */
static void
add_task(DrainTask *task, DrainSituation *situation)
{
    g_autoptr(GError) error = NULL;
    unsigned n_before = situation->subjects->len;
    task->is_away = drain_is_away(task->drain, situation->hosts);
    task->job = (DrainJob){
        .id = task->drain->id,
        .host = task->drain->host,
        .is_restore = task->drain->is_restore,
        .parallel = task->drain->parallel,
        .n_under_way = task->n_under_way,
    };
    if (!add_subjects(task, situation, &error)) {
        g_ptr_array_set_size(situation->subjects, (int)n_before);
        drain_task_fail(task, error);
    }
}

static bool
permits_post_copy(const char *host, void *live)
{
    return live_policy_for(live, host)->permit_post_copy;
}

bool
drain_make_plan(OperationContext *context, const GPtrArray *tasks, DrainSituation *situation,
    GError **error)
{
    const OperationSettings *settings = &context->settings;
    if (!read_fleet(context, situation, error)) {
        return false;
    }
    for (unsigned i = 0; i < tasks->len; i++) {
        DrainTask *task = tasks->pdata[i];
        if (!task->has_failed) {
            add_task(task, situation);
        }
    }
    surroundings_ask_post_copy(situation->around, permits_post_copy, settings->live);
    DrainRequest request = {
        .policy = &settings->placement,
        .service_down_time_us = settings->service_down_time_us,
        .now_us = clock_now_us(context->clock),
        .host_limit = settings->max_concurrent_live_migrations,
        .around = situation->around,
    };
    situation->steps =
        drain_plan(&request, situation->subjects, situation->hosts, situation->usage);
    return true;
}
