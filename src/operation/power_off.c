/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/power_off.h"

/* Beside events, the guest is looked at this often: an event may be lost. */
#define LOOK_INTERVAL_US (5 * G_USEC_PER_SEC)
/* A guest that is still booting does not hear the power button: it is pressed again. Nova:
 * virt/libvirt/driver.py, _clean_shutdown. */
#define ASK_INTERVAL_US (10 * G_USEC_PER_SEC)

PowerOffStep
power_off_next(PowerOff *off, bool is_looking, int64_t now_us)
{
    if (off->is_asking) {
        return POWER_OFF_ASK;
    }
    if (is_looking) {
        return POWER_OFF_LOOK;
    }
    if (!off->off_seen && now_us < off->look_us) {
        return POWER_OFF_WAIT;
    }
    off->off_seen = false;
    return POWER_OFF_LOOK;
}

static void
look_later(PowerOff *off, int64_t now_us, int64_t deadline_us)
{
    off->look_us = MIN(now_us + LOOK_INTERVAL_US, deadline_us);
}

void
power_off_asked(PowerOff *off, int64_t now_us, int64_t deadline_us)
{
    off->is_asking = false;
    off->ask_us = now_us + ASK_INTERVAL_US;
    look_later(off, now_us, deadline_us);
}

PowerOffSight
power_off_saw(PowerOff *off, DomainState state, int64_t now_us, int64_t deadline_us)
{
    switch (state) {
    case DOMAIN_SHUT_OFF:
    case DOMAIN_CRASHED: return POWER_OFF_OFF;
    case DOMAIN_ABSENT:
    case DOMAIN_UNREACHABLE: return POWER_OFF_LOST;
    /* A paused guest hears nothing. */
    case DOMAIN_PAUSED: return POWER_OFF_PULL;
    case DOMAIN_RUNNING: break;
    }
    if (now_us >= deadline_us) {
        return POWER_OFF_PULL;
    }
    off->is_asking = now_us >= off->ask_us;
    if (!off->is_asking) {
        look_later(off, now_us, deadline_us);
    }
    return POWER_OFF_NOT_YET;
}
