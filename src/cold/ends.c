/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* How a move ends: the source forgets the guest (confirm), or has it back (revert). Neither begins
 * before the side that is to keep the guest has been seen to have it. */
#include "cold/internal.h"

#include "lifecycle/lifecycle.h"
#include "model/diagnosis.h"

enum { FAULT_CODE = 500 };

/* The server and the migration say why. */
static StepResult
move_with_fault(
    ColdTask *task, ColdState to, OperationMove *move, const GError *error, const char *details)
{
    g_autofree char *message = diagnosis_explain(error->message);
    Fault fault = {
        .code = FAULT_CODE,
        .message = message,
        .details = (char *)details,
        .created_us = clock_now_us(task->context->clock),
    };

    move->set_instance = true;
    move->fault = &fault;
    move->error_code = error_code_name(error_code(error));
    move->message = error->message;
    return cold_move(task, to, move);
}

/* The move waits as before. */
static StepResult
refuse(ColdTask *task, const GError *error)
{
    bool is_confirm = task->operation->kind == OPERATION_CONFIRM_RESIZE;
    g_autofree char *details =
        g_strdup_printf("migration %" G_GINT64_FORMAT " could not be %s, and still waits for it",
            task->migration->id, is_confirm ? "confirmed" : "reverted");
    OperationMove move = operation_plain_move();

    return move_with_fault(task, COLD_REFUSED, &move, error, details);
}

StepResult
cold_step_QUEUED(ColdTask *task)
{
    if (cold_is_given_up(task)) {
        return cold_move(task, COLD_REFUSED, NULL);
    }
    bool is_confirm = task->operation->kind == OPERATION_CONFIRM_RESIZE;
    return cold_move(task, is_confirm ? COLD_PROVING : COLD_RECALLING, NULL);
}

/* ---- confirm ---- */

static bool
has_guest(const ColdTask *task, GError **error)
{
    const DomainView *view = &task->view;
    const char *host = task->migration->dest_host;

    if (view->state != DOMAIN_RUNNING && view->state != DOMAIN_PAUSED &&
        view->state != DOMAIN_SHUT_OFF) {
        return error_set(error, ERROR_CONFLICT,
            "the guest is %s on %s, so the source keeps its disks: revert the move, or see there "
            "with 'virsh list --all' what became of it, and confirm again",
            domain_state_name(view->state), host);
    }
    return view->generation == task->instance->generation ||
        error_set(error, ERROR_CONFLICT,
            "the guest on %s is not the one that was moved there, and the source keeps its disks: "
            "compare both with 'virsh dumpxml', and undefine the one that is wrong",
            host);
}

StepResult
cold_step_PROVING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_dest_dead(task)) {
        error_set(&error, ERROR_HYPERVISOR_DOWN,
            "host '%s' is dead, and the guest with it: there is nothing to confirm. Revert instead "
            "('openstack server resize revert'): then it is on %s again, as it was before",
            task->migration->dest_host, task->migration->source_host);
        return refuse(task, error);
    }
    switch (cold_effect(task, EFFECT_describe_domain, true, &error)) {
    case EFFECT_WAITING: return cold_wait_for_dest(task);
    case EFFECT_FAILED: return refuse(task, error);
    case EFFECT_DONE: break;
    }
    return has_guest(task, &error) ? cold_move(task, COLD_CONFIRMING, NULL)
                                   : refuse(task, error);
}

/* A source that is away forgets the guest when it is back: its domain is of an older generation
 * (engine/leftovers.c). */
static StepResult
confirm(ColdTask *task, const GError *left)
{
    OperationMove move = operation_plain_move();
    VmState vm_state;
    PowerState power_state;

    move.set_instance = true;
    move.clear_fault = true;
    move.vm_state = VM_STATE_ACTIVE;
    if (lifecycle_observe(&task->view, &vm_state, &power_state)) {
        move.vm_state = vm_state;
        move.power_state = power_state;
    }
    move.release_kept = true;
    g_autofree char *message = left == NULL ? NULL
                                            : g_strdup_printf("confirmed; %s keeps what it has "
                                                              "until it answers: %s",
                                                  task->migration->source_host, left->message);
    move.message = message;
    Leftover kept = cold_leftover(task, false,
        "the move from here was confirmed while this host was silent",
        "this host answers, and the instance is seen on its own");
    move.leftover = left != NULL ? &kept : NULL;
    if (left == NULL) {
        cold_forget_leftover(task, false);
    }
    return cold_move(task, COLD_CONFIRMED, &move);
}

StepResult
cold_step_CONFIRMING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    /* What it is shown as follows from a look of this state, not of the one before. */
    switch (cold_effect(task, EFFECT_describe_domain, true, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return refuse(task, error);
    case EFFECT_DONE: break;
    }
    /* This may be after a restart: the source's copy goes only while the other is there. */
    if ((task->done & (1u << EFFECT_clean_source)) == 0 && !has_guest(task, &error)) {
        return refuse(task, error);
    }
    switch (cold_effect(task, EFFECT_clean_source, false, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        return cold_is_away(task, task->migration->source_host)
            ? confirm(task, error)
            : refuse(task, error);
    case EFFECT_DONE: break;
    }
    return confirm(task, NULL);
}

/* ---- revert ---- */

/* A destination that is dead runs nothing that could be spared. */
static EffectResult
recall(ColdTask *task, GError **error)
{
    EffectResult result = cold_effect(task, EFFECT_describe_domain, false, error);

    return result == EFFECT_DONE && task->view.state == DOMAIN_SHUT_OFF && !cold_is_dest_dead(task)
        ? cold_try_disks(task, false, error)
        : result;
}

StepResult
cold_step_RECALLING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (!cold_read_volumes(task, NULL)) {
        return cold_wait(task, G_USEC_PER_SEC);
    }
    switch (recall(task, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return refuse(task, error);
    case EFFECT_DONE: break;
    }
    if (task->view.state == DOMAIN_SHUT_OFF) {
        return cold_move(task, COLD_HALTING, NULL);
    }
    error_set(&error, ERROR_CONFLICT,
        "the guest is %s on %s, which was to keep it switched off: the move cannot be reverted. "
        "Confirm it to keep the guest where it is, or see there with 'virsh list --all' what "
        "became of it",
        domain_state_name(task->view.state), task->migration->source_host);
    return refuse(task, error);
}

/* What the guest wrote to disks of the destination's own is given up with the move; disks that
 * both hosts have, and volumes, go on being used, and are left in order. */
StepResult
cold_step_HALTING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;
    OperationMove move = operation_plain_move();

    if (!cold_read_volumes(task, NULL)) {
        return cold_wait(task, G_USEC_PER_SEC);
    }
    bool is_graceful = !task->migration->copies_disks || task->volumes->len > 0;
    if (cold_is_dest_dead(task)) {
        move.sentence = COLD_DEST_IS_DEAD;
    } else {
        switch (cold_stop(task, true, is_graceful, &error)) {
        case EFFECT_WAITING: return cold_wait_for_dest(task);
        case EFFECT_FAILED: return refuse(task, error);
        case EFFECT_DONE: break;
        }
    }
    move.set_instance = true;
    move.power_state = POWER_STATE_SHUTDOWN;
    return cold_move(task, COLD_RETURNING, &move);
}

/* Host, flavor, generation and power state are the source's again; that is committed once the
 * source has done its part. */
static bool
describe_return(ColdTask *task, OperationMove *move, Flavor **ret_flavor, GError **error)
{
    if (task->migration->type == MIGRATION_TYPE_RESIZE) {
        *ret_flavor = store_get_resize_flavor(
            task->context->store, task->migration->operation.id, false, error);
        if (*ret_flavor == NULL) {
            return false;
        }
    }
    move->set_instance = true;
    move->host = task->migration->source_host;
    move->generation = task->migration->generation + 1;
    move->flavor = *ret_flavor;
    move->restore_kept = true;
    return true;
}

/* The destination keeps what it has. */
static StepResult
fail(ColdTask *task, const GError *error)
{
    g_autoptr(Flavor) flavor = NULL;
    g_autofree char *details = g_strdup_printf("reverting migration %" G_GINT64_FORMAT
                                               " failed; the guest is off on %s as well, where "
                                               "its disks are kept",
        task->migration->id, task->migration->dest_host);
    OperationMove move = operation_plain_move();

    if (!describe_return(task, &move, &flavor, NULL)) {
        return cold_wait(task, G_USEC_PER_SEC);
    }
    move.vm_state = VM_STATE_ERROR;
    move.power_state = POWER_STATE_NONE;
    Leftover left = cold_leftover(task, true, "the move was reverted, and the source failed",
        "the instance runs on its host again");
    move.leftover = &left;
    return move_with_fault(task, COLD_ERROR, &move, error, details);
}

StepResult
cold_step_RETURNING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_hopeless(task, &error)) {
        return fail(task, error);
    }
    switch (cold_effect(task, EFFECT_create_guest, false, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return fail(task, error);
    case EFFECT_DONE: break;
    }
    /* What it said on the source is in the source's own log. */
    store_forget_console(
        task->context->store, task->instance->id, task->migration->operation.id, NULL);
    return cold_move(task, task->migration->was_running ? COLD_REVIVING : COLD_CLEANING, NULL);
}

StepResult
cold_step_REVIVING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_hopeless(task, &error)) {
        return fail(task, error);
    }
    switch (cold_effect(task, EFFECT_start_guest, false, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return fail(task, error);
    case EFFECT_DONE: break;
    }
    return cold_move(task, COLD_CLEANING, NULL);
}

/* A destination that is away is cleaned when it is back: its domain is off, and of an older
 * generation. */
StepResult
cold_step_CLEANING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Flavor) flavor = NULL;
    OperationMove move = operation_plain_move();
    bool was_running = task->migration->was_running;

    EffectResult result = cold_clean_dest(task, &error);
    if (result == EFFECT_WAITING) {
        return STEP_WAIT;
    }
    if (!describe_return(task, &move, &flavor, NULL)) {
        return cold_wait(task, G_USEC_PER_SEC);
    }
    move.vm_state = was_running ? VM_STATE_ACTIVE : VM_STATE_STOPPED;
    move.power_state = was_running ? POWER_STATE_RUNNING : POWER_STATE_SHUTDOWN;
    move.clear_fault = true;
    move.message = error != NULL ? error->message : NULL;
    Leftover left = cold_leftover(task, true, "the move to here was reverted",
        "this host and the instance's own are connected");
    move.leftover = result == EFFECT_FAILED ? &left : NULL;
    cold_forget_leftover(task, false);
    return cold_move(task, COLD_REVERTED, &move);
}
