/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a state waits for beside its effects: hosts that are away, and for how long they are. */
#include "cold/internal.h"

#define HOST_PATIENCE_US (60 * G_USEC_PER_SEC)
/* Nobody tells that a host was fenced: it is looked at again. */
#define FENCE_LOOK_US (5 * G_USEC_PER_SEC)

bool
cold_is_given_up(const ColdTask *task)
{
    return task->operation->wanted == WANTED_CANCEL;
}

StepResult
cold_wait(ColdTask *task, int64_t for_us)
{
    task->context->wake_at(
        task->context, task->operation->id, clock_now_us(task->context->clock) + for_us);
    return STEP_WAIT;
}

bool
cold_has_waited(ColdTask *task)
{
    int64_t now_us = clock_now_us(task->context->clock);

    if (task->effect.call != NULL) {
        task->idle_since_us = 0;
        return false;
    }
    if (task->idle_since_us == 0) {
        task->idle_since_us = now_us;
    }
    int64_t until_us = task->idle_since_us + HOST_PATIENCE_US;
    if (now_us < until_us) {
        task->context->wake_at(task->context, task->operation->id, until_us);
    }
    return now_us >= until_us;
}

bool
cold_is_away(const ColdTask *task, const char *host)
{
    return host != NULL && task->context->find_session(task->context, host) == NULL;
}

bool
cold_is_dest_gone(const ColdTask *task)
{
    return task->effect.call == NULL && cold_is_away(task, task->migration->dest_host) &&
        !cold_is_away(task, task->migration->source_host) && !cold_is_too_early(task) &&
        !task->context->is_gathering(task->context);
}

bool
cold_is_too_early(const ColdTask *task)
{
    return clock_now_us(task->context->clock) < task->patient_until_us &&
        (cold_is_away(task, task->migration->source_host) ||
            cold_is_away(task, task->migration->dest_host));
}

bool
cold_is_hopeless(ColdTask *task, GError **error)
{
    const char *host = task->migration->source_host;

    return cold_is_given_up(task) && cold_is_away(task, host) && cold_has_waited(task) &&
        !error_set(error, ERROR_HYPERVISOR_DOWN, "host '%s' does not answer", host);
}

bool
cold_has_lost_dest(const ColdTask *task)
{
    return operation_is_host_dead(task->context, task->migration->dest_host);
}

bool
cold_is_dest_dead(const ColdTask *task)
{
    return task->effect.call == NULL && cold_has_lost_dest(task);
}

StepResult
cold_wait_for_dest(ColdTask *task)
{
    return task->effect.call == NULL ? cold_wait(task, FENCE_LOOK_US) : STEP_WAIT;
}

EffectResult
cold_clean_dest(ColdTask *task, GError **ret_error)
{
    if (cold_is_dest_dead(task)) {
        error_set(ret_error, ERROR_HYPERVISOR_DOWN, "host '%s' is dead",
            task->migration->dest_host);
        return EFFECT_FAILED;
    }
    EffectResult result = cold_effect(task, EFFECT_clean_dest, true, ret_error);
    if (result == EFFECT_WAITING) {
        cold_wait_for_dest(task);
    }
    return result;
}
