/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Who are you: passwords and tokens over the store. Passwords are hashed with yescrypt, slow on
 * purpose: auth_hash_password and auth_verify_password run on worker threads only, one at a time,
 * so that memory stays bounded. What an identity may do is policy.h. */
#include "base/clock.h"
#include "model/identity.h"
#include "store/store.h"

/* "$y$..."; caller frees. Blocking and pure. */
char *auth_hash_password(const char *password, GError **error);
/* hash NULL: takes as long as with one, and says no. Blocking and pure. */
bool auth_verify_password(const char *password, const char *hash);

/* A new token for the user, on the project (NULL = unscoped). *ret_token is the only copy of its
 * text. expires_us: when it ends. Commits to the store. */
bool auth_issue_token(Store *store, const Clock *clock, const char *user_id, const char *project_id,
    int64_t expires_us, char **ret_token, GError **error);
/* The identity behind a token's text, or ERROR_UNAUTHENTICATED. *ret_hash may be NULL; caller
 * frees. */
Identity *auth_find_token(Store *store, const char *token, char **ret_hash, GError **error);
char *auth_token_hash(const char *token);

/* The roles and those they imply (admin > manager > member > reader): char *, strongest first. */
GPtrArray *auth_imply_roles(GPtrArray *roles);

/* First start: makes project "admin" and "service", user "admin" with role admin. *ret_password
 * is its random password, to be shown once; NULL when there was a user already. Blocking. */
bool auth_bootstrap(Store *store, const Clock *clock, char **ret_password, GError **error);
/* Gives the user a new random password; its tokens end. NOT_FOUND: nobody is called that.
 * Blocking. */
bool auth_reset_password(
    Store *store, const Clock *clock, const char *user, char **ret_password, GError **error);
