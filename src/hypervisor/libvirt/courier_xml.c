/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/courier_xml.h"

#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/throwaway.h"
#include "model/throwaway.h"

/* Of the disk as the guest has it only what says where it is and how it is read. */
static void
take_disk(xmlNode *devices, const xmlNode *disk)
{
    static const char *const parts[] = {"driver", "source", "backingStore", "target"};
    xmlNode *copy = xml_add(devices, "disk");

    xml_set(xml_set(copy, "type", "file"), "device", "disk");
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const xmlNode *part = xml_child(disk, parts[i]);
        if (part != NULL) {
            xmlAddChild(copy, xmlDocCopyNode((xmlNode *)part, copy->doc, 1));
        }
    }
}

static unsigned
take_disks(xmlNode *devices, xmlDoc *guest)
{
    unsigned n_taken = 0;
    g_autoptr(GPtrArray) disks = xml_find_all(guest,
        "/domain/devices/disk[@type='file'][not(@device) or @device='disk'][source/@file]"
        "[not(readonly)][not(shareable)]");

    for (unsigned int i = 0; i < disks->len; i++) {
        const xmlNode *disk = g_ptr_array_index(disks, i);
        g_autofree char *path = xml_get(xml_child(disk, "source"), "file");
        if (!name_is_volume(path)) {
            take_disk(devices, disk);
            n_taken++;
        }
    }
    return n_taken;
}

bool
courier_xml_build(const char *xml, const Metadata *courier, const char *virt_type,
    const char *machine, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) guest = xml_parse(xml, error);
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    g_autofree char *name = throwaway_make_name(THROWAWAY_COURIER, courier->uuid);

    if (guest == NULL) {
        return false;
    }
    xmlNode *devices = throwaway_build(document, name, courier, virt_type, machine);
    bool has_disks = take_disks(devices, guest) > 0;
    *ret_xml = has_disks ? xml_to_text(document) : NULL;
    return true;
}
