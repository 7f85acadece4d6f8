/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* virConnectOpen has no time-out and a frozen libvirtd never answers it, so the address is tried
 * first: TCP, then what only a living libvirtd can say. */
#include "base/error.h"

/* Tries qemu+tls://HOST and qemu+tcp://HOST (any driver's); all others pass untried. A success says
 * that libvirtd answered within the time-out. The server's certificate is not checked here:
 * nothing is told to it, and virConnectOpen checks it. Errors: HYPERVISOR_DOWN. */
bool probe_address(const char *uri, int timeout_ms, GError **error);
/* The same, and which certificate libvirtd has shown, as HostFacts has it; *ret_json NULL without
 * TLS. Caller frees. */
bool probe_certificate(const char *uri, int timeout_ms, char **ret_json, GError **error);
