/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Breaking the connections that copy disks to a host which does not answer any more. */
#include "hypervisor/libvirt/connection.h"

/* After virDomainAbortJob: waits a few seconds for the outgoing job to end, and if it does not, has
 * the source's QEMU shut down its connections to the copies of the disks. Nothing is done to a
 * guest whose copies are complete: those connections are gone before its memory switches over. What
 * fails here is logged: the abort itself was asked for. */
void yank_copies_unless_ended(const Slot *slot, virDomainPtr domain, const char *uuid);
