/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One look at every job that is under way. */
#include "base/log.h"
#include "drain/internal.h"

#include <string.h>

/* ---- going on ---- */

/* Of the steps of all jobs. */
static bool
is_own(const DrainTask *task, const DrainStep *step)
{
    return step->subject->job == &task->job;
}

/* Why it waits, for whoever looks; nothing is written that is written already. Without a reason it
 * waits for its turn, which its state says: what kept it before is no longer true, but what a host
 * has failed it with is. */
static bool
tell_reason(DrainTask *task, DrainItem *item, const DrainStep *step, GError **error)
{
    const char *reason = step->waits_for != NULL ? step->waits_for : step->reason;
    bool is_told = g_strcmp0(item->message, reason) == 0;
    if (is_told || drain_is_resting(task, item) || (reason == NULL && item->tried != NULL)) {
        return true;
    }
    return drain_item_tell(task, item, reason, step->fix, error);
}

static bool
begin_moves(DrainTask *task, const DrainSituation *situation, GError **error)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        if (!is_own(task, step)) {
            continue;
        }
        const Instance *instance = step->subject->instance;
        DrainItem *item = drain_find_item(task, instance->id);
        bool is_done = step->may_begin ? drain_item_ask_move(task, item, instance, step, error)
                                       : tell_reason(task, item, step, error);
        if (!is_done) {
            return false;
        }
    }
    return true;
}

/* Who stays for nothing but memory that was read a while ago: it is read again, and drains are
 * looked at when it is another. */
static void
ask_short_hosts(DrainTask *task, const DrainSituation *situation)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        char *const none[] = {NULL};
        char *const *hosts =
            is_own(task, step) && step->short_hosts != NULL ? step->short_hosts : none;
        for (; *hosts != NULL; hosts++) {
            task->context->read_memory(task->context, 0, *hosts);
        }
    }
}

/* Nothing is under way that could make room: what has no host is given time, and then given up;
 * what is in a state in which nothing is ever moved is given up at once. */
static bool
give_up(DrainTask *task, const DrainSituation *situation, GError **error)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        if (!is_own(task, step)) {
            continue;
        }
        const Instance *instance = step->subject->instance;
        DrainItem *item = drain_find_item(task, instance->id);
        if (step->dest_host != NULL || step->is_busy || item->state != DRAIN_ITEM_WAITING ||
            drain_is_resting(task, item)) {
            continue;
        }
        bool is_kept = g_hash_table_contains(task->kept, item->instance_id);
        bool is_movable = instance->vm_state != VM_STATE_ERROR &&
            instance->vm_state != VM_STATE_RESIZED && !is_kept;
        bool is_done = is_movable
            ? drain_item_fail(
                  task, item, instance, step->is_way_shut, step->reason, step->fix, error)
            : drain_item_move(task, item, DRAIN_ITEM_BLOCKED, step->reason, step->fix, error);
        if (!is_done) {
            return false;
        }
    }
    return true;
}

static bool
tell_away(DrainTask *task, const DrainSituation *situation, GError **error)
{
    g_autofree char *reason = g_strdup_printf("host '%s' is not connected", task->drain->host);
    DrainStep away = {
        .reason = reason, .fix = "see 'drover host show' of it; it goes on by itself"};
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        if (!is_own(task, step)) {
            continue;
        }
        DrainItem *item = drain_find_item(task, step->subject->instance->id);
        if (!tell_reason(task, item, &away, error)) {
            return false;
        }
    }
    return true;
}

/* A move or a create that has chosen the host before it was disabled is still on its way. */
static bool
is_somebody_coming(const DrainTask *task, const DrainSituation *situation)
{
    const HostUsage *usage = g_hash_table_lookup(situation->usage, task->drain->host);
    unsigned n_known = g_hash_table_size(task->on_host) + g_hash_table_size(task->kept);
    return !task->drain->is_restore && usage != NULL && usage->claims > (int)n_known;
}

static bool
run(DrainTask *task, const DrainSituation *situation, GError **error)
{
    ask_short_hosts(task, situation);
    if (!(task->is_away ? tell_away : begin_moves)(task, situation, error)) {
        return false;
    }
    if (task->n_under_way > 0) {
        return true;
    }
    if (!task->is_away && !give_up(task, situation, error)) {
        return false;
    }
    if (drain_has_unfinished(task) || is_somebody_coming(task, situation)) {
        return true;
    }
    return drain_move(
        task, drain_count(task, DRAIN_ITEM_BLOCKED) > 0 ? DRAIN_BLOCKED : DRAIN_DONE, error);
}

/* Who follows the one that leads its group goes on all the same. */
static bool
run_paused(DrainTask *task, const DrainSituation *situation, GError **error)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        const Instance *instance = step->subject->instance;
        if (is_own(task, step) && step->may_begin &&
            !drain_item_ask_move(
                task, drain_find_item(task, instance->id), instance, step, error)) {
            return false;
        }
    }
    return true;
}

/* What waits still is what follows: it goes, or is found to be unable to. */
static bool
run_cancelling(DrainTask *task, const DrainSituation *situation, GError **error)
{
    if (!run_paused(task, situation, error) ||
        (task->n_under_way == 0 && !give_up(task, situation, error))) {
        return false;
    }
    return drain_has_unfinished(task) || drain_move(task, DRAIN_CANCELLED, error);
}

/* ---- one job ---- */

static bool
follow_all(DrainTask *task, GError **error)
{
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        bool is_asked = item->state == DRAIN_ITEM_MOVING || item->state == DRAIN_ITEM_CONFIRMING;
        if (is_asked && !drain_follow(task, item, error)) {
            return false;
        }
    }
    return true;
}

static bool
heed_wish(DrainTask *task, GError **error)
{
    DrainState state = task->drain->state;
    DrainState to = state;
    switch (task->drain->wanted) {
    case DRAIN_WANTED_RUN: to = state == DRAIN_PAUSED ? DRAIN_RUNNING : state; break;
    case DRAIN_WANTED_PAUSE: to = state == DRAIN_RUNNING ? DRAIN_PAUSED : state; break;
    case DRAIN_WANTED_CANCEL: to = DRAIN_CANCELLING; break;
    }
    return to == state || drain_move(task, to, error);
}

/* What has become of what it has asked for. */
static bool
look_back(DrainTask *task, GError **error)
{
    return heed_wish(task, error) && drain_load(task, error) && follow_all(task, error);
}

static bool
look_forward(DrainTask *task, const DrainSituation *situation, GError **error)
{
    switch (task->drain->state) {
    case DRAIN_RUNNING: return run(task, situation, error);
    case DRAIN_CANCELLING: return run_cancelling(task, situation, error);
    case DRAIN_PAUSED: return run_paused(task, situation, error);
    case DRAIN_DONE:
    case DRAIN_BLOCKED:
    case DRAIN_CANCELLED: return true;
    }
    g_assert_not_reached();
}

/* The next look, in seconds at the latest, does it again. */
void
drain_task_fail(DrainTask *task, const GError *error)
{
    task->has_failed = true;
    if (log_allow("drain", 10)) {
        log_warning("drain %" G_GINT64_FORMAT " of %s: %s", task->drain->id, task->drain->host,
            error->message);
    }
}

typedef bool (*Look)(DrainTask *task, GError **error);

static void
look_at_all(const GPtrArray *tasks, Look look)
{
    for (unsigned i = 0; i < tasks->len; i++) {
        DrainTask *task = tasks->pdata[i];
        g_autoptr(GError) error = NULL;
        if (!task->has_failed && !look(task, &error)) {
            drain_task_fail(task, error);
        }
    }
}

/* ---- all of them ---- */

/* The earliest first. */
static GPtrArray *
list_tasks(OperationContext *context, GError **error)
{
    g_autoptr(GPtrArray) drains = store_list_drains(context->store, NULL, true, 0, error);
    if (drains == NULL) {
        return NULL;
    }
    GPtrArray *tasks = g_ptr_array_new_with_free_func(drain_task_free);
    while (drains->len > 0) {
        DrainTask *task =
            drain_task_new(context, g_ptr_array_steal_index(drains, drains->len - 1));
        task->all = tasks;
        g_ptr_array_add(tasks, task);
    }
    return tasks;
}

static bool
has_work(const GPtrArray *tasks)
{
    for (unsigned i = 0; i < tasks->len; i++) {
        if (!((const DrainTask *)tasks->pdata[i])->has_failed) {
            return true;
        }
    }
    return false;
}

static void
go_on(OperationContext *context, const GPtrArray *tasks)
{
    g_auto(DrainSituation) situation = {0};
    g_autoptr(GError) error = NULL;
    if (!drain_make_plan(context, tasks, &situation, &error)) {
        drain_task_fail(tasks->pdata[0], error);
        return;
    }
    for (unsigned i = 0; i < tasks->len; i++) {
        DrainTask *task = tasks->pdata[i];
        g_autoptr(GError) problem = NULL;
        if (!task->has_failed && !look_forward(task, &situation, &problem)) {
            drain_task_fail(task, problem);
        }
    }
}

DrainOutlook
drain_pass(OperationContext *context)
{
    DrainOutlook outlook = {.next_us = INT64_MAX};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) tasks = list_tasks(context, &error);
    if (tasks == NULL) {
        if (log_allow("drain-list", 10)) {
            log_error("cannot list drains: %s", error->message);
        }
        /* Whether there are any is not known. */
        outlook.has_open = true;
        return outlook;
    }
    outlook.has_open = tasks->len > 0;
    look_at_all(tasks, look_back);
    look_at_all(tasks, drain_give_up);
    /* After a start hosts are not known to be gone because they are not connected yet. */
    if (has_work(tasks) && context->is_gathering(context)) {
        outlook.next_us = clock_now_us(context->clock) + G_USEC_PER_SEC;
    } else if (has_work(tasks)) {
        go_on(context, tasks);
    }
    for (unsigned i = 0; i < tasks->len; i++) {
        const DrainTask *task = tasks->pdata[i];
        outlook.has_asked = outlook.has_asked || task->has_asked;
        outlook.next_us = MIN(outlook.next_us, task->next_us);
    }
    return outlook;
}
