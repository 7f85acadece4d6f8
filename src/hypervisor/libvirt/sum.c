/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/sum.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define SHA256_SIZE 32

void
sum_init(Sum *sum)
{
    gnutls_hash_hd_t hash;
    int r = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);

    /* Fails only for an algorithm that is not there, or without memory. */
    g_assert(r == 0);
    *sum = (Sum){.hash = hash};
}

void
sum_add(Sum *sum, const void *bytes, size_t size)
{
    if (sum != NULL) {
        int r = gnutls_hash(sum->hash, bytes, size);
        g_assert(r == 0);
        sum->size += (int64_t)size;
    }
}

void
sum_add_hole(Sum *sum, int64_t size)
{
    static const char zeros[64 * 1024];

    while (sum != NULL && size > 0) {
        size_t n = (size_t)MIN(size, (int64_t)sizeof zeros);
        sum_add(sum, zeros, n);
        size -= (int64_t)n;
    }
}

char *
sum_end(Sum *sum)
{
    unsigned char digest[SHA256_SIZE];
    GString *text = g_string_sized_new(2 * SHA256_SIZE);

    gnutls_hash_deinit(g_steal_pointer(&sum->hash), digest);
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        g_string_append_printf(text, "%02x", digest[i]);
    }
    return g_string_free(text, FALSE);
}

void
sum_clear(Sum *sum)
{
    if (sum->hash != NULL) {
        gnutls_hash_deinit(sum->hash, NULL);
        sum->hash = NULL;
    }
}
