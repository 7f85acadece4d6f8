/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The choice of a destination, and of another one where it cannot have the guest. */
#include "cold/internal.h"

#include "operation/claim.h"
#include "scheduler/scheduler.h"

#define CONNECT_LOOK_US (G_USEC_PER_SEC / 10)

typedef struct Choice {
    const ColdTask *task;
    const Instance *instance; /* with the flavor that it gets */
} Choice;

static const char *
choose_host(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const Choice *choice = data;
    const ColdTask *task = choice->task;
    const OperationSettings *settings = &task->context->settings;
    PlacementRequest request = placement_request_to_move(&settings->placement, choice->instance,
        task->migration, settings->service_down_time_us, clock_now_us(task->context->clock));
    request.refusals = task->refusals;
    request.instance = choice->instance;
    request.volumes = task->volumes;
    return scheduler_choose(&request, hosts, decision, error);
}

/* The store keeps a claim that was made before, so this may run as often as it likes. */
static ClaimResult
claim(ColdTask *task, GError **error)
{
    Store *store = task->context->store;
    g_autofree char *host = NULL;
    g_autoptr(Instance) instance = store_get_instance(store, task->instance->id, error);

    if (instance == NULL) {
        return CLAIM_FAILED;
    }
    if (task->migration->type == MIGRATION_TYPE_RESIZE) {
        g_autoptr(Flavor) flavor = store_get_resize_flavor(store, task->operation->id, true, error);
        if (flavor == NULL) {
            return CLAIM_FAILED;
        }
        flavor_copy(flavor, &instance->flavor);
    }
    Choice choice = {task, instance};
    ClaimResult result = operation_claim(
        task->context, task->operation, instance, choose_host, &choice, &host, error);
    if (result == CLAIM_DONE) {
        g_free(task->migration->dest_host);
        task->migration->dest_host = g_steal_pointer(&host);
    }
    return result;
}

/* What becomes of each disk (model/disk_plan.h). */
static bool
plan_disks(ColdTask *task, GError **error)
{
    Migration *migration = task->migration;
    DiskWish wish = {
        task->instance, task->volumes, migration->block_migration, migration->source_host};
    g_autoptr(GPtrArray) plan = disk_plan_new(&wish, &task->facts, error);

    if (plan == NULL) {
        return false;
    }
    g_free(migration->disks);
    migration->disks = disk_plan_to_text(plan);
    migration->copies_disks = !task->facts.pool_is_shared;
    migration->generation = task->instance->generation + 1;
    return true;
}

bool
cold_read_volumes(ColdTask *task, GError **error)
{
    if (task->volumes == NULL) {
        task->volumes = store_list_volumes(
            task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, error);
    }
    return task->volumes != NULL;
}

/* Where the guest will run, before it is stopped for that: what it cannot be started with there
 * keeps it running here. */
EffectResult
cold_try_disks(ColdTask *task, bool on_dest, GError **error)
{
    return task->migration->was_running ? cold_effect(task, EFFECT_try_disks, on_dest, error)
                                        : EFFECT_DONE;
}

/* ---- another destination ---- */

/* Of its disks there may be some where they are being made. */
static StepResult
try_another(ColdTask *task, const char *why)
{
    g_autofree char *host = g_strdup(task->migration->dest_host);
    Leftover left = cold_leftover(task, true, "a move to here was given up while disks were made",
        "this host and the instance's own are connected");

    left.host = host;
    refusals_add(task->refusals, host, why);
    task->n_bases = 0;
    g_autofree char *sentence = NULL;
    OperationMove move = refusals_try_another(task->refusals, host, task->migration, &sentence);
    move.leftover = task->state == COLD_PREPARING ? &left : NULL;
    return cold_move(task, COLD_CHECKING, &move);
}

StepResult
cold_wait_or_try_another(ColdTask *task)
{
    const char *dest = task->migration->dest_host;

    if (task->effect.call != NULL || !cold_is_away(task, dest) ||
        !refusals_may_try_another(task->refusals, task->migration)) {
        return STEP_WAIT;
    }
    if (!cold_is_dest_gone(task)) {
        return cold_wait(task, CONNECT_LOOK_US);
    }
    g_autofree char *why = g_strdup_printf("host '%s' does not answer any more", dest);
    return try_another(task, why);
}

/* What the destination lacks another one may have. */
static StepResult
refuse_dest(ColdTask *task, const GError *error)
{
    return error_is(error, ERROR_HYPERVISOR_REFUSED) && !cold_is_given_up(task) &&
            refusals_may_try_another(task->refusals, task->migration)
        ? try_another(task, error->message)
        : cold_refuse(task, error);
}

/* ---- the state ---- */

StepResult
cold_step_CLAIMING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_to_stop(task, &error)) {
        return cold_refuse(task, error);
    }
    ClaimResult claimed =
        cold_read_volumes(task, &error) ? claim(task, &error) : CLAIM_FAILED;
    if (claimed == CLAIM_WAITING) {
        return STEP_WAIT;
    }
    if (claimed == CLAIM_FAILED) {
        bool is_early = error_is(error, ERROR_STORE_DOWN) ||
            task->context->is_gathering(task->context) || cold_is_too_early(task);
        return is_early ? cold_wait(task, CONNECT_LOOK_US) : cold_refuse(task, error);
    }
    if (task->context->is_clearing(task->context, task->migration->dest_host, task->instance->id)) {
        return cold_wait(task, CONNECT_LOOK_US);
    }
    switch (cold_effect(task, EFFECT_probe_pools, true, &error)) {
    case EFFECT_WAITING: return cold_wait_or_try_another(task);
    case EFFECT_FAILED: return cold_refuse(task, error);
    case EFFECT_DONE: break;
    }
    switch (cold_try_disks(task, true, &error)) {
    case EFFECT_WAITING: return cold_wait_or_try_another(task);
    case EFFECT_FAILED: return refuse_dest(task, error);
    case EFFECT_DONE: break;
    }
    if (!plan_disks(task, &error)) {
        return refuse_dest(task, error);
    }
    return cold_move(task, task->migration->copies_disks ? COLD_FETCHING : COLD_STOPPING, NULL);
}
