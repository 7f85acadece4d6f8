/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Cold migration, resize, confirm, revert: one machine, after the recipe of operation/operation.h.
 * Disks that hosts do not share go by the disk courier (hypervisor/provider.h, copy_disks). */
#include "base/machine.h"
#include "operation/operation.h"

const OperationRunner *cold_runner(void);
const Machine *cold_machine(void);
/* Nova's status of a move in that stored state; NULL for an unknown name. */
const char *cold_status_of_state(const char *state);
/* Stored state names with that status, comma separated; NULL: no state has it. Caller frees. */
char *cold_states_of_status(const char *status);
/* "redo", "forward", "undo", "final". */
const char *cold_recovery_class(const char *state);
/* Every failpoint of this machine: cold.before.<state> and .after.<state> around the commit that
 * moves into a state, cold.effect.<verb>.before and .after around an effect. */
GStrv cold_list_failpoints(void);
/* Nova: resize_confirm_window. Asks for the confirm of every move that has waited for that long. */
void cold_confirm_overdue(OperationContext *context);
