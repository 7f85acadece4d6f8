/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* One test: two open sessions, guests of its own, the events that came, and a clean end. */
#include "target.h"

typedef struct Fixture {
    Target *target;
    HypervisorHost *a;
    HypervisorHost *b;
    GMutex lock;
    GCond cond;
    GArray *events;    /* of HostEvent */
    GPtrArray *guests; /* UUIDs made by this test */
} Fixture;

#define SESSION_A 11
#define SESSION_B 12
#define MEMORY_MIB 128

/* Registers a test, run with a Fixture on the hosts' own pools or on the shared one. */
typedef void (*FixtureTest)(Fixture *fixture);
void fixture_add(const char *path, Target *target, FixtureTest test);
void fixture_add_shared(const char *path, Target *target, FixtureTest test);

/* One call that must succeed, or fail with that code; the error is called 'error' in it. */
#define assert_ok(call)                                                                            \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(GError) error = NULL;                                                            \
        bool is_ok = (call);                                                                       \
        g_assert_no_error(error);                                                                  \
        g_assert_true(is_ok);                                                                      \
    }                                                                                              \
    G_STMT_END
#define assert_fails(call, expected_code)                                                          \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(GError) error = NULL;                                                            \
        bool is_ok = (call);                                                                       \
        g_assert_false(is_ok);                                                                     \
        g_assert_error(error, DROVER_ERROR, expected_code);                                        \
    }                                                                                              \
    G_STMT_END

/* A sink for sessions that a test opens itself. */
void fixture_on_event(const HostEvent *event, void *fixture);
HypervisorHost *fixture_open(Fixture *fixture, const HostAddress *address, uint64_t session);
/* Whether such an event has come from that session; waits for it. */
bool fixture_wait_domain_event(
    Fixture *fixture, uint64_t session, const char *uuid, DomainState state, DomainReason reason);
bool fixture_wait_event(Fixture *fixture, uint64_t session, const char *uuid, HostEventKind kind);
int fixture_count_events(Fixture *fixture, uint64_t session);

/* The bases of the target's guests, on that host. */
void fixture_ensure_bases(Fixture *fixture, HypervisorHost *host);
/* A new UUID, cleaned up after the test. Borrowed. */
const char *fixture_new_uuid(Fixture *fixture);
/* The spec of that guest, with borrowed parts that live as long as the fixture. */
GuestSpec fixture_spec(Fixture *fixture, const char *uuid);
/* Bases and a defined guest; started too. Borrowed UUID. */
const char *fixture_create(Fixture *fixture, HypervisorHost *host);
const char *fixture_start(Fixture *fixture, HypervisorHost *host);
void fixture_wait_boots(Fixture *fixture, HypervisorHost *host, const char *uuid, int n_boots);
/* A guest that has just booted may not listen yet: asks it again, each second. */
void fixture_ask_until_off(Fixture *fixture, HypervisorHost *host, const char *uuid);

/* The view must be that, at once or before patience ends. */
void fixture_assert_view(
    HypervisorHost *host, const char *uuid, DomainState state, DomainReason reason, DomainJob job);
void fixture_assert_absent(HypervisorHost *host, const char *uuid);
void fixture_wait_state(
    Fixture *fixture, HypervisorHost *host, const char *uuid, DomainState state);
void fixture_wait_job(Fixture *fixture, HypervisorHost *host, const char *uuid, DomainJob job);

/* A live_migrate on a thread of its own. */
typedef struct FixtureMove {
    HypervisorHost *source;
    HypervisorHost *dest;
    MigrateRequest request;
    GThread *thread;
    GError *error;
} FixtureMove;
MigrateRequest fixture_request(const char *uuid, bool copies_disks);
FixtureMove *fixture_begin_move(
    HypervisorHost *source, HypervisorHost *dest, const MigrateRequest *request);
/* Waits for its end; *ret_error NULL = it went well. Frees the move. */
void fixture_end_move(FixtureMove *move, GError **ret_error);

/* Looks at that guest and at all of the host's, again and again on a thread of its own: no look may
 * fail, whatever becomes of the guest. */
typedef struct FixtureLook {
    HypervisorHost *host;
    const char *uuid;
    int is_over; /* atomic */
    GThread *thread;
} FixtureLook;
FixtureLook *fixture_begin_look(HypervisorHost *host, const char *uuid);
/* Frees the look. */
void fixture_end_look(FixtureLook *look);

void conformance_add_hosts(Target *target);
void conformance_add_bases(Target *target);
void conformance_add_guests(Target *target);
void conformance_add_migrations(Target *target);
void conformance_add_evacuations(Target *target);
void conformance_add_couriers(Target *target);
void conformance_add_volumes(Target *target);
