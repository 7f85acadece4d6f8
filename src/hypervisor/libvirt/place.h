/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Read-only disks of a guest's own cannot be copied by a migration, nor can the UEFI variables of a
 * guest that is off: they are put on the destination before it. */
#include "hypervisor/libvirt/connection.h"

/* Makes the volume of that name on the destination, in place of an older one, with the bytes that
 * the source has; reads them back and compares their hashes. LIMIT: it is too large for that. Takes
 * slots of both hosts, one after the other. */
bool place_volume(LibvirtHost *dest, LibvirtHost *source, const char *name, GError **error);
