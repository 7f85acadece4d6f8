/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/effect.h"

#include "base/failpoint.h"

#define RETRY_FIRST_US (G_USEC_PER_SEC / 4)
#define RETRY_MAX_US (10 * G_USEC_PER_SEC)

/* What a call carries that its machine does not see. */
typedef struct EffectFlight {
    const EffectKind *kind;
    char *host;
    void *handle;     /* what calls know it by */
    EffectSlot *slot; /* NULL: it was forgotten */
    GError *error;
} EffectFlight;

static void
call_free(void *data)
{
    EffectCall *call = data;

    if (call == NULL) {
        return;
    }
    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_clear_pointer(&call->peer, hypervisor_host_unref);
    if (call->free_data != NULL) {
        call->free_data(call->data);
    }
    domain_view_clear(&call->view);
    cancel_unref(call->cancel);
    g_clear_error(&call->flight->error);
    g_free(call->flight->host);
    g_free(call->flight);
    g_free(call->uuid);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EffectCall, call_free)

/* On a worker. The sessions are let go of here, because closing one may block. */
static void
call_run(void *data)
{
    EffectCall *call = *(EffectCall **)data;
    const EffectKind *kind = call->flight->kind;

    failpoint(kind->before);
    kind->run(call, &call->flight->error);
    failpoint(kind->after);
    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_clear_pointer(&call->peer, hypervisor_host_unref);
}

/* The call goes on living as its slot's answer. */
static void
call_done(void *data, bool cancelled)
{
    EffectCall *call = *(EffectCall **)data;
    EffectFlight *flight = call->flight;
    EffectSlot *slot = flight->slot;

    if (slot == NULL) {
        return;
    }
    if (cancelled && flight->error == NULL) {
        bool is_unwanted = cancel_is_asked(call->cancel);
        error_set(&flight->error, is_unwanted ? ERROR_CANCELLED : ERROR_HYPERVISOR_DOWN,
            "the call was dropped");
    }
    *(EffectCall **)data = NULL;
    flight->slot = NULL;
    g_clear_pointer(&slot->answer, call_free);
    slot->answer = call;
    slot->call = NULL;
    slot->is_unread = true;
    slot->context->wake(slot->context, slot->operation_id);
}

static void
handle_free(void *data)
{
    EffectCall **handle = data;

    call_free(*handle);
    g_free(handle);
}

static bool
submit(EffectSlot *slot, const EffectAsk *ask, HypervisorHost *host, HypervisorHost *peer,
    GError **error)
{
    g_autoptr(EffectCall) call = g_new0(EffectCall, 1);
    call->flight = g_new0(EffectFlight, 1);
    call->flight->kind = ask->kind;
    call->flight->host = g_strdup(ask->host);
    call->uuid = g_strdup(ask->uuid);
    call->cancel = cancel_new();
    call->view.generation = -1;
    call->peer = peer != NULL ? hypervisor_host_ref(peer) : NULL;
    if (ask->prepare != NULL && !ask->prepare(call, ask->task, error)) {
        return false;
    }
    call->host = host != NULL ? hypervisor_host_ref(host) : NULL;
    call->flight->slot = slot;
    g_clear_pointer(&slot->answer, call_free);
    slot->is_unread = false;
    slot->call = call;
    EffectCall **handle = g_new(EffectCall *, 1);
    call->flight->handle = handle;
    *handle = g_steal_pointer(&call);
    calls_submit(slot->context->calls, ask->kind->lane, ask->host, call_run, call_done, handle,
        handle_free);
    return true;
}

/* The host could not be asked, or its answer was lost. */
static bool
is_silence(const GError *error)
{
    return error_is(error, ERROR_HYPERVISOR_DOWN) || error_is(error, ERROR_OUTCOME_UNKNOWN) ||
        error_is(error, ERROR_TIMEOUT);
}

static bool
is_answer_to(const EffectSlot *slot, const EffectAsk *ask)
{
    return slot->is_unread && slot->answer->flight->kind == ask->kind &&
        g_strcmp0(slot->answer->flight->host, ask->host) == 0 &&
        g_strcmp0(slot->answer->uuid, ask->uuid) == 0;
}

static bool
take_answer(EffectSlot *slot, EffectResult *ret_result, GError **ret_error)
{
    slot->is_unread = false;
    g_autoptr(GError) error = g_steal_pointer(&slot->answer->flight->error);
    if (error == NULL) {
        slot->n_tries = 0;
        *ret_result = EFFECT_DONE;
        return true;
    }
    if (!is_silence(error)) {
        *ret_result = EFFECT_FAILED;
        g_propagate_error(ret_error, g_steal_pointer(&error));
        return true;
    }
    int64_t pause_us = MIN(RETRY_FIRST_US << MIN(slot->n_tries, 10), RETRY_MAX_US);
    slot->n_tries++;
    slot->retry_us = clock_now_us(slot->context->clock) + pause_us;
    return false;
}

EffectResult
effect_ask(EffectSlot *slot, const EffectAsk *ask, GError **ret_error)
{
    OperationContext *context = slot->context;
    EffectResult result;

    if (slot->call != NULL) {
        return EFFECT_WAITING;
    }
    if (is_answer_to(slot, ask) && take_answer(slot, &result, ret_error)) {
        return result;
    }
    int64_t now_us = clock_now_us(context->clock);
    HypervisorHost *host = ask->host != NULL ? context->find_session(context, ask->host) : NULL;
    HypervisorHost *peer = ask->peer != NULL ? context->find_session(context, ask->peer) : NULL;
    bool is_reachable = (ask->host == NULL || host != NULL) && (ask->peer == NULL || peer != NULL);
    if (is_reachable && now_us >= slot->retry_us) {
        return submit(slot, ask, host, peer, ret_error) ? EFFECT_WAITING : EFFECT_FAILED;
    }
    if (ask->deadline_us != 0 && now_us >= ask->deadline_us) {
        error_set(ret_error, ERROR_HYPERVISOR_DOWN, "host '%s' did not answer in time",
            host == NULL || is_reachable ? ask->host : ask->peer);
        return EFFECT_FAILED;
    }
    /* A host that comes back wakes the task by itself. */
    int64_t wake_us = is_reachable ? slot->retry_us : ask->deadline_us;
    if (is_reachable && ask->deadline_us != 0) {
        wake_us = MIN(wake_us, ask->deadline_us);
    }
    if (wake_us != 0) {
        context->wake_at(context, slot->operation_id, wake_us);
    }
    return EFFECT_WAITING;
}

void
effect_slot_init(EffectSlot *slot, OperationContext *context, int64_t operation_id)
{
    *slot = (EffectSlot){.context = context, .operation_id = operation_id};
}

void
effect_slot_hurry(EffectSlot *slot)
{
    slot->retry_us = 0;
    slot->n_tries = 0;
}

void
effect_slot_cancel(EffectSlot *slot)
{
    const EffectCall *call = slot->call;

    if (call != NULL) {
        cancel_ask(call->cancel);
        calls_drop(slot->context->calls, call->flight->kind->lane, call->flight->host,
            call->flight->handle);
    }
}

void
effect_slot_forget(EffectSlot *slot)
{
    if (slot->call != NULL) {
        slot->call->flight->slot = NULL;
        slot->call = NULL;
    }
    g_clear_pointer(&slot->answer, call_free);
    slot->is_unread = false;
    effect_slot_hurry(slot);
}
