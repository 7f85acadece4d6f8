/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/base.h"

#include "hypervisor/libvirt/base_ticket.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/stream.h"
#include "hypervisor/libvirt/verbs.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* Where the bytes of a base come from. */
typedef struct BaseSource {
    const BaseImage *image;
    LibvirtHost *from; /* NULL: image->path */
} BaseSource;

/* Listed by the pool, and really there: the list may be older than the directory. */
static bool
volume_is_there(
    const Slot *slot, virStoragePoolPtr pool, const char *name, bool *ret_there, GError **error)
{
    virStorageVolPtr found;
    virStorageVolInfo info;

    if (!volume_find(slot, pool, name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    *ret_there = volume != NULL && virStorageVolGetInfo(volume, &info) == 0;
    return true;
}

static bool
base_is_there(const Slot *slot, virStoragePoolPtr pool, const char *sha256, const char *format,
    bool *ret_there, GError **error)
{
    g_autofree char *name = name_base(sha256, format);
    g_autofree char *marker = name_base_marker(sha256);
    bool has_volume;
    bool has_marker;

    if (!volume_is_there(slot, pool, name, &has_volume, error) ||
        !volume_is_there(slot, pool, marker, &has_marker, error)) {
        return false;
    }
    *ret_there = has_volume && has_marker;
    return true;
}

bool
base_is_complete(const Slot *slot, virStoragePoolPtr pool, const char *sha256, const char *format,
    bool *ret_complete, GError **error)
{
    bool is_there;

    if (!base_is_there(slot, pool, sha256, format, &is_there, error)) {
        return false;
    }
    if (!is_there &&
        (!pool_refresh(slot, pool, error) ||
            !base_is_there(slot, pool, sha256, format, &is_there, error))) {
        return false;
    }
    *ret_complete = is_there;
    return true;
}

static bool
fill_from_file(const Slot *slot, virStorageVolPtr volume, const BaseImage *image, GError **error)
{
    int fd = g_open(image->path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0) {
        return error_set(error, ERROR_INTERNAL, "cannot read the image '%s': %s", image->path,
            g_strerror(errno));
    }
    bool is_ok = stream_upload_file(slot, volume, fd, image->size_bytes, error);
    close(fd);
    return is_ok;
}

static bool
fill_from_host(const Slot *slot, virStorageVolPtr volume, const BaseSource *source, GError **error)
{
    g_auto(Slot) from_slot = {0};
    g_autofree char *name = name_base(source->image->sha256, source->image->format);
    virStorageVolPtr found;
    bool is_complete;

    if (!slot_take_transfer(&from_slot, source->from, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&from_slot, error);
    if (pool == NULL ||
        !base_is_complete(
            &from_slot, pool, source->image->sha256, source->image->format, &is_complete, error)) {
        return false;
    }
    if (!is_complete) {
        return error_set(error, ERROR_NOT_FOUND, "image base '%s' is not complete on host '%s'",
            name, source->from->name);
    }
    if (!volume_find(&from_slot, pool, name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) from_volume = found;
    return stream_copy(&from_slot, from_volume, slot, volume, error);
}

/* The volume is raw to libvirt whatever it holds, so that its file gets the image's bytes and
 * nothing else. */
static bool
base_fill(const Slot *slot, virStoragePoolPtr pool, const BaseSource *source, GError **error)
{
    g_autofree char *name = name_base(source->image->sha256, source->image->format);
    g_autofree char *marker_name = name_base_marker(source->image->sha256);
    VolumeSpec spec = {.name = name, .format = "raw", .capacity_bytes = source->image->size_bytes};
    VolumeSpec marker = {.name = marker_name, .format = "raw"};
    virStorageVolPtr created;

    if (!volume_create(slot, pool, &spec, &created, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = created;
    bool is_filled = source->from != NULL ? fill_from_host(slot, volume, source, error)
                                          : fill_from_file(slot, volume, source->image, error);
    return is_filled && volume_create(slot, pool, &marker, NULL, error);
}

/* Complete already, or, when nobody is just making it elsewhere on a shared pool, cleared away. */
static bool
base_clear(const Slot *slot, virStoragePoolPtr pool, BaseTicket *ticket, const BaseImage *image,
    bool *ret_complete, GError **error)
{
    g_autofree char *name = name_base(image->sha256, image->format);
    g_autofree char *marker_name = name_base_marker(image->sha256);
    bool exists;

    if (!base_is_complete(slot, pool, image->sha256, image->format, ret_complete, error)) {
        return false;
    }
    if (*ret_complete) {
        return true;
    }
    if (!volume_exists(slot, pool, name, &exists, error)) {
        return false;
    }
    if (exists && base_ticket_wait_earlier(ticket) &&
        !base_is_complete(slot, pool, image->sha256, image->format, ret_complete, error)) {
        return false;
    }
    return *ret_complete || !exists ||
        (volume_delete(slot, pool, marker_name, error) && volume_delete(slot, pool, name, error));
}

static bool
base_ensure(LibvirtHost *host, const BaseSource *source, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autoptr(GError) reason = NULL;
    bool is_complete;

    g_autoptr(BaseTicket) ticket = base_ticket_take(host->name, source->image->sha256);
    if (!slot_take_transfer(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL || !base_clear(&slot, pool, ticket, source->image, &is_complete, error)) {
        return false;
    }
    if (is_complete) {
        return true;
    }
    if (source->from == NULL && source->image->path == NULL) {
        return error_set(error, ERROR_NOT_FOUND,
            "image '%s' is gone and host '%s' has no complete base of it", source->image->sha256,
            host->name);
    }
    if (base_fill(&slot, pool, source, &reason)) {
        return true;
    }
    /* Another host of the same pool was quicker by a hair. */
    if (error_is(reason, ERROR_CONFLICT) && base_ticket_wait_earlier(ticket) &&
        base_is_complete(
            &slot, pool, source->image->sha256, source->image->format, &is_complete, NULL) &&
        is_complete) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

bool
libvirt_ensure_base(void *host, const BaseImage *image, GError **error)
{
    return base_ensure(host, &(BaseSource){image, NULL}, error);
}

bool
libvirt_copy_base(void *host, void *from_host, const BaseImage *image, GError **error)
{
    return base_ensure(host, &(BaseSource){image, from_host}, error);
}
