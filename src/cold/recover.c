/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cold/internal.h"

/* Hosts are connected some time after a start: a deadline that passed meanwhile is not theirs. */
#define GRACE_US (30 * G_USEC_PER_SEC)

static void
grant_grace(ColdTask *task)
{
    int64_t grace_us = clock_now_us(task->context->clock) + GRACE_US;

    if (task->deadline_us != 0 && task->deadline_us < grace_us) {
        task->deadline_us = grace_us;
    }
}

void
cold_recover(ColdTask *task)
{
    switch (task->state) {
    case COLD_QUEUED:
        /* Nothing has happened: begin. */
        return;
    case COLD_CHECKING:
    case COLD_PROVING:
    case COLD_RECALLING:
        /* A question. */
    case COLD_CLAIMING:
        /* A claim that was made is kept by the store and given again. Markers are left behind. */
    case COLD_FETCHING:
    case COLD_PREPARING:
        /* Half a base, or disks that nobody has filled yet, are made again. */
    case COLD_COPYING:
        /* The courier goes on by itself. It is waited for when it is under way, counts when it has
         * arrived, and is sent again in any other case: the source's disks are untouched. */
    case COLD_DEFINING:
        /* Defining it again is nothing. It has not been started there. */
    case COLD_STARTING:
        /* It may run on the destination already: starting it again is then nothing. The source
         * may not start it any more. */
    case COLD_RETREATING:
        /* The destination is asked to stop it until it says so. */
    case COLD_RESTARTING:
        /* The destination has it neither running nor will it start it: the source may. */
    case COLD_UNDOING:
    case COLD_CONFIRMING:
    case COLD_CLEANING:
        /* Part of it may be gone; absent things are fine. */
    case COLD_RETURNING:
        /* The destination was seen off. Defining it on the source again is nothing. */
    case COLD_REVIVING:
        /* It may run on the source already. */
        grant_grace(task);
        return;
    case COLD_STOPPING:
    case COLD_HALTING:
        /* The guest may be off by now: the step looks before it asks again, and the stored
         * deadline goes on. */
        return;
    case COLD_FINISHED:
    case COLD_CONFIRMED:
    case COLD_REVERTED:
    case COLD_ERROR:
    case COLD_CANCELLED:
    case COLD_REFUSED:
        /* Closed: never loaded. */
        return;
    case COLD_N_STATES: break;
    }
    g_assert_not_reached();
}
