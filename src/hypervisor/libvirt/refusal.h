/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Whether libvirt would let a guest go, as libvirt itself says. */
#include "hypervisor/libvirt/connection.h"

/* Asks for a live migration that cannot come to anything: its destination is the guest's own host,
 * and its data are to go by a protocol that there is not. The source makes all of its checks of
 * the guest first, and asks QEMU for its blockers; the destination then refuses before it makes
 * anything, whichever host the peer URI leads to. The guest runs on meanwhile, and no event tells
 * of it. A guest that has a job is not to be asked about: libvirt would wait for the end of that.
 *
 * UNSUPPORTED: it would not, in libvirt's own words; any other error: it could not be asked. That
 * a disk which is not copied is not safe to move is not told: which are copied is decided later. */
bool refusal_ask(const Slot *slot, virDomainPtr domain, GError **error);
