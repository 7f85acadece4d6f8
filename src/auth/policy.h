/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What may you: one table from rule names, Nova's where Nova has one, to the least role. Whose
 * object it is (the project) is the handler's question. */
#include <stdbool.h>

#include "base/error.h"
#include "model/identity.h"

/* ERROR_FORBIDDEN: "Policy doesn't allow X to be performed." A rule that is not in the table is a
 * bug. */
bool policy_check(const Identity *identity, const char *rule, GError **error);
bool policy_has_rule(const char *rule);
