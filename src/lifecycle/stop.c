/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The states in which a guest powers off. */
#include "lifecycle/internal.h"

/* A hard reboot was asked for while the guest had its time. As with giving up, a call under way is
 * waited for: a late shutdown would reach the guest that was started again. */
static bool
is_forced(const LifecycleTask *task)
{
    return task->operation->wanted == WANTED_FORCE_COMPLETE && task->effect.call == NULL;
}

/* The guest is off: that was all, or it is to run again. */
static StepResult
on_stopped(LifecycleTask *task)
{
    if (task->operation->kind == OPERATION_STOP) {
        return lifecycle_complete(task, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN);
    }
    return lifecycle_move_on(task, LIFECYCLE_STARTING);
}

static StepResult
ask_to_power_off(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_shutdown_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    /* A guest that cannot be asked is stopped like one that does not listen. */
    case EFFECT_FAILED: return lifecycle_move_on(task, LIFECYCLE_POWERING_OFF);
    case EFFECT_DONE: break;
    }
    power_off_asked(&task->off, clock_now_us(task->context->clock), task->deadline_us);
    return STEP_AGAIN;
}

static StepResult
look(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_describe_domain, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        /* The guest's time is over, whether its host is there or not. */
        return error_is(error, ERROR_HYPERVISOR_DOWN)
            ? lifecycle_move_on(task, LIFECYCLE_POWERING_OFF)
            : lifecycle_move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    int64_t now_us = clock_now_us(task->context->clock);
    switch (power_off_saw(&task->off, task->view.state, now_us, task->deadline_us)) {
    case POWER_OFF_OFF: return on_stopped(task);
    case POWER_OFF_LOST: return lifecycle_move_on(task, LIFECYCLE_CHECKING);
    case POWER_OFF_PULL: return lifecycle_move_on(task, LIFECYCLE_POWERING_OFF);
    case POWER_OFF_NOT_YET: break;
    }
    return STEP_AGAIN;
}

StepResult
lifecycle_step_STOPPING(LifecycleTask *task)
{
    if (lifecycle_is_given_up(task)) {
        return lifecycle_move_on(task, LIFECYCLE_CANCELLED);
    }
    if (is_forced(task)) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.sentence = "a hard reboot was asked for: the guest is not waited for any longer";
        return lifecycle_move(task, LIFECYCLE_POWERING_OFF, &change);
    }
    bool is_looking = task->effect.call != NULL || task->effect.is_unread;
    switch (power_off_next(&task->off, is_looking, clock_now_us(task->context->clock))) {
    case POWER_OFF_LOOK: return look(task);
    case POWER_OFF_ASK: return ask_to_power_off(task);
    case POWER_OFF_WAIT: break;
    }
    task->context->wake_at(task->context, task->operation->id, task->off.look_us);
    return STEP_WAIT;
}

StepResult
lifecycle_step_POWERING_OFF(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (task->operation->kind == OPERATION_STOP && lifecycle_is_host_dead(task)) {
        return lifecycle_complete_stop_on_record(task);
    }
    switch (lifecycle_effect(task, EFFECT_destroy_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return on_stopped(task);
}
