/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The columns of the hosts of an explanation: rank, weight, and what each weigher gives to it. */
#include "cli/output.h"

enum { EXPLAIN_COLUMNS_MAX = 12 };

/* Those that count for one of the hosts: the shares that are shown add up to the weight. Ends with
 * a NULL title. */
void explain_choose_columns(const json_t *hosts, Column columns[EXPLAIN_COLUMNS_MAX]);
