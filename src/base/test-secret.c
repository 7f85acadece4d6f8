/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/secret.h"

#include <glib/gstdio.h>

#include <string.h>

static void
test_equal(void)
{
    g_assert_true(secret_equal_text("abc", "abc"));
    g_assert_true(secret_equal_text("", ""));
    g_assert_false(secret_equal_text("abc", "abx"));
    g_assert_false(secret_equal_text("bbc", "abc"));
    g_assert_false(secret_equal_text("abc", "abcd"));
    g_assert_false(secret_equal_text("abc", NULL));
    g_assert_false(secret_equal_text(NULL, NULL));
    g_assert_true(secret_equal("a\0b", 3, "a\0b", 3));
    g_assert_false(secret_equal("a\0b", 3, "a\0c", 3));
}

/* The vectors of FIPS 180-2. */
static void
test_sha256(void)
{
    g_autofree char *abc = secret_sha256_hex("abc", 3);
    g_assert_cmpstr(abc, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    g_autofree char *empty = secret_sha256_hex("", 0);
    g_assert_cmpstr(empty, ==, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
test_sha224(void)
{
    g_autofree char *abc = secret_sha224_hex("abc", 3);
    g_assert_cmpstr(abc, ==, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
}

static void
fixed_random(void *data, void *buffer, size_t size)
{
    memset(buffer, 0xfb, size);
}

static void
test_token(void)
{
    const Clock clock = {.random = fixed_random};
    g_autofree char *fixed = secret_new_token(&clock, 4);
    g_assert_cmpstr(fixed, ==, "-_v7-w");
    g_autofree char *a = secret_new_token(clock_system(), 32);
    g_autofree char *b = secret_new_token(clock_system(), 32);
    g_assert_cmpuint(strlen(a), ==, 43);
    g_assert_cmpuint(
        strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), ==, 43);
    g_assert_cmpstr(a, !=, b);
}

static void
test_a_key_is_made_once(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("drover-key-XXXXXX", &error);
    g_autofree char *path = g_build_filename(directory, "key", NULL);
    g_autofree char *made = secret_load_key(clock_system(), path, &error);
    g_autofree char *again = secret_load_key(clock_system(), path, &error);
    GStatBuf status;
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(made), ==, 43);
    g_assert_cmpstr(made, ==, again);
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
    g_assert_true(g_file_set_contents(path, "short\n", -1, NULL));
    g_assert_null(secret_load_key(clock_system(), path, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
    g_unlink(path);
    g_rmdir(directory);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/secret/equal", test_equal);
    g_test_add_func("/secret/sha256", test_sha256);
    g_test_add_func("/secret/sha224", test_sha224);
    g_test_add_func("/secret/token", test_token);
    g_test_add_func("/secret/a-key-is-made-once", test_a_key_is_made_once);
    return g_test_run();
}
