/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The runner: what the engine calls. */
#include "lifecycle/internal.h"

/* The engine's name for a task is opaque: it is always one of these. */
static LifecycleTask *
task_of(OperationTask *task)
{
    return (LifecycleTask *)task;
}

static void
task_free(OperationTask *operation_task)
{
    LifecycleTask *task = task_of(operation_task);

    if (task == NULL) {
        return;
    }
    effect_slot_forget(&task->effect);
    domain_view_clear(&task->view);
    g_clear_pointer(&task->bases, g_ptr_array_unref);
    g_clear_error(&task->copy_error);
    g_clear_pointer(&task->refusals, g_hash_table_unref);
    g_clear_pointer(&task->instance, instance_free);
    g_clear_pointer(&task->operation, operation_free);
    g_free(task);
}

static OperationTask *
task_load(OperationContext *context, const Operation *operation, bool recovered, GError **error)
{
    LifecycleTask *task = g_new0(LifecycleTask, 1);

    task->context = context;
    task->refusals = refusals_new();
    effect_slot_init(&task->effect, context, operation->id);
    task->operation = store_get_operation(context->store, operation->id, error);
    if (task->operation != NULL) {
        task->instance = store_get_instance(context->store, operation->instance_id, error);
    }
    if (task->instance == NULL) {
        task_free((OperationTask *)task);
        return NULL;
    }
    int state = machine_find_state(lifecycle_machine(), task->operation->state);
    if (state < 0) {
        error_set(error, ERROR_INTERNAL, "operation %" G_GINT64_FORMAT " has unknown state '%s'",
            operation->id, task->operation->state);
        task_free((OperationTask *)task);
        return NULL;
    }
    task->state = (LifecycleState)state;
    task->deadline_us = task->operation->deadline_us;
    if (recovered) {
        lifecycle_recover(task);
    }
    return (OperationTask *)task;
}

static bool
task_step(OperationTask *operation_task)
{
    LifecycleTask *task = task_of(operation_task);

    operation_read_wanted(task->context, task->operation);
    for (;;) {
        switch (lifecycle_step_state(task)) {
        case STEP_AGAIN: break;
        case STEP_WAIT: return true;
        case STEP_DONE: return false;
        }
    }
}

static void
task_on_event(OperationTask *operation_task, const char *host, const HostEvent *event)
{
    LifecycleTask *task = task_of(operation_task);

    if (task->state == LIFECYCLE_STOPPING && event->kind == HOST_EVENT_DOMAIN &&
        g_strcmp0(host, task->instance->host) == 0 &&
        (event->state == DOMAIN_SHUT_OFF || event->state == DOMAIN_CRASHED)) {
        task->off.off_seen = true;
        task->context->wake(task->context, task->operation->id);
    }
}

static void
task_on_host(OperationTask *operation_task, const char *host, bool connected)
{
    LifecycleTask *task = task_of(operation_task);

    if (connected && g_strcmp0(host, task->instance->host) == 0) {
        effect_slot_hurry(&task->effect);
        task->context->wake(task->context, task->operation->id);
    }
}

const OperationRunner *
lifecycle_runner(void)
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
