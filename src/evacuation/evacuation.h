/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An evacuation: an instance whose host is dead is made anew on another one. One state machine
 * after the recipe of operation/operation.h. */
#include "base/machine.h"
#include "operation/operation.h"

const OperationRunner *evacuation_runner(void);
const Machine *evacuation_machine(void);
/* Frees what the evacuations of that context share. When the engine ends, after its tasks. */
void evacuation_forget(OperationContext *context);
/* The old host is back and has nothing of it any more: DONE becomes COMPLETED. One that is not DONE
 * is left alone. */
bool evacuation_settle(OperationContext *context, int64_t operation_id, GError **error);
/* Nova's status of an evacuation in that stored state; NULL for an unknown name. */
const char *evacuation_status_of_state(const char *state);
/* Stored state names with that status, comma separated; NULL: no state has it. Caller frees. */
char *evacuation_states_of_status(const char *status);
/* Every failpoint of this machine: evacuation.<state>.before_commit and .after_commit around the
 * commit that moves into a state, evacuation.<effect>.before and .after around an effect. */
GStrv evacuation_list_failpoints(void);
