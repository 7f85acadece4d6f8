/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A canary: a paused throw-away domain without disks goes from one host to another by the same call
 * as a guest, and ends there. What would keep a guest from getting there keeps it. */
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/throwaway.h"
#include "hypervisor/libvirt/verbs.h"
#include "model/canary.h"

static char *
make_xml(const Slot *slot, const char *uuid, GError **error)
{
    const char *virt_type = host_get_virt_type(slot, error);
    g_autofree char *name = canary_make_name(uuid);
    Metadata metadata = {.uuid = uuid, .name = "canary"};
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");

    if (virt_type == NULL) {
        return NULL;
    }
    throwaway_build(document, name, &metadata, virt_type);
    return xml_to_text(document);
}

static bool
start(LibvirtHost *source, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_transfer(&slot, source, error)) {
        return false;
    }
    g_autofree char *xml = make_xml(&slot, uuid, error);
    if (xml == NULL) {
        return false;
    }
    g_autoptr(virDomain) canary =
        virDomainCreateXML(slot.connection, xml, VIR_DOMAIN_START_PAUSED);
    return canary != NULL || domain_fail(&slot, uuid, EFFECT_ASKED, "start", error);
}

bool
libvirt_send_canary(
    void *source_data, void *dest_data, const MigrateRequest *request, GError **error)
{
    LibvirtHost *source = source_data;
    LibvirtHost *dest = dest_data;
    g_autoptr(GError) reason = NULL;

    if (!throwaway_drop(source, request->uuid, error) ||
        !throwaway_drop(dest, request->uuid, error) || !start(source, request->uuid, error)) {
        return false;
    }
    if (!libvirt_live_migrate(source, dest, request, &reason)) {
        /* On either side: nobody needs it, so how it ended need not be known. */
        throwaway_drop(source, request->uuid, NULL);
        throwaway_drop(dest, request->uuid, NULL);
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    return throwaway_drop(dest, request->uuid, error);
}
