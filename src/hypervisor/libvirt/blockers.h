/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What in a definition keeps a guest from moving while it runs: devices of its host that it owns,
 * and memory that others share with it. Pure. */
#include "hypervisor/libvirt/xml.h"

/* A sentence that names the first such thing and what can be done; NULL with no error: nothing.
 * A NIC that is a device of the host and has a twin to fall back on (<teaming type='transient'>)
 * does not: libvirt takes it out before the move and puts the destination's own in after it.
 * Caller frees. */
char *blockers_find(const char *domain, GError **error);
