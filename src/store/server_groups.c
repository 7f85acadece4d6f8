/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
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
/* What a drain or restore that is under way does with it, as seen from that host (NeighbourPlan):
 * 1 it waits there to leave, 2 the move that was asked for is under way: when that has ended, and
 * nobody has looked yet, a move of anybody else's is not that. An evacuation goes first: whom a
 * dead host has lost is not kept apart by who was to come back. */
#define SELECT_PLAN                                                                                \
    "SELECT MAX(CASE WHEN t.state = 'moving' AND EXISTS (SELECT 1 FROM operations o"               \
    " WHERE o.id = t.operation_id AND o.is_open = 1) THEN 2"                                       \
    " WHEN t.state IN ('waiting', 'moving') THEN 1 ELSE 0 END)"                                    \
    " FROM drains d JOIN drain_items t ON t.drain_id = d.id WHERE d.is_open = 1"                   \
    " AND t.instance_id = i.id AND CASE d.kind WHEN 'drain' THEN c.host = d.host"                  \
    " ELSE c.host <> d.host END AND NOT EXISTS (SELECT 1 FROM operations e JOIN instances n"       \
    " ON n.id = e.instance_id WHERE e.is_open = 1 AND e.kind = 'evacuate'"                         \
    " AND n.group_id = i.group_id)"
/* Those on a dead host bind nobody: nothing of theirs runs there, and they are to be evacuated. */
#define SELECT_NEIGHBOURS                                                                          \
    "SELECT DISTINCT i.id, i.group_id, c.host, COALESCE((" SELECT_PLAN "), 0) FROM instances i"    \
    " JOIN claims c ON c.instance_id = i.id JOIN hosts h ON h.name = c.host"                       \
    " WHERE h.forced_down = 0 AND h.fenced_us = 0"
#define SQL_LIST_NEIGHBOURS SELECT_NEIGHBOURS " AND i.group_id = $1"
#define SQL_LIST_OF_ONE SELECT_NEIGHBOURS " AND i.id = $1"

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

static void *
read_neighbour(DbStatement *statement)
{
    Neighbour *neighbour =
        neighbour_new(db_text(statement, 0), db_text(statement, 1), db_text(statement, 2));

    neighbour->plan = (NeighbourPlan)db_int(statement, 3);
    return neighbour;
}

static bool
is_known(const GPtrArray *neighbours, const char *group_id, const char *instance_id)
{
    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *neighbour = neighbours->pdata[i];
        if ((group_id != NULL && g_strcmp0(neighbour->group_id, group_id) == 0) ||
            g_strcmp0(neighbour->instance_id, instance_id) == 0) {
            return true;
        }
    }
    return false;
}

static GPtrArray *
list_neighbours(Store *store, const char *sql, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_list(statement, read_neighbour, (GDestroyNotify)neighbour_free, error);
}

static bool
add_found(GPtrArray *neighbours, GPtrArray *take_found)
{
    g_autoptr(GPtrArray) found = take_found;

    while (found != NULL && found->len > 0) {
        g_ptr_array_add(neighbours, g_ptr_array_steal_index_fast(found, found->len - 1));
    }
    return found != NULL;
}

/* A group is in the list as a whole or not at all. */
static bool
add_group(Store *store, const char *group_id, GPtrArray *neighbours, GError **error)
{
    return group_id == NULL || is_known(neighbours, group_id, NULL) ||
        add_found(neighbours, list_neighbours(store, SQL_LIST_NEIGHBOURS, group_id, error));
}

static bool
add_one(Store *store, const char *id, GPtrArray *neighbours, GError **error)
{
    if (is_known(neighbours, NULL, id)) {
        return true;
    }
    g_autoptr(GPtrArray) found = list_neighbours(store, SQL_LIST_OF_ONE, id, error);
    const Neighbour *first = found != NULL && found->len > 0 ? found->pdata[0] : NULL;
    if (first != NULL && first->group_id != NULL) {
        return add_group(store, first->group_id, neighbours, error);
    }
    return add_found(neighbours, g_steal_pointer(&found));
}

static bool
add_named(Store *store, const char *ids, GPtrArray *neighbours, GError **error)
{
    g_auto(GStrv) words = g_strsplit(ids != NULL ? ids : "", ",", -1);

    for (size_t i = 0; words[i] != NULL; i++) {
        if (!add_one(store, words[i], neighbours, error)) {
            return false;
        }
    }
    return true;
}

bool
store_add_neighbours(
    Store *store, const Instance *instance, GPtrArray *neighbours, GError **error)
{
    return add_group(store, instance->group_id, neighbours, error) &&
        add_named(store, instance->same_host, neighbours, error) &&
        add_named(store, instance->different_host, neighbours, error);
}

/* The hosts may have been told of another instance before. */
bool
store_tell_neighbours(Store *store, const Instance *instance, const char *dead_host,
    HostIndex *hosts, GError **error)
{
    g_autoptr(GPtrArray) neighbours =
        g_ptr_array_new_with_free_func((GDestroyNotify)neighbour_free);

    if (!store_add_neighbours(store, instance, neighbours, error)) {
        return false;
    }
    if (dead_host != NULL) {
        neighbours_lose(neighbours, dead_host);
    }
    neighbours_tell(neighbours, instance, hosts);
    return true;
}
