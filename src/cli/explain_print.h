/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An explanation, or the record of a decision, as tables: which hosts, what each would have given
 * away, and what speaks against it. */
#include "cli/output.h"

/* all: every check, not only those that speak against a host. For OUTPUT_TABLE and _VALUE. */
bool explain_print(Output *output, const json_t *explanation, bool all, GError **error);
/* What a decision has found of the host that was asked about; all: as above, where its checks are
 * kept. For OUTPUT_TABLE and _VALUE. */
bool explain_print_host(Output *output, const json_t *decision, bool all, GError **error);
