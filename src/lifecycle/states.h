/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The states of an operation that does not move its instance, and the effects it has on a host.
 * Every state is of a kind that a new daemon may simply enter again: the effects are idempotent,
 * a soft reboot is a stop and a start, a hard one a pulled plug and a start. So nothing here is
 * done twice by being started twice. */

/* NAME, stored name, recovery class, deadline in seconds (0 = none, -1 = the shutdown time-out),
 * what an operation in this state is doing */
#define LIFECYCLE_STATES(X)                                                                        \
    X(QUEUED, "queued", "redo", 0, "accepted, nothing has happened")                               \
    X(SCHEDULING, "scheduling", "redo", 60, "a host is chosen and claimed in one transaction")     \
    X(FETCHING, "fetching", "redo", 600, "the image goes to the host, unless it is there")        \
    X(BUILDING, "building", "redo", 120, "the host makes volumes and defines the guest")           \
    X(STARTING, "starting", "redo", 120, "the host starts the guest")                              \
    X(STOPPING, "stopping", "redo", -1, "the guest was asked to power off")                        \
    X(POWERING_OFF, "powering-off", "redo", 60, "the host pulls the guest's plug")                 \
    X(PAUSING, "pausing", "redo", 60, "the host halts the guest's processors")                     \
    X(RESUMING, "resuming", "redo", 60, "the host lets the guest's processors go on")              \
    X(ATTACHING, "attaching", "redo", 60, "the host gives the guest a volume")                     \
    X(DETACHING, "detaching", "redo", 120, "the host takes a volume from the guest")               \
    X(REMOVING, "removing", "forward", 60, "the host removes the guest and its volumes")           \
    X(CLEANING, "cleaning", "undo", 120, "what a failed create made on the host is removed")       \
    X(CHECKING, "checking", "ask", 60, "something failed: the host is asked what is true")         \
    X(COMPLETED, "completed", "final", 0, "done")                                                  \
    X(FAILED, "failed", "final", 0, "not done; the instance says what is true")                    \
    X(CANCELLED, "cancelled", "final", 0, "given up because its owner asked for it")

typedef enum {
#define X(name, text, class, deadline_s, sentence) LIFECYCLE_##name,
    LIFECYCLE_STATES(X)
#undef X
        LIFECYCLE_N_STATES,
} LifecycleState;

/* Verb of hypervisor/provider.h, lane. Each has the failpoints lifecycle.effect.<verb>.before and
 * .after, on the worker, around the call itself. */
#define LIFECYCLE_EFFECTS(X)                                                                       \
    X(describe_domain, LANE_SHORT)                                                                 \
    X(ensure_base, LANE_LONG)                                                                      \
    X(copy_base, LANE_LONG)                                                                        \
    X(create_guest, LANE_SHORT)                                                                    \
    X(start_guest, LANE_SHORT)                                                                     \
    X(shutdown_guest, LANE_SHORT)                                                                  \
    X(destroy_guest, LANE_SHORT)                                                                   \
    X(pause_guest, LANE_SHORT)                                                                     \
    X(resume_guest, LANE_SHORT)                                                                    \
    X(attach_disk, LANE_SHORT)                                                                     \
    X(detach_disk, LANE_SHORT)                                                                     \
    X(remove_guest, LANE_SHORT)

typedef enum {
#define X(verb, lane) EFFECT_##verb,
    LIFECYCLE_EFFECTS(X)
#undef X
        EFFECT_N_EFFECTS,
} LifecycleEffect;
