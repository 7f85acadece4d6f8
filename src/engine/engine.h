/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The engine: one thread that owns every open operation and every host connection. It decides;
 * workers block. Other threads only use the functions below, which post messages. */
#include "hypervisor/driver.h"
#include "model/rehearsal.h"
#include "operation/operation.h"

typedef struct Engine Engine;

typedef struct EngineOptions {
    int64_t keepalive_us;     /* silence of a host before its connection is closed; 0 = 20 s */
    int64_t sync_interval_us; /* facts and domains of each host this often; 0 = 10 min */
    int64_t look_soon_us;     /* after a change, instead; 0 = 30 s */
    bool resume_guests;       /* what should run is started again after its host's reboot */
    int max_transfers;        /* migrate calls at once in the whole fleet; 0 = 256 */
} EngineOptions;

/* hypervisor is found by the scheme of a host's uri: find_hypervisor("qemu+tls://..."),
 * "fake:///...". NULL: no such scheme. On the engine's thread. */
typedef Hypervisor *(*EngineFindHypervisor)(const char *uri, void *data);
/* Takes nothing: store, clock and hypervisors must outlive it. Settings are copied. */
Engine *engine_new(Store *store, const Clock *clock, const OperationSettings *settings,
    const EngineOptions *options, EngineFindHypervisor find_hypervisor, void *find_data);
/* Begins a new epoch in the store and starts the thread, which recovers open operations and
 * connects to the hosts. */
bool engine_start(Engine *engine, GError **error);
/* Ends the thread. What runs in workers goes on until the process ends, but for what reads the
 * store (engine_ask_reading): being stopped is nothing else than being killed. */
void engine_stop(Engine *engine);
void engine_free(Engine *engine);
/* Any thread: new settings take the place of the old ones, soon; what is under way goes on by the
 * new ones. Takes nothing. Times of the connections stay as they were at the start. */
void engine_set_settings(Engine *engine, const OperationSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)

/* ---- any thread ---- */
/* Something was accepted in the store, or wanted was set: look now instead of at the next tick. */
void engine_nudge(Engine *engine);
/* An operator wants a leftover removed. */
void engine_nudge_leftovers(Engine *engine);
/* A drain was accepted, or something else is wanted of it. */
void engine_nudge_drains(Engine *engine);
/* What is known of that instance was set by somebody: its host is asked what it is. */
void engine_nudge_instance(Engine *engine, const char *instance_id);
/* Canaries are to be sent. */
void engine_nudge_canaries(Engine *engine);
/* A host joins a pool. */
void engine_nudge_pools(Engine *engine);
/* A host was added or removed in the store. */
void engine_nudge_hosts(Engine *engine);

/* Calls back, on the engine's thread, once the operation has left the states in which it is only
 * being checked (or has ended), or when timeout_ms has passed. For requests that wait. */
typedef void (*EngineWatchDone)(int64_t operation_id, bool timed_out, void *data);
void engine_watch_checks(
    Engine *engine, int64_t operation_id, int timeout_ms, EngineWatchDone done, void *data);

/* An ask: the console log of an instance: what it said on hosts it has left, then what its host
 * has. done runs on the engine's thread; text is borrowed. With an error (the host is down) text
 * is what is known without it. */
typedef void (*EngineConsoleDone)(const char *text, size_t size, const GError *error, void *data);
void engine_ask_console(Engine *engine, const char *host, const char *instance_id, size_t max_size,
    EngineConsoleDone done, void *data);

/* An ask: the processor that fits these hosts (names, NULL-terminated). done runs on the engine's
 * thread; the baseline is borrowed, NULL with an error. */
typedef void (*EngineBaselineDone)(const CpuBaseline *baseline, const GError *error, void *data);
void engine_ask_baseline(
    Engine *engine, char *const *hosts, EngineBaselineDone done, void *data);

/* What was heard of a guest. */
typedef struct EngineGuest {
    const char *platform; /* what store_map_platform_answers is asked by; NULL: it could not be
                           * told, or any host will do */
    const char *stays; /* what keeps it on its host while it runs; "": nothing; NULL: not told */
} EngineGuest;
/* An ask: whether that guest, which is on source_host, may leave it, and which hosts can give it
 * the platform that it has. done runs on the engine's thread, when all that is not known was asked
 * or has let 5 s pass; the guest is borrowed. */
typedef void (*EngineGuestDone)(const EngineGuest *guest, void *data);
void engine_ask_guest(Engine *engine, const char *instance_id, const char *source_host,
    EngineGuestDone done, void *data);

/* An ask: whether dest_host starts a twin of that guest, which runs on source_host. topology: what
 * it would be given there, as GuestTopology, NULL: nothing. done runs on the engine's thread; the
 * rehearsal is borrowed. */
typedef void (*EngineRehearsalDone)(const Rehearsal *rehearsal, void *data);
void engine_ask_rehearsal(Engine *engine, const char *instance_id, const char *source_host,
    const char *dest_host, const char *topology, EngineRehearsalDone done, void *data);

/* An ask: what is really free on these hosts (names, NULL-terminated), read into their facts. done
 * runs on the engine's thread, when all of them have answered or 5 s have passed. */
typedef void (*EngineMemoryDone)(void *data);
void engine_ask_memory(Engine *engine, char *const *hosts, EngineMemoryDone done, void *data);

/* Work that must not run on an HTTP thread (password hashing, hashing an upload): at most one at a
 * time for each key. run on a worker of its own (image streams never keep it waiting), done on the
 * engine's thread. run may not touch the store, which may be closed by then. */
void engine_ask_work(Engine *engine, const char *key, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data);
/* The same for what reads the store, and takes too long for the engine's thread, on which the asks
 * above call back (plans, explanations): seconds at most, since engine_stop waits for it. */
void engine_ask_reading(Engine *engine, const char *key, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data);
