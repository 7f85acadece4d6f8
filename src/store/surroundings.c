/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/db.h"
#include "store/store.h"

#define SELECT_ARRIVALS                                                                            \
    "SELECT o.instance_id, COALESCE(m.dest_host, o.requested_host), m.dest_host IS NOT NULL,"      \
    " (SELECT COUNT(*) FROM claims c WHERE c.operation_id = o.id AND c.host = o.requested_host)"   \
    " FROM operations o JOIN migrations m ON "
/* Of one that has not chosen its host nobody knows where it will be. A cold move is over when it is
 * confirmed. */
#define SQL_LIST_ARRIVALS                                                                          \
    SELECT_ARRIVALS "m.operation_id = o.id JOIN instances n ON n.id = o.instance_id"               \
    " WHERE o.is_open = 1 AND CASE WHEN m.dest_host IS NULL THEN o.requested_host IS NOT NULL"     \
    " ELSE n.group_id IS NOT NULL END"                                                             \
    " UNION ALL " SELECT_ARRIVALS "m.end_operation_id = o.id JOIN instances n"                     \
    " ON n.id = o.instance_id WHERE o.is_open = 1 AND o.kind = 'confirmResize'"                   \
    " AND n.group_id IS NOT NULL"

static bool
add_canaries(Store *store, const char *source_host, Surroundings *around, GError **error)
{
    if (source_host == NULL || g_hash_table_contains(around->canaries, source_host)) {
        return true;
    }
    CanaryMap *map = store_map_canaries(store, source_host, error);
    return map != NULL && g_hash_table_insert(around->canaries, g_strdup(source_host), map);
}

static bool
add_volumes(Store *store, const Instance *instance, Surroundings *around, GError **error)
{
    GPtrArray *volumes =
        store_list_volumes(store, &(VolumeFilter){.instance_id = instance->id}, error);

    if (volumes == NULL) {
        return false;
    }
    g_hash_table_insert(around->volumes, g_strdup(instance->id), volumes);
    return true;
}

static bool
add_platform(Store *store, const Instance *instance, Surroundings *around, GError **error)
{
    g_autofree char *platform = NULL;

    if (!store_find_guest_platform(store, instance->id, &platform, error)) {
        return false;
    }
    if (platform == NULL) {
        return true;
    }
    if (!g_hash_table_contains(around->platform_answers, platform)) {
        GHashTable *answers = store_map_platform_answers(store, platform, error);
        if (answers == NULL) {
            return false;
        }
        g_hash_table_insert(around->platform_answers, g_strdup(platform), answers);
    }
    g_hash_table_insert(
        around->guest_platforms, g_strdup(instance->id), g_steal_pointer(&platform));
    return true;
}

bool
store_add_surroundings(
    Store *store, const Instance *instance, Surroundings *around, GError **error)
{
    return store_add_neighbours(store, instance, around->neighbours, error) &&
        add_canaries(store, instance->host, around, error) &&
        add_volumes(store, instance, around, error) && add_platform(store, instance, around, error);
}

bool
store_add_arrivals(Store *store, Surroundings *around, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_ARRIVALS, error);

    while (statement != NULL) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            return true;
        }
        Instance *instance = store_get_instance(store, db_text(statement, 0), error);
        if (instance == NULL) {
            return false;
        }
        Arrival *arrival = arrival_new(instance, db_text(statement, 1));
        arrival->has_slot = db_int(statement, 2) != 0;
        arrival->is_claimed = arrival->has_slot || db_int(statement, 3) > 0;
        g_ptr_array_add(around->arrivals, arrival);
    }
    return false;
}
