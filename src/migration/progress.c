/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "base/log.h"

/* One question for progress, beside the step and never in its way. */
typedef struct Query {
    MigrationTask *task;
    HypervisorHost *source;
    char *uuid;
    bool is_known;
    JobStats stats;
} Query;

static void
query_free(void *data)
{
    Query *query = data;
    hypervisor_host_unref(query->source);
    migration_task_unref(query->task);
    g_free(query->uuid);
    g_free(query);
}

static void
on_worker(void *data)
{
    Query *query = data;
    /* There may be no job yet, or no longer: then there is nothing to show. */
    query->is_known = hypervisor_query_job(query->source, query->uuid, &query->stats, NULL);
}

static void
on_result(void *data, bool cancelled)
{
    Query *query = data;
    MigrationTask *task = query->task;
    task->is_querying = false;
    bool is_moving = task->state == MIGRATION_TRANSFERRING ||
        task->state == MIGRATION_SWITCHING || task->state == MIGRATION_POSTCOPY;
    if (cancelled || task->is_dropped || !is_moving || !query->is_known) {
        return;
    }
    task->migration->stats = query->stats;
    g_autoptr(GError) error = NULL;
    if (!store_set_migration_stats(
            task->context->store, task->operation_id, &query->stats, &error) &&
        log_allow("migration-progress", 10)) {
        log_warning("cannot keep the progress of migration %" G_GINT64_FORMAT ": %s",
            task->migration->id, error->message);
    }
}

static void
ask(MigrationTask *task, HypervisorHost *source)
{
    Query *query = g_new0(Query, 1);
    query->task = migration_task_ref(task);
    query->source = hypervisor_host_ref(source);
    query->uuid = g_strdup(task->instance->id);
    task->is_querying = true;
    calls_submit(task->context->calls, LANE_SHORT, hypervisor_host_name(source), on_worker,
        on_result, query, query_free);
}

void
progress_watch(MigrationTask *task)
{
    int64_t interval_us = task->context->settings.watch_interval_us;
    int64_t now_us = migration_task_now_us(task);
    int64_t due_us = task->watched_us + interval_us;
    if (now_us < due_us) {
        migration_task_wake_by(task, due_us);
        return;
    }
    HypervisorHost *source = migration_task_source(task);
    if (source != NULL && !task->is_querying) {
        ask(task, source);
    }
    task->watched_us = now_us;
    migration_task_wake_by(task, now_us + interval_us);
}
