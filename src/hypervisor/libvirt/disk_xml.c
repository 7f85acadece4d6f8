/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/disk_xml.h"

#include <string.h>

static xmlNode *
add_driver(xmlNode *disk, const char *format)
{
    xmlNode *driver = xml_add(disk, "driver");

    return xml_set(xml_set(xml_set(driver, "name", "qemu"), "type", "%s", format), "cache", "none");
}

static void
add_target(xmlNode *disk, const char *target, const char *bus)
{
    xml_set(xml_set(xml_add(disk, "target"), "dev", "%s", target), "bus", "%s", bus);
}

xmlNode *
disk_xml_add_file(xmlNode *devices, const char *target, const char *format, const char *path)
{
    xmlNode *disk = xml_add(devices, "disk");

    xml_set(xml_set(disk, "type", "file"), "device", "disk");
    xml_set(add_driver(disk, format), "discard", "unmap");
    xml_set(xml_add(disk, "source"), "file", "%s", path);
    add_target(disk, target, "virtio");
    return disk;
}

static void
add_cdrom(xmlNode *devices, const GuestDisk *disk, const char *path)
{
    xmlNode *element = xml_add(devices, "disk");

    xml_set(xml_set(element, "type", "file"), "device", "cdrom");
    add_driver(element, "raw");
    xml_set(xml_add(element, "source"), "file", "%s", path);
    xml_add(element, "backingStore");
    add_target(element, disk->target, "ide");
    xml_add(element, "readonly");
}

/* Where QEMU's own drivers look: NBD has an export, iSCSI a target and a LUN behind it. */
static bool
add_network_source(xmlNode *element, const char *uri, GError **error)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);

    if (parsed == NULL) {
        return error_set(error, ERROR_INVALID, "volume URI '%s' cannot be read", uri);
    }
    const char *protocol = g_uri_get_scheme(parsed);
    const char *path = g_uri_get_path(parsed);
    bool is_known = strcmp(protocol, "nbd") == 0 || strcmp(protocol, "iscsi") == 0;
    if (!is_known || g_uri_get_host(parsed) == NULL) {
        return error_set(error, ERROR_INVALID,
            "volume URI '%s' is neither nbd://HOST/EXPORT nor iscsi://HOST/IQN/LUN", uri);
    }
    xmlNode *source = xml_set(xml_add(element, "source"), "protocol", "%s", protocol);
    if (path[0] == '/' && path[1] != '\0') {
        xml_set(source, "name", "%s", path + 1);
    }
    xmlNode *host = xml_set(xml_add(source, "host"), "name", "%s", g_uri_get_host(parsed));
    if (g_uri_get_port(parsed) > 0) {
        xml_set(host, "port", "%d", g_uri_get_port(parsed));
    }
    return true;
}

static bool
add_network(xmlNode *devices, const GuestDisk *disk, GError **error)
{
    xmlNode *element = xml_add(devices, "disk");

    xml_set(xml_set(element, "type", "network"), "device", "disk");
    add_driver(element, disk->format);
    if (!add_network_source(element, disk->uri, error)) {
        return false;
    }
    xml_add(element, "backingStore");
    add_target(element, disk->target, "virtio");
    if (disk->serial != NULL) {
        xml_add_text(element, "serial", "%s", disk->serial);
    }
    return true;
}

bool
disk_xml_add(xmlNode *devices, const GuestDisk *disk, const char *path, GError **error)
{
    if (disk->base_hash != NULL) {
        add_cdrom(devices, disk, path);
        return true;
    }
    if (disk->uri != NULL) {
        return add_network(devices, disk, error);
    }
    xmlNode *element = disk_xml_add_file(devices, disk->target, disk->format, path);
    xml_add(element, "backingStore");
    if (disk->serial != NULL) {
        xml_add_text(element, "serial", "%s", disk->serial);
    }
    return true;
}

char *
disk_xml_new(const GuestDisk *disk, const char *path, GError **error)
{
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *devices = xmlNewNode(NULL, BAD_CAST "devices");

    xmlDocSetRootElement(document, devices);
    if (!disk_xml_add(devices, disk, path, error)) {
        return NULL;
    }
    xmlNode *element = devices->children;
    xmlUnlinkNode(element);
    xmlFreeNode(xmlDocSetRootElement(document, element));
    return xml_to_text(document);
}

char *
disk_xml_find(const char *domain_xml, const char *target, char **ret_serial, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain_xml, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) disks = xml_find_all(document, "/domain/devices/disk");
    for (unsigned int i = 0; i < disks->len; i++) {
        xmlNode *disk = g_ptr_array_index(disks, i);
        g_autofree char *name = xml_get(xml_child(disk, "target"), "dev");
        if (g_strcmp0(name, target) == 0) {
            *ret_serial = xml_get_text(xml_child(disk, "serial"));
            g_autoptr(xmlDoc) alone = xmlNewDoc(BAD_CAST "1.0");
            xmlDocSetRootElement(alone, xmlDocCopyNode(disk, alone, 1));
            return xml_to_text(alone);
        }
    }
    return NULL;
}
