/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One function for each state, in life order. Each asks for at most one effect and goes on when
 * its answer is there. */
#include "lifecycle/internal.h"

#include "model/diagnosis.h"
#include "scheduler/scheduler.h"

/* Beside events, a guest that is to power off is looked at this often: an event may be lost. */
#define LOOK_INTERVAL_US (5 * G_USEC_PER_SEC)
/* A guest that is still booting does not hear the power button: it is pressed again. Nova:
 * virt/libvirt/driver.py, _clean_shutdown. */
#define ASK_INTERVAL_US (10 * G_USEC_PER_SEC)

/* Volumes that a create waits for are looked at this often. */
#define VOLUME_INTERVAL_US (G_USEC_PER_SEC / 4)

/* Nova: a failed build is a 500 in the instance's fault. */
enum { FAULT_CODE = 500 };

static StepResult
move_on(LifecycleTask *task, LifecycleState to)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    return lifecycle_move(task, to, &change);
}

static StepResult
move_with_error(LifecycleTask *task, LifecycleState to, const GError *error)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    change.error = error;
    return lifecycle_move(task, to, &change);
}

static StepResult
move_with_intent(LifecycleTask *task, LifecycleState to, bool should_run)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    change.should_run = should_run;
    return lifecycle_move(task, to, &change);
}

static StepResult
complete(LifecycleTask *task, VmState vm_state, PowerState power_state)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    /* A guest that is started again after its host's reboot still waits to be confirmed. */
    change.vm_state =
        task->instance->vm_state == VM_STATE_RESIZED ? VM_STATE_RESIZED : (int)vm_state;
    change.power_state = power_state;
    change.clears_fault = true;
    change.launched = task->operation->kind == OPERATION_CREATE;
    return lifecycle_move(task, LIFECYCLE_COMPLETED, &change);
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
    change.releases_claims = true;
    /* On a host that is silent the guest may still write to them: engine/leftovers.c. */
    change.volumes = error == NULL ? MOVE_VOLUMES_DROP_ALL : MOVE_VOLUMES_LEAVE;
    change.leftover = error != NULL ? &leftover : NULL;
    change.error = error;
    return lifecycle_move(task, LIFECYCLE_COMPLETED, &change);
}

/* The instance ends in ERROR, with the operation's first error (or this one) as its fault. */
static StepResult
fail_with_fault(LifecycleTask *task, const GError *error, bool releases_claims)
{
    const char *first = task->operation->error_code != NULL ? task->operation->message : NULL;
    g_autofree char *details =
        g_strdup_printf("operation %" G_GINT64_FORMAT " (%s) failed in state %s on host %s",
            task->operation->id, operation_kind_name(task->operation->kind), task->operation->state,
            task->instance->host != NULL ? task->instance->host : "-");
    const char *plain = first != NULL ? first : error != NULL ? error->message : "it failed";
    g_autofree char *message = diagnosis_explain(plain);
    Fault fault = {
        .code = FAULT_CODE,
        .message = message,
        .details = details,
        .created_us = clock_now_us(task->context->clock),
    };
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    change.vm_state = VM_STATE_ERROR;
    change.power_state = POWER_STATE_NONE;
    change.should_run = false;
    change.releases_claims = releases_claims;
    change.fault = &fault;
    change.error = error;
    return lifecycle_move(task, LIFECYCLE_FAILED, &change);
}

/* Never while a call is under way: what it does would be done beside what follows. */
static bool
is_given_up(const LifecycleTask *task)
{
    return task->operation->wanted == WANTED_CANCEL && task->effect.call == NULL;
}

/* A hard reboot was asked for while the guest had its time. As with giving up, a call under way is
 * waited for: a late shutdown would reach the guest that was started again. */
static bool
is_forced(const LifecycleTask *task)
{
    return task->operation->wanted == WANTED_FORCE_COMPLETE && task->effect.call == NULL;
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

    if (is_given_up(task)) {
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
    case OPERATION_PAUSE: return move_on(task, LIFECYCLE_PAUSING);
    case OPERATION_UNPAUSE: return move_on(task, LIFECYCLE_RESUMING);
    case OPERATION_ATTACH_VOLUME: return move_on(task, LIFECYCLE_ATTACHING);
    case OPERATION_DETACH_VOLUME: return move_on(task, LIFECYCLE_DETACHING);
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

static const char *
choose_host(GPtrArray *hosts, GHashTable *usage, void *data, GError **error)
{
    const LifecycleTask *task = data;
    const OperationSettings *settings = &task->context->settings;
    PlacementRequest request = placement_request(&settings->placement, task->instance,
        settings->service_down_time_us, clock_now_us(task->context->clock));
    request.requested_host = task->operation->requested_host;
    return scheduler_choose(&request, hosts, usage, error);
}

static StepResult
step_SCHEDULING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;

    if (is_given_up(task)) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.releases_claims = true;
        return lifecycle_move(task, LIFECYCLE_CANCELLED, &change);
    }
    if (store_claim(task->context->store, task->operation, task->instance, choose_host, task, &host,
            &error)) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.host = host;
        return lifecycle_move(task, LIFECYCLE_FETCHING, &change);
    }
    if (error_is(error, ERROR_STORE_DOWN) || task->context->is_gathering(task->context)) {
        task->context->wake_at(task->context, task->operation->id,
            clock_now_us(task->context->clock) + G_USEC_PER_SEC / 2);
        return STEP_WAIT;
    }
    return fail_with_fault(task, error, true);
}

/* The next base is to be there: from our own file, else from another host. */
static EffectResult
fetch_base(LifecycleTask *task, GError **ret_error)
{
    const BaseImage *base = task->bases->pdata[task->n_bases];

    if (!task->base_is_missing) {
        EffectResult result = lifecycle_effect(task, EFFECT_ensure_base, ret_error);
        if (result != EFFECT_FAILED || base->path != NULL) {
            return result;
        }
        g_clear_error(ret_error);
        task->base_is_missing = true;
        task->next_source = 0;
        task->sources_ended = false;
    }
    for (;;) {
        EffectResult result = lifecycle_effect(task, EFFECT_copy_base, ret_error);
        if (result != EFFECT_FAILED || task->sources_ended) {
            return result;
        }
        g_clear_error(ret_error);
    }
}

/* Volumes that were asked for together with the instance are made beside it. */
static EffectResult
wait_for_volumes(LifecycleTask *task, GError **error)
{
    OperationContext *context = task->context;
    int64_t now_us = clock_now_us(context->clock);
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        context->store, &(VolumeFilter){.instance_id = task->instance->id}, NULL);
    bool is_ready = volumes != NULL;

    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->status == VOLUME_ERROR) {
            error_set(error, ERROR_HYPERVISOR_REFUSED, "volume %s could not be made: %s",
                volume->id, volume->message != NULL ? volume->message : "no reason is known");
            return EFFECT_FAILED;
        }
        is_ready = is_ready && volume->status == VOLUME_AVAILABLE;
    }
    if (!is_ready && now_us >= task->deadline_us) {
        error_set(error, ERROR_TIMEOUT, "its volumes were not made in time");
        return EFFECT_FAILED;
    }
    if (!is_ready) {
        context->wake_at(context, task->operation->id, now_us + VOLUME_INTERVAL_US);
    }
    return is_ready ? EFFECT_DONE : EFFECT_WAITING;
}

static StepResult
end_fetching(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (wait_for_volumes(task, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_CLEANING, error);
    case EFFECT_DONE: break;
    }
    return move_on(task, LIFECYCLE_BUILDING);
}

static StepResult
step_FETCHING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (is_given_up(task)) {
        return move_on(task, LIFECYCLE_CLEANING);
    }
    if (task->bases == NULL) {
        task->bases = guest_list_bases(
            task->context->store, task->instance, task->context->settings.image_directory);
    }
    if (task->n_bases == task->bases->len) {
        return end_fetching(task);
    }
    switch (fetch_base(task, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_CLEANING, error);
    case EFFECT_DONE: break;
    }
    task->n_bases++;
    task->base_is_missing = false;
    return STEP_AGAIN;
}

static StepResult
step_BUILDING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (is_given_up(task)) {
        return move_on(task, LIFECYCLE_CLEANING);
    }
    switch (lifecycle_effect(task, EFFECT_create_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_CLEANING, error);
    case EFFECT_DONE: break;
    }
    return move_on(task, LIFECYCLE_STARTING);
}

static StepResult
step_STARTING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (is_create(task) && is_given_up(task)) {
        return move_on(task, LIFECYCLE_CLEANING);
    }
    switch (lifecycle_effect(task, EFFECT_start_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        return move_with_error(
            task, is_create(task) ? LIFECYCLE_CLEANING : LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return complete(task, VM_STATE_ACTIVE, POWER_STATE_RUNNING);
}

/* The guest is off: that was all, or it is to run again. */
static StepResult
on_stopped(LifecycleTask *task)
{
    if (task->operation->kind == OPERATION_STOP) {
        return complete(task, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN);
    }
    return move_on(task, LIFECYCLE_STARTING);
}

static StepResult
wait_for_power_off(LifecycleTask *task)
{
    int64_t now_us = clock_now_us(task->context->clock);

    if (task->off_seen) {
        task->off_seen = false;
        task->look_us = now_us;
        return STEP_AGAIN;
    }
    task->look_us = MIN(now_us + LOOK_INTERVAL_US, task->deadline_us);
    task->context->wake_at(task->context, task->operation->id, task->look_us);
    return STEP_WAIT;
}

static StepResult
ask_to_power_off(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_shutdown_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    /* A guest that cannot be asked is stopped like one that does not listen. */
    case EFFECT_FAILED: return move_on(task, LIFECYCLE_POWERING_OFF);
    case EFFECT_DONE: break;
    }
    task->shutdown_wanted = false;
    task->ask_us = clock_now_us(task->context->clock) + ASK_INTERVAL_US;
    return wait_for_power_off(task);
}

static StepResult
on_look_at_stopping(LifecycleTask *task)
{
    switch (task->view.state) {
    case DOMAIN_SHUT_OFF:
    case DOMAIN_CRASHED: return on_stopped(task);
    case DOMAIN_ABSENT:
    case DOMAIN_UNREACHABLE: return move_on(task, LIFECYCLE_CHECKING);
    /* A paused guest hears nothing. */
    case DOMAIN_PAUSED: return move_on(task, LIFECYCLE_POWERING_OFF);
    case DOMAIN_RUNNING: break;
    }
    int64_t now_us = clock_now_us(task->context->clock);
    if (now_us >= task->deadline_us) {
        return move_on(task, LIFECYCLE_POWERING_OFF);
    }
    if (now_us >= task->ask_us) {
        task->shutdown_wanted = true;
        return STEP_AGAIN;
    }
    return wait_for_power_off(task);
}

static StepResult
step_STOPPING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    int64_t now_us = clock_now_us(task->context->clock);

    if (is_given_up(task)) {
        return move_on(task, LIFECYCLE_CANCELLED);
    }
    if (is_forced(task)) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.sentence = "a hard reboot was asked for: the guest is not waited for any longer";
        return lifecycle_move(task, LIFECYCLE_POWERING_OFF, &change);
    }
    if (task->shutdown_wanted) {
        return ask_to_power_off(task);
    }
    bool is_looking = task->effect.call != NULL || task->effect.is_unread;
    if (!is_looking && !task->off_seen && now_us < task->look_us) {
        task->context->wake_at(task->context, task->operation->id, task->look_us);
        return STEP_WAIT;
    }
    if (!is_looking) {
        task->off_seen = false;
    }
    switch (lifecycle_effect(task, EFFECT_describe_domain, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        /* The guest's time is over, whether its host is there or not. */
        return error_is(error, ERROR_HYPERVISOR_DOWN)
            ? move_on(task, LIFECYCLE_POWERING_OFF)
            : move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return on_look_at_stopping(task);
}

static StepResult
step_POWERING_OFF(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_destroy_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return on_stopped(task);
}

static StepResult
step_PAUSING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_pause_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return complete(task, VM_STATE_PAUSED, POWER_STATE_PAUSED);
}

static StepResult
step_RESUMING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_resume_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_CHECKING, error);
    case EFFECT_DONE: break;
    }
    return complete(task, VM_STATE_ACTIVE, POWER_STATE_RUNNING);
}

static StepResult
step_ATTACHING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (is_given_up(task)) {
        return move_on(task, LIFECYCLE_DETACHING);
    }
    switch (lifecycle_effect(task, EFFECT_attach_disk, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    /* Part of it may have happened, and the volume must not be free while the guest has it. */
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_DETACHING, error);
    case EFFECT_DONE: break;
    }
    return end_volume(task, LIFECYCLE_COMPLETED, true, NULL);
}

/* A volume that could not be seen to be gone is attached. */
static StepResult
step_DETACHING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    bool is_undo = task->operation->kind == OPERATION_ATTACH_VOLUME;

    if (!is_undo && is_given_up(task)) {
        return end_volume(task, LIFECYCLE_CANCELLED, true, NULL);
    }
    switch (lifecycle_effect(task, EFFECT_detach_disk, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return end_volume(task, LIFECYCLE_FAILED, true, error);
    case EFFECT_DONE: break;
    }
    LifecycleState end = !is_undo             ? LIFECYCLE_COMPLETED
        : task->operation->error_code != NULL ? LIFECYCLE_FAILED
                                              : LIFECYCLE_CANCELLED;
    return end_volume(task, end, false, NULL);
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
        return fail_with_fault(task, error, false);
    case EFFECT_DONE: break;
    }
    return complete_delete(task, NULL);
}

/* The claim goes only when nothing is left on the host: what may be there still takes its room. */
static StepResult
step_CLEANING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_remove_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return fail_with_fault(task, error, false);
    case EFFECT_DONE: break;
    }
    if (task->operation->wanted == WANTED_CANCEL && task->operation->error_code == NULL) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.releases_claims = true;
        return lifecycle_move(task, LIFECYCLE_CANCELLED, &change);
    }
    return fail_with_fault(task, NULL, true);
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
    case EFFECT_FAILED: return move_with_error(task, LIFECYCLE_FAILED, error);
    case EFFECT_DONE: break;
    }
    if (!lifecycle_observe(&task->view, &vm_state, &power_state)) {
        error_set(
            &error, ERROR_NOT_FOUND, "host '%s' does not know the instance", task->instance->host);
        return fail_with_fault(task, error, false);
    }
    change.vm_state =
        task->instance->vm_state == VM_STATE_RESIZED ? VM_STATE_RESIZED : (int)vm_state;
    change.power_state = power_state;
    return lifecycle_move(task, LIFECYCLE_FAILED, &change);
}

StepResult
lifecycle_step_state(LifecycleTask *task)
{
    switch (task->state) {
    case LIFECYCLE_QUEUED: return step_QUEUED(task);
    case LIFECYCLE_SCHEDULING: return step_SCHEDULING(task);
    case LIFECYCLE_FETCHING: return step_FETCHING(task);
    case LIFECYCLE_BUILDING: return step_BUILDING(task);
    case LIFECYCLE_STARTING: return step_STARTING(task);
    case LIFECYCLE_STOPPING: return step_STOPPING(task);
    case LIFECYCLE_POWERING_OFF: return step_POWERING_OFF(task);
    case LIFECYCLE_PAUSING: return step_PAUSING(task);
    case LIFECYCLE_RESUMING: return step_RESUMING(task);
    case LIFECYCLE_ATTACHING: return step_ATTACHING(task);
    case LIFECYCLE_DETACHING: return step_DETACHING(task);
    case LIFECYCLE_REMOVING: return step_REMOVING(task);
    case LIFECYCLE_CLEANING: return step_CLEANING(task);
    case LIFECYCLE_CHECKING: return step_CHECKING(task);
    case LIFECYCLE_COMPLETED:
    case LIFECYCLE_FAILED:
    case LIFECYCLE_CANCELLED: return STEP_DONE;
    case LIFECYCLE_N_STATES: break;
    }
    g_assert_not_reached();
}
