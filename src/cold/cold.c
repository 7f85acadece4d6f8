/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The runner: what the engine calls. */
#include "cold/internal.h"

/* So long a host that is not connected yet is no reason to give up. */
#define CONNECT_PATIENCE_US (5 * G_USEC_PER_SEC)

/* The engine's name for a task is opaque: it is always one of these. */
static ColdTask *
task_of(OperationTask *task)
{
    return (ColdTask *)task;
}

static void
task_free(OperationTask *operation_task)
{
    ColdTask *task = task_of(operation_task);

    if (task == NULL) {
        return;
    }
    effect_slot_forget(&task->effect);
    effect_slot_forget(&task->side);
    domain_view_clear(&task->view);
    g_clear_pointer(&task->volumes, g_ptr_array_unref);
    g_clear_pointer(&task->bases, g_ptr_array_unref);
    g_clear_pointer(&task->refusals, g_hash_table_unref);
    g_clear_pointer(&task->instance, instance_free);
    g_clear_pointer(&task->migration, migration_free);
    g_clear_pointer(&task->operation, operation_free);
    g_free(task);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OperationTask, task_free)

static bool
read_rows(ColdTask *task, int64_t id, GError **error)
{
    Store *store = task->context->store;

    task->operation = store_get_operation(store, id, error);
    if (task->operation == NULL) {
        return false;
    }
    task->migration = store_get_migration_of_operation(store, id, error);
    task->instance = task->migration != NULL
        ? store_get_instance(store, task->operation->instance_id, error)
        : NULL;
    return task->instance != NULL;
}

static OperationTask *
task_load(OperationContext *context, const Operation *operation, bool recovered, GError **error)
{
    ColdTask *task = g_new0(ColdTask, 1);
    g_autoptr(OperationTask) owner = (OperationTask *)task;

    task->context = context;
    task->refusals = refusals_new();
    effect_slot_init(&task->effect, context, operation->id);
    effect_slot_init(&task->side, context, operation->id);
    if (!read_rows(task, operation->id, error)) {
        return NULL;
    }
    int state = machine_find_state(cold_machine(), task->operation->state);
    if (state < 0) {
        error_set(error, ERROR_INTERNAL, "operation %" G_GINT64_FORMAT " has unknown state '%s'",
            operation->id, task->operation->state);
        return NULL;
    }
    task->state = (ColdState)state;
    task->deadline_us = task->operation->deadline_us;
    task->patient_until_us = clock_now_us(context->clock) + CONNECT_PATIENCE_US;
    if (recovered) {
        cold_recover(task);
    }
    return g_steal_pointer(&owner);
}

static bool
task_step(OperationTask *operation_task)
{
    ColdTask *task = task_of(operation_task);

    operation_read_wanted(task->context, task->operation);
    for (;;) {
        switch (cold_step_state(task)) {
        case STEP_AGAIN: break;
        case STEP_WAIT: return true;
        case STEP_DONE: return false;
        }
    }
}

static void
task_on_event(OperationTask *operation_task, const char *host, const HostEvent *event)
{
    ColdTask *task = task_of(operation_task);

    if (event->kind == HOST_EVENT_DOMAIN &&
        (event->state == DOMAIN_SHUT_OFF || event->state == DOMAIN_CRASHED)) {
        task->off.off_seen = true;
        task->context->wake(task->context, task->operation->id);
    }
}

static void
task_on_host(OperationTask *operation_task, const char *host, bool connected)
{
    ColdTask *task = task_of(operation_task);

    if (connected) {
        effect_slot_hurry(&task->effect);
        effect_slot_hurry(&task->side);
        task->context->wake(task->context, task->operation->id);
    }
}

const OperationRunner *
cold_runner(void)
{
    static const OperationRunner runner = {
        .load = task_load,
        .step = task_step,
        .on_event = task_on_event,
        .on_host = task_on_host,
        .free = task_free,
    };
    return &runner;
}
