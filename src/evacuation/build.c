/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What is done on the destination, in life order, and how it is undone. */
#include "evacuation/task.h"

#include "base/log.h"
#include <string.h>

/* Nova: a failed rebuild is a 500 in the instance's fault. */
enum { FAULT_CODE = 500 };
#define DEST_LOOK_US (5 * G_USEC_PER_SEC)
#define CLEARING_LOOK_US (G_USEC_PER_SEC / 10)

static StepResult
undo(EvacuationTask *task, EvacuationReason reason, const char *message)
{
    return evacuation_move_because(task, EVACUATION_UNDOING, reason, message);
}

static StepResult
undo_silent(EvacuationTask *task)
{
    g_autofree char *message =
        g_strdup_printf("The destination %s does not answer.", task->migration->dest_host);
    return undo(task, EVACUATION_REASON_DEST_UNAVAILABLE, message);
}

/* What the destination refused, or that it did not answer in its time. */
static StepResult
undo_refused(EvacuationTask *task, EvacuationReason reason, const GError *error)
{
    return error_is(error, ERROR_HYPERVISOR_DOWN) ? undo_silent(task)
                                                  : undo(task, reason, error->message);
}

static StepResult
undo_given_up(EvacuationTask *task)
{
    return undo(task, EVACUATION_REASON_DELETED, "The instance is to be deleted.");
}

/* A locked image is somebody's who runs the guest: its host is not dead. */
static StepResult
undo_failed(EvacuationTask *task, const GError *error)
{
    if (!error_is(error, ERROR_CONFLICT)) {
        return undo_refused(task, EVACUATION_REASON_BUILD_FAILED, error);
    }
    const char *lock = strstr(error->message, "Failed to get");
    g_autofree char *message = g_strdup_printf(
        "The instance still runs: a process holds the lock of its disk, so %s is not dead, "
        "whatever was said of it (%s).",
        task->migration->source_host, lock != NULL ? lock : error->message);
    return undo(task, EVACUATION_REASON_SOURCE_ALIVE, message);
}

StepResult
evacuation_step_fetching(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    if (task->migration->operation.wanted == WANTED_CANCEL) {
        effect_slot_cancel(&task->slot);
    }
    if (evacuation_is_given_up(task)) {
        return undo_given_up(task);
    }
    if (task->context->is_clearing(task->context, task->migration->dest_host, task->instance->id)) {
        task->context->wake_at(task->context, task->migration->operation.id,
            evacuation_now_us(task) + CLEARING_LOOK_US);
        return STEP_WAIT;
    }
    switch (evacuation_effect(task, EVACUATION_EFFECT_FETCH, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        return undo_refused(task,
            error_is(error, ERROR_NOT_FOUND) ? EVACUATION_REASON_IMAGE_MISSING
                                             : EVACUATION_REASON_BUILD_FAILED,
            error);
    case EFFECT_DONE: break;
    }
    return evacuation_move(task, EVACUATION_BUILDING, NULL);
}

/* ---- BUILDING ---- */

/* The domain that this evacuation has made. */
static bool
is_ours(const EvacuationTask *task)
{
    return task->view.state != DOMAIN_ABSENT &&
        task->view.operation == task->migration->operation.id;
}

/* The next thing to do there; EVACUATION_N_EFFECTS: all is done. */
static EvacuationEffect
next_to_build(const EvacuationTask *task)
{
    if (!evacuation_did(task, EVACUATION_EFFECT_LOOK_DEST)) {
        return EVACUATION_EFFECT_LOOK_DEST;
    }
    bool has_begun = evacuation_did(task, EVACUATION_EFFECT_FORGET_STALE) ||
        evacuation_did(task, EVACUATION_EFFECT_CLEAR_STALE) ||
        evacuation_did(task, EVACUATION_EFFECT_CREATE);
    if (!has_begun && !is_ours(task) && task->view.state != DOMAIN_ABSENT) {
        return EVACUATION_EFFECT_FORGET_STALE;
    }
    bool is_made = evacuation_did(task, EVACUATION_EFFECT_CREATE) || (!has_begun && is_ours(task));
    if (task->migration->copies_disks && !is_made &&
        !evacuation_did(task, EVACUATION_EFFECT_CLEAR_STALE)) {
        return EVACUATION_EFFECT_CLEAR_STALE;
    }
    return evacuation_did(task, EVACUATION_EFFECT_CREATE) ? EVACUATION_N_EFFECTS
                                                          : EVACUATION_EFFECT_CREATE;
}

/* The password has been on its way for as long as it may be kept. */
static StepResult
leave_building(EvacuationTask *task)
{
    g_autofree char *message = NULL;
    switch (evacuation_look_at_source(task, &message)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return undo(task, EVACUATION_REASON_SOURCE_ALIVE, message);
    case EFFECT_DONE: break;
    }
    bool runs = task->instance->should_run && !task->migration->ends_stopped;
    return evacuation_move(task, runs ? EVACUATION_STARTING : EVACUATION_PROVING, NULL);
}

StepResult
evacuation_step_building(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    if (evacuation_is_given_up(task)) {
        return undo_given_up(task);
    }
    EvacuationEffect next = next_to_build(task);
    if (next == EVACUATION_N_EFFECTS) {
        return leave_building(task);
    }
    switch (evacuation_effect(task, next, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return undo_refused(task, EVACUATION_REASON_BUILD_FAILED, error);
    case EFFECT_DONE: break;
    }
    return STEP_AGAIN;
}

/* ---- PROVING and STARTING ---- */

/* Whoever reads how it ended learns what became of the password. */
static char *
done_message(const EvacuationTask *task)
{
    const Migration *migration = task->migration;
    if (migration->admin_pass == NULL) {
        return NULL;
    }
    if (instance_is_volume_backed(task->instance)) {
        return g_strdup("The root disk is a volume and was kept: the password had no effect.");
    }
    return migration->copies_disks
        ? g_strdup("The root disk was rebuilt; the password is in the config drive of the new one.")
        : g_strdup("The root disk is on shared storage and was kept: the password had no effect.");
}

/* The one commit that moves the instance. */
static StepResult
finish(EvacuationTask *task, VmState vm_state, PowerState power_state)
{
    g_autofree char *message = done_message(task);
    OperationMove move = evacuation_plain_move(task);
    Leftover leftover = leftover_of_guest(task->migration->source_host, task->instance->id,
        task->migration->operation.id, task->migration->copies_disks,
        "the instance was evacuated from this host when it was dead");
    move.set_instance = true;
    move.host = task->migration->dest_host;
    move.generation = task->migration->generation;
    move.vm_state = (int)vm_state;
    move.power_state = (int)power_state;
    move.should_run = vm_state == VM_STATE_ACTIVE;
    move.launched = true;
    move.clear_fault = true;
    move.promote_target = true;
    move.message = message;
    move.leftover = &leftover;
    return evacuation_move(task, EVACUATION_DONE, &move);
}

/* A destination that died in its turn runs nothing; one that is merely silent may run the guest,
 * and is waited for. */
static bool
is_dest_dead(EvacuationTask *task)
{
    return task->slot.call == NULL &&
        operation_is_host_dead(task->context, task->migration->dest_host);
}

/* Nobody tells that it was fenced: it is looked at again. */
static StepResult
wait_for_dest(EvacuationTask *task)
{
    if (task->slot.call == NULL) {
        task->context->wake_at(
            task->context, task->migration->operation.id, evacuation_now_us(task) + DEST_LOOK_US);
    }
    return STEP_WAIT;
}

StepResult
evacuation_step_proving(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    if (evacuation_is_given_up(task)) {
        return undo_given_up(task);
    }
    if (is_dest_dead(task)) {
        return undo_silent(task);
    }
    switch (evacuation_effect(task, EVACUATION_EFFECT_PROVE, &error)) {
    case EFFECT_WAITING: return wait_for_dest(task);
    case EFFECT_FAILED: return undo_failed(task, error);
    case EFFECT_DONE: break;
    }
    return finish(task, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN);
}

StepResult
evacuation_step_starting(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    if (evacuation_is_given_up(task)) {
        return undo_given_up(task);
    }
    if (is_dest_dead(task)) {
        return undo_silent(task);
    }
    switch (evacuation_effect(task, EVACUATION_EFFECT_START, &error)) {
    case EFFECT_WAITING: return wait_for_dest(task);
    case EFFECT_FAILED: return undo_failed(task, error);
    case EFFECT_DONE: break;
    }
    return finish(task, VM_STATE_ACTIVE, POWER_STATE_RUNNING);
}

/* ---- UNDOING ---- */

static bool
is_because(const EvacuationTask *task, EvacuationReason reason)
{
    return g_strcmp0(task->migration->operation.error_code, evacuation_reason_code(reason)) == 0;
}

/* Where the guest is known to run nothing has changed for it; else it runs nowhere, which its owner
 * is told. */
static StepResult
end_undone(EvacuationTask *task, bool is_clean)
{
    bool is_alive = is_because(task, EVACUATION_REASON_SOURCE_ALIVE);
    bool is_deleted = task->migration->operation.wanted == WANTED_CANCEL;
    Leftover leftover = leftover_of_guest(task->migration->dest_host, task->instance->id,
        task->migration->operation.id, task->migration->copies_disks,
        "an evacuation to this host failed, and the host could not be cleaned");
    g_autofree char *details = g_strdup_printf(
        "the evacuation may be asked for again; if %s is back and the guest is whole there, "
        "'drover server set --state active %s' ends the ERROR, and shows what the guest is",
        task->migration->source_host, task->instance->id);
    Fault fault = {
        .code = FAULT_CODE,
        .message = task->migration->operation.message,
        .details = details,
        .created_us = evacuation_now_us(task),
    };
    OperationMove move = evacuation_plain_move(task);
    move.release_target = true;
    move.leftover = is_clean ? NULL : &leftover;
    if (!is_alive && !is_deleted) {
        move.set_instance = true;
        move.vm_state = VM_STATE_ERROR;
        move.power_state = POWER_STATE_NONE;
        move.fault = &fault;
    }
    return evacuation_move(task, is_deleted ? EVACUATION_CANCELLED : EVACUATION_FAILED, &move);
}

/* Nothing of the destination is touched that this evacuation has not made. */
static bool
is_to_clean(const EvacuationTask *task)
{
    return is_ours(task) ||
        (task->view.state == DOMAIN_ABSENT && task->has_root && task->migration->copies_disks);
}

StepResult
evacuation_step_undoing(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    EvacuationEffect next = evacuation_did(task, EVACUATION_EFFECT_LOOK_DEST)
        ? EVACUATION_EFFECT_CLEAN_DEST
        : EVACUATION_EFFECT_LOOK_DEST;
    if (next == EVACUATION_EFFECT_CLEAN_DEST && task->slot.call == NULL && !task->slot.is_unread &&
        !is_to_clean(task)) {
        return end_undone(task, true);
    }
    switch (evacuation_effect(task, next, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        log_warning("evacuation %" G_GINT64_FORMAT ": %s", task->migration->id, error->message);
        return end_undone(task, false);
    case EFFECT_DONE: break;
    }
    return next == EVACUATION_EFFECT_CLEAN_DEST ? end_undone(task, true) : STEP_AGAIN;
}
