/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/effects.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "lifecycle/guest_spec.h"

enum { CONSOLE_BYTES = 256 * 1024 };

static const struct {
    const char *before; /* failpoints */
    const char *after;
} points[] = {
#define X(name, text) {"migration." text ".before", "migration." text ".after"},
    MIGRATION_EFFECTS(X)
#undef X
};

void
effect_failpoint_before(MigrationEffect effect)
{
    failpoint(points[effect].before);
}

void
effect_failpoint_after(MigrationEffect effect)
{
    failpoint(points[effect].after);
}

static void
effect_free(void *data)
{
    Effect *effect = data;
    hypervisor_host_unref(effect->host);
    hypervisor_host_unref(effect->peer);
    g_free(effect->uuid);
    g_free(effect->domain_name);
    g_clear_pointer(&effect->topology, guest_topology_free);
    g_free(effect->pool);
    g_clear_pointer(&effect->bases, g_ptr_array_unref);
    cancel_unref(effect->cancel);
    g_clear_error(&effect->error);
    domain_view_clear(&effect->view);
    g_free(effect->text);
    g_free(effect->address);
    migration_task_unref(effect->task);
    g_free(effect);
}

void
effect_drop(Effect *effect)
{
    effect_free(effect);
}

static void
on_worker(void *data)
{
    Effect *effect = data;
    if (!effect->run(effect, &effect->error)) {
        g_assert(effect->error != NULL);
    }
}

/* The step goes on while the guest moves: it watches. So it does while nobody answers. */
static bool
is_waited_for(const Effect *effect)
{
    return effect->kind != EFFECT_TRANSFER && effect->kind != EFFECT_RESUME_POST_COPY &&
        effect->kind != EFFECT_CHECK_WAY;
}

static void
keep_result(Effect *effect)
{
    MigrationTask *task = effect->task;
    task->pending -= is_waited_for(effect);
    if (effect->done != NULL) {
        effect->done(effect);
    }
    if (effect->is_void) {
        return;
    }
    if (effect->error == NULL) {
        task->done |= 1u << effect->kind;
    } else if (task->error == NULL) {
        task->error = g_steal_pointer(&effect->error);
    }
}

static void
on_result(void *data, bool cancelled)
{
    Effect *effect = data;
    MigrationTask *task = effect->task;
    bool is_unwanted = cancelled && cancel_is_asked(effect->cancel);
    if (is_unwanted && effect->error == NULL) {
        error_set(&effect->error, ERROR_CANCELLED, "the call was dropped");
    }
    if ((cancelled && !is_unwanted) || task->is_dropped) {
        return;
    }
    effect_failpoint_after(effect->kind);
    keep_result(effect);
    task->context->wake(task->context, task->operation_id);
}

Effect *
effect_new(MigrationTask *task, MigrationEffect kind, HypervisorHost *host, HypervisorHost *peer,
    bool (*run)(Effect *, GError **))
{
    Effect *effect = g_new0(Effect, 1);
    effect->task = migration_task_ref(task);
    effect->kind = kind;
    effect->host = hypervisor_host_ref(host);
    effect->peer = peer != NULL ? hypervisor_host_ref(peer) : NULL;
    effect->uuid = g_strdup(task->instance->id);
    effect->run = run;
    return effect;
}

StepResult
effect_submit(Effect *effect, CallLane lane)
{
    effect_failpoint_before(effect->kind);
    effect->task->pending += is_waited_for(effect);
    calls_submit(effect->task->context->calls, lane, hypervisor_host_name(effect->host), on_worker,
        on_result, effect, effect_free);
    return STEP_WAIT;
}

StepResult
effect_fail_unconnected(MigrationTask *task, const char *host)
{
    if (task->error == NULL) {
        error_set(&task->error, ERROR_HYPERVISOR_DOWN, "host '%s' is not connected", host);
    }
    return STEP_AGAIN;
}

/* ---- both hosts' views ---- */

static bool
run_look(Effect *effect, GError **error)
{
    /* libvirt keeps the totals of a finished job only until the next one: they are read first.
     * Their absence is normal: the job has not finished, or they have been read. */
    if (effect->with_totals) {
        effect->has_stats =
            hypervisor_query_done_job(effect->host, effect->uuid, &effect->stats, NULL);
    }
    if (effect->with_platform) {
        effect->text = hypervisor_describe_platform(effect->host, effect->uuid, NULL);
    }
    return hypervisor_describe_domain(effect->host, effect->uuid, &effect->view, error);
}

/* The totals of a finished job know nothing of the disks, whose mirrors have ended by then: what
 * was seen of them last is complete now, and what was never seen is not known. */
static void
complete_disks(const MigrationTask *task, int64_t seen_bytes, JobStats *stats)
{
    if (task->migration->copies_disks && stats->disk_total_bytes <= 0) {
        stats->disk_total_bytes = stats->disk_processed_bytes = seen_bytes > 0 ? seen_bytes : -1;
        stats->disk_remaining_bytes = seen_bytes > 0 ? 0 : -1;
    }
}

static void
keep_totals(MigrationTask *task, const JobStats *totals)
{
    JobStats *stats = &task->migration->stats;
    int64_t dirty_bytes_s = stats->dirty_bytes_s;
    int64_t disk_bytes = stats->disk_total_bytes;
    *stats = *totals;
    complete_disks(task, disk_bytes, stats);
    if (stats->dirty_bytes_s < 0) {
        stats->dirty_bytes_s = dirty_bytes_s;
    }
    g_autoptr(GError) error = NULL;
    if (!store_set_migration_stats(task->context->store, task->operation_id, stats, &error)) {
        log_warning("cannot keep the totals of migration %" G_GINT64_FORMAT ": %s",
            task->migration->id, error->message);
    }
}

static void
keep_source_deaf(MigrationTask *task, const GError *error)
{
    if (task->source_deaf != NULL && error == NULL) {
        migration_keep_trouble(task, NULL); /* it may be that */
    }
    g_free(task->source_deaf);
    task->source_deaf = error != NULL ? g_strdup(error->message) : NULL;
}

static void
done_look(Effect *effect)
{
    MigrationTask *task = effect->task;
    task->has_views = --task->n_looks == 0;
    DomainView *view = effect->is_dest ? &task->dest_view : &task->source_view;
    domain_view_clear(view);
    if (!effect->is_dest) {
        keep_source_deaf(task, effect->error);
    }
    *view = effect->view;
    effect->view = (DomainView){0};
    if (effect->error != NULL) {
        g_clear_error(&effect->error);
        domain_view_clear(view);
        *view = (DomainView){.state = DOMAIN_UNREACHABLE, .generation = -1};
    }
    if (effect->with_platform) {
        g_free(task->guest_platform);
        task->guest_platform = effect->text != NULL ? platform_answer_make_key(effect->text) : NULL;
    }
    if (effect->has_stats) {
        keep_totals(task, &effect->stats);
    }
}

static void
look_at(MigrationTask *task, HypervisorHost *host, bool is_dest, bool with_totals)
{
    DomainView *view = is_dest ? &task->dest_view : &task->source_view;
    domain_view_clear(view);
    if (host == NULL) {
        *view = (DomainView){.state = DOMAIN_UNREACHABLE, .generation = -1};
        if (!is_dest) {
            keep_source_deaf(task, NULL);
        }
        return;
    }
    Effect *effect = effect_new(task, EFFECT_LOOK, host, NULL, run_look);
    effect->is_dest = is_dest;
    effect->with_totals = with_totals && is_dest;
    effect->with_platform = !is_dest && task->state == MIGRATION_CHECKING;
    effect->done = done_look;
    task->n_looks++;
    effect_submit(effect, LANE_SHORT);
}

StepResult
effect_look(MigrationTask *task, bool with_totals)
{
    migration_task_clear_views(task);
    look_at(task, migration_task_dest(task), true, with_totals);
    look_at(task, migration_task_source(task), false, false);
    task->has_views = task->n_looks == 0;
    if (task->has_views) {
        task->done |= 1u << EFFECT_LOOK;
    }
    return task->has_views ? STEP_AGAIN : STEP_WAIT;
}

/* ---- one verb on one side ---- */

static bool
run_verb(Effect *effect, GError **error)
{
    return effect->verb(effect->host, effect->uuid, error);
}

static StepResult
start_verb(MigrationTask *task, MigrationEffect kind, HypervisorHost *host, const char *name,
    EffectVerb verb)
{
    if (host == NULL) {
        return effect_fail_unconnected(task, name);
    }
    Effect *effect = effect_new(task, kind, host, NULL, run_verb);
    effect->verb = verb;
    return effect_submit(effect, LANE_SHORT);
}

StepResult
effect_on_source(MigrationTask *task, MigrationEffect effect, EffectVerb verb)
{
    return start_verb(
        task, effect, migration_task_source(task), task->migration->source_host, verb);
}

StepResult
effect_on_dest(MigrationTask *task, MigrationEffect effect, EffectVerb verb)
{
    return start_verb(task, effect, migration_task_dest(task), task->migration->dest_host, verb);
}

/* ---- removing volumes ---- */

/* Volumes are called after their guest: in a pool that both hosts have by now, those of the copy
 * that goes are those of the copy that stays. */
static bool
run_remove(Effect *effect, GError **error)
{
    bool is_shared = false;
    if (!hypervisor_probe_shared_pool(
            effect->peer, effect->host, NULL, effect->text, &is_shared, error)) {
        return false;
    }
    return is_shared ? hypervisor_forget_guest(effect->host, effect->uuid, error)
                     : effect->verb(effect->host, effect->uuid, error);
}

StepResult
effect_remove(MigrationTask *task, MigrationEffect kind, bool on_dest, EffectVerb verb)
{
    Effect *effect = effect_between(task, kind, run_remove);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    if (!on_dest) {
        HypervisorHost *source = effect->peer;
        effect->peer = effect->host;
        effect->host = source;
    }
    effect->verb = verb;
    effect->text = clock_random_hex(task->context->clock, 16);
    return effect_submit(effect, LANE_SHORT);
}

/* ---- making the destination ready ---- */

static bool
run_base(Effect *effect, GError **error)
{
    const BaseImage *base = effect->bases->pdata[effect->base];
    g_autoptr(GError) missing = NULL;
    if (hypervisor_ensure_base(effect->host, base, effect->cancel, &missing)) {
        return true;
    }
    if (base->path != NULL) {
        g_propagate_error(error, g_steal_pointer(&missing));
        return false;
    }
    return hypervisor_copy_base(effect->host, effect->peer, base, effect->cancel, error);
}

Effect *
effect_between(MigrationTask *task, MigrationEffect kind, bool (*run)(Effect *, GError **))
{
    HypervisorHost *source = migration_task_source(task);
    HypervisorHost *dest = migration_task_dest(task);
    if (source == NULL || dest == NULL) {
        effect_fail_unconnected(
            task, source == NULL ? task->migration->source_host : task->migration->dest_host);
        return NULL;
    }
    return effect_new(task, kind, dest, source, run);
}

static void
done_base(Effect *effect)
{
    g_ptr_array_remove_fast(effect->task->streams, effect);
}

void
effect_cancel_bases(MigrationTask *task)
{
    cancel_ask(task->cancel);
    for (unsigned i = 0; i < task->streams->len; i++) {
        const Effect *effect = task->streams->pdata[i];
        calls_drop(
            task->context->calls, LANE_LONG, hypervisor_host_name(effect->host), effect);
    }
}

StepResult
effect_bases(MigrationTask *task)
{
    const OperationSettings *settings = &task->context->settings;
    g_autoptr(GPtrArray) bases =
        guest_list_bases(task->context->store, task->instance, settings->image_directory);
    for (unsigned i = 0; i < bases->len; i++) {
        Effect *effect = effect_between(task, EFFECT_BASE, run_base);
        if (effect == NULL) {
            break;
        }
        effect->bases = g_ptr_array_ref(bases);
        effect->base = i;
        effect->cancel = cancel_ref(task->cancel);
        effect->done = done_base;
        g_ptr_array_add(task->streams, effect);
        effect_submit(effect, LANE_LONG);
    }
    if (bases->len == 0) {
        task->done |= 1u << EFFECT_BASE;
    }
    return task->pending > 0 ? STEP_WAIT : STEP_AGAIN;
}

static bool
run_check_dest(Effect *effect, GError **error)
{
    return hypervisor_check_dest(effect->host, effect->peer, effect->uuid, error);
}

static void
done_check_dest(Effect *effect)
{
    MigrationTask *task = effect->task;
    if (error_is(effect->error, ERROR_HYPERVISOR_REFUSED)) {
        migration_task_refuse(task, hypervisor_host_name(effect->host), effect->error->message);
    }
}

static bool
run_check_way(Effect *effect, GError **error)
{
    return hypervisor_check_way(effect->peer, effect->host, &effect->way, error);
}

/* An answer that comes too late may be of another destination. */
static void
done_check_way(Effect *effect)
{
    effect->is_void = effect->number != effect->task->n_ways;
    if (!effect->is_void) {
        done_check_dest(effect);
    }
}

StepResult
effect_check_dest(MigrationTask *task)
{
    Effect *effect = effect_between(task, EFFECT_CHECK_DEST, run_check_dest);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    effect->done = done_check_dest;
    return effect_submit(effect, LANE_SHORT);
}

/* As the transfer will be asked for: what of it matters to a guest without disks. */
static bool
run_rehearse(Effect *effect, GError **error)
{
    MigrateRequest request = {.uuid = effect->uuid, .topology = effect->topology};
    return hypervisor_rehearse(effect->host, effect->peer, &request, error);
}

StepResult
effect_rehearse(MigrationTask *task)
{
    Effect *effect = effect_between(task, EFFECT_REHEARSE, run_rehearse);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    if (!store_find_topology(task->context->store, task->instance->id, task->operation_id,
            &effect->topology, &task->error)) {
        effect_drop(effect);
        return STEP_AGAIN;
    }
    effect->done = done_check_dest;
    return effect_submit(effect, LANE_SHORT);
}

StepResult
effect_check_way(MigrationTask *task, int port)
{
    Effect *effect = effect_between(task, EFFECT_CHECK_WAY, run_check_way);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    task->way_since_us = migration_task_now_us(task);
    effect->number = ++task->n_ways;
    effect->address = migration_inbound_address(task);
    effect->way = (WayRequest){.inbound_address = effect->address, .port = port};
    effect->done = done_check_way;
    return effect_submit(effect, LANE_TRANSFER);
}

static bool
run_prepare(Effect *effect, GError **error)
{
    return hypervisor_prepare_dest(effect->host, effect->peer, effect->uuid, error);
}

StepResult
effect_prepare(MigrationTask *task)
{
    Effect *effect = effect_between(task, EFFECT_PREPARE, run_prepare);
    return effect == NULL ? STEP_AGAIN : effect_submit(effect, LANE_SHORT);
}

/* ---- the console's history ---- */

static bool
run_console(Effect *effect, GError **error)
{
    return hypervisor_read_console(
        effect->host, effect->uuid, CONSOLE_BYTES, &effect->text, &effect->text_size, error);
}

static void
done_console(Effect *effect)
{
    MigrationTask *task = effect->task;
    /* A history that cannot be read must not hold the rest up; a host that is away may be back. */
    if (effect->error != NULL && !error_is(effect->error, ERROR_HYPERVISOR_DOWN) &&
        !error_is(effect->error, ERROR_OUTCOME_UNKNOWN)) {
        log_warning("the console history of instance %s stays behind: %s", task->instance->id,
            effect->error->message);
        g_clear_error(&effect->error);
    }
    if (effect->text_size > 0) {
        store_save_console(task->context->store, task->instance->id, task->operation_id,
            effect->text, effect->text_size, effect->error == NULL ? &effect->error : NULL);
    }
}

StepResult
effect_console(MigrationTask *task)
{
    HypervisorHost *source = migration_task_source(task);
    if (source == NULL) {
        return effect_fail_unconnected(task, task->migration->source_host);
    }
    Effect *effect = effect_new(task, EFFECT_CONSOLE, source, NULL, run_console);
    effect->done = done_console;
    return effect_submit(effect, LANE_SHORT);
}
