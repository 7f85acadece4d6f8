/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Everything that happens to an instance without moving it: create, delete, start, stop, reboot,
 * pause, unpause. One small machine for all of them, after the recipe of operation/operation.h. */
#include "base/machine.h"
#include "operation/operation.h"

const OperationRunner *lifecycle_runner(void);
const Machine *lifecycle_machine(void);
