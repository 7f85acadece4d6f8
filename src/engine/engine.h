/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The engine: one thread that owns every open operation and every host connection. It decides;
 * workers block. Other threads only use the functions below, which post messages. */
#include "hypervisor/driver.h"
#include "operation/operation.h"

typedef struct Engine Engine;

/* Takes nothing: store and hypervisor must outlive it. hypervisor is found by the scheme of a
 * host's uri: find_hypervisor("qemu+tls://..."), "fake:///...". */
typedef Hypervisor *(*EngineFindHypervisor)(const char *uri, void *data);
Engine *engine_new(Store *store, const Clock *clock, const OperationSettings *settings,
    EngineFindHypervisor find_hypervisor, void *find_data);
/* Starts the thread: recovers open operations, connects to the hosts. */
bool engine_start(Engine *engine, GError **error);
void engine_stop(Engine *engine);
void engine_free(Engine *engine);

/* ---- any thread ---- */
/* Something was accepted in the store, or wanted was set: look now instead of at the next tick. */
void engine_nudge(Engine *engine);
/* A host was added or removed in the store. */
void engine_nudge_hosts(Engine *engine);

/* Calls back, on the engine's thread, once the operation has left the states in which it is only
 * being checked (or has ended), or when timeout_ms has passed. For requests that wait. */
typedef void (*EngineWatchDone)(int64_t operation_id, bool timed_out, void *data);
void engine_watch_checks(Engine *engine, int64_t operation_id, int timeout_ms,
    EngineWatchDone done, void *data);

/* An ask: the console log of an instance, read from its host. done runs on the engine's thread;
 * text is borrowed. */
typedef void (*EngineConsoleDone)(
    const char *text, size_t size, const GError *error, void *data);
void engine_ask_console(Engine *engine, const char *host, const char *instance_id,
    size_t max_size, EngineConsoleDone done, void *data);

/* Work that must not run on an HTTP thread (password hashing, hashing an upload): at most one at a
 * time for each key. run on a long worker, done on the engine's thread. */
void engine_ask_work(Engine *engine, const char *key, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data);
