/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Aggregates that are pools (model/pool.h has the rules): hosts join by rows and are then proven by
 * the engine, so that both the request and the proof outlive the daemon. */
#include "model/pool.h"
#include "store/aggregates.h"

#include <string.h>

#define SQL_POOLS_OF_HOST                                                                          \
    "SELECT h.aggregate_id FROM aggregate_hosts h JOIN aggregate_metadata m"                       \
    " ON m.aggregate_id = h.aggregate_id AND m.key = '" POOL_KEY_FLAG "'"                          \
    " WHERE h.host = $1"
#define SQL_MEMBERS                                                                                \
    "SELECT h.name, h.pool, h.facts_pool_id"                                                       \
    " FROM aggregate_hosts a JOIN hosts h ON h.name = a.host"                                      \
    " WHERE a.aggregate_id = $1"

/* Takes the reason. */
static bool
refused(char *take_reason, GError **error)
{
    g_autofree char *reason = take_reason;

    return reason != NULL && !error_set(error, ERROR_INVALID, "%s", reason);
}

bool
pools_check_change(
    Store *store, const Aggregate *now, const GPtrArray *changes, GError **error)
{
    g_autoptr(GPtrArray) more =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);

    return changes == NULL ||
        (!refused(pool_refuse_change(now, changes, more), error) &&
            aggregates_set_properties(store, now->id, more, error));
}

bool
pools_check_join(Store *store, const Aggregate *aggregate, const char *name, GError **error)
{
    const char *master_name = pool_master(aggregate);
    g_autoptr(Host) host = NULL;
    g_autoptr(Host) master = NULL;
    HostUsage usage = {0};

    if (!pool_is(aggregate)) {
        return true;
    }
    if (!store_find_host(store, name, &host, error) ||
        (master_name != NULL && !store_find_host(store, master_name, &master, error))) {
        return false;
    }
    if (host == NULL) {
        return true; /* which is told by who adds it */
    }
    if (!store_get_host_usage(store, name, &usage, error)) {
        return false;
    }
    const char *in_pool = host->aggregates != NULL ? host->aggregates->pool : NULL;
    g_autoptr(GPtrArray) said = pool_on_join(name);
    return !refused(pool_refuse_join(aggregate, host, &usage, master, in_pool), error) &&
        aggregates_set_properties(store, aggregate->id, said, error);
}

bool
pools_check_leave(Store *store, const Aggregate *aggregate, const char *name, GError **error)
{
    HostUsage usage = {0};

    if (!pool_is(aggregate) || !aggregate_has_host(aggregate, name)) {
        return true;
    }
    g_autoptr(GPtrArray) said = pool_on_leave(aggregate, name);
    return store_get_host_usage(store, name, &usage, error) &&
        !refused(pool_refuse_leave(aggregate, name, &usage), error) &&
        aggregates_set_properties(store, aggregate->id, said, error);
}

bool
pools_check_removal(Store *store, const char *name, GError **error)
{
    g_autoptr(GPtrArray) aggregates = store_list_aggregates(store, error);

    for (unsigned i = 0; aggregates != NULL && i < aggregates->len; i++) {
        const Aggregate *aggregate = aggregates->pdata[i];
        if (aggregate_has_host(aggregate, name) &&
            !pools_check_leave(store, aggregate, name, error)) {
            return false;
        }
    }
    return aggregates != NULL;
}

/* Still the host that was looked at. */
static bool
is_current(const Aggregate *pool, const char *host)
{
    return pool_is(pool) && pool_state(pool) == POOL_CHANGING &&
        g_strcmp0(pool_joining(pool), host) == 0;
}

bool
store_settle_pool(
    Store *store, int64_t id, const char *host_name, const char *reason, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(GError) problem = NULL;
    g_autoptr(Aggregate) pool =
        transaction == NULL ? NULL : store_get_aggregate(store, id, &problem);

    if (problem != NULL && !error_is(problem, ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (transaction == NULL || pool == NULL || !is_current(pool, host_name)) {
        return transaction != NULL;
    }
    g_autoptr(Host) host = store_get_host(store, host_name, error);
    if (host == NULL) {
        return false;
    }
    g_autoptr(GPtrArray) said = pool_on_settled(pool, host, reason);
    return aggregates_set_properties(store, id, said, error) && db_commit(transaction, error);
}

/* The hosts of a pool, with what pool_on_looked() wants of each: a pool is looked at whenever one
 * of its hosts is, so that whole hosts, with their aggregates, would be read far too often. */
static GPtrArray *
list_members(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_MEMBERS, error);
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    bool row = false;

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, id);
    while (db_step(statement, &row, error)) {
        if (!row) {
            return g_steal_pointer(&hosts);
        }
        Host *host = g_new0(Host, 1);
        host->name = db_dup_text(statement, 0);
        host->pool = db_dup_text(statement, 1);
        host->facts.pool_id = db_dup_text(statement, 2);
        host->has_facts = true;
        g_ptr_array_add(hosts, host);
    }
    return NULL;
}

/* What is to be said of it now; NULL when the store failed. */
static GPtrArray *
look_at_pool(Store *store, int64_t id, GError **error)
{
    g_autoptr(Aggregate) pool = store_get_aggregate(store, id, error);
    if (pool == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) members = list_members(store, id, error);
    if (members == NULL) {
        return NULL;
    }
    return pool_is(pool) ? pool_on_looked(pool, members) : g_ptr_array_new();
}

/* In a transaction, for somebody may join at this moment. */
static bool
say_again(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(GPtrArray) said = transaction != NULL ? look_at_pool(store, id, error) : NULL;

    return said != NULL &&
        (said->len == 0 || aggregates_set_properties(store, id, said, error)) &&
        db_commit(transaction, error);
}

static GArray *
list_pools_of(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_POOLS_OF_HOST, error);
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    bool row = false;

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, host);
    while (db_step(statement, &row, error)) {
        if (!row) {
            return g_steal_pointer(&ids);
        }
        int64_t id = db_int(statement, 0);
        g_array_append_val(ids, id);
    }
    return NULL;
}

bool
store_look_at_pools(Store *store, const char *host, GError **error)
{
    g_autoptr(GArray) ids = list_pools_of(store, host, error);

    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        int64_t id = g_array_index(ids, int64_t, i);
        g_autoptr(GPtrArray) said = look_at_pool(store, id, error);
        if (said == NULL || (said->len > 0 && !say_again(store, id, error))) {
            return false;
        }
    }
    return ids != NULL;
}
