/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "base/log.h"

/* The two ends of a transfer: the old copy goes once the new one is proven, or the new one goes
 * because the old one stayed. Nothing is removed on a host that was not looked at in this state
 * since the last failure, and no copy while the other is not seen. */

static bool
remove_stopped(HypervisorHost *host, const char *uuid, GError **error)
{
    return hypervisor_remove_guest(host, uuid, false, error);
}

StepResult
migration_clean(MigrationTask *task, MigrationEffect effect, bool on_dest)
{
    const DomainView *view = on_dest ? &task->dest_view : &task->source_view;
    bool is_defined = view->state != DOMAIN_ABSENT;
    if (task->migration->copies_disks) {
        return effect_remove(
            task, effect, on_dest, is_defined ? remove_stopped : hypervisor_remove_disks);
    }
    return on_dest ? effect_on_dest(task, effect, hypervisor_forget_guest)
                   : effect_on_source(task, effect, hypervisor_forget_guest);
}

/* On a shared pool the volumes belong to whoever runs the guest. */
static bool
is_to_clean(const MigrationTask *task, const DomainView *view)
{
    return task->migration->copies_disks || view->state != DOMAIN_ABSENT;
}

static bool
is_executing(const DomainView *view)
{
    return view->state == DOMAIN_RUNNING;
}

/* Common to both: false when there is something to wait for. *ret_result says for what. */
static bool
is_ready_to_act(MigrationTask *task, StepResult *ret_result)
{
    *ret_result = STEP_WAIT;
    if (task->pending > 0) {
        return false;
    }
    g_autoptr(GError) error = migration_task_take_error(task);
    if (error != NULL) {
        log_debug("migration %" G_GINT64_FORMAT ": %s", task->migration->id, error->message);
        migration_task_clear_views(task);
    }
    if (migration_task_now_us(task) < task->retry_us) {
        migration_task_wake_by(task, task->retry_us);
        return false;
    }
    if (!task->has_views) {
        *ret_result = effect_look(task, false);
        return false;
    }
    return true;
}

static StepResult
look_again_later(MigrationTask *task)
{
    migration_task_clear_views(task);
    task->retry_us = migration_task_now_us(task) + G_USEC_PER_SEC;
    migration_task_wake_by(task, task->retry_us);
    return STEP_WAIT;
}

/* ---- FINISHING ---- */

/* A source that was still running when the destination was on record, or has been found so. */
static bool
is_twice_known(const MigrationTask *task)
{
    return g_strcmp0(task->migration->operation.error_code, MIGRATION_TWICE_CODE) == 0;
}

static bool
has_run_twice(const MigrationTask *task)
{
    const DomainView *view = &task->source_view;
    bool is_paused_by_us = view->state == DOMAIN_PAUSED && view->reason == DOMAIN_REASON_USER &&
        !task->was_paused && task->migration->forced != FORCING_PAUSE;
    return is_twice_known(task) || is_executing(view) || is_paused_by_us;
}

static StepResult
end_twice(MigrationTask *task)
{
    if (task->has_views && is_executing(&task->source_view)) {
        migration_task_clear_views(task);
        return effect_on_source(task, EFFECT_PAUSE_SOURCE, hypervisor_pause_guest);
    }
    g_autofree char *message = migration_twice_message(task);
    OperationMove move = operation_plain_move();
    move.error_code = MIGRATION_TWICE_CODE;
    move.message = message;
    return migration_move(task, MIGRATION_ERROR, &move);
}

/* The guest is where it should be; what could not be cleaned is named. */
static StepResult
complete(MigrationTask *task, bool is_clean)
{
    if (is_clean) {
        return migration_move(task, MIGRATION_COMPLETED, NULL);
    }
    g_autofree char *message =
        g_strdup_printf("The guest has moved; what it left on %s could not be removed.",
            task->migration->source_host);
    Leftover leftover = leftover_of_guest(task->migration->source_host, task->instance->id,
        task->operation_id, task->migration->copies_disks,
        "the instance has moved away, and the host could not be cleaned");
    OperationMove move = operation_plain_move();
    move.message = message;
    move.leftover = &leftover;
    return migration_move(task, MIGRATION_COMPLETED, &move);
}

static StepResult
clean_source(MigrationTask *task)
{
    const DomainView *view = &task->source_view;
    if (task->migration->copies_disks && !migration_task_did(task, EFFECT_CONSOLE)) {
        return effect_console(task);
    }
    if (view->state == DOMAIN_PAUSED && !migration_task_did(task, EFFECT_DESTROY_SOURCE)) {
        return effect_on_source(task, EFFECT_DESTROY_SOURCE, hypervisor_destroy_guest);
    }
    if (is_to_clean(task, view) && !migration_task_did(task, EFFECT_CLEAN_SOURCE)) {
        return migration_clean(task, EFFECT_CLEAN_SOURCE, false);
    }
    return complete(task, true);
}

StepResult
step_finishing(MigrationTask *task)
{
    StepResult result;
    if (migration_task_is_late(task) && task->pending == 0) {
        return is_twice_known(task) ? end_twice(task) : complete(task, false);
    }
    if (!is_ready_to_act(task, &result)) {
        return result;
    }
    DestSide dest = decide_dest_side(&task->dest_view, task->operation_id);
    bool is_proven =
        dest == DEST_RUNNING || dest == DEST_ARRIVED || dest == DEST_OFF || dest == DEST_FAILED;
    if (!is_proven) {
        return look_again_later(task);
    }
    if (dest == DEST_ARRIVED && !task->was_paused &&
        !migration_task_did(task, EFFECT_RESUME_DEST)) {
        migration_task_clear_views(task);
        return effect_on_dest(task, EFFECT_RESUME_DEST, hypervisor_resume_guest);
    }
    if (task->source_view.state == DOMAIN_UNREACHABLE) {
        return look_again_later(task);
    }
    return has_run_twice(task) ? end_twice(task) : clean_source(task);
}

/* ---- UNDOING ---- */

static MigrationState
end_of_undo(const MigrationTask *task)
{
    if (g_strcmp0(task->migration->operation.error_code, error_code_name(ERROR_CANCELLED)) == 0) {
        return MIGRATION_CANCELLED;
    }
    return task->migration->started_us != 0 ? MIGRATION_FAILED : MIGRATION_ERROR;
}

static StepResult
end_undone(MigrationTask *task, bool is_clean)
{
    if (!is_clean && log_allow(task->migration->uuid, 1)) {
        log_warning("migration %" G_GINT64_FORMAT ": what it left on %s could not be removed",
            task->migration->id, task->migration->dest_host);
    }
    Leftover leftover = leftover_of_guest(task->migration->dest_host, task->instance->id,
        task->operation_id, task->migration->copies_disks,
        "a move to this host failed, and the host could not be cleaned");
    OperationMove move = operation_plain_move();
    move.release_target = true;
    move.leftover = is_clean ? NULL : &leftover;
    return migration_move(task, end_of_undo(task), &move);
}

/* The source goes on where a move that failed has paused it; never before the destination is seen
 * to run nothing. */
static bool
is_source_to_resume(const MigrationTask *task)
{
    const DomainView *view = &task->source_view;
    return view->state == DOMAIN_PAUSED && !task->was_paused &&
        view->reason != DOMAIN_REASON_IO_ERROR && view->job == DOMAIN_JOB_NONE;
}

static StepResult
clean_dest(MigrationTask *task, DestSide dest)
{
    const DomainView *view = &task->dest_view;
    if ((dest == DEST_INCOMING || dest == DEST_ARRIVED) &&
        !migration_task_did(task, EFFECT_DESTROY_DEST)) {
        migration_task_clear_views(task);
        return effect_on_dest(task, EFFECT_DESTROY_DEST, hypervisor_destroy_guest);
    }
    if (is_source_to_resume(task) && !migration_task_did(task, EFFECT_RESUME_SOURCE)) {
        return effect_on_source(task, EFFECT_RESUME_SOURCE, hypervisor_resume_guest);
    }
    bool is_others = dest == DEST_ABSENT && view->state != DOMAIN_ABSENT;
    if (!is_others && is_to_clean(task, view) && !migration_task_did(task, EFFECT_CLEAN_DEST)) {
        return migration_clean(task, EFFECT_CLEAN_DEST, true);
    }
    return end_undone(task, true);
}

StepResult
step_undoing(MigrationTask *task)
{
    StepResult result;
    if (!is_ready_to_act(task, &result)) {
        return result;
    }
    SourceSide source = decide_source_side(&task->source_view);
    DestSide dest = decide_dest_side(&task->dest_view, task->operation_id);
    bool has_begun = task->migration->started_us != 0;
    bool is_busy = source == SOURCE_RUNNING_JOB || source == SOURCE_SWITCHING;
    if (dest == DEST_RUNNING || (has_begun && (source == SOURCE_LEFT || is_busy))) {
        /* What was believed until now was wrong: patience begins anew. */
        task->asking_since_us = 0;
        return migration_move(task, MIGRATION_RESOLVING, NULL);
    }
    /* Whether the destination has the same pool by now cannot be asked of the dead: what is there
     * is left, and is on record. */
    if (migration_task_is_source_dead(task) && (dest == DEST_ABSENT || dest == DEST_FAILED)) {
        return end_undone(task, false);
    }
    if (dest == DEST_UNREACHABLE && migration_task_is_dest_dead(task)) {
        if (source == SOURCE_HELD && is_source_to_resume(task)) {
            migration_task_clear_views(task);
            return effect_on_source(task, EFFECT_RESUME_SOURCE, hypervisor_resume_guest);
        }
        if (source != SOURCE_UNREACHABLE && !is_busy && !is_source_to_resume(task)) {
            return end_undone(task, false);
        }
    }
    /* Whoever has begun a transfer owes the guest a look at whether it runs. */
    bool is_source_seen =
        source != SOURCE_UNREACHABLE || !has_begun || migration_task_wants(task, WANTED_CANCEL);
    if (migration_task_is_late(task) && is_source_seen && !is_source_to_resume(task)) {
        return end_undone(task, false);
    }
    bool is_hidden = source == SOURCE_UNREACHABLE && (dest != DEST_ABSENT || has_begun);
    if (dest == DEST_UNREACHABLE || is_hidden || is_busy) {
        return look_again_later(task);
    }
    return clean_dest(task, dest);
}
