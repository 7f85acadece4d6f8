/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What lint has found, as tables: checks of hosts, canaries between them, and what to do. */
#include "cli/output.h"

/* lint: as the API tells it, and with "unsent" the canaries that were asked for and not sent. all:
 * checks that are in order too. alone: why there was nobody to send one to, and what to do; NULL:
 * there was. For OUTPUT_TABLE and _VALUE. */
bool lint_print(
    Output *output, const json_t *lint, bool all, const char *alone, GError **error);
