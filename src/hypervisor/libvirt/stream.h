/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Bytes to and from volumes. Slots are of a transfer connection. A sum, which may be NULL, is of
 * the bytes that were read and sent. CANCELLED: cancel, which may be NULL, was asked; nothing flows
 * any more. */
#include "base/cancel.h"
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/sum.h"

/* Fills the volume from its start; it must be of that size already. */
bool stream_upload_bytes(
    const Slot *slot, virStorageVolPtr volume, const void *bytes, size_t size, GError **error);
/* The same from a file; its holes stay holes. */
bool stream_upload_file(const Slot *slot, virStorageVolPtr volume, int fd, int64_t size, Sum *sum,
    const Cancel *cancel, GError **error);
/* size bytes from offset, or fewer when it ends before. Caller frees. */
bool stream_download(const Slot *slot, virStorageVolPtr volume, uint64_t offset, size_t size,
    char **ret_bytes, size_t *ret_size, GError **error);
/* From one host's volume into another's of the same size, through this process, with holes kept. */
bool stream_copy(const Slot *from_slot, virStorageVolPtr from, const Slot *slot,
    virStorageVolPtr volume, Sum *sum, const Cancel *cancel, GError **error);
