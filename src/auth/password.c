/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "auth/auth.h"
#include "base/error.h"
#include "base/secret.h"
#include <crypt.h>
#include <errno.h>
#include <string.h>

/* A setting of the same cost as those of real users: an unknown name must take as long as a known
 * one, or names could be guessed by the clock. */
static const char nobody_setting[] = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1";

/* crypt_data is 32 KiB, too much for a worker's small stack; it is wiped because it holds the
 * password's traces. */
static char *
compute_hash(const char *password, const char *setting)
{
    struct crypt_data *data = g_new0(struct crypt_data, 1);
    const char *result = crypt_r(password, setting, data);
    char *hash = result == NULL || result[0] == '*' ? NULL : g_strdup(result);
    explicit_bzero(data, sizeof *data);
    g_free(data);
    return hash;
}

char *
auth_hash_password(const char *password, GError **error)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (strlen(password) >= CRYPT_MAX_PASSPHRASE_SIZE) {
        error_set(error, ERROR_INVALID, "the password is longer than %d characters",
            CRYPT_MAX_PASSPHRASE_SIZE - 1);
        return NULL;
    }
    if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting) == NULL) {
        error_set(error, ERROR_INTERNAL, "cannot make a salt: %s", g_strerror(errno));
        return NULL;
    }
    char *hash = compute_hash(password, setting);
    if (hash == NULL) {
        error_set(error, ERROR_INTERNAL, "cannot hash a password: %s", g_strerror(errno));
    }
    return hash;
}

bool
auth_verify_password(const char *password, const char *hash)
{
    g_autofree char *computed = compute_hash(password, hash == NULL ? nobody_setting : hash);
    return hash != NULL && computed != NULL && secret_equal_text(computed, hash);
}
