/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a move does with each disk of an instance: one decision per disk, made before anything is
 * moved, recorded with the move and shown. Live migration and the cold kinds use the same one.
 * Pure. */
#include "base/error.h"
#include "model/migration.h"
#include "model/volume.h"

typedef enum {
    DISK_COPIED,  /* it lies on the source alone: its bytes flow */
    DISK_SHARED,  /* both hosts have its pool: it stays where it is */
    DISK_NETWORK, /* both hosts reach it over the network: it stays where it is */
    DISK_PLACED,  /* read-only: the same bytes are put on the destination before the guest moves */
} DiskDecision;

typedef struct PlannedDisk {
    char *target; /* "vda" */
    DiskDecision decision;
} PlannedDisk;

/* What was found out about the two hosts. */
typedef struct DiskFacts {
    bool pool_is_shared;        /* the pool of the instances */
    bool volume_pool_is_shared; /* the pool of the volumes; only asked when a volume lies in it */
} DiskFacts;

/* What is to be moved, and how it was asked for. All of it is borrowed. */
typedef struct DiskWish {
    const Instance *instance;
    const GPtrArray *volumes; /* Volume * with their attachments, of this instance */
    BlockMigration asked;
    const char *source_host;
} DiskWish;

/* PlannedDisk *, by target. A request is refused by this with what was found out for it, and a dry
 * run with what was known before. NULL with the reason: ERROR_INVALID when what was asked for is
 * not what there is; ERROR_HYPERVISOR_REFUSED when a disk cannot be had on the destination, which
 * another host may have. */
GPtrArray *disk_plan_new(const DiskWish *wish, const DiskFacts *facts, GError **error);
/* Nova: whether the guest's own data lie in one place for both hosts. Volumes count, a config drive
 * and a console log do not: an instance that boots from a volume has no local disks. */
bool disk_plan_is_shared(const Instance *instance, const DiskFacts *facts);

/* "vda:copied vdb:copied vdc:shared": as it is stored. Caller frees. */
char *disk_plan_to_text(const GPtrArray *plan);
/* What cannot be read is left out. */
GPtrArray *disk_plan_from_text(const char *text);
const char *disk_decision_name(DiskDecision decision);
