/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Connection URIs: what drover adds to them and reads from them. */
#include "base/error.h"

/* The URI with pki_path as its pkipath, unless it has one already or needs none (not TLS, or
 * pki_path is NULL or ""). Caller frees. */
char *address_with_pki_path(const char *uri, const char *pki_path);
/* The host in a URI, without the brackets of an IPv6 address; "" when it names none. NULL with an
 * error when it is no URI. Caller frees. */
char *address_host(const char *uri, GError **error);
/* "tcp://ADDRESS", with brackets around an IPv6 address. Caller frees. */
char *address_migration_uri(const char *address);
/* The URI of a libvirtd that listens without TLS at that address and port; caller frees. */
char *address_knock_uri(const char *address, int port);
