/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Volumes of a host's pool, through libvirt's storage calls only. A pool lists what it saw when it
 * was last refreshed: a file that QEMU or another host made is not known until then. */
#include "hypervisor/libvirt/connection.h"

typedef struct VolumeSpec {
    const char *name;
    const char *format; /* "qcow2", "raw" */
    int64_t capacity_bytes;
    int64_t reserved_bytes;   /* of a raw volume, so that filling it cannot end in a full disk */
    const char *backing_path; /* NULL = none */
    const char *backing_format;
} VolumeSpec;

/* The host's pool, running; a dir, fs or netfs pool. HYPERVISOR_REFUSED: it has none of that name;
 * UNSUPPORTED. */
virStoragePoolPtr pool_get(const Slot *slot, GError **error);
/* Any pool of the host by its name, running; NULL: as pool_get. *ret_path (may be NULL) is where
 * its files are; caller frees. NOT_FOUND: there is none of that name. */
virStoragePoolPtr pool_get_named(
    const Slot *slot, const char *name, char **ret_path, GError **error);
/* Where its files are. Borrowed; asked for once per session. */
const char *pool_get_path(const Slot *slot, virStoragePoolPtr pool, GError **error);
/* What every host that has this pool calls it; made when nobody has yet. As of the pool's last
 * refresh. Caller frees. */
char *pool_get_id(const Slot *slot, virStoragePoolPtr pool, GError **error);
bool pool_refresh(const Slot *slot, virStoragePoolPtr pool, GError **error);

/* Success with NULL when the pool does not list it. */
bool volume_find(const Slot *slot, virStoragePoolPtr pool, const char *name,
    virStorageVolPtr *ret_volume, GError **error);
/* As volume_find, but looks into the directory again before it says no. */
bool volume_find_fresh(const Slot *slot, virStoragePoolPtr pool, const char *name,
    virStorageVolPtr *ret_volume, GError **error);
/* Whether so much can still be written: LIMIT. As of the pool's last refresh. libvirtd (11.3) dies
 * when a stream into a volume finds the disk full, so this is asked before every stream. */
bool pool_check_space(
    const Slot *slot, virStoragePoolPtr pool, int64_t needed_bytes, GError **error);
/* Makes a volume, sparse but for what is reserved. CONFLICT when the name is taken, be it by a
 * file that the pool does not list; LIMIT when there is no room for what is reserved. *ret_volume
 * may be NULL when the caller does not want it. */
bool volume_create(const Slot *slot, virStoragePoolPtr pool, const VolumeSpec *spec,
    virStorageVolPtr *ret_volume, GError **error);
/* Absent is fine. */
bool volume_delete(const Slot *slot, virStoragePoolPtr pool, const char *name, GError **error);
/* The same for what a refresh of the pool must have listed before: no look into the directory. */
bool volume_delete_listed(
    const Slot *slot, virStoragePoolPtr pool, const char *name, GError **error);
bool volume_exists(
    const Slot *slot, virStoragePoolPtr pool, const char *name, bool *ret_exists, GError **error);
