/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The way back of a move that failed: the destination is seen off, the source has the guest again,
 * and what was made on the destination goes. */
#include "cold/internal.h"

#include "model/diagnosis.h"

/* Nova: a move that failed is a 500 in the instance's fault. */
enum { FAULT_CODE = 500 };

StepResult
cold_step_RETREATING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_dest_dead(task)) {
        OperationMove move = operation_plain_move();
        move.sentence = COLD_DEST_IS_DEAD;
        return cold_move(task, COLD_RESTARTING, &move);
    }
    switch (cold_effect(task, EFFECT_destroy_guest, true, &error)) {
    case EFFECT_WAITING: return cold_wait_for_dest(task);
    case EFFECT_FAILED: return cold_wait(task, G_USEC_PER_SEC); /* until it was seen off */
    case EFFECT_DONE: break;
    }
    return cold_move(task, COLD_RESTARTING, NULL);
}

/* A courier that is left on the source holds the disks. */
static EffectResult
restart(ColdTask *task, GError **error)
{
    EffectResult result = task->migration->copies_disks
        ? cold_effect(task, EFFECT_drop_courier, false, error)
        : EFFECT_DONE;

    return result == EFFECT_DONE && task->migration->was_running
        ? cold_effect(task, EFFECT_start_guest, false, error)
        : result;
}

StepResult
cold_step_RESTARTING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;
    OperationMove move = operation_plain_move();

    switch (restart(task, &error)) {
    case EFFECT_WAITING:
        if (!cold_is_hopeless(task, &error)) {
            return STEP_WAIT;
        }
        break;
    case EFFECT_FAILED: break;
    case EFFECT_DONE:
        move.set_instance = true;
        move.power_state =
            task->migration->was_running ? POWER_STATE_RUNNING : POWER_STATE_SHUTDOWN;
        return cold_move(task, COLD_UNDOING, &move);
    }
    g_autofree char *message = diagnosis_explain(error->message);
    Fault fault = {
        .code = FAULT_CODE,
        .message = message,
        .details = (char *)"the move failed, and the source could not start the guest again",
        .created_us = clock_now_us(task->context->clock),
    };
    move.set_instance = true;
    move.vm_state = VM_STATE_ERROR;
    move.power_state = POWER_STATE_NONE;
    move.fault = &fault;
    move.sentence = "the source could not start the guest again";
    return cold_move(task, COLD_UNDOING, &move);
}

static bool
was_aborted(const ColdTask *task)
{
    return g_strcmp0(task->operation->error_code, error_code_name(ERROR_CANCELLED)) == 0;
}

StepResult
cold_step_UNDOING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;
    OperationMove move = operation_plain_move();

    EffectResult result = cold_clean_dest(task, &error);
    if (result == EFFECT_WAITING) {
        return STEP_WAIT;
    }
    Leftover left = cold_leftover(task, true, "a move to here failed, and could not be undone here",
        "this host and the instance's own are connected");
    move.leftover = result == EFFECT_FAILED ? &left : NULL;
    move.release_target = true;
    return cold_move(task, was_aborted(task) ? COLD_CANCELLED : COLD_ERROR, &move);
}
