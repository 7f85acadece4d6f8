/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The heart: a live migration as a state machine. states.h lists the states, machine.c the moves,
 * move.c is the one setter, steps.c has a function per state, decide.c is the recovery table as a
 * pure function, recover.c says what a stored state means at start. */
#include "base/machine.h"
#include "operation/operation.h"

const OperationRunner *migration_runner(void);
const Machine *migration_machine(void);
/* Frees what the migrations of that context share. When the engine ends, after its tasks. */
void migration_forget(OperationContext *context);
/* Nova's status of a migration in that stored state ("running"); NULL for an unknown name. */
const char *migration_status_of_state(const char *state);
/* Stored state names with that status, comma separated; NULL: no state has it. Caller frees. */
char *migration_states_of_status(const char *status);
/* "redo", "undo", "ask", "forward", "final". */
const char *migration_recovery_class(const char *state);
/* Every failpoint of this machine: migration.<state>.before_commit and .after_commit around the
 * commit that moves into a state, migration.<effect>.before and .after around an effect. */
GStrv migration_list_failpoints(void);
