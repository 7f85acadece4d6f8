/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Bases: files that guests are made from, named by the hash of their bytes. */
#include "hypervisor/libvirt/volumes.h"

/* Complete: the volume is there and so is the marker that is made after it. Refreshes the pool
 * before it says no. */
bool base_is_complete(const Slot *slot, virStoragePoolPtr pool, const char *sha256,
    const char *format, bool *ret_complete, GError **error);
