/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What touches the outside, one effect at a time (operation/effect.h). */
#include "evacuation/task.h"

#include "fencing/fencing.h"

/* What some effects need beside the instance's name, and say beside the view of its domain. */
typedef struct Wish {
    bool rebuilds;
    bool has_root;      /* LOOK_DEST's answer */
    GPtrArray *sources; /* FETCH: HypervisorHost of the other hosts */
    GPtrArray *bases;   /* FETCH: BaseImage */
    Instance *instance; /* CREATE: what plan points into */
    GuestPlan *plan;
    Host *row;          /* FENCE: what agent points into */
    FenceAgent agent;
} Wish;

static void
wish_free(void *data)
{
    Wish *wish = data;

    g_clear_pointer(&wish->sources, g_ptr_array_unref);
    g_clear_pointer(&wish->bases, g_ptr_array_unref);
    g_clear_pointer(&wish->plan, guest_plan_free);
    g_clear_pointer(&wish->instance, instance_free);
    g_clear_pointer(&wish->row, host_free);
    g_free(wish);
}

/* What an agent that ran out of time did is not known, and it is not asked again by itself. */
static bool
run_FENCE(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    g_autoptr(GError) reason = NULL;
    HostPower power;
    return fencing_run(&wish->agent, FENCE_OFF, &power, &reason) ||
        error_set(error, ERROR_HYPERVISOR_REFUSED, "%s", reason->message);
}

static bool
run_LOOK_SOURCE(EffectCall *call, GError **error)
{
    return hypervisor_describe_domain(call->host, call->uuid, &call->view, error);
}

static bool
run_LOOK_DEST(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    if (!hypervisor_describe_domain(call->host, call->uuid, &call->view, error)) {
        return false;
    }
    g_autoptr(GPtrArray) volumes = hypervisor_list_guest_volumes(call->host, call->uuid, error);
    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        wish->has_root |= ((VolumeView *)volumes->pdata[i])->is_root;
    }
    return volumes != NULL;
}

/* From our own file, else from a host that has it. */
static bool
fetch_base(EffectCall *call, const BaseImage *base, GError **error)
{
    const Wish *wish = call->data;
    g_autoptr(GError) reason = NULL;
    if (hypervisor_ensure_base(call->host, base, call->cancel, &reason)) {
        return true;
    }
    for (unsigned i = 0; base->path == NULL && i < wish->sources->len; i++) {
        if (hypervisor_copy_base(
                call->host, wish->sources->pdata[i], base, call->cancel, NULL)) {
            return true;
        }
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

static bool
run_FETCH(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    for (unsigned i = 0; i < wish->bases->len; i++) {
        if (!fetch_base(call, wish->bases->pdata[i], error)) {
            return false;
        }
    }
    return true;
}

static bool
run_FORGET_STALE(EffectCall *call, GError **error)
{
    return hypervisor_forget_guest(call->host, call->uuid, error);
}

static bool
run_CLEAR_STALE(EffectCall *call, GError **error)
{
    return hypervisor_remove_disks(call->host, call->uuid, error);
}

static bool
run_CREATE(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    return guest_plan_carry_out(
        g_steal_pointer(&wish->plan), wish->instance, call->host, error);
}

static bool
run_PROVE(EffectCall *call, GError **error)
{
    return hypervisor_prove_guest(call->host, call->uuid, error);
}

static bool
run_START(EffectCall *call, GError **error)
{
    return hypervisor_start_guest(call->host, call->uuid, error);
}

/* On a shared pool the volumes belong to the instance wherever it is. */
static bool
run_CLEAN_DEST(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    g_autoptr(GError) reason = NULL;
    if (wish->rebuilds) {
        return hypervisor_remove_guest(call->host, call->uuid, true, error);
    }
    if (!hypervisor_destroy_guest(call->host, call->uuid, &reason) &&
        !error_is(reason, ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    return hypervisor_forget_guest(call->host, call->uuid, error);
}

static const EffectKind kinds[] = {
#define X(name, text, lane)                                                                        \
    {"evacuation." text ".before", "evacuation." text ".after", lane, run_##name},
    EVACUATION_EFFECTS(X)
#undef X
};

/* ---- asking ---- */

static bool
prepare_fetch(EvacuationTask *task, Wish *wish, GError **error)
{
    OperationContext *context = task->context;
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return false;
    }
    wish->bases = guest_list_bases(
        context->store, task->instance, context->settings.image_directory);
    wish->sources = g_ptr_array_new_with_free_func((GDestroyNotify)hypervisor_host_unref);
    for (unsigned i = 0; i < hosts->len; i++) {
        const char *name = ((Host *)hosts->pdata[i])->name;
        HypervisorHost *session = context->find_session(context, name);
        if (session != NULL && g_strcmp0(name, task->migration->dest_host) != 0) {
            g_ptr_array_add(wish->sources, hypervisor_host_ref(session));
        }
    }
    return true;
}

static bool
prepare_create(EvacuationTask *task, Wish *wish, GError **error)
{
    Store *store = task->context->store;
    const Migration *migration = task->migration;
    wish->instance = store_get_instance(store, task->instance->id, error);
    if (wish->instance == NULL) {
        return false;
    }
    wish->plan = guest_plan_new(store, wish->instance, migration->operation.id, error);
    if (wish->plan == NULL) {
        return false;
    }
    wish->plan->spec.generation = migration->generation;
    wish->plan->spec.root = wish->rebuilds ? GUEST_ROOT_REBUILT : GUEST_ROOT_KEPT;
    wish->plan->admin_pass = wish->rebuilds ? g_strdup(migration->admin_pass) : NULL;
    return true;
}

static bool
prepare_fence(EvacuationTask *task, Wish *wish, GError **error)
{
    const OperationSettings *settings = &task->context->settings;
    wish->row = store_get_host(task->context->store, task->migration->source_host, error);
    if (wish->row == NULL) {
        return false;
    }
    wish->agent = (FenceAgent){.directory = settings->fence_directory,
        .name = wish->row->fence_agent != NULL ? wish->row->fence_agent : "",
        .options = wish->row->fence_options,
        .timeout_ms = settings->fence_timeout_ms};
    return true;
}

static bool
prepare(EffectCall *call, void *data, GError **error)
{
    EvacuationTask *task = data;
    Wish *wish = g_new0(Wish, 1);
    call->data = wish;
    call->free_data = wish_free;
    wish->rebuilds = task->migration->copies_disks;
    switch (task->asked) {
    case EVACUATION_EFFECT_FENCE: return prepare_fence(task, wish, error);
    case EVACUATION_EFFECT_FETCH: return prepare_fetch(task, wish, error);
    case EVACUATION_EFFECT_CREATE: return prepare_create(task, wish, error);
    case EVACUATION_EFFECT_LOOK_SOURCE:
    case EVACUATION_EFFECT_LOOK_DEST:
    case EVACUATION_EFFECT_FORGET_STALE:
    case EVACUATION_EFFECT_CLEAR_STALE:
    case EVACUATION_EFFECT_PROVE:
    case EVACUATION_EFFECT_START:
    case EVACUATION_EFFECT_CLEAN_DEST: return true;
    case EVACUATION_N_EFFECTS: break;
    }
    g_assert_not_reached();
}

/* The host that an effect is on; NULL: on none. */
static const char *
host_of(const EvacuationTask *task, EvacuationEffect effect)
{
    if (effect == EVACUATION_EFFECT_FENCE) {
        return NULL;
    }
    return effect == EVACUATION_EFFECT_LOOK_SOURCE ? task->migration->source_host
                                                   : task->migration->dest_host;
}

bool
evacuation_did(const EvacuationTask *task, EvacuationEffect effect)
{
    return (task->done & (1u << effect)) != 0;
}

/* What a look saw is kept while other effects are asked for. */
static void
keep_answer(EvacuationTask *task, EvacuationEffect effect)
{
    const EffectCall *answer = task->slot.answer;
    const Wish *wish = answer->data;
    task->done |= 1u << effect;
    if (effect == EVACUATION_EFFECT_LOOK_SOURCE || effect == EVACUATION_EFFECT_LOOK_DEST) {
        task->view = answer->view;
        task->view.name = NULL;
        task->has_root = wish->has_root;
    }
}

EffectResult
evacuation_effect(EvacuationTask *task, EvacuationEffect effect, GError **ret_error)
{
    EffectAsk ask = {
        .kind = &kinds[effect],
        .uuid = task->instance->id,
        .host = host_of(task, effect),
        .deadline_us = evacuation_deadline_us(task),
        .prepare = prepare,
        .task = task,
    };
    task->asked = effect;
    EffectResult result = effect_ask(&task->slot, &ask, ret_error);
    if (result == EFFECT_DONE) {
        keep_answer(task, effect);
    }
    return result;
}
