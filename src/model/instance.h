/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An instance: one virtual machine, with one name, UUID, MAC and address for life. Plain data;
 * the store writes it, everybody reads it. Strings are owned by the record. */
#include "model/flavor.h"
#include "model/server_group.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    VM_STATE_BUILDING,
    VM_STATE_ACTIVE,
    VM_STATE_STOPPED,
    VM_STATE_PAUSED,
    VM_STATE_RESIZED, /* a cold move waits to be confirmed or reverted; power_state says the rest */
    VM_STATE_ERROR,
    VM_STATE_DELETED,
} VmState;

/* Nova's numbers. */
typedef enum {
    POWER_STATE_NONE = 0,
    POWER_STATE_RUNNING = 1,
    POWER_STATE_PAUSED = 3,
    POWER_STATE_SHUTDOWN = 4,
    POWER_STATE_CRASHED = 6,
} PowerState;

/* One address of one instance on one network. */
typedef struct Port {
    char *id; /* UUID */
    char *network_id;
    char *network_name;
    char *instance_id;
    char *mac;     /* lower case, colons */
    char *address; /* IPv4, dotted */
    char *bridge;  /* of the network, joined in when read */
    char *gateway; /* of the network, may be NULL */
    int prefix;    /* of the network */
} Port;

/* The bytes an instance was made from, by the SHA-256 (hex) of each file. */
typedef struct ImageRefs {
    char *image_id;
    char *root_hash;     /* the base that the root overlay stands on */
    char *root_format;   /* "qcow2" or "raw" */
    char *kernel_hash;   /* NULL: boots from its disk */
    char *initrd_hash;   /* NULL with kernel_hash NULL */
    char *kernel_id;     /* of the image that it was named by, which may be gone; as kernel_hash */
    char *initrd_id;     /* likewise */
    char *command_line;  /* of the kernel, may be NULL */
    char *cdrom_hash;    /* of the image in its CD-ROM drive, may be NULL */
} ImageRefs;

/* What a guest is built like beside its flavor, as it was when the instance was made. */
typedef struct GuestHardware {
    char *firmware;    /* "uefi"; NULL: BIOS */
    char *tpm_version; /* "2.0", "1.2"; NULL: no TPM */
    char *tpm_model;   /* "tpm-tis", "tpm-crb"; NULL without a TPM */
} GuestHardware;

typedef struct Fault {
    int code;       /* an HTTP status, as Nova shows it */
    char *message;  /* one sentence for the owner */
    char *details;  /* for administrators: cause and fix; may be NULL */
    int64_t created_us;
} Fault;

typedef struct Instance {
    char *id; /* UUID */
    int64_t number; /* counts up; "instance-%08x" is its name in libvirt */
    char *name;
    char *hostname;
    char *description; /* may be NULL */
    char *project_id;
    char *user_id;
    char *host; /* NULL while unscheduled */
    VmState vm_state;
    PowerState power_state;
    bool should_run;    /* what its owner asked for last: started again after a host's reboot */
    bool delete_wanted; /* DELETE was accepted; carried out when the open operation has ended */
    int64_t generation; /* rises by one with every move; travels in the domain's metadata */
    Flavor flavor;      /* as it was when the instance was made */
    ImageRefs image;
    char *config_drive_format; /* "vfat" or "iso9660", as when it was made */
    char *config_drive_label;  /* "config-2" or "CIDATA", likewise */
    GuestHardware hardware;
    char *metadata_json;   /* object of strings, never NULL */
    char *tags_json;       /* array of strings, never NULL */
    char *user_data;       /* base64, may be NULL */
    char *key_name;        /* may be NULL */
    char *availability_zone;
    char *reservation_id;
    char *group_id;                 /* of its server group; NULL: it is in none */
    ServerGroupPolicy group_policy; /* of that group, as is the next */
    int group_max_per_host;         /* as ServerGroup */
    char *same_host;      /* hints: ids, with commas between, of which one is to be beside it; */
    char *different_host; /* of which none is. NULL: none */
    char *image_properties_json; /* of its image, when it was made; NULL: none */
    bool locked;
    char *locked_by;     /* "owner": somebody of its project; "admin": of another; NULL unlocked */
    char *locked_reason; /* may be NULL */
    bool has_fault;
    Fault fault; /* of the last failure; shown in ERROR and DELETED */
    int64_t created_us;
    int64_t updated_us;
    int64_t launched_us;   /* 0 = never */
    int64_t terminated_us; /* 0 = lives */
    GPtrArray *ports;      /* Port *, may be empty, never NULL */

    /* The open operation, joined in when read: task_state and status follow from it, so they can
     * never disagree with it. NULL and 0 when there is none. */
    char *open_kind;  /* OperationKind's name */
    char *open_state;
    int64_t open_operation;
} Instance;

const char *vm_state_name(VmState state); /* "active" */
bool vm_state_parse(const char *text, VmState *ret_state);
/* "instance-00000001"; caller frees. */
char *instance_domain_name(const Instance *instance);
/* Its config drive is read-only to QEMU: an iso9660 one. */
bool instance_has_read_only_config_drive(const Instance *instance);
/* It has no root disk of its own: it boots from a volume. */
bool instance_is_volume_backed(const Instance *instance);
/* GiB that it takes of its host's pool. */
int instance_disk_gib(const Instance *instance);
/* Nova's task_state ("migrating"), NULL when nothing is under way. Borrowed, static. */
const char *instance_task_state(const Instance *instance);
/* Nova's status ("MIGRATING"). Borrowed, static. */
const char *instance_status(const Instance *instance);

Instance *instance_new(void);
void instance_free(Instance *instance);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Instance, instance_free)
Port *port_new(void);
void port_free(Port *port);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Port, port_free)
void fault_clear(Fault *fault);
void guest_hardware_clear(GuestHardware *hardware);
void image_refs_clear(ImageRefs *refs);
void image_refs_copy(const ImageRefs *from, ImageRefs *ret_to);
