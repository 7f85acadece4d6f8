/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A canary: a paused throw-away domain without disks goes from one host to another by the same call
 * as a guest, and ends there. What would keep a guest from getting there keeps it. One that is to
 * get there in post-copy is not paused: QEMU switches a guest that stands still as well, but
 * libvirt tells of it only for one that runs. Its firmware finds nothing to start from, and
 * waits. */
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/events.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/machine.h"
#include "hypervisor/libvirt/throwaway.h"
#include "hypervisor/libvirt/verbs.h"
#include "model/throwaway.h"

/* So slow that there is time to switch: what the firmware has written takes about a second. */
#define POST_COPY_BANDWIDTH_MIB_S 1
#define ASK_EVERY_US (20 * 1000)
/* For an event that is behind the end of the call. */
#define EVENT_LATE_US (2 * G_USEC_PER_SEC)

static char *
make_xml(const Slot *slot, const char *uuid, GError **error)
{
    const char *virt_type = host_get_virt_type(slot, error);
    g_autofree char *name = throwaway_make_name(THROWAWAY_CANARY, uuid);
    Metadata metadata = {.uuid = uuid, .name = "canary"};
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");

    if (virt_type == NULL) {
        return NULL;
    }
    throwaway_build(document, name, &metadata, virt_type, MACHINE_NEWEST);
    return xml_to_text(document);
}

static bool
start(LibvirtHost *source, const char *uuid, bool is_paused, GError **error)
{
    unsigned int flags = is_paused ? VIR_DOMAIN_START_PAUSED : 0U;
    g_auto(Slot) slot = {0};

    if (!slot_take_transfer(&slot, source, error)) {
        return false;
    }
    g_autofree char *xml = make_xml(&slot, uuid, error);
    if (xml == NULL) {
        return false;
    }
    g_autoptr(virDomain) canary = virDomainCreateXML(slot.connection, xml, flags);
    return canary != NULL || domain_fail(&slot, uuid, EFFECT_ASKED, "start", error);
}

/* ---- post-copy ---- */

typedef struct Switcher {
    LibvirtHost *source;
    const char *uuid;
    int is_over; /* atomic: the migration has ended */
} Switcher;

/* There is nothing to switch before the memory flows, and nothing any more once it has arrived. */
static void *
run_switcher(void *data)
{
    Switcher *switcher = data;

    while (!g_atomic_int_get(&switcher->is_over) &&
        !libvirt_start_post_copy(switcher->source, switcher->uuid, NULL)) {
        g_usleep(ASK_EVERY_US);
    }
    return NULL;
}

static bool
migrate_switching(LibvirtHost *source, LibvirtHost *dest, const MigrateRequest *request,
    GError **error)
{
    Switcher switcher = {.source = source, .uuid = request->uuid};
    MigrateRequest slow = *request;
    slow.bandwidth_mib_s = POST_COPY_BANDWIDTH_MIB_S;
    event_tap_watch_post_copy(source->tap, request->uuid);
    GThread *thread = g_thread_new("canary", run_switcher, &switcher);
    bool has_arrived = libvirt_live_migrate(source, dest, &slow, error);
    g_atomic_int_set(&switcher.is_over, true);
    g_thread_join(thread);
    bool has_switched = has_arrived &&
        event_tap_wait_post_copy(
            source->tap, request->uuid, g_get_monotonic_time() + EVENT_LATE_US);
    event_tap_unwatch_post_copy(source->tap, request->uuid);
    return has_switched ||
        (has_arrived &&
            error_set(error, ERROR_HYPERVISOR_REFUSED,
                "the canary has arrived on host '%s', but was not seen to switch to post-copy on "
                "host '%s'",
                dest->name, source->name));
}

bool
libvirt_send_canary(
    void *source_data, void *dest_data, const MigrateRequest *request, GError **error)
{
    LibvirtHost *source = source_data;
    LibvirtHost *dest = dest_data;
    g_autoptr(GError) reason = NULL;

    if (!throwaway_drop(source, request->uuid, error) ||
        !throwaway_drop(dest, request->uuid, error) ||
        !start(source, request->uuid, !request->post_copy, error)) {
        return false;
    }
    bool is_ok = request->post_copy ? migrate_switching(source, dest, request, &reason)
                                    : libvirt_live_migrate(source, dest, request, &reason);
    if (!is_ok) {
        /* On either side: nobody needs it, so how it ended need not be known. */
        throwaway_drop(source, request->uuid, NULL);
        throwaway_drop(dest, request->uuid, NULL);
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    return throwaway_drop(dest, request->uuid, error);
}
