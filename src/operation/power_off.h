/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* How a guest is brought to power off: it is looked at, asked, looked at again, and loses its plug
 * at the end. What counts is that it was seen off. Decides, and does nothing itself: each machine
 * that stops guests carries it out with its own effects. One in a task, all zeros at first and when
 * a state is entered. */
#include "hypervisor/types.h"

typedef struct PowerOff {
    bool is_asking;  /* it was seen running, and is to be asked */
    bool off_seen;   /* set by an event that says that it is off: look at once */
    int64_t ask_us;  /* when it is asked next; 0 = not yet in this life of the task */
    int64_t look_us; /* when it is looked at next */
} PowerOff;

typedef enum {
    POWER_OFF_LOOK, /* describe the domain, and tell what it is with power_off_saw */
    POWER_OFF_ASK,  /* press the power button, and tell with power_off_asked */
    POWER_OFF_WAIT, /* until look_us, or an event */
} PowerOffStep;

typedef enum {
    POWER_OFF_NOT_YET, /* go on with power_off_next */
    POWER_OFF_PULL,    /* it has had its time, or hears nothing */
    POWER_OFF_OFF,
    POWER_OFF_LOST, /* there is no such guest */
} PowerOffSight;

/* is_looking: a look is under way, or its answer is unread. */
PowerOffStep power_off_next(PowerOff *off, bool is_looking, int64_t now_us);
/* deadline_us: when its time is over. */
void power_off_asked(PowerOff *off, int64_t now_us, int64_t deadline_us);
PowerOffSight power_off_saw(
    PowerOff *off, DomainState state, int64_t now_us, int64_t deadline_us);
