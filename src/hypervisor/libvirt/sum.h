/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The SHA-256 of what flows through a stream, taken while it flows. */
#include <glib.h>
#include <stdint.h>

typedef struct Sum {
    void *hash;   /* gnutls_hash_hd_t; NULL: over */
    int64_t size; /* so far */
} Sum;

/* All of them take NULL for a sum that nobody wants. */
void sum_init(Sum *sum);
void sum_add(Sum *sum, const void *bytes, size_t size);
/* Holes read as zeros. */
void sum_add_hole(Sum *sum, int64_t size);
/* In hex, once. Caller frees. */
char *sum_end(Sum *sum);
void sum_clear(Sum *sum);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sum, sum_clear)
