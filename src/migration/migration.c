/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/migration.h"

#include "base/log.h"
#include "migration/task.h"

#define STORE_RETRY_US G_USEC_PER_SEC

/* How the engine runs the machine: the row is read before each step, because what the operator
 * wants is written there by others. */

static OperationTask *
runner_load(OperationContext *context, const Operation *operation, bool recovered, GError **error)
{
    return (OperationTask *)migration_task_load(context, operation, recovered, error);
}

static bool
runner_step(OperationTask *operation_task)
{
    MigrationTask *task = (MigrationTask *)operation_task;
    g_autoptr(GError) error = NULL;
    if (task->is_stale) {
        return false;
    }
    if (!migration_task_refresh(task, &error)) {
        bool is_gone = error_is(error, ERROR_GONE_STALE) || error_is(error, ERROR_NOT_FOUND);
        if (!is_gone) {
            task->context->wake_at(
                task->context, task->operation_id, migration_task_now_us(task) + STORE_RETRY_US);
        }
        if (log_allow("migration-read", 10)) {
            log_warning("cannot go on with migration %" G_GINT64_FORMAT ": %s", task->migration->id,
                error->message);
        }
        return !is_gone;
    }
    return migration_step(task) != STEP_DONE;
}

static void
runner_on_event(OperationTask *operation_task, const char *host, const HostEvent *event)
{
    MigrationTask *task = (MigrationTask *)operation_task;
    bool is_source = g_strcmp0(host, task->migration->source_host) == 0;
    if (event->kind == HOST_EVENT_DOMAIN && is_source && event->state == DOMAIN_PAUSED &&
        event->reason == DOMAIN_REASON_MIGRATION) {
        task->saw_pause = true;
    }
    if (event->kind == HOST_EVENT_DOMAIN && is_source && event->state == DOMAIN_PAUSED &&
        event->reason == DOMAIN_REASON_POSTCOPY) {
        task->saw_post_copy = true;
    }
    task->look_us = 0;
    task->context->wake(task->context, task->operation_id);
}

static void
runner_on_host(OperationTask *operation_task, const char *host, bool connected)
{
    MigrationTask *task = (MigrationTask *)operation_task;
    if (connected) {
        task->look_us = 0;
        task->retry_us = 0;
    }
    task->context->wake(task->context, task->operation_id);
}

static void
runner_free(OperationTask *operation_task)
{
    if (operation_task != NULL) {
        migration_task_drop((MigrationTask *)operation_task);
    }
}

const OperationRunner *
migration_runner(void)
{
    static const OperationRunner runner = {
        .load = runner_load,
        .step = runner_step,
        .on_event = runner_on_event,
        .on_host = runner_on_host,
        .free = runner_free,
    };
    return &runner;
}
