/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where an instance goes, claimed: the choice by what is known, and what is really free on the host
 * then read once more. The claim comes before the question, so that others see it meanwhile and
 * choose otherwise. */
#include "operation/operation.h"

typedef enum {
    CLAIM_WAITING, /* hosts are being asked for their memory: the operation is woken */
    CLAIM_DONE,
    CLAIM_FAILED,
} ClaimResult;

/* As store_claim, and like it to be called as often as one likes, while nothing of the instance was
 * made on the host. A host that turns out to have not enough is let go, and another chosen; one
 * that fails for its memory alone is asked before nobody has enough. */
ClaimResult operation_claim(OperationContext *context, const Operation *operation,
    const Instance *instance, StoreChooseHost choose, void *data, char **ret_host, GError **error);
