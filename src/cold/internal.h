/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of cold/ alone: one open operation in memory, and what its steps are made of.
 * Engine's thread. */
#include "cold/cold.h"
#include "cold/states.h"
#include "model/disk_plan.h"
#include "operation/commit.h"
#include "operation/effect.h"
#include "operation/power_off.h"
#include "operation/refusals.h"

typedef struct ColdTask {
    OperationContext *context;
    Operation *operation; /* the move itself, or what confirms or reverts it */
    Migration *migration;
    Instance *instance;
    ColdState state;
    int64_t deadline_us; /* of the state; 0 = none */
    int64_t patient_until_us; /* after a start the hosts are still being connected */

    EffectSlot effect; /* what the state waits for */
    EffectSlot side;   /* beside it: progress, an abort */
    unsigned done;     /* bits of ColdEffect that this state has done */

    DomainView view;    /* of the last describe_domain */
    PowerOff off;        /* stop.c */
    bool destroy_wanted; /* stop.c: its time is over */

    GPtrArray *volumes; /* CLAIMING, RECALLING, HALTING: Volume, those that it has */
    DiskFacts facts;    /* CLAIMING: of the last probe_pools */
    GHashTable *refusals; /* hosts that were chosen, and cannot have it */
    GPtrArray *bases; /* FETCHING: BaseImage */
    unsigned n_bases; /* of them, those that are there */
    int64_t watched_us; /* COPYING: last question for progress */
    int64_t idle_since_us; /* nothing can be asked for since then; 0 = not known to be so */
} ColdTask;

/* ---- move.c: the only writer of the state ---- */
/* with may be NULL. */
StepResult cold_move(ColdTask *task, ColdState to, const OperationMove *with);
/* The error is why. */
StepResult cold_move_with_error(ColdTask *task, ColdState to, const GError *error);

/* What stays behind on that side, to be recorded with a move; borrows from the task. */
Leftover cold_leftover(const ColdTask *task, bool on_dest, const char *why, const char *when);
/* Nothing stays behind there any more. */
void cold_forget_leftover(ColdTask *task, bool on_dest);

/* ---- effects.c ---- */
/* Asks for an effect, or gives the answer once it has come; of one that this state has done already
 * the answer is DONE. Whom it asks follows from the effect and, where both sides have it, from
 * on_dest. */
EffectResult cold_effect(ColdTask *task, ColdEffect effect, bool on_dest, GError **ret_error);
/* Like cold_effect, but each call asks anew. */
EffectResult cold_effect_again(ColdTask *task, ColdEffect effect, bool on_dest, GError **ret_error);
/* COPYING: progress, and an abort, beside the effect of the state. */
void cold_watch_copy(ColdTask *task);

/* ---- stop.c ---- */
/* The guest on that side powers off: asked, and its plug pulled at the state's deadline; at once
 * when is_graceful is false. DONE: it was seen off. */
EffectResult cold_stop(ColdTask *task, bool on_dest, bool is_graceful, GError **ret_error);

/* ---- ends.c: the states of a confirm and of a revert ---- */
StepResult cold_step_QUEUED(ColdTask *task);
StepResult cold_step_PROVING(ColdTask *task);
StepResult cold_step_CONFIRMING(ColdTask *task);
StepResult cold_step_RECALLING(ColdTask *task);
StepResult cold_step_HALTING(ColdTask *task);
StepResult cold_step_RETURNING(ColdTask *task);
StepResult cold_step_REVIVING(ColdTask *task);
StepResult cold_step_CLEANING(ColdTask *task);

/* ---- undo.c: the states of the way back ---- */
StepResult cold_step_RETREATING(ColdTask *task);
StepResult cold_step_RESTARTING(ColdTask *task);
StepResult cold_step_UNDOING(ColdTask *task);

/* ---- steps.c ---- */
StepResult cold_step_state(ColdTask *task);
/* What ends every state before the guest is stopped: an abort. Never while a call is under way:
 * what it does would be done beside what follows. */
bool cold_is_to_stop(const ColdTask *task, GError **error);
/* The end, before anything was made anywhere. */
StepResult cold_refuse(ColdTask *task, const GError *error);

/* ---- claim.c ---- */
StepResult cold_step_CLAIMING(ColdTask *task);
/* While an effect on the destination is waited for, and nothing of the guest is there yet: one that
 * drover chose and that is gone is not waited for. */
StepResult cold_wait_or_try_another(ColdTask *task);
/* task->volumes, once. */
bool cold_read_volumes(ColdTask *task, GError **error);
/* Those on the network, on that side, for a guest that is to run there; they have been read. */
EffectResult cold_try_disks(ColdTask *task, bool on_dest, GError **error);

/* ---- waiting.c ---- */
bool cold_is_given_up(const ColdTask *task);
StepResult cold_wait(ColdTask *task, int64_t for_us);
/* host may be NULL: none is chosen yet, and none is away. */
bool cold_is_away(const ColdTask *task, const char *host);
/* The destination is away, and may not just be on its way here. */
bool cold_is_dest_gone(const ColdTask *task);
/* A host that the operation needs has not been tried since the start of the daemon. */
bool cold_is_too_early(const ColdTask *task);
/* For a minute nothing could be asked for, because a host is away. */
bool cold_has_waited(ColdTask *task);
/* A source that is away is waited for, unless nobody wants the instance any more. */
bool cold_is_hopeless(ColdTask *task, GError **error);
/* The destination died in its turn and is fenced: it runs nothing, and need not be seen off. One
 * that is merely silent may run the guest, and is waited for. */
bool cold_is_dest_dead(const ColdTask *task);
/* The same, while a call to the source may be under way. */
bool cold_has_lost_dest(const ColdTask *task);
/* Why a move goes on then. */
#define COLD_DEST_IS_DEAD "the destination is dead, by what its fence agent or an operator says"
/* Until it answers, or is fenced. */
StepResult cold_wait_for_dest(ColdTask *task);
/* Removes what the move made on its destination; FAILED at once when that is dead. */
EffectResult cold_clean_dest(ColdTask *task, GError **ret_error);

/* ---- recover.c ---- */
void cold_recover(ColdTask *task);
