/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One function for each state of a move, in life order. Each asks for one effect at a time and goes
 * on when its answer is there. The choice of a destination is in claim.c, the way back of a move
 * that failed in undo.c, what ends one that did not in ends.c. */
#include "cold/internal.h"

#include "lifecycle/guest_spec.h"

bool
cold_is_to_stop(const ColdTask *task, GError **error)
{
    return cold_is_given_up(task) && task->effect.call == NULL &&
        !error_set(error, ERROR_CANCELLED, "The migration was aborted.");
}

StepResult
cold_refuse(ColdTask *task, const GError *error)
{
    OperationMove move = operation_plain_move();

    move.error_code = error_code_name(error_code(error));
    move.message = error->message;
    move.release_target = true;
    return cold_move(task, error_is(error, ERROR_CANCELLED) ? COLD_CANCELLED : COLD_ERROR, &move);
}

static StepResult
step_QUEUED(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_to_stop(task, &error)) {
        return cold_refuse(task, error);
    }
    return cold_move(task, COLD_CHECKING, NULL);
}

/* ---- CHECKING ---- */

static bool
can_leave(const ColdTask *task, GError **error)
{
    const DomainView *view = &task->view;
    const char *host = task->migration->source_host;

    if (view->state != DOMAIN_RUNNING && view->state != DOMAIN_SHUT_OFF) {
        return error_set(error, ERROR_CONFLICT,
            "Migration pre-check error: instance %s is %s on %s, neither running nor shut off",
            task->instance->id, domain_state_name(view->state), host);
    }
    return view->job == DOMAIN_JOB_NONE ||
        error_set(error, ERROR_CONFLICT,
            "Migration pre-check error: instance %s has a job (%s) under way on %s",
            task->instance->id, domain_job_name(view->job), host);
}

static StepResult
step_CHECKING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_to_stop(task, &error)) {
        return cold_refuse(task, error);
    }
    if (!operation_is_definition_true(task->context, task->migration->source_host,
            task->instance->id, task->operation, &error)) {
        return error == NULL ? STEP_WAIT : cold_refuse(task, error);
    }
    switch (cold_effect(task, EFFECT_describe_domain, false, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return cold_refuse(task, error);
    case EFFECT_DONE: break;
    }
    if (!can_leave(task, &error)) {
        return cold_refuse(task, error);
    }
    task->migration->was_running = task->view.state == DOMAIN_RUNNING;
    return cold_move(task, COLD_CLAIMING, NULL);
}

/* ---- FETCHING, PREPARING ---- */

static StepResult
step_FETCHING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_given_up(task)) {
        effect_slot_cancel(&task->effect);
    }
    if (cold_is_to_stop(task, &error)) {
        return cold_move_with_error(task, COLD_UNDOING, error);
    }
    if (task->bases == NULL) {
        task->bases = guest_list_bases(
            task->context->store, task->instance, task->context->settings.image_directory);
    }
    if (task->n_bases == task->bases->len) {
        return cold_move(task, COLD_PREPARING, NULL);
    }
    switch (cold_effect_again(task, EFFECT_fetch_base, true, &error)) {
    case EFFECT_WAITING: return cold_wait_or_try_another(task);
    case EFFECT_FAILED: return cold_move_with_error(task, COLD_UNDOING, error);
    case EFFECT_DONE: break;
    }
    task->n_bases++;
    return STEP_AGAIN;
}

/* What an older move left behind, while the guest is known to be elsewhere. */
static bool
is_stale(const ColdTask *task)
{
    const DomainView *view = &task->view;

    return view->state == DOMAIN_SHUT_OFF && view->is_ours &&
        view->generation <= task->instance->generation;
}

static EffectResult
make_ready(ColdTask *task, GError **error)
{
    EffectResult result = cold_effect(task, EFFECT_describe_domain, true, error);

    if (result == EFFECT_DONE && is_stale(task)) {
        result = cold_effect(task, EFFECT_forget_stale, true, error);
    }
    return result == EFFECT_DONE ? cold_effect(task, EFFECT_prepare_dest, true, error) : result;
}

static StepResult
step_PREPARING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_to_stop(task, &error)) {
        return cold_move_with_error(task, COLD_UNDOING, error);
    }
    switch (make_ready(task, &error)) {
    case EFFECT_WAITING: return cold_wait_or_try_another(task);
    case EFFECT_FAILED: return cold_move_with_error(task, COLD_UNDOING, error);
    case EFFECT_DONE: break;
    }
    return cold_move(task, COLD_STOPPING, NULL);
}

/* ---- STOPPING, COPYING ---- */

static StepResult
step_STOPPING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_to_stop(task, &error)) {
        return cold_move_with_error(task, COLD_RESTARTING, error);
    }
    switch (cold_stop(task, false, true, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return cold_move_with_error(task, COLD_RESTARTING, error);
    case EFFECT_DONE: break;
    }
    if (task->view.state == DOMAIN_ABSENT) {
        error_set(&error, ERROR_NOT_FOUND, "host '%s' does not know the instance",
            task->migration->source_host);
        return cold_move_with_error(task, COLD_RESTARTING, error);
    }
    OperationMove move = operation_plain_move();
    move.set_instance = true;
    move.power_state = POWER_STATE_SHUTDOWN;
    task->migration->started_us = clock_now_us(task->context->clock);
    return cold_move(task, task->migration->copies_disks ? COLD_COPYING : COLD_DEFINING, &move);
}

/* The guest is off all that time: a host that stays away is not waited for longer. */
static bool
is_stranded(ColdTask *task, GError **error)
{
    return cold_has_waited(task) &&
        !error_set(error, ERROR_HYPERVISOR_DOWN,
            "Host %s or %s stayed away while the disks were to be copied.",
            task->migration->source_host, task->migration->dest_host);
}

/* Why the copying failed: of a dead destination libvirt says nothing but that it was aborted. */
static StepResult
fail_copying(ColdTask *task, const GError *error)
{
    g_autoptr(GError) dest_error = NULL;

    if (cold_has_lost_dest(task) && !cold_is_given_up(task)) {
        error_set(&dest_error, ERROR_HYPERVISOR_DOWN,
            "Host %s has died while it took the guest's disks; the guest is on %s.",
            task->migration->dest_host, task->migration->source_host);
        error = dest_error;
    }
    return cold_move_with_error(task, COLD_RESTARTING, error);
}

static StepResult
step_COPYING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    if (cold_is_to_stop(task, &error)) {
        return cold_move_with_error(task, COLD_RESTARTING, error);
    }
    if (cold_is_dest_dead(task)) {
        return fail_copying(task, NULL);
    }
    switch (cold_effect(task, EFFECT_copy_disks, false, &error)) {
    case EFFECT_WAITING:
        if (is_stranded(task, &error)) {
            return cold_move_with_error(task, COLD_RESTARTING, error);
        }
        cold_watch_copy(task);
        return STEP_WAIT;
    case EFFECT_FAILED: return fail_copying(task, error);
    case EFFECT_DONE: break;
    }
    return cold_move(task, COLD_DEFINING, NULL);
}

/* ---- DEFINING, STARTING ---- */

/* The destination has it from now on; what the source keeps is still claimed there. */
static StepResult
finish(ColdTask *task)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Flavor) flavor = NULL;
    OperationMove move = operation_plain_move();

    if (task->migration->type == MIGRATION_TYPE_RESIZE) {
        flavor = store_get_resize_flavor(task->context->store, task->operation->id, true, &error);
        if (flavor == NULL) {
            return cold_wait(task, G_USEC_PER_SEC);
        }
    }
    JobStats *stats = &task->migration->stats;
    if (stats->disk_total_bytes > 0) {
        stats->disk_processed_bytes = stats->disk_total_bytes;
        stats->disk_remaining_bytes = 0;
    }
    move.set_instance = true;
    move.host = task->migration->dest_host;
    move.vm_state = VM_STATE_RESIZED;
    move.power_state = task->migration->was_running ? POWER_STATE_RUNNING : POWER_STATE_SHUTDOWN;
    move.generation = task->migration->generation;
    move.clear_fault = true;
    move.flavor = flavor;
    move.keep_source = true;
    Leftover kept = cold_leftover(task, false, "the instance was moved from here switched off",
        "the move is confirmed; until then it can be reverted");
    move.leftover = &kept;
    return cold_move(task, COLD_FINISHED, &move);
}

/* The console's history is carried along when its file does not go too. One that cannot be read
 * must not hold the rest up. */
static EffectResult
define(ColdTask *task, GError **error)
{
    if (task->migration->copies_disks &&
        cold_effect(task, EFFECT_read_console, false, NULL) == EFFECT_WAITING) {
        return EFFECT_WAITING;
    }
    task->done |= 1u << EFFECT_read_console;
    return cold_effect(task, EFFECT_create_guest, true, error);
}

static StepResult
step_DEFINING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (define(task, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return cold_move_with_error(task, COLD_RESTARTING, error);
    case EFFECT_DONE: break;
    }
    return task->migration->was_running ? cold_move(task, COLD_STARTING, NULL) : finish(task);
}

static StepResult
step_STARTING(ColdTask *task)
{
    g_autoptr(GError) error = NULL;

    switch (cold_effect(task, EFFECT_start_guest, true, &error)) {
    case EFFECT_WAITING: return STEP_WAIT;
    case EFFECT_FAILED: return cold_move_with_error(task, COLD_RETREATING, error);
    case EFFECT_DONE: break;
    }
    return finish(task);
}

/* ---- all ---- */

StepResult
cold_step_state(ColdTask *task)
{
    bool is_move = operation_kind_is_cold(task->operation->kind);

    switch (task->state) {
    case COLD_QUEUED: return is_move ? step_QUEUED(task) : cold_step_QUEUED(task);
    case COLD_CHECKING: return step_CHECKING(task);
    case COLD_CLAIMING: return cold_step_CLAIMING(task);
    case COLD_FETCHING: return step_FETCHING(task);
    case COLD_PREPARING: return step_PREPARING(task);
    case COLD_STOPPING: return step_STOPPING(task);
    case COLD_COPYING: return step_COPYING(task);
    case COLD_DEFINING: return step_DEFINING(task);
    case COLD_STARTING: return step_STARTING(task);
    case COLD_RETREATING: return cold_step_RETREATING(task);
    case COLD_RESTARTING: return cold_step_RESTARTING(task);
    case COLD_UNDOING: return cold_step_UNDOING(task);
    case COLD_PROVING: return cold_step_PROVING(task);
    case COLD_CONFIRMING: return cold_step_CONFIRMING(task);
    case COLD_RECALLING: return cold_step_RECALLING(task);
    case COLD_HALTING: return cold_step_HALTING(task);
    case COLD_RETURNING: return cold_step_RETURNING(task);
    case COLD_REVIVING: return cold_step_REVIVING(task);
    case COLD_CLEANING: return cold_step_CLEANING(task);
    case COLD_FINISHED:
    case COLD_CONFIRMED:
    case COLD_REVERTED:
    case COLD_ERROR:
    case COLD_CANCELLED:
    case COLD_REFUSED: return STEP_DONE;
    case COLD_N_STATES: break;
    }
    g_assert_not_reached();
}
