/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The throw-away domain that a disk on the network is tried in. Pure. */
#include "hypervisor/libvirt/metadata_xml.h"

/* The <disk> elements of a domain whose servers are on the network, as texts. A socket in the
 * host's own file system is not. */
GPtrArray *try_disk_xml_list(const char *domain_xml, GError **error);
/* A domain with that disk, to read, and next to nothing else. It calls at an iSCSI target by the
 * name that the guest will have there. *ret_what: "volume 'SERIAL' at 'nbd://...'". Caller frees
 * both. */
char *try_disk_xml_build(const char *disk_xml, const char *uuid, const char *guest_uuid,
    const char *virt_type, char **ret_what, GError **error);
