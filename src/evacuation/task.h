/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of evacuation/ alone: one open evacuation in memory, its one call in flight, and
 * the one setter. Made from its row and thrown away at any time. Engine's thread. */
#include "evacuation/evacuation.h"
#include "evacuation/states.h"
#include "lifecycle/guest_spec.h"
#include "operation/effect.h"

typedef struct EvacuationTask {
    OperationContext *context;
    Migration *migration; /* the row, read again before each step, with its operation */
    Instance *instance;
    EvacuationState state;
    int64_t grace_until_us; /* after a start no deadline that passed meanwhile counts before this */

    EffectSlot slot;
    EvacuationEffect asked; /* what the slot was asked for last */

    /* Of the state it is in; cleared by every move. */
    unsigned done;   /* bits of EvacuationEffect: went well */
    DomainView view; /* of the last look, at either host; without its name */
    bool has_root;   /* LOOK_DEST: the pool has a root disk of that name */
} EvacuationTask;

/* ---- move.c: the only writer of the state ---- */
/* A move with nothing of the instance and the claims in it, but with the migration's row. */
OperationMove evacuation_plain_move(const EvacuationTask *task);
/* with may be NULL. */
StepResult evacuation_move(EvacuationTask *task, EvacuationState to, const OperationMove *with);
/* The same with the reason why it does not go well; message is one sentence. */
StepResult evacuation_move_because(
    EvacuationTask *task, EvacuationState to, EvacuationReason reason, const char *message);
const char *evacuation_reason_code(EvacuationReason reason);
int64_t evacuation_now_us(const EvacuationTask *task);
/* Until when its state may last; 0 = for ever. */
int64_t evacuation_deadline_us(const EvacuationTask *task);
/* The row was read and is still ours; false: it is closed, or the store does not answer. */
bool evacuation_refresh(EvacuationTask *task, GError **error);

/* ---- effects.c ---- */
/* Asks for an effect, or gives the answer once it has come. On the destination, but for FENCE (on
 * no host) and LOOK_SOURCE. HYPERVISOR_DOWN: the state's time is over and the host has not
 * answered. */
EffectResult evacuation_effect(
    EvacuationTask *task, EvacuationEffect effect, GError **ret_error);
bool evacuation_did(const EvacuationTask *task, EvacuationEffect effect);

/* ---- fence.c ---- */
/* The agent is asked once for all instances of a host: false when another task has asked it. */
bool evacuation_begin_fence(EvacuationTask *task);
/* It has answered, or nobody waits for it any more: those that do are woken. */
void evacuation_end_fence(EvacuationTask *task);
StepResult evacuation_step_fencing(EvacuationTask *task);

/* ---- steps.c, build.c ---- */
StepResult evacuation_step(EvacuationTask *task);
StepResult evacuation_step_fetching(EvacuationTask *task);
StepResult evacuation_step_building(EvacuationTask *task);
StepResult evacuation_step_proving(EvacuationTask *task);
StepResult evacuation_step_starting(EvacuationTask *task);
StepResult evacuation_step_undoing(EvacuationTask *task);
/* The instance is to be deleted, and no call is under way. */
bool evacuation_is_given_up(const EvacuationTask *task);
/* A source that is connected must not run the guest. WAITING: it is asked; FAILED: it does;
 * DONE: it does not, or is not connected. */
EffectResult evacuation_look_at_source(EvacuationTask *task, char **ret_message);

/* ---- recover.c ---- */
/* What the stored state means to a daemon that was not there when it was entered. */
void evacuation_recover(EvacuationTask *task);
