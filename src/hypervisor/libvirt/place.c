/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/place.h"

#include "hypervisor/libvirt/stream.h"
#include "hypervisor/libvirt/volumes.h"
#include <string.h>

/* Config drives have 1 MiB. */
enum { SIZE_MAX_BYTES = 16 << 20 };

static char *
hash_of(const char *bytes, size_t size)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
}

static bool
read_volume(const Slot *slot, virStoragePoolPtr pool, const char *name, char **ret_bytes,
    size_t *ret_size, GError **error)
{
    virStorageVolPtr found = NULL;
    virStorageVolInfo info;

    if (!volume_find_fresh(slot, pool, name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    if (volume == NULL || virStorageVolGetInfo(volume, &info) < 0) {
        return error_set(
            error, ERROR_NOT_FOUND, "host '%s' has no volume '%s'", slot->host->name, name);
    }
    if (info.capacity > SIZE_MAX_BYTES) {
        return error_set(error, ERROR_LIMIT,
            "volume '%s' is too large to be put on another host", name);
    }
    return stream_download(slot, volume, 0, info.capacity, ret_bytes, ret_size, error);
}

static bool
read_source(
    LibvirtHost *source, const char *name, char **ret_bytes, size_t *ret_size, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_transfer(&slot, source, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    return pool != NULL && read_volume(&slot, pool, name, ret_bytes, ret_size, error);
}

static bool
write_dest(const Slot *slot, virStoragePoolPtr pool, const char *name, const char *bytes,
    size_t size, GError **error)
{
    VolumeSpec spec = {.name = name,
        .format = "raw",
        .capacity_bytes = (int64_t)size,
        .reserved_bytes = (int64_t)size};
    virStorageVolPtr created = NULL;

    if (!volume_delete(slot, pool, name, error) ||
        !volume_create(slot, pool, &spec, &created, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = created;
    return stream_upload_bytes(slot, volume, bytes, size, error);
}

bool
place_volume(LibvirtHost *dest, LibvirtHost *source, const char *name, GError **error)
{
    g_autofree char *bytes = NULL;
    g_autofree char *copied = NULL;
    size_t size = 0;
    size_t copied_size = 0;

    if (!read_source(source, name, &bytes, &size, error)) {
        return false;
    }
    g_auto(Slot) slot = {0};
    if (!slot_take_transfer(&slot, dest, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL || !write_dest(&slot, pool, name, bytes, size, error) ||
        !read_volume(&slot, pool, name, &copied, &copied_size, error)) {
        return false;
    }
    g_autofree char *there = hash_of(copied, copied_size);
    g_autofree char *wanted = hash_of(bytes, size);
    return strcmp(there, wanted) == 0 ||
        error_set(error, ERROR_INTERNAL,
            "volume '%s' arrived on host '%s' with other bytes: SHA-256 %s instead of %s", name,
            dest->name, there, wanted);
}
