/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where the disks beside a guest's own are. */
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/types.h"

/* The file of a volume or base on this host; *ret_path is NULL for a disk on the network. */
bool disk_find_path(const Slot *slot, const GuestDisk *disk, char **ret_path, GError **error);
