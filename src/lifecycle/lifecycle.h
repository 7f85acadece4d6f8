/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Everything that happens to an instance without moving it: create, delete, start, stop, reboot,
 * pause, unpause. One small machine for all of them, after the recipe of operation/operation.h. */
#include "base/machine.h"
#include "operation/operation.h"

const OperationRunner *lifecycle_runner(void);
const Machine *lifecycle_machine(void);
/* Every failpoint of this machine: lifecycle.before.<state> and .after.<state> around the commit
 * that moves into a state, lifecycle.effect.<verb>.before and .after around an effect. */
GStrv lifecycle_list_failpoints(void);
/* What an instance is when its domain is like this. False for a view that says nothing of it
 * (absent, unreachable). */
bool lifecycle_observe(const DomainView *view, VmState *ret_vm_state, PowerState *ret_power_state);
/* The guest is off because it powered itself off: it is not to run any more. */
bool lifecycle_has_powered_off(const DomainView *view);
