/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Puts the modules together: the only file that knows all of them. */
#include "daemon/configuration.h"
#include "store/store.h"

typedef struct Daemon Daemon;

/* Opens the database, makes the first administrator when there is none (its password goes to
 * standard output), listens, and starts the engine: all that can fail at a start, each with one
 * sentence. The configuration and where it comes from must outlive it. on_lost is called once, on
 * any thread, when the database turns out to be another droverd's: nothing can be written then. */
Daemon *daemon_start(const ConfigSources *sources, const Config *config, StoreOnLost on_lost,
    void *data, GError **error);
/* Why on_lost was called. */
bool daemon_check(Daemon *daemon, GError **error);
/* Reads the configuration anew, from any thread; keys that need a restart wait for one. False: it
 * is refused as a whole, and everything stays as it was. What has changed is logged, and returned
 * (both may be NULL; of ApiConfigChange, and of sentences). */
bool daemon_reload(
    Daemon *daemon, GPtrArray **ret_changes, GPtrArray **ret_warnings, GError **error);
/* Instead of a start, while no other droverd works on the database: the new password goes to
 * standard output. */
bool daemon_reset_password(const Config *config, const char *user, GError **error);
/* Stops taking requests, ends the engine, closes the database. What hosts are doing goes on. */
void daemon_stop(Daemon *daemon);
