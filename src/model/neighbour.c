/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/neighbour.h"

#include <string.h>

Neighbour *
neighbour_new(const char *instance_id, const char *group_id, const char *host)
{
    Neighbour *neighbour = g_new0(Neighbour, 1);

    neighbour->instance_id = g_strdup(instance_id);
    neighbour->group_id = g_strdup(group_id);
    neighbour->host = g_strdup(host);
    return neighbour;
}

void
neighbour_free(Neighbour *neighbour)
{
    if (neighbour == NULL) {
        return;
    }
    g_free(neighbour->instance_id);
    g_free(neighbour->group_id);
    g_free(neighbour->host);
    g_free(neighbour);
}

static bool
is_in_its_group(const Neighbour *neighbour, const Instance *instance)
{
    return instance->group_id != NULL && g_strcmp0(neighbour->group_id, instance->group_id) == 0 &&
        strcmp(neighbour->instance_id, instance->id) != 0;
}

/* Id -> on how many hosts, of the others of its group. */
static GHashTable *
count_hosts(const GPtrArray *neighbours, const Instance *instance)
{
    GHashTable *n_hosts = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *other = neighbours->pdata[i];
        if (is_in_its_group(other, instance)) {
            int n = GPOINTER_TO_INT(g_hash_table_lookup(n_hosts, other->instance_id));
            g_hash_table_insert(n_hosts, other->instance_id, GINT_TO_POINTER(n + 1));
        }
    }
    return n_hosts;
}

/* Every host is told how many there are in all, so that a decision need not count them. */
static void
begin_counting(HostIndex *hosts, int group_size)
{
    for (unsigned i = 0; i < host_index_size(hosts); i++) {
        HostUsage *usage = &host_index_at(hosts, i)->usage;
        usage->group_members = 0;
        usage->group_settled = 0;
        usage->group_size = group_size;
    }
}

void
neighbours_tell(const GPtrArray *neighbours, const Instance *instance, HostIndex *hosts)
{
    g_autoptr(GHashTable) n_hosts = count_hosts(neighbours, instance);

    begin_counting(hosts, (int)g_hash_table_size(n_hosts));
    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *other = neighbours->pdata[i];
        HostEntry *entry = host_index_find(hosts, other->host);
        if (entry != NULL && is_in_its_group(other, instance)) {
            entry->usage.group_members++;
            entry->usage.group_settled +=
                GPOINTER_TO_INT(g_hash_table_lookup(n_hosts, other->instance_id)) == 1;
        }
    }
}

void
neighbours_move(GPtrArray *neighbours, const Instance *instance, const char *host)
{
    for (unsigned i = neighbours->len; i > 0; i--) {
        const Neighbour *neighbour = neighbours->pdata[i - 1];
        if (strcmp(neighbour->instance_id, instance->id) == 0) {
            g_ptr_array_remove_index_fast(neighbours, i - 1);
        }
    }
    g_ptr_array_add(neighbours, neighbour_new(instance->id, instance->group_id, host));
}
