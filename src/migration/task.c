/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#define RETRY_US (G_USEC_PER_SEC / 2)
/* So long a host that is not connected yet is no reason to give up. */
#define CONNECT_PATIENCE_US (5 * G_USEC_PER_SEC)

static MigrationShared *
shared_of(OperationContext *context)
{
    if (context->migrations == NULL) {
        MigrationShared *shared = g_new0(MigrationShared, 1);
        shared->tasks = g_hash_table_new_full(
            g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
        shared->pools = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        context->migrations = shared;
    }
    return context->migrations;
}

void
migration_forget(OperationContext *context)
{
    MigrationShared *shared = g_steal_pointer(&context->migrations);
    if (shared == NULL) {
        return;
    }
    g_hash_table_unref(shared->tasks);
    g_hash_table_unref(shared->pools);
    g_free(shared);
}

/* Tasks that leave the same host, in the order of their ids: that is the queue. */
static GPtrArray *
neighbours_of(const MigrationTask *task)
{
    MigrationShared *shared = shared_of(task->context);
    const char *host = task->migration->source_host;
    GPtrArray *tasks = g_hash_table_lookup(shared->tasks, host);
    if (tasks == NULL) {
        tasks = g_ptr_array_new();
        g_hash_table_insert(shared->tasks, g_strdup(host), tasks);
    }
    return tasks;
}

static void
join_neighbours(MigrationTask *task)
{
    GPtrArray *tasks = neighbours_of(task);
    unsigned at = tasks->len;
    while (at > 0 && ((MigrationTask *)tasks->pdata[at - 1])->operation_id > task->operation_id) {
        at--;
    }
    g_ptr_array_insert(tasks, (int)at, task);
}

static bool
has_state(MigrationTask *task, GError **error)
{
    int state = machine_find_state(migration_machine(), task->migration->operation.state);
    if (state < 0) {
        return error_set(error, ERROR_INTERNAL,
            "migration %" G_GINT64_FORMAT " is in an unknown state '%s'", task->migration->id,
            task->migration->operation.state);
    }
    task->state = (MigrationState)state;
    return true;
}

MigrationTask *
migration_task_load(
    OperationContext *context, const Operation *operation, bool recovered, GError **error)
{
    g_autoptr(Migration) migration =
        store_get_migration_of_operation(context->store, operation->id, error);
    g_autoptr(Instance) instance = migration == NULL
        ? NULL
        : store_get_instance(context->store, operation->instance_id, error);
    if (instance == NULL) {
        return NULL;
    }
    MigrationTask *task = g_new0(MigrationTask, 1);
    task->refs = 1;
    task->context = context;
    task->operation_id = operation->id;
    task->migration = g_steal_pointer(&migration);
    task->instance = g_steal_pointer(&instance);
    task->refusals = refusals_new();
    task->cancel = cancel_new();
    task->streams = g_ptr_array_new();
    task->was_paused = task->instance->vm_state == VM_STATE_PAUSED;
    task->patient_until_us = migration_task_now_us(task) + CONNECT_PATIENCE_US;
    join_neighbours(task);
    if (!has_state(task, error)) {
        migration_task_drop(task);
        return NULL;
    }
    if (recovered) {
        migration_recover(task);
    }
    return task;
}

MigrationTask *
migration_task_ref(MigrationTask *task)
{
    task->refs++;
    return task;
}

void
migration_task_unref(MigrationTask *task)
{
    if (--task->refs > 0) {
        return;
    }
    migration_task_clear_views(task);
    migration_free(task->migration);
    instance_free(task->instance);
    g_hash_table_unref(task->refusals);
    cancel_unref(task->cancel);
    g_ptr_array_unref(task->streams);
    g_free(task->refused_by);
    g_free(task->guest_platform);
    g_free(task->source_deaf);
    g_clear_error(&task->error);
    g_clear_error(&task->transfer_error);
    g_free(task);
}

void
migration_task_drop(MigrationTask *task)
{
    g_ptr_array_remove(neighbours_of(task), task);
    migration_task_wake_queued(task);
    task->is_dropped = true;
    migration_task_unref(task);
}

bool
migration_task_refresh(MigrationTask *task, GError **error)
{
    g_autoptr(Migration) migration =
        store_get_migration_of_operation(task->context->store, task->operation_id, error);
    if (migration == NULL) {
        return false;
    }
    const char *expected = migration_machine()->states[task->state].name;
    const Operation *operation = &migration->operation;
    if (!operation->is_open || operation->epoch != task->context->epoch ||
        g_strcmp0(operation->state, expected) != 0) {
        return error_set(error, ERROR_GONE_STALE,
            "migration %" G_GINT64_FORMAT " was moved by somebody else", migration->id);
    }
    migration_free(task->migration);
    task->migration = g_steal_pointer(&migration);
    return true;
}

void
migration_task_clear_views(MigrationTask *task)
{
    domain_view_clear(&task->source_view);
    domain_view_clear(&task->dest_view);
    task->has_views = false;
}

void
migration_task_enter(MigrationTask *task, MigrationState state)
{
    task->state = state;
    task->done = 0;
    g_clear_pointer(&task->refused_by, g_free);
    task->retry_us = 0;
    task->way_since_us = 0;
    task->n_ways++;
    g_clear_error(&task->error);
}

void
migration_task_refuse(MigrationTask *task, const char *host, const char *why)
{
    refusals_add(task->refusals, host, why);
    g_free(task->refused_by);
    task->refused_by = g_strdup(host);
}

int64_t
migration_task_now_us(const MigrationTask *task)
{
    return clock_now_us(task->context->clock);
}

HypervisorHost *
migration_task_source(const MigrationTask *task)
{
    return task->context->find_session(task->context, task->migration->source_host);
}

HypervisorHost *
migration_task_dest(const MigrationTask *task)
{
    return task->migration->dest_host == NULL
        ? NULL
        : task->context->find_session(task->context, task->migration->dest_host);
}

bool
migration_task_is_source_dead(const MigrationTask *task)
{
    return task->has_views && task->source_view.state == DOMAIN_UNREACHABLE &&
        operation_is_host_dead(task->context, task->migration->source_host);
}

bool
migration_task_is_dest_dead(const MigrationTask *task)
{
    return operation_is_host_dead(task->context, task->migration->dest_host);
}

bool
migration_task_wants(const MigrationTask *task, Wanted wanted)
{
    return task->migration->operation.wanted == wanted;
}

bool
migration_task_did(const MigrationTask *task, MigrationEffect effect)
{
    return (task->done & (1u << effect)) != 0;
}

int64_t
migration_task_deadline_us(const MigrationTask *task)
{
    int64_t deadline_us = task->migration->operation.deadline_us;
    return deadline_us != 0 ? MAX(deadline_us, task->grace_until_us) : INT64_MAX;
}

bool
migration_task_is_late(const MigrationTask *task)
{
    return migration_task_now_us(task) >= migration_task_deadline_us(task);
}

bool
migration_task_has_slot(const MigrationTask *task)
{
    int limit = task->context->settings.max_concurrent_live_migrations;
    GPtrArray *tasks = neighbours_of(task);
    int n_moving = 0;
    for (unsigned i = 0; limit > 0 && i < tasks->len; i++) {
        const MigrationTask *other = tasks->pdata[i];
        n_moving += other->state != MIGRATION_QUEUED && other->state < MIGRATION_COMPLETED;
        if (n_moving >= limit) {
            return false;
        }
    }
    return true;
}

void
migration_task_wake_queued(MigrationTask *task)
{
    GPtrArray *tasks = neighbours_of(task);
    int n_left = task->context->settings.max_concurrent_live_migrations;
    for (unsigned i = 0; i < tasks->len; i++) {
        MigrationTask *other = tasks->pdata[i];
        if (other->state == MIGRATION_QUEUED && n_left-- > 0) {
            other->context->wake(other->context, other->operation_id);
        }
    }
}

void
migration_task_wake_by(MigrationTask *task, int64_t when_us)
{
    task->next_us = MIN(task->next_us, when_us);
}

StepResult
migration_task_wait(MigrationTask *task, int64_t for_us)
{
    migration_task_wake_by(task, migration_task_now_us(task) + for_us);
    return STEP_WAIT;
}

GError *
migration_task_take_error(MigrationTask *task)
{
    if (task->error != NULL) {
        task->retry_us = migration_task_now_us(task) + RETRY_US;
    }
    return g_steal_pointer(&task->error);
}
