/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Worker threads for blocking calls. A call runs on a thread of its lane's pool; its result comes
 * back as a message on the caller's GMainContext (the engine's). Per host at most 4 short calls
 * run at once on the control connection (libvirtd takes five requests per connection and then
 * stops reading, keep-alives included): the rest wait in the host's queue, and hosts that do not
 * answer never hold more than a part of the pool. */
#include "hypervisor/driver.h"

typedef enum {
    LANE_SHORT,    /* pool of 32, per host at most 4: one driver call under 30 s */
    LANE_OPEN,     /* pool of 4: opening a connection */
    LANE_LONG,     /* pool of 8: image streams, password hashing */
    LANE_TRANSFER, /* one thread per running migrate call, at most max_transfers */
} CallLane;

typedef struct Calls Calls;
/* run: on the worker; fills data. done: on the context, exactly once for each call that was
 * submitted, also when it is dropped (then run was not called and cancelled is true). Owns
 * data: free_data is called after done, on the context's thread. */
typedef void (*CallRun)(void *data);
typedef void (*CallDone)(void *data, bool cancelled);

Calls *calls_new(GMainContext *context, int max_transfers);
/* host is the key of the queue (its name); NULL for calls without a host. */
void calls_submit(Calls *calls, CallLane lane, const char *host, CallRun run, CallDone done,
    void *data, GDestroyNotify free_data);
/* Drops that call of the host if it has not begun: its done comes, with cancelled. */
void calls_drop(Calls *calls, CallLane lane, const char *host, const void *data);
/* Calls that wait or run, for metrics and 'inspect lanes'. */
int calls_count(Calls *calls, CallLane lane);
/* Drops what waits; does not wait for what runs (crash-only: the process ends). */
void calls_stop(Calls *calls);
void calls_free(Calls *calls);
