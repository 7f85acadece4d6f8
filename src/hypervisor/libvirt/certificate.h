/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a certificate says of itself. Whether it is to be trusted is libvirt's question. */
#include <gnutls/gnutls.h>

/* {"subject", "issuer", "names": [DNS names and addresses], "begins_us", "expires_us"} of the
 * first, with "chain": [{"subject", "begins_us", "expires_us"}] of those that were shown after it
 * and can be read. NULL: the first cannot. Caller frees. */
char *certificate_to_json(const gnutls_datum_t *chain, unsigned n_chain);
