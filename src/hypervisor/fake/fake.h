/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A fleet that exists only in a file (or in memory): hosts, domains, volumes and jobs that go on
 * by the clock, with the same contract as real ones. Its state outlives droverd: after kill -9 a
 * migration that was running has gone on. For scale, faults and virtual time; never the proof
 * that something works on real hosts. */
#include "base/clock.h"
#include "hypervisor/driver.h"

/* path: of the fleet's database, or ":memory:". Hosts are made on first open of "fake:///NAME"
 * with the given size. With clock_system() jobs end by real time; with a virtual clock nothing
 * moves until fake_advance. */
typedef struct FakeOptions {
    const char *path;
    const Clock *clock;
    int vcpus;               /* of each host made: 64 */
    int64_t memory_mib;      /* 262144 */
    int64_t pool_bytes;      /* 10 TiB */
    int64_t transfer_bytes_s; /* speed of a migration; 0 = at once */
    bool shared_pool;        /* all hosts share one pool */
} FakeOptions;

Hypervisor *fake_hypervisor_new(const FakeOptions *options, GError **error);
/* Virtual time: carries out what is due by the clock's now, and delivers its events. */
void fake_advance(Hypervisor *hypervisor);
/* When something is due next; INT64_MAX = never. */
int64_t fake_next_due_us(Hypervisor *hypervisor);

/* Faults, for tests: power off and on, freeze and thaw, cut and heal the control link of a host. */
typedef enum { FAKE_POWER_OFF, FAKE_POWER_ON, FAKE_REBOOT, FAKE_CUT, FAKE_HEAL } FakeFault;
void fake_inject(Hypervisor *hypervisor, const char *host, FakeFault fault);
/* The guest itself: powers off, crashes. */
void fake_guest_event(
    Hypervisor *hypervisor, const char *host, const char *uuid, DomainReason reason);
/* Checks I1 and I3 over the whole fleet: no guest runs twice, no guest that was running has lost
 * its last disk. */
bool fake_check(Hypervisor *hypervisor, GError **error);
