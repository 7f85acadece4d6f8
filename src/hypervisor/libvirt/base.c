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
    g_autofree char *marker = name_base_marker(sha256, format);
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

/* The complete base on the other host. */
static virStorageVolPtr
find_on_host(const Slot *slot, const BaseImage *image, GError **error)
{
    g_autofree char *name = name_base(image->sha256, image->format);
    g_autoptr(virStoragePool) pool = pool_get(slot, error);
    virStorageVolPtr volume = NULL;
    bool is_complete;

    if (pool == NULL ||
        !base_is_complete(slot, pool, image->sha256, image->format, &is_complete, error) ||
        (is_complete && !volume_find(slot, pool, name, &volume, error))) {
        return NULL;
    }
    if (volume == NULL) {
        error_set(error, ERROR_NOT_FOUND, "image base '%s' is not complete on host '%s'", name,
            slot->host->name);
    }
    return volume;
}

static bool
fill_from_host(const Slot *slot, virStorageVolPtr volume, const BaseSource *source, GError **error)
{
    g_auto(Slot) from_slot = {0};

    if (!slot_take_transfer(&from_slot, source->from, error)) {
        return false;
    }
    g_autoptr(virStorageVol) from = find_on_host(&from_slot, source->image, error);
    return from != NULL && stream_copy(&from_slot, from, slot, volume, error);
}

static bool
measure_host(const BaseSource *source, int64_t *ret_bytes, GError **error)
{
    g_auto(Slot) slot = {0};
    virStorageVolInfo info;

    if (!slot_take_control(&slot, source->from, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = find_on_host(&slot, source->image, error);
    if (volume == NULL) {
        return false;
    }
    if (virStorageVolGetInfo(volume, &info) < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' for the size of an image base", slot.host->name);
    }
    *ret_bytes = (int64_t)info.allocation;
    return true;
}

static bool
measure_file(const BaseImage *image, int64_t *ret_bytes, GError **error)
{
    GStatBuf status;

    if (image->path == NULL) {
        return error_set(
            error, ERROR_NOT_FOUND, "image '%s' is gone, and so is its base", image->sha256);
    }
    if (g_stat(image->path, &status) < 0) {
        return error_set(error, ERROR_INTERNAL, "cannot read the image '%s': %s", image->path,
            g_strerror(errno));
    }
    *ret_bytes = (int64_t)status.st_blocks * 512;
    return true;
}

static bool
base_fill(const Slot *slot, virStoragePoolPtr pool, virStorageVolPtr volume,
    const BaseSource *source, GError **error)
{
    g_autofree char *marker_name =
        name_base_marker(source->image->sha256, source->image->format);
    VolumeSpec marker = {.name = marker_name, .format = "raw"};
    bool is_filled = source->from != NULL ? fill_from_host(slot, volume, source, error)
                                          : fill_from_file(slot, volume, source->image, error);

    return is_filled && volume_create(slot, pool, &marker, NULL, error);
}

/* An incomplete one is a leftover: it goes, its marker first. The volume is raw to libvirt
 * whatever it holds, so that its file gets the image's bytes and nothing else. One without holes
 * is reserved whole. */
static bool
base_create(const Slot *slot, virStoragePoolPtr pool, const BaseSource *source,
    virStorageVolPtr *ret_volume, GError **error)
{
    const BaseImage *image = source->image;
    g_autofree char *name = name_base(image->sha256, image->format);
    g_autofree char *marker_name = name_base_marker(image->sha256, image->format);
    VolumeSpec spec = {.name = name, .format = "raw", .capacity_bytes = image->size_bytes};
    int64_t data_bytes = 0;
    bool is_measured = source->from != NULL ? measure_host(source, &data_bytes, error)
                                            : measure_file(image, &data_bytes, error);

    if (!is_measured || !volume_delete(slot, pool, marker_name, error) ||
        !volume_delete(slot, pool, name, error) || !pool_refresh(slot, pool, error) ||
        !pool_check_space(slot, pool, data_bytes, error)) {
        return false;
    }
    spec.reserved_bytes = data_bytes >= image->size_bytes ? image->size_bytes : 0;
    return volume_create(slot, pool, &spec, ret_volume, error);
}

/* What a look at the base leads to. */
typedef enum {
    BASE_FAILED,
    BASE_COMPLETE,
    BASE_BUSY,    /* somebody is making it through another host of the same pool */
    BASE_CREATED, /* ours to fill */
} BaseLook;

static BaseLook
base_look(const Slot *slot, virStoragePoolPtr pool, BaseTicket *ticket, const BaseSource *source,
    virStorageVolPtr *ret_volume, GError **error)
{
    const BaseImage *image = source->image;
    g_autofree char *name = name_base(image->sha256, image->format);
    bool is_complete;
    bool exists;

    if (!base_is_complete(slot, pool, image->sha256, image->format, &is_complete, error) ||
        !volume_exists(slot, pool, name, &exists, error)) {
        return BASE_FAILED;
    }
    if (is_complete) {
        return BASE_COMPLETE;
    }
    if (exists && base_ticket_has_earlier(ticket)) {
        return BASE_BUSY;
    }
    return base_create(slot, pool, source, ret_volume, error) ? BASE_CREATED : BASE_FAILED;
}

static bool
base_ensure(LibvirtHost *host, const BaseSource *source, GError **error)
{
    g_auto(Slot) slot = {0};
    virStorageVolPtr created = NULL;
    BaseLook look;

    g_autoptr(BaseTicket) ticket = base_ticket_take(host->name, source->image->sha256);
    if (!slot_take_transfer(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL) {
        return false;
    }
    do {
        base_ticket_wait_earlier(ticket);
        base_ticket_enter(ticket);
        look = base_look(&slot, pool, ticket, source, &created, error);
        base_ticket_leave(ticket);
    } while (look == BASE_BUSY);
    g_autoptr(virStorageVol) volume = created;
    switch (look) {
    case BASE_COMPLETE: return true;
    case BASE_CREATED: return base_fill(&slot, pool, volume, source, error);
    case BASE_BUSY:
    case BASE_FAILED: break;
    }
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
