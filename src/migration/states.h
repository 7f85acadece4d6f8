/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The one list of the states of a live migration. Columns:
 *
 * NAME | stored text | Nova's status | recovery class | longest stay in us, 0 = no limit (settings
 * is in scope) | what a migration in this state is doing
 *
 * Recovery class: what a stored state means after a crash.
 *   redo     nothing happened that running the step again would not do the same
 *   ask      the guest may run on either side: look at both before doing anything
 *   forward  it runs on the destination: only finish
 *   undo     the guest stays where it was: clean the destination
 *   final    it is over */
/* clang-format off */
#define MIGRATION_STATES(X)                                                                        \
    X(QUEUED, "queued", "queued", "redo", 0,                                                       \
        "accepted, waiting for a slot of its source host")                                         \
    X(CHECKING, "checking", "preparing", "redo", 30 * G_USEC_PER_SEC,                              \
        "asking the source whether the guest can move")                                            \
    X(CLAIMING, "claiming", "preparing", "redo", 60 * G_USEC_PER_SEC,                              \
        "choosing the destination, reserving its resources, asking whether the guest gets there")  \
    X(PREPARING, "preparing", "preparing", "redo", settings->prepare_timeout_us,                   \
        "making bases and disks on the destination")                                               \
    X(TRANSFERRING, "transferring", "running", "ask", 0,                                           \
        "memory and disks flow; the source runs the guest")                                        \
    X(SWITCHING, "switching", "running", "ask", settings->switchover_timeout_us,                   \
        "the guest is paused between its hosts: both are asked which one runs it")                 \
    X(POSTCOPY, "postcopy", "running (post-copy)", "ask", 0,                                       \
        "the destination runs the guest, its memory follows from the source: no way back")         \
    X(RESOLVING, "resolving", "running", "ask", settings->switchover_timeout_us,                   \
        "the outcome is not known: both hosts are asked until they answer")                        \
    X(FINISHING, "finishing", "post-migrating", "forward", MIGRATION_CLEANUP_TIMEOUT_US,           \
        "the guest runs on the destination; the source is cleaned")                                \
    X(UNDOING, "undoing", "running", "undo", MIGRATION_CLEANUP_TIMEOUT_US,                         \
        "the guest stays on the source; the destination is cleaned")                               \
    X(COMPLETED, "completed", "completed", "final", 0, "moved")                                    \
    X(FAILED, "failed", "failed", "final", 0, "failed while moving; the guest is on the source")   \
    X(ERROR, "error", "error", "final", 0, "refused before it moved, or left for an operator")     \
    X(CANCELLED, "cancelled", "cancelled", "final", 0, "aborted; the guest is on the source")
/* clang-format on */

/* After this long what cannot be reached is left where it is, and named in the message. */
#define MIGRATION_CLEANUP_TIMEOUT_US (60 * G_USEC_PER_SEC)

typedef enum {
#define X(name, text, status, recovery, timeout, sentence) MIGRATION_##name,
    MIGRATION_STATES(X)
#undef X
        MIGRATION_N_STATES,
} MigrationState;

/* Outside effects: each has the failpoints "migration.<text>.before" (what announces it is
 * committed, it has not begun) and "migration.<text>.after" (it has happened, nothing of that is
 * recorded). */
#define MIGRATION_EFFECTS(X)                                                                       \
    X(LOOK, "look")                 /* both hosts' views of the guest */                           \
    X(CLAIM, "claim")               /* in the store */                                             \
    X(PROBE, "probe")               /* markers in both pools */                                    \
    X(CHECK_DEST, "check_dest")     /* may the guest run on the destination? */                    \
    X(REHEARSE, "rehearse")         /* does its QEMU start with what the guest has? */             \
    X(CHECK_WAY, "check_way")       /* do its packets get there? */                                \
    X(FORGET_STALE, "forget_stale") /* what an older move left on the destination */               \
    X(BASE, "base")                                                                                \
    X(PREPARE, "prepare")                                                                          \
    X(TRANSFER, "transfer")                                                                        \
    X(ABORT, "abort")                                                                              \
    X(LIMIT_DOWNTIME, "limit_downtime")   /* the next step of the pause that is aimed for */       \
    X(START_POST_COPY, "start_post_copy")                                                          \
    X(RESUME_POST_COPY, "resume_post_copy") /* after its way was broken */                         \
    X(PAUSE_SOURCE, "pause_source") /* to force completion, or because it runs twice */            \
    X(RESUME_SOURCE, "resume_source")                                                              \
    X(RESUME_DEST, "resume_dest")                                                                  \
    X(CONSOLE, "console")           /* its history is carried along */                             \
    X(DESTROY_SOURCE, "destroy_source")                                                            \
    X(CLEAN_SOURCE, "clean_source")                                                                \
    X(DESTROY_DEST, "destroy_dest")                                                                \
    X(CLEAN_DEST, "clean_dest")

typedef enum {
#define X(name, text) EFFECT_##name,
    MIGRATION_EFFECTS(X)
#undef X
        MIGRATION_N_EFFECTS,
} MigrationEffect;
