/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A guest powers off, on either side. */
#include "cold/internal.h"

/* An effect of its own deadline: the state's is the guest's, not the host's. */
static EffectResult
ask_host(ColdTask *task, ColdEffect effect, bool on_dest, GError **ret_error)
{
    int64_t deadline_us = task->deadline_us;

    task->deadline_us = 0;
    EffectResult result = cold_effect_again(task, effect, on_dest, ret_error);
    task->deadline_us = deadline_us;
    return result;
}

/* DONE: it was looked at, or asked, or lost its plug; *ret_is_over: it was seen not to run. */
static EffectResult
go_on(ColdTask *task, bool on_dest, bool is_graceful, bool *ret_is_over, GError **ret_error)
{
    int64_t now_us = clock_now_us(task->context->clock);
    bool is_looking = task->effect.call != NULL || task->effect.is_unread;
    EffectResult result;

    if (task->destroy_wanted) {
        result = ask_host(task, EFFECT_destroy_guest, on_dest, ret_error);
        if (result == EFFECT_DONE) {
            task->destroy_wanted = false;
            task->off = (PowerOff){0};
        }
        return result;
    }
    switch (power_off_next(&task->off, is_looking, now_us)) {
    case POWER_OFF_WAIT:
        task->context->wake_at(task->context, task->operation->id, task->off.look_us);
        return EFFECT_WAITING;
    case POWER_OFF_ASK:
        result = ask_host(task, EFFECT_shutdown_guest, on_dest, ret_error);
        if (result == EFFECT_DONE) {
            power_off_asked(&task->off, now_us, task->deadline_us);
        }
        return result;
    case POWER_OFF_LOOK: break;
    }
    result = ask_host(task, EFFECT_describe_domain, on_dest, ret_error);
    if (result != EFFECT_DONE) {
        return result;
    }
    PowerOffSight sight = power_off_saw(&task->off, task->view.state, now_us, task->deadline_us);
    *ret_is_over = sight == POWER_OFF_OFF || sight == POWER_OFF_LOST;
    task->destroy_wanted = !*ret_is_over && (sight == POWER_OFF_PULL || !is_graceful);
    return EFFECT_DONE;
}

EffectResult
cold_stop(ColdTask *task, bool on_dest, bool is_graceful, GError **ret_error)
{
    EffectResult result = EFFECT_DONE;

    for (bool is_over = false; result == EFFECT_DONE && !is_over;) {
        result = go_on(task, on_dest, is_graceful, &is_over, ret_error);
    }
    return result;
}
