/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of lifecycle/ alone: the task, its one call in flight, and the one setter. */
#include "lifecycle/guest_spec.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/states.h"
#include "operation/effect.h"

typedef struct LifecycleTask {
    OperationContext *context;
    Operation *operation;
    Instance *instance;
    LifecycleState state;
    int64_t deadline_us; /* of the state; 0 = none */

    EffectSlot effect;
    DomainView view; /* of the last describe_domain */

    bool shutdown_wanted; /* STOPPING: it was seen running and is to be asked */
    int64_t ask_us;   /* STOPPING: when it is asked next; 0 = not yet in this life of the task */
    bool off_seen;    /* STOPPING: an event says that it is off: look at once */
    int64_t look_us;  /* STOPPING: when it is looked at next */
    GPtrArray *bases; /* FETCHING: what is still to be there; BaseImage */
    unsigned n_bases; /* of them, those that are */
    bool base_is_missing; /* the host does not have it, nor do we: other hosts are asked */
    unsigned next_source; /* of the list of hosts, the one to ask next */
    bool sources_ended;   /* and that was the last */
} LifecycleTask;

typedef enum {
    STEP_AGAIN, /* it moved: run the step of the new state */
    STEP_WAIT,  /* an answer, an event, a host or a time has to come first */
    STEP_DONE,  /* closed, or not ours any more */
} StepResult;

/* ---- move.c ---- */
/* What a move writes beside the state. Start from LIFECYCLE_CHANGE_NONE. */
typedef struct LifecycleChange {
    const char *host;
    int vm_state; /* -1 = leave, so with the next two */
    int power_state;
    int should_run;
    bool launched;
    bool terminated;
    bool releases_claims;
    MoveVolumes volumes;
    const Leftover *leftover;
    bool clears_fault;
    const Fault *fault;
    const GError *error;  /* why: the first one of an operation is kept */
    const char *sentence; /* NULL: the table's */
} LifecycleChange;
#define LIFECYCLE_CHANGE_NONE                                                                      \
    (LifecycleChange)                                                                              \
    {                                                                                              \
        .vm_state = -1, .power_state = -1, .should_run = -1                                        \
    }
/* The only writer of the state. */
StepResult lifecycle_move(LifecycleTask *task, LifecycleState to, const LifecycleChange *change);

/* ---- effects.c ---- */
/* Asks for an effect, or gives the answer once it has come. */
EffectResult lifecycle_effect(LifecycleTask *task, LifecycleEffect effect, GError **ret_error);

/* ---- steps.c ---- */
StepResult lifecycle_step_state(LifecycleTask *task);

/* ---- recover.c ---- */
/* What the stored state means to a daemon that was not there when it was entered. */
void lifecycle_recover(LifecycleTask *task);
