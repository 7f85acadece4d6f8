/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The allowed moves, each with the sentence that an operator reads.
 *
 *   QUEUED ─> SCHEDULING ─> FETCHING ─> BUILDING ─> STARTING ─> COMPLETED      (create)
 *     │            │  ^         ├──────────┴───────────┴─> CLEANING ─> FAILED, CANCELLED
 *     │            │  └─────────┴─────────────────────────────┘ another host is tried
 *     │            └─> FAILED
 *     ├─> STOPPING ─> POWERING_OFF ─> [STARTING ─>] COMPLETED                  (stop, reboot)
 *     ├─> STARTING, PAUSING, RESUMING ─> COMPLETED
 *     │        └─> CHECKING ─> FAILED                (also from STOPPING and POWERING_OFF)
 *     ├─> ATTACHING ─> COMPLETED                                               (attach)
 *     │        └─> DETACHING ─> FAILED, CANCELLED
 *     ├─> DETACHING ─> COMPLETED, FAILED, CANCELLED                            (detach)
 *     └─> REMOVING ─> COMPLETED                                                (delete)
 *
 * Suspended in (waiting for a host, an event or a deadline): every state but QUEUED and
 * SCHEDULING. */
#include "lifecycle/lifecycle.h"

#include "lifecycle/states.h"

static const MachineState states[] = {
#define X(state, text, class, deadline_s, sentence_text)                                           \
    {.name = text,                                                                                 \
        .sentence = sentence_text,                                                                 \
        .is_initial = LIFECYCLE_##state == LIFECYCLE_QUEUED,                                       \
        .is_final = LIFECYCLE_##state >= LIFECYCLE_COMPLETED},
    LIFECYCLE_STATES(X)
#undef X
};

#define MOVE(from, to, sentence)                                                                   \
    {                                                                                              \
        LIFECYCLE_##from, LIFECYCLE_##to, sentence                                                 \
    }
static const MachineMove moves[] = {
    MOVE(QUEUED, SCHEDULING, "a host is looked for"),
    MOVE(QUEUED, STARTING, "the guest is to run"),
    MOVE(QUEUED, STOPPING, "the guest is asked to power off"),
    MOVE(QUEUED, POWERING_OFF, "the guest is to be stopped at once"),
    MOVE(QUEUED, PAUSING, "the guest is to be paused"),
    MOVE(QUEUED, RESUMING, "the guest is to go on"),
    MOVE(QUEUED, ATTACHING, "the guest is to get a volume"),
    MOVE(QUEUED, DETACHING, "the guest is to lose a volume"),
    MOVE(QUEUED, REMOVING, "the guest is to be removed"),
    MOVE(QUEUED, COMPLETED, "the instance has never been on a host"),
    MOVE(QUEUED, CANCELLED, "it was given up before it began"),
    MOVE(QUEUED, FAILED, "the instance is on no host"),
    MOVE(SCHEDULING, FETCHING, "a host was chosen and its resources are claimed"),
    MOVE(SCHEDULING, FAILED, "no host can take the instance"),
    MOVE(SCHEDULING, CANCELLED, "it was given up before a host was chosen"),
    MOVE(FETCHING, SCHEDULING, "the host did not get the image, another is tried"),
    MOVE(FETCHING, BUILDING, "the host has the image"),
    MOVE(FETCHING, CLEANING, "the image did not reach the host, or the create was given up"),
    MOVE(BUILDING, STARTING, "the guest is defined"),
    MOVE(BUILDING, CLEANING, "the guest could not be made, or the create was given up"),
    MOVE(STARTING, COMPLETED, "the guest runs"),
    MOVE(STARTING, CLEANING, "the new guest could not be started, or the create was given up"),
    MOVE(STARTING, CHECKING, "the guest could not be started"),
    MOVE(STOPPING, COMPLETED, "the guest has powered off"),
    MOVE(STOPPING, STARTING, "the guest has powered off and is to run again"),
    MOVE(STOPPING, POWERING_OFF, "the guest did not power off in time"),
    MOVE(STOPPING, CHECKING, "the guest could not be asked to power off"),
    MOVE(STOPPING, CANCELLED, "the instance is to be deleted"),
    MOVE(POWERING_OFF, COMPLETED, "the plug is pulled"),
    MOVE(POWERING_OFF, STARTING, "the plug is pulled and the guest is to run again"),
    MOVE(POWERING_OFF, CHECKING, "the plug could not be pulled"),
    MOVE(PAUSING, COMPLETED, "the guest is paused"),
    MOVE(PAUSING, CHECKING, "the guest could not be paused"),
    MOVE(RESUMING, COMPLETED, "the guest goes on"),
    MOVE(RESUMING, CHECKING, "the guest could not go on"),
    MOVE(ATTACHING, COMPLETED, "the guest has the volume"),
    MOVE(ATTACHING, DETACHING, "the volume is not to stay: what the guest has of it goes"),
    MOVE(DETACHING, COMPLETED, "the volume is free"),
    MOVE(DETACHING, FAILED, "the volume was not attached, or could not be detached"),
    MOVE(DETACHING, CANCELLED, "the instance is to be deleted"),
    MOVE(REMOVING, COMPLETED, "the instance is gone"),
    MOVE(REMOVING, FAILED, "the host refuses to remove the guest"),
    MOVE(CLEANING, SCHEDULING, "nothing is left on the host that refused, another is tried"),
    MOVE(CLEANING, FAILED, "the create has failed"),
    MOVE(CLEANING, CANCELLED, "the create was given up and nothing is left of it"),
    MOVE(CHECKING, FAILED, "the instance shows what its host says"),
};

static const Machine machine = {
    .name = "lifecycle",
    .states = states,
    .n_states = LIFECYCLE_N_STATES,
    .moves = moves,
    .n_moves = G_N_ELEMENTS(moves),
};

const Machine *
lifecycle_machine(void)
{
    return &machine;
}

GStrv
lifecycle_list_failpoints(void)
{
    static const char *const names[] = {
#define X(name, text, class, deadline_s, sentence)                                                 \
    "lifecycle.before." text, "lifecycle.after." text,
        LIFECYCLE_STATES(X)
#undef X
#define X(verb, lane) "lifecycle.effect." #verb ".before", "lifecycle.effect." #verb ".after",
            LIFECYCLE_EFFECTS(X)
#undef X
                NULL,
    };
    /* The first two are of QUEUED, into which nothing moves. */
    return g_strdupv((char **)names + 2);
}
