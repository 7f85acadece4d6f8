/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of lifecycle/ alone: the task, its one call in flight, and the one setter. */
#include "lifecycle/guest_spec.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/states.h"
#include "operation/effect.h"
#include "operation/power_off.h"
#include "operation/refusals.h"

typedef struct LifecycleTask {
    OperationContext *context;
    Operation *operation;
    Instance *instance;
    LifecycleState state;
    int64_t deadline_us; /* of the state; 0 = none */

    EffectSlot effect;
    DomainView view; /* of the last describe_domain */

    PowerOff off;     /* STOPPING */
    GPtrArray *bases; /* FETCHING: what is still to be there; BaseImage */
    unsigned n_bases; /* of them, those that are */
    bool base_is_missing; /* the host does not have it, nor do we: other hosts are asked */
    unsigned next_source; /* of the list of hosts, the one to ask next */
    bool sources_ended;   /* there is none */
    GError *copy_error;   /* why the last of those that have it gave none; NULL: nobody has it */
    GHashTable *refusals; /* hosts that could not have it, of this life of the daemon */
} LifecycleTask;

/* ---- move.c ---- */
/* What a move writes beside the state. Start from LIFECYCLE_CHANGE_NONE. */
typedef struct LifecycleChange {
    const char *host;
    bool leaves_host; /* it is on none any more */
    int vm_state; /* -1 = leave, so with the next two */
    int power_state;
    int should_run;
    bool launched;
    bool terminated;
    bool releases_claims;
    bool confirms; /* a move that waits for it: there is nothing to go back to any more */
    MoveVolumes volumes;
    const Leftover *leftover;
    bool clears_fault;
    const Fault *fault;
    const GError *error;  /* why: the first one of an operation is kept */
    bool forgets_error;   /* what has failed is tried again, elsewhere */
    const char *sentence; /* NULL: the table's */
} LifecycleChange;
#define LIFECYCLE_CHANGE_NONE                                                                      \
    (LifecycleChange)                                                                              \
    {                                                                                              \
        .vm_state = -1, .power_state = -1, .should_run = -1                                        \
    }
/* The only writer of the state. */
StepResult lifecycle_move(LifecycleTask *task, LifecycleState to, const LifecycleChange *change);

/* ---- outcome.c ---- */
StepResult lifecycle_move_on(LifecycleTask *task, LifecycleState to);
StepResult lifecycle_move_with_error(LifecycleTask *task, LifecycleState to, const GError *error);
/* What was asked for is done, and the guest is as it was to be. */
StepResult lifecycle_complete(LifecycleTask *task, VmState vm_state, PowerState power_state);
/* The same, of a guest that is off because its host is dead. */
StepResult lifecycle_complete_stop_on_record(LifecycleTask *task);
/* The instance ends in ERROR, with the operation's first error (or this one) as its fault. */
StepResult lifecycle_fail_with_fault(
    LifecycleTask *task, const GError *error, bool releases_claims);
/* Nova: a reboot that leaves the guest off leaves its server in ERROR, with the reason. */
StepResult lifecycle_fail_reboot(LifecycleTask *task, PowerState power_state);
/* Never while a call is under way: what it does would be done beside what follows. */
bool lifecycle_is_given_up(const LifecycleTask *task);

/* ---- effects.c ---- */
/* The volume that the operation attaches or detaches; caller frees. */
Volume *lifecycle_get_volume(const LifecycleTask *task, GError **error);
/* Its host is known to be dead, and not only silent. */
bool lifecycle_is_host_dead(const LifecycleTask *task);
/* Asks for an effect, or gives the answer once it has come. Of a host that is known to be dead
 * nothing is asked: FAILED at once, with ERROR_HYPERVISOR_DOWN. */
EffectResult lifecycle_effect(LifecycleTask *task, LifecycleEffect effect, GError **ret_error);

/* ---- steps.c ---- */
StepResult lifecycle_step_state(LifecycleTask *task);

/* ---- build.c ---- */
StepResult lifecycle_step_SCHEDULING(LifecycleTask *task);
StepResult lifecycle_step_FETCHING(LifecycleTask *task);
StepResult lifecycle_step_BUILDING(LifecycleTask *task);
StepResult lifecycle_step_CLEANING(LifecycleTask *task);

/* ---- attempts.c ---- */
/* Whether another host may do what failed in that state with that code (error_code_name; NULL: no
 * error). Of CLEANING: in one after FETCHING, and nothing of it is left. */
bool lifecycle_is_of_host(LifecycleState failed_in, const char *code);
/* Whether a create that has failed with that code in FETCHING, or of which nothing is left in
 * CLEANING, is tried on another host. Reads the store. */
bool lifecycle_may_try_another(const LifecycleTask *task, const char *code);
/* Back to SCHEDULING: the host is let go, with its claim, and not chosen again. */
StepResult lifecycle_try_another(LifecycleTask *task, const char *why);
/* "; before: ..." for each host that was let go, "" for none. Caller frees. */
char *lifecycle_tell_attempts(const LifecycleTask *task);
/* A fault's message, with Nova's words before it where but for max_attempts another host would have
 * been tried. is_clean: nothing of the instance is left. Caller frees. */
char *lifecycle_explain_end(const LifecycleTask *task, const char *message, bool is_clean);

/* ---- stop.c ---- */
StepResult lifecycle_step_STOPPING(LifecycleTask *task);
StepResult lifecycle_step_POWERING_OFF(LifecycleTask *task);

/* ---- recover.c ---- */
/* What the stored state means to a daemon that was not there when it was entered. */
void lifecycle_recover(LifecycleTask *task);
