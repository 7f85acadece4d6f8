/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The nouns of the hypervisor contract: what callers hand in and what they get back. Plain
 * records. "Host" here is an open session with one host. */
#include "base/cancel.h"
#include "base/error.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/topology.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How to reach a host; all borrowed. */
typedef struct HostAddress {
    const char *name;
    const char *uri;
    const char *peer_uri;
    const char *migration_address; /* "" = as peer_uri says */
    const char *pool;
} HostAddress;

typedef enum {
    DOMAIN_ABSENT,   /* the host answered: it does not know this domain */
    DOMAIN_SHUT_OFF, /* defined, not running */
    DOMAIN_RUNNING,
    DOMAIN_PAUSED,
    DOMAIN_CRASHED,
    DOMAIN_UNREACHABLE, /* the host did not answer: nothing is known (never from a provider) */
} DomainState;

typedef enum {
    DOMAIN_REASON_OTHER,
    DOMAIN_REASON_BOOTED,
    DOMAIN_REASON_USER,             /* paused by a call */
    DOMAIN_REASON_MIGRATION,        /* paused by, or for, a migration */
    DOMAIN_REASON_MIGRATED,         /* running here since a migration; or off because it left */
    DOMAIN_REASON_POSTCOPY,
    DOMAIN_REASON_POSTCOPY_FAILED,
    DOMAIN_REASON_IO_ERROR,
    DOMAIN_REASON_STARTING_UP,
    DOMAIN_REASON_SHUTDOWN,         /* the guest shut itself down */
    DOMAIN_REASON_DESTROYED,
    DOMAIN_REASON_CRASHED,
    DOMAIN_REASON_FAILED,
    DOMAIN_REASON_UNKNOWN,          /* shut off, and libvirt does not know why: the host rebooted */
} DomainReason;

typedef enum { DOMAIN_JOB_NONE, DOMAIN_JOB_OUT, DOMAIN_JOB_IN, DOMAIN_JOB_OTHER } DomainJob;

/* One side's view of one guest: what the recovery table decides from. */
typedef struct DomainView {
    char uuid[37];
    char *name;
    DomainState state;
    DomainReason reason;
    DomainJob job;
    bool persistent;
    bool is_ours;            /* carries drover's metadata */
    int64_t generation;      /* from the metadata, -1 = none */
    int64_t operation;       /* the operation that wrote the metadata, 0 = none */
    int vcpus;               /* of a list alone: what it has, 0 = not told */
    int64_t memory_mib;      /* of a list alone: what it may take at most, 0 = not told */
} DomainView;
void domain_view_free(DomainView *view);
void domain_view_clear(DomainView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainView, domain_view_free)
const char *domain_state_name(DomainState state);
const char *domain_reason_name(DomainReason reason);
const char *domain_job_name(DomainJob job);

typedef enum {
    HOST_EVENT_CLOSED,    /* the control connection is gone: keep-alive, end of file, ... */
    HOST_EVENT_DOMAIN,    /* a domain changed: state and reason are the new ones */
    HOST_EVENT_DEFINED,   /* a domain's definition changed, by whoever */
    HOST_EVENT_ITERATION, /* a migration began another pass over memory */
    HOST_EVENT_JOB_DONE,  /* a job of a domain ended; of a migration, its source says so */
} HostEventKind;

/* Delivered on a thread of the provider, which must not be blocked: the sink copies and posts. */
typedef struct HostEvent {
    HostEventKind kind;
    uint64_t session; /* as given to open */
    char uuid[37];    /* "" for CLOSED */
    bool is_throwaway; /* of a domain that drover has made for a moment, and that is no guest */
    DomainState state;
    DomainReason reason;
    int64_t iteration;
    char message[160]; /* CLOSED: why */
} HostEvent;
typedef void (*HostEventSink)(const HostEvent *event, void *data);

/* A file that guests are made from, as it lies in droverd's image directory. */
typedef struct BaseImage {
    const char *path;   /* NULL: the image is gone here; only a complete base on the host will do */
    const char *sha256; /* hex: its name on the host is made from this */
    const char *format; /* "qcow2", "raw", "kernel", "initrd" */
    int64_t size_bytes; /* -1 without a path */
    int64_t virtual_size_bytes; /* qcow2: of the disk inside; else = size */
} BaseImage;

typedef struct GuestNic {
    const char *mac;
    const char *bridge;
    int64_t mtu; /* 0 = default */
} GuestNic;

/* A disk beside the guest's own: a volume, or an image in the CD-ROM drive. */
typedef struct GuestDisk {
    const char *target;    /* "vdc"; "vda": the guest boots from it and has no root disk */
    const char *serial;    /* shown to the guest; NULL = none */
    const char *format;    /* "qcow2", "raw" */
    const char *pool;      /* a volume of that pool, called name; else NULL */
    const char *name;
    const char *uri;       /* nbd://HOST[:PORT]/EXPORT, iscsi://HOST[:PORT]/IQN/LUN; else NULL */
    const char *base_hash; /* read-only CD-ROM of that base (format "iso"); else NULL */
} GuestDisk;

/* A volume to be made in a pool that hosts share. */
typedef struct PoolVolume {
    const char *pool;
    const char *name;
    const char *format; /* "qcow2", "raw" */
    int64_t size_bytes;
    const char *source_path; /* a file of that format that it is filled from, or NULL */
    int64_t source_size_bytes;
} PoolVolume;

/* A volume in a host's pool that is called as those of guests are. */
typedef struct VolumeView {
    char uuid[37]; /* the guest that it is called after */
    char *name;
    bool is_root;       /* its root disk */
    int64_t size_bytes; /* what it takes of the pool */
} VolumeView;
void volume_view_free(VolumeView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VolumeView, volume_view_free)

/* What is in the pool of a guest that is to be made. */
typedef enum {
    GUEST_ROOT_NEW,     /* nothing, or what an earlier attempt has made */
    GUEST_ROOT_KEPT,    /* all that the guest has written: what is there is kept */
    GUEST_ROOT_REBUILT, /* nothing: the root disk begins anew, though one may be left elsewhere */
} GuestRoot;

/* Everything a host must know to make a guest; all borrowed. The same record made from the same
 * instance gives the same domain on every host. */
typedef struct GuestSpec {
    const char *uuid;
    const char *domain_name;   /* "instance-00000001" */
    const char *display_name;  /* goes into the metadata */
    const char *project_id;
    const char *flavor_name;
    int64_t generation;
    int64_t operation;
    int vcpus;
    int64_t memory_mib;
    int64_t root_size_bytes;   /* capacity of the overlay */
    const char *root_hash;     /* of the base below it; NULL: the first of the disks is its root */
    const char *root_format;
    int64_t root_virtual_size_bytes;
    const char *kernel_hash;   /* NULL: boots from its disk */
    const char *initrd_hash;
    const char *command_line;
    const char *firmware;      /* "uefi"; NULL: BIOS */
    const char *tpm_version;   /* "2.0", "1.2"; NULL: no TPM */
    const char *tpm_model;     /* "tpm-tis", "tpm-crb" */
    const GuestTopology *topology; /* what it is given of the host's cells; NULL: nothing is said */
    const char *devices;       /* PCI devices of the host: as pci_given_text; NULL: none */
    const GuestNic *nics;
    int n_nics;
    const void *config_drive;  /* its bytes */
    size_t config_drive_size;
    bool config_drive_is_read_only; /* iso9660 */
    const GuestDisk *disks;
    int n_disks;
    GuestRoot root;
} GuestSpec;

typedef struct MigrateRequest {
    const char *uuid;
    const char *domain_name;
    bool copies_disks;     /* the pools are not shared: the guest's own disks flow too */
    const char *volume_pool; /* the pool of its volumes, which both hosts share; NULL = none */
    int64_t generation;    /* written into the destination's metadata before the job */
    int64_t operation;
    const char *display_name;
    const char *project_id;
    const char *flavor_name;
    const GuestTopology *topology; /* what it is given there; NULL: what it has is kept */
    bool with_tls;
    int64_t bandwidth_mib_s; /* 0 = no limit */
    int downtime_ms;         /* longest pause to aim for; 0 = the hypervisor's own default */
    bool auto_converge;      /* slow the guest down when it writes faster than it is sent */
    bool post_copy;          /* start_post_copy may be asked for */
    bool resume_post_copy;   /* mends a post-copy that broke; else as in the first request */
    int connections;         /* streams; 0 and 1 = one */
    const char *inbound_address; /* where dest takes it; NULL = its own migration address */
} MigrateRequest;

/* Where a migration would go. */
typedef struct WayRequest {
    const char *inbound_address; /* as in MigrateRequest */
    int port;                    /* the last of those that QEMU takes migrations at */
} WayRequest;

/* What the disk courier is told: a throw-away domain, paused, that owns just the disks of a guest
 * that is off. */
typedef struct CopyRequest {
    const char *uuid;    /* of the guest */
    const char *courier; /* of the courier: another UUID, one for each move */
    bool with_tls;
    int64_t bandwidth_mib_s;     /* 0 = no limit */
    const char *inbound_address; /* as in MigrateRequest */
} CopyRequest;

/* ---- the processor that fits several hosts ---- */

typedef struct CpuOfHost {
    char *name;  /* of the host */
    char *model; /* that guests could have there, were it alone; NULL: it does not say */
    char *lacks; /* what keeps the others from having more, "avx2, bmi2", or from having anything in
                  * common; NULL: it stands in nobody's way */
} CpuOfHost;

typedef struct CpuOfGuest {
    char uuid[37];
    char *name;     /* of the domain */
    char *host;     /* where it runs */
    char *model;    /* as it has it now: a model, or a mode ("host-passthrough"); NULL: none */
    char *lacks;    /* of what the baseline has beside the same model, "avx2, -rtm": it was started
                     * without; NULL: nothing, or it has another model */
    char *obstacle; /* why it cannot run on one of the hosts as it is; NULL: it can on all */
} CpuOfGuest;

typedef struct CpuBaseline {
    char *model;       /* NULL: there is none, because of: */
    char *problem;
    char **features;   /* beside the model: "avx2", "-rtm"; NULL without a model */
    GPtrArray *hosts;  /* of CpuOfHost, in the order in which they were given */
    GPtrArray *guests; /* of CpuOfGuest: every guest that is active on one of them */
} CpuBaseline;
CpuBaseline *cpu_baseline_new(void);
void cpu_baseline_free(CpuBaseline *baseline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CpuBaseline, cpu_baseline_free)
