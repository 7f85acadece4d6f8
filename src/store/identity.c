/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Users and projects. */
#include "store/rows.h"

#define USER_COLUMNS "id, name, password_hash, email, default_project_id, enabled"
#define SQL_INSERT_USER "INSERT INTO users (" USER_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)"
#define SQL_UPDATE_USER                                                                            \
    "UPDATE users SET name = $2, password_hash = $3, email = $4, default_project_id = $5,"         \
    " enabled = $6 WHERE id = $1"
/* Runs before the update: tokens that a new password ends. */
#define SQL_END_TOKENS                                                                             \
    "DELETE FROM tokens WHERE user_id = $1 AND EXISTS"                                             \
    " (SELECT 1 FROM users WHERE id = $1 AND password_hash <> $2)"
#define SQL_DELETE_USER "DELETE FROM users WHERE id = $1"
#define SQL_GET_USER "SELECT " USER_COLUMNS " FROM users WHERE id = $1"
#define SQL_FIND_USER "SELECT " USER_COLUMNS " FROM users WHERE name = $1"
#define SQL_LIST_USERS "SELECT " USER_COLUMNS " FROM users ORDER BY name"

#define PROJECT_COLUMNS "id, name, description, enabled"
#define SQL_INSERT_PROJECT "INSERT INTO projects (" PROJECT_COLUMNS ") VALUES ($1, $2, $3, $4)"
#define SQL_UPDATE_PROJECT                                                                         \
    "UPDATE projects SET name = $2, description = $3, enabled = $4 WHERE id = $1"
#define SQL_DELETE_PROJECT "DELETE FROM projects WHERE id = $1"
#define SQL_GET_PROJECT "SELECT " PROJECT_COLUMNS " FROM projects WHERE id = $1"
#define SQL_FIND_PROJECT "SELECT " PROJECT_COLUMNS " FROM projects WHERE name = $1"
#define SQL_LIST_PROJECTS "SELECT " PROJECT_COLUMNS " FROM projects ORDER BY name"
#define SQL_LIST_USER_PROJECTS                                                                     \
    "SELECT " PROJECT_COLUMNS " FROM projects WHERE id IN"                                         \
    " (SELECT project_id FROM role_assignments WHERE user_id = $1) ORDER BY name"

static void *
read_user(DbStatement *statement)
{
    User *user = g_new0(User, 1);

    user->id = db_dup_text(statement, 0);
    user->name = db_dup_text(statement, 1);
    user->password_hash = db_dup_text(statement, 2);
    user->email = db_dup_text(statement, 3);
    user->default_project_id = db_dup_text(statement, 4);
    user->enabled = db_int(statement, 5);
    return user;
}

static void
bind_user(DbStatement *statement, const User *user)
{
    db_bind_text(statement, 1, user->id);
    db_bind_text(statement, 2, user->name);
    db_bind_text(statement, 3, user->password_hash);
    db_bind_text(statement, 4, user->email);
    db_bind_text(statement, 5, user->default_project_id);
    db_bind_int(statement, 6, user->enabled);
}

bool
store_insert_user(Store *store, const User *user, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_USER, error);

    if (statement == NULL) {
        return false;
    }
    bind_user(statement, user);
    return db_run(statement, NULL, error);
}

static bool
end_tokens(Store *store, const User *user, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_END_TOKENS, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, user->id);
    db_bind_text(statement, 2, user->password_hash);
    return db_run(statement, NULL, error);
}

static bool
update_user(Store *store, const User *user, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE_USER, error);

    if (statement == NULL) {
        return false;
    }
    bind_user(statement, user);
    return rows_change(statement, "user", user->id, error);
}

bool
store_update_user(Store *store, const User *user, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && end_tokens(store, user, error) &&
        update_user(store, user, error) && db_commit(transaction, error);
}

/* Deletes by id; assignments and tokens go with the row. */
static bool
delete_by_id(Store *store, const char *sql, const char *thing, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return rows_change(statement, thing, id, error);
}

bool
store_delete_user(Store *store, const char *id, GError **error)
{
    return delete_by_id(store, SQL_DELETE_USER, "user", id, error);
}

User *
store_get_user(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET_USER, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, read_user, "user", id, error);
}

bool
store_find_user_by_name(Store *store, const char *name, User **ret_user, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_USER, error);

    if (statement == NULL) {
        return false;
    }
    void *record = NULL;
    db_bind_text(statement, 1, name);
    if (!rows_find(statement, read_user, &record, error)) {
        return false;
    }
    *ret_user = record;
    return true;
}

GPtrArray *
store_list_users(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_USERS, error);

    return statement == NULL ? NULL
                             : rows_list(statement, read_user, (GDestroyNotify)user_free, error);
}

static void *
read_project(DbStatement *statement)
{
    Project *project = g_new0(Project, 1);

    project->id = db_dup_text(statement, 0);
    project->name = db_dup_text(statement, 1);
    project->description = db_dup_text(statement, 2);
    project->enabled = db_int(statement, 3);
    return project;
}

static void
bind_project(DbStatement *statement, const Project *project)
{
    db_bind_text(statement, 1, project->id);
    db_bind_text(statement, 2, project->name);
    db_bind_text(statement, 3, project->description != NULL ? project->description : "");
    db_bind_int(statement, 4, project->enabled);
}

bool
store_insert_project(Store *store, const Project *project, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_PROJECT, error);

    if (statement == NULL) {
        return false;
    }
    bind_project(statement, project);
    return db_run(statement, NULL, error);
}

bool
store_update_project(Store *store, const Project *project, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE_PROJECT, error);

    if (statement == NULL) {
        return false;
    }
    bind_project(statement, project);
    return rows_change(statement, "project", project->id, error);
}

bool
store_delete_project(Store *store, const char *id, GError **error)
{
    return delete_by_id(store, SQL_DELETE_PROJECT, "project", id, error);
}

Project *
store_get_project(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET_PROJECT, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, read_project, "project", id, error);
}

bool
store_find_project_by_name(Store *store, const char *name, Project **ret_project, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_PROJECT, error);

    if (statement == NULL) {
        return false;
    }
    void *record = NULL;
    db_bind_text(statement, 1, name);
    if (!rows_find(statement, read_project, &record, error)) {
        return false;
    }
    *ret_project = record;
    return true;
}

GPtrArray *
store_list_projects(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_PROJECTS, error);

    return statement == NULL
        ? NULL
        : rows_list(statement, read_project, (GDestroyNotify)project_free, error);
}

GPtrArray *
store_list_user_projects(Store *store, const char *user_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_USER_PROJECTS, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, user_id);
    return rows_list(statement, read_project, (GDestroyNotify)project_free, error);
}
