/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Is the host dead? Its silence does not say so: an operator's word does, and a fence agent that
 * has switched its power off. */
#include "evacuation/task.h"

#include "base/log.h"

/* host -> GArray of int64_t: operations that wait for the agent which another one has asked. Hangs
 * on OperationContext.evacuations. */
static GHashTable *
asked_hosts(OperationContext *context)
{
    if (context->evacuations == NULL) {
        context->evacuations =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
    }
    return context->evacuations;
}

void
evacuation_forget(OperationContext *context)
{
    g_clear_pointer((GHashTable **)&context->evacuations, g_hash_table_unref);
}

bool
evacuation_begin_fence(EvacuationTask *task)
{
    GHashTable *asked = asked_hosts(task->context);
    const char *host = task->migration->source_host;
    GArray *waiting = g_hash_table_lookup(asked, host);
    if (waiting != NULL) {
        g_array_append_val(waiting, task->migration->operation.id);
        return false;
    }
    g_hash_table_insert(asked, g_strdup(host), g_array_new(false, false, sizeof(int64_t)));
    return true;
}

void
evacuation_end_fence(EvacuationTask *task)
{
    GHashTable *asked = asked_hosts(task->context);
    const char *host = task->migration->source_host;
    GArray *waiting = g_hash_table_lookup(asked, host);
    for (unsigned i = 0; waiting != NULL && i < waiting->len; i++) {
        task->context->wake(task->context, g_array_index(waiting, int64_t, i));
    }
    g_hash_table_remove(asked, host);
}

static StepResult
refuse(EvacuationTask *task, EvacuationReason reason, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static StepResult
refuse(EvacuationTask *task, EvacuationReason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return evacuation_move_because(task, EVACUATION_ERROR, reason, message);
}

static StepResult
on_fence_failed(EvacuationTask *task, const GError *error)
{
    g_autoptr(GError) problem = NULL;
    const char *host = task->migration->source_host;
    if (!store_set_host_fence_error(task->context->store, host, error->message, &problem)) {
        log_error("cannot write why host '%s' was not fenced: %s", host, problem->message);
    }
    return refuse(task, EVACUATION_REASON_FENCE_FAILED,
        "Host %s could not be fenced: %s. When it is certain to be without power, say so: "
        "openstack compute service set --down %s nova-compute.",
        host, error->message, host);
}

static StepResult
on_fenced(EvacuationTask *task, const Host *host)
{
    g_autoptr(GError) error = NULL;
    if (!store_set_host_power(
            task->context->store, host->name, HOST_POWER_OFF, host->fence_agent, &error)) {
        log_error("cannot write that host '%s' is fenced: %s", host->name, error->message);
        task->done = 0;
        task->context->wake_at(task->context, task->migration->operation.id,
            evacuation_now_us(task) + G_USEC_PER_SEC);
        return STEP_WAIT;
    }
    log_info("host '%s' is fenced by '%s'", host->name, host->fence_agent);
    return evacuation_move(task, EVACUATION_CHECKING, NULL);
}

/* Those that wait are woken once what came of it is written down. */
static StepResult
ask_agent(EvacuationTask *task, const Host *host)
{
    g_autoptr(GError) error = NULL;
    bool is_ours = task->slot.call != NULL || task->slot.is_unread;
    if (!is_ours && !evacuation_begin_fence(task)) {
        return STEP_WAIT;
    }
    EffectResult result = evacuation_effect(task, EVACUATION_EFFECT_FENCE, &error);
    if (result == EFFECT_WAITING) {
        return STEP_WAIT;
    }
    StepResult step =
        result == EFFECT_DONE ? on_fenced(task, host) : on_fence_failed(task, error);
    evacuation_end_fence(task);
    return step;
}

StepResult
evacuation_step_fencing(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    const OperationContext *context = task->context;
    g_autoptr(Host) host = store_get_host(context->store, task->migration->source_host, &error);
    if (host == NULL) {
        return refuse(task, EVACUATION_REASON_FENCE_FAILED, "%s", error->message);
    }
    if (evacuation_is_given_up(task)) {
        return evacuation_move_because(task, EVACUATION_CANCELLED, EVACUATION_REASON_DELETED,
            "The instance is to be deleted.");
    }
    if (host_is_fenced(host)) {
        return evacuation_move(task, EVACUATION_CHECKING, NULL);
    }
    bool is_asked = task->slot.call != NULL || task->slot.is_unread;
    if (!is_asked &&
        host_is_up(host, evacuation_now_us(task), context->settings.service_down_time_us)) {
        return refuse(task, EVACUATION_REASON_SOURCE_UP, "Compute service of %s is in use again.",
            host->name);
    }
    if (host->fence_agent == NULL) {
        return refuse(task, EVACUATION_REASON_NOT_FENCED,
            "Host %s is silent, which does not prove that it is dead: say 'openstack compute "
            "service set --down %s nova-compute' once it has no power, or give it a fence agent.",
            host->name, host->name);
    }
    return ask_agent(task, host);
}
