/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "lifecycle/internal.h"

/* Hosts are connected some time after a start: a deadline that passed meanwhile is not theirs. */
#define GRACE_US (30 * G_USEC_PER_SEC)

static void
grant_grace(LifecycleTask *task)
{
    int64_t grace_us = clock_now_us(task->context->clock) + GRACE_US;
    if (task->deadline_us != 0 && task->deadline_us < grace_us) {
        task->deadline_us = grace_us;
    }
}

void
lifecycle_recover(LifecycleTask *task)
{
    switch (task->state) {
    case LIFECYCLE_QUEUED:
        /* Nothing has happened: begin. */
        return;
    case LIFECYCLE_SCHEDULING:
        /* A claim may stand; store_claim gives the same host again. */
        return;
    case LIFECYCLE_FETCHING:
        /* A base without its completeness marker is made again by the host. */
    case LIFECYCLE_BUILDING:
        /* Volumes and the definition may be there, in part or all: making them again adds what is
         * missing. */
    case LIFECYCLE_STARTING:
        /* It may run already: starting it again is then nothing. */
    case LIFECYCLE_POWERING_OFF:
    case LIFECYCLE_PAUSING:
    case LIFECYCLE_RESUMING:
    case LIFECYCLE_ATTACHING:
    case LIFECYCLE_DETACHING:
        /* Done twice is done once. */
    case LIFECYCLE_REMOVING:
    case LIFECYCLE_CLEANING:
        /* Part of it may be gone; absent things are fine. */
    case LIFECYCLE_CHECKING:
        /* A question. */
        grant_grace(task);
        return;
    case LIFECYCLE_STOPPING:
        /* The guest may have powered off meanwhile: the step looks before it asks again, and the
         * stored deadline goes on. */
        return;
    case LIFECYCLE_COMPLETED:
    case LIFECYCLE_FAILED:
    case LIFECYCLE_CANCELLED:
        /* Closed: never loaded. */
        return;
    case LIFECYCLE_N_STATES: break;
    }
    g_assert_not_reached();
}
