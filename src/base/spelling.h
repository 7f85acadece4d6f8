/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What somebody may have meant. */
#include <stddef.h>

/* How many letters must be changed, added or taken away to make one word of the other; case does
 * not matter. */
size_t spelling_distance(const char *a, const char *b);
