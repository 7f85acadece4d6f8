/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/try_disk.h"

#include "hypervisor/libvirt/disk_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/trial.h"
#include "hypervisor/libvirt/try_disk_xml.h"
#include "hypervisor/libvirt/verbs.h"

/* From the start of its QEMU, which takes less than a second where nothing else runs. A server that
 * lets so long pass would halt a guest for as long; a call in LANE_SHORT has twice as much. */
enum { LIMIT_S = 15 };

/* *ret_late: its server has let the time pass. */
static bool
try_disk(LibvirtHost *host, const char *guest_uuid, const char *disk_xml, bool *ret_late,
    GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *uuid = g_uuid_string_random();
    g_autofree char *what = NULL;

    if (!slot_take_transfer(&slot, host, error)) {
        return false;
    }
    const char *virt_type = host_get_virt_type(&slot, error);
    g_autofree char *xml = virt_type != NULL
        ? try_disk_xml_build(disk_xml, uuid, guest_uuid, virt_type, &what, error)
        : NULL;
    if (xml == NULL) {
        return false;
    }
    g_autofree char *problem = g_strdup_printf("host '%s' cannot open %s", host->name, what);
    Trial trial = {uuid, xml, problem, "its server did not answer", LIMIT_S};
    return trial_run(&slot, &trial, ret_late, error);
}

bool
libvirt_try_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    if (disk->uri == NULL) {
        return true;
    }
    g_autofree char *xml = disk_xml_new(disk, NULL, error);
    bool is_late;
    return xml != NULL && try_disk(host, uuid, xml, &is_late, error);
}

bool
try_disk_is_silent(LibvirtHost *host, const char *uuid, const char *disk_xml, GError **error)
{
    g_autoptr(GError) reason = NULL;
    bool is_late = false;

    if (try_disk(host, uuid, disk_xml, &is_late, &reason) || !is_late) {
        return false;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return true;
}

bool
try_disks_of(LibvirtHost *host, const char *uuid, const char *domain_xml, GError **error)
{
    g_autoptr(GPtrArray) disks = try_disk_xml_list(domain_xml, error);
    bool is_late;

    if (disks == NULL) {
        return false;
    }
    for (unsigned int i = 0; i < disks->len; i++) {
        if (!try_disk(host, uuid, g_ptr_array_index(disks, i), &is_late, error)) {
            return false;
        }
    }
    return true;
}
