/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Domains of a fake fleet: rows of "domains", and what guests do by themselves. Under the fleet's
 * lock, inside a transaction. */
#include "hypervisor/fake/fleet.h"

typedef struct FakeDomain {
    char *name;
    char *pool;
    DomainState state;
    DomainReason reason;
    DomainJob job;
    bool persistent;
    int64_t generation;
    int64_t operation;
    int vcpus;
    int64_t memory_mib;
} FakeDomain;
void fake_domain_clear(FakeDomain *domain);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FakeDomain, fake_domain_clear)

static inline bool
domain_state_is_active(DomainState state)
{
    return state == DOMAIN_RUNNING || state == DOMAIN_PAUSED;
}

/* False: the host does not know it; *ret_domain is then empty. */
bool domains_find(FakeFleet *fleet, const char *host, const char *uuid, FakeDomain *ret_domain);
/* The same with NOT_FOUND. */
bool domains_get(
    FakeFleet *fleet, const char *host, const char *uuid, FakeDomain *ret_domain, GError **error);
/* DomainView *, of all domains of the host, or of one (uuid not NULL). */
GPtrArray *domains_list(FakeFleet *fleet, const char *host, const char *uuid);
/* Makes the row or gives it the spec's values; the state of one that is there stays. */
void domains_define(FakeFleet *fleet, const FakeSession *host, const GuestSpec *guest);
/* Changes the state and tells the sessions. A second copy that runs is a violation of I1. */
void domains_set_state(
    FakeFleet *fleet, const char *host, const char *uuid, DomainState state, DomainReason reason);
/* Power goes: shut off for the reason, or gone when it was not persistent. Tells the sessions. */
void domains_stop(FakeFleet *fleet, const char *host, const char *uuid, DomainReason reason);
void domains_undefine(FakeFleet *fleet, const char *host, const char *uuid);
/* Starts a domain that is shut off. */
bool domains_boot(
    FakeFleet *fleet, const char *host, const char *uuid, const FakeDomain *domain, GError **error);
/* Starts one that is shut off paused, and ends it. */
bool domains_prove(
    FakeFleet *fleet, const char *host, const char *uuid, const FakeDomain *domain, GError **error);
/* The guest starts again inside its running domain. */
void domains_reset(FakeFleet *fleet, const char *host, const char *uuid);
/* The guest was asked to power off. */
void domains_ask_off(FakeFleet *fleet, const char *host, const char *uuid);
/* REFUSED when memory for another domain is missing. */
/* As libvirt refuses a guest with PCI devices of its host to move live. */
bool domains_check_stays(FakeFleet *fleet, const char *host, const char *uuid, GError **error);
bool domains_check_memory(FakeFleet *fleet, const char *host, int64_t memory_mib, GError **error);

/* When a guest powers off next; 0 = never. */
int64_t domains_next_due_us(FakeFleet *fleet);
void domains_advance(FakeFleet *fleet, int64_t due_us);

/* Remembers that an invariant was broken. */
void fleet_violate(FakeFleet *fleet, const char *format, ...) G_GNUC_PRINTF(2, 3);
