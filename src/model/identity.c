/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/identity.h"

void
user_free(User *user)
{
    if (user == NULL) {
        return;
    }
    g_free(user->id);
    g_free(user->name);
    g_free(user->password_hash);
    g_free(user->email);
    g_free(user->default_project_id);
    g_free(user);
}

void
project_free(Project *project)
{
    if (project == NULL) {
        return;
    }
    g_free(project->id);
    g_free(project->name);
    g_free(project->description);
    g_free(project);
}

void
role_free(Role *role)
{
    if (role == NULL) {
        return;
    }
    g_free(role->id);
    g_free(role->name);
    g_free(role);
}

void
identity_free(Identity *identity)
{
    if (identity == NULL) {
        return;
    }
    g_free(identity->user_id);
    g_free(identity->user_name);
    g_free(identity->project_id);
    g_free(identity->project_name);
    g_clear_pointer(&identity->roles, g_ptr_array_unref);
    g_free(identity);
}

bool
identity_has_role(const Identity *identity, const char *role)
{
    return identity->roles != NULL &&
        g_ptr_array_find_with_equal_func(identity->roles, role, g_str_equal, NULL);
}
