/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/throwaway.h"

#include "hypervisor/libvirt/verbs.h"

/* QEMU's machine takes no less, and none of it is ever written. */
#define THROWAWAY_MEMORY_MIB 8

xmlNode *
throwaway_build(xmlDoc *document, const char *name, const Metadata *metadata,
    const char *virt_type, const char *machine)
{
    xmlNode *domain = xmlNewNode(NULL, BAD_CAST "domain");

    xmlDocSetRootElement(document, domain);
    xml_set(domain, "type", "%s", virt_type);
    xml_add_text(domain, "name", "%s", name);
    xml_add_text(domain, "uuid", "%s", metadata->uuid);
    metadata_xml_put(domain, metadata);
    xml_set(xml_add_text(domain, "memory", "%d", THROWAWAY_MEMORY_MIB), "unit", "MiB");
    xml_add_text(domain, "vcpu", "1");
    xmlNode *os = xml_add(domain, "os");
    xml_set(xml_add_text(os, "type", "hvm"), "machine", "%s", machine);
    /* Without it libvirt 9.0 starts QEMU with an option that QEMU 9.0 has dropped (-no-acpi). */
    xml_add(xml_add(domain, "features"), "acpi");
    xmlNode *devices = xml_add(domain, "devices");
    xml_set(xml_set(xml_add(devices, "controller"), "type", "usb"), "model", "none");
    xml_set(xml_add(devices, "memballoon"), "model", "none");
    return devices;
}

bool
throwaway_drop(LibvirtHost *host, const char *uuid, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (!libvirt_destroy_guest(host, uuid, &reason) && !error_is(reason, ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    return libvirt_forget_guest(host, uuid, error);
}
