/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Logging in: POST /v3/auth/tokens with the methods password and token, and what is done with a
 * token after. Every refusal of a login is the same 401, whatever was wrong. */
#include "api/identity/identity.h"
#include "auth/auth.h"
#include "base/json.h"
#include <string.h>

/* What the body asks for; texts are borrowed from it. */
typedef struct Login {
    const char *method; /* "password" or "token" */
    const char *user_id;
    const char *user_name;
    const char *password;
    const char *token;
    bool is_scoped;   /* a project was named */
    bool is_unscoped; /* "unscoped" in as many words: not even the default project */
    const char *project_id;
    const char *project_name;
} Login;

static bool
refuse(GError **error)
{
    return error_set(error, ERROR_UNAUTHENTICATED, "the login was refused");
}

/* A missing domain is ours: older clients leave it out. */
static bool
is_our_domain(const json_t *owner)
{
    const json_t *domain = json_object_get(owner, "domain");
    if (domain == NULL) {
        return true;
    }
    return strcmp(body_string(domain, "id", "default"), "default") == 0 &&
        g_ascii_strcasecmp(body_string(domain, "name", "Default"), "Default") == 0;
}

static bool
parse_password(const json_t *root, Login *login, GError **error)
{
    json_t *user = json_get_object(root, "auth.identity.password.user", error);
    if (user == NULL || !json_get_string(user, "password", &login->password, error)) {
        return false;
    }
    login->user_id = body_string(user, "id", NULL);
    login->user_name = body_string(user, "name", NULL);
    if (login->user_id == NULL && login->user_name == NULL) {
        return error_set(error, ERROR_INVALID, "the user has neither 'id' nor 'name'");
    }
    return is_our_domain(user) || refuse(error);
}

static bool
parse_scope(const json_t *root, Login *login, GError **error)
{
    const json_t *scope = json_lookup(root, "auth.scope");
    if (scope == NULL) {
        return true;
    }
    if (json_is_string(scope) && strcmp(json_string_value(scope), "unscoped") == 0) {
        login->is_unscoped = true;
        return true;
    }
    const json_t *project = json_object_get(scope, "project");
    login->project_id = body_string(project, "id", NULL);
    login->project_name = body_string(project, "name", NULL);
    login->is_scoped = login->project_id != NULL || login->project_name != NULL;
    if (!login->is_scoped) {
        /* Nobody has a role on the system or on a domain here. */
        return refuse(error);
    }
    return is_our_domain(project) || refuse(error);
}

static bool
parse_login(const json_t *root, Login *login, GError **error)
{
    json_t *methods = json_get_array(root, "auth.identity.methods", error);
    if (methods == NULL) {
        return false;
    }
    const char *method = json_string_value(json_array_get(methods, 0));
    *login = (Login){.method = method};
    if (json_array_size(methods) != 1 || method == NULL) {
        return error_set(error, ERROR_INVALID, "'methods' must hold one method");
    }
    if (strcmp(method, "password") == 0) {
        return parse_password(root, login, error) && parse_scope(root, login, error);
    }
    if (strcmp(method, "token") == 0) {
        return json_get_string(root, "auth.identity.token.id", &login->token, error) &&
            parse_scope(root, login, error);
    }
    return refuse(error);
}

/* ---- the reply ---- */

static json_t *
view_roles(ApiContext *context, const Identity *identity, GError **error)
{
    g_autoptr(GPtrArray) roles = store_list_roles(context->store, error);
    if (roles == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < roles->len; i++) {
        const Role *role = g_ptr_array_index(roles, i);
        if (identity_has_role(identity, role->name)) {
            json_array_append_new(
                views, json_pack("{s:s, s:s}", "id", role->id, "name", role->name));
        }
    }
    return views;
}

static json_t *
time_z_us(int64_t us)
{
    g_autofree char *text = time_format_us(us);
    g_autofree char *with_zone = g_strconcat(text, "Z", NULL);
    return json_string(with_zone);
}

static json_t *
view_token(ApiContext *context, const Identity *identity, const char *token_hash,
    const char *method, GError **error)
{
    g_autofree char *audit_id = g_strndup(token_hash, 22);
    json_t *view = json_pack("{s:[s], s:{s:s, s:s, s:{s:s, s:s}, s:n}, s:[s], s:o, s:o}", "methods",
        method, "user", "id", identity->user_id, "name", identity->user_name, "domain", "id",
        "default", "name", "Default", "password_expires_at", "audit_ids", audit_id, "expires_at",
        time_z_us(identity->expires_us), "issued_at", time_z_us(identity->issued_us));
    if (identity->project_id == NULL) {
        return json_pack("{s:o}", "token", view);
    }
    json_t *roles = view_roles(context, identity, error);
    if (roles == NULL) {
        json_decref(view);
        return NULL;
    }
    json_object_set_new(view, "project",
        json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", identity->project_id, "name",
            identity->project_name, "domain", "id", "default", "name", "Default"));
    json_object_set_new(view, "is_domain", json_false());
    json_object_set_new(view, "roles", roles);
    if (!query_bool(context->request, "nocatalog", false)) {
        json_object_set_new(view, "catalog", identity_catalog(context));
    }
    return json_pack("{s:o}", "token", view);
}

/* ---- issuing ---- */

/* *ret_id NULL: an unscoped token. Naming a project in which the user has no role is refused. */
static bool
choose_project(
    ApiContext *context, const User *user, const Login *login, char **ret_id, GError **error)
{
    const char *default_id = login->is_unscoped ? NULL : user->default_project_id;
    g_autoptr(GPtrArray) projects = store_list_user_projects(context->store, user->id, error);
    if (projects == NULL) {
        return false;
    }
    *ret_id = NULL;
    for (unsigned i = 0; i < projects->len; i++) {
        const Project *project = g_ptr_array_index(projects, i);
        bool is_it = login->is_scoped
            ? (login->project_id == NULL || strcmp(login->project_id, project->id) == 0) &&
                (login->project_name == NULL || strcmp(login->project_name, project->name) == 0)
            : g_strcmp0(default_id, project->id) == 0;
        if (is_it && project->enabled) {
            *ret_id = g_strdup(project->id);
            return true;
        }
    }
    return !login->is_scoped || refuse(error);
}

static HttpResponse *
issue(ApiContext *context, const User *user, const Login *login, int64_t expires_us, GError **error)
{
    g_autofree char *project_id = NULL;
    g_autofree char *token = NULL;
    g_autofree char *hash = NULL;
    if (!user->enabled) {
        refuse(error);
        return NULL;
    }
    if (!choose_project(context, user, login, &project_id, error) ||
        !auth_issue_token(context->store, context->options->clock, user->id, project_id, expires_us,
            &token, error)) {
        return NULL;
    }
    g_autoptr(Identity) identity = auth_find_token(context->store, token, &hash, error);
    if (identity == NULL) {
        return NULL;
    }
    json_t *view = view_token(context, identity, hash, login->method, error);
    if (view == NULL) {
        return NULL;
    }
    HttpResponse *response = api_json(201, view);
    http_response_set_header(response, "X-Subject-Token", token);
    http_response_set_header(response, "Vary", "X-Auth-Token");
    return response;
}

static bool
find_user(ApiContext *context, const Login *login, User **ret_user, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (login->user_id == NULL) {
        return store_find_user_by_name(context->store, login->user_name, ret_user, error);
    }
    *ret_user = store_get_user(context->store, login->user_id, &reason);
    if (!error_pass_others(&reason, ERROR_NOT_FOUND, error)) {
        return false;
    }
    return true;
}

/* The user is read again: it may have been disabled, deleted or given another password while the
 * old one was verified. */
static HttpResponse *
on_password_verified(ApiContext *context, PasswordWork *work, GError **error)
{
    Login login;
    if (!parse_login(context->body, &login, error)) {
        return NULL;
    }
    g_autoptr(User) user = NULL;
    if (!find_user(context, &login, &user, error)) {
        return NULL;
    }
    if (user == NULL || strcmp(user->password_hash, work->old_hash) != 0) {
        refuse(error);
        return NULL;
    }
    int64_t expires_us = api_now_us(context) + context->options->token_lifetime_us;
    return issue(context, user, &login, expires_us, error);
}

static HttpResponse *
log_in_by_password(ApiContext *context, const Login *login, GError **error)
{
    g_autoptr(User) user = NULL;
    if (!find_user(context, login, &user, error)) {
        return NULL;
    }
    PasswordWork work = {
        .context = context,
        .password = g_strdup(login->password),
        .old_hash = user == NULL ? NULL : g_strdup(user->password_hash),
        .is_verify = true,
        .then = on_password_verified,
    };
    return identity_password_work(&work);
}

/* A token that is got for a token lives no longer than that one. */
static HttpResponse *
log_in_by_token(ApiContext *context, const Login *login, GError **error)
{
    g_autoptr(Identity) identity = auth_find_token(context->store, login->token, NULL, error);
    if (identity == NULL) {
        return NULL;
    }
    g_autoptr(User) user = store_get_user(context->store, identity->user_id, error);
    if (user == NULL) {
        return NULL;
    }
    return issue(context, user, login, identity->expires_us, error);
}

HttpResponse *
identity_create_token(ApiContext *context, GError **error)
{
    Login login;
    if (!parse_login(context->body, &login, error)) {
        return NULL;
    }
    return login.token != NULL ? log_in_by_token(context, &login, error)
                               : log_in_by_password(context, &login, error);
}

/* ---- using ---- */

/* The token that the request is about; somebody else's is an administrator's business. */
static Identity *
find_subject(ApiContext *context, const char *rule, char **ret_hash, GError **error)
{
    const char *token = http_request_header(context->request, "X-Subject-Token");
    if (token == NULL) {
        error_set(error, ERROR_INVALID, "the header X-Subject-Token is missing");
        return NULL;
    }
    g_autoptr(GError) reason = NULL;
    g_autoptr(Identity) subject = auth_find_token(context->store, token, ret_hash, &reason);
    if (subject == NULL) {
        if (error_is(reason, ERROR_UNAUTHENTICATED)) {
            error_set(error, ERROR_NOT_FOUND, "Could not find token.");
        } else {
            g_propagate_error(error, g_steal_pointer(&reason));
        }
        return NULL;
    }
    if (strcmp(subject->user_id, context->identity->user_id) != 0 &&
        !api_check_policy(context, rule, error)) {
        g_clear_pointer(ret_hash, g_free);
        return NULL;
    }
    return g_steal_pointer(&subject);
}

HttpResponse *
identity_show_token(ApiContext *context, GError **error)
{
    g_autofree char *hash = NULL;
    g_autoptr(Identity) subject = find_subject(context, "identity:validate_token", &hash, error);
    if (subject == NULL) {
        return NULL;
    }
    json_t *view = view_token(context, subject, hash, "password", error);
    if (view == NULL) {
        return NULL;
    }
    HttpResponse *response = api_json(200, view);
    http_response_set_header(
        response, "X-Subject-Token", http_request_header(context->request, "X-Subject-Token"));
    return response;
}

HttpResponse *
identity_revoke_token(ApiContext *context, GError **error)
{
    g_autofree char *hash = NULL;
    g_autoptr(Identity) subject = find_subject(context, "identity:revoke_token", &hash, error);
    if (subject == NULL || !store_delete_token(context->store, hash, error)) {
        return NULL;
    }
    return api_empty(204);
}

HttpResponse *
identity_show_catalog(ApiContext *context, GError **error)
{
    return identity_reply_list(context, "catalog", identity_catalog(context));
}
