/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

/* So much time each state has after a start, whatever its deadline says: hosts are still being
 * connected, and one that just came back may have something to tell. */
#define GRACE_US (30 * G_USEC_PER_SEC)

/* What the stored state means to a daemon that was not there when it was entered. Nothing else is
 * remembered, so most states need nothing: their step asks the hosts before it acts. */
void
migration_recover(MigrationTask *task)
{
    task->is_recovered = true;
    task->grace_until_us = migration_task_now_us(task) + GRACE_US;
    switch (task->state) {
    case MIGRATION_QUEUED:
    case MIGRATION_CHECKING:
        /* Nothing was done: the step runs again. */
        break;
    case MIGRATION_CLAIMING:
        /* A claim that was made is kept by the store and given again. Markers are left behind. */
        break;
    case MIGRATION_PREPARING:
        /* Every effect of the step done twice is done once. */
        break;
    case MIGRATION_TRANSFERRING:
    case MIGRATION_SWITCHING:
    case MIGRATION_POSTCOPY:
    case MIGRATION_RESOLVING:
    case MIGRATION_UNDOING:
        /* The migrate call may never have been made, be at work, or have ended either way: it is
         * peer to peer and does not need us. It is never made again; both hosts are asked. */
        task->transfer = TRANSFER_LOST;
        break;
    case MIGRATION_FINISHING:
        /* The destination is on record and has the guest. Both are looked at before the source is
         * cleaned. */
        break;
    case MIGRATION_COMPLETED:
    case MIGRATION_FAILED:
    case MIGRATION_ERROR:
    case MIGRATION_CANCELLED:
    case MIGRATION_N_STATES: g_assert_not_reached(); /* closed rows are not loaded */
    }
}
