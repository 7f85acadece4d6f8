/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Many timers behind one GSource: a context with a thousand sources would look at each of them
 * every time anything happens. Times are the clock's. One thread. */
#include "base/clock.h"

typedef struct Timers Timers;

/* Embedded in its owner; zeroed = not set. fire runs once, after which it is not set. */
typedef struct Timer {
    void (*fire)(void *data);
    void *data;
    int64_t when_us;
    GSequenceIter *place; /* NULL: not set */
} Timer;

Timers *timers_new(GMainContext *context, const Clock *clock);
void timers_free(Timers *timers);
/* Sets it, also when it is set already. */
void timer_set(Timers *timers, Timer *timer, int64_t when_us, void (*fire)(void *data), void *data);
void timer_clear(Timers *timers, Timer *timer);
