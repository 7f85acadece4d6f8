/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where is the guest? One table over what both hosts say, for the happy path, for every failure
 * and for every restart alike. Pure: no clock, no I/O. The table is printed into
 * doc/internals/migration.md. */
#include "hypervisor/types.h"

/* What one side looks like. Columns: NAME | text for the page */
#define DECIDE_SOURCE_SIDES(X)                                                                     \
    X(UNREACHABLE, "does not answer")                                                              \
    X(RUNNING, "running, no job")                                                                  \
    X(RUNNING_JOB, "running (or paused by a user), job out")                                       \
    X(SWITCHING, "paused by the migration, job out")                                               \
    X(HELD, "paused before it was sent, no job")                                                   \
    X(PAUSED, "paused, no job")                                                                    \
    X(POSTCOPY, "paused in post-copy")                                                             \
    X(BROKEN, "paused in a post-copy that broke")                                                  \
    X(LEFT, "absent, or shut off because it migrated")                                             \
    X(OFF, "shut off for another reason")

#define DECIDE_DEST_SIDES(X)                                                                       \
    X(UNREACHABLE, "does not answer")                                                              \
    X(ABSENT, "absent, or not of this migration")                                                  \
    X(INCOMING, "paused, waiting for the source")                                                  \
    X(ARRIVED, "paused, no job")                                                                   \
    X(RUNNING, "running")                                                                          \
    X(POSTCOPY, "running in post-copy")                                                            \
    X(BROKEN, "running in a post-copy that broke")                                                 \
    X(OFF, "shut off, of this migration")                                                          \
    X(FAILED, "shut off, of this migration: it failed to start there")

/* What to do. Columns: NAME | text for the page */
#define DECISIONS(X)                                                                               \
    X(WAIT, "in between: look again at once")                                                      \
    X(WATCH, "still moving: watch it")                                                             \
    X(ASK, "not known: ask again until the silent host answers")                                   \
    X(FOLLOW, "in post-copy: watch it")                                                            \
    X(MEND, "post-copy broke: resume it, with waits in between; destroy neither")                  \
    X(HALVED, "half of its memory is gone: stop the half on the destination, its disks are there") \
    X(MOVED, "the destination has it: finish")                                                     \
    X(MOVED_OFF, "it arrived and has stopped there: finish")                                       \
    X(STAYED, "the source has it: clean the destination, resume the source if a move paused it")   \
    X(STAYED_OFF, "it stopped on the source: clean the destination")                               \
    X(ABANDONED, "whatever it did there is given up: switch the old memory on the source off")     \
    X(ABANDONED_OFF, "off on the source, given up on the destination: keep both disks, call an "   \
                     "operator")                                                                   \
    X(TWICE, "runs twice: pause the source at once, keep both disks, call an operator")            \
    X(LOST, "on neither: keep every disk, call an operator")

typedef enum {
#define X(name, text) SOURCE_##name,
    DECIDE_SOURCE_SIDES(X)
#undef X
        N_SOURCE_SIDES,
} SourceSide;

typedef enum {
#define X(name, text) DEST_##name,
    DECIDE_DEST_SIDES(X)
#undef X
        N_DEST_SIDES,
} DestSide;

typedef enum {
#define X(name, text) DECISION_##name,
    DECISIONS(X)
#undef X
        N_DECISIONS,
} Decision;

/* When a decision may be taken. Columns: NAME | text for the page */
#define DECIDE_PATIENCES(X)                                                                        \
    X(NOW, "at once")                                                                              \
    X(SETTLED, "once nobody can still be at work on it")                                           \
    X(TIMEOUT, "after the switchover's time, else ask again")                                      \
    X(DEST_DEAD, "once the destination is fenced, or after the switchover's time; else ask again") \
    X(DEST_FENCED, "once the destination is fenced; else ask again")                               \
    X(DEST_GIVEN_UP, "once the destination is fenced and an operator has aborted; else ask again") \
    X(GIVEN_UP, "once the source is fenced, or after the switchover's time and an abort by the "   \
                "operator; else ask again")

typedef enum {
#define X(name, text) PATIENCE_##name,
    DECIDE_PATIENCES(X)
#undef X
} Patience;

typedef struct DecideFacts {
    const DomainView *source;
    const DomainView *dest;
    int64_t operation;  /* ours: a domain on the destination with another one is not ours */
    int64_t waited_us;  /* since this daemon began to ask */
    int64_t settle_us;  /* a transfer whose end was not seen may still begin; 0 = seen */
    int64_t timeout_us; /* of the switchover */
    bool is_cancelled;  /* the operator has given it up */
    bool is_fenced;     /* the source is dead for certain, not merely silent */
    bool is_dest_dead;  /* the same of the destination */
} DecideFacts;

SourceSide decide_source_side(const DomainView *view);
DestSide decide_dest_side(const DomainView *view, int64_t operation);
Decision decide(const DecideFacts *facts);
const char *decision_name(Decision decision);

/* The table, for the page and the test. */
typedef struct DecideRow {
    Decision decision;
    Patience patience;
    const char *why;
} DecideRow;
const DecideRow *decide_row(SourceSide source, DestSide dest);
const char *source_side_text(SourceSide side);
const char *dest_side_text(DestSide side);
const char *decision_text(Decision decision);
const char *patience_text(Patience patience);
