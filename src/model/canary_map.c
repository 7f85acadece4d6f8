/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/canary_map.h"

struct CanaryMap {
    GHashTable *canaries; /* dest_host (its own) -> Canary */
    CanaryPlace *places;
    uint64_t stamp; /* of the index that these are places of; 0: of none */
};

CanaryMap *
canary_map_new(void)
{
    CanaryMap *map = g_new0(CanaryMap, 1);
    map->canaries =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)canary_free);
    return map;
}

void
canary_map_free(CanaryMap *map)
{
    if (map != NULL) {
        g_hash_table_unref(map->canaries);
        g_free(map->places);
        g_free(map);
    }
}

void
canary_map_put(CanaryMap *map, Canary *take_canary)
{
    g_hash_table_replace(map->canaries, take_canary->dest_host, take_canary);
    map->stamp = 0;
}

const Canary *
canary_map_find(const CanaryMap *map, const char *dest_host)
{
    return g_hash_table_lookup(map->canaries, dest_host);
}

const CanaryPlace *
canary_map_places(CanaryMap *map, const HostIndex *hosts)
{
    if (map->stamp == host_index_stamp(hosts)) {
        return map->places;
    }
    g_free(map->places);
    map->places = g_new0(CanaryPlace, host_index_size(hosts));
    map->stamp = host_index_stamp(hosts);
    GHashTableIter iter;
    void *name = NULL;
    void *value = NULL;
    g_hash_table_iter_init(&iter, map->canaries);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        const Canary *canary = value;
        HostEntry *entry = host_index_find(hosts, name);
        if (entry != NULL) {
            map->places[host_index_place(hosts, entry)] = (CanaryPlace){canary,
                canary_verdict(canary), canary->pool, canary_post_copy_verdict(canary)};
        }
    }
    return map->places;
}
