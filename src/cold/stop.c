/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A guest powers off: it is looked at, asked, looked at again, and loses its plug at the end. What
 * counts is that it was seen off. */
#include "cold/internal.h"

/* Beside events, the guest is looked at this often: an event may be lost. */
#define LOOK_INTERVAL_US (5 * G_USEC_PER_SEC)
/* A guest that is still booting does not hear the power button: it is pressed again. Nova:
 * virt/libvirt/driver.py, _clean_shutdown. */
#define ASK_INTERVAL_US (10 * G_USEC_PER_SEC)

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

static EffectResult
look_later(ColdTask *task)
{
    int64_t now_us = clock_now_us(task->context->clock);

    task->look_us = MIN(now_us + LOOK_INTERVAL_US, task->deadline_us);
    task->context->wake_at(task->context, task->operation->id, task->look_us);
    return EFFECT_WAITING;
}

/* It was seen running, or paused, when it hears nothing. */
static EffectResult
on_active(ColdTask *task, bool is_graceful)
{
    int64_t now_us = clock_now_us(task->context->clock);

    if (!is_graceful || now_us >= task->deadline_us || task->view.state == DOMAIN_PAUSED) {
        task->destroy_wanted = true;
    } else if (now_us >= task->ask_us) {
        task->shutdown_wanted = true;
    } else {
        return look_later(task);
    }
    return EFFECT_DONE;
}

EffectResult
cold_stop(ColdTask *task, bool on_dest, bool is_graceful, GError **ret_error)
{
    for (;;) {
        int64_t now_us = clock_now_us(task->context->clock);
        EffectResult result;
        if (task->shutdown_wanted || task->destroy_wanted) {
            result = ask_host(task,
                task->destroy_wanted ? EFFECT_destroy_guest : EFFECT_shutdown_guest, on_dest,
                ret_error);
            if (result != EFFECT_DONE) {
                return result;
            }
            task->ask_us = now_us + ASK_INTERVAL_US;
            task->shutdown_wanted = task->destroy_wanted = false;
            task->look_us = 0;
            continue;
        }
        bool is_looking = task->effect.call != NULL || task->effect.is_unread;
        if (!is_looking && !task->off_seen && now_us < task->look_us) {
            task->context->wake_at(task->context, task->operation->id, task->look_us);
            return EFFECT_WAITING;
        }
        task->off_seen = task->off_seen && is_looking;
        result = ask_host(task, EFFECT_describe_domain, on_dest, ret_error);
        if (result != EFFECT_DONE) {
            return result;
        }
        bool is_active =
            task->view.state == DOMAIN_RUNNING || task->view.state == DOMAIN_PAUSED;
        if (!is_active || on_active(task, is_graceful) == EFFECT_WAITING) {
            return is_active ? EFFECT_WAITING : EFFECT_DONE;
        }
    }
}
