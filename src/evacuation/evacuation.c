/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The runner: how the engine runs the machine. The row is read before each step, because what is
 * wanted is written there by others. */
#include "evacuation/task.h"

#include "base/log.h"

#define STORE_RETRY_US G_USEC_PER_SEC

/* The engine's name for a task is opaque: it is always one of these. */
static EvacuationTask *
task_of(OperationTask *task)
{
    return (EvacuationTask *)task;
}

static void
task_free(OperationTask *operation_task)
{
    EvacuationTask *task = task_of(operation_task);

    if (task == NULL) {
        return;
    }
    if (task->asked == EVACUATION_EFFECT_FENCE && task->slot.call != NULL) {
        evacuation_end_fence(task);
    }
    effect_slot_forget(&task->slot);
    g_clear_pointer(&task->instance, instance_free);
    g_clear_pointer(&task->migration, migration_free);
    g_free(task);
}

static OperationTask *
task_load(OperationContext *context, const Operation *operation, bool recovered, GError **error)
{
    EvacuationTask *task = g_new0(EvacuationTask, 1);

    task->context = context;
    task->migration = store_get_migration_of_operation(context->store, operation->id, error);
    if (task->migration != NULL) {
        task->instance = store_get_instance(context->store, operation->instance_id, error);
    }
    int state = task->instance == NULL
        ? -1
        : machine_find_state(evacuation_machine(), task->migration->operation.state);
    if (task->instance != NULL && state < 0) {
        error_set(error, ERROR_INTERNAL, "operation %" G_GINT64_FORMAT " has unknown state '%s'",
            operation->id, task->migration->operation.state);
    }
    if (state < 0) {
        task_free((OperationTask *)task);
        return NULL;
    }
    task->state = (EvacuationState)state;
    effect_slot_init(&task->slot, context, operation->id);
    if (recovered) {
        evacuation_recover(task);
    }
    return (OperationTask *)task;
}

bool
evacuation_refresh(EvacuationTask *task, GError **error)
{
    Store *store = task->context->store;
    g_autoptr(Migration) migration =
        store_get_migration_of_operation(store, task->migration->operation.id, error);
    g_autoptr(Instance) instance =
        migration != NULL ? store_get_instance(store, task->instance->id, error) : NULL;
    if (instance == NULL) {
        return false;
    }
    const char *state = evacuation_machine()->states[task->state].name;
    if (!migration->operation.is_open || g_strcmp0(migration->operation.state, state) != 0) {
        return error_set(error, ERROR_GONE_STALE, "it is not in state '%s' any more", state);
    }
    migration_free(task->migration);
    task->migration = g_steal_pointer(&migration);
    instance_free(task->instance);
    task->instance = g_steal_pointer(&instance);
    return true;
}

static bool
on_refresh_failed(EvacuationTask *task, const GError *error)
{
    bool is_gone = error_is(error, ERROR_GONE_STALE) || error_is(error, ERROR_NOT_FOUND);

    if (!is_gone) {
        task->context->wake_at(task->context, task->migration->operation.id,
            evacuation_now_us(task) + STORE_RETRY_US);
    }
    if (log_allow("evacuation-read", 10)) {
        log_warning("cannot go on with evacuation %" G_GINT64_FORMAT ": %s", task->migration->id,
            error->message);
    }
    return !is_gone;
}

static bool
task_step(OperationTask *operation_task)
{
    EvacuationTask *task = task_of(operation_task);
    g_autoptr(GError) error = NULL;

    if (!evacuation_refresh(task, &error)) {
        return on_refresh_failed(task, error);
    }
    for (;;) {
        switch (evacuation_step(task)) {
        case STEP_AGAIN: break;
        case STEP_WAIT: return true;
        case STEP_DONE: return false;
        }
    }
}

static void
task_on_event(OperationTask *operation_task, const char *host, const HostEvent *event)
{
}

static void
task_on_host(OperationTask *operation_task, const char *host, bool connected)
{
    EvacuationTask *task = task_of(operation_task);

    if (connected) {
        effect_slot_hurry(&task->slot);
    }
    task->context->wake(task->context, task->migration->operation.id);
}

const OperationRunner *
evacuation_runner(void)
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
