/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One function for each state up to the choice of a destination, in life order. Until then nothing
 * has been built, and what goes wrong is a refusal. */
#include "evacuation/task.h"

#include "operation/claim.h"
#include "scheduler/scheduler.h"

#define LOOK_AGAIN_US (G_USEC_PER_SEC / 2)

bool
evacuation_is_given_up(const EvacuationTask *task)
{
    return task->migration->operation.wanted == WANTED_CANCEL && task->slot.call == NULL;
}

static StepResult
give_up(EvacuationTask *task)
{
    return evacuation_move_because(task, EVACUATION_CANCELLED, EVACUATION_REASON_DELETED,
        "The instance is to be deleted.");
}

static StepResult
wait_a_little(EvacuationTask *task)
{
    task->context->wake_at(
        task->context, task->migration->operation.id, evacuation_now_us(task) + LOOK_AGAIN_US);
    return STEP_WAIT;
}

static StepResult
step_queued(EvacuationTask *task)
{
    return evacuation_is_given_up(task) ? give_up(task)
                                        : evacuation_move(task, EVACUATION_FENCING, NULL);
}

/* ---- CHECKING ---- */

EffectResult
evacuation_look_at_source(EvacuationTask *task, char **ret_message)
{
    g_autoptr(GError) error = NULL;
    const char *host = task->migration->source_host;
    bool is_asked = task->slot.call != NULL || task->slot.is_unread;
    if (evacuation_did(task, EVACUATION_EFFECT_LOOK_SOURCE)) {
        return EFFECT_DONE;
    }
    if (!is_asked && task->context->find_session(task->context, host) == NULL) {
        /* After a start it may just not have been tried yet. */
        if (!task->context->is_gathering(task->context)) {
            return EFFECT_DONE;
        }
        wait_a_little(task);
        return EFFECT_WAITING;
    }
    EffectResult result = evacuation_effect(task, EVACUATION_EFFECT_LOOK_SOURCE, &error);
    /* It went away while it was asked, as one does that has just died. */
    if (result == EFFECT_WAITING && task->slot.call == NULL &&
        task->context->find_session(task->context, host) == NULL) {
        return EFFECT_DONE;
    }
    /* It answers, and not this: only its own word that the guest is off is good enough. */
    if (result == EFFECT_FAILED) {
        *ret_message = g_strdup_printf(
            "Host %s is connected and does not say what it runs: %s.", host, error->message);
        return EFFECT_FAILED;
    }
    bool is_active = task->view.state == DOMAIN_RUNNING || task->view.state == DOMAIN_PAUSED;
    if (result == EFFECT_DONE && is_active) {
        *ret_message = g_strdup_printf(
            "Host %s answers, and the instance is %s there: it is not dead, whatever was said of "
            "it. Migrate the instance, or switch the host's power off.",
            host, domain_state_name(task->view.state));
        return EFFECT_FAILED;
    }
    return result;
}

static StepResult
step_checking(EvacuationTask *task)
{
    g_autofree char *message = NULL;
    if (evacuation_is_given_up(task)) {
        return give_up(task);
    }
    switch (evacuation_look_at_source(task, &message)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        return evacuation_move_because(
            task, EVACUATION_ERROR, EVACUATION_REASON_SOURCE_ALIVE, message);
    case EFFECT_DONE: break;
    }
    return evacuation_move(task, EVACUATION_CLAIMING, NULL);
}

/* ---- CLAIMING ---- */

typedef struct Choice {
    const EvacuationTask *task;
    int nearest_miss; /* as StoredDecision, where nobody fits */
} Choice;

static const char *
choose_host(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    Choice *choice = data;
    const EvacuationTask *task = choice->task;
    const OperationSettings *settings = &task->context->settings;
    PlacementRequest request = placement_request_to_move(&settings->placement, task->instance,
        task->migration, settings->service_down_time_us, evacuation_now_us(task));
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, error);
    if (volumes == NULL) {
        return NULL;
    }
    request.volumes = volumes;
    const char *host = scheduler_choose(&request, hosts, decision, error);
    choice->nearest_miss = decision->nearest_miss;
    return host;
}

/* Of the host that came furthest: what it lacked is what would help. */
static EvacuationReason
reason_of_miss(const EvacuationTask *task, int nearest_miss)
{
    switch (placement_check_lack((PlacementCheck)nearest_miss)) {
    case PLACEMENT_LACKS_HOST:
        return task->migration->requested_host != NULL ? EVACUATION_REASON_DEST_UNAVAILABLE
                                                       : EVACUATION_REASON_NO_VALID_HOST;
    case PLACEMENT_LACKS_ROOM: return EVACUATION_REASON_NO_ROOM;
    case PLACEMENT_LACKS_GROUP: return EVACUATION_REASON_GROUP;
    case PLACEMENT_LACKS_OTHERS: break;
    }
    return EVACUATION_REASON_NO_VALID_HOST;
}

/* The store keeps a claim that was made before, so this may run as often as it likes. */
static ClaimResult
claim(EvacuationTask *task, EvacuationReason *ret_reason, GError **error)
{
    Choice choice = {.task = task};
    g_autofree char *host = NULL;
    ClaimResult result = operation_claim(task->context, &task->migration->operation,
        task->instance, choose_host, &choice, &host, error);
    if (result == CLAIM_DONE) {
        g_free(task->migration->dest_host);
        task->migration->dest_host = g_steal_pointer(&host);
    } else {
        *ret_reason = reason_of_miss(task, choice.nearest_miss);
    }
    return result;
}

static StepResult
on_claim_failed(EvacuationTask *task, EvacuationReason reason, const GError *error)
{
    if (error_is(error, ERROR_STORE_DOWN) || task->context->is_gathering(task->context)) {
        return wait_a_little(task);
    }
    return evacuation_move_because(task, EVACUATION_ERROR, reason, error->message);
}

/* Of every host of a shared pool the same is told; a host that was never asked shares nothing. */
static bool
is_same_pool(EvacuationTask *task, bool *ret_same, GError **error)
{
    Store *store = task->context->store;
    g_autoptr(Host) source = store_get_host(store, task->migration->source_host, error);
    g_autoptr(Host) dest =
        source != NULL ? store_get_host(store, task->migration->dest_host, error) : NULL;
    if (dest == NULL) {
        return false;
    }
    *ret_same = host_compare_pools(source, dest) == POOLS_ONE;
    return true;
}

/* Whether an operation has recorded that what the destination has of the instance is a copy of its
 * own, disks and all. What an inventory of its pool found proves nothing. */
static bool
is_known_leftover(EvacuationTask *task)
{
    LeftoverFilter filter = {
        .host = task->migration->dest_host, .instance_id = task->instance->id};
    g_autoptr(GPtrArray) rows = store_list_leftovers(task->context->store, &filter, NULL);
    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const Leftover *row = rows->pdata[i];
        if (row->kind == LEFTOVER_GUEST && row->operation_id != 0 && row->with_disks) {
            return true;
        }
    }
    return false;
}

static bool
is_stale_domain(EvacuationTask *task)
{
    const DomainView *view = &task->view;
    return view->state == DOMAIN_SHUT_OFF && view->is_ours &&
        (view->generation <= task->instance->generation || is_known_leftover(task));
}

static StepResult
refuse_dest(EvacuationTask *task, EvacuationReason reason, const char *what)
{
    g_autofree char *message =
        g_strdup_printf("%s cannot take the instance: %s", task->migration->dest_host, what);
    return evacuation_move_because(task, EVACUATION_ERROR, reason, message);
}

/* The root disk is kept where it is in a pool that both share, and begins anew where not; one that
 * is a volume is in neither. No disk is taken for the instance's own because of its name alone, and
 * none is removed for it. */
static StepResult
decide(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    bool is_same = false;
    bool is_absent = task->view.state == DOMAIN_ABSENT;
    if (!is_absent && !is_stale_domain(task)) {
        return refuse_dest(task, EVACUATION_REASON_DEST_BUSY,
            "it has a domain of it that is not known to be old.");
    }
    if (!is_same_pool(task, &is_same, &error)) {
        return on_claim_failed(task, EVACUATION_REASON_NO_VALID_HOST, error);
    }
    if (is_same && !task->has_root && !instance_is_volume_backed(task->instance)) {
        return refuse_dest(task, EVACUATION_REASON_DISK_MISSING,
            "the disk should be in the pool that both share, and is not.");
    }
    if (!is_same && task->has_root && !is_known_leftover(task)) {
        return refuse_dest(task, EVACUATION_REASON_DEST_BUSY,
            "its own pool has a disk of it, and nothing says how it came there.");
    }
    task->migration->copies_disks = !is_same;
    task->migration->generation = task->instance->generation + 1;
    task->migration->started_us = evacuation_now_us(task);
    return evacuation_move(task, EVACUATION_FETCHING, NULL);
}

static StepResult
step_claiming(EvacuationTask *task)
{
    g_autoptr(GError) error = NULL;
    EvacuationReason reason;
    if (evacuation_is_given_up(task)) {
        return give_up(task);
    }
    switch (task->migration->dest_host == NULL ? claim(task, &reason, &error) : CLAIM_DONE) {
    case CLAIM_WAITING: return STEP_WAIT;
    case CLAIM_FAILED: return on_claim_failed(task, reason, error);
    case CLAIM_DONE: break;
    }
    switch (evacuation_effect(task, EVACUATION_EFFECT_LOOK_DEST, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED:
        return evacuation_move_because(
            task, EVACUATION_ERROR, EVACUATION_REASON_DEST_UNAVAILABLE, error->message);
    case EFFECT_DONE: break;
    }
    return decide(task);
}

StepResult
evacuation_step(EvacuationTask *task)
{
    switch (task->state) {
    case EVACUATION_QUEUED: return step_queued(task);
    case EVACUATION_FENCING: return evacuation_step_fencing(task);
    case EVACUATION_CHECKING: return step_checking(task);
    case EVACUATION_CLAIMING: return step_claiming(task);
    case EVACUATION_FETCHING: return evacuation_step_fetching(task);
    case EVACUATION_BUILDING: return evacuation_step_building(task);
    case EVACUATION_PROVING: return evacuation_step_proving(task);
    case EVACUATION_STARTING: return evacuation_step_starting(task);
    case EVACUATION_UNDOING: return evacuation_step_undoing(task);
    case EVACUATION_DONE:
    case EVACUATION_COMPLETED:
    case EVACUATION_FAILED:
    case EVACUATION_ERROR:
    case EVACUATION_CANCELLED: return STEP_DONE;
    case EVACUATION_N_STATES: break;
    }
    g_assert_not_reached();
}
