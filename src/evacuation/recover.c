/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "evacuation/task.h"

/* Hosts are connected some time after a start: a deadline that passed meanwhile is not theirs. */
#define GRACE_US (30 * G_USEC_PER_SEC)

void
evacuation_recover(EvacuationTask *task)
{
    task->grace_until_us = evacuation_now_us(task) + GRACE_US;
    switch (task->state) {
    case EVACUATION_QUEUED:
        /* Nothing has happened: begin. */
        return;
    case EVACUATION_FENCING:
        /* The agent may be at work, or have done it: it is asked again, off twice is off. */
        return;
    case EVACUATION_CHECKING:
        /* A question. */
        return;
    case EVACUATION_CLAIMING:
        /* A claim that was made is kept by the store and given again. */
        return;
    case EVACUATION_FETCHING:
        /* A base without its completeness marker is made again by the host. */
        return;
    case EVACUATION_BUILDING:
        /* The destination is looked at: a domain of this operation is never cleared away, volumes
         * without one are made again. */
        return;
    case EVACUATION_PROVING:
        /* A guest that was left paused by the proof is ended by the next one. */
        return;
    case EVACUATION_STARTING:
        /* It may run already: starting it again is then nothing. */
        return;
    case EVACUATION_UNDOING:
        /* Part of it may be gone; absent things are fine. */
        return;
    case EVACUATION_DONE:
    case EVACUATION_COMPLETED:
    case EVACUATION_FAILED:
    case EVACUATION_ERROR:
    case EVACUATION_CANCELLED:
        /* Closed: never loaded. */
        return;
    case EVACUATION_N_STATES: break;
    }
    g_assert_not_reached();
}
