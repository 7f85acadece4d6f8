/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Who may ask: users, projects, roles. One domain, "default". */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct User {
    char *id;
    char *name;
    char *password_hash; /* crypt(5), yescrypt */
    char *email;         /* may be NULL */
    char *default_project_id; /* may be NULL */
    bool enabled;
} User;

typedef struct Project {
    char *id;
    char *name;
    char *description; /* never NULL */
    bool enabled;
} Project;

typedef struct Role {
    char *id;
    char *name; /* "admin", "manager", "member", "reader" */
} Role;

/* What a valid token says. */
typedef struct Identity {
    char *user_id;
    char *user_name;
    char *project_id;   /* NULL: unscoped */
    char *project_name;
    GPtrArray *roles;   /* char * names, with the implied ones: admin > manager > member > reader */
    int64_t issued_us;
    int64_t expires_us;
} Identity;

void user_free(User *user);
void project_free(Project *project);
void role_free(Role *role);
void identity_free(Identity *identity);
bool identity_has_role(const Identity *identity, const char *role);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(User, user_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Project, project_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Role, role_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)
