/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The one list of the states of a cold move and of its end. Columns:
 *
 * NAME | stored text | Nova's status | recovery class | longest stay in seconds (0 = no limit,
 * -1 = the time a guest has to power off) | what an operation in this state is doing
 *
 * Every state may be entered again by a new daemon: effects done twice are done once. The class
 * says what else a crash means: in "redo" the source alone can have the guest; in "forward" the
 * destination may; in "undo" the way back is under way. */
/* clang-format off */
#define COLD_STATES(X)                                                                             \
    X(QUEUED, "queued", "pre-migrating", "redo", 0,                                                \
        "accepted, nothing has happened")                                                          \
    X(CHECKING, "checking", "pre-migrating", "redo", 30,                                           \
        "the source is asked how the guest is")                                                    \
    X(CLAIMING, "claiming", "pre-migrating", "redo", 60,                                           \
        "choosing the destination, reserving its resources, asking both for pools and disks")      \
    X(FETCHING, "fetching", "pre-migrating", "redo", 600,                                          \
        "what the disk stands on goes to the destination")                                         \
    X(PREPARING, "preparing", "pre-migrating", "redo", 60,                                         \
        "making empty disks on the destination")                                                   \
    X(STOPPING, "stopping", "migrating", "redo", -1,                                               \
        "the guest was asked to power off")                                                        \
    X(COPYING, "copying", "migrating", "redo", 0,                                                  \
        "the disks flow; the guest is off")                                                        \
    X(DEFINING, "defining", "post-migrating", "redo", 120,                                         \
        "the destination learns what the guest is")                                                \
    X(STARTING, "starting", "post-migrating", "forward", 120,                                      \
        "the destination starts the guest")                                                        \
    X(RETREATING, "retreating", "migrating", "undo", 0,                                            \
        "the destination failed to start the guest, and must be seen off before the source may")   \
    X(RESTARTING, "restarting", "migrating", "undo", 0,                                          \
        "the source gets the guest back")                                                          \
    X(UNDOING, "undoing", "migrating", "undo", 60,                                                 \
        "the guest stays on the source; the destination is cleaned")                               \
    X(PROVING, "proving", "confirming", "redo", 30,                                                \
        "the destination is asked whether it has the guest")                                       \
    X(CONFIRMING, "confirming", "confirming", "forward", 20,                                       \
        "the source forgets the guest and its disks")                                              \
    X(RECALLING, "recalling", "reverting", "redo", 30,                                             \
        "the source is asked whether it still has the guest, and can have its disks")              \
    X(HALTING, "halting", "reverting", "undo", -1,                                                 \
        "the destination stops the guest, and must be seen off before the source may start it")    \
    X(RETURNING, "returning", "reverting", "undo", 0,                                              \
        "the source gets its old definition back, in a newer generation")                          \
    X(REVIVING, "reviving", "reverting", "undo", 0,                                              \
        "the source starts the guest")                                                             \
    X(CLEANING, "cleaning", "reverting", "undo", 20,                                               \
        "the source has the guest; the destination is cleaned")                                    \
    X(FINISHED, "finished", "finished", "final", 0, "moved; waits to be confirmed or reverted")    \
    X(CONFIRMED, "confirmed", "confirmed", "final", 0, "moved for good")                           \
    X(REVERTED, "reverted", "reverted", "final", 0, "as it was before the move")                   \
    X(ERROR, "error", "error", "final", 0, "not moved, or left for an operator")                   \
    X(CANCELLED, "cancelled", "cancelled", "final", 0, "aborted; the guest is on the source")      \
    X(REFUSED, "refused", "finished", "final", 0, "neither confirmed nor reverted: it may be later")
/* clang-format on */

typedef enum {
#define X(name, text, status, recovery, timeout, sentence) COLD_##name,
    COLD_STATES(X)
#undef X
        COLD_N_STATES,
} ColdState;

/* Verb, lane. Each has the failpoints cold.effect.<verb>.before and .after, on the worker, around
 * the call itself. */
#define COLD_EFFECTS(X)                                                                            \
    X(describe_domain, LANE_SHORT)                                                                 \
    X(probe_pools, LANE_SHORT)                                                                     \
    X(fetch_base, LANE_LONG)                                                                       \
    X(forget_stale, LANE_SHORT)                                                                    \
    X(try_disks, LANE_SHORT)                                                                       \
    X(prepare_dest, LANE_SHORT)                                                                    \
    X(shutdown_guest, LANE_SHORT)                                                                  \
    X(destroy_guest, LANE_SHORT)                                                                   \
    X(copy_disks, LANE_TRANSFER)                                                                   \
    X(query_job, LANE_SHORT)                                                                       \
    X(abort_job, LANE_SHORT)                                                                       \
    X(read_console, LANE_SHORT)                                                                    \
    X(create_guest, LANE_SHORT)                                                                    \
    X(start_guest, LANE_SHORT)                                                                     \
    X(drop_courier, LANE_SHORT)                                                                    \
    X(clean_source, LANE_SHORT)                                                                    \
    X(clean_dest, LANE_SHORT)

typedef enum {
#define X(verb, lane) EFFECT_##verb,
    COLD_EFFECTS(X)
#undef X
        COLD_N_EFFECTS,
} ColdEffect;
