/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Wrong usage, whoever finds it: the parser, a command that looks at its options, or the output
 * that is asked for a column. A domain of its own, because what a server calls invalid is none. */
#include <glib.h>
#include <stdbool.h>

/* Returns false, as error_set does. */
bool usage_error(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool is_usage_error(const GError *error);
