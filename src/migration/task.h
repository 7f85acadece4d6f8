/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of migration/ alone: one open migration in memory, and what its steps are made of.
 * Made from its row and thrown away at any time; what matters is in the store. Engine's thread. */
#include "migration/decide.h"
#include "migration/migration.h"
#include "migration/states.h"
#include "model/disk_plan.h"
#include "operation/commit.h"
#include "operation/refusals.h"

typedef struct MigrationTask MigrationTask;

/* What all migrations of one engine share: hangs on OperationContext.migrations. */
typedef struct MigrationShared {
    GHashTable *tasks; /* source host -> GPtrArray of MigrationTask, borrowed */
    GHashTable *pools; /* "session session pool" -> "shared" or "local" */
} MigrationShared;

typedef enum {
    TRANSFER_NONE,    /* not asked for in this life of the daemon */
    TRANSFER_RUNNING, /* the migrate call is under way */
    TRANSFER_ENDED,   /* it has returned; transfer_error says how */
    TRANSFER_LOST,    /* it was asked for in an earlier life: only the hosts know */
} Transfer;

struct MigrationTask {
    OperationContext *context;
    unsigned refs;   /* the engine's, and one for each call under way */
    bool is_dropped; /* the engine has let go: results of calls are void */
    bool is_stale;   /* the row is not ours any more */
    int64_t operation_id;
    Migration *migration; /* the row, read again before each step */
    MigrationState state;
    Instance *instance;
    GHashTable *refusals; /* host -> why it cannot run the guest; of this life of the daemon */
    bool was_paused; /* by its owner, before: then it arrives paused */

    /* Of the state it is in; cleared by every move. */
    int pending;      /* effects under way that the step waits for */
    unsigned done;    /* bits of MigrationEffect: went well */
    int64_t way_since_us; /* when the source began to knock at the destination; 0 = not yet */
    char *refused_by; /* a destination that cannot run the guest: it is in refusals; else NULL */
    GError *error;    /* the first that went wrong, not yet looked at */
    int64_t retry_us; /* not before this; 0 = at once */
    int64_t next_us;  /* when the step wants to run again at the latest */
    int n_looks;      /* of pending */
    char *guest_platform;  /* platform_answer_make_key, as CHECKING saw it; NULL: not known */
    bool has_views;
    DomainView source_view;
    DomainView dest_view;
    char *source_deaf; /* why a connected source told nothing of the guest when it was asked last;
                        * NULL: it has told, or it is not connected */

    /* Of this life of the daemon. */
    Cancel *cancel;     /* for effects that take long: it was given up */
    GPtrArray *streams; /* of Effect, borrowed: the bases that are put on the destination */
    int n_ways; /* grows with each question for the way, and when nobody waits for its answer */
    bool is_recovered;
    int64_t patient_until_us; /* after a start the hosts are still being connected */
    int64_t grace_until_us;   /* no deadline that passed while nobody watched counts before this */
    Transfer transfer;
    GError *transfer_error;
    int64_t asking_since_us; /* first look after the transfer; 0 = not yet */
    bool is_querying;        /* progress */
    int64_t watched_us;      /* last question for progress */
    int64_t look_us;         /* both hosts are not asked again before this */
    bool is_sending;         /* as far as is known, the source sends the guest now */
    bool saw_pause;          /* the source reported the guest paused by the migration */
    bool saw_post_copy;      /* the source reported the guest paused in post-copy */
    int64_t dest_away_us;    /* since when it is not connected; 0 = it is */
    bool has_lost_dest;      /* given up because the destination was dead, or silent */
    int n_mends;             /* of a broken post-copy, since it last flowed */
    int64_t mend_us;         /* not tried again before this */
};

/* ---- task.c ---- */
MigrationTask *migration_task_load(
    OperationContext *context, const Operation *operation, bool recovered, GError **error);
MigrationTask *migration_task_ref(MigrationTask *task);
void migration_task_unref(MigrationTask *task);
void migration_task_drop(MigrationTask *task); /* the runner's free */
/* Reads the row again; false: it is closed or not ours, or the store does not answer. */
bool migration_task_refresh(MigrationTask *task, GError **error);
/* Clears what belongs to the state that is left. */
void migration_task_enter(MigrationTask *task, MigrationState state);
/* That destination cannot run the guest; the error that says so is set beside it. */
void migration_task_refuse(MigrationTask *task, const char *host, const char *why);
void migration_task_clear_views(MigrationTask *task);
int64_t migration_task_now_us(const MigrationTask *task);
HypervisorHost *migration_task_source(const MigrationTask *task); /* NULL: not connected */
HypervisorHost *migration_task_dest(const MigrationTask *task);
/* The source was not only silent when it was last looked at: it is known to be dead. */
bool migration_task_is_source_dead(const MigrationTask *task);
/* The destination is not connected, and known to be dead. */
bool migration_task_is_dest_dead(const MigrationTask *task);
bool migration_task_wants(const MigrationTask *task, Wanted wanted);
bool migration_task_did(const MigrationTask *task, MigrationEffect effect);
/* When its state has lasted longer than it may; INT64_MAX = never. */
int64_t migration_task_deadline_us(const MigrationTask *task);
bool migration_task_is_late(const MigrationTask *task);
/* Another migration may leave its source host now. */
bool migration_task_has_slot(const MigrationTask *task);
void migration_task_wake_queued(MigrationTask *task);
/* The step runs again at that time at the latest. */
void migration_task_wake_by(MigrationTask *task, int64_t when_us);
/* Waits that long, or for an event. */
StepResult migration_task_wait(MigrationTask *task, int64_t for_us);
/* An effect failed: what it said is handed over (NULL: none did), and nothing is tried again
 * before a while has passed. */
GError *migration_task_take_error(MigrationTask *task);

/* ---- move.c: the only writer of the state ---- */
/* with may be NULL. AGAIN: moved. DONE: moved to a final state, or the row is not ours any more.
 * WAIT: the store does not answer; the step comes again. */
StepResult migration_move(MigrationTask *task, MigrationState to, OperationMove *with);

/* ---- effects.c: what touches the outside. WAIT: under way, its result wakes the task. AGAIN: it
 * could not begin (task->error says why), or there was nothing to do. ---- */
typedef bool (*EffectVerb)(HypervisorHost *host, const char *uuid, GError **error);
/* Both hosts' views; with_totals also reads what the finished job on the destination took. */
StepResult effect_look(MigrationTask *task, bool with_totals);
StepResult effect_on_source(MigrationTask *task, MigrationEffect effect, EffectVerb verb);
StepResult effect_on_dest(MigrationTask *task, MigrationEffect effect, EffectVerb verb);
/* For a verb that removes volumes: asks first whether the other host has the same pool by now, and
 * if so removes the domain alone. Both hosts are needed. */
StepResult effect_remove(
    MigrationTask *task, MigrationEffect effect, bool on_dest, EffectVerb verb);
StepResult effect_bases(MigrationTask *task);
/* They are not wanted any more; each still ends as an effect does, with CANCELLED. */
void effect_cancel_bases(MigrationTask *task);
/* A refusal is kept in refusals as well. */
StepResult effect_check_dest(MigrationTask *task);
/* The same. */
StepResult effect_rehearse(MigrationTask *task);
/* Not waited for: the answer may never come. Refusals as of check_dest. */
StepResult effect_check_way(MigrationTask *task, int port);
/* The address that is set for the destination's group, where the host has none of its own; NULL:
 * its own, or as its peer URI says. Caller frees. */
char *migration_inbound_address(const MigrationTask *task);
StepResult effect_prepare(MigrationTask *task);
StepResult effect_transfer(MigrationTask *task);
StepResult effect_console(MigrationTask *task);
/* What stands in its way now, and what to do; NULL: nothing does. */
void migration_keep_trouble(MigrationTask *task, const char *trouble);
StepResult effect_limit_downtime(MigrationTask *task, int downtime_ms);
/* Repeats the transfer's request to mend a post-copy that broke. */
StepResult effect_resume_post_copy(MigrationTask *task);
void effect_failpoint_before(MigrationEffect effect); /* for effects without a call */
void effect_failpoint_after(MigrationEffect effect);

/* ---- storage.c ---- */
/* What source and destination share, of the pools that the instance and its volumes (Volume *) lie
 * in; false: not all of it is known yet. */
bool storage_find_facts(MigrationTask *task, const GPtrArray *volumes, DiskFacts *ret_facts);
/* The pool that its volumes lie in, NULL: none does. Caller frees. */
char *migration_volume_pool(const MigrationTask *task);
/* Finds out the next that is not known. */
StepResult effect_probe(MigrationTask *task, const GPtrArray *volumes);

/* ---- steer.c ---- */
/* Helps a guest on the move to its end, or gives it up: what the operator asks, the time limit, the
 * steps of the downtime. WAIT: an effect is under way. */
StepResult migration_steer(MigrationTask *task);
/* Given up: by the operator, or because its time is over. The error says which; caller frees;
 * NULL: it is not. */
GError *migration_why_given_up(const MigrationTask *task);
/* How it will be moved is decided; false: it cannot be as it is configured. */
bool migration_choose_convergence(MigrationTask *task, GError **error);

/* ---- progress.c ---- */
/* Asks for progress when it is time to, and arms the next question. */
void progress_watch(MigrationTask *task);

/* ---- steps.c, settle.c, cleanup.c ---- */
StepResult migration_step(MigrationTask *task);
/* After the transfer: asks both hosts and follows the table. */
StepResult migration_settle(MigrationTask *task);
Decision migration_decide(const MigrationTask *task);
/* The error code of a guest that was found running on both sides, and of nothing else here. */
#define MIGRATION_TWICE_CODE error_code_name(ERROR_INTERNAL)
char *migration_twice_message(const MigrationTask *task);
StepResult step_finishing(MigrationTask *task);
StepResult step_undoing(MigrationTask *task);
/* Removes all that one side has, which was seen: it does not run there. Volumes too, when the move
 * copies them. */
StepResult migration_clean(MigrationTask *task, MigrationEffect effect, bool on_dest);
/* The destination is cleaned, then the migration ends; error is why. */
StepResult migration_undo(MigrationTask *task, const GError *error);

/* ---- silence.c ---- */
/* Keeps what the migration waits for while its destination is silent, and what can be done. */
void migration_tell_silence(MigrationTask *task);

/* ---- abandon.c: what a destination that is dead may have done with the guest is given up ---- */
/* Switches the old copy on the source off. */
StepResult migration_abandon(MigrationTask *task);
/* It is off: the instance is left for an operator to start. */
StepResult migration_end_abandoned(MigrationTask *task);

/* ---- recover.c ---- */
/* What a stored state means at start. */
void migration_recover(MigrationTask *task);
