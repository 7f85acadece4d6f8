/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Identity API, v3: the part of Keystone that a bare `openstack` client needs. One domain,
 * "default". routes.c is the table; one file for each resource; view.c shapes the replies. */
#include "api/context.h"

/* ---- versions.c, public ---- */
HttpResponse *identity_list_versions(ApiContext *context, GError **error); /* 300 */
HttpResponse *identity_show_version(ApiContext *context, GError **error);

/* ---- tokens.c ---- */
HttpResponse *identity_create_token(ApiContext *context, GError **error);
HttpResponse *identity_show_token(ApiContext *context, GError **error);
HttpResponse *identity_revoke_token(ApiContext *context, GError **error);
HttpResponse *identity_show_catalog(ApiContext *context, GError **error);

/* ---- catalog.c ---- */
json_t *identity_catalog(const ApiContext *context); /* as tokens carry it */
HttpResponse *identity_list_services(ApiContext *context, GError **error);
HttpResponse *identity_show_service(ApiContext *context, GError **error);
HttpResponse *identity_list_endpoints(ApiContext *context, GError **error);
HttpResponse *identity_show_endpoint(ApiContext *context, GError **error);
HttpResponse *identity_list_regions(ApiContext *context, GError **error);
HttpResponse *identity_show_region(ApiContext *context, GError **error);

/* ---- users.c ---- */
HttpResponse *identity_list_users(ApiContext *context, GError **error);
HttpResponse *identity_show_user(ApiContext *context, GError **error);
HttpResponse *identity_create_user(ApiContext *context, GError **error);
HttpResponse *identity_update_user(ApiContext *context, GError **error);
HttpResponse *identity_delete_user(ApiContext *context, GError **error);
HttpResponse *identity_change_password(ApiContext *context, GError **error);

/* ---- projects.c ---- */
HttpResponse *identity_list_projects(ApiContext *context, GError **error);
HttpResponse *identity_show_project(ApiContext *context, GError **error);
HttpResponse *identity_create_project(ApiContext *context, GError **error);
HttpResponse *identity_update_project(ApiContext *context, GError **error);
HttpResponse *identity_delete_project(ApiContext *context, GError **error);
HttpResponse *identity_list_my_projects(ApiContext *context, GError **error);
HttpResponse *identity_list_user_projects(ApiContext *context, GError **error);
HttpResponse *identity_list_domains(ApiContext *context, GError **error);
HttpResponse *identity_show_domain(ApiContext *context, GError **error);
HttpResponse *identity_list_my_domains(ApiContext *context, GError **error);

/* ---- roles.c ---- */
HttpResponse *identity_list_roles(ApiContext *context, GError **error);
HttpResponse *identity_show_role(ApiContext *context, GError **error);
HttpResponse *identity_list_grants(ApiContext *context, GError **error);
HttpResponse *identity_check_grant(ApiContext *context, GError **error);
HttpResponse *identity_create_grant(ApiContext *context, GError **error);
HttpResponse *identity_revoke_grant(ApiContext *context, GError **error);
HttpResponse *identity_list_role_assignments(ApiContext *context, GError **error);

/* ---- view.c ---- */
json_t *identity_view_user(const ApiContext *context, const User *user);
json_t *identity_view_project(const ApiContext *context, const Project *project);
json_t *identity_view_role(const ApiContext *context, const Role *role);
json_t *identity_view_domain(const ApiContext *context);
/* {"<name>": [...], "links": {...}}; takes the rows. */
HttpResponse *identity_reply_list(ApiContext *context, const char *name, json_t *take_rows);
/* {"<name>": {...}}; takes the row. */
HttpResponse *identity_reply(int status, const char *name, json_t *take_row);
/* Does the row match "name", "enabled", "domain_id" of the query, those that were sent? */
bool identity_matches(const ApiContext *context, const char *name, bool enabled);
/* The body of a create or update names no other domain than ours. */
bool identity_check_domain(const json_t *object, GError **error);

/* ---- password-work.c ---- */
typedef struct PasswordWork PasswordWork;
/* Runs on the engine's thread; returns a response, or NULL and an error. */
typedef HttpResponse *(*PasswordThen)(ApiContext *context, PasswordWork *work, GError **error);
struct PasswordWork {
    ApiContext *context;
    char *password; /* to be verified against old_hash when is_verify; wiped after */
    char *old_hash; /* NULL: there is no such user, which takes as long */
    bool is_verify;
    bool is_verified;
    char *new_password; /* to be hashed; NULL = none; wiped after */
    char *new_hash;
    GError *error; /* why new_hash could not be made */
    PasswordThen then;
    void *data;
    GDestroyNotify free_data;
};
/* Defers the reply, verifies and hashes on a worker, one at a time, then calls then. The handler
 * returns the result (NULL) at once. */
HttpResponse *identity_password_work(const PasswordWork *take_work);
