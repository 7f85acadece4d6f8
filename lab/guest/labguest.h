/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors.
 *
 * The one static program inside the lab's guest. Each part is a long-running command of it, named
 * by its first argument; init starts them. */
#pragma once

#include <stdint.h>

/* Sends the heartbeat: `heartbeat ADDRESS PORT HZ UUID`. Returns only on a mistake of the caller.
 */
int heartbeat_main(int argc, char **argv);

/* Rewrites memory: `writer MIB MBS`, and listens on UDP port WRITER_PORT for "MIB MBS". */
int writer_main(int argc, char **argv);

/* Prints `tick N` each second and appends it to a file: `ticker CONSOLE [FILE]`. */
int ticker_main(int argc, char **argv);

/* Returns 0 once the ACPI power button was pressed: `powerbutton`. */
int powerbutton_main(int argc, char **argv);

#define WRITER_PORT 4798

uint64_t labguest_now_ns(void);

/* Sleeps until `deadline_ns` of CLOCK_MONOTONIC. */
void labguest_sleep_until(uint64_t deadline_ns);
