/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The <disk> element of a volume or a CD-ROM. Pure. */
#include "hypervisor/libvirt/xml.h"
#include "hypervisor/types.h"

/* Cache mode none: the page cache of a host never holds what the other host does not see, which
 * is what makes a migration over a shared pool safe. path: of a file. Returns the new element. */
xmlNode *disk_xml_add_file(
    xmlNode *devices, const char *target, const char *format, const char *path);
/* path: where the volume or base is on this host; NULL for a disk on the network. INVALID: its URI
 * is none that QEMU's own drivers serve. */
bool disk_xml_add(xmlNode *devices, const GuestDisk *disk, const char *path, GError **error);
/* The element alone; caller frees. */
char *disk_xml_new(const GuestDisk *disk, const char *path, GError **error);
/* The element of a domain's disk with that target, as text; *ret_serial is its serial or NULL. NULL
 * without an error: there is none. Caller frees both. */
char *disk_xml_find(const char *domain_xml, const char *target, char **ret_serial, GError **error);
