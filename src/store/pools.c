/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Aggregates that are pools (model/pool.h has the rules): hosts join by rows and are then proven by
 * the engine, so that both the request and the proof outlive the daemon. */
#include "model/pool.h"
#include "store/aggregates.h"

#include <string.h>

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

static bool
look_at_pool(Store *store, const Aggregate *pool, const GPtrArray *hosts, GError **error)
{
    g_autoptr(GPtrArray) said = pool_on_looked(pool, hosts);

    return said->len == 0 || aggregates_set_properties(store, pool->id, said, error);
}

/* The hosts of a pool, those that are known. */
static GPtrArray *
list_members(Store *store, const Aggregate *pool, GError **error)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);

    for (unsigned i = 0; i < pool->hosts->len; i++) {
        Host *host = NULL;
        if (!store_find_host(store, pool->hosts->pdata[i], &host, error)) {
            return NULL;
        }
        if (host != NULL) {
            g_ptr_array_add(hosts, host);
        }
    }
    return g_steal_pointer(&hosts);
}

/* In a transaction, for somebody may join at this moment. */
static bool
look_again(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Aggregate) pool =
        transaction != NULL ? store_get_aggregate(store, id, error) : NULL;
    g_autoptr(GPtrArray) members = pool != NULL ? list_members(store, pool, error) : NULL;

    return members != NULL && look_at_pool(store, pool, members, error) &&
        db_commit(transaction, error);
}

bool
store_look_at_pools(Store *store, const char *host, GError **error)
{
    g_autoptr(GPtrArray) aggregates = store_list_aggregates(store, error);

    for (unsigned i = 0; aggregates != NULL && i < aggregates->len; i++) {
        const Aggregate *pool = aggregates->pdata[i];
        if (pool_is(pool) && aggregate_has_host(pool, host) &&
            !look_again(store, pool->id, error)) {
            return false;
        }
    }
    return aggregates != NULL;
}
