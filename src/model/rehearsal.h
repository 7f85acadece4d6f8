/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What came of a rehearsal on one host: a twin of a guest was started there, paused and without
 * disks and NICs, and ended. Of the moment; nobody keeps it. */
#include <glib.h>

typedef struct Rehearsal {
    char *host;
    char *refusal; /* it did not start, in the words of the host; NULL: no such thing was said */
    char *problem; /* why nothing is known; NULL: something is */
    int64_t elapsed_ms;
} Rehearsal;
