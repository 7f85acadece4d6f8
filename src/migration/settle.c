/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "base/log.h"
#include "lifecycle/lifecycle.h"

/* How often both hosts are asked: while views of different moments contradict each other, and
 * while a host is silent (its return wakes the task anyway). */
#define LOOK_AGAIN_US (G_USEC_PER_SEC / 10)
#define ASK_AGAIN_US G_USEC_PER_SEC
/* After a start the hosts are not connected yet: that alone is nothing to write down. */
#define ASK_PATIENCE_US (5 * G_USEC_PER_SEC)
/* A migrate call that was on its way when its sender died has begun by then. */
#define SETTLE_US (2 * G_USEC_PER_SEC)
/* While a post-copy flows; whatever a host reports is looked at when it does. */
#define POST_COPY_LOOK_US (10 * G_USEC_PER_SEC)
/* Waits between two tries to mend a post-copy double from the first to the longest. */
#define MEND_FIRST_US (G_USEC_PER_SEC / 2)
#define MEND_LONGEST_US (30 * G_USEC_PER_SEC)

char *
migration_twice_message(const MigrationTask *task)
{
    return g_strdup_printf(
        "The guest ran on %s and %s at once; it is paused on %s, and both keep their disks.",
        task->migration->source_host, task->migration->dest_host, task->migration->source_host);
}

static bool
is_end_unseen(const MigrationTask *task)
{
    return task->transfer == TRANSFER_LOST ||
        (task->transfer_error != NULL && error_is(task->transfer_error, ERROR_OUTCOME_UNKNOWN));
}

/* ---- what the table says is done ---- */

static StepResult
wait_and_look(MigrationTask *task, int64_t for_us)
{
    migration_task_clear_views(task);
    task->look_us = migration_task_now_us(task) + for_us;
    migration_steer(task);
    migration_task_wake_by(task, task->look_us);
    return STEP_WAIT;
}

static StepResult
watch(MigrationTask *task)
{
    /* Whatever our call said: it is under way, and must not be asked for again. */
    task->transfer = TRANSFER_LOST;
    task->asking_since_us = 0;
    if (task->state == MIGRATION_RESOLVING) {
        return migration_move(task, MIGRATION_TRANSFERRING, NULL);
    }
    progress_watch(task);
    return wait_and_look(task, task->context->settings.watch_interval_us);
}

static StepResult
ask(MigrationTask *task)
{
    int64_t waited_us = migration_task_now_us(task) - task->asking_since_us;
    if (task->state == MIGRATION_RESOLVING || waited_us < ASK_PATIENCE_US) {
        return wait_and_look(
            task, task->state == MIGRATION_RESOLVING ? ASK_AGAIN_US : LOOK_AGAIN_US);
    }
    return migration_move(task, MIGRATION_RESOLVING, NULL);
}

/* It is shown as it is, so that its owner can start it. One that its host stopped is still to run,
 * and starting it again is for the engine. */
static void
describe_stopped(OperationMove *move, const DomainView *view)
{
    VmState vm_state;
    PowerState power_state;
    if (!lifecycle_observe(view, &vm_state, &power_state)) {
        return;
    }
    move->set_instance = true;
    move->vm_state = vm_state;
    move->power_state = power_state;
    if (lifecycle_has_powered_off(view)) {
        move->should_run = false;
    }
}

/* The destination has it: that is recorded before anything else is done. */
static StepResult
moved(MigrationTask *task, Decision decision)
{
    OperationMove move = operation_plain_move();
    g_autofree char *message = NULL;
    move.set_instance = true;
    move.host = task->migration->dest_host;
    move.generation = task->migration->generation;
    move.promote_target = true;
    move.power_state = task->was_paused ? POWER_STATE_PAUSED : POWER_STATE_RUNNING;
    if (decision == DECISION_MOVED_OFF) {
        describe_stopped(&move, &task->dest_view);
    }
    if (decision == DECISION_TWICE) {
        message = migration_twice_message(task);
        move.error_code = MIGRATION_TWICE_CODE;
        move.message = message;
    }
    move.migration = task->migration;
    return migration_move(task, MIGRATION_FINISHING, &move);
}

static GError *
why_it_stayed(const MigrationTask *task)
{
    const char *host = task->migration->source_host;
    /* First: QEMU may name an abort by what it broke ("Channel error: Input/output error"). */
    GError *given_up = migration_why_given_up(task);
    if (given_up != NULL) {
        return given_up;
    }
    /* The call has the words of whatever noticed it first; the guest's own end is the reason. */
    if (decide_source_side(&task->source_view) == SOURCE_OFF) {
        return g_error_new(DROVER_ERROR, ERROR_HYPERVISOR_REFUSED,
            "The guest stopped on %s while it was moving.", host);
    }
    if (migration_task_is_source_dead(task)) {
        return g_error_new(DROVER_ERROR, ERROR_HYPERVISOR_DOWN,
            "Host %s has died while it sent the guest, and nothing of it has arrived: the instance "
            "can be evacuated.",
            host);
    }
    bool is_dest_dead = migration_task_is_dest_dead(task);
    if (task->has_lost_dest || is_dest_dead) {
        return g_error_new(DROVER_ERROR, ERROR_HYPERVISOR_DOWN,
            "Host %s %s while it took the guest, which goes on on %s.",
            task->migration->dest_host, is_dest_dead ? "has died" : "stopped answering", host);
    }
    if (task->transfer_error != NULL && !is_end_unseen(task)) {
        return g_error_copy(task->transfer_error);
    }
    /* What ended the call is the reason, now that both hosts have said how it ended. */
    if (task->transfer_error != NULL) {
        return g_error_new(
            DROVER_ERROR, ERROR_HYPERVISOR_REFUSED, "%s", task->transfer_error->message);
    }
    return g_error_new(DROVER_ERROR, ERROR_HYPERVISOR_REFUSED,
        "The migration ended unseen, and the guest is still on %s.", host);
}

StepResult
migration_undo(MigrationTask *task, const GError *error)
{
    OperationMove move = operation_plain_move();
    move.error_code = error_code_name(error_code(error));
    move.message = error->message;
    if (task->has_views && decide_source_side(&task->source_view) == SOURCE_OFF) {
        describe_stopped(&move, &task->source_view);
    }
    return migration_move(task, MIGRATION_UNDOING, &move);
}

static StepResult
stayed(MigrationTask *task)
{
    if (task->state == MIGRATION_POSTCOPY) {
        return migration_move(task, MIGRATION_RESOLVING, NULL);
    }
    g_autoptr(GError) error = why_it_stayed(task);
    return migration_undo(task, error);
}

/* ---- post-copy ---- */

static StepResult
follow_post_copy(MigrationTask *task)
{
    task->transfer = TRANSFER_LOST;
    task->asking_since_us = 0;
    if (task->state != MIGRATION_POSTCOPY) {
        return migration_move(task, MIGRATION_POSTCOPY, NULL);
    }
    task->n_mends = 0;
    migration_keep_trouble(task, NULL);
    progress_watch(task);
    return wait_and_look(task, task->context->settings.watch_interval_us);
}

/* The half on the destination cannot go on, and it keeps the disks: it is stopped, and then it is
 * one that has arrived and stopped. */
static StepResult
halved(MigrationTask *task)
{
    if (task->state != MIGRATION_POSTCOPY && task->state != MIGRATION_RESOLVING) {
        return migration_move(task, MIGRATION_POSTCOPY, NULL);
    }
    log_warning("migration %" G_GINT64_FORMAT ": what runs on %s in post-copy is stopped: a part "
                "of its memory is lost",
        task->migration->id, task->migration->dest_host);
    migration_task_clear_views(task);
    StepResult result = effect_on_dest(task, EFFECT_DESTROY_DEST, hypervisor_destroy_guest);
    return result == STEP_WAIT ? STEP_WAIT : wait_and_look(task, ASK_AGAIN_US);
}

/* Nothing else can be done than to try again: each half alone is nothing. Only who deletes the
 * guest may give it up: an abort is refused before it gets here, unless the destination is dead. */
static StepResult
mend(MigrationTask *task)
{
    if (migration_task_wants(task, WANTED_CANCEL)) {
        return halved(task);
    }
    int64_t now_us = migration_task_now_us(task);
    task->transfer = TRANSFER_LOST;
    task->asking_since_us = 0;
    if (task->state != MIGRATION_POSTCOPY) {
        return migration_move(task, MIGRATION_POSTCOPY, NULL);
    }
    if (now_us < task->mend_us) {
        return wait_and_look(task, MIN(task->mend_us - now_us, ASK_AGAIN_US));
    }
    task->mend_us = now_us + MIN(MEND_FIRST_US << MIN(task->n_mends, 8), MEND_LONGEST_US);
    task->n_mends++;
    migration_task_clear_views(task);
    task->look_us = now_us + POST_COPY_LOOK_US;
    return effect_resume_post_copy(task) == STEP_WAIT ? STEP_WAIT
                                                      : wait_and_look(task, ASK_AGAIN_US);
}

/* Neither has it, although both answer: nothing of it is touched any more. */
static StepResult
lost(MigrationTask *task)
{
    if (task->state != MIGRATION_RESOLVING) {
        return migration_move(task, MIGRATION_RESOLVING, NULL);
    }
    g_autofree char *message = g_strdup_printf(
        "The guest is neither on %s nor on %s; whatever disks there are have been kept.",
        task->migration->source_host, task->migration->dest_host);
    Fault fault = {.code = 500, .message = message, .created_us = migration_task_now_us(task)};
    OperationMove move = operation_plain_move();
    move.error_code = error_code_name(ERROR_INTERNAL);
    move.message = message;
    move.release_target = true;
    move.set_instance = true;
    move.vm_state = VM_STATE_ERROR;
    move.power_state = POWER_STATE_NONE;
    move.fault = &fault;
    return migration_move(task, MIGRATION_ERROR, &move);
}

static StepResult
follow(MigrationTask *task, Decision decision)
{
    switch (decision) {
    case DECISION_WAIT: return wait_and_look(task, LOOK_AGAIN_US);
    case DECISION_WATCH: return watch(task);
    case DECISION_ASK: return ask(task);
    case DECISION_FOLLOW: return follow_post_copy(task);
    case DECISION_MEND: return mend(task);
    case DECISION_HALVED: return halved(task);
    case DECISION_MOVED:
    case DECISION_MOVED_OFF:
    case DECISION_TWICE: return moved(task, decision);
    case DECISION_STAYED:
    case DECISION_STAYED_OFF: return stayed(task);
    case DECISION_ABANDONED: return migration_abandon(task);
    case DECISION_ABANDONED_OFF: return migration_end_abandoned(task);
    case DECISION_LOST: return lost(task);
    case N_DECISIONS: break;
    }
    g_assert_not_reached();
}

Decision
migration_decide(const MigrationTask *task)
{
    DecideFacts facts = {
        .source = &task->source_view,
        .dest = &task->dest_view,
        .operation = task->operation_id,
        .waited_us = migration_task_now_us(task) - task->asking_since_us,
        .settle_us = is_end_unseen(task) ? SETTLE_US : 0,
        .timeout_us = task->context->settings.switchover_timeout_us,
        .is_cancelled = migration_task_wants(task, WANTED_CANCEL),
        .is_fenced = migration_task_is_source_dead(task),
        .is_dest_dead = migration_task_is_dest_dead(task),
    };
    return decide(&facts);
}

/* Without regard to how long it is asked for. */
static Decision
look_up(const MigrationTask *task)
{
    SourceSide source = decide_source_side(&task->source_view);
    DestSide dest = decide_dest_side(&task->dest_view, task->operation_id);

    return decide_row(source, dest)->decision;
}

/* The call ends when both QEMU have noticed that their way broke. The destination's may wait for
 * ever: its guest stands still at a page that it had asked for before, and nobody sends to it any
 * more. So the hosts are asked although the call goes on. */
static StepResult
watch_post_copy(MigrationTask *task)
{
    progress_watch(task);
    if (!task->has_views) {
        if (migration_task_now_us(task) >= task->look_us) {
            return effect_look(task, false);
        }
        migration_task_wake_by(task, task->look_us);
        return STEP_WAIT;
    }
    Decision decision = look_up(task);
    /* Who ran it is dead, and that is given up: what the call would tell is not waited for. */
    if (decision == DECISION_ABANDONED && migration_task_is_dest_dead(task) &&
        migration_task_wants(task, WANTED_CANCEL)) {
        task->transfer = TRANSFER_LOST;
        return STEP_AGAIN;
    }
    if (decision != DECISION_MEND) {
        /* Nobody tells that a host was fenced. */
        return wait_and_look(
            task, migration_task_dest(task) == NULL ? ASK_AGAIN_US : POST_COPY_LOOK_US);
    }
    task->transfer = TRANSFER_LOST;
    /* Usually it is about to end, and it must have before another may begin. */
    task->mend_us = MAX(task->mend_us, migration_task_now_us(task) + 2 * MEND_FIRST_US);
    return STEP_AGAIN;
}

static StepResult
watch_transfer(MigrationTask *task)
{
    if (task->state == MIGRATION_POSTCOPY) {
        return watch_post_copy(task);
    }
    task->is_sending = !task->saw_pause;
    if (migration_steer(task) == STEP_AGAIN && task->error != NULL) {
        g_clear_error(&task->error); /* not connected: the call itself will end */
    }
    /* Libvirt carries out one question of a guest at a time, and the end of its move is made of
     * some: asked while it is paused, ours makes the pause longer. */
    if (!task->saw_pause) {
        progress_watch(task);
    } else if (migration_task_dest(task) == NULL) {
        /* Nobody tells that a host was fenced. */
        migration_task_wake_by(task, migration_task_now_us(task) + ASK_AGAIN_US);
    }
    return STEP_WAIT;
}

StepResult
migration_settle(MigrationTask *task)
{
    if (task->pending > 0) {
        return STEP_WAIT;
    }
    g_autoptr(GError) error = migration_task_take_error(task);
    if (error != NULL) {
        log_debug("migration %" G_GINT64_FORMAT ": %s", task->migration->id, error->message);
    }
    migration_tell_silence(task);
    if (task->transfer == TRANSFER_RUNNING) {
        return watch_transfer(task);
    }
    if (!task->has_views) {
        if (migration_task_now_us(task) < task->look_us) {
            migration_task_wake_by(task, task->look_us);
            return STEP_WAIT;
        }
        return effect_look(task, true);
    }
    if (task->asking_since_us == 0) {
        task->asking_since_us = migration_task_now_us(task);
    }
    task->is_sending = decide_source_side(&task->source_view) == SOURCE_RUNNING_JOB;
    return follow(task, migration_decide(task));
}
