/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A compute host: where instances run. In the Compute API each is a nova-compute service and a
 * hypervisor. */
#include "model/aggregate.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    HOST_POWER_UNKNOWN, /* nobody has been asked, or the answer is void */
    HOST_POWER_OFF,
    HOST_POWER_ON,
} HostPower;

typedef enum {
    HOST_EMULATOR_UNKNOWN, /* it has not told */
    HOST_EMULATOR_QEMU,    /* guests are emulated */
    HOST_EMULATOR_KVM,
} HostEmulator;

/* What a host said of itself when it was last asked. */
typedef struct HostFacts {
    char *hostname;           /* as the hypervisor calls it */
    char *host_uuid;          /* of the machine, under whatever name; NULL or "" = not told */
    char *hypervisor_type;    /* "QEMU" */
    int hypervisor_version;   /* 10000002 = 10.0.2 */
    int libvirt_version;
    char *arch;               /* "x86_64" */
    char *cpu_json;           /* Nova's cpu_info object as text, never NULL */
    char *cpu_class;          /* the same for hosts that can give guests the same processors; NULL =
                               * not told */
    int vcpus;
    int64_t memory_mib;
    int64_t memory_free_mib;
    int64_t pool_capacity_bytes;
    int64_t pool_available_bytes;
    char *pool_path;
    char *pool_id;            /* the same for hosts that share the pool; NULL or "" = not told */
    char *pool_json;          /* type, owner, mode, source: an object as text; NULL = not told */
    char *certificate_json;   /* of its libvirtd: names, issuer, expires_us, chain: as text; NULL =
                               * it has none, or none was seen */
    char *offers;             /* what guests may have: "kvm,uefi,tpm"; then each storage pool that
                               * is active, and each that is defined alone: ",pool=volumes" and
                               * ",stopped=other"; NULL = not told */
    char *topology;           /* its NUMA cells: as HostTopology; NULL = not told */
    char *pci_devices;        /* of those that are for guests: as pci_devices_text; NULL = none */
    bool hides_devices;       /* it was asked for them, and its libvirt has no driver that knows */
    char *bridges;            /* "br0,br1"; "" = none; NULL = not told */
    bool has_floating_cpus;   /* the configuration says which processors are for guests that are
                               * not pinned, so many: */
    int floating_cpus;
    int64_t uptime_s;         /* 0 = unknown: libvirt does not tell it */
    int running_domains;      /* every domain that is active, ours or not */
} HostFacts;

/* The part of the facts that changes all the time. */
typedef struct HostMemory {
    int64_t total_mib;
    int64_t free_mib; /* nobody has it: caches give way, so they are free */
} HostMemory;

typedef struct Host {
    char *id;     /* UUID: of the service from 2.53 */
    char *hypervisor_id; /* UUID: of the hypervisor from 2.53 */
    int64_t number; /* the integer id that older microversions show */
    char *name;
    char *uri;               /* by which droverd reaches it */
    char *peer_uri;          /* by which another host reaches it in a migration */
    char *migration_address; /* where migration data goes; "" = as peer_uri says */
    char *pool;              /* name of its storage pool for instances */
    char *zone;           /* of the aggregate that is one; else default_availability_zone */
    HostAggregates *aggregates; /* what those it is in say; NULL = it is in none */
    bool enabled;
    char *disabled_reason; /* may be NULL */
    bool forced_down;         /* an operator has stated that it is dead */
    int64_t forced_down_us;   /* since when; 0 = it is not */
    char *forced_down_by;     /* who said so: a user's name; may be NULL */
    char *fence_agent;        /* program that switches its power; NULL = none */
    char *fence_options;      /* "key=value" lines for it, passwords among them; never NULL */
    HostPower power;          /* as the fence agent last said, or because it answers */
    int64_t power_us;         /* when; 0 = never */
    int64_t fenced_us;        /* since when its power is known to be off; 0 = it is not */
    char *fenced_by;          /* the agent that saw to it; may be NULL */
    char *fence_error;        /* why the last try to fence it failed; may be NULL */
    bool connected;        /* the engine's control connection stands */
    char *connect_error;   /* why it does not, one sentence; may be NULL */
    int64_t last_seen_us;  /* last sign of life, 0 = never */
    int64_t created_us;
    int64_t updated_us;
    bool has_facts;
    HostFacts facts;
} Host;

/* What claims say is taken on a host: derived from the claim rows, never counted by hand. */
typedef struct HostUsage {
    /* Asked of every host that is looked at; see model/host_index.h. */
    int64_t ram_mib;
    int64_t arriving_ram_mib; /* of ram_mib: of guests that an operation still brings here, and
                               * whose memory is not in huge pages */
    int64_t foreign_ram_mib; /* of domains that run there and are not drover's: nothing claims it */
    int64_t disk_gib;
    int vcpus;
    int dedicated_vcpus; /* of vcpus: those of pinned guests */
    int foreign_vcpus;   /* as foreign_ram_mib */
    int claims; /* instances, and those on their way here or kept until a move is confirmed */
    int io_ops; /* of claims: of instances that are being made, or moved from or to it */
    int group_members; /* others of the server group of who is placed, here */
    /* Of an entry of a HostIndex: which record it has of what topologies and devices leave of the
     * host; 0: it was not asked for since they changed. Whoever changes them by hand sets it so. */
    unsigned cells_left;
    unsigned devices_left;
    /* Asked of few. */
    int instances;
    int idle_cpus; /* dedicated processors that pinned guests have beside theirs, and leave idle */
    /* Of group_members: those that are nowhere else, as one that moves or may come back is, and
     * that no drain is to take away; and all of them anywhere: none when a drain moves it first of
     * them, and they follow. */
    int group_settled;
    int group_size;
    /* Likewise: of those that its hints name, how many are here for it to be beside (and nowhere
     * else), and anywhere; and how many are here that it is to be apart from. */
    int beside_here;
    int beside_size;
    int apart_here;
    int open_operations; /* Nova's current_workload */
    int outgoing_migrations;
    int incoming_migrations;
    char *topologies; /* what guests are given of its cells: GuestTopology, a line each; NULL:
                       * nothing. Of the table that the store makes; a copy of this borrows it */
    char *devices; /* what guests are given of its PCI devices: as pci_given_text, a line each;
                    * NULL: nothing. As topologies */
} HostUsage;
void host_usage_free(HostUsage *usage);
/* Of a table, name -> HostUsage *: that host's, made empty when there is none. */
HostUsage *host_usage_get(GHashTable *table, const char *host);
/* What one claim is given of its cells (as GuestTopology) and of its PCI devices (as
 * pci_given_text); NULL adds nothing. Of a usage that owns its texts. */
void host_usage_add_topology(HostUsage *usage, int vcpus, const char *topology);
void host_usage_add_devices(HostUsage *usage, const char *devices);

Host *host_new(void);
void host_free(Host *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Host, host_free)
/* Whether the pools of two hosts are one, as far as their facts tell: each has found the marker
 * that is in its pool. */
typedef enum { POOLS_UNKNOWN, POOLS_TWO, POOLS_ONE } PoolsKnown;
PoolsKnown host_compare_pools(const Host *one, const Host *other);
void host_facts_clear(HostFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HostFacts, host_facts_clear)
void host_facts_copy(const HostFacts *from, HostFacts *ret_to);
/* Its processors for guests that float, and for those that are pinned. Nova: [compute]
 * cpu_shared_set and cpu_dedicated_set; what is in neither is for no guest. */
int host_floating_cpus(const HostFacts *facts);
int host_dedicated_cpus(const HostFacts *facts);
/* Whether one of those names and patterns ("rack1-*") is the host's; patterns NULL: all are. */
bool host_is_named(char *const *patterns, const char *name);
const char *host_power_name(HostPower power); /* "unknown", "off", "on" */
bool host_power_parse(const char *text, HostPower *ret_power);
/* Dead for certain: its power is off, or an operator has stated it. Silence is not enough. */
bool host_is_fenced(const Host *host);
/* The best that guests have there. */
HostEmulator host_emulator(const HostFacts *facts);
/* Whether it has told which storage pools it has; what it has told of one; and whether that one is
 * known not to be active there. */
typedef enum { /* the worst first */
    HOST_POOL_MISSING,
    HOST_POOL_UNKNOWN,
    HOST_POOL_STOPPED, /* whatever needs it starts it */
    HOST_POOL_ACTIVE,
} HostPool;
bool host_tells_pools(const HostFacts *facts);
HostPool host_find_pool(const HostFacts *facts, const char *pool);
bool host_lacks_pool(const HostFacts *facts, const char *pool);
/* What to do about that; caller frees. */
char *host_pool_fix(const char *pool);
/* Whether it has told which bridges it has, and that one is not among them. */
bool host_lacks_bridge(const HostFacts *facts, const char *bridge);
/* What no instance leaves and none enters; borrowed, NULL: it is in none. */
const char *host_cell(const Host *host);
/* up: not fenced, and a sign of life within service_down_time. */
bool host_is_up(const Host *host, int64_t now_us, int64_t service_down_time_us);
