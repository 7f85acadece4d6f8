/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a guest has beside memory and disks, and what a move of it must do for that: the secret of
 * its TPM is on the destination before swtpm starts there; the file of its UEFI variables, which
 * libvirt makes by itself and QEMU fills with what the source's had, becomes known to the pools, so
 * that it can be removed where the guest is not. */
#include "hypervisor/libvirt/connection.h"

typedef struct Companions {
    bool has_tpm;
    bool has_nvram;
} Companions;

/* Of a guest on this host. */
bool companions_read(
    LibvirtHost *host, const char *uuid, Companions *ret_companions, GError **error);
/* Before the move. */
bool companions_prepare(
    const Companions *companions, LibvirtHost *dest, const char *uuid, GError **error);
/* After it, however it ended. */
void companions_settle(const Companions *companions, LibvirtHost *source, LibvirtHost *dest,
    const char *uuid);
