/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/try_disk.h"

#include "base/log.h"
#include "hypervisor/libvirt/disk_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/metadata_xml.h"
#include "hypervisor/libvirt/try_disk_xml.h"
#include "hypervisor/libvirt/verbs.h"
#include <stdlib.h>
#include <string.h>

/* From the start of its QEMU, which takes less than a second where nothing else runs. A server that
 * lets so long pass would halt a guest for as long; a call in LANE_SHORT has twice as much. */
enum { LIMIT_S = 15 };
#define DESTROY_AGAIN_US G_USEC_PER_SEC

/* A thread of its own that ends the domain when its time is over: the call that starts it returns
 * when QEMU has opened the disk, or is no more. */
typedef struct Watch {
    LibvirtHost *host;
    const char *uuid;
    GThread *thread;
    bool is_late; /* the thread's own until it has ended */
    GMutex lock;  /* of the next; not held in calls of libvirt */
    GCond changed;
    bool is_over;
} Watch;

static bool
is_over_in(Watch *watch, int64_t for_us)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->lock);
    int64_t until_us = g_get_monotonic_time() + for_us;

    while (!watch->is_over && g_cond_wait_until(&watch->changed, &watch->lock, until_us)) {
    }
    return watch->is_over;
}

/* More than once, because libvirtd may not have known of it yet. */
static void *
watch_run(void *data)
{
    Watch *watch = data;
    bool is_over = is_over_in(watch, LIMIT_S * G_USEC_PER_SEC);

    watch->is_late = !is_over;
    while (!is_over) {
        libvirt_destroy_guest(watch->host, watch->uuid, NULL);
        is_over = is_over_in(watch, DESTROY_AGAIN_US);
    }
    return NULL;
}

static void
watch_begin(Watch *watch)
{
    g_mutex_init(&watch->lock);
    g_cond_init(&watch->changed);
    watch->thread = g_thread_new("try-disk", watch_run, watch);
}

/* True: the time was over first. */
static bool
watch_end(Watch *watch)
{
    g_mutex_lock(&watch->lock);
    watch->is_over = true;
    g_cond_signal(&watch->changed);
    g_mutex_unlock(&watch->lock);
    g_thread_join(watch->thread);
    g_mutex_clear(&watch->lock);
    g_cond_clear(&watch->changed);
    return watch->is_late;
}

/* *ret_late: its server has let the time pass. */
static bool
start(const Slot *slot, const char *uuid, const char *xml, const char *what, bool *ret_late,
    GError **error)
{
    Watch watch = {.host = slot->host, .uuid = uuid};
    g_autoptr(GError) reason = NULL;

    watch_begin(&watch);
    g_autoptr(virDomain) domain = virDomainCreateXML(
        slot->connection, xml, VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
    if (domain == NULL) {
        libvirt_error_set(&reason, slot->connection, EFFECT_NONE, "host '%s' cannot open %s",
            slot->host->name, what);
    }
    bool is_late = watch_end(&watch);
    if (domain != NULL) {
        virDomainDestroy(domain);
        return true;
    }
    *ret_late = is_late && error_is(reason, ERROR_HYPERVISOR_REFUSED);
    if (*ret_late) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "host '%s' cannot open %s: its server did not answer within %d s", slot->host->name,
            what, LIMIT_S);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

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
    return xml != NULL && start(&slot, uuid, xml, what, ret_late, error);
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

/* ---- what was left ---- */

static bool
is_left(virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(domain, uuid) < 0) {
        return false;
    }
    g_autofree char *name = try_disk_xml_name(uuid);
    if (strcmp(virDomainGetName(domain), name) != 0) {
        return false;
    }
    char *text = virDomainGetMetadata(
        domain, VIR_DOMAIN_METADATA_ELEMENT, METADATA_URI, VIR_DOMAIN_AFFECT_CURRENT);
    bool is_ours = text != NULL;
    free(text);
    return is_ours;
}

void
try_disk_sweep(LibvirtHost *host)
{
    g_auto(Slot) slot = {0};
    virDomainPtr *domains = NULL;

    if (!slot_take_control(&slot, host, NULL)) {
        return;
    }
    int n = virConnectListAllDomains(slot.connection, &domains, VIR_CONNECT_LIST_DOMAINS_TRANSIENT);
    for (int i = 0; i < n; i++) {
        if (is_left(domains[i]) && virDomainDestroy(domains[i]) == 0) {
            log_info("host '%s' was still trying a disk for a daemon that has ended", host->name);
        }
        virDomainFree(domains[i]);
    }
    free(domains);
}
