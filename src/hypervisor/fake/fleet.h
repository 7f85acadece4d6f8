/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The fleet of one Hypervisor: its lock, its clock, its sessions and the calls that wait in it.
 * What exists is in the world (world.h); what is here dies with the process, as connections do.
 *
 * Every verb is one transaction between fleet_enter and fleet_leave, under one lock. Events that it
 * makes are delivered after the lock is released, in the order in which they were made. */
#include "hypervisor/fake/fake.h"
#include "hypervisor/fake/world.h"

#define NEVER_US INT64_MAX
/* All fake hosts have the same processor. */
#define FAKE_CPU_CLASS "fake"

typedef struct FakeFleet {
    FakeOptions options;
    World *world;
    bool is_real_time;
    GMutex lock;          /* everything below but delivery; taken after delivery, never before */
    GRecMutex delivery;   /* held while a sink runs */
    GHashTable *sessions; /* host -> GPtrArray of FakeSession that are open */
    GPtrArray *silent;    /* sessions whose host does not answer */
    GPtrArray *waiters;   /* FakeWaiter of calls that wait */
    GQueue events;        /* FakeEvent to be delivered */
    int n_blocked;
    FakeBlockHook hook;
    void *hook_data;
    GThread *timer; /* real time only: sleeps until something is due */
    GCond timer_cond;
    int64_t timer_due_us; /* until when the timer sleeps */
    bool is_stopping;
} FakeFleet;

typedef struct FakeSession {
    FakeFleet *fleet;
    char *host;
    char *pool; /* the pool's id in the whole fleet */
    uint64_t id;
    HostEventSink sink;
    void *sink_data;
    bool is_silent;  /* the host does not answer on this session */
    bool is_closed;  /* keep-alive gave up, or the host rebooted */
    int64_t dead_us; /* when keep-alive gives up; NEVER_US while the host answers */
    GQueue held;     /* FakeEvent that the host could not deliver yet */
} FakeSession;

/* A call that waits. It goes on when its session has closed, or when what it waits for is there
 * and the host can tell it. */
typedef struct FakeWaiter {
    FakeSession *session;
    const char *uuid; /* waits for the end of this guest's job; NULL: for time */
    int64_t until_us; /* with uuid NULL */
    bool is_ended;    /* the job has ended, with: */
    bool is_success;
    ErrorCode code;
    char *message;
    bool is_blocked;
    bool is_woken;
    GCond cond;
} FakeWaiter;

/* NULL and error when the database cannot be opened. */
FakeFleet *fleet_new(const FakeOptions *options, GError **error);
void fleet_free(FakeFleet *fleet);
int64_t fleet_now_us(const FakeFleet *fleet);

/* For verbs: waits while the host does not answer. False when the session closed: then the lock is
 * not held. has_effect: what was asked for may have happened when the session closes meanwhile. */
bool fleet_enter(FakeSession *session, bool has_effect, GError **error);
/* For verbs that talk to two hosts: waits until both answer. */
bool fleet_enter_both(FakeSession *session, FakeSession *other, bool has_effect, GError **error);
/* For everything that is no verb. */
void fleet_lock(FakeFleet *fleet);
/* Ends both. */
void fleet_leave(FakeFleet *fleet);
/* From here on the end of the guest's job is noted in waiter, until fleet_wait or fleet_forget. */
void fleet_expect(FakeFleet *fleet, FakeWaiter *waiter);
void fleet_forget(FakeFleet *fleet, FakeWaiter *waiter);
/* Between enter and leave: commits and waits for the expected waiter; the lock is held again after
 * it, in a new transaction. False when the session closed instead. */
bool fleet_wait(FakeFleet *fleet, FakeWaiter *waiter);

/* ---- under the lock ---- */
void fleet_add_session(FakeSession *session);
void fleet_remove_session(FakeSession *session);
/* The sessions with that host: it stopped answering, answers again, or has closed them. */
void fleet_silence_host(FakeFleet *fleet, const char *host);
void fleet_unsilence_host(FakeFleet *fleet, const char *host);
void fleet_close_sessions(FakeFleet *fleet, const char *host, const char *why);
void fleet_close_silent(FakeFleet *fleet, int64_t now_us);
/* The job of a guest has ended: message NULL = well. */
void fleet_end_job(FakeFleet *fleet, const char *uuid, ErrorCode code, const char *message);
/* To all open sessions with the host that answers. */
void fleet_emit(FakeFleet *fleet, const char *host, const HostEvent *event);
void fleet_emit_domain(
    FakeFleet *fleet, const char *host, const char *uuid, DomainState state, DomainReason reason);
int64_t fleet_next_due_us(FakeFleet *fleet);
/* Carries out what is due. */
void fleet_advance(FakeFleet *fleet);
