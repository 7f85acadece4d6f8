/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* One child process, run to its end within a time. Nothing here knows what a fence agent is. */
#include "base/error.h"

typedef struct Child {
    int code;         /* its exit status; 128 and its signal when one ended it */
    char *last_words; /* the last line it wrote to standard error; never NULL */
} Child;

/* Starts path with input as its standard input, in a process group of its own, and waits. TIMEOUT:
 * the group was killed. INTERNAL: it could not be started. */
bool child_run(
    const char *path, const char *input, int timeout_ms, Child *ret_child, GError **error);
void child_clear(Child *child);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Child, child_clear)
