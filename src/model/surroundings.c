/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/surroundings.h"

#include "model/canary_map.h"
#include "model/neighbour.h"

Arrival *
arrival_new(Instance *take_instance, const char *host)
{
    Arrival *arrival = g_new0(Arrival, 1);

    arrival->instance = take_instance;
    arrival->host = g_strdup(host);
    return arrival;
}

void
arrival_free(Arrival *arrival)
{
    if (arrival != NULL) {
        instance_free(arrival->instance);
        g_free(arrival->host);
        g_free(arrival);
    }
}

Surroundings *
surroundings_new(void)
{
    Surroundings *around = g_new0(Surroundings, 1);

    around->neighbours = g_ptr_array_new_with_free_func((GDestroyNotify)neighbour_free);
    around->canaries = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)canary_map_free);
    around->post_copies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    around->volumes = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    around->guest_platforms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    around->platform_answers = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    around->arrivals = g_ptr_array_new_with_free_func((GDestroyNotify)arrival_free);
    return around;
}

void
surroundings_free(Surroundings *around)
{
    if (around == NULL) {
        return;
    }
    g_ptr_array_unref(around->neighbours);
    g_hash_table_unref(around->canaries);
    g_hash_table_unref(around->post_copies);
    g_hash_table_unref(around->volumes);
    g_hash_table_unref(around->guest_platforms);
    g_hash_table_unref(around->platform_answers);
    g_ptr_array_unref(around->arrivals);
    g_free(around);
}

void
surroundings_ask_post_copy(
    Surroundings *around, bool (*is_permitted)(const char *host, void *data), void *data)
{
    GHashTableIter iter;
    void *host = NULL;
    g_hash_table_iter_init(&iter, around->canaries);
    while (g_hash_table_iter_next(&iter, &host, NULL)) {
        if (is_permitted(host, data)) {
            g_hash_table_add(around->post_copies, g_strdup(host));
        }
    }
}
