/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Puts the modules together: the only file that knows all of them. */
#include "base/config.h"

typedef struct Daemon Daemon;

/* Opens the database, makes the first administrator when there is none (its password goes to
 * standard output), listens, and starts the engine: all that can fail at a start, each with one
 * sentence. The configuration must outlive it. */
Daemon *daemon_start(const Config *config, GError **error);
/* Stops taking requests, ends the engine, closes the database. What hosts are doing goes on. */
void daemon_stop(Daemon *daemon);
