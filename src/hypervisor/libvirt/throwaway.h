/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Domains that are made for something else than to run: the disk courier, the canary. As small as
 * QEMU starts with, always paused, destroyed by whoever made them. Their metadata say that they are
 * drover's; the UUID is that of no instance, so they are never taken for one. */
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/metadata_xml.h"

/* Makes the definition in an empty document; its <devices>, for what the domain is made for. */
xmlNode *throwaway_build(xmlDoc *document, const char *name, const Metadata *metadata,
    const char *virt_type, const char *machine);
/* Ends it on that host, whatever it does; disks stay. One that is not there is fine. */
bool throwaway_drop(LibvirtHost *host, const char *uuid, GError **error);
