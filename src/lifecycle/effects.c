/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One effect at a time for each operation: asked for on the engine's thread, carried out on a
 * worker, answered on the engine's thread. A host that does not answer is asked again, with a
 * pause that grows, until the state's deadline. */
#include "lifecycle/internal.h"

#include "base/failpoint.h"

#define RETRY_FIRST_US (G_USEC_PER_SEC / 4)
#define RETRY_MAX_US (10 * G_USEC_PER_SEC)

struct LifecycleCall {
    LifecycleTask *task; /* NULL: it was forgotten */
    LifecycleEffect effect;
    char *uuid;
    HypervisorHost *host;
    HypervisorHost *from; /* copy_base */
    Instance *instance;   /* create_guest: what plan points into */
    GuestPlan *plan;
    GPtrArray *bases;
    const BaseImage *base; /* one of them */
    DomainView view;
    GError *error;
};

static bool
run_describe_domain(LifecycleCall *call)
{
    return hypervisor_describe_domain(call->host, call->uuid, &call->view, &call->error);
}

static bool
run_ensure_base(LifecycleCall *call)
{
    return hypervisor_ensure_base(call->host, call->base, &call->error);
}

static bool
run_copy_base(LifecycleCall *call)
{
    return hypervisor_copy_base(call->host, call->from, call->base, &call->error);
}

static bool
run_create_guest(LifecycleCall *call)
{
    bool is_ok = guest_plan_add_config_drive(call->plan, call->instance, &call->error) &&
        hypervisor_create_guest(call->host, &call->plan->spec, &call->error);
    g_clear_pointer(&call->plan, guest_plan_free);
    return is_ok;
}

static bool
run_start_guest(LifecycleCall *call)
{
    return hypervisor_start_guest(call->host, call->uuid, &call->error);
}

static bool
run_shutdown_guest(LifecycleCall *call)
{
    return hypervisor_shutdown_guest(call->host, call->uuid, &call->error);
}

static bool
run_destroy_guest(LifecycleCall *call)
{
    return hypervisor_destroy_guest(call->host, call->uuid, &call->error);
}

static bool
run_pause_guest(LifecycleCall *call)
{
    return hypervisor_pause_guest(call->host, call->uuid, &call->error);
}

static bool
run_resume_guest(LifecycleCall *call)
{
    return hypervisor_resume_guest(call->host, call->uuid, &call->error);
}

static bool
run_remove_guest(LifecycleCall *call)
{
    return hypervisor_remove_guest(call->host, call->uuid, true, &call->error);
}

static const struct {
    bool (*run)(LifecycleCall *call);
    CallLane lane;
    const char *before; /* failpoints */
    const char *after;
} effects[] = {
#define X(verb, lane)                                                                              \
    {run_##verb, lane, "lifecycle.effect." #verb ".before", "lifecycle.effect." #verb ".after"},
    LIFECYCLE_EFFECTS(X)
#undef X
};

/* On a worker. The session is let go of here, because closing one may block. */
static void
call_run(void *data)
{
    LifecycleCall *call = data;

    failpoint(effects[call->effect].before);
    effects[call->effect].run(call);
    failpoint(effects[call->effect].after);
    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_clear_pointer(&call->from, hypervisor_host_unref);
}

static void
call_free(void *data)
{
    LifecycleCall *call = data;

    if (call == NULL) {
        return;
    }
    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_clear_pointer(&call->from, hypervisor_host_unref);
    g_clear_pointer(&call->plan, guest_plan_free);
    g_clear_pointer(&call->instance, instance_free);
    g_clear_pointer(&call->bases, g_ptr_array_unref);
    g_clear_error(&call->error);
    domain_view_clear(&call->view);
    g_free(call->uuid);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LifecycleCall, call_free)

static void
call_done(void *data, bool cancelled)
{
    LifecycleCall *call = data;
    LifecycleTask *task = call->task;

    if (task == NULL) {
        return;
    }
    if (cancelled && call->error == NULL) {
        error_set(&call->error, ERROR_HYPERVISOR_DOWN, "the call was dropped");
    }
    task->call = NULL;
    task->has_answer = true;
    task->answer_to = call->effect;
    g_clear_error(&task->answer_error);
    task->answer_error = g_steal_pointer(&call->error);
    if (call->effect == EFFECT_describe_domain && task->answer_error == NULL) {
        domain_view_clear(&task->view);
        task->view = call->view;
        call->view = (DomainView){0};
    }
    task->context->wake(task->context, task->operation->id);
}

void
lifecycle_effect_forget(LifecycleTask *task)
{
    if (task->call != NULL) {
        task->call->task = NULL;
        task->call = NULL;
    }
    task->has_answer = false;
    g_clear_error(&task->answer_error);
}

/* Any other connected host may have the base: each is asked in turn. */
static HypervisorHost *
find_base_source(LifecycleTask *task, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(task->context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    while (task->next_source < hosts->len) {
        const Host *host = hosts->pdata[task->next_source++];
        HypervisorHost *session = task->context->find_session(task->context, host->name);
        if (session != NULL && g_strcmp0(host->name, task->instance->host) != 0) {
            return session;
        }
    }
    task->sources_ended = true;
    error_set(error, ERROR_NOT_FOUND, "the image is gone, and no connected host has it");
    return NULL;
}

static bool
call_prepare(LifecycleCall *call, LifecycleTask *task, GError **error)
{
    Store *store = task->context->store;

    switch (call->effect) {
    case EFFECT_create_guest:
        call->instance = store_get_instance(store, task->instance->id, error);
        if (call->instance == NULL) {
            return false;
        }
        call->plan = guest_plan_new(store, call->instance, task->operation->id, error);
        return call->plan != NULL;
    case EFFECT_copy_base:
        call->from = find_base_source(task, error);
        if (call->from == NULL) {
            return false;
        }
        hypervisor_host_ref(call->from);
        G_GNUC_FALLTHROUGH;
    case EFFECT_ensure_base:
        call->bases = g_ptr_array_ref(task->bases);
        call->base = task->bases->pdata[task->n_bases];
        return true;
    case EFFECT_describe_domain:
    case EFFECT_start_guest:
    case EFFECT_shutdown_guest:
    case EFFECT_destroy_guest:
    case EFFECT_pause_guest:
    case EFFECT_resume_guest:
    case EFFECT_remove_guest: return true;
    case EFFECT_N_EFFECTS: break;
    }
    g_assert_not_reached();
}

static bool
submit(LifecycleTask *task, LifecycleEffect effect, HypervisorHost *session, GError **error)
{
    g_autoptr(LifecycleCall) call = g_new0(LifecycleCall, 1);
    call->effect = effect;
    call->uuid = g_strdup(task->instance->id);
    if (!call_prepare(call, task, error)) {
        return false;
    }
    call->host = hypervisor_host_ref(session);
    call->task = task;
    task->call = call;
    calls_submit(task->context->calls, effects[effect].lane, task->instance->host, call_run,
        call_done, g_steal_pointer(&call), call_free);
    return true;
}

/* The host could not be asked, or its answer was lost. All effects are idempotent, so asking again
 * is right in both cases. */
static bool
is_silence(const GError *error)
{
    return error_is(error, ERROR_HYPERVISOR_DOWN) || error_is(error, ERROR_OUTCOME_UNKNOWN) ||
        error_is(error, ERROR_TIMEOUT);
}

static bool
take_answer(
    LifecycleTask *task, LifecycleEffect effect, EffectResult *ret_result, GError **ret_error)
{
    if (!task->has_answer || task->answer_to != effect) {
        return false;
    }
    task->has_answer = false;
    g_autoptr(GError) error = g_steal_pointer(&task->answer_error);
    if (error == NULL) {
        task->n_tries = 0;
        *ret_result = EFFECT_DONE;
        return true;
    }
    if (!is_silence(error)) {
        *ret_result = EFFECT_FAILED;
        g_propagate_error(ret_error, g_steal_pointer(&error));
        return true;
    }
    int64_t pause_us = MIN(RETRY_FIRST_US << MIN(task->n_tries, 10), RETRY_MAX_US);
    task->n_tries++;
    task->retry_us = clock_now_us(task->context->clock) + pause_us;
    return false;
}

EffectResult
lifecycle_effect(LifecycleTask *task, LifecycleEffect effect, GError **ret_error)
{
    OperationContext *context = task->context;
    EffectResult result;

    if (task->call != NULL) {
        return EFFECT_WAITING;
    }
    if (take_answer(task, effect, &result, ret_error)) {
        return result;
    }
    int64_t now_us = clock_now_us(context->clock);
    HypervisorHost *session = context->find_session(context, task->instance->host);
    if (session != NULL && now_us >= task->retry_us) {
        return submit(task, effect, session, ret_error) ? EFFECT_WAITING : EFFECT_FAILED;
    }
    if (task->deadline_us != 0 && now_us >= task->deadline_us) {
        error_set(ret_error, ERROR_HYPERVISOR_DOWN, "host '%s' did not answer in time",
            task->instance->host);
        return EFFECT_FAILED;
    }
    int64_t wake_us = session != NULL ? task->retry_us : task->deadline_us;
    if (task->deadline_us != 0) {
        wake_us = MIN(wake_us, task->deadline_us);
    }
    context->wake_at(context, task->operation->id, wake_us);
    return EFFECT_WAITING;
}
