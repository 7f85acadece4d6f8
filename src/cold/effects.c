/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* All that touches the two hosts (operation/effect.h). */
#include "cold/internal.h"

#include "base/log.h"
#include "lifecycle/guest_spec.h"

enum { CONSOLE_BYTES = 256 * 1024 };

/* What an effect needs beside the guest's name, and what it brings back. */
typedef struct Wish {
    char *courier; /* UUID */
    char *token;   /* of a marker */
    char **pools;  /* of its volumes, which both hosts must have */
    GPtrArray *volumes; /* Volume, those that it has */
    DiskFacts facts;
    bool copies_disks;
    int64_t made_by; /* clean_dest: only what this operation has defined; 0 = whatever is there */
    GPtrArray *bases;
    const BaseImage *base; /* one of them */
    Instance *instance;    /* what plan points into */
    GuestPlan *plan;
    char *address; /* of copy */
    CopyRequest copy;
    JobStats stats;
    char *text;
    size_t text_size;
} Wish;

static void
wish_free(void *data)
{
    Wish *wish = data;

    g_clear_pointer(&wish->plan, guest_plan_free);
    g_clear_pointer(&wish->instance, instance_free);
    g_clear_pointer(&wish->bases, g_ptr_array_unref);
    g_clear_pointer(&wish->volumes, g_ptr_array_unref);
    g_free(wish->courier);
    g_free(wish->token);
    g_strfreev(wish->pools);
    g_free(wish->address);
    g_free(wish->text);
    g_free(wish);
}

/* ---- on a worker ---- */

static bool
run_describe_domain(EffectCall *call, GError **error)
{
    return hypervisor_describe_domain(call->host, call->uuid, &call->view, error);
}

static bool
run_probe_pools(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    bool is_ok = hypervisor_probe_shared_pool(
        call->peer, call->host, NULL, wish->token, &wish->facts.pool_is_shared, error);

    wish->facts.volume_pool_is_shared = true;
    for (char **pool = wish->pools; is_ok && *pool != NULL; pool++) {
        bool is_shared = false;
        is_ok = hypervisor_probe_shared_pool(
            call->peer, call->host, *pool, wish->token, &is_shared, error);
        wish->facts.volume_pool_is_shared = wish->facts.volume_pool_is_shared && is_shared;
    }
    return is_ok;
}

/* From our own file, else from the source, whose disk stands on it. */
static bool
run_fetch_base(EffectCall *call, GError **error)
{
    const BaseImage *base = ((Wish *)call->data)->base;
    g_autoptr(GError) missing = NULL;

    if (hypervisor_ensure_base(call->host, base, call->cancel, &missing)) {
        return true;
    }
    if (base->path != NULL) {
        g_propagate_error(error, g_steal_pointer(&missing));
        return false;
    }
    return hypervisor_copy_base(call->host, call->peer, base, call->cancel, error);
}

static bool
run_forget_stale(EffectCall *call, GError **error)
{
    return hypervisor_forget_guest(call->host, call->uuid, error);
}

/* Those on the network. */
static bool
run_try_disks(EffectCall *call, GError **error)
{
    const GPtrArray *volumes = ((Wish *)call->data)->volumes;

    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        GuestDisk disk = guest_disk_of(volume, NULL);
        if (volume->uri != NULL && !hypervisor_try_disk(call->host, call->uuid, &disk, error)) {
            return false;
        }
    }
    return true;
}

static bool
run_prepare_dest(EffectCall *call, GError **error)
{
    return hypervisor_prepare_dest(call->host, call->peer, call->uuid, error);
}

static bool
run_shutdown_guest(EffectCall *call, GError **error)
{
    return hypervisor_shutdown_guest(call->host, call->uuid, error);
}

/* What is not there does not run. */
static bool
destroy(HypervisorHost *host, const char *uuid, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (hypervisor_destroy_guest(host, uuid, &reason) || error_is(reason, ERROR_NOT_FOUND)) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

static bool
run_destroy_guest(EffectCall *call, GError **error)
{
    return destroy(call->host, call->uuid, error);
}

static bool
run_copy_disks(EffectCall *call, GError **error)
{
    return hypervisor_copy_disks(call->host, call->peer, &((Wish *)call->data)->copy, error);
}

static bool
run_query_job(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    return hypervisor_query_job(call->host, wish->courier, &wish->stats, error);
}

static bool
run_abort_job(EffectCall *call, GError **error)
{
    return hypervisor_abort_job(call->host, ((Wish *)call->data)->courier, error);
}

static bool
run_read_console(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    return hypervisor_read_console(
        call->host, call->uuid, CONSOLE_BYTES, &wish->text, &wish->text_size, error);
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
run_drop_courier(EffectCall *call, GError **error)
{
    return destroy(call->host, ((Wish *)call->data)->courier, error);
}

/* Volumes are called after their guest: in a pool that both hosts have by now, those of the copy
 * that goes are those of the copy that stays. */
static bool
clean(EffectCall *call, GError **error)
{
    Wish *wish = call->data;
    bool is_shared = true;

    if (wish->copies_disks &&
        !hypervisor_probe_shared_pool(
            call->peer, call->host, NULL, wish->token, &is_shared, error)) {
        return false;
    }
    return is_shared ? hypervisor_forget_guest(call->host, call->uuid, error)
                     : hypervisor_remove_guest(call->host, call->uuid, false, error);
}

static bool
run_clean_source(EffectCall *call, GError **error)
{
    return clean(call, error);
}

/* *ret_others: the guest is defined there, and not by us. */
static bool
find_others(EffectCall *call, int64_t made_by, bool *ret_others, GError **error)
{
    DomainView view = {0};

    if (!hypervisor_describe_domain(call->host, call->uuid, &view, error)) {
        return false;
    }
    *ret_others = view.state != DOMAIN_ABSENT && view.operation != made_by;
    domain_view_clear(&view);
    return true;
}

/* A courier that is left there holds the disks that go. What a move that failed has not made is not
 * its to remove: it may be why it failed. */
static bool
run_clean_dest(EffectCall *call, GError **error)
{
    const Wish *wish = call->data;
    bool is_others = false;

    if (!destroy(call->host, wish->courier, error) ||
        (wish->made_by != 0 && !find_others(call, wish->made_by, &is_others, error))) {
        return false;
    }
    return is_others || clean(call, error);
}

static const EffectKind kinds[] = {
#define X(verb, lane) EFFECT_KIND("cold", verb, lane),
    COLD_EFFECTS(X)
#undef X
};

/* ---- on the engine's thread ---- */

static const char *
host_of(const ColdTask *task, bool on_dest)
{
    return on_dest ? task->migration->dest_host : task->migration->source_host;
}

/* The guest as it is to be on that side: on the destination as it will be, on the source as it was,
 * each in the generation after the present one. */
static Instance *
describe_guest(ColdTask *task, bool on_dest, GError **error)
{
    Store *store = task->context->store;
    g_autoptr(Instance) instance = store_get_instance(store, task->instance->id, error);

    if (instance == NULL) {
        return NULL;
    }
    instance->generation++;
    if (task->migration->type == MIGRATION_TYPE_RESIZE) {
        g_autoptr(Flavor) flavor =
            store_get_resize_flavor(store, task->migration->operation.id, on_dest, error);
        if (flavor == NULL) {
            return NULL;
        }
        flavor_copy(flavor, &instance->flavor);
    }
    return g_steal_pointer(&instance);
}

static bool
prepare_guest(ColdTask *task, Wish *wish, bool on_dest, GError **error)
{
    wish->instance = describe_guest(task, on_dest, error);
    if (wish->instance == NULL) {
        return false;
    }
    wish->plan =
        guest_plan_new(task->context->store, wish->instance, task->operation->id, error);
    if (wish->plan == NULL) {
        return false;
    }
    /* Whatever was copied is all there is: a root disk that is missing must not begin anew. */
    wish->plan->spec.root = GUEST_ROOT_KEPT;
    return true;
}

/* For prepare, which is handed one pointer. */
typedef struct Order {
    ColdTask *task;
    ColdEffect effect;
    bool on_dest;
} Order;

/* Each once. */
static char **
list_pools(const ColdTask *task)
{
    g_autoptr(GPtrArray) pools = g_ptr_array_new();

    for (unsigned i = 0; i < task->volumes->len; i++) {
        const Volume *volume = task->volumes->pdata[i];
        if (volume->pool != NULL &&
            !g_ptr_array_find_with_equal_func(pools, volume->pool, g_str_equal, NULL)) {
            g_ptr_array_add(pools, volume->pool);
        }
    }
    g_ptr_array_add(pools, NULL);
    return g_strdupv((char **)pools->pdata);
}

/* As the configuration says of every stream between hosts. */
static void
describe_copy(const ColdTask *task, const char *uuid, Wish *wish)
{
    const LivePolicy *policy = task->context->settings.live;
    const LiveSettings *live = live_policy_for(policy, task->migration->source_host);
    const char *dest_host = task->migration->dest_host;
    g_autoptr(Host) dest = NULL;

    bool has_address = dest_host == NULL ||
        (store_find_host(task->context->store, dest_host, &dest, NULL) && dest != NULL &&
            dest->migration_address[0] != '\0');
    wish->address = has_address ? NULL : live_policy_inbound_address(policy, dest_host);
    wish->copy = (CopyRequest){
        .uuid = uuid,
        .courier = wish->courier,
        .with_tls = live->with_tls,
        .bandwidth_mib_s = live->bandwidth_mib_s,
        .inbound_address = wish->address,
    };
}

static bool
prepare(EffectCall *call, void *data, GError **error)
{
    const Order *order = data;
    ColdTask *task = order->task;
    Wish *wish = g_new0(Wish, 1);

    call->data = wish;
    call->free_data = wish_free;
    wish->courier = g_strdup(task->migration->uuid);
    wish->token = clock_random_hex(task->context->clock, 16);
    wish->copies_disks = task->migration->copies_disks;
    wish->made_by = task->state == COLD_UNDOING ? task->operation->id : 0;
    describe_copy(task, call->uuid, wish);
    if (order->effect == EFFECT_probe_pools) {
        wish->pools = list_pools(task);
    }
    if (order->effect == EFFECT_try_disks) {
        wish->volumes = g_ptr_array_ref(task->volumes);
    }
    if (order->effect == EFFECT_fetch_base) {
        wish->bases = g_ptr_array_ref(task->bases);
        wish->base = task->bases->pdata[task->n_bases];
    }
    return order->effect != EFFECT_create_guest ||
        prepare_guest(task, wish, order->on_dest, error);
}

/* Whether an effect needs both hosts; the one that it asks is on_dest's. */
static bool
needs_peer(const ColdTask *task, ColdEffect effect)
{
    switch (effect) {
    case EFFECT_probe_pools:
    case EFFECT_fetch_base:
    case EFFECT_prepare_dest:
    case EFFECT_copy_disks: return true;
    case EFFECT_clean_source:
    case EFFECT_clean_dest: return task->migration->copies_disks;
    case EFFECT_describe_domain:
    case EFFECT_forget_stale:
    case EFFECT_try_disks:
    case EFFECT_shutdown_guest:
    case EFFECT_destroy_guest:
    case EFFECT_query_job:
    case EFFECT_abort_job:
    case EFFECT_read_console:
    case EFFECT_create_guest:
    case EFFECT_start_guest:
    case EFFECT_drop_courier: return false;
    case COLD_N_EFFECTS: break;
    }
    g_assert_not_reached();
}

static EffectResult
ask(ColdTask *task, EffectSlot *slot, ColdEffect effect, bool on_dest, int64_t deadline_us,
    GError **ret_error)
{
    Order order = {task, effect, on_dest};
    EffectAsk ask = {
        .kind = &kinds[effect],
        .uuid = task->instance->id,
        .host = host_of(task, on_dest),
        .peer = needs_peer(task, effect) ? host_of(task, !on_dest) : NULL,
        .deadline_us = deadline_us,
        .prepare = prepare,
        .task = &order,
    };
    return effect_ask(slot, &ask, ret_error);
}

/* A history that cannot be read must not hold the rest up. */
static void
save_console(ColdTask *task, const Wish *wish)
{
    g_autoptr(GError) error = NULL;

    if (wish->text_size > 0 &&
        !store_save_console(task->context->store, task->instance->id, task->operation->id,
            wish->text, wish->text_size, &error)) {
        log_warning("the console history of instance %s stays behind: %s", task->instance->id,
            error->message);
    }
}

static void
keep_answer(ColdTask *task, ColdEffect effect)
{
    EffectCall *call = task->effect.answer;
    const Wish *wish = call->data;

    if (effect == EFFECT_describe_domain) {
        domain_view_clear(&task->view);
        task->view = call->view;
        call->view = (DomainView){0};
    } else if (effect == EFFECT_probe_pools) {
        task->facts = wish->facts;
    } else if (effect == EFFECT_read_console) {
        save_console(task, wish);
    }
}

EffectResult
cold_effect_again(ColdTask *task, ColdEffect effect, bool on_dest, GError **ret_error)
{
    EffectResult result =
        ask(task, &task->effect, effect, on_dest, task->deadline_us, ret_error);

    if (result == EFFECT_DONE) {
        keep_answer(task, effect);
        task->done |= 1u << effect;
    }
    return result;
}

EffectResult
cold_effect(ColdTask *task, ColdEffect effect, bool on_dest, GError **ret_error)
{
    return (task->done & (1u << effect)) != 0
        ? EFFECT_DONE
        : cold_effect_again(task, effect, on_dest, ret_error);
}

/* ---- beside the copy ---- */

static void
keep_progress(ColdTask *task)
{
    const Wish *wish = task->side.answer->data;
    JobStats *stats = &task->migration->stats;
    g_autoptr(GError) error = NULL;

    /* Of the courier only its disks count; it has next to no memory. */
    stats->disk_total_bytes = wish->stats.disk_total_bytes;
    stats->disk_processed_bytes = wish->stats.disk_processed_bytes;
    stats->disk_remaining_bytes = wish->stats.disk_remaining_bytes;
    stats->disk_bytes_s = wish->stats.disk_bytes_s;
    stats->elapsed_ms = wish->stats.elapsed_ms;
    if (!store_set_migration_stats(
            task->context->store, task->migration->operation.id, stats, &error) &&
        log_allow("cold-progress", 10)) {
        log_warning("cannot keep the progress of migration %" G_GINT64_FORMAT ": %s",
            task->migration->id, error->message);
    }
}

/* Of a destination that is away nothing is awaited: to libvirt's abort, QEMU would say that all is
 * cancelled when what is on its way there has been answered. The courier can go as it is. */
static ColdEffect
watching_effect(const ColdTask *task)
{
    bool is_away = cold_is_away(task, task->migration->dest_host);

    if (cold_has_lost_dest(task) || (cold_is_given_up(task) && is_away)) {
        return EFFECT_drop_courier;
    }
    return cold_is_given_up(task) ? EFFECT_abort_job : EFFECT_query_job;
}

/* There may be no job yet, or no longer: each of them may fail, and is asked for again. */
void
cold_watch_copy(ColdTask *task)
{
    int64_t interval_us = task->context->settings.watch_interval_us;
    int64_t now_us = clock_now_us(task->context->clock);
    ColdEffect effect = watching_effect(task);
    bool is_asked = task->side.call != NULL || task->side.is_unread;

    if (!is_asked && now_us < task->watched_us + interval_us) {
        task->context->wake_at(
            task->context, task->operation->id, task->watched_us + interval_us);
        return;
    }
    EffectResult result = ask(task, &task->side, effect, false, now_us, NULL);
    if (result == EFFECT_DONE && effect == EFFECT_query_job) {
        keep_progress(task);
    }
    if (result != EFFECT_WAITING) {
        task->watched_us = now_us;
        task->context->wake_at(task->context, task->operation->id, now_us + interval_us);
    }
}
