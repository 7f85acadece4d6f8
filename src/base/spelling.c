/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/spelling.h"

#include <glib.h>
#include <string.h>

size_t
spelling_distance(const char *a, const char *b)
{
    size_t b_length = strlen(b);
    g_autofree size_t *row = g_new(size_t, b_length + 1);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_length; j++) {
            size_t changed = diagonal + (g_ascii_tolower(a[i]) != g_ascii_tolower(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = MIN(changed, MIN(row[j], row[j + 1]) + 1);
        }
    }
    return row[b_length];
}
