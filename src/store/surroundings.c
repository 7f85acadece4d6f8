/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/store.h"

static bool
add_canaries(Store *store, const char *source_host, Surroundings *around, GError **error)
{
    if (source_host == NULL || g_hash_table_contains(around->canaries, source_host)) {
        return true;
    }
    GHashTable *map = store_map_canaries(store, source_host, error);
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
