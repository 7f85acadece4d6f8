/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The end of a migration whose guest may have run on a destination that is dead, and that an
 * operator has aborted: nobody will tell what it did there (doc/decisions/035). */
#include "migration/task.h"

#include "base/log.h"

#define LOOK_AGAIN_US G_USEC_PER_SEC

/* The memory here is from the switchover, and what ran there is gone with its own: what is left are
 * disks. The source's old copy is switched off, and is then one that has stopped there. */
StepResult
migration_abandon(MigrationTask *task)
{
    if (task->state != MIGRATION_RESOLVING) {
        return migration_move(task, MIGRATION_RESOLVING, NULL);
    }
    log_warning("migration %" G_GINT64_FORMAT ": the copy on %s is switched off: the guest may "
                "have run on %s, which is dead, and that is given up",
        task->migration->id, task->migration->source_host, task->migration->dest_host);
    migration_task_clear_views(task);
    task->look_us = migration_task_now_us(task) + LOOK_AGAIN_US;
    return effect_on_source(task, EFFECT_DESTROY_SOURCE, hypervisor_destroy_guest);
}

static char *
abandoned_message(const MigrationTask *task)
{
    const Migration *migration = task->migration;
    const char *source = migration->source_host;
    const char *dest = migration->dest_host;

    if (!migration->copies_disks) {
        return g_strdup_printf(
            "The migration was aborted when %s had died with the guest, which may have run there: "
            "it is switched off on %s. Its memory is lost, its disks are as the guest left them. "
            "Start it there with 'openstack server reboot --hard'.",
            dest, source);
    }
    return g_strdup_printf(
        "The migration was aborted when %s had died with the guest, which may have run there: "
        "it is switched off on %s. Its memory is lost; what it may have written on %s since the "
        "switchover is on %s alone, and is removed there once the guest runs on %s. To give that "
        "up, start it there with 'openstack server reboot --hard'.",
        dest, source, dest, dest, source);
}

/* Which disks are to count is for an operator to say: nothing starts it by itself. */
StepResult
migration_end_abandoned(MigrationTask *task)
{
    g_autofree char *message = abandoned_message(task);
    Fault fault = {.code = 500, .message = message, .created_us = migration_task_now_us(task)};
    OperationMove move = operation_plain_move();
    move.error_code = error_code_name(ERROR_CANCELLED);
    move.message = message;
    move.set_instance = true;
    move.vm_state = VM_STATE_ERROR;
    move.power_state = POWER_STATE_SHUTDOWN;
    move.should_run = false;
    move.fault = &fault;
    return migration_move(task, MIGRATION_UNDOING, &move);
}
