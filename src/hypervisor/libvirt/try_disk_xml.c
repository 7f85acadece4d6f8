/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/try_disk_xml.h"

#include "hypervisor/libvirt/machine.h"
#include "hypervisor/libvirt/throwaway.h"
#include "hypervisor/libvirt/trial.h"

GPtrArray *
try_disk_xml_list(const char *domain_xml, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain_xml, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) disks = xml_find_all(
        document, "/domain/devices/disk[@type='network'][not(source/host/@transport='unix')]");
    GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
    for (unsigned int i = 0; i < disks->len; i++) {
        g_ptr_array_add(texts, xml_node_to_text(g_ptr_array_index(disks, i)));
    }
    return texts;
}

static char *
describe(const xmlNode *disk)
{
    const xmlNode *source = xml_child(disk, "source");
    const xmlNode *server = xml_child(source, "host");
    g_autofree char *serial = xml_get_text(xml_child(disk, "serial"));
    g_autofree char *target = xml_get(xml_child(disk, "target"), "dev");
    g_autofree char *protocol = xml_get(source, "protocol");
    g_autofree char *host = xml_get(server, "name");
    g_autofree char *port = xml_get(server, "port");
    g_autofree char *name = xml_get(source, "name");

    return g_strdup_printf("volume '%s' at '%s://%s%s%s/%s'", serial != NULL ? serial : target,
        protocol, host != NULL ? host : "", port != NULL ? ":" : "", port != NULL ? port : "",
        name != NULL ? name : "");
}

/* The name that QEMU gives itself where none is set. Targets let in whom they know by name. */
static void
put_initiator(xmlNode *source, const char *guest_uuid)
{
    g_autofree char *protocol = xml_get(source, "protocol");

    if (g_strcmp0(protocol, "iscsi") == 0 && xml_child(source, "initiator") == NULL) {
        xml_set(xml_add(xml_add(source, "initiator"), "iqn"), "name",
            "iqn.2008-11.org.linux-kvm:%s", guest_uuid);
    }
}

static xmlNode *
copy_part(xmlNode *to, const xmlNode *disk, const char *name)
{
    const xmlNode *part = xml_child(disk, name);

    return part != NULL ? xmlAddChild(to, xmlDocCopyNode((xmlNode *)part, to->doc, 1)) : NULL;
}

/* Only what says where it is and how it is read. The guest may have it open at the same time. */
static void
put_disk(xmlNode *devices, const xmlNode *disk, const char *guest_uuid)
{
    g_autofree char *format = xml_get(xml_child(disk, "driver"), "type");
    xmlNode *copy = xml_add(devices, "disk");

    xml_set(xml_set(copy, "type", "network"), "device", "disk");
    xml_set(xml_set(xml_add(copy, "driver"), "name", "qemu"), "type", "%s",
        format != NULL ? format : "raw");
    put_initiator(copy_part(copy, disk, "source"), guest_uuid);
    copy_part(copy, disk, "backingStore");
    xml_set(xml_set(xml_add(copy, "target"), "dev", "vda"), "bus", "virtio");
    xml_add(copy, "readonly");
    xml_add(copy, "shareable");
}

char *
try_disk_xml_build(const char *disk_xml, const char *uuid, const char *guest_uuid,
    const char *virt_type, char **ret_what, GError **error)
{
    g_autoptr(xmlDoc) parsed = xml_parse(disk_xml, error);
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    g_autofree char *name = trial_name(uuid);
    Metadata metadata = {.uuid = uuid, .name = "try"};

    if (parsed == NULL) {
        return NULL;
    }
    const xmlNode *disk = xmlDocGetRootElement(parsed);
    if (xml_child(disk, "source") == NULL) {
        error_set(error, ERROR_INVALID, "a disk on the network has no source");
        return NULL;
    }
    put_disk(throwaway_build(document, name, &metadata, virt_type, MACHINE_NEWEST), disk,
        guest_uuid);
    *ret_what = describe(disk);
    return xml_to_text(document);
}
