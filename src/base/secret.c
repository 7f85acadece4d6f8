/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/secret.h"

#include <gnutls/crypto.h>
#include <string.h>

bool
secret_equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
    if (a_size != b_size) {
        return false;
    }
    const uint8_t *left = a;
    const uint8_t *right = b;
    /* volatile: the compiler must not find out that it could stop early. */
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a_size; i++) {
        difference = difference | (left[i] ^ right[i]);
    }
    return difference == 0;
}

bool
secret_equal_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && secret_equal(a, strlen(a), b, strlen(b));
}

char *
secret_sha256_hex(const void *data, size_t size)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
}

char *
secret_sha224_hex(const void *data, size_t size)
{
    uint8_t digest[28];
    int result = gnutls_hash_fast(GNUTLS_DIG_SHA224, data, size, digest);
    g_assert(result == 0);
    GString *hex = g_string_sized_new(2 * sizeof(digest));
    for (size_t i = 0; i < sizeof(digest); i++) {
        g_string_append_printf(hex, "%02x", digest[i]);
    }
    return g_string_free(hex, false);
}

char *
secret_new_token(const Clock *clock, size_t size)
{
    g_autofree uint8_t *bytes = g_malloc(size);
    clock->random(clock->data, bytes, size);
    char *token = g_base64_encode(bytes, size);
    explicit_bzero(bytes, size);
    g_strdelimit(token, "+", '-');
    g_strdelimit(token, "/", '_');
    token[strcspn(token, "=")] = '\0';
    return token;
}

#define KEY_BYTES 32

/* Whole and on the disk under its name, or not there at all. */
static bool
write_key(const char *path, const char *key, GError **error)
{
    g_autofree char *line = g_strconcat(key, "\n", NULL);
    g_autoptr(GError) reason = NULL;

    if (!g_file_set_contents_full(path, line, -1,
            G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, &reason)) {
        return error_set(error, ERROR_INTERNAL, "cannot make a key: %s", reason->message);
    }
    return true;
}

char *
secret_load_key(const Clock *clock, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) reason = NULL;

    if (g_file_get_contents(path, &text, NULL, &reason)) {
        g_strchomp(text);
        if (strlen(text) < KEY_BYTES) {
            error_set(error, ERROR_INVALID, "'%s' is not a key", path);
            return NULL;
        }
        return g_steal_pointer(&text);
    }
    if (!g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        error_set(error, ERROR_INTERNAL, "cannot read a key: %s", reason->message);
        return NULL;
    }
    g_autofree char *key = secret_new_token(clock, KEY_BYTES);
    return write_key(path, key, error) ? g_steal_pointer(&key) : NULL;
}
