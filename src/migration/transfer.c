/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/effects.h"

#include "base/log.h"
#include "migration/converge.h"

/* The call that moves the guest, and what is said to it while it goes on. */

static bool
run_transfer(Effect *effect, GError **error)
{
    return hypervisor_live_migrate(effect->host, effect->peer, &effect->request, error);
}

static void
keep_downtime(MigrationTask *task, int downtime_ms)
{
    task->migration->downtime_limit_ms = downtime_ms;
    g_autoptr(GError) error = NULL;
    if (!store_set_migration_downtime(
            task->context->store, task->operation_id, downtime_ms, &error)) {
        log_warning("cannot keep the downtime limit of migration %" G_GINT64_FORMAT ": %s",
            task->migration->id, error->message);
    }
}

static void
done_transfer(Effect *effect)
{
    MigrationTask *task = effect->task;
    task->transfer = TRANSFER_ENDED;
    /* How it ended is a clue; what counts is what the hosts say. */
    task->transfer_error = g_steal_pointer(&effect->error);
}

char *
migration_inbound_address(const MigrationTask *task)
{
    g_autoptr(Host) dest = NULL;
    bool is_read =
        store_find_host(task->context->store, task->migration->dest_host, &dest, NULL);
    if (is_read && dest != NULL && dest->migration_address[0] != '\0') {
        return NULL;
    }
    return live_policy_inbound_address(
        task->context->settings.live, task->migration->dest_host);
}

static bool
fill_request(Effect *effect, GError **error)
{
    const MigrationTask *task = effect->task;
    const Migration *migration = task->migration;
    const LiveSettings *live =
        live_policy_for(task->context->settings.live, migration->source_host);
    effect->domain_name = instance_domain_name(task->instance);
    if (!store_find_topology(task->context->store, task->instance->id, task->operation_id,
            &effect->topology, error)) {
        return false;
    }
    effect->address = migration_inbound_address(task);
    effect->pool = migration_volume_pool(task);
    effect->request = (MigrateRequest){
        .uuid = effect->uuid,
        .domain_name = effect->domain_name,
        .copies_disks = migration->copies_disks,
        .volume_pool = effect->pool,
        .generation = migration->generation,
        .operation = task->operation_id,
        .display_name = task->instance->name,
        .project_id = task->instance->project_id,
        .flavor_name = task->instance->flavor.name,
        .topology = effect->topology,
        .with_tls = live->with_tls,
        .bandwidth_mib_s = live->bandwidth_mib_s,
        .downtime_ms = converge_downtime_ms(live, 1, 0),
        .auto_converge = migration->convergence == CONVERGENCE_AUTO_CONVERGE,
        .post_copy = migration->convergence == CONVERGENCE_POST_COPY,
        .connections = migration->connections,
        .inbound_address = effect->address,
    };
    return true;
}

/* The source is who is asked. NULL: a side is not connected, or the store does not answer. */
static Effect *
new_transfer(MigrationTask *task, MigrationEffect kind)
{
    Effect *effect = effect_between(task, kind, run_transfer);
    if (effect == NULL) {
        return NULL;
    }
    HypervisorHost *dest = effect->host;
    effect->host = effect->peer;
    effect->peer = dest;
    g_autoptr(GError) error = NULL;
    if (!fill_request(effect, &error)) {
        log_warning("migration %" G_GINT64_FORMAT ": %s", task->migration->id, error->message);
        effect_drop(effect);
        return NULL;
    }
    return effect;
}

StepResult
effect_transfer(MigrationTask *task)
{
    Effect *effect = new_transfer(task, EFFECT_TRANSFER);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    effect->done = done_transfer;
    task->transfer = TRANSFER_RUNNING;
    task->watched_us = migration_task_now_us(task);
    keep_downtime(task, effect->request.downtime_ms);
    return effect_submit(effect, LANE_TRANSFER);
}

void
migration_keep_trouble(MigrationTask *task, const char *trouble)
{
    if (g_strcmp0(task->migration->trouble, trouble) == 0) {
        return;
    }
    g_autoptr(GError) error = NULL;
    if (!store_set_migration_trouble(
            task->context->store, task->operation_id, trouble, &error)) {
        log_debug("migration %" G_GINT64_FORMAT ": %s", task->migration->id, error->message);
        return;
    }
    g_free(task->migration->trouble);
    task->migration->trouble = g_strdup(trouble);
    if (trouble != NULL) {
        log_warning("migration %" G_GINT64_FORMAT ": %s", task->migration->id, trouble);
    }
}

/* Like the first call it lasts until all is there; then both hosts are asked. */
static void
done_resume(Effect *effect)
{
    migration_keep_trouble(effect->task, effect->error != NULL ? effect->error->message : NULL);
    g_clear_error(&effect->error);
    effect->task->transfer = TRANSFER_LOST;
    effect->task->look_us = 0;
}

StepResult
effect_resume_post_copy(MigrationTask *task)
{
    Effect *effect = new_transfer(task, EFFECT_RESUME_POST_COPY);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    effect->request.resume_post_copy = true;
    effect->done = done_resume;
    task->transfer = TRANSFER_RUNNING;
    return effect_submit(effect, LANE_TRANSFER);
}

/* ---- the pause that is aimed for ---- */

static bool
run_limit(Effect *effect, GError **error)
{
    return hypervisor_limit_downtime(effect->host, effect->uuid, effect->number, error);
}

static void
done_limit(Effect *effect)
{
    if (effect->error == NULL) {
        keep_downtime(effect->task, effect->number);
    }
}

StepResult
effect_limit_downtime(MigrationTask *task, int downtime_ms)
{
    HypervisorHost *source = migration_task_source(task);
    if (source == NULL) {
        return effect_fail_unconnected(task, task->migration->source_host);
    }
    Effect *effect = effect_new(task, EFFECT_LIMIT_DOWNTIME, source, NULL, run_limit);
    effect->number = downtime_ms;
    effect->done = done_limit;
    return effect_submit(effect, LANE_SHORT);
}
