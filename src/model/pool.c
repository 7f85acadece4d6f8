/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/pool.h"

#include <string.h>

static const char *const state_names[] = {
#define X(name, text) [POOL_##name] = text,
    POOL_STATES(X)
#undef X
};

const char *
pool_state_name(PoolState state)
{
    return state_names[state];
}

static bool
is_true(const char *value)
{
    return value != NULL && g_ascii_strcasecmp(value, "true") == 0;
}

bool
pool_is(const Aggregate *aggregate)
{
    return is_true(aggregate_get(aggregate, POOL_KEY_FLAG));
}

PoolState
pool_state(const Aggregate *pool)
{
    const char *text = aggregate_get(pool, POOL_KEY_STATE);
    for (size_t i = 0; i < G_N_ELEMENTS(state_names); i++) {
        if (g_strcmp0(text, state_names[i]) == 0) {
            return (PoolState)i;
        }
    }
    return POOL_CREATED;
}

const char *
pool_joining(const Aggregate *pool)
{
    return aggregate_get(pool, POOL_KEY_JOINING);
}

const char *
pool_master(const Aggregate *pool)
{
    return aggregate_get(pool, POOL_KEY_MASTER);
}

bool
pool_may_copy(const Aggregate *pool)
{
    return is_true(aggregate_get(pool, POOL_KEY_BLOCK_MIGRATION));
}

bool
pool_is_host_joining(const Host *host)
{
    return host->aggregates != NULL && host->aggregates->pool != NULL &&
        g_strcmp0(host->aggregates->pool_joining, host->name) == 0;
}

const char *
pool_of_host(const Host *host)
{
    return host->aggregates == NULL || pool_is_host_joining(host) ? NULL : host->aggregates->pool;
}

/* ---- what users say ---- */

static const AggregateProperty *
find_change(const GPtrArray *changes, const char *key)
{
    for (unsigned i = 0; i < changes->len; i++) {
        const AggregateProperty *change = changes->pdata[i];
        if (strcmp(change->key, key) == 0) {
            return change;
        }
    }
    return NULL;
}

static char *
refuse_value(const AggregateProperty *change)
{
    bool is_switch = strcmp(change->key, POOL_KEY_FLAG) == 0 ||
        strcmp(change->key, POOL_KEY_BLOCK_MIGRATION) == 0;
    bool is_fine = change->value == NULL || is_true(change->value) ||
        g_ascii_strcasecmp(change->value, "false") == 0;
    return is_switch && !is_fine
        ? g_strdup_printf("%s is true or false, not '%s'", change->key, change->value)
        : NULL;
}

/* Said again as it is, nothing happens: the guides that people follow say operational_state. */
static char *
refuse_of_drover(const Aggregate *now, const AggregateProperty *change)
{
    static const char *const keys[] = {
        POOL_KEY_STATE, POOL_KEY_MASTER, POOL_KEY_JOINING, POOL_KEY_ERROR};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *have = pool_is(now) ? aggregate_get(now, keys[i])
            : i == 0                    ? pool_state_name(POOL_CREATED)
                                        : NULL;
        if (strcmp(change->key, keys[i]) == 0 && g_strcmp0(change->value, have) != 0) {
            return g_strdup_printf("%s of a pool is written by drover, as its hosts join and leave",
                change->key);
        }
    }
    return NULL;
}

/* What it said before it is a pool was anybody's word then. */
static char *
refuse_said_before(const Aggregate *now, const GPtrArray *changes)
{
    char *reason = NULL;

    for (unsigned i = 0; reason == NULL && i < now->metadata->len; i++) {
        const AggregateProperty *said = now->metadata->pdata[i];
        reason = find_change(changes, said->key) == NULL ? refuse_value(said) : NULL;
    }
    return reason;
}

static char *
refuse_in_pool(const Aggregate *now, const AggregateProperty *change)
{
    if (strcmp(change->key, POOL_KEY_STORAGE) == 0 && now->hosts->len > 0) {
        return g_strdup(
            POOL_KEY_STORAGE " is that of the pool's hosts: it can be set before the first");
    }
    char *reason = refuse_value(change);
    return reason != NULL ? reason : refuse_of_drover(now, change);
}

/* What a pool that begins, or ends, says of itself. */
static void
tell_of_new(bool is_pool, GPtrArray *more)
{
    g_ptr_array_add(more,
        aggregate_property_new(POOL_KEY_STATE, is_pool ? pool_state_name(POOL_CREATED) : NULL));
    g_ptr_array_add(more, aggregate_property_new(POOL_KEY_MASTER, NULL));
    g_ptr_array_add(more, aggregate_property_new(POOL_KEY_JOINING, NULL));
    g_ptr_array_add(more, aggregate_property_new(POOL_KEY_ERROR, NULL));
}

char *
pool_refuse_change(const Aggregate *now, const GPtrArray *changes, GPtrArray *more)
{
    const AggregateProperty *flag = find_change(changes, POOL_KEY_FLAG);
    char *reason = flag != NULL ? refuse_value(flag) : NULL;
    bool was = pool_is(now);
    bool will_be = flag != NULL ? is_true(flag->value) : was;
    if (reason == NULL && was != will_be && now->hosts->len > 0) {
        reason = g_strdup_printf("it has hosts: take them out before it %s",
            will_be ? "becomes a pool" : "is a pool no more");
    }
    for (unsigned i = 0; reason == NULL && will_be && i < changes->len; i++) {
        reason = refuse_in_pool(now, changes->pdata[i]);
    }
    if (reason == NULL && will_be && !was) {
        reason = refuse_said_before(now, changes);
    }
    if (reason == NULL && was != will_be) {
        tell_of_new(will_be, more);
    }
    return reason;
}

/* ---- hosts ---- */

static char *
count_instances(const HostUsage *usage)
{
    return g_strdup_printf("%d instance%s", usage->claims, usage->claims == 1 ? "" : "s");
}

static char *
refuse_guests(const Host *host, const HostUsage *usage)
{
    if (usage->claims == 0) {
        return NULL;
    }
    g_autofree char *count = count_instances(usage);
    return g_strdup_printf("host '%s' has %s, and a host that joins a pool has none: move them "
                           "away with 'drover host drain %s'",
        host->name, count, host->name);
}

static char *
refuse_unlike(const Host *host, const Host *master)
{
    const HostFacts *one = &host->facts;
    const HostFacts *other = &master->facts;
    bool is_alike = g_strcmp0(one->arch, other->arch) == 0 &&
        g_strcmp0(one->hypervisor_type, other->hypervisor_type) == 0;
    return is_alike || !master->has_facts
        ? NULL
        : g_strdup_printf("host '%s' has %s on %s, and the master '%s' has %s on %s", host->name,
              one->hypervisor_type, one->arch, master->name, other->hypervisor_type, other->arch);
}

char *
pool_refuse_join(const Aggregate *pool, const Host *host, const HostUsage *usage,
    const Host *master, const char *in_pool)
{
    const char *storage = aggregate_get(pool, POOL_KEY_STORAGE);
    if (pool_state(pool) == POOL_CHANGING) {
        return g_strdup_printf("host '%s' is joining the pool: add the next one when the "
                               "operational_state is active",
            pool_joining(pool));
    }
    if (pool_state(pool) == POOL_ERROR && pool_joining(pool) == NULL) {
        return g_strdup_printf("the pool is in error, mend that first: %s",
            aggregate_get(pool, POOL_KEY_ERROR));
    }
    if (pool_state(pool) == POOL_ERROR) {
        return g_strdup_printf(
            "the pool is in error, since host '%s' could not join: take that one out first",
            pool_joining(pool));
    }
    if (in_pool != NULL) {
        return g_strdup_printf(
            "host '%s' is in the pool '%s', and no host is in two", host->name, in_pool);
    }
    if (!host->connected || !host->has_facts) {
        return g_strdup_printf(
            "host '%s' is not connected, and has to be asked: see 'drover host show %s'",
            host->name, host->name);
    }
    if (storage != NULL && g_strcmp0(storage, host->pool) != 0) {
        return g_strdup_printf("the instances of host '%s' are in the storage pool '%s', and the "
                               "default_storage is '%s'",
            host->name, host->pool, storage);
    }
    if (master == NULL) {
        return NULL;
    }
    char *reason = refuse_unlike(host, master);
    return reason != NULL ? reason : refuse_guests(host, usage);
}

char *
pool_refuse_leave(const Aggregate *pool, const char *host, const HostUsage *usage)
{
    const char *joining = pool_joining(pool);
    if (g_strcmp0(joining, host) == 0) {
        return NULL;
    }
    if (pool_state(pool) == POOL_CHANGING) {
        return g_strdup_printf("host '%s' is joining the pool: take others out when the "
                               "operational_state is active",
            joining);
    }
    if (g_strcmp0(pool_master(pool), host) == 0) {
        return pool->hosts->len == 1
            ? NULL
            : g_strdup_printf("host '%s' is the master of the pool: take its other hosts out first",
                  host);
    }
    if (usage->claims == 0) {
        return NULL;
    }
    g_autofree char *count = count_instances(usage);
    return g_strdup_printf(
        "host '%s' has %s in the storage of the pool: move them away with 'drover host drain %s'",
        host, count, host);
}

/* ---- what drover says then ---- */

static GPtrArray *
properties_new(PoolState state, const char *joining, const char *error)
{
    GPtrArray *properties =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
    g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_STATE, pool_state_name(state)));
    g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_JOINING, joining));
    g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_ERROR, error));
    return properties;
}

GPtrArray *
pool_on_join(const char *host)
{
    return properties_new(POOL_CHANGING, host, NULL);
}

GPtrArray *
pool_on_leave(const Aggregate *pool, const char *host)
{
    bool is_master = g_strcmp0(pool_master(pool), host) == 0;
    bool is_joining = g_strcmp0(pool_joining(pool), host) == 0;
    /* Who has lost the storage may be the one that leaves; if not, the next look says so again. */
    bool has_lost = pool_state(pool) == POOL_ERROR && pool_joining(pool) == NULL;
    if (!is_master && !is_joining && !has_lost) {
        return g_ptr_array_new();
    }
    bool is_last = pool_master(pool) == NULL || is_master;
    GPtrArray *properties = properties_new(is_last ? POOL_CREATED : POOL_ACTIVE, NULL, NULL);
    if (is_master) {
        g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_MASTER, NULL));
        g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_STORAGE, NULL));
    }
    return properties;
}

GPtrArray *
pool_on_settled(const Aggregate *pool, const Host *host, const char *reason)
{
    if (reason != NULL) {
        return properties_new(POOL_ERROR, host->name, reason);
    }
    GPtrArray *properties = properties_new(POOL_ACTIVE, NULL, NULL);
    if (pool_master(pool) == NULL) {
        g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_MASTER, host->name));
        g_ptr_array_add(properties, aggregate_property_new(POOL_KEY_STORAGE, host->pool));
    }
    return properties;
}

/* ---- what hosts say later ---- */

static const Host *
find_host(const GPtrArray *hosts, const char *name)
{
    for (unsigned i = 0; i < hosts->len; i++) {
        if (g_strcmp0(((const Host *)hosts->pdata[i])->name, name) == 0) {
            return hosts->pdata[i];
        }
    }
    return NULL;
}

/* Known; "" and NULL are not. */
static const char *
storage_of(const Host *host)
{
    const char *id = host != NULL && host->has_facts ? host->facts.pool_id : NULL;
    return id != NULL && id[0] != '\0' ? id : NULL;
}

/* Caller frees; NULL: all that have told have it. */
static char *
tell_lost(const Aggregate *pool, const GPtrArray *hosts)
{
    const Host *master = find_host(hosts, pool_master(pool));
    const char *storage = storage_of(master);
    for (unsigned i = 0; storage != NULL && i < pool->hosts->len; i++) {
        const Host *host = find_host(hosts, pool->hosts->pdata[i]);
        const char *its = storage_of(host);
        if (its != NULL && strcmp(its, storage) != 0) {
            return g_strdup_printf("storage pool '%s' of host '%s' is not the one of the master "
                                   "'%s' any more: mount that there again, or take the host out",
                host->pool, host->name, master->name);
        }
    }
    return NULL;
}

GPtrArray *
pool_on_looked(const Aggregate *pool, const GPtrArray *hosts)
{
    PoolState state = pool_state(pool);
    bool is_settled = state == POOL_ACTIVE || (state == POOL_ERROR && pool_joining(pool) == NULL);
    g_autofree char *lost = is_settled ? tell_lost(pool, hosts) : NULL;
    if (!is_settled || g_strcmp0(lost, aggregate_get(pool, POOL_KEY_ERROR)) == 0) {
        return g_ptr_array_new();
    }
    return properties_new(lost != NULL ? POOL_ERROR : POOL_ACTIVE, NULL, lost);
}
