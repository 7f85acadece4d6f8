/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* How every machine writes a move: committed between the failpoints of the new state, kept in
 * memory, logged, counted, and told to whoever waits. */
#include "operation/operation.h"

typedef struct OperationCommit {
    OperationContext *context;
    Operation *operation;       /* in memory: gets the new state, its deadline and a first error */
    const Migration *migration; /* for the log; NULL: it is no move between hosts */
    const char *host;           /* for the log, where there is no migration */
    const char *before;         /* failpoints */
    const char *after;
} OperationCommit;

/* A move with nothing of the instance, the claims or the migration in it. */
OperationMove operation_plain_move(void);
/* When a state that is entered now has lasted too long: stay_s 0 = never (0), below 0 = as long as
 * a guest is given to shut down. */
int64_t operation_deadline_us(const OperationContext *context, int stay_s);
/* The message of a move that has an error ends with cause and fix, where its words are known
 * (model/diagnosis.h). The text is the caller's: the move's message points into it. NULL: the
 * message stays as it is. */
char *operation_explain(OperationMove *move);
/* DONE: it is closed. *ret_written false: nothing was written, because somebody else has moved the
 * row (DONE), or because the database fails (WAIT: it will be tried again). */
StepResult operation_commit(
    const OperationCommit *commit, const OperationMove *move, bool *ret_written);
