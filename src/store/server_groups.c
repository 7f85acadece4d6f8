/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/server_groups.h"

#include "store/rows.h"

#define COLUMNS "id, name, project_id, user_id, policy, max_server_per_host, created_us"
#define SQL_INSERT                                                                                 \
    "INSERT INTO server_groups (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)"
#define SQL_GET "SELECT " COLUMNS " FROM server_groups WHERE id = $1"
#define SQL_LIST                                                                                   \
    "SELECT " COLUMNS " FROM server_groups WHERE CAST($1 AS TEXT) IS NULL OR project_id = $1"      \
    " ORDER BY created_us, id"
#define SQL_DELETE "DELETE FROM server_groups WHERE id = $1"
#define SQL_LIST_MEMBERS                                                                           \
    "SELECT id FROM instances WHERE group_id = $1 AND terminated_us = 0 ORDER BY number"
#define SQL_COUNT_CLAIMS                                                                           \
    "SELECT c.host, COUNT(DISTINCT c.instance_id) FROM instances i JOIN claims c"                  \
    " ON c.instance_id = i.id WHERE i.group_id = $1 AND i.id <> $2 GROUP BY c.host"

static void *
read_group(DbStatement *statement)
{
    ServerGroup *group = server_group_new();

    group->id = db_dup_text(statement, 0);
    group->name = db_dup_text(statement, 1);
    group->project_id = db_dup_text(statement, 2);
    group->user_id = db_dup_text(statement, 3);
    bool is_known = server_group_policy_parse(db_text(statement, 4), &group->policy);
    g_assert(is_known);
    group->max_server_per_host = (int)db_int(statement, 5);
    group->created_us = db_int(statement, 6);
    return group;
}

static void *
read_id(DbStatement *statement)
{
    return db_dup_text(statement, 0);
}

static bool
load_members(Store *store, ServerGroup *group, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_MEMBERS, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, group->id);
    g_autoptr(GPtrArray) members = rows_list(statement, read_id, g_free, error);
    if (members == NULL) {
        return false;
    }
    g_ptr_array_unref(group->members);
    group->members = g_steal_pointer(&members);
    return true;
}

bool
store_insert_server_group(Store *store, ServerGroup *group, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    group->id = clock_new_uuid(db_clock(store));
    group->created_us = db_now_us(store);
    db_bind_text(statement, 1, group->id);
    db_bind_text(statement, 2, group->name);
    db_bind_text(statement, 3, group->project_id);
    db_bind_text(statement, 4, group->user_id);
    db_bind_text(statement, 5, server_group_policy_name(group->policy));
    db_bind_int(statement, 6, group->max_server_per_host);
    db_bind_int(statement, 7, group->created_us);
    return db_run(statement, NULL, error);
}

bool
store_find_server_group(Store *store, const char *id, ServerGroup **ret_group, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);
    void *record = NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    if (!rows_find(statement, read_group, &record, error)) {
        return false;
    }
    g_autoptr(ServerGroup) group = record;
    if (group != NULL && !load_members(store, group, error)) {
        return false;
    }
    *ret_group = g_steal_pointer(&group);
    return true;
}

GPtrArray *
store_list_server_groups(Store *store, const char *project_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, project_id);
    g_autoptr(GPtrArray) groups =
        rows_list(statement, read_group, (GDestroyNotify)server_group_free, error);
    for (unsigned i = 0; groups != NULL && i < groups->len; i++) {
        if (!load_members(store, groups->pdata[i], error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&groups);
}

bool
store_delete_server_group(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return rows_change(statement, "server group", id, error);
}

/* ---- where the others are ---- */

/* Name of a host -> how many of the group are on it, the instance itself not counted; NULL: the
 * query failed. *ret_size: on all of them. */
static GHashTable *
count_others(Store *store, const Instance *instance, int *ret_size, GError **error)
{
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_COUNT_CLAIMS, error);
    bool row = false;

    if (statement == NULL) {
        return NULL;
    }
    *ret_size = 0;
    db_bind_text(statement, 1, instance->group_id);
    db_bind_text(statement, 2, instance->id);
    while (db_step(statement, &row, error)) {
        if (!row) {
            return g_steal_pointer(&counts);
        }
        int n_here = (int)db_int(statement, 1);
        *ret_size += n_here;
        g_hash_table_insert(counts, db_dup_text(statement, 0), GINT_TO_POINTER(n_here));
    }
    return NULL;
}

/* Every host is told how many there are in all, so that a decision need not count them. */
static void
tell(HostUsage *usage, GHashTable *counts, const char *host, int size)
{
    usage->group_members =
        counts != NULL ? GPOINTER_TO_INT(g_hash_table_lookup(counts, host)) : 0;
    usage->group_size = size;
}

bool
store_tell_group_usage(
    Store *store, const Instance *instance, GHashTable *usage, GError **error)
{
    int size = 0;

    if (instance->group_id == NULL) {
        return true;
    }
    g_autoptr(GHashTable) counts = count_others(store, instance, &size, error);
    GHashTableIter iterator;
    gpointer name = NULL;
    gpointer entry = NULL;
    g_hash_table_iter_init(&iterator, usage);
    while (counts != NULL && g_hash_table_iter_next(&iterator, &name, &entry)) {
        tell(entry, counts, name, size);
    }
    return counts != NULL;
}

bool
groups_tell_index(Store *store, const Instance *instance, HostIndex *hosts, GError **error)
{
    int size = 0;
    g_autoptr(GHashTable) counts =
        instance->group_id != NULL ? count_others(store, instance, &size, error) : NULL;

    if (instance->group_id != NULL && counts == NULL) {
        return false;
    }
    for (unsigned i = 0; i < host_index_size(hosts); i++) {
        HostEntry *entry = host_index_at(hosts, i);
        tell(&entry->usage, counts, entry->host->name, size);
    }
    return true;
}
