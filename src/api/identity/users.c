/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"
#include <string.h>

/* Keystone's limits, and yescrypt's for passwords. */
static const Field create_user_fields[] = {
    {"name", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {"password", FIELD_STRING, FIELD_NULLABLE, 1, 511},
    {"email", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"default_project_id", FIELD_STRING, FIELD_NULLABLE, 0, 64},
    {"domain_id", FIELD_STRING, 0, 0, 64},
    {"enabled", FIELD_BOOLEAN},
    {"options", FIELD_OBJECT},
    {0},
};
static const Field create_body[] = {
    {"user", FIELD_OBJECT, FIELD_REQUIRED, .fields = create_user_fields},
    {0},
};

static const Field update_user_fields[] = {
    {"name", FIELD_STRING, 0, 1, 255},
    {"password", FIELD_STRING, 0, 1, 511},
    {"email", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"default_project_id", FIELD_STRING, FIELD_NULLABLE, 0, 64},
    {"domain_id", FIELD_STRING, 0, 0, 64},
    {"enabled", FIELD_BOOLEAN},
    {"options", FIELD_OBJECT},
    {0},
};
static const Field update_body[] = {
    {"user", FIELD_OBJECT, FIELD_REQUIRED, .fields = update_user_fields},
    {0},
};

static const Field password_fields[] = {
    {"password", FIELD_STRING, FIELD_REQUIRED, 1, 511},
    {"original_password", FIELD_STRING, FIELD_REQUIRED, 0, 511},
    {0},
};
static const Field password_body[] = {
    {"user", FIELD_OBJECT, FIELD_REQUIRED, .fields = password_fields},
    {0},
};

static User *
get_user(ApiContext *context, const char *id, GError **error)
{
    g_autoptr(GError) reason = NULL;
    User *user = store_get_user(context->store, id, &reason);
    if (error_pass_others(&reason, ERROR_NOT_FOUND, error) && user == NULL) {
        error_set(error, ERROR_NOT_FOUND, "Could not find user: %s.", id);
    }
    return user;
}

HttpResponse *
identity_list_users(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) users = store_list_users(context->store, error);
    if (users == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < users->len; i++) {
        const User *user = g_ptr_array_index(users, i);
        if (identity_matches(context, user->name, user->enabled)) {
            json_array_append_new(rows, identity_view_user(context, user));
        }
    }
    return identity_reply_list(context, "users", rows);
}

/* Everybody may see himself. */
HttpResponse *
identity_show_user(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    if (strcmp(id, context->identity->user_id) != 0 &&
        !api_check_policy(context, "identity:get_user", error)) {
        return NULL;
    }
    g_autoptr(User) user = get_user(context, id, error);
    return user == NULL ? NULL : identity_reply(200, "user", identity_view_user(context, user));
}

/* Takes over what the body names; the password is the caller's business. */
static bool
apply_body(ApiContext *context, const json_t *body, User *user, GError **error)
{
    if (!identity_check_domain(body, error)) {
        return false;
    }
    if (body_has(body, "name")) {
        g_free(user->name);
        user->name = g_strdup(body_string(body, "name", ""));
    }
    if (body_has(body, "email")) {
        g_free(user->email);
        user->email = g_strdup(body_string(body, "email", NULL));
    }
    if (body_has(body, "default_project_id")) {
        g_free(user->default_project_id);
        user->default_project_id = g_strdup(body_string(body, "default_project_id", NULL));
    }
    user->enabled = body_bool(body, "enabled", user->enabled);
    return true;
}

static bool
explain_conflict(GError **error, GError *take_reason, const char *name)
{
    g_autoptr(GError) reason = take_reason;
    if (error_is(reason, ERROR_CONFLICT)) {
        return error_set(error, ERROR_CONFLICT,
            "Conflict occurred attempting to store user - Duplicate entry found with name %s at "
            "domain ID default.",
            name);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

/* A user that was made without a password has a hash that nothing verifies against. */
static HttpResponse *
insert_user(ApiContext *context, PasswordWork *work, GError **error)
{
    const json_t *body = json_object_get(context->body, "user");
    GError *reason = NULL;
    g_autoptr(User) user = g_new0(User, 1);
    user->id = clock_random_hex(context->options->clock, 16);
    user->enabled = true;
    user->password_hash = g_strdup(work->new_hash == NULL ? "!" : work->new_hash);
    if (!apply_body(context, body, user, error)) {
        return NULL;
    }
    if (!store_insert_user(context->store, user, &reason)) {
        explain_conflict(error, reason, user->name);
        return NULL;
    }
    return identity_reply(201, "user", identity_view_user(context, user));
}

static HttpResponse *
save_user(ApiContext *context, PasswordWork *work, GError **error)
{
    GError *reason = NULL;
    g_autoptr(User) user = get_user(context, api_param(context, "id"), error);
    if (user == NULL || !apply_body(context, json_object_get(context->body, "user"), user, error)) {
        return NULL;
    }
    if (work->new_hash != NULL) {
        g_free(user->password_hash);
        user->password_hash = g_strdup(work->new_hash);
    }
    if (!store_update_user(context->store, user, &reason)) {
        explain_conflict(error, reason, user->name);
        return NULL;
    }
    return identity_reply(200, "user", identity_view_user(context, user));
}

/* then has the hash of the body's password; none when the body has none. */
static HttpResponse *
with_password(ApiContext *context, const Field *body, PasswordThen then, GError **error)
{
    if (!validate_body(context->body, body, 0, 0, error)) {
        return NULL;
    }
    const char *password = body_string(json_object_get(context->body, "user"), "password", NULL);
    PasswordWork work = {.context = context, .new_password = g_strdup(password), .then = then};
    return password == NULL ? then(context, &work, error) : identity_password_work(&work);
}

HttpResponse *
identity_create_user(ApiContext *context, GError **error)
{
    return with_password(context, create_body, insert_user, error);
}

HttpResponse *
identity_update_user(ApiContext *context, GError **error)
{
    return with_password(context, update_body, save_user, error);
}

HttpResponse *
identity_delete_user(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    g_autoptr(User) user = get_user(context, id, error);
    if (user == NULL) {
        return NULL;
    }
    if (strcmp(id, context->identity->user_id) == 0) {
        error_set(error, ERROR_CONFLICT, "You cannot delete the user that you are.");
        return NULL;
    }
    return store_delete_user(context->store, id, error) ? api_empty(204) : NULL;
}

static HttpResponse *
on_password_changed(ApiContext *context, PasswordWork *work, GError **error)
{
    g_autoptr(User) user = get_user(context, api_param(context, "id"), error);
    if (user == NULL) {
        return NULL;
    }
    if (strcmp(user->password_hash, work->old_hash) != 0) {
        error_set(error, ERROR_CONFLICT, "the password was changed by somebody else meanwhile");
        return NULL;
    }
    g_free(user->password_hash);
    user->password_hash = g_strdup(work->new_hash);
    return store_update_user(context->store, user, error) ? api_empty(204) : NULL;
}

HttpResponse *
identity_change_password(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    if (strcmp(id, context->identity->user_id) != 0 &&
        !api_check_policy(context, "identity:update_user", error)) {
        return NULL;
    }
    g_autoptr(User) user = get_user(context, id, error);
    if (user == NULL || !validate_body(context->body, password_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "user");
    PasswordWork work = {
        .context = context,
        .password = g_strdup(body_string(body, "original_password", "")),
        .old_hash = g_strdup(user->password_hash),
        .is_verify = true,
        .new_password = g_strdup(body_string(body, "password", "")),
        .then = on_password_changed,
    };
    return identity_password_work(&work);
}
