/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Volumes that live longer than a guest: made in a pool that hosts share, given to guests and
 * taken away again. */
#include "hypervisor/libvirt/disks.h"

#include "hypervisor/libvirt/disk_xml.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/stream.h"
#include "hypervisor/libvirt/try_disk.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* ---- volumes ---- */

static bool
fill(const Slot *slot, virStorageVolPtr volume, const PoolVolume *spec, GError **error)
{
    int fd = g_open(spec->source_path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0) {
        return error_set(error, ERROR_NOT_FOUND, "cannot read the image '%s': %s",
            spec->source_path, g_strerror(errno));
    }
    bool is_ok = stream_upload_file(slot, volume, fd, spec->source_size_bytes, NULL, NULL, error);
    close(fd);
    return is_ok;
}

/* The pool looks at the file anew, because only then it knows what the image is. The image was
 * inspected before, and no guest has written to it yet. */
static bool
grow(const Slot *slot, virStoragePoolPtr pool, const PoolVolume *spec, GError **error)
{
    virStorageVolPtr found = NULL;
    virStorageVolInfo info;

    if (!pool_refresh(slot, pool, error) || !volume_find(slot, pool, spec->name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    bool is_ok = volume != NULL && virStorageVolGetInfo(volume, &info) == 0 &&
        ((int64_t)info.capacity >= spec->size_bytes ||
            virStorageVolResize(volume, (unsigned long long)spec->size_bytes, 0) == 0);
    return is_ok ||
        libvirt_error_set(
            error, slot->connection, EFFECT_ASKED, "cannot resize volume '%s'", spec->name);
}

/* Raw to libvirt whatever it holds, so that the file gets the image's bytes and nothing else. */
static bool
make_filled(const Slot *slot, virStoragePoolPtr pool, const PoolVolume *spec, GError **error)
{
    VolumeSpec empty = {
        .name = spec->name, .format = "raw", .capacity_bytes = spec->source_size_bytes};
    virStorageVolPtr created = NULL;

    if (!pool_refresh(slot, pool, error) || !volume_delete(slot, pool, spec->name, error) ||
        !pool_check_space(slot, pool, spec->source_size_bytes, error) ||
        !volume_create(slot, pool, &empty, &created, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = created;
    return fill(slot, volume, spec, error) && grow(slot, pool, spec, error);
}

static bool
make_empty(const Slot *slot, virStoragePoolPtr pool, const PoolVolume *spec, GError **error)
{
    g_autoptr(GError) reason = NULL;
    VolumeSpec empty = {
        .name = spec->name, .format = spec->format, .capacity_bytes = spec->size_bytes};

    if (volume_create(slot, pool, &empty, NULL, &reason) || error_is(reason, ERROR_CONFLICT)) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

bool
libvirt_create_volume(void *host, const PoolVolume *spec, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_transfer(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get_named(&slot, spec->pool, NULL, error);
    if (pool == NULL) {
        return false;
    }
    return spec->source_path != NULL ? make_filled(&slot, pool, spec, error)
                                     : make_empty(&slot, pool, spec, error);
}

bool
libvirt_delete_volume(void *host, const char *pool_name, const char *name, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get_named(&slot, pool_name, NULL, error);
    return pool != NULL && volume_delete(&slot, pool, name, error);
}

/* ---- in a guest ---- */

bool
disk_find_path(const Slot *slot, const GuestDisk *disk, char **ret_path, GError **error)
{
    g_autofree char *directory = NULL;
    g_autofree char *name = NULL;

    *ret_path = NULL;
    if (disk->uri != NULL) {
        return true;
    }
    const char *pool_name = disk->base_hash != NULL ? slot->host->pool : disk->pool;
    g_autoptr(virStoragePool) pool = pool_get_named(slot, pool_name, &directory, error);
    if (pool == NULL) {
        return false;
    }
    name =
        disk->base_hash != NULL ? name_base(disk->base_hash, disk->format) : g_strdup(disk->name);
    *ret_path = g_build_filename(directory, name, NULL);
    return true;
}

/* One of a domain's two definitions. */
typedef struct Definition {
    unsigned int xml_flag;
    unsigned int change_flag;
    const char *what;
} Definition;

static const Definition live = {0, VIR_DOMAIN_AFFECT_LIVE, "running"};
static const Definition stored = {VIR_DOMAIN_XML_INACTIVE, VIR_DOMAIN_AFFECT_CONFIG, "stored"};

/* *ret_disk: its element there; NULL: it has none. */
static bool
find_disk(const Slot *slot, virDomainPtr domain, const Definition *definition, const char *target,
    char **ret_disk, char **ret_serial, GError **error)
{
    g_autofree char *xml = domain_get_xml(slot, domain, definition->xml_flag, error);
    g_autoptr(GError) reason = NULL;

    if (xml == NULL) {
        return false;
    }
    *ret_serial = NULL;
    *ret_disk = disk_xml_find(xml, target, ret_serial, &reason);
    if (reason != NULL) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    return true;
}

static bool
attach_to(const Slot *slot, virDomainPtr domain, const Definition *definition, const char *uuid,
    const GuestDisk *disk, const char *xml, GError **error)
{
    g_autofree char *there = NULL;
    g_autofree char *serial = NULL;

    if (!find_disk(slot, domain, definition, disk->target, &there, &serial, error)) {
        return false;
    }
    if (there != NULL && g_strcmp0(serial, disk->serial) == 0) {
        return true;
    }
    if (there != NULL) {
        return error_set(error, ERROR_CONFLICT, "the %s guest '%s' has another disk at '%s'",
            definition->what, uuid, disk->target);
    }
    return virDomainAttachDeviceFlags(domain, xml, definition->change_flag) == 0 ||
        domain_fail(slot, uuid, EFFECT_ASKED, "attach a disk to", error);
}

/* Whether a QEMU that runs would have to open it. */
static bool
is_to_be_opened(LibvirtHost *host, const char *uuid, const GuestDisk *disk, bool *ret_opened,
    GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *there = NULL;
    g_autofree char *serial = NULL;
    bool is_active;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    if (domain == NULL || !domain_is_active(&slot, domain, &is_active, error) ||
        (is_active && !find_disk(&slot, domain, &live, disk->target, &there, &serial, error))) {
        return false;
    }
    *ret_opened = is_active && there == NULL;
    return true;
}

static bool
try_before(LibvirtHost *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    bool is_opened;

    return is_to_be_opened(host, uuid, disk, &is_opened, error) &&
        (!is_opened || libvirt_try_disk(host, uuid, disk, error));
}

/* The definition first: a guest that has a disk now has it after its next start too. */
bool
libvirt_attach_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *path = NULL;
    bool is_active;

    if ((disk->uri != NULL && !try_before(host, uuid, disk, error)) ||
        !slot_take_control(&slot, host, error) || !disk_find_path(&slot, disk, &path, error)) {
        return false;
    }
    g_autofree char *xml = disk_xml_new(disk, path, error);
    g_autoptr(virDomain) domain = xml != NULL ? domain_get(&slot, uuid, error) : NULL;
    if (domain == NULL || !domain_is_active(&slot, domain, &is_active, error)) {
        return false;
    }
    return attach_to(&slot, domain, &stored, uuid, disk, xml, error) &&
        (!is_active || attach_to(&slot, domain, &live, uuid, disk, xml, error));
}

static bool
detach_from(const Slot *slot, virDomainPtr domain, const Definition *definition, const char *uuid,
    const char *target, GError **error)
{
    g_autofree char *there = NULL;
    g_autofree char *serial = NULL;
    g_autofree char *left = NULL;
    g_autofree char *left_serial = NULL;

    if (!find_disk(slot, domain, definition, target, &there, &serial, error)) {
        return false;
    }
    if (there == NULL) {
        return true;
    }
    bool is_asked = virDomainDetachDeviceFlags(domain, there, definition->change_flag) == 0;
    /* QEMU says so of a disk that the guest has been asked for before. */
    if (!is_asked && strstr(virGetLastErrorMessage(), "already in the process of unplug") == NULL) {
        return domain_fail(slot, uuid, EFFECT_ASKED, "detach a disk from", error);
    }
    if (!find_disk(slot, domain, definition, target, &left, &left_serial, error)) {
        return false;
    }
    return left == NULL ||
        error_set(
            error, ERROR_TIMEOUT, "guest '%s' has not let go of its disk '%s' yet", uuid, target);
}

/* The disk of a running guest; NULL: it does not run, or has none there. */
static bool
find_live_disk(
    LibvirtHost *host, const char *uuid, const char *target, char **ret_disk, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *serial = NULL;
    virDomainPtr found;
    bool is_active;

    *ret_disk = NULL;
    if (!slot_take_control(&slot, host, error) || !domain_find(&slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    return domain == NULL ||
        (domain_is_active(&slot, domain, &is_active, error) &&
            (!is_active || find_disk(&slot, domain, &live, target, ret_disk, &serial, error)));
}

/* QEMU closes a disk when it has heard from its server, and stands still with the guest until
 * then: for as long as a silent one likes. */
static bool
may_be_closed(LibvirtHost *host, const char *uuid, const char *target, GError **error)
{
    g_autofree char *disk = NULL;

    if (!find_live_disk(host, uuid, target, &disk, error)) {
        return false;
    }
    if (disk == NULL || strstr(disk, "type=\"network\"") == NULL ||
        !try_disk_is_silent(host, uuid, disk, error)) {
        return true;
    }
    g_prefix_error(error, "the guest would stand still until this server answers, and keeps the "
                          "disk while it runs (stopped, it gives it up at once): ");
    return false;
}

/* The running guest first: as long as it keeps the disk, its definition does. */
bool
libvirt_detach_disk(void *host, const char *uuid, const char *target, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr found;
    bool is_active;

    if (!may_be_closed(host, uuid, target, error) || !slot_take_control(&slot, host, error) ||
        !domain_find(&slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    if (domain == NULL) {
        return true;
    }
    return domain_is_active(&slot, domain, &is_active, error) &&
        (!is_active || detach_from(&slot, domain, &live, uuid, target, error)) &&
        (virDomainIsPersistent(domain) != 1 ||
            detach_from(&slot, domain, &stored, uuid, target, error));
}
