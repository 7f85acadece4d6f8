/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Drains and restores: jobs that ask for migrations until a host is empty, or has back what it had.
 * On the engine's thread. */
#include "base/machine.h"
#include "operation/operation.h"

typedef struct DrainOutlook {
    bool has_open;   /* a job is under way: look again when an operation has closed */
    bool has_asked;  /* operations were accepted */
    int64_t next_us; /* look again then, at the latest; INT64_MAX: no time is known */
} DrainOutlook;

/* Looks at every job that is under way, and does what can be done now. */
DrainOutlook drain_pass(OperationContext *context);

const Machine *drain_machine(void);
const Machine *drain_item_machine(void);
/* Names of all failpoints, in no order; caller frees. */
GStrv drain_list_failpoints(void);
