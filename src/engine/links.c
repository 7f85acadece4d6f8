/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One link: DOWN -> OPENING -> CONNECTED -> DOWN. The provider says by an event when a connection
 * has closed (its keep-alive got no answer); while it has not, the host lives. Calls
 * carry name and session instead of pointers: a link may be gone when they return. */
#include "base/log.h"
#include "engine/internal.h"

#define RETRY_FIRST_US G_USEC_PER_SEC
#define RETRY_MAX_US (30 * G_USEC_PER_SEC)
enum { RETRY_DOUBLINGS = 5 };

/* Outlives the engine, because a session that a stuck worker still holds may report to it. */
struct EventTarget {
    Engine *engine;
    GMainContext *main;
    EventTarget *next;
};

/* Never freed; kept reachable, one for each engine of the process. */
static EventTarget *targets;

typedef struct LinkCall {
    Engine *engine;
    char *name;
    uint64_t session;
    Host *row;              /* opening: a copy of the address */
    Hypervisor *hypervisor; /* opening */
    HypervisorHost *host;
    int64_t asked_us;
    HostFacts facts;
    GPtrArray *domains;
    GError *error;
} LinkCall;

static void
call_free(void *data)
{
    LinkCall *call = data;

    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_clear_pointer(&call->hypervisor, hypervisor_free);
    g_clear_pointer(&call->row, host_free);
    g_clear_pointer(&call->domains, g_ptr_array_unref);
    g_clear_error(&call->error);
    host_facts_clear(&call->facts);
    g_free(call->name);
    g_free(call);
}

static LinkCall *
call_new(HostLink *link)
{
    LinkCall *call = g_new0(LinkCall, 1);

    call->engine = link->engine;
    call->name = g_strdup(link->row->name);
    call->session = link->session;
    call->asked_us = engine_now_us(link->engine);
    return call;
}

/* The link that this call was made for; NULL: it was closed or removed meanwhile. */
static HostLink *
call_link(const LinkCall *call)
{
    HostLink *link = hosts_find(call->engine, call->name);

    return link != NULL && link->session == call->session ? link : NULL;
}

/* ---- letting go ---- */

static void
run_release(void *data)
{
    LinkCall *call = data;

    g_clear_pointer(&call->host, hypervisor_host_unref);
}

static void
on_released(void *data, bool cancelled)
{
}

/* Closing a session may block, so an opener does it. */
static void
release(Engine *engine, const char *name, HypervisorHost *take_host)
{
    if (take_host == NULL) {
        return;
    }
    LinkCall *call = g_new0(LinkCall, 1);
    call->engine = engine;
    call->host = take_host;
    calls_submit(engine->context.calls, LANE_OPEN, name, run_release, on_released, call, call_free);
}

static void
forget_session(HostLink *link)
{
    if (link->session != 0) {
        g_hash_table_remove(link->engine->sessions, &link->session);
        link->session = 0;
    }
}

void
link_free(void *data)
{
    HostLink *link = data;
    Engine *engine = link->engine;

    timer_clear(engine->timers, &link->timer);
    forget_session(link);
    bool was_connected = link->state == LINK_CONNECTED;
    link->state = LINK_DOWN;
    release(engine, link->row->name, g_steal_pointer(&link->host));
    if (was_connected) {
        tasks_on_host(engine, link->row->name, false);
    }
    g_hash_table_unref(link->touched);
    g_clear_pointer(&link->memory_waiters, g_array_unref);
    host_free(link->row);
    g_free(link);
}

/* ---- the row ---- */

/* seen_us: the last sign of life; 0 = as it was. */
static void
write_connection(HostLink *link, bool connected, const char *reason, int64_t seen_us)
{
    g_autoptr(GError) error = NULL;
    bool is_first = !link->is_tried;

    link->is_tried = true;
    /* The first word is always written: what an earlier daemon wrote has grown old meanwhile. */
    if (!is_first && link->row->connected == connected &&
        g_strcmp0(link->row->connect_error, reason) == 0) {
        return;
    }
    if (!store_set_host_connection(
            link->engine->context.store, link->row->name, connected, reason, seen_us, &error)) {
        log_error("cannot write the state of host '%s': %s", link->row->name, error->message);
        return;
    }
    link->row->connected = connected;
    g_free(link->row->connect_error);
    link->row->connect_error = g_strdup(reason);
}

/* ---- down ---- */

static void
on_retry(void *data)
{
    link_open(data);
}

/* 1 s, doubled with each failure up to 30 s, and spread by half of it: a rack that comes back must
 * not be met by all its links at once. */
static void
schedule_retry(HostLink *link)
{
    Engine *engine = link->engine;
    unsigned doublings = MIN(link->n_failures, RETRY_DOUBLINGS);
    int64_t pause_us = MIN(RETRY_FIRST_US << doublings, RETRY_MAX_US);

    link->n_failures++;
    timer_set(engine->timers, &link->timer,
        engine_now_us(engine) + engine_random_us(engine, pause_us / 2, pause_us), on_retry, link);
}

/* Up to now it was taken for alive. Silence is noticed late, so what is certain is older. */
int64_t
link_last_sign_us(const HostLink *link)
{
    int64_t certain_us = engine_now_us(link->engine) - link->engine->options.keepalive_us;

    return MAX(link->sign_us, certain_us);
}

void
link_close(HostLink *link, const char *reason)
{
    Engine *engine = link->engine;

    if (link->state != LINK_CONNECTED) {
        return;
    }
    log_warning("host '%s' is not connected any more: %s", link->row->name, reason);
    timer_clear(engine->timers, &link->timer);
    forget_session(link);
    link->state = LINK_DOWN;
    link->is_asking = false;
    release(engine, link->row->name, g_steal_pointer(&link->host));
    write_connection(link, false, reason, link_last_sign_us(link));
    schedule_retry(link);
    canaries_on_lost(engine, link->row->name);
    tasks_on_host(engine, link->row->name, false);
}

static void
on_open_failed(HostLink *link, const char *reason)
{
    if (log_allow(link->row->name, 60)) {
        log_warning("cannot connect to host '%s': %s", link->row->name, reason);
    }
    forget_session(link);
    link->state = LINK_DOWN;
    write_connection(link, false, reason, 0);
    schedule_retry(link);
}

/* ---- events ---- */

static void
on_free_domain(HostLink *link, const HostEvent *event)
{
    if (event->kind == HOST_EVENT_DOMAIN) {
        reconcile_instance(link->engine, link->row->name, event->uuid);
    }
    look_on_event(link, event);
}

/* Throw-away domains are the business of whoever has made them; how an instance is defined is its
 * operation's, while it has one. */
static void
on_domain_event(HostLink *link, const HostEvent *event)
{
    Engine *engine = link->engine;

    link->sign_us = engine_now_us(engine);
    if (event->is_throwaway) {
        return;
    }
    if (link->state == LINK_OPENING) {
        g_hash_table_add(link->touched, g_strdup(event->uuid));
    }
    if (!tasks_has_instance(engine, event->uuid)) {
        if (link->state == LINK_CONNECTED) {
            on_free_domain(link, event);
        }
    } else if (event->kind != HOST_EVENT_DEFINED) {
        tasks_on_event(engine, link->row->name, event);
    }
}

static void
on_event(Engine *engine, void *data)
{
    const HostEvent *event = data;
    HostLink *link = g_hash_table_lookup(engine->sessions, &event->session);

    if (link == NULL) {
        return;
    }
    if (event->kind != HOST_EVENT_CLOSED) {
        on_domain_event(link, event);
    } else if (link->state == LINK_OPENING) {
        link->closed_early = true;
    } else {
        link_close(link, event->message);
    }
}

/* On a thread of the provider. */
static void
event_sink(const HostEvent *event, void *data)
{
    EventTarget *target = data;

    engine_post_to(target->main, target->engine, on_event, g_memdup2(event, sizeof *event), g_free);
}

EventTarget *
event_target_new(Engine *engine)
{
    EventTarget *target = g_new0(EventTarget, 1);

    target->engine = engine;
    target->main = g_main_context_ref(engine->main);
    target->next = targets;
    targets = target;
    return target;
}

/* ---- up ---- */

static void
run_open(void *data)
{
    LinkCall *call = data;
    HostAddress address = {
        .name = call->row->name,
        .uri = call->row->uri,
        .peer_uri = call->row->peer_uri,
        .migration_address =
            call->row->migration_address != NULL ? call->row->migration_address : "",
        .pool = call->row->pool,
    };

    call->host = hypervisor_open(
        call->hypervisor, &address, call->session, event_sink, call->engine->events, &call->error);
    if (call->host != NULL) {
        look_ask(call->host, &call->facts, &call->domains, &call->error);
    }
}

/* What changed while the opener was listing the domains is looked at once more. */
static void
look_at_touched(HostLink *link)
{
    GHashTableIter iter;
    void *key;

    g_hash_table_iter_init(&iter, link->touched);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        reconcile_instance(link->engine, link->row->name, key);
    }
    g_hash_table_remove_all(link->touched);
}

static void
warn_of_pool(const HostLink *link, const HostFacts *facts)
{
    const char *pool = link->engine->context.settings.volume_pool;

    if (pool != NULL && host_lacks_pool(facts, pool)) {
        g_autofree char *fix = host_pool_fix(pool);
        log_warning("host '%s' has no active storage pool '%s', in which volumes are: %s",
            link->row->name, pool, fix);
    }
}

static void
on_connected(HostLink *link, LinkCall *call)
{
    Engine *engine = link->engine;
    int64_t now_us = engine_now_us(engine);

    hosts_close_doubles(link, call->facts.host_uuid);
    log_info("host '%s' is connected", link->row->name);
    warn_of_pool(link, &call->facts);
    link->state = LINK_CONNECTED;
    link->host = g_steal_pointer(&call->host);
    link->n_failures = 0;
    link->is_asking = false;
    link->has_stranger = false;
    link->is_stale = false;
    link->sign_us = now_us;
    bool is_new = link->row->facts.pool_id == NULL;
    link_write_facts(link, &call->facts, call->domains);
    write_connection(link, true, NULL, now_us);
    look_after_connecting(link, is_new);
    if (!is_new) {
        pools_on_looked(engine, link->row->name);
    }
    reconcile_host(engine, link->row->name, call->domains, call->asked_us);
    truth_on_listed(engine, link->row->name, call->domains, call->asked_us);
    canaries_on_listed(engine, link->row->name, call->domains);
    canaries_on_connected(engine);
    look_at_touched(link);
    leftovers_on_connected(engine, link->row->name);
    inventory_take(engine, link->row->name);
    tasks_on_host(engine, link->row->name, true);
}

/* Why the link that has opened is not connected, caller frees; NULL: it is. */
static char *
why_not(const HostLink *link, const LinkCall *call)
{
    if (call->error != NULL) {
        return g_strdup(call->error->message);
    }
    if (link->closed_early) {
        return g_strdup("the connection closed at once");
    }
    return hosts_refuse_double(link, call->facts.host_uuid);
}

static void
on_opened(void *data, bool cancelled)
{
    LinkCall *call = data;
    HostLink *link = call_link(call);

    if (cancelled) {
        return;
    }
    g_autofree char *reason = link != NULL ? why_not(link, call) : NULL;
    if (link != NULL && reason == NULL) {
        on_connected(link, call);
        return;
    }
    release(call->engine, call->name, g_steal_pointer(&call->host));
    if (link != NULL) {
        on_open_failed(link, reason);
    }
}

void
link_open(HostLink *link)
{
    Engine *engine = link->engine;
    Hypervisor *hypervisor = engine->find_hypervisor(link->row->uri, engine->find_data);

    g_assert(link->state == LINK_DOWN);
    link->session = ++engine->last_session;
    link->state = LINK_OPENING;
    link->closed_early = false;
    g_hash_table_remove_all(link->touched);
    g_hash_table_insert(engine->sessions, &link->session, link);
    if (hypervisor == NULL) {
        g_autofree char *reason =
            g_strdup_printf("no hypervisor is known for '%s'", link->row->uri);
        on_open_failed(link, reason);
        return;
    }
    LinkCall *call = call_new(link);
    call->hypervisor = hypervisor_ref(hypervisor);
    call->row = host_new();
    call->row->name = g_strdup(link->row->name);
    call->row->uri = g_strdup(link->row->uri);
    call->row->peer_uri = g_strdup(link->row->peer_uri);
    call->row->migration_address = g_strdup(link->row->migration_address);
    call->row->pool = g_strdup(link->row->pool);
    calls_submit(
        engine->context.calls, LANE_OPEN, link->row->name, run_open, on_opened, call, call_free);
}
