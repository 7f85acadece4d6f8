/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Roles, who has them, and tokens. */
#include "store/rows.h"

#define SQL_LIST_ROLES "SELECT id, name FROM roles ORDER BY name"
#define SQL_LIST_ASSIGNED                                                                          \
    "SELECT r.name FROM role_assignments a JOIN roles r ON r.id = a.role_id"                       \
    " WHERE a.user_id = $1 AND a.project_id = $2 ORDER BY r.name"
#define SQL_CHECK_ASSIGNMENT                                                                       \
    "SELECT (SELECT COUNT(*) FROM users WHERE id = $1),"                                           \
    " (SELECT COUNT(*) FROM projects WHERE id = $2),"                                              \
    " (SELECT COUNT(*) FROM roles WHERE name = $3)"
#define SQL_ASSIGN                                                                                 \
    "INSERT INTO role_assignments (user_id, project_id, role_id)"                                  \
    " SELECT $1, $2, r.id FROM roles r WHERE r.name = $3"                                          \
    " ON CONFLICT (user_id, project_id, role_id) DO NOTHING"
#define SQL_UNASSIGN                                                                               \
    "DELETE FROM role_assignments WHERE user_id = $1 AND project_id = $2"                          \
    " AND role_id = (SELECT id FROM roles WHERE name = $3)"
#define SQL_DELETE_EXPIRED "DELETE FROM tokens WHERE expires_us <= $1"
#define SQL_INSERT_TOKEN                                                                           \
    "INSERT INTO tokens (hash, user_id, project_id, issued_us, expires_us)"                        \
    " VALUES ($1, $2, $3, $4, $5)"
#define SQL_FIND_TOKEN                                                                             \
    "SELECT t.user_id, u.name, t.project_id, p.name, t.issued_us, t.expires_us"                    \
    " FROM tokens t JOIN users u ON u.id = t.user_id"                                              \
    " LEFT JOIN projects p ON p.id = t.project_id"                                                 \
    " WHERE t.hash = $1 AND t.expires_us > $2 AND u.enabled = 1"                                   \
    " AND (t.project_id IS NULL OR p.enabled = 1)"
#define SQL_DELETE_TOKEN "DELETE FROM tokens WHERE hash = $1"

/* Each role implies those behind it. */
static const char *const role_order[] = {"admin", "manager", "member", "reader"};

static void *
read_role(DbStatement *statement)
{
    Role *role = g_new0(Role, 1);

    role->id = db_dup_text(statement, 0);
    role->name = db_dup_text(statement, 1);
    return role;
}

static void *
read_name(DbStatement *statement)
{
    return db_dup_text(statement, 0);
}

GPtrArray *
store_list_roles(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_ROLES, error);

    return statement == NULL ? NULL
                             : rows_list(statement, read_role, (GDestroyNotify)role_free, error);
}

GPtrArray *
store_list_assigned_roles(Store *store, const char *user_id, const char *project_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_ASSIGNED, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, user_id);
    db_bind_text(statement, 2, project_id);
    return rows_list(statement, read_name, g_free, error);
}

static DbStatement *
prepare_assignment(Store *store, const char *sql, const char *user_id, const char *project_id,
    const char *role_name, GError **error)
{
    DbStatement *statement = db_prepare(store, sql, error);

    if (statement != NULL) {
        db_bind_text(statement, 1, user_id);
        db_bind_text(statement, 2, project_id);
        db_bind_text(statement, 3, role_name);
    }
    return statement;
}

static bool
check_assignment(Store *store, const char *user_id, const char *project_id, const char *role_name,
    GError **error)
{
    g_autoptr(DbStatement) statement =
        prepare_assignment(store, SQL_CHECK_ASSIGNMENT, user_id, project_id, role_name, error);
    const char *const things[] = {"user", "project", "role"};
    const char *const ids[] = {user_id, project_id, role_name};
    bool row = false;

    if (statement == NULL || !db_step(statement, &row, error)) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (db_int(statement, i) == 0) {
            return error_set(error, ERROR_NOT_FOUND, "there is no %s '%s'", things[i], ids[i]);
        }
    }
    return true;
}

bool
store_assign_role(Store *store, const char *user_id, const char *project_id, const char *role_name,
    GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL || !check_assignment(store, user_id, project_id, role_name, error)) {
        return false;
    }
    g_autoptr(DbStatement) statement =
        prepare_assignment(store, SQL_ASSIGN, user_id, project_id, role_name, error);
    return statement != NULL && db_run(statement, NULL, error) && db_commit(transaction, error);
}

bool
store_unassign_role(Store *store, const char *user_id, const char *project_id,
    const char *role_name, GError **error)
{
    g_autoptr(DbStatement) statement =
        prepare_assignment(store, SQL_UNASSIGN, user_id, project_id, role_name, error);

    return statement != NULL && rows_change(statement, "role assignment", role_name, error);
}

static bool
delete_expired(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE_EXPIRED, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, db_now_us(store));
    return db_run(statement, NULL, error);
}

bool
store_insert_token(Store *store, const char *token_hash, const char *user_id,
    const char *project_id, int64_t issued_us, int64_t expires_us, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL || !delete_expired(store, error)) {
        return false;
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_TOKEN, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, token_hash);
    db_bind_text(statement, 2, user_id);
    db_bind_text(statement, 3, project_id);
    db_bind_int(statement, 4, issued_us);
    db_bind_int(statement, 5, expires_us);
    return db_run(statement, NULL, error) && db_commit(transaction, error);
}

static void *
read_identity(DbStatement *statement)
{
    Identity *identity = g_new0(Identity, 1);

    identity->user_id = db_dup_text(statement, 0);
    identity->user_name = db_dup_text(statement, 1);
    identity->project_id = db_dup_text(statement, 2);
    identity->project_name = db_dup_text(statement, 3);
    identity->issued_us = db_int(statement, 4);
    identity->expires_us = db_int(statement, 5);
    return identity;
}

/* The assigned roles with those they imply, strongest first; an unscoped token has none. */
static bool
load_roles(Store *store, Identity *identity, GError **error)
{
    identity->roles = g_ptr_array_new_with_free_func(g_free);
    if (identity->project_id == NULL) {
        return true;
    }
    g_autoptr(GPtrArray) assigned =
        store_list_assigned_roles(store, identity->user_id, identity->project_id, error);
    if (assigned == NULL) {
        return false;
    }
    bool implied = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(role_order); i++) {
        implied =
            implied || g_ptr_array_find_with_equal_func(assigned, role_order[i], g_str_equal, NULL);
        if (implied) {
            g_ptr_array_add(identity->roles, g_strdup(role_order[i]));
        }
    }
    return true;
}

bool
store_find_token(Store *store, const char *token_hash, Identity **ret_identity, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_TOKEN, error);

    if (statement == NULL) {
        return false;
    }
    void *record = NULL;
    db_bind_text(statement, 1, token_hash);
    db_bind_int(statement, 2, db_now_us(store));
    if (!rows_find(statement, read_identity, &record, error)) {
        return false;
    }
    g_autoptr(Identity) identity = record;
    if (identity != NULL && !load_roles(store, identity, error)) {
        return false;
    }
    *ret_identity = g_steal_pointer(&identity);
    return true;
}

bool
store_delete_token(Store *store, const char *token_hash, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE_TOKEN, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, token_hash);
    return rows_change(statement, "token", "that was given", error);
}
