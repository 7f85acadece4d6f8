/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "base/log.h"
#include "operation/claim.h"
#include "scheduler/scheduler.h"

/* One function per state, in life order. Each looks at what is, starts at most one outside effect,
 * and may be called at any time for no reason. What comes after the transfer is in settle.c and
 * cleanup.c. */

/* Before anything was made anywhere. */
static StepResult
refuse(MigrationTask *task, const GError *error)
{
    bool is_abort = error_is(error, ERROR_CANCELLED);
    OperationMove move = operation_plain_move();
    move.error_code = error_code_name(error_code(error));
    move.message = error->message;
    move.release_target = true;
    return migration_move(task, is_abort ? MIGRATION_CANCELLED : MIGRATION_ERROR, &move);
}

/* What ends every state before the transfer: an abort, an effect that failed, too much time. */
static bool
has_reason_to_stop(MigrationTask *task, GError **error)
{
    if (migration_task_wants(task, WANTED_CANCEL)) {
        return !error_set(error, ERROR_CANCELLED, "The migration was aborted.");
    }
    if (task->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&task->error));
        return true;
    }
    if (migration_task_is_late(task)) {
        return !error_set(error, ERROR_TIMEOUT, "It was still %s when its time was over.",
            migration_machine()->states[task->state].sentence);
    }
    return false;
}

#define CONNECT_LOOK_US (G_USEC_PER_SEC / 10)

/* A host without a session that is said to be connected has not been tried since the start. */
static bool
may_come(const MigrationTask *task, const char *name, const HypervisorHost *session)
{
    if (name == NULL || session != NULL) {
        return false;
    }
    g_autoptr(Host) host = NULL;
    return task->is_recovered ||
        (store_find_host(task->context->store, name, &host, NULL) && host != NULL &&
            host->connected);
}

/* After a start of the daemon its hosts may only not be connected yet. */
static bool
is_too_early(const MigrationTask *task)
{
    return migration_task_now_us(task) < task->patient_until_us &&
        (may_come(task, task->migration->source_host, migration_task_source(task)) ||
            may_come(task, task->migration->dest_host, migration_task_dest(task)));
}

/* ---- QUEUED ---- */

static StepResult
step_queued(MigrationTask *task)
{
    if (migration_task_wants(task, WANTED_CANCEL)) {
        g_autoptr(GError) error = NULL;
        has_reason_to_stop(task, &error);
        return refuse(task, error);
    }
    /* The slot's next owner is woken when its present one goes. */
    return migration_task_has_slot(task) ? migration_move(task, MIGRATION_CHECKING, NULL)
                                         : STEP_WAIT;
}

/* ---- CHECKING ---- */

static bool
can_leave(const MigrationTask *task, GError **error)
{
    const DomainView *view = &task->source_view;
    const char *host = task->migration->source_host;
    if (view->state == DOMAIN_UNREACHABLE) {
        return error_set(error, ERROR_HYPERVISOR_DOWN,
            "Compute service of %s is unavailable at this time.", host);
    }
    if (view->state != DOMAIN_RUNNING && view->state != DOMAIN_PAUSED) {
        return error_set(error, ERROR_CONFLICT,
            "Migration pre-check error: instance %s is %s on %s, not running", task->instance->id,
            domain_state_name(view->state), host);
    }
    if (view->job != DOMAIN_JOB_NONE) {
        return error_set(error, ERROR_CONFLICT,
            "Migration pre-check error: instance %s has a job (%s) under way on %s",
            task->instance->id, domain_job_name(view->job), host);
    }
    return true;
}

static StepResult
step_checking(MigrationTask *task)
{
    g_autoptr(GError) error = NULL;
    if (task->pending > 0) {
        return STEP_WAIT;
    }
    if (is_too_early(task)) {
        return migration_task_wait(task, CONNECT_LOOK_US);
    }
    if (has_reason_to_stop(task, &error)) {
        return refuse(task, error);
    }
    if (!migration_task_did(task, EFFECT_LOOK) && migration_task_source(task) != NULL) {
        return effect_look(task, false);
    }
    if (!task->has_views) {
        task->source_view.state = DOMAIN_UNREACHABLE;
    }
    return can_leave(task, &error) ? migration_move(task, MIGRATION_CLAIMING, NULL)
                                   : refuse(task, error);
}

/* ---- CLAIMING ---- */

static const char *
choose_host(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const MigrationTask *task = data;
    const OperationSettings *settings = &task->context->settings;
    PlacementRequest request = placement_request_to_move(&settings->placement, task->instance,
        task->migration, settings->service_down_time_us, migration_task_now_us(task));
    g_autoptr(CanaryMap) canaries =
        store_map_canaries(task->context->store, task->migration->source_host, error);
    g_autoptr(GHashTable) platforms = canaries != NULL && task->guest_platform != NULL
        ? store_map_platform_answers(task->context->store, task->guest_platform, error)
        : NULL;
    if (canaries == NULL || (task->guest_platform != NULL && platforms == NULL)) {
        return NULL;
    }
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, error);
    if (volumes == NULL) {
        return NULL;
    }
    request.instance = task->instance;
    request.volumes = volumes;
    request.refusals = task->refusals;
    request.canaries = canaries;
    request.platforms = platforms;
    placement_permit_post_copy(&request, task->instance,
        live_policy_for(settings->live, task->migration->source_host)->permit_post_copy);
    return scheduler_choose(&request, hosts, decision, error);
}

/* The store keeps a claim that was made before, so this may run as often as it likes. */
static ClaimResult
claim(MigrationTask *task, GError **error)
{
    g_autofree char *host = NULL;
    if (task->guest_platform != NULL &&
        !store_note_guest_platform(
            task->context->store, task->instance->id, task->guest_platform, error)) {
        return CLAIM_FAILED;
    }
    effect_failpoint_before(EFFECT_CLAIM);
    ClaimResult result = operation_claim(task->context, &task->migration->operation,
        task->instance, choose_host, task, &host, error);
    if (result == CLAIM_DONE) {
        effect_failpoint_after(EFFECT_CLAIM);
        g_free(task->migration->dest_host);
        task->migration->dest_host = g_steal_pointer(&host);
    }
    return result;
}

/* What happens to each disk, and whether that is what was asked for. */
static bool
plan_disks(MigrationTask *task, const GPtrArray *volumes, const DiskFacts *facts, GError **error)
{
    Migration *migration = task->migration;
    DiskWish wish = {
        task->instance, volumes, migration->block_migration, migration->source_host};
    g_autoptr(GPtrArray) plan = disk_plan_new(&wish, facts, error);
    if (plan == NULL) {
        return false;
    }
    migration->copies_disks = !facts->pool_is_shared;
    g_free(migration->disks);
    migration->disks = disk_plan_to_text(plan);
    return true;
}

/* The destination has said that it cannot run this guest. */
static bool
may_try_another(const MigrationTask *task)
{
    return task->error != NULL && task->refused_by != NULL &&
        !migration_task_wants(task, WANTED_CANCEL) &&
        refusals_may_try_another(task->refusals, task->migration);
}

static StepResult
try_another(MigrationTask *task)
{
    g_autofree char *sentence = NULL;
    OperationMove move =
        refusals_try_another(task->refusals, task->refused_by, task->migration, &sentence);
    migration_task_clear_views(task);
    return migration_move(task, MIGRATION_CHECKING, &move);
}

/* What the destination lacks is a reason to try another one, where drover chose it. */
static StepResult
on_unplannable(MigrationTask *task, GError *take_error)
{
    g_autoptr(GError) error = take_error;
    if (!error_is(error, ERROR_HYPERVISOR_REFUSED)) {
        return refuse(task, error);
    }
    migration_task_refuse(task, task->migration->dest_host, error->message);
    task->error = g_steal_pointer(&error);
    return STEP_AGAIN;
}

/* Nobody answers. TCP goes on trying for two minutes; this does not wait for its end. */
static StepResult
give_way_up(MigrationTask *task, const LiveSettings *live)
{
    g_autoptr(Host) dest = NULL;
    g_autofree char *inbound = migration_inbound_address(task);
    GError *error = NULL;
    store_find_host(task->context->store, task->migration->dest_host, &dest, NULL);
    const char *address = inbound != NULL ? inbound : dest != NULL ? dest->migration_address : "";
    task->n_ways++;
    error_set(&error, ERROR_HYPERVISOR_REFUSED,
        "migrations do not get from host '%s' to host '%s': no answer from %s, ports %d-%d, in "
        "%d s",
        task->migration->source_host, task->migration->dest_host,
        *address != '\0' ? address : "the address of its peer URI", live->port_min, live->port_max,
        live->connect_timeout_s);
    return on_unplannable(task, error);
}

static bool
is_way_known(const MigrationTask *task)
{
    return migration_task_did(task, EFFECT_CHECK_WAY) ||
        live_policy_for(task->context->settings.live, task->migration->dest_host)
            ->connect_timeout_s == 0;
}

/* QEMU stands still while it connects, and its guest with it: so somebody else tries first, while
 * the rest is asked. */
static StepResult
knock(MigrationTask *task)
{
    return effect_check_way(
        task, live_policy_for(task->context->settings.live, task->migration->dest_host)->port_max);
}

static StepResult
wait_for_way(MigrationTask *task)
{
    const LiveSettings *live =
        live_policy_for(task->context->settings.live, task->migration->dest_host);
    int64_t due_us = task->way_since_us + live->connect_timeout_s * G_USEC_PER_SEC;
    if (migration_task_now_us(task) >= due_us) {
        return give_way_up(task, live);
    }
    migration_task_wake_by(task, due_us);
    return STEP_WAIT;
}

static bool
is_to_rehearse(const MigrationTask *task)
{
    return task->migration->rehearse ||
        live_policy_for(task->context->settings.live, task->migration->dest_host)->rehearse;
}

static StepResult
step_claiming(MigrationTask *task)
{
    g_autoptr(GError) error = NULL;
    DiskFacts facts;
    if (task->pending > 0) {
        return STEP_WAIT;
    }
    if (is_too_early(task)) {
        return migration_task_wait(task, CONNECT_LOOK_US);
    }
    if (may_try_another(task)) {
        return try_another(task);
    }
    if (has_reason_to_stop(task, &error)) {
        return refuse(task, error);
    }
    ClaimResult claimed = claim(task, &error);
    if (claimed == CLAIM_WAITING) {
        return STEP_WAIT;
    }
    if (claimed == CLAIM_FAILED) {
        bool is_early = task->context->is_gathering(task->context) ||
            (task->is_recovered && migration_task_now_us(task) < task->patient_until_us);
        return is_early ? migration_task_wait(task, CONNECT_LOOK_US) : refuse(task, error);
    }
    if (is_too_early(task) ||
        task->context->is_clearing(task->context, task->migration->dest_host, task->instance->id)) {
        return migration_task_wait(task, CONNECT_LOOK_US);
    }
    if (!is_way_known(task) && task->way_since_us == 0 && knock(task) == STEP_AGAIN) {
        return STEP_AGAIN;
    }
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, &error);
    if (volumes == NULL) {
        return migration_task_wait(task, CONNECT_LOOK_US);
    }
    if (!storage_find_facts(task, volumes, &facts)) {
        return effect_probe(task, volumes);
    }
    if (!plan_disks(task, volumes, &facts, &error)) {
        return on_unplannable(task, g_steal_pointer(&error));
    }
    if (!migration_task_did(task, EFFECT_CHECK_DEST)) {
        return effect_check_dest(task);
    }
    if (is_to_rehearse(task) && !migration_task_did(task, EFFECT_REHEARSE)) {
        return effect_rehearse(task);
    }
    if (!is_way_known(task)) {
        return wait_for_way(task);
    }
    if (!migration_choose_convergence(task, &error)) {
        return refuse(task, error);
    }
    task->migration->generation = task->instance->generation + 1;
    OperationMove move = operation_plain_move();
    move.migration = task->migration;
    move.sentence = migration_task_did(task, EFFECT_REHEARSE)
        ? "a destination is chosen and reserved, and a twin of the guest has started there"
        : NULL;
    return migration_move(task, MIGRATION_PREPARING, &move);
}

/* ---- PREPARING ---- */

/* What an older move left behind, while the guest is known to be elsewhere. */
static bool
is_stale(const MigrationTask *task)
{
    const DomainView *view = &task->dest_view;
    return view->state == DOMAIN_SHUT_OFF && view->is_ours &&
        view->generation <= task->instance->generation;
}

static bool
can_arrive(const MigrationTask *task, GError **error)
{
    const DomainView *view = &task->dest_view;
    const char *host = task->migration->dest_host;
    if (view->state == DOMAIN_UNREACHABLE) {
        return error_set(error, ERROR_HYPERVISOR_DOWN,
            "Compute service of %s is unavailable at this time.", host);
    }
    return view->state == DOMAIN_ABSENT || is_stale(task) ||
        error_set(error, ERROR_CONFLICT, "A domain with the UUID %s is %s on %s already.",
            task->instance->id, domain_state_name(view->state), host);
}

static StepResult
prepare(MigrationTask *task)
{
    bool copies = task->migration->copies_disks;
    if (is_stale(task) && !migration_task_did(task, EFFECT_FORGET_STALE)) {
        return migration_clean(task, EFFECT_FORGET_STALE, true);
    }
    if (copies && !migration_task_did(task, EFFECT_PREPARE)) {
        return effect_prepare(task);
    }
    task->migration->started_us = migration_task_now_us(task);
    OperationMove move = operation_plain_move();
    move.migration = task->migration;
    migration_task_clear_views(task);
    return migration_move(task, MIGRATION_TRANSFERRING, &move);
}

static StepResult
step_preparing(MigrationTask *task)
{
    g_autoptr(GError) error = NULL;
    if (migration_task_wants(task, WANTED_CANCEL)) {
        effect_cancel_bases(task);
    }
    if (task->pending > 0) {
        return STEP_WAIT;
    }
    if (is_too_early(task)) {
        return migration_task_wait(task, CONNECT_LOOK_US);
    }
    if (has_reason_to_stop(task, &error)) {
        return migration_undo(task, error);
    }
    if (!migration_task_did(task, EFFECT_LOOK)) {
        /* Bases need the views of nobody: both at once. */
        StepResult look = effect_look(task, false);
        return task->migration->copies_disks ? effect_bases(task) : look;
    }
    if (task->migration->copies_disks && !migration_task_did(task, EFFECT_BASE)) {
        return effect_bases(task);
    }
    return can_arrive(task, &error) ? prepare(task) : migration_undo(task, error);
}

/* ---- TRANSFERRING, SWITCHING, RESOLVING ---- */

static StepResult
step_transferring(MigrationTask *task)
{
    if (task->transfer == TRANSFER_NONE) {
        /* When a side has gone, the transfer has ended before it began. */
        StepResult result = effect_transfer(task);
        if (result == STEP_AGAIN) {
            task->transfer = TRANSFER_ENDED;
            task->transfer_error = g_steal_pointer(&task->error);
        }
        return result;
    }
    if (task->transfer == TRANSFER_RUNNING && task->saw_post_copy && task->pending == 0) {
        return migration_move(task, MIGRATION_POSTCOPY, NULL);
    }
    if (task->transfer == TRANSFER_RUNNING && task->saw_pause && task->pending == 0) {
        return migration_move(task, MIGRATION_SWITCHING, NULL);
    }
    return migration_settle(task);
}

/* What looked like the switchover may be the beginning of post-copy. */
static StepResult
step_switching(MigrationTask *task)
{
    return task->transfer == TRANSFER_RUNNING && task->saw_post_copy && task->pending == 0
        ? migration_move(task, MIGRATION_POSTCOPY, NULL)
        : migration_settle(task);
}

/* ---- all ---- */

static StepResult
step_state(MigrationTask *task)
{
    switch (task->state) {
    case MIGRATION_QUEUED: return step_queued(task);
    case MIGRATION_CHECKING: return step_checking(task);
    case MIGRATION_CLAIMING: return step_claiming(task);
    case MIGRATION_PREPARING: return step_preparing(task);
    case MIGRATION_TRANSFERRING: return step_transferring(task);
    case MIGRATION_SWITCHING: return step_switching(task);
    case MIGRATION_POSTCOPY: return migration_settle(task);
    case MIGRATION_RESOLVING: return migration_settle(task);
    case MIGRATION_FINISHING: return step_finishing(task);
    case MIGRATION_UNDOING: return step_undoing(task);
    case MIGRATION_COMPLETED:
    case MIGRATION_FAILED:
    case MIGRATION_ERROR:
    case MIGRATION_CANCELLED: return STEP_DONE;
    case MIGRATION_N_STATES: break;
    }
    g_assert_not_reached();
}

static void
arm(MigrationTask *task)
{
    int64_t deadline_us = migration_task_deadline_us(task);
    if (deadline_us > migration_task_now_us(task)) {
        migration_task_wake_by(task, deadline_us);
    }
    if (task->next_us != INT64_MAX) {
        task->context->wake_at(task->context, task->operation_id, task->next_us);
    }
}

StepResult
migration_step(MigrationTask *task)
{
    StepResult result;
    task->next_us = INT64_MAX;
    do {
        result = step_state(task);
    } while (result == STEP_AGAIN);
    if (result == STEP_WAIT) {
        arm(task);
    }
    return result;
}
