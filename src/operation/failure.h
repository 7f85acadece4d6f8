/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What every machine does with the message of an operation that fails (model/diagnosis.h). */
#include "store/store.h"

/* The message of a move that has an error ends with cause and fix, where its words are known. The
 * text is the caller's: the move's message points into it. NULL: the message stays as it is. */
char *failure_explain(OperationMove *move);
/* An operation that ends with an error, and was not given up by its owner, is counted by what its
 * message means. */
void failure_count(const Operation *operation, bool is_closed);
