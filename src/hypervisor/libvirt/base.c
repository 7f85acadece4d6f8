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
#include <string.h>
#include <unistd.h>

/* Where the bytes of a base come from. */
typedef struct BaseSource {
    const BaseImage *image;
    LibvirtHost *from; /* NULL: image->path */
    const Cancel *cancel; /* may be NULL */
} BaseSource;

typedef struct BaseSize {
    int64_t bytes;      /* of the file; the image does not say it when it is gone */
    int64_t data_bytes; /* without its holes */
} BaseSize;

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
fill_from_file(
    const Slot *slot, virStorageVolPtr volume, const BaseSource *source, Sum *sum, GError **error)
{
    const BaseImage *image = source->image;
    int fd = g_open(image->path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0) {
        return error_set(error, ERROR_INTERNAL, "cannot read the image '%s': %s", image->path,
            g_strerror(errno));
    }
    bool is_ok =
        stream_upload_file(slot, volume, fd, image->size_bytes, sum, source->cancel, error);
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
fill_from_host(
    const Slot *slot, virStorageVolPtr volume, const BaseSource *source, Sum *sum, GError **error)
{
    g_auto(Slot) from_slot = {0};

    if (!slot_take_transfer(&from_slot, source->from, error)) {
        return false;
    }
    g_autoptr(virStorageVol) from = find_on_host(&from_slot, source->image, error);
    return from != NULL &&
        stream_copy(&from_slot, from, slot, volume, sum, source->cancel, error);
}

/* The capacity is of the disk inside, once the pool has looked at the file. */
static bool
measure_host(const BaseSource *source, BaseSize *ret_size, GError **error)
{
    g_auto(Slot) slot = {0};
    virStorageVolInfo data;
    virStorageVolInfo file;

    if (!slot_take_control(&slot, source->from, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = find_on_host(&slot, source->image, error);
    if (volume == NULL) {
        return false;
    }
    if (virStorageVolGetInfo(volume, &data) < 0 ||
        virStorageVolGetInfoFlags(volume, &file, VIR_STORAGE_VOL_GET_PHYSICAL) < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' for the size of an image base", slot.host->name);
    }
    *ret_size = (BaseSize){(int64_t)file.allocation, (int64_t)data.allocation};
    return true;
}

static bool
measure_file(const BaseImage *image, BaseSize *ret_size, GError **error)
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
    *ret_size = (BaseSize){image->size_bytes, (int64_t)status.st_blocks * 512};
    return true;
}

/* Its name is what its bytes must be: those of a file or a base that was changed behind our back
 * never become a base of anything. A hole at the end may not have been told. */
static bool
check_sum(
    const Slot *slot, const BaseImage *image, const BaseSize *size, Sum *sum, GError **error)
{
    sum_add_hole(sum, size->bytes - sum->size);
    g_autofree char *there = sum_end(sum);
    return strcmp(there, image->sha256) == 0 ||
        error_set(error, ERROR_INTERNAL,
            "an image base was put on host '%s' with other bytes: SHA-256 %s instead of %s",
            slot->host->name, there, image->sha256);
}

/* Half a base is of no use to anybody: it takes room until the next guest that stands on it. */
static bool
base_fill(const Slot *slot, virStoragePoolPtr pool, virStorageVolPtr volume,
    const BaseSource *source, const BaseSize *size, GError **error)
{
    const BaseImage *image = source->image;
    g_autofree char *marker_name = name_base_marker(image->sha256, image->format);
    VolumeSpec marker = {.name = marker_name, .format = "raw"};
    g_auto(Sum) sum = {0};

    sum_init(&sum);
    bool is_filled = source->from != NULL ? fill_from_host(slot, volume, source, &sum, error)
                                          : fill_from_file(slot, volume, source, &sum, error);
    if (!is_filled || !check_sum(slot, image, size, &sum, error)) {
        g_autofree char *name = name_base(image->sha256, image->format);
        volume_delete(slot, pool, name, NULL);
        return false;
    }
    return volume_create(slot, pool, &marker, NULL, error);
}

/* An incomplete one is a leftover: it goes, its marker first. The volume is raw to libvirt
 * whatever it holds, so that its file gets the image's bytes and nothing else. One without holes
 * is reserved whole. */
static bool
base_create(const Slot *slot, virStoragePoolPtr pool, const BaseSource *source,
    BaseSize *ret_size, virStorageVolPtr *ret_volume, GError **error)
{
    const BaseImage *image = source->image;
    g_autofree char *name = name_base(image->sha256, image->format);
    g_autofree char *marker_name = name_base_marker(image->sha256, image->format);
    VolumeSpec spec = {.name = name, .format = "raw"};
    BaseSize size = {0};
    bool is_measured = source->from != NULL ? measure_host(source, &size, error)
                                            : measure_file(image, &size, error);

    if (!is_measured || !volume_delete(slot, pool, marker_name, error) ||
        !volume_delete(slot, pool, name, error) || !pool_refresh(slot, pool, error) ||
        !pool_check_space(slot, pool, size.data_bytes, error)) {
        return false;
    }
    spec.capacity_bytes = size.bytes;
    spec.reserved_bytes = size.data_bytes >= size.bytes ? size.bytes : 0;
    *ret_size = size;
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
    BaseSize *ret_size, virStorageVolPtr *ret_volume, GError **error)
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
    return base_create(slot, pool, source, ret_size, ret_volume, error) ? BASE_CREATED
                                                                        : BASE_FAILED;
}

static bool
fail_cancelled(const LibvirtHost *host, GError **error)
{
    return error_set(error, ERROR_CANCELLED, "a base for host '%s' was given up", host->name);
}

static bool
base_ensure(LibvirtHost *host, const BaseSource *source, GError **error)
{
    g_auto(Slot) slot = {0};
    virStorageVolPtr created = NULL;
    BaseSize size = {0};
    BaseLook look;

    g_autoptr(BaseTicket) ticket =
        base_ticket_take(host->name, source->image->sha256, source->cancel);
    if (ticket == NULL) {
        return fail_cancelled(host, error);
    }
    if (!slot_take_transfer(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL) {
        return false;
    }
    do {
        if (!base_ticket_wait_earlier(ticket, source->cancel)) {
            return fail_cancelled(host, error);
        }
        base_ticket_enter(ticket);
        look = base_look(&slot, pool, ticket, source, &size, &created, error);
        base_ticket_leave(ticket);
    } while (look == BASE_BUSY);
    g_autoptr(virStorageVol) volume = created;
    switch (look) {
    case BASE_COMPLETE: return true;
    case BASE_CREATED: return base_fill(&slot, pool, volume, source, &size, error);
    case BASE_BUSY:
    case BASE_FAILED: break;
    }
    return false;
}

bool
libvirt_ensure_base(void *host, const BaseImage *image, const Cancel *cancel, GError **error)
{
    return base_ensure(host, &(BaseSource){image, NULL, cancel}, error);
}

bool
libvirt_copy_base(
    void *host, void *from_host, const BaseImage *image, const Cancel *cancel, GError **error)
{
    return base_ensure(host, &(BaseSource){image, from_host, cancel}, error);
}
