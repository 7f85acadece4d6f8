/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The small tools that secrets need everywhere: comparing without a time leak, hashing, and making
 * tokens. Hashing of passwords, which is slow on purpose, is not here but in auth/. */
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"

/* Takes as long wherever the two differ; only the sizes show in the time. */
bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size);
/* The same for texts; NULL equals nothing. */
bool secret_equal_text(const char *a, const char *b);
/* SHA-256 as 64 lower-case hex digits; caller frees. */
char *secret_sha256_hex(const void *data, size_t size);
/* SHA-224 likewise: Nova makes hostId with it, and GLib does not have it. */
char *secret_sha224_hex(const void *data, size_t size);
/* The key in a file, one line of text; one that is not there is made, readable for its owner alone.
 * Caller frees. */
char *secret_load_key(const Clock *clock, const char *path, GError **error);
/* size random bytes as base64url without padding, fit for headers and URLs; caller frees. 32 bytes
 * give 43 characters. */
char *secret_new_token(const Clock *clock, size_t size);
