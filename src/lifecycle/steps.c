/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One function for each state, in life order. Each asks for at most one effect and goes on when
 * its answer is there. The states in which an instance is made are in build.c, those in which a
 * guest powers off in stop.c. */
#include "lifecycle/internal.h"


static StepResult
move_with_intent(LifecycleTask *task, LifecycleState to, bool should_run)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    change.should_run = should_run;
    return lifecycle_move(task, to, &change);
}

static StepResult
complete_delete(LifecycleTask *task, const GError *error)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    Leftover leftover = leftover_of_guest(task->instance->host, task->instance->id,
        task->operation->id, true, "the instance was deleted while this host was silent");

    change.vm_state = VM_STATE_DELETED;
    change.power_state = POWER_STATE_NONE;
    change.should_run = false;
    change.terminated = true;
    change.confirms = true;
    change.releases_claims = true;
    /* On a host that is silent the guest may still write to them: engine/leftovers.c. */
    change.volumes = error == NULL ? MOVE_VOLUMES_DROP_ALL : MOVE_VOLUMES_LEAVE;
    change.leftover = error != NULL ? &leftover : NULL;
    change.error = error;
    return lifecycle_move(task, LIFECYCLE_COMPLETED, &change);
}

static bool
is_create(const LifecycleTask *task)
{
    return task->operation->kind == OPERATION_CREATE;
}

/* The end of an operation, with what it means for the volume that it attaches or detaches (others
 * have none, and nothing happens to any). */
static StepResult
end_volume(LifecycleTask *task, LifecycleState to, bool is_attached, const GError *error)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    change.volumes = is_attached ? MOVE_VOLUMES_KEEP : MOVE_VOLUMES_DROP;
    change.error = error;
    return lifecycle_move(task, to, &change);
}

static StepResult
step_QUEUED(LifecycleTask *task)
{
    OperationKind kind = task->operation->kind;

    if (lifecycle_is_given_up(task)) {
        return end_volume(task, LIFECYCLE_CANCELLED, kind == OPERATION_DETACH_VOLUME, NULL);
    }
    if (kind == OPERATION_DELETE && task->instance->host == NULL) {
        return complete_delete(task, NULL);
    }
    if (kind != OPERATION_CREATE && task->instance->host == NULL) {
        g_autoptr(GError) error = NULL;
        error_set(&error, ERROR_CONFLICT, "the instance is on no host");
        return end_volume(task, LIFECYCLE_FAILED, kind == OPERATION_DETACH_VOLUME, error);
    }
    switch (kind) {
    case OPERATION_CREATE: return move_with_intent(task, LIFECYCLE_SCHEDULING, true);
    case OPERATION_DELETE: return move_with_intent(task, LIFECYCLE_REMOVING, false);
    case OPERATION_START: return move_with_intent(task, LIFECYCLE_STARTING, true);
    case OPERATION_STOP: return move_with_intent(task, LIFECYCLE_STOPPING, false);
    case OPERATION_REBOOT_SOFT: return move_with_intent(task, LIFECYCLE_STOPPING, true);
    case OPERATION_REBOOT_HARD: return move_with_intent(task, LIFECYCLE_POWERING_OFF, true);
    case OPERATION_PAUSE: return lifecycle_move_on(task, LIFECYCLE_PAUSING);
    case OPERATION_UNPAUSE: return lifecycle_move_on(task, LIFECYCLE_RESUMING);
    case OPERATION_ATTACH_VOLUME: return lifecycle_move_on(task, LIFECYCLE_ATTACHING);
    case OPERATION_DETACH_VOLUME: return lifecycle_move_on(task, LIFECYCLE_DETACHING);
    case OPERATION_LIVE_MIGRATE: break; /* migration's */
    case OPERATION_EVACUATE: break;     /* evacuation's */
    case OPERATION_COLD_MIGRATE:
    case OPERATION_RESIZE:
    case OPERATION_CONFIRM_RESIZE:
    case OPERATION_REVERT_RESIZE: break; /* cold's */
    case OPERATION_LIVE_MIGRATION_CANCEL:
    case OPERATION_LIVE_MIGRATION_FORCE_COMPLETE: break; /* never open */
    }
    g_assert_not_reached();
}

static StepResult
step_STARTING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (is_create(task) && lifecycle_is_given_up(task)) {
        return lifecycle_move_on(task, LIFECYCLE_CLEANING);
    }
    switch (lifecycle_effect(task, EFFECT_start_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        return lifecycle_move_with_error(
            task, is_create(task) ? LIFECYCLE_CLEANING : LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return lifecycle_complete(task, VM_STATE_ACTIVE, POWER_STATE_RUNNING);
}

static StepResult
step_PAUSING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_pause_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return lifecycle_complete(task, VM_STATE_PAUSED, POWER_STATE_PAUSED);
}

static StepResult
step_RESUMING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_resume_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return lifecycle_complete(task, VM_STATE_ACTIVE, POWER_STATE_RUNNING);
}

static StepResult
step_ATTACHING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (lifecycle_is_given_up(task)) {
        return lifecycle_move_on(task, LIFECYCLE_DETACHING);
    }
    switch (lifecycle_effect(task, EFFECT_attach_disk, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    /* Part of it may have happened, and the volume must not be free while the guest has it. */
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_DETACHING, error);
    case EFFECT_DONE: break;
    }
    return end_volume(task, LIFECYCLE_COMPLETED, true, NULL);
}

static LifecycleState
end_of_detach(const LifecycleTask *task)
{
    return task->operation->kind != OPERATION_ATTACH_VOLUME ? LIFECYCLE_COMPLETED
        : task->operation->error_code != NULL               ? LIFECYCLE_FAILED
                                                            : LIFECYCLE_CANCELLED;
}

/* On a host that is known to be off nobody writes to the volume, so it is free. The definition
 * there, which has it still, is put right before anything starts from it: engine/leftovers.c. */
static StepResult
detach_on_record(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) volume = lifecycle_get_volume(task, &error);

    if (volume == NULL) {
        return end_volume(task, LIFECYCLE_FAILED, true, error);
    }
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    g_autofree char *name = g_strdup_printf(
        "%s/%s", task->instance->id, attachment_target(volume->attachment));
    g_autofree char *why = g_strdup_printf(
        "volume %s was detached from the instance while this host was dead", volume->id);
    Leftover leftover =
        leftover_of_disk(task->instance->host, task->instance->id, name, why);
    change.volumes = MOVE_VOLUMES_DROP;
    change.leftover = &leftover;
    change.sentence = "the host is dead, and whatever it has of the volume goes when it is back";
    return lifecycle_move(task, end_of_detach(task), &change);
}

/* A host that is merely silent may have it still; once it is known to be dead, nobody there does
 * (detach_on_record). */
static StepResult
fail_detach(LifecycleTask *task, const GError *error)
{
    const char *host = task->instance->host;
    g_autoptr(GError) explained = NULL;

    if (error_is(error, ERROR_HYPERVISOR_DOWN)) {
        error_set(&explained, ERROR_HYPERVISOR_DOWN,
            "%s: when it is dead, fence it ('drover host power %s off', or where its power is "
            "known to be off 'openstack compute service set --down %s nova-compute'), and detach "
            "the volume again: that asks nobody there",
            error->message, host, host);
        error = explained;
    }
    return end_volume(task, LIFECYCLE_FAILED, true, error);
}

/* A volume that could not be seen to be gone is attached. */
static StepResult
step_DETACHING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    bool is_undo = task->operation->kind == OPERATION_ATTACH_VOLUME;

    /* Only a delete gives it up, and does not wait for the call, which a volume's server that is
     * silent may hold for ever: the end of the domain ends it. */
    if (!is_undo && task->operation->wanted == WANTED_CANCEL) {
        effect_slot_forget(&task->effect);
        return end_volume(task, LIFECYCLE_CANCELLED, true, NULL);
    }
    if (lifecycle_is_host_dead(task)) {
        return detach_on_record(task);
    }
    switch (lifecycle_effect(task, EFFECT_detach_disk, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return fail_detach(task, error);
    case EFFECT_DONE: break;
    }
    return end_volume(task, end_of_detach(task), false, NULL);
}

/* A host that stays away does not keep its owner from deleting an instance: what is left there is
 * removed when the host is back (engine/leftovers.c), because the row says that it is deleted. */
static StepResult
step_REMOVING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_remove_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        if (error_is(error, ERROR_HYPERVISOR_DOWN)) {
            return complete_delete(task, error);
        }
        return lifecycle_fail_with_fault(task, error, false);
    case EFFECT_DONE: break;
    }
    return complete_delete(task, NULL);
}

static bool
is_reboot(const LifecycleTask *task)
{
    return task->operation->kind == OPERATION_REBOOT_SOFT ||
        task->operation->kind == OPERATION_REBOOT_HARD;
}

static StepResult
step_CHECKING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    VmState vm_state;
    PowerState power_state;

    switch (lifecycle_effect(task, EFFECT_describe_domain, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    /* Nobody says what is true: the instance stays as it was last seen. */
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_FAILED, error);
    case EFFECT_DONE: break;
    }
    if (!lifecycle_observe(&task->view, &vm_state, &power_state)) {
        error_set(
            &error, ERROR_NOT_FOUND, "host '%s' does not know the instance", task->instance->host);
        return lifecycle_fail_with_fault(task, error, false);
    }
    bool is_resized = task->instance->vm_state == VM_STATE_RESIZED;
    if (is_reboot(task) && vm_state == VM_STATE_STOPPED && !is_resized) {
        return lifecycle_fail_reboot(task, power_state);
    }
    change.vm_state = is_resized ? VM_STATE_RESIZED : (int)vm_state;
    change.power_state = power_state;
    return lifecycle_move(task, LIFECYCLE_FAILED, &change);
}

StepResult
lifecycle_step_state(LifecycleTask *task)
{
    switch (task->state) {
    case LIFECYCLE_QUEUED: return step_QUEUED(task);
    case LIFECYCLE_SCHEDULING: return lifecycle_step_SCHEDULING(task);
    case LIFECYCLE_FETCHING: return lifecycle_step_FETCHING(task);
    case LIFECYCLE_BUILDING: return lifecycle_step_BUILDING(task);
    case LIFECYCLE_STARTING: return step_STARTING(task);
    case LIFECYCLE_STOPPING: return lifecycle_step_STOPPING(task);
    case LIFECYCLE_POWERING_OFF: return lifecycle_step_POWERING_OFF(task);
    case LIFECYCLE_PAUSING: return step_PAUSING(task);
    case LIFECYCLE_RESUMING: return step_RESUMING(task);
    case LIFECYCLE_ATTACHING: return step_ATTACHING(task);
    case LIFECYCLE_DETACHING: return step_DETACHING(task);
    case LIFECYCLE_REMOVING: return step_REMOVING(task);
    case LIFECYCLE_CLEANING: return lifecycle_step_CLEANING(task);
    case LIFECYCLE_CHECKING: return step_CHECKING(task);
    case LIFECYCLE_COMPLETED:
    case LIFECYCLE_FAILED:
    case LIFECYCLE_CANCELLED: return STEP_DONE;
    case LIFECYCLE_N_STATES: break;
    }
    g_assert_not_reached();
}
