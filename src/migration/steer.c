/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "base/log.h"
#include "migration/converge.h"

/* What is done to a transfer while it goes on. Settings are read anew each time, so a new
 * configuration counts for what is under way as well; what the migrate call was told stays. */

/* libvirt's hosts notice the end of each other after 30 s, drover within 18 unless it is configured
 * to be slower. A connection that only broke is there again sooner than that. */
#define DEST_PATIENCE_US (3 * G_USEC_PER_SEC)

static const LiveSettings *
settings_of(const MigrationTask *task)
{
    return live_policy_for(task->context->settings.live, task->migration->source_host);
}

static double
gib_of(const MigrationTask *task)
{
    return converge_instance_gib(task->instance, task->migration->disks);
}

static int64_t
elapsed_us(const MigrationTask *task)
{
    int64_t started_us = task->migration->started_us;
    return started_us != 0 ? migration_task_now_us(task) - started_us : 0;
}

static bool
is_timed_out(const MigrationTask *task)
{
    int64_t timeout_us = converge_timeout_us(settings_of(task), gib_of(task));
    return timeout_us > 0 && elapsed_us(task) > timeout_us;
}

GError *
migration_why_given_up(const MigrationTask *task)
{
    const Migration *migration = task->migration;
    if (migration_task_wants(task, WANTED_CANCEL)) {
        return g_error_new(DROVER_ERROR, ERROR_CANCELLED, "The migration was aborted.");
    }
    return migration->forced == FORCING_ABORT ? g_error_new(DROVER_ERROR, ERROR_CANCELLED,
                                                    "The migration was aborted: %s.",
                                                    migration->forced_reason)
                                              : NULL;
}

/* ---- force ---- */

/* Why it is brought to an end; NULL: it is not. */
static char *
why_forced(const MigrationTask *task)
{
    const LiveSettings *settings = settings_of(task);
    if (task->migration->forced != FORCING_NONE) {
        return g_strdup(task->migration->forced_reason);
    }
    if (task->migration->pause_first) {
        return g_strdup("it was asked to be paused first");
    }
    if (migration_task_wants(task, WANTED_FORCE_COMPLETE)) {
        return g_strdup("an operator asked for it");
    }
    if (!is_timed_out(task)) {
        return NULL;
    }
    return g_strdup_printf("it was not complete after %" G_GINT64_FORMAT
                           " s (live_migration_completion_timeout = %d for each of %.4g GiB)",
        converge_timeout_us(settings, gib_of(task)) / G_USEC_PER_SEC,
        settings->completion_timeout_s, gib_of(task));
}

static Forcing
choose_forcing(const MigrationTask *task)
{
    const Migration *migration = task->migration;
    bool is_asked = migration->pause_first || migration_task_wants(task, WANTED_FORCE_COMPLETE);
    if (!is_asked && settings_of(task)->timeout_action == TIMEOUT_ACTION_ABORT) {
        return FORCING_ABORT;
    }
    /* A guest that is paused dirties nothing: there is nothing to force. */
    if (task->was_paused) {
        return FORCING_NONE;
    }
    bool can_post_copy = migration->convergence == CONVERGENCE_POST_COPY;
    return can_post_copy && !migration->pause_first ? FORCING_POST_COPY : FORCING_PAUSE;
}

/* Recorded before it is done: a source that is found paused later was paused by this. */
static bool
record_forcing(MigrationTask *task, Forcing forcing, const char *why)
{
    g_autoptr(GError) error = NULL;
    if (!store_set_migration_forced(
            task->context->store, task->operation_id, forcing, why, &error)) {
        if (log_allow("migration-forced", 10)) {
            log_warning("cannot record that migration %" G_GINT64_FORMAT " is forced: %s",
                task->migration->id, error->message);
        }
        return false;
    }
    task->migration->forced = forcing;
    g_free(task->migration->forced_reason);
    task->migration->forced_reason = g_strdup(why);
    return true;
}

static const struct {
    MigrationEffect effect;
    EffectVerb verb;
} forcings[] = {
    [FORCING_PAUSE] = {EFFECT_PAUSE_SOURCE, hypervisor_pause_guest},
    [FORCING_POST_COPY] = {EFFECT_START_POST_COPY, hypervisor_start_post_copy},
    [FORCING_ABORT] = {EFFECT_ABORT, hypervisor_abort_job},
};

static StepResult
force(MigrationTask *task, const char *why)
{
    Forcing forcing =
        task->migration->forced != FORCING_NONE ? task->migration->forced : choose_forcing(task);
    if (forcing == FORCING_NONE || migration_task_did(task, forcings[forcing].effect) ||
        (task->migration->forced == FORCING_NONE && !record_forcing(task, forcing, why))) {
        return STEP_AGAIN;
    }
    return effect_on_source(task, forcings[forcing].effect, forcings[forcing].verb);
}

/* ---- all of it ---- */

static StepResult
limit_downtime(MigrationTask *task)
{
    int downtime_ms = converge_downtime_ms(settings_of(task), gib_of(task), elapsed_us(task));
    if (downtime_ms == task->migration->downtime_limit_ms) {
        return STEP_AGAIN;
    }
    return effect_limit_downtime(task, downtime_ms);
}

/* The source's libvirt notices by itself that the destination is away, and has its QEMU cancel the
 * copies of disks. That QEMU then waits for the dead host as long as TCP does, and the guest stands
 * still: so the move is given up before, although it might have gone on behind drover's back. */
static bool
is_dest_away(MigrationTask *task)
{
    int64_t now_us = migration_task_now_us(task);

    if (migration_task_dest(task) != NULL) {
        task->dest_away_us = 0;
        return false;
    }
    if (task->dest_away_us == 0) {
        task->dest_away_us = now_us;
    }
    int64_t until_us = task->dest_away_us + DEST_PATIENCE_US;
    if (now_us < until_us) {
        migration_task_wake_by(task, until_us);
    }
    return now_us >= until_us && task->migration->copies_disks &&
        task->transfer == TRANSFER_RUNNING;
}

/* Nobody is there to take it: without an abort it would last for as long as TCP does. */
static bool
is_without_dest(MigrationTask *task)
{
    return (task->state == MIGRATION_TRANSFERRING || task->state == MIGRATION_SWITCHING) &&
        (is_dest_away(task) || migration_task_is_dest_dead(task));
}

StepResult
migration_steer(MigrationTask *task)
{
    if (task->state == MIGRATION_POSTCOPY || task->state == MIGRATION_RESOLVING) {
        return STEP_AGAIN;
    }
    if (migration_task_now_us(task) < task->retry_us) {
        migration_task_wake_by(task, task->retry_us);
        return STEP_AGAIN;
    }
    bool is_without = is_without_dest(task);
    task->has_lost_dest = task->has_lost_dest || is_without;
    if (is_without || migration_task_wants(task, WANTED_CANCEL)) {
        return migration_task_did(task, EFFECT_ABORT)
            ? STEP_AGAIN
            : effect_on_source(task, EFFECT_ABORT, hypervisor_abort_job);
    }
    if (task->state != MIGRATION_TRANSFERRING || !task->is_sending) {
        return STEP_AGAIN;
    }
    g_autofree char *why = why_forced(task);
    return why != NULL ? force(task, why) : limit_downtime(task);
}

/* ---- before it begins ---- */

static bool
read_hosts(const MigrationTask *task, Host **ret_source, Host **ret_dest, GError **error)
{
    g_autoptr(Host) source =
        store_get_host(task->context->store, task->migration->source_host, error);
    g_autoptr(Host) dest = source != NULL
        ? store_get_host(task->context->store, task->migration->dest_host, error)
        : NULL;
    if (dest == NULL) {
        return false;
    }
    *ret_source = g_steal_pointer(&source);
    *ret_dest = g_steal_pointer(&dest);
    return true;
}

bool
migration_choose_convergence(MigrationTask *task, GError **error)
{
    const LiveSettings *settings = settings_of(task);
    g_autoptr(Host) source = NULL;
    g_autoptr(Host) dest = NULL;
    if (!read_hosts(task, &source, &dest, error)) {
        return false;
    }
    Migration *migration = task->migration;
    g_free(migration->convergence_reason);
    migration->convergence = converge_choose(settings, &source->facts, &dest->facts,
        task->was_paused, &migration->convergence_reason);
    migration->connections = settings->parallel_connections;
    return migration->convergence != CONVERGENCE_POST_COPY ||
        (converge_check_parallel(settings, source, error) &&
            converge_check_parallel(settings, dest, error));
}
