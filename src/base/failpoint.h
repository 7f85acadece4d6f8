/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Named points at which a test can make the process die, fail or wait. They are always compiled
 * in: what is tested is what is shipped, and a disarmed point costs one load and one branch.
 *
 * Armed through the environment: DROVER_FAILPOINTS="name=crash,other=crash@3,third=error".
 * crash = _exit(57) at once, no flushing, the same event as kill -9; @N = at the Nth passage only.
 * error = failpoint_error() fills an error (ERROR_INTERNAL). wait = the whole process stops itself
 * (SIGSTOP) until the test sends SIGCONT. A text that cannot be read ends the process.
 * DROVER_FAILPOINT_TRACE=FILE appends each name that is passed the first time, so that a test can
 * prove that every point was reached. */
#include <glib.h>
#include <stdbool.h>

void failpoint_init(void);
/* Returns normally, or never. Any thread. */
void failpoint(const char *name);
/* True when an error was injected (and set). Any thread. */
bool failpoint_error(const char *name, GError **error);
