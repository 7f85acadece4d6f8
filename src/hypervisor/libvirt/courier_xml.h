/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The domain of a disk courier. Pure. */
#include "hypervisor/libvirt/metadata_xml.h"

/* A domain that owns the disks of the guest's own that a migration would copy, and next to nothing
 * else; NULL when there is no such disk. Caller frees. */
bool courier_xml_build(const char *xml, const Metadata *courier, const char *virt_type,
    const char *machine, char **ret_xml, GError **error);
