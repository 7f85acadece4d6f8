/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "auth/auth.h"
#include "base/secret.h"
#include <string.h>

enum { TOKEN_SIZE = 32 };

char *
auth_token_hash(const char *token)
{
    return secret_sha256_hex(token, strlen(token));
}

bool
auth_issue_token(Store *store, const Clock *clock, const char *user_id, const char *project_id,
    int64_t expires_us, char **ret_token, GError **error)
{
    g_autofree char *token = secret_new_token(clock, TOKEN_SIZE);
    g_autofree char *hash = auth_token_hash(token);
    if (!store_insert_token(
            store, hash, user_id, project_id, clock_now_us(clock), expires_us, error)) {
        return false;
    }
    *ret_token = g_steal_pointer(&token);
    return true;
}

/* Strongest first: each implies those after it. */
static const char *const role_order[] = {"admin", "manager", "member", "reader"};

GPtrArray *
auth_imply_roles(GPtrArray *roles)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
    bool is_implied = false;
    for (size_t i = 0; i < G_N_ELEMENTS(role_order); i++) {
        is_implied =
            is_implied || g_ptr_array_find_with_equal_func(roles, role_order[i], g_str_equal, NULL);
        if (is_implied) {
            g_ptr_array_add(all, g_strdup(role_order[i]));
        }
    }
    return all;
}

Identity *
auth_find_token(Store *store, const char *token, char **ret_hash, GError **error)
{
    Identity *identity;
    g_autofree char *hash = auth_token_hash(token);
    if (!store_find_token(store, hash, &identity, error)) {
        return NULL;
    }
    if (identity == NULL) {
        error_set(error, ERROR_UNAUTHENTICATED, "the token is unknown or has expired");
        return NULL;
    }
    g_autoptr(GPtrArray) stored = g_steal_pointer(&identity->roles);
    identity->roles = auth_imply_roles(stored);
    if (ret_hash != NULL) {
        *ret_hash = g_steal_pointer(&hash);
    }
    return identity;
}
