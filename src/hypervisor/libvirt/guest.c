/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Guests come and go: their volumes and their definition. */
#include "hypervisor/libvirt/disks.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/stream.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"

/* Makes the volume unless it is there. */
static bool
ensure_volume(const Slot *slot, virStoragePoolPtr pool, const VolumeSpec *spec, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (volume_create(slot, pool, spec, NULL, &reason) || error_is(reason, ERROR_CONFLICT)) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

/* It came along with the guest, which is to have more room. */
static bool
grow_volume(const Slot *slot, virStoragePoolPtr pool, const VolumeSpec *spec, GError **error)
{
    virStorageVolPtr found;
    virStorageVolInfo info;

    if (!volume_find_fresh(slot, pool, spec->name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    if (volume == NULL || virStorageVolGetInfo(volume, &info) < 0) {
        return libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot ask host '%s' for the size of volume '%s'", slot->host->name, spec->name);
    }
    return (int64_t)info.capacity >= spec->capacity_bytes ||
        virStorageVolResize(volume, (unsigned long long)spec->capacity_bytes, 0) == 0 ||
        libvirt_error_set(error, slot->connection, EFFECT_ASKED,
            "cannot make volume '%s' on host '%s' larger", spec->name, slot->host->name);
}

static bool
create_root(const Slot *slot, virStoragePoolPtr pool, const GuestSpec *guest, GError **error)
{
    g_autofree char *name = name_guest_volume(guest->uuid, VOLUME_ROOT);
    g_autofree char *base = name_base(guest->root_hash, guest->root_format);
    const char *pool_path = pool_get_path(slot, pool, error);

    if (pool_path == NULL) {
        return false;
    }
    g_autofree char *base_path = g_build_filename(pool_path, base, NULL);
    VolumeSpec spec = {
        .name = name,
        .format = "qcow2",
        .capacity_bytes = MAX(guest->root_size_bytes, guest->root_virtual_size_bytes),
        .backing_path = base_path,
        .backing_format = guest->root_format,
    };
    return ensure_volume(slot, pool, &spec, error) && grow_volume(slot, pool, &spec, error);
}

static bool
create_console(const Slot *slot, virStoragePoolPtr pool, const GuestSpec *guest, GError **error)
{
    g_autofree char *name = name_guest_volume(guest->uuid, VOLUME_CONSOLE);

    return ensure_volume(slot, pool, &(VolumeSpec){.name = name, .format = "raw"}, error);
}

/* A config drive of a guest that is not defined is an earlier attempt's, perhaps half written: it
 * is written again. */
static bool
create_config(LibvirtHost *host, const GuestSpec *guest, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *name = name_guest_volume(guest->uuid, VOLUME_CONFIG);
    VolumeSpec spec = {.name = name,
        .format = "raw",
        .capacity_bytes = (int64_t)guest->config_drive_size,
        .reserved_bytes = (int64_t)guest->config_drive_size};
    virStorageVolPtr created;

    if (!slot_take_transfer(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL || !volume_delete(&slot, pool, name, error) ||
        !volume_create(&slot, pool, &spec, &created, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = created;
    return stream_upload_bytes(&slot, volume, guest->config_drive, guest->config_drive_size, error);
}

/* A guest that keeps its disks has them: only what was lost on the way is made. The root disk of
 * one that boots from a volume is not among its own. */
static bool
find_kept(LibvirtHost *host, const GuestSpec *guest, bool *ret_config, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *root = name_guest_volume(guest->uuid, VOLUME_ROOT);
    g_autofree char *config = name_guest_volume(guest->uuid, VOLUME_CONFIG);
    bool has_root = false;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL || !volume_exists(&slot, pool, root, &has_root, error) ||
        !volume_exists(&slot, pool, config, ret_config, error)) {
        return false;
    }
    return has_root || guest->root_hash == NULL ||
        error_set(error, ERROR_NOT_FOUND, "volume '%s' is not on host '%s'", root, slot.host->name);
}

static bool
create_volumes(LibvirtHost *host, const GuestSpec *guest, GError **error)
{
    bool has_config = false;

    if (guest->root == GUEST_ROOT_KEPT && !find_kept(host, guest, &has_config, error)) {
        return false;
    }
    /* Nobody has written to one that is read-only, and an earlier attempt may have made half. */
    bool is_config_kept = has_config && !guest->config_drive_is_read_only;
    if (!is_config_kept && !create_config(host, guest, error)) {
        return false;
    }
    g_auto(Slot) slot = {0};
    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    return pool != NULL && (guest->root_hash == NULL || create_root(&slot, pool, guest, error)) &&
        create_console(&slot, pool, guest, error);
}

static bool
find_disk_paths(const Slot *slot, const GuestSpec *guest, char **paths, GError **error)
{
    for (int i = 0; i < guest->n_disks; i++) {
        if (!disk_find_path(slot, &guest->disks[i], &paths[i], error)) {
            return false;
        }
    }
    return true;
}

static bool
define_guest(LibvirtHost *host, const GuestSpec *guest, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    const char *pool_path = pool != NULL ? pool_get_path(&slot, pool, error) : NULL;
    const char *virt_type = pool_path != NULL ? host_get_virt_type(&slot, error) : NULL;
    const Settings *settings = host->settings;
    g_auto(HostCpu) cpu = {0};
    if (virt_type == NULL || !host_cpu_choose(&cpu, &slot, virt_type, error)) {
        return false;
    }
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_set_size(paths, guest->n_disks);
    if (!find_disk_paths(&slot, guest, (char **)paths->pdata, error)) {
        return false;
    }
    DomainPlace place = {
        pool_path, virt_type, cpu.choice,
        settings->vnc_enabled ? settings->vnc_listen : NULL,
        settings->spice_enabled ? settings->spice_listen : NULL, (char *const *)paths->pdata};
    g_autofree char *xml = domain_xml_build(guest, &place, error);
    if (xml == NULL) {
        return false;
    }
    g_autoptr(virDomain) domain = virDomainDefineXML(slot.connection, xml);
    return domain != NULL || domain_fail(&slot, guest->uuid, EFFECT_ASKED, "define", error);
}

/* *ret_defined, and *ret_active only with it. */
static bool
find_guest(LibvirtHost *host, const char *uuid, bool *ret_defined, bool *ret_active, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr found;
    bool is_active = false;

    if (!slot_take_control(&slot, host, error) || !domain_find(&slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    if (domain != NULL && !domain_is_active(&slot, domain, &is_active, error)) {
        return false;
    }
    *ret_defined = domain != NULL;
    *ret_active = is_active;
    return true;
}

/* The definition is last, so that a defined guest has all its volumes. */
bool
libvirt_create_guest(void *data, const GuestSpec *guest, GError **error)
{
    LibvirtHost *host = data;
    bool is_defined;
    bool is_active;

    if (!find_guest(host, guest->uuid, &is_defined, &is_active, error)) {
        return false;
    }
    if (is_active) {
        return true;
    }
    if (!is_defined && !create_volumes(host, guest, error)) {
        return false;
    }
    return define_guest(host, guest, error);
}

static bool
delete_volumes(const Slot *slot, const char *uuid, GError **error)
{
    g_autoptr(virStoragePool) pool = pool_get(slot, error);
    bool is_ok = pool != NULL;

    for (int kind = 0; is_ok && kind < N_GUEST_VOLUMES; kind++) {
        g_autofree char *name = name_guest_volume(uuid, (VolumeKind)kind);
        /* Few guests have UEFI variables: a look into the directory for each would cost all. */
        is_ok = kind == VOLUME_NVRAM ? volume_delete_listed(slot, pool, name, error)
                                     : volume_delete(slot, pool, name, error);
    }
    return is_ok;
}

/* UEFI variables and the state of a TPM go with the guest, or stay where it has moved away over a
 * pool that both hosts share. */
static bool
undefine(const Slot *slot, virDomainPtr domain, const char *uuid, bool keeps_state, GError **error)
{
    unsigned int flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
        VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    flags |= keeps_state ? VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_TPM
                         : VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_TPM;

    if (virDomainUndefineFlags(domain, flags) < 0 && libvirt_error_number() != VIR_ERR_NO_DOMAIN) {
        return domain_fail(slot, uuid, EFFECT_ASKED, "undefine", error);
    }
    return true;
}

/* Ends it, when that is allowed. A transient domain is gone with its end. */
static bool
ensure_stopped(
    const Slot *slot, virDomainPtr domain, const char *uuid, bool destroy, GError **error)
{
    bool is_active;

    if (!domain_is_active(slot, domain, &is_active, error)) {
        return false;
    }
    if (!is_active) {
        return true;
    }
    if (!destroy) {
        return error_set(
            error, ERROR_CONFLICT, "guest '%s' runs on host '%s'", uuid, slot->host->name);
    }
    if (virDomainDestroy(domain) < 0 && libvirt_error_number() != VIR_ERR_NO_DOMAIN &&
        libvirt_error_number() != VIR_ERR_OPERATION_INVALID) {
        return domain_fail(slot, uuid, EFFECT_ASKED, "destroy", error);
    }
    return true;
}

static bool
remove_domain(
    const Slot *slot, const char *uuid, bool destroy, bool keeps_state, GError **error)
{
    virDomainPtr found;

    if (!domain_find(slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    if (domain == NULL) {
        return true;
    }
    if (!ensure_stopped(slot, domain, uuid, destroy, error)) {
        return false;
    }
    return virDomainIsPersistent(domain) != 1 || undefine(slot, domain, uuid, keeps_state, error);
}

bool
libvirt_remove_guest(void *data, const char *uuid, bool destroy, GError **error)
{
    g_auto(Slot) slot = {0};

    return slot_take_control(&slot, data, error) &&
        remove_domain(&slot, uuid, destroy, false, error) && delete_volumes(&slot, uuid, error);
}

bool
libvirt_forget_guest(void *data, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    return slot_take_control(&slot, data, error) && remove_domain(&slot, uuid, false, true, error);
}

bool
libvirt_remove_disks(void *data, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr found;

    if (!slot_take_control(&slot, data, error) || !domain_find(&slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    if (domain != NULL) {
        return error_set(
            error, ERROR_CONFLICT, "guest '%s' is still on host '%s'", uuid, slot.host->name);
    }
    return delete_volumes(&slot, uuid, error);
}
