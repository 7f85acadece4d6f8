/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Hosts that join pools: the request is a row of the store, and here it is proven that the host has
 * no guests and shares the master's storage. Everything is asked anew after a restart: nothing was
 * changed on a host. */
#include "engine/internal.h"
#include "model/pool.h"
#include "model/throwaway.h"

struct Pools {
    GHashTable *joining; /* &id of those whose hosts are being asked; the Join owns the key */
    bool is_wanted;      /* the store may have some that are changing */
};

typedef struct Join {
    Engine *engine;
    int64_t id; /* of the aggregate */
    char *host;
    char *storage; /* of that host */
    char *master;  /* NULL: it becomes that */
    HypervisorHost *session;
    HypervisorHost *master_session;
    char *token;  /* of the marker */
    char *reason; /* why it may not join; NULL: it may */
    GError *error;
} Join;

static void
join_free(void *data)
{
    Join *join = data;

    g_clear_pointer(&join->session, hypervisor_host_unref);
    g_clear_pointer(&join->master_session, hypervisor_host_unref);
    g_clear_error(&join->error);
    g_free(join->host);
    g_free(join->storage);
    g_free(join->master);
    g_free(join->token);
    g_free(join->reason);
    g_free(join);
}

void
pools_init(Engine *engine)
{
    engine->pools = g_new0(struct Pools, 1);
    engine->pools->joining = g_hash_table_new(g_int64_hash, g_int64_equal);
    engine->pools->is_wanted = true; /* by an earlier daemon */
}

void
pools_clear(Engine *engine)
{
    g_hash_table_unref(engine->pools->joining);
    g_clear_pointer(&engine->pools, g_free);
}

/* ---- on a worker ---- */

/* Whoever made it: canaries come and go by themselves. */
static bool
is_guest(const DomainView *view)
{
    return view->state != DOMAIN_ABSENT && view->state != DOMAIN_SHUT_OFF &&
        !(view->is_ours && throwaway_kind(view->name, view->uuid) == THROWAWAY_CANARY);
}

static char *
find_guest(const Join *join, const GPtrArray *domains)
{
    for (unsigned i = 0; i < domains->len; i++) {
        const DomainView *view = domains->pdata[i];
        if (is_guest(view)) {
            return g_strdup_printf("domain '%s' is %s on host '%s', and a host that joins has no "
                                   "guests",
                view->name, domain_state_name(view->state), join->host);
        }
    }
    return NULL;
}

static void
run_join(void *data)
{
    Join *join = data;
    bool is_shared = false;
    g_autoptr(GPtrArray) domains = hypervisor_list_domains(join->session, &join->error);

    if (domains == NULL || join->master == NULL) {
        return;
    }
    join->reason = find_guest(join, domains);
    if (join->reason == NULL &&
        hypervisor_probe_shared_pool(join->master_session, join->session, NULL, join->token,
            &is_shared, &join->error) &&
        !is_shared) {
        join->reason = g_strdup_printf("storage pool '%s' of host '%s' is not the one of the "
                                       "master '%s': both have to mount the same",
            join->storage, join->host, join->master);
    }
    g_clear_pointer(&join->session, hypervisor_host_unref);
    g_clear_pointer(&join->master_session, hypervisor_host_unref);
}

/* ---- on the engine's thread ---- */

static void
settle(const Join *join, const char *reason)
{
    g_autoptr(GError) error = NULL;

    if (!store_settle_pool(
            join->engine->context.store, join->id, join->host, reason, &error)) {
        log_error("cannot write whether host '%s' has joined its pool: %s", join->host,
            error->message);
    } else if (reason != NULL) {
        log_warning("host '%s' cannot join its pool: %s", join->host, reason);
    } else {
        log_info("host '%s' has joined its pool", join->host);
    }
}

static void
on_joined(void *data, bool cancelled)
{
    Join *join = data;

    if (cancelled) {
        return;
    }
    g_hash_table_remove(join->engine->pools->joining, &join->id);
    settle(join, join->reason != NULL ? join->reason
            : join->error != NULL     ? join->error->message
                                      : NULL);
    pools_pass(join->engine);
}

/* A host that is away while the daemon has only just begun is waited for. */
static bool
take_sessions(Join *join)
{
    Engine *engine = join->engine;
    HypervisorHost *session = hosts_find_session(engine, join->host);
    HypervisorHost *master =
        join->master != NULL ? hosts_find_session(engine, join->master) : session;

    if (session == NULL || master == NULL) {
        if (!hosts_is_gathering(engine)) {
            g_autofree char *reason = g_strdup_printf(
                "host '%s' is not connected", session == NULL ? join->host : join->master);
            settle(join, reason);
        }
        return false;
    }
    join->session = hypervisor_host_ref(session);
    join->master_session = hypervisor_host_ref(master);
    return true;
}

static void
look_at(Engine *engine, const Aggregate *pool)
{
    const HostLink *link = hosts_find(engine, pool_joining(pool));
    Join *join = g_new0(Join, 1);

    join->engine = engine;
    join->id = pool->id;
    join->host = g_strdup(pool_joining(pool));
    join->storage = g_strdup(link != NULL ? link->row->pool : "");
    join->master = g_strdup(pool_master(pool));
    if (!take_sessions(join)) {
        join_free(join);
        return;
    }
    join->token = clock_random_hex(engine->context.clock, 16);
    g_hash_table_add(engine->pools->joining, &join->id);
    calls_submit(
        engine->context.calls, LANE_SHORT, join->host, run_join, on_joined, join, join_free);
}

static bool
is_changing(const Aggregate *aggregate)
{
    return pool_is(aggregate) && pool_state(aggregate) == POOL_CHANGING &&
        pool_joining(aggregate) != NULL;
}

void
pools_pass(Engine *engine)
{
    g_autoptr(GError) error = NULL;

    engine_assert_thread(engine);
    if (!engine->pools->is_wanted) {
        return;
    }
    g_autoptr(GPtrArray) aggregates = store_list_aggregates(engine->context.store, &error);
    if (aggregates == NULL) {
        log_error("cannot list the pools that hosts join: %s", error->message);
        return;
    }
    engine->pools->is_wanted = false;
    for (unsigned i = 0; i < aggregates->len; i++) {
        const Aggregate *aggregate = aggregates->pdata[i];
        if (!is_changing(aggregate)) {
            continue;
        }
        engine->pools->is_wanted = true;
        if (!g_hash_table_contains(engine->pools->joining, &aggregate->id)) {
            look_at(engine, aggregate);
        }
    }
}

void
pools_on_looked(Engine *engine, const char *host)
{
    g_autoptr(GError) error = NULL;

    engine_assert_thread(engine);
    if (!store_look_at_pools(engine->context.store, host, &error)) {
        log_error("cannot write whether host '%s' has the storage of its pool: %s", host,
            error->message);
    }
}

static void
nudge(Engine *engine, void *data)
{
    engine->pools->is_wanted = true;
    pools_pass(engine);
}

void
engine_nudge_pools(Engine *engine)
{
    engine_post(engine, nudge, NULL, NULL);
}
