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

bool
neighbour_is_named(const char *ids, const char *id)
{
    size_t length = strlen(id);

    for (const char *at = ids; at != NULL && *at != '\0'; at += strcspn(at, ",")) {
        at += *at == ',';
        if (strncmp(at, id, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

bool
neighbours_matter(const Instance *instance)
{
    return instance->group_id != NULL || instance->same_host != NULL ||
        instance->different_host != NULL;
}

/* What one is to the instance that is being placed. */
typedef struct Relation {
    bool is_in_its_group;
    bool is_beside; /* it is to be beside it */
    bool is_apart;  /* it is to be apart from it */
} Relation;

static Relation
relation_of(const Neighbour *other, const Instance *instance)
{
    if (strcmp(other->instance_id, instance->id) == 0) {
        return (Relation){0};
    }
    return (Relation){
        .is_in_its_group =
            instance->group_id != NULL && g_strcmp0(other->group_id, instance->group_id) == 0,
        .is_beside = neighbour_is_named(instance->same_host, other->instance_id),
        .is_apart = neighbour_is_named(instance->different_host, other->instance_id),
    };
}

/* Id -> on how many hosts. */
static GHashTable *
count_hosts(const GPtrArray *neighbours)
{
    GHashTable *n_hosts = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *other = neighbours->pdata[i];
        int n = GPOINTER_TO_INT(g_hash_table_lookup(n_hosts, other->instance_id));
        g_hash_table_insert(n_hosts, other->instance_id, GINT_TO_POINTER(n + 1));
    }
    return n_hosts;
}

/* How many there are anywhere of its group, and of those that it is to be beside. */
static void
count_all(const GPtrArray *neighbours, const Instance *instance, int *ret_group, int *ret_beside)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    *ret_group = 0;
    *ret_beside = 0;
    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *other = neighbours->pdata[i];
        if (g_hash_table_add(seen, other->instance_id)) {
            Relation relation = relation_of(other, instance);
            *ret_group += relation.is_in_its_group;
            *ret_beside += relation.is_beside;
        }
    }
}

static int
count_of(GHashTable *n_hosts, const Neighbour *other)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(n_hosts, other->instance_id));
}

/* It is the first of its server group that a drain moves: all the others are to leave their host as
 * well, and have not begun to. They follow it to where it goes. */
static bool
leads_its_group(const GPtrArray *neighbours, const Instance *instance, GHashTable *n_hosts)
{
    bool is_sent = false;
    bool is_any = false;

    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *other = neighbours->pdata[i];
        if (strcmp(other->instance_id, instance->id) == 0) {
            is_sent = is_sent || other->plan == NEIGHBOUR_GOES;
        } else if (relation_of(other, instance).is_in_its_group) {
            if (other->plan != NEIGHBOUR_LEAVES || count_of(n_hosts, other) != 1) {
                return false;
            }
            is_any = true;
        }
    }
    return is_sent && is_any;
}

/* Every host is told how many there are in all, so that a decision need not count them. */
static void
begin_counting(HostIndex *hosts, int group_size, int beside_size)
{
    for (unsigned i = 0; i < host_index_size(hosts); i++) {
        HostUsage *usage = &host_index_at(hosts, i)->usage;
        usage->group_members = 0;
        usage->group_settled = 0;
        usage->group_size = group_size;
        usage->beside_here = 0;
        usage->beside_size = beside_size;
        usage->apart_here = 0;
    }
}

void
neighbours_tell(const GPtrArray *neighbours, const Instance *instance, HostIndex *hosts)
{
    g_autoptr(GHashTable) n_hosts = count_hosts(neighbours);
    int group_size = 0;
    int beside_size = 0;

    count_all(neighbours, instance, &group_size, &beside_size);
    /* A group that follows it binds it nowhere. */
    if (instance->group_policy == SERVER_GROUP_AFFINITY &&
        leads_its_group(neighbours, instance, n_hosts)) {
        group_size = 0;
    }
    begin_counting(hosts, group_size, beside_size);
    for (unsigned i = 0; i < neighbours->len; i++) {
        const Neighbour *other = neighbours->pdata[i];
        HostEntry *entry = host_index_find(hosts, other->host);
        if (entry == NULL) {
            continue;
        }
        Relation relation = relation_of(other, instance);
        bool is_settled = count_of(n_hosts, other) == 1;
        bool is_to_stay = is_settled && other->plan == NEIGHBOUR_STAYS;
        entry->usage.group_members += relation.is_in_its_group;
        entry->usage.group_settled += relation.is_in_its_group && is_to_stay;
        entry->usage.beside_here += relation.is_beside && is_settled;
        entry->usage.apart_here += relation.is_apart;
    }
}

void
neighbours_lose(GPtrArray *neighbours, const char *host)
{
    for (unsigned i = neighbours->len; i > 0; i--) {
        Neighbour *neighbour = neighbours->pdata[i - 1];
        neighbour->plan = NEIGHBOUR_STAYS;
        if (strcmp(neighbour->host, host) == 0) {
            g_ptr_array_remove_index_fast(neighbours, i - 1);
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
