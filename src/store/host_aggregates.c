/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What the aggregates that a host is in say of it: read with the host, for one or for all. */
#include "store/aggregates.h"

#define SQL_LIST_OF_HOST "SELECT aggregate_id FROM aggregate_hosts WHERE host = $1"

static void
tell(Store *store, Host *host, HostAggregates *take_aggregates)
{
    const char *zone = take_aggregates != NULL ? take_aggregates->zone : NULL;

    g_free(host->zone);
    host->zone = g_strdup(zone != NULL ? zone : db_default_zone(store));
    host->aggregates = take_aggregates;
}

static bool
list_of_host(Store *store, const char *host, GArray *ids, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_OF_HOST, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            return true;
        }
        int64_t id = db_int(statement, 0);
        g_array_append_val(ids, id);
    }
}

bool
aggregates_tell_host(Store *store, Host *host, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GPtrArray) mine = g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_free);

    if (!list_of_host(store, host->name, ids, error)) {
        return false;
    }
    for (unsigned i = 0; i < ids->len; i++) {
        Aggregate *aggregate = store_get_aggregate(store, g_array_index(ids, int64_t, i), error);
        if (aggregate == NULL) {
            return false;
        }
        g_ptr_array_add(mine, aggregate);
    }
    tell(store, host, mine->len > 0 ? host_aggregates_new(mine) : NULL);
    return true;
}

/* Name of a host -> GPtrArray of the const Aggregate * that it is in. */
static GHashTable *
index_by_host(const GPtrArray *aggregates)
{
    GHashTable *by_host =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);

    for (unsigned i = 0; i < aggregates->len; i++) {
        Aggregate *aggregate = aggregates->pdata[i];
        for (unsigned j = 0; j < aggregate->hosts->len; j++) {
            GPtrArray *mine = g_hash_table_lookup(by_host, aggregate->hosts->pdata[j]);
            if (mine == NULL) {
                mine = g_ptr_array_new();
                g_hash_table_insert(by_host, aggregate->hosts->pdata[j], mine);
            }
            g_ptr_array_add(mine, aggregate);
        }
    }
    return by_host;
}

/* Hosts that are in the same aggregates share what these say. known: their ids as text -> it. */
static HostAggregates *
share(GHashTable *known, const GPtrArray *mine)
{
    g_autoptr(GString) key = g_string_new(NULL);

    for (unsigned i = 0; i < mine->len; i++) {
        g_string_append_printf(
            key, "%" G_GINT64_FORMAT ",", ((const Aggregate *)mine->pdata[i])->id);
    }
    HostAggregates *found = g_hash_table_lookup(known, key->str);
    if (found == NULL) {
        found = host_aggregates_new(mine);
        g_hash_table_insert(known, g_strdup(key->str), found);
    }
    return host_aggregates_ref(found);
}

bool
aggregates_tell_hosts(Store *store, GPtrArray *hosts, GError **error)
{
    g_autoptr(GPtrArray) aggregates = store_list_aggregates(store, error);

    if (aggregates == NULL) {
        return false;
    }
    g_autoptr(GHashTable) by_host = index_by_host(aggregates);
    g_autoptr(GHashTable) known = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)host_aggregates_unref);
    for (unsigned i = 0; i < hosts->len; i++) {
        Host *host = hosts->pdata[i];
        const GPtrArray *mine = g_hash_table_lookup(by_host, host->name);
        tell(store, host, mine != NULL ? share(known, mine) : NULL);
    }
    return true;
}
