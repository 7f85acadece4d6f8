/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The states of an evacuation, its effects and the reasons for which one ends badly.
 *
 * NAME | stored text | Nova's status | recovery class | longest stay in seconds, 0 = no limit |
 * what an evacuation in this state is doing. Every effect done twice is done once, so each state
 * may be entered again by a new daemon. */
/* clang-format off */
#define EVACUATION_STATES(X)                                                                       \
    X(QUEUED, "queued", "accepted", "redo", 0, "accepted, nothing has happened")                   \
    X(FENCING, "fencing", "accepted", "redo", 0,                                                   \
        "the host is made certain to be dead: its power is switched off")                          \
    X(CHECKING, "checking", "accepted", "redo", 30,                                                \
        "a host that answers after all is asked whether it runs the guest")                        \
    X(CLAIMING, "claiming", "accepted", "redo", 30,                                                \
        "choosing the destination, reserving its resources, looking what it has of the guest")     \
    X(FETCHING, "fetching", "pre-migrating", "redo", 600,                                          \
        "the image goes to the destination, unless it is there")                                   \
    X(BUILDING, "building", "pre-migrating", "redo", 120,                                          \
        "the destination makes volumes and defines the guest")                                     \
    X(PROVING, "proving", "pre-migrating", "redo", 0,                                              \
        "the guest, which is to stay off, is shown to be able to start, and to run nowhere else")  \
    X(STARTING, "starting", "pre-migrating", "redo", 0, "the destination starts the guest")        \
    X(UNDOING, "undoing", "pre-migrating", "undo", 60,                                             \
        "the instance stays on its host; the destination is cleaned")                              \
    X(DONE, "done", "done", "forward", 0,                                                          \
        "the instance is on the destination; the old host still has its copy")                     \
    X(COMPLETED, "completed", "completed", "final", 0, "the old host is back, its copy is gone")   \
    X(FAILED, "failed", "failed", "final", 0, "failed on the destination; it may be tried again")  \
    X(ERROR, "error", "error", "final", 0, "refused before anything was built")                    \
    X(CANCELLED, "cancelled", "cancelled", "final", 0, "given up: the instance is to be deleted")
/* clang-format on */

typedef enum {
#define X(name, text, status, recovery, stay_s, sentence) EVACUATION_##name,
    EVACUATION_STATES(X)
#undef X
        EVACUATION_N_STATES,
} EvacuationState;

/* Outside effects: each has the failpoints evacuation.<text>.before and .after. */
#define EVACUATION_EFFECTS(X)                                                                      \
    X(FENCE, "fence", LANE_LONG)              /* the agent switches the host's power off */        \
    X(LOOK_SOURCE, "look_source", LANE_SHORT) /* a host that should be dead answers */             \
    X(LOOK_DEST, "look_dest", LANE_SHORT)     /* the domain and the volumes that are there */      \
    X(FETCH, "fetch", LANE_LONG)                                                                   \
    X(FORGET_STALE, "forget_stale", LANE_SHORT) /* a domain that an older move left */             \
    X(CLEAR_STALE, "clear_stale", LANE_SHORT)   /* volumes that are there before a new disk */     \
    X(CREATE, "create", LANE_SHORT)                                                                \
    X(PROVE, "prove", LANE_SHORT)                                                                  \
    X(START, "start", LANE_SHORT)                                                                  \
    X(CLEAN_DEST, "clean_dest", LANE_SHORT)

typedef enum {
#define X(name, text, lane) EVACUATION_EFFECT_##name,
    EVACUATION_EFFECTS(X)
#undef X
        EVACUATION_N_EFFECTS,
} EvacuationEffect;

/* Why it ended badly: NAME | the operation's error_code | what it means, and what to do. */
#define EVACUATION_REASONS(X)                                                                      \
    X(NOT_FENCED, "not-fenced", "the host is silent, which does not prove that it is dead")        \
    X(FENCE_FAILED, "fence-failed", "the fence agent could not switch the host's power off")       \
    X(SOURCE_UP, "source-up", "the host has come back: migrate, if it must")                       \
    X(SOURCE_ALIVE, "source-alive",                                                                \
        "the guest still runs on its host: it answers and says so, or holds the lock of the disk") \
    X(NO_VALID_HOST, "no-valid-host", "no host fits; each says why")                               \
    X(NO_ROOM, "insufficient-resources", "the host that is nearest to fit has no room for it")     \
    X(GROUP, "server-group", "its server group keeps it from a host that would fit else")          \
    X(DEST_UNAVAILABLE, "destination-not-available", "the destination does not answer")            \
    X(DEST_BUSY, "destination-has-copy", "the destination has a domain or a disk of the instance") \
    X(DISK_MISSING, "disk-missing", "the shared pool does not have the instance's disk")           \
    X(IMAGE_MISSING, "image-missing", "neither droverd nor a host has the image")                  \
    X(BUILD_FAILED, "build-failed", "the destination could not make or start the guest")           \
    X(DELETED, "instance-deleted", "the instance was deleted before it was complete")

typedef enum {
#define X(name, code, sentence) EVACUATION_REASON_##name,
    EVACUATION_REASONS(X)
#undef X
        EVACUATION_N_REASONS,
} EvacuationReason;
