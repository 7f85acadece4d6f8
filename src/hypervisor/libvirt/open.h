/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Opening a connection. virConnectOpen has no time-out: an address is probed before, and a host
 * that dies between the two is not waited for either. */
#include "hypervisor/libvirt/connection.h"

/* With keep-alive. ret_certificate (may be NULL) is what the host has shown, as HostFacts has it;
 * caller frees. HYPERVISOR_DOWN: also when it did not answer within the time of a probe and of the
 * keep-alive together. */
virConnectPtr connection_open(
    Settings *settings, const char *uri, char **ret_certificate, GError **error);
