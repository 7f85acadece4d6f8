/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What touches the instance's host, one effect at a time (operation/effect.h). */
#include "lifecycle/internal.h"

#define FENCE_LOOK_US (2 * G_USEC_PER_SEC)

/* What some effects need beside the instance's name. */
typedef struct Wish {
    Instance *instance; /* create_guest: what plan points into */
    GuestPlan *plan;
    GPtrArray *bases;
    const BaseImage *base; /* one of them */
    Volume *volume;        /* attach_disk, detach_disk */
} Wish;

static void
wish_free(void *data)
{
    Wish *wish = data;

    g_clear_pointer(&wish->plan, guest_plan_free);
    g_clear_pointer(&wish->instance, instance_free);
    g_clear_pointer(&wish->bases, g_ptr_array_unref);
    g_clear_pointer(&wish->volume, volume_free);
    g_free(wish);
}

static bool
run_describe_domain(EffectCall *call, GError **error)
{
    return hypervisor_describe_domain(call->host, call->uuid, &call->view, error);
}

static bool
run_ensure_base(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    return hypervisor_ensure_base(call->host, wish->base, call->cancel, error);
}

static bool
run_copy_base(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    return hypervisor_copy_base(call->host, call->peer, wish->base, call->cancel, error);
}

static bool
run_create_guest(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    return guest_plan_carry_out(
        g_steal_pointer(&wish->plan), wish->instance, call->host, error);
}

static bool
run_start_guest(EffectCall *call, GError **error)
{
    return hypervisor_start_guest(call->host, call->uuid, error);
}

static bool
run_shutdown_guest(EffectCall *call, GError **error)
{
    return hypervisor_shutdown_guest(call->host, call->uuid, error);
}

static bool
run_destroy_guest(EffectCall *call, GError **error)
{
    return hypervisor_destroy_guest(call->host, call->uuid, error);
}

static bool
run_pause_guest(EffectCall *call, GError **error)
{
    return hypervisor_pause_guest(call->host, call->uuid, error);
}

static bool
run_resume_guest(EffectCall *call, GError **error)
{
    return hypervisor_resume_guest(call->host, call->uuid, error);
}

static bool
run_attach_disk(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    g_autofree char *name = volume_file_name(wish->volume);
    GuestDisk disk = guest_disk_of(wish->volume, name);
    return hypervisor_attach_disk(call->host, call->uuid, &disk, error);
}

static bool
run_detach_disk(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    return hypervisor_detach_disk(
        call->host, call->uuid, attachment_target(wish->volume->attachment), error);
}

static bool
run_remove_guest(EffectCall *call, GError **error)
{
    return hypervisor_remove_guest(call->host, call->uuid, true, error);
}

static const EffectKind kinds[] = {
#define X(verb, lane) EFFECT_KIND("lifecycle", verb, lane),
    LIFECYCLE_EFFECTS(X)
#undef X
};

/* Any other connected host may have the base: each is asked in turn. */
static HypervisorHost *
find_base_source(LifecycleTask *task, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(task->context->store, error);
    task->sources_ended = hosts == NULL;
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
    if (task->copy_error != NULL) {
        g_propagate_error(error, g_error_copy(task->copy_error));
    } else {
        error_set(error, ERROR_NOT_FOUND, "the image is gone, and no connected host has it");
    }
    return NULL;
}

static Wish *
wish_new(EffectCall *call)
{
    Wish *wish = g_new0(Wish, 1);

    call->data = wish;
    call->free_data = wish_free;
    return wish;
}

static bool
prepare_create(EffectCall *call, void *data, GError **error)
{
    LifecycleTask *task = data;
    Store *store = task->context->store;
    Wish *wish = wish_new(call);

    wish->instance = store_get_instance(store, task->instance->id, error);
    if (wish->instance == NULL) {
        return false;
    }
    wish->plan = guest_plan_new(store, wish->instance, task->operation->id, error);
    return wish->plan != NULL;
}

static bool
prepare_base(EffectCall *call, void *data, GError **error)
{
    LifecycleTask *task = data;
    Wish *wish = wish_new(call);

    wish->bases = g_ptr_array_ref(task->bases);
    wish->base = task->bases->pdata[task->n_bases];
    return true;
}

static bool
prepare_copy(EffectCall *call, void *data, GError **error)
{
    HypervisorHost *from = find_base_source(data, error);

    if (from == NULL) {
        return false;
    }
    call->peer = hypervisor_host_ref(from);
    return prepare_base(call, data, error);
}

Volume *
lifecycle_get_volume(const LifecycleTask *task, GError **error)
{
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, error);

    if (volumes == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->attachment->operation == task->operation->id) {
            return g_ptr_array_steal_index(volumes, i);
        }
    }
    error_set(error, ERROR_NOT_FOUND, "the volume is not attached to the instance");
    return NULL;
}

static bool
prepare_disk(EffectCall *call, void *data, GError **error)
{
    Wish *wish = wish_new(call);

    wish->volume = lifecycle_get_volume(data, error);
    return wish->volume != NULL;
}

static bool (*const prepares[EFFECT_N_EFFECTS])(EffectCall *call, void *task, GError **error) = {
    [EFFECT_ensure_base] = prepare_base,
    [EFFECT_copy_base] = prepare_copy,
    [EFFECT_create_guest] = prepare_create,
    [EFFECT_attach_disk] = prepare_disk,
    [EFFECT_detach_disk] = prepare_disk,
};

/* What was detached on the record alone goes from the definition first. */
static EffectResult
wait_for_definition(LifecycleTask *task, LifecycleEffect effect, GError **error)
{
    bool is_asked = task->effect.call != NULL || task->effect.is_unread;
    g_autoptr(GError) reason = NULL;

    if (is_asked || (effect != EFFECT_start_guest && effect != EFFECT_attach_disk) ||
        operation_is_definition_true(task->context, task->instance->host, task->instance->id,
            task->operation, &reason)) {
        return EFFECT_DONE;
    }
    if (reason == NULL) {
        return EFFECT_WAITING;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return EFFECT_FAILED;
}

/* After a start of drover a host may just not have been tried yet. */
bool
lifecycle_is_host_dead(const LifecycleTask *task)
{
    return task->effect.call == NULL && !task->context->is_gathering(task->context) &&
        operation_is_host_dead(task->context, task->instance->host);
}

/* Nobody tells that the host was fenced: it is looked at again. */
static void
look_for_fence(const LifecycleTask *task)
{
    OperationContext *context = task->context;

    if (task->instance->host != NULL && task->effect.call == NULL &&
        context->find_session(context, task->instance->host) == NULL) {
        context->wake_at(
            context, task->operation->id, clock_now_us(context->clock) + FENCE_LOOK_US);
    }
}

EffectResult
lifecycle_effect(LifecycleTask *task, LifecycleEffect effect, GError **ret_error)
{
    /* Who waited for it would keep everybody from evacuating the instance meanwhile. */
    if (lifecycle_is_host_dead(task)) {
        error_set(ret_error, ERROR_HYPERVISOR_DOWN,
            "host '%s' is dead: nothing can be asked of it", task->instance->host);
        return EFFECT_FAILED;
    }
    EffectResult ready = wait_for_definition(task, effect, ret_error);
    if (ready != EFFECT_DONE) {
        return ready;
    }
    EffectAsk ask = {
        .kind = &kinds[effect],
        .uuid = task->instance->id,
        .host = task->instance->host,
        .deadline_us = task->deadline_us,
        .prepare = prepares[effect],
        .task = task,
    };
    EffectResult result = effect_ask(&task->effect, &ask, ret_error);
    if (result == EFFECT_WAITING) {
        look_for_fence(task);
    }
    if (result == EFFECT_DONE && effect == EFFECT_describe_domain) {
        domain_view_clear(&task->view);
        task->view = task->effect.answer->view;
        task->effect.answer->view = (DomainView){0};
    }
    return result;
}
