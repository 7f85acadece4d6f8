/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The states in which an instance is made: a host is chosen, what its disks stand on is brought
 * there, it is defined; and what was made goes when that fails. */
#include "lifecycle/internal.h"

#include "operation/claim.h"
#include "scheduler/scheduler.h"

/* Volumes that a create waits for are looked at this often. */
#define VOLUME_INTERVAL_US (G_USEC_PER_SEC / 4)

/* Those that it is to have, made or not. */
static GPtrArray *
list_volumes(const LifecycleTask *task, GError **error)
{
    return store_list_volumes(
        task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, error);
}

static const char *
choose_host(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const LifecycleTask *task = data;
    const OperationSettings *settings = &task->context->settings;
    PlacementRequest request = placement_request(&settings->placement, task->instance,
        settings->service_down_time_us, clock_now_us(task->context->clock));
    g_autoptr(GPtrArray) volumes = list_volumes(task, error);
    if (volumes == NULL) {
        return NULL;
    }
    request.requested_host = task->operation->requested_host;
    request.refusals = task->refusals;
    request.volumes = volumes;
    return scheduler_choose(&request, hosts, decision, error);
}

StepResult
lifecycle_step_SCHEDULING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;

    if (lifecycle_is_given_up(task)) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.releases_claims = true;
        return lifecycle_move(task, LIFECYCLE_CANCELLED, &change);
    }
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    switch (operation_claim(
        task->context, task->operation, task->instance, choose_host, task, &host, &error)) {
    case CLAIM_WAITING: return STEP_WAIT;
    case CLAIM_DONE:
        change.host = host;
        return lifecycle_move(task, LIFECYCLE_FETCHING, &change);
    case CLAIM_FAILED: break;
    }
    if (error_is(error, ERROR_STORE_DOWN) || task->context->is_gathering(task->context)) {
        task->context->wake_at(task->context, task->operation->id,
            clock_now_us(task->context->clock) + G_USEC_PER_SEC / 2);
        return STEP_WAIT;
    }
    return lifecycle_fail_with_fault(task, error, true);
}

/* A copy has failed, and another source may do better. The destination alone can be full, and it is
 * without an answer of any that it is given up as silent or dead. */
static bool
is_of_source(const LifecycleTask *task, const GError *error)
{
    return !task->sources_ended && !error_is(error, ERROR_LIMIT) &&
        !error_is(error, ERROR_HYPERVISOR_DOWN);
}

static EffectResult
copy_base(LifecycleTask *task, GError **ret_error)
{
    for (;;) {
        g_autoptr(GError) error = NULL;
        EffectResult result = lifecycle_effect(task, EFFECT_copy_base, &error);
        if (result != EFFECT_FAILED) {
            return result;
        }
        if (!is_of_source(task, error)) {
            g_propagate_error(ret_error, g_steal_pointer(&error));
            return EFFECT_FAILED;
        }
        if (!error_is(error, ERROR_NOT_FOUND)) {
            g_clear_error(&task->copy_error);
            task->copy_error = g_steal_pointer(&error);
        }
    }
}

/* The next base is to be there: from our own file, else from another host. */
static EffectResult
fetch_base(LifecycleTask *task, GError **ret_error)
{
    const BaseImage *base = task->bases->pdata[task->n_bases];

    if (!task->base_is_missing) {
        g_autoptr(GError) error = NULL;
        EffectResult result = lifecycle_effect(task, EFFECT_ensure_base, &error);
        if (result != EFFECT_FAILED) {
            return result;
        }
        if (base->path != NULL || !error_is(error, ERROR_NOT_FOUND)) {
            g_propagate_error(ret_error, g_steal_pointer(&error));
            return EFFECT_FAILED;
        }
        task->base_is_missing = true;
        task->next_source = 0;
        g_clear_error(&task->copy_error);
    }
    return copy_base(task, ret_error);
}

/* Volumes that were asked for together with the instance are made beside it. */
static EffectResult
wait_for_volumes(LifecycleTask *task, GError **error)
{
    OperationContext *context = task->context;
    int64_t now_us = clock_now_us(context->clock);
    g_autoptr(GPtrArray) volumes = list_volumes(task, NULL);
    bool is_ready = volumes != NULL;

    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->status == VOLUME_ERROR) {
            error_set(error, ERROR_CONFLICT, "volume %s could not be made: %s",
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
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_CLEANING, error);
    case EFFECT_DONE: break;
    }
    return lifecycle_move_on(task, LIFECYCLE_BUILDING);
}

StepResult
lifecycle_step_FETCHING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (task->operation->wanted == WANTED_CANCEL) {
        effect_slot_cancel(&task->effect);
    }
    if (lifecycle_is_given_up(task)) {
        return lifecycle_move_on(task, LIFECYCLE_CLEANING);
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
    case EFFECT_FAILED:
        return lifecycle_may_try_another(task, error_code_name(error_code(error)))
            ? lifecycle_try_another(task, error->message)
            : lifecycle_move_with_error(task, LIFECYCLE_CLEANING, error);
    case EFFECT_DONE: break;
    }
    task->n_bases++;
    task->base_is_missing = false;
    return STEP_AGAIN;
}

StepResult
lifecycle_step_BUILDING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    if (lifecycle_is_given_up(task)) {
        return lifecycle_move_on(task, LIFECYCLE_CLEANING);
    }
    switch (lifecycle_effect(task, EFFECT_create_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return lifecycle_move_with_error(task, LIFECYCLE_CLEANING, error);
    case EFFECT_DONE: break;
    }
    return lifecycle_move_on(task, LIFECYCLE_STARTING);
}

/* The claim goes only when nothing is left on the host: what may be there still takes its room. */
StepResult
lifecycle_step_CLEANING(LifecycleTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (lifecycle_effect(task, EFFECT_remove_guest, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return lifecycle_fail_with_fault(task, error, false);
    case EFFECT_DONE: break;
    }
    if (task->operation->wanted == WANTED_CANCEL && task->operation->error_code == NULL) {
        LifecycleChange change = LIFECYCLE_CHANGE_NONE;
        change.releases_claims = true;
        return lifecycle_move(task, LIFECYCLE_CANCELLED, &change);
    }
    if (lifecycle_may_try_another(task, task->operation->error_code)) {
        return lifecycle_try_another(task, task->operation->message);
    }
    return lifecycle_fail_with_fault(task, NULL, true);
}
