/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* How a state ends, as several of them do. */
#include "lifecycle/internal.h"

#include "model/diagnosis.h"

/* Nova: a failed build is a 500 in the instance's fault. */
enum { FAULT_CODE = 500 };

StepResult
lifecycle_move_on(LifecycleTask *task, LifecycleState to)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    return lifecycle_move(task, to, &change);
}

StepResult
lifecycle_move_with_error(LifecycleTask *task, LifecycleState to, const GError *error)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    change.error = error;
    return lifecycle_move(task, to, &change);
}

static StepResult
complete(
    LifecycleTask *task, VmState vm_state, PowerState power_state, const char *sentence)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;

    /* A guest that is started again after its host's reboot still waits to be confirmed, and goes
     * on saying why it could not be. */
    bool is_resized = task->instance->vm_state == VM_STATE_RESIZED;
    change.vm_state = is_resized ? VM_STATE_RESIZED : (int)vm_state;
    change.power_state = power_state;
    change.clears_fault = !is_resized;
    change.launched = task->operation->kind == OPERATION_CREATE;
    change.sentence = sentence;
    return lifecycle_move(task, LIFECYCLE_COMPLETED, &change);
}

StepResult
lifecycle_complete(LifecycleTask *task, VmState vm_state, PowerState power_state)
{
    return complete(task, vm_state, power_state, NULL);
}

StepResult
lifecycle_complete_stop_on_record(LifecycleTask *task)
{
    return complete(task, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN,
        "the host is dead, and the guest is off with it");
}

static StepResult
fail(LifecycleTask *task, const GError *error, bool releases_claims, PowerState power_state)
{
    const char *first = task->operation->error_code != NULL ? task->operation->message : NULL;
    g_autofree char *attempts = lifecycle_tell_attempts(task);
    const char *host = task->instance->host;
    g_autofree char *details =
        g_strdup_printf("operation %" G_GINT64_FORMAT " (%s) failed in state %s on %s%s%s",
            task->operation->id, operation_kind_name(task->operation->kind), task->operation->state,
            host != NULL ? "host " : "no host", host != NULL ? host : "", attempts);
    const char *plain = first != NULL ? first : error != NULL ? error->message : "it failed";
    g_autofree char *explained = diagnosis_explain(plain);
    g_autofree char *message = lifecycle_explain_end(task, explained, releases_claims);
    Fault fault = {
        .code = FAULT_CODE,
        .message = message,
        .details = details,
        .created_us = clock_now_us(task->context->clock),
    };
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    bool is_delete = task->operation->kind == OPERATION_DELETE;
    /* Its source still has what a revert brings back. */
    bool is_revertable = task->instance->vm_state == VM_STATE_RESIZED && !is_delete;
    change.vm_state = is_revertable ? VM_STATE_RESIZED : VM_STATE_ERROR;
    change.power_state = power_state;
    change.should_run = false;
    change.releases_claims = releases_claims;
    change.leaves_host = releases_claims; /* nothing of it is there */
    /* Half of it may be gone: a delete that failed is no way back to the source either. */
    change.confirms = is_delete;
    change.fault = &fault;
    change.error = error;
    return lifecycle_move(task, LIFECYCLE_FAILED, &change);
}

StepResult
lifecycle_fail_with_fault(LifecycleTask *task, const GError *error, bool releases_claims)
{
    return fail(task, error, releases_claims, POWER_STATE_NONE);
}

StepResult
lifecycle_fail_reboot(LifecycleTask *task, PowerState power_state)
{
    return fail(task, NULL, false, power_state);
}

bool
lifecycle_is_given_up(const LifecycleTask *task)
{
    return task->operation->wanted == WANTED_CANCEL && task->effect.call == NULL;
}
