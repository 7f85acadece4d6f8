/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Looks: when a connected host is asked what it is and has. Every sync_interval_us; sooner, once
 * for however many reasons, when that is known to have changed. */
#include "base/metrics.h"
#include "engine/internal.h"

#define POOL_SETTLE_US (5 * G_USEC_PER_SEC)
/* Domains of nobody may come and go all the time. */
#define STRANGER_SETTLE_US (3 * G_USEC_PER_SEC)
/* Between the early looks at different hosts: after something that has touched 10,000 of them, half
 * a minute's work. */
#define SPACING_US 3000

typedef struct Look {
    Engine *engine;
    char *name;
    uint64_t session;
    HypervisorHost *host;
    int64_t asked_us;
    HostFacts facts;
    GPtrArray *domains;
    GError *error;
} Look;

static void
look_free(void *data)
{
    Look *look = data;

    g_clear_pointer(&look->host, hypervisor_host_unref);
    g_clear_pointer(&look->domains, g_ptr_array_unref);
    g_clear_error(&look->error);
    host_facts_clear(&look->facts);
    g_free(look->name);
    g_free(look);
}

/* ---- when ---- */

static void on_look_timer(void *data);

static void
look_at(HostLink *link, int64_t when_us)
{
    timer_set(link->engine->timers, &link->timer, when_us, on_look_timer, link);
}

static int64_t
random_time_us(const HostLink *link, int64_t pause_us)
{
    Engine *engine = link->engine;

    pause_us = MIN(pause_us, engine->options.sync_interval_us);
    return engine_now_us(engine) + engine_random_us(engine, pause_us * 9 / 10, pause_us);
}

/* Early looks take turns. */
static int64_t
early_time_us(const HostLink *link)
{
    Engine *engine = link->engine;
    int64_t when_us = engine_now_us(engine) +
        MIN(engine->options.look_soon_us, engine->options.sync_interval_us);

    when_us = MAX(when_us, engine->next_early_look_us);
    engine->next_early_look_us = when_us + SPACING_US;
    return when_us;
}

static void
schedule(HostLink *link)
{
    look_at(link, link->has_stranger ? random_time_us(link, STRANGER_SETTLE_US)
            : link->is_stale         ? early_time_us(link)
                                     : random_time_us(link, G_MAXINT64));
}

/* A fleet that connects at once is not asked at once. But hosts that see a pool for the first time
 * in the same moment may each have given it an identity: the second look agrees. */
void
look_after_connecting(HostLink *link, bool is_new)
{
    Engine *engine = link->engine;
    int64_t interval_us = engine->options.sync_interval_us;

    look_at(link, is_new ? random_time_us(link, POOL_SETTLE_US)
                         : engine_now_us(engine) +
                engine_random_us(engine, interval_us / 2, interval_us));
}

void
look_soon(HostLink *link)
{
    link->changed_us = engine_now_us(link->engine);
    if (link->state != LINK_CONNECTED || link->is_stale) {
        return;
    }
    link->is_stale = true;
    if (link->is_asking) {
        return;
    }
    int64_t when_us = early_time_us(link);
    if (when_us < link->timer.when_us) {
        look_at(link, when_us);
    }
}

/* A domain of nobody has come or gone, and with it memory that others wanted. */
static void
look_for_stranger(HostLink *link)
{
    link->changed_us = engine_now_us(link->engine);
    if (link->has_stranger) {
        return;
    }
    link->has_stranger = true;
    if (!link->is_asking) {
        schedule(link);
    }
}

void
look_on_event(HostLink *link, const HostEvent *event)
{
    if (event->kind != HOST_EVENT_DOMAIN && event->kind != HOST_EVENT_DEFINED) {
        return;
    }
    Store *store = link->engine->context.store;
    g_autoptr(Instance) instance = store_get_instance(store, event->uuid, NULL);
    if (instance != NULL) {
        look_soon(link);
    } else if (event->kind == HOST_EVENT_DOMAIN) {
        look_for_stranger(link);
    }
}

/* ---- after operations ---- */

void
look_soon_at(Engine *engine, const char *host)
{
    HostLink *link = hosts_find(engine, host);

    if (link != NULL) {
        look_soon(link);
    }
}

static void
look_soon_at_both(Engine *engine, const char *instance_id)
{
    MigrationFilter filter = {.instance_id = instance_id, .limit = 1};
    g_autoptr(GPtrArray) rows = store_list_migrations(engine->context.store, &filter, NULL);

    if (rows != NULL && rows->len > 0) {
        const Migration *migration = rows->pdata[0];
        look_soon_at(engine, migration->source_host);
        look_soon_at(engine, migration->dest_host);
    }
}

void
looks_on_closed(Engine *engine, OperationKind kind, const Instance *instance)
{
    switch (kind) {
    case OPERATION_CREATE:
    case OPERATION_DELETE:
    case OPERATION_START:
    case OPERATION_STOP:
    case OPERATION_REBOOT_SOFT:
    case OPERATION_REBOOT_HARD:
    case OPERATION_ATTACH_VOLUME:
    case OPERATION_DETACH_VOLUME: look_soon_at(engine, instance->host); return;
    case OPERATION_LIVE_MIGRATE:
    case OPERATION_EVACUATE:
    case OPERATION_COLD_MIGRATE:
    case OPERATION_RESIZE:
    case OPERATION_CONFIRM_RESIZE:
    case OPERATION_REVERT_RESIZE: look_soon_at_both(engine, instance->id); return;
    case OPERATION_PAUSE:
    case OPERATION_UNPAUSE:
    case OPERATION_LIVE_MIGRATION_CANCEL:
    case OPERATION_LIVE_MIGRATION_FORCE_COMPLETE: return;
    }
}

/* ---- the look ---- */

bool
look_ask(HypervisorHost *host, HostFacts *facts, GPtrArray **ret_domains, GError **error)
{
    if (!hypervisor_probe(host, facts, error)) {
        return false;
    }
    *ret_domains = hypervisor_list_domains(host, error);
    return *ret_domains != NULL;
}

static void
run_look(void *data)
{
    Look *look = data;

    look_ask(look->host, &look->facts, &look->domains, &look->error);
    g_clear_pointer(&look->host, hypervisor_host_unref);
}

/* What differs from the last look may go on changing. */
static void
take_answer(HostLink *link, const Look *look)
{
    Engine *engine = link->engine;

    link->sign_us = engine_now_us(engine);
    link->is_stale |= link_write_facts(link, &look->facts, look->domains);
    schedule(link);
    pools_on_looked(engine, look->name);
    reconcile_host(engine, look->name, look->domains, look->asked_us);
    truth_on_listed(engine, look->name, look->domains, look->asked_us);
    canaries_on_listed(engine, look->name, look->domains);
    inventory_take(engine, look->name);
}

static void
on_looked(void *data, bool cancelled)
{
    Look *look = data;
    HostLink *link = hosts_find(look->engine, look->name);

    if (cancelled || link == NULL || link->session != look->session) {
        return;
    }
    link->is_asking = false;
    if (look->error == NULL) {
        take_answer(link, look);
    } else if (error_is(look->error, ERROR_HYPERVISOR_DOWN)) {
        link_close(link, look->error->message);
    } else {
        link->is_stale = true; /* what was to be known soon is still not known */
        schedule(link);
        if (log_allow(look->name, 60)) {
            log_warning("asking host '%s' failed: %s", look->name, look->error->message);
        }
    }
}

static void
on_look_timer(void *data)
{
    HostLink *link = data;
    Engine *engine = link->engine;

    if (link->is_asking) {
        return;
    }
    metrics_count("drover_host_looks_total",
        link->has_stranger     ? "why=\"stranger\""
            : link->is_stale ? "why=\"changed\""
                             : "why=\"interval\"",
        1);
    Look *look = g_new0(Look, 1);
    look->engine = engine;
    look->name = g_strdup(link->row->name);
    look->session = link->session;
    look->host = hypervisor_host_ref(link->host);
    look->asked_us = engine_now_us(engine);
    link->is_asking = true;
    link->has_stranger = false;
    link->is_stale = false;
    calls_submit(
        engine->context.calls, LANE_SHORT, look->name, run_look, on_looked, look, look_free);
}
