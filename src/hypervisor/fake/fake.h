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
    int vcpus;                /* of each host made: 64 */
    int64_t memory_mib;       /* 262144 */
    int numa_cells;           /* that share both evenly; 0 and 1: one */
    int pci_devices;          /* 10de:2236 of each host; below 0: hosts cannot list any */
    const char *bridges;      /* "br0,hosta:br1": of every host, or of that one; "" or NULL: they
                               * do not tell */
    const char *cpu_features; /* "avx2,-rtm": what the processor that fits hosts has beside its
                               * model, and no guest has; "" or NULL: nothing */
    const char *pools;        /* beside that of its instances, as bridges; "" or NULL:
                               * "volumes,shared" of every host. Whatever has one of that name
                               * has the same */
    int64_t huge_pages;       /* of 2 MiB, of each cell */
    int64_t huge_pages_used;  /* of them, whatever runs there */
    int64_t pool_bytes;       /* 10 TiB */
    int64_t transfer_bytes_s; /* speed of a migration; 0 = at once */
    /* All hosts share one pool. A pool that is called "shared" always is shared; a server of disks
     * on the network that is called "silent" takes connections and never speaks. */
    bool shared_pool;
    int64_t dirty_bytes_s;    /* how fast guests write memory; at or above the speed of a migration
                               * it never converges until the guest is paused */
    int64_t guest_disk_bytes; /* what a root disk holds and a disk copy moves: 32 MiB */
    int64_t base_bytes_s;     /* speed at which bases are streamed; 0 = at once */
    int64_t switchover_us;    /* both sides paused at the end of a migration; 0 = an instant */
    int64_t shutdown_us;      /* from being asked until the guest is off; below 0: it never obeys */
    int64_t keepalive_us;     /* silence after which a session is closed: 15 s */
    int64_t peer_keepalive_us; /* the same between two hosts that migrate: 30 s */
} FakeOptions;

Hypervisor *fake_hypervisor_new(const FakeOptions *options, GError **error);
/* Virtual time: carries out what is due by the clock's now, and delivers its events. */
void fake_advance(Hypervisor *hypervisor);
/* When something is due next; INT64_MAX = never. */
int64_t fake_next_due_us(Hypervisor *hypervisor);

/* Calls that wait inside the fake for time to pass (a migration, a frozen host) or for a fault to
 * end. In virtual time they go on in fake_advance or fake_inject alone. */
int fake_blocked_calls(Hypervisor *hypervisor);
/* For a simulator that must know when every worker has come to rest: told when a call begins to
 * wait (true, on its thread) and when it is about to go on (false, on the thread that woke it,
 * before that returns). Under the fleet's lock: count, and call nothing here. Set before any
 * host is opened. */
typedef void (*FakeBlockHook)(bool blocked, void *data);
void fake_set_block_hook(Hypervisor *hypervisor, FakeBlockHook hook, void *data);

/* Faults, for tests.
 * POWER_OFF: everything on the host stops; who talks to it hears nothing until keep-alive ends.
 * POWER_ON, REBOOT: its domains are there, shut off for an unknown reason; old sessions close.
 * CUT, HEAL: the link between droverd and the host; guests and migrations go on.
 * FREEZE, THAW: the hypervisor's daemon stands still: calls hang, migrations stall, guests run.
 * FAIL_JOBS: the migration data link breaks for a moment: every job of the host fails.
 * RESTART: the hypervisor's daemon dies and comes back: sessions close, guests run on. Migrations
 * fail, but for those that the source switches over just then: their guest is left paused there
 * without a job, and by chance the destination runs it or has given it up (libvirt-facts L5). */
typedef enum {
    FAKE_POWER_OFF,
    FAKE_POWER_ON,
    FAKE_REBOOT,
    FAKE_CUT,
    FAKE_HEAL,
    FAKE_FREEZE,
    FAKE_THAW,
    FAKE_FAIL_JOBS,
    FAKE_RESTART,
} FakeFault;
void fake_inject(Hypervisor *hypervisor, const char *host, FakeFault fault);
/* The guest itself: powers off (DOMAIN_REASON_SHUTDOWN) or crashes (DOMAIN_REASON_CRASHED). */
void fake_guest_event(
    Hypervisor *hypervisor, const char *host, const char *uuid, DomainReason reason);
/* A stream of that base was interrupted: its marker is missing. */
void fake_spoil_base(Hypervisor *hypervisor, const char *host, const char *sha256);

/* Checks I1, I2 and I3 over the whole fleet, and that they were never broken in between: no guest
 * runs twice or from an old copy of its disk, none was destroyed while it moved, none that exists
 * has lost its last complete disk. What a remove_guest of the last copy removes counts as ordered
 * by the owner: who knows better looks with fake_inspect_guest. */
bool fake_check(Hypervisor *hypervisor, GError **error);

/* What there is of one guest in the whole fleet, dead hosts included. */
typedef struct FakeGuest {
    int n_domains;        /* defined or active */
    int n_running;        /* executing now */
    int n_active;         /* running or paused, the incoming side of a migration included */
    int n_complete_disks; /* root disks with all that the guest has written */
    char *host;           /* where it runs, else where it is active or defined; NULL: nowhere */
} FakeGuest;
void fake_inspect_guest(Hypervisor *hypervisor, const char *uuid, FakeGuest *ret_guest);
void fake_guest_clear(FakeGuest *guest);
