/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "auth/auth.h"
#include "base/secret.h"

/* Set once the first administrator is complete: a first start that was killed in the middle is
 * begun again, with another password. */
#define DONE_SETTING "auth.bootstrapped"
enum { PASSWORD_SIZE = 15 };

static bool
ensure_project(
    Store *store, const Clock *clock, const char *name, const char *description, GError **error)
{
    g_autoptr(Project) found = NULL;
    if (!store_find_project_by_name(store, name, &found, error)) {
        return false;
    }
    if (found != NULL) {
        return true;
    }
    g_autofree char *id = clock_random_hex(clock, 16);
    Project project = {
        .id = id, .name = (char *)name, .description = (char *)description, .enabled = true};
    return store_insert_project(store, &project, error);
}

static bool
ensure_admin(Store *store, const Clock *clock, const char *hash, GError **error)
{
    g_autoptr(User) found = NULL;
    if (!store_find_user_by_name(store, "admin", &found, error)) {
        return false;
    }
    if (found != NULL) {
        g_free(found->password_hash);
        found->password_hash = g_strdup(hash);
        return store_update_user(store, found, error);
    }
    g_autofree char *id = clock_random_hex(clock, 16);
    User user = {.id = id, .name = "admin", .password_hash = (char *)hash, .enabled = true};
    return store_insert_user(store, &user, error);
}

static bool
assign_admin(Store *store, GError **error)
{
    g_autoptr(User) user = NULL;
    g_autoptr(Project) project = NULL;
    return store_find_user_by_name(store, "admin", &user, error) &&
        store_find_project_by_name(store, "admin", &project, error) &&
        store_assign_role(store, user->id, project->id, "admin", error);
}

bool
auth_bootstrap(Store *store, const Clock *clock, char **ret_password, GError **error)
{
    g_autofree char *done = NULL;
    if (!store_get_setting(store, DONE_SETTING, &done, error)) {
        return false;
    }
    if (done != NULL) {
        *ret_password = NULL;
        return true;
    }
    g_autofree char *password = secret_new_token(clock, PASSWORD_SIZE);
    g_autofree char *hash = auth_hash_password(password, error);
    if (hash == NULL ||
        !ensure_project(
            store, clock, "admin", "Where the first administrator is at home.", error) ||
        !ensure_project(store, clock, "service", "For services beside drover.", error) ||
        !ensure_admin(store, clock, hash, error) || !assign_admin(store, error) ||
        !store_set_setting(store, DONE_SETTING, "1", error)) {
        return false;
    }
    *ret_password = g_steal_pointer(&password);
    return true;
}

bool
auth_reset_password(
    Store *store, const Clock *clock, const char *user, char **ret_password, GError **error)
{
    g_autoptr(User) found = NULL;
    if (!store_find_user_by_name(store, user, &found, error)) {
        return false;
    }
    if (found == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "there is no user '%s'", user);
    }
    g_autofree char *password = secret_new_token(clock, PASSWORD_SIZE);
    g_free(found->password_hash);
    found->password_hash = auth_hash_password(password, error);
    found->enabled = true;
    if (found->password_hash == NULL || !store_update_user(store, found, error)) {
        return false;
    }
    *ret_password = g_steal_pointer(&password);
    return true;
}
