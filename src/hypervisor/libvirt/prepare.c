/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The volumes that a migration copies into, on its destination. */
#include "base/clock.h"
#include "hypervisor/libvirt/base.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/place.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/markers.h"
#include <string.h>

/* One volume to make: what the source has, without what is in it. Base files need not be made but
 * must be there. */
typedef struct NewVolume {
    char *name;
    char *format;
    int64_t capacity_bytes;
    char *base_name; /* NULL = no backing */
    char *base_format;
} NewVolume;

static void
new_volume_free(void *data)
{
    NewVolume *volume = data;

    g_free(volume->name);
    g_free(volume->format);
    g_free(volume->base_name);
    g_free(volume->base_format);
    g_free(volume);
}

/* What the source tells. */
typedef struct Plan {
    const char *pool_path; /* of the source's pool */
    GPtrArray *volumes;    /* of NewVolume */
    GPtrArray *bases;      /* of char *: names of bases other than those below the volumes */
    GPtrArray *placed;     /* of char *: names of volumes whose bytes are put there */
} Plan;

static void
plan_clear(Plan *plan)
{
    g_clear_pointer(&plan->volumes, g_ptr_array_unref);
    g_clear_pointer(&plan->bases, g_ptr_array_unref);
    g_clear_pointer(&plan->placed, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

/* Capacity as the source's QEMU has it; formats as the definition has them: nothing that the guest
 * wrote is looked at. */
static bool
plan_add_disk(const Slot *slot, virDomainPtr domain, const DomainDisk *disk, const char *uuid,
    Plan *plan, GError **error)
{
    virDomainBlockInfo info;
    g_autofree char *directory = g_path_get_dirname(disk->path);

    if (strcmp(directory, plan->pool_path) != 0) {
        return error_set(error, ERROR_UNSUPPORTED,
            "disk '%s' of guest '%s' is not in the storage pool of host '%s'", disk->target, uuid,
            slot->host->name);
    }
    if (disk->format == NULL || (disk->backing_path != NULL && disk->backing_format == NULL)) {
        return error_set(error, ERROR_UNSUPPORTED,
            "disk '%s' of guest '%s' does not say its format", disk->target, uuid);
    }
    if (virDomainGetBlockInfo(domain, disk->target, &info, 0) < 0) {
        return domain_fail(slot, uuid, EFFECT_NONE, "ask for the size of a disk of", error);
    }
    NewVolume *volume = g_new0(NewVolume, 1);
    volume->name = g_path_get_basename(disk->path);
    volume->format = g_strdup(disk->format);
    volume->capacity_bytes = (int64_t)info.capacity;
    if (disk->backing_path != NULL) {
        volume->base_name = g_path_get_basename(disk->backing_path);
        volume->base_format = g_strdup(disk->backing_format);
    }
    g_ptr_array_add(plan->volumes, volume);
    return true;
}

/* Each disk of the guest's own: to be copied, or to be put there. Volumes stay where they are. */
static bool
plan_add_own(const Slot *slot, virDomainPtr domain, const DomainDisk *disk, const char *uuid,
    Plan *plan, GError **error)
{
    if (disk->is_copied) {
        return plan_add_disk(slot, domain, disk, uuid, plan, error);
    }
    if (disk->is_read_only && !disk->is_volume) {
        g_ptr_array_add(plan->placed, g_path_get_basename(disk->path));
    }
    return true;
}

/* Kernels and CD-ROMs are bases, logs are volumes. */
static bool
plan_add_files(const char *xml, const char *uuid, Plan *plan, GError **error)
{
    g_autoptr(GPtrArray) files = domain_xml_list_files(xml, error);
    g_autofree char *console = name_guest_volume(uuid, VOLUME_CONSOLE);

    for (unsigned int i = 0; files != NULL && i < files->len; i++) {
        g_autofree char *name = g_path_get_basename(g_ptr_array_index(files, i));
        if (strcmp(name, console) == 0) {
            NewVolume *volume = g_new0(NewVolume, 1);
            volume->name = g_steal_pointer(&name);
            volume->format = g_strdup("raw");
            g_ptr_array_add(plan->volumes, volume);
        } else if (g_str_has_prefix(name, "base-")) {
            g_ptr_array_add(plan->bases, g_steal_pointer(&name));
        }
    }
    return files != NULL;
}

/* Those of a guest that runs are in its memory and arrive with that; those of one that is off are
 * bytes in a file, which is not there before its first start. */
static bool
plan_add_nvram(const Slot *slot, virStoragePoolPtr pool, virDomainPtr domain, const char *xml,
    Plan *plan, GError **error)
{
    g_autofree char *path = domain_xml_get_nvram(xml);
    virStorageVolPtr found = NULL;
    bool is_active = false;

    if (path == NULL) {
        return true;
    }
    g_autofree char *name = g_path_get_basename(path);
    if (!domain_is_active(slot, domain, &is_active, error) ||
        (!is_active && !volume_find_fresh(slot, pool, name, &found, error))) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    if (volume != NULL) {
        g_ptr_array_add(plan->placed, g_steal_pointer(&name));
    }
    return true;
}

static bool
plan_read(LibvirtHost *source, const char *uuid, Plan *plan, GError **error)
{
    g_auto(Slot) slot = {0};
    bool is_ok = true;

    if (!slot_take_control(&slot, source, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    plan->pool_path = pool != NULL ? pool_get_path(&slot, pool, error) : NULL;
    g_autoptr(virDomain) domain = plan->pool_path != NULL ? domain_get(&slot, uuid, error) : NULL;
    g_autofree char *xml = domain != NULL ? domain_get_xml(&slot, domain, 0, error) : NULL;
    g_autoptr(GPtrArray) disks = xml != NULL ? domain_xml_list_disks(xml, error) : NULL;
    if (disks == NULL) {
        return false;
    }
    plan->volumes = g_ptr_array_new_with_free_func(new_volume_free);
    plan->bases = g_ptr_array_new_with_free_func(g_free);
    plan->placed = g_ptr_array_new_with_free_func(g_free);
    for (unsigned int i = 0; is_ok && i < disks->len; i++) {
        DomainDisk *disk = g_ptr_array_index(disks, i);
        is_ok = plan_add_own(&slot, domain, disk, uuid, plan, error);
    }
    return is_ok && plan_add_files(xml, uuid, plan, error) &&
        plan_add_nvram(&slot, pool, domain, xml, plan, error);
}

static bool
check_base(const Slot *slot, virStoragePoolPtr pool, const char *name, GError **error)
{
    g_autofree char *sha256 = NULL;
    g_autofree char *format = NULL;
    bool is_complete;

    if (!name_parse_base(name, &sha256, &format)) {
        return error_set(error, ERROR_UNSUPPORTED, "'%s' is not an image base", name);
    }
    if (!base_is_complete(slot, pool, sha256, format, &is_complete, error)) {
        return false;
    }
    return is_complete ||
        error_set(error, ERROR_CONFLICT, "image base '%s' is not complete on host '%s'", name,
            slot->host->name);
}

static bool
check_bases(const Slot *slot, virStoragePoolPtr pool, const Plan *plan, GError **error)
{
    bool is_ok = true;

    for (unsigned int i = 0; is_ok && i < plan->bases->len; i++) {
        is_ok = check_base(slot, pool, g_ptr_array_index(plan->bases, i), error);
    }
    for (unsigned int i = 0; is_ok && i < plan->volumes->len; i++) {
        NewVolume *volume = g_ptr_array_index(plan->volumes, i);
        is_ok = volume->base_name == NULL || check_base(slot, pool, volume->base_name, error);
    }
    return is_ok;
}

/* Before anything is deleted here: is it really another directory than the source's? The caller
 * said so; what is at stake is the guest's disk. */
static bool
check_pools_differ(LibvirtHost *dest, LibvirtHost *source, GError **error)
{
    g_autofree char *token = clock_random_hex(clock_system(), 16);
    g_autoptr(GError) ignored = NULL;
    bool existed = false;

    markers_begin(token);
    bool is_ok = libvirt_create_marker(source, NULL, token, &existed, error) &&
        libvirt_create_marker(dest, NULL, token, &existed, error);
    if (is_ok && !existed) {
        is_ok = libvirt_delete_marker(dest, NULL, token, error);
    }
    libvirt_delete_marker(source, NULL, token, &ignored);
    markers_end(token);
    if (is_ok && existed) {
        return error_set(error, ERROR_CONFLICT,
            "hosts '%s' and '%s' share their storage pool: there is nothing to copy", source->name,
            dest->name);
    }
    return is_ok;
}

static bool
make_volume(const Slot *slot, virStoragePoolPtr pool, const NewVolume *volume, GError **error)
{
    const char *pool_path = pool_get_path(slot, pool, error);

    if (pool_path == NULL) {
        return false;
    }
    g_autofree char *base_path =
        volume->base_name != NULL ? g_build_filename(pool_path, volume->base_name, NULL) : NULL;
    VolumeSpec spec = {
        .name = volume->name,
        .format = volume->format,
        .capacity_bytes = volume->capacity_bytes,
        .backing_path = base_path,
        .backing_format = volume->base_format,
    };
    return volume_create(slot, pool, &spec, NULL, error);
}

/* *ret_taken tells whether it failed because a volume of that name is there. */
static bool
make_all(LibvirtHost *dest, const Plan *plan, bool replaces, bool *ret_taken, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autoptr(GError) reason = NULL;
    bool is_ok = true;

    *ret_taken = false;
    if (!slot_take_control(&slot, dest, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL || !check_bases(&slot, pool, plan, error)) {
        return false;
    }
    for (unsigned int i = 0; is_ok && i < plan->volumes->len; i++) {
        NewVolume *volume = g_ptr_array_index(plan->volumes, i);
        is_ok = (!replaces || volume_delete(&slot, pool, volume->name, &reason)) &&
            make_volume(&slot, pool, volume, &reason);
    }
    if (!is_ok) {
        *ret_taken = error_is(reason, ERROR_CONFLICT);
        g_propagate_error(error, g_steal_pointer(&reason));
    }
    return is_ok;
}

static bool
check_absent(LibvirtHost *dest, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr found;

    if (!slot_take_control(&slot, dest, error) || !domain_find(&slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    return domain == NULL ||
        error_set(error, ERROR_CONFLICT, "guest '%s' is already on host '%s'", uuid, dest->name);
}

/* Only after the volumes were made: by then the two pools are known to be two. */
static bool
place_all(LibvirtHost *dest, LibvirtHost *source, const Plan *plan, GError **error)
{
    bool is_ok = true;

    for (unsigned int i = 0; is_ok && i < plan->placed->len; i++) {
        is_ok = place_volume(dest, source, g_ptr_array_index(plan->placed, i), error);
    }
    return is_ok;
}

/* Volumes of these names without their guest are leftovers of an earlier move: they are made
 * again, but looked for only when the straight way fails. */
bool
libvirt_prepare_dest(void *dest_data, void *source_data, const char *uuid, GError **error)
{
    LibvirtHost *dest = dest_data;
    LibvirtHost *source = source_data;
    g_auto(Plan) plan = {0};
    g_autoptr(GError) reason = NULL;
    bool is_taken;

    if (!check_absent(dest, uuid, error) || !plan_read(source, uuid, &plan, error)) {
        return false;
    }
    if (make_all(dest, &plan, false, &is_taken, &reason)) {
        return place_all(dest, source, &plan, error);
    }
    if (!is_taken) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    return check_pools_differ(dest, source, error) &&
        make_all(dest, &plan, true, &is_taken, error) && place_all(dest, source, &plan, error);
}
