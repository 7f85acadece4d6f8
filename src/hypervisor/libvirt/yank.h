/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Breaking the connections that copy disks to a host which does not answer any more. */
#include "hypervisor/libvirt/connection.h"

/* Has the source's QEMU shut down its connections to the copies of the disks. Nothing is done when
 * there are none: they are gone before its memory switches over. What fails here is logged: the
 * abort itself is asked for. */
void yank_copies(const Slot *slot, virDomainPtr domain, const char *uuid);
/* After virDomainAbortJob: the same, if the outgoing job does not end within a few seconds. */
void yank_copies_unless_ended(const Slot *slot, virDomainPtr domain, const char *uuid);
