/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The table of links: one for each host row. What happens on a link is in links.c. */
#include "base/log.h"
#include "base/metrics.h"
#include "engine/internal.h"

/* Rows change through the API, which nudges; this finds what a nudge has missed. */
#define LOAD_INTERVAL_US (60 * G_USEC_PER_SEC)
/* Signs of life go to the store together, at most this often. */
#define TOUCH_INTERVAL_MAX_US (10 * G_USEC_PER_SEC)
#define TOUCH_INTERVAL_MIN_US G_USEC_PER_SEC

HostLink *
hosts_find(Engine *engine, const char *name)
{
    return name != NULL ? g_hash_table_lookup(engine->links, name) : NULL;
}

HypervisorHost *
hosts_find_session(Engine *engine, const char *name)
{
    HostLink *link = hosts_find(engine, name);

    return link != NULL && link->state == LINK_CONNECTED ? link->host : NULL;
}

static gboolean
is_untried(void *key, void *value, void *data)
{
    return !((HostLink *)value)->is_tried;
}

/* Rows that an earlier daemon wrote say nothing about now: they have grown old while there was
 * none. */
bool
hosts_is_gathering(Engine *engine)
{
    int64_t until_us = engine->started_us + engine->context.settings.service_down_time_us;

    return engine_now_us(engine) < until_us &&
        g_hash_table_find(engine->links, is_untried, NULL) != NULL;
}

/* A host that was removed and added again is another one, even with the same name. */
static bool
is_same_host(const Host *one, const Host *two)
{
    return g_strcmp0(one->id, two->id) == 0 && g_strcmp0(one->uri, two->uri) == 0 &&
        g_strcmp0(one->peer_uri, two->peer_uri) == 0 &&
        g_strcmp0(one->migration_address, two->migration_address) == 0 &&
        g_strcmp0(one->pool, two->pool) == 0;
}

static void
add(Engine *engine, Host *take_row)
{
    HostLink *link = g_new0(HostLink, 1);

    link->engine = engine;
    link->row = take_row;
    link->touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    link->seen_in_pass = engine->pass;
    g_hash_table_insert(engine->links, link->row->name, link);
    link_renew_facts(link);
    link_open(link);
}

static void
see(Engine *engine, Host *take_row)
{
    HostLink *link = hosts_find(engine, take_row->name);

    if (link == NULL) {
        add(engine, take_row);
        return;
    }
    link->seen_in_pass = engine->pass;
    if (!is_same_host(link->row, take_row)) {
        g_hash_table_remove(engine->links, take_row->name);
        add(engine, take_row);
        return;
    }
    host_free(take_row);
}

static gboolean
is_unseen(void *key, void *value, void *data)
{
    return ((HostLink *)value)->seen_in_pass != ((Engine *)data)->pass;
}

static void
on_hosts_timer(void *data)
{
    hosts_load(data);
}

void
hosts_load(Engine *engine)
{
    g_autoptr(GError) error = NULL;

    engine_assert_thread(engine);
    timer_set(engine->timers, &engine->hosts_timer, engine_now_us(engine) + LOAD_INTERVAL_US,
        on_hosts_timer, engine);
    g_autoptr(GPtrArray) rows = store_list_hosts(engine->context.store, &error);
    if (rows == NULL) {
        log_error("cannot list hosts: %s", error->message);
        return;
    }
    engine->pass++;
    while (rows->len > 0) {
        see(engine, g_ptr_array_steal_index_fast(rows, rows->len - 1));
    }
    g_hash_table_foreach_remove(engine->links, is_unseen, engine);
}

static void
run_load(Engine *engine, void *data)
{
    hosts_load(engine);
}

void
engine_nudge_hosts(Engine *engine)
{
    engine_post(engine, run_load, NULL, NULL);
}

/* A fifth of service_down_time leaves a host that lives far from being shown as down. */
static int64_t
touch_interval_us(const Engine *engine)
{
    return CLAMP(engine->context.settings.service_down_time_us / 5, TOUCH_INTERVAL_MIN_US,
        TOUCH_INTERVAL_MAX_US);
}

static void
schedule_touch(Engine *engine, void (*on_touch)(void *data))
{
    timer_set(engine->timers, &engine->touch_timer,
        engine_now_us(engine) + touch_interval_us(engine), on_touch, engine);
}

/* What is certain, so that it never goes back when a host turns out to have been silent; a long
 * keep-alive must not let one that lives be shown as down. */
static int64_t
sign_us(const HostLink *link)
{
    const Engine *engine = link->engine;
    int64_t latest_us =
        engine_now_us(engine) - engine->context.settings.service_down_time_us / 2;

    return MAX(link_last_sign_us(link), latest_us);
}

/* A connected host lives: its connection is closed when its keep-alive gets no answer. So nobody
 * has to be asked, however many there are. */
static void
on_touch_timer(void *data)
{
    Engine *engine = data;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree int64_t *seen_us = g_new(int64_t, g_hash_table_size(engine->links));
    g_autoptr(GError) error = NULL;
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, engine->links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        HostLink *link = value;
        if (link->state == LINK_CONNECTED) {
            seen_us[names->len] = sign_us(link);
            g_ptr_array_add(names, link->row->name);
        }
    }
    if (names->len > 0 &&
        !store_touch_hosts(engine->context.store, names, seen_us, &error)) {
        log_error("cannot write signs of life: %s", error->message);
    }
    schedule_touch(engine, on_touch_timer);
}

/* ---- one machine under two names ---- */

/* What was last seen of a host counts while it is away as well: otherwise its machine would change
 * its name with every loss of a connection. */
static bool
is_machine(const HostLink *link, const char *host_uuid)
{
    return link->row->has_facts && g_strcmp0(link->row->facts.host_uuid, host_uuid) == 0;
}

static char *
double_reason(const HostLink *first)
{
    return g_strdup_printf(
        "is the same host as '%s': a host can be in the fleet once; remove one of the two",
        first->row->name);
}

char *
hosts_refuse_double(const HostLink *link, const char *host_uuid)
{
    const HostLink *first = link;
    GHashTableIter iter;
    void *value;

    if (host_uuid == NULL || host_uuid[0] == '\0') {
        return NULL;
    }
    g_hash_table_iter_init(&iter, link->engine->links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const HostLink *other = value;
        if (other->row->number < first->row->number && is_machine(other, host_uuid)) {
            first = other;
        }
    }
    return first != link ? double_reason(first) : NULL;
}

/* Another one at a time: closing tells tasks, which may do anything. */
static HostLink *
find_later_double(const HostLink *link, const char *host_uuid)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, link->engine->links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        HostLink *other = value;
        if (other->state == LINK_CONNECTED && other->row->number > link->row->number &&
            is_machine(other, host_uuid)) {
            return other;
        }
    }
    return NULL;
}

void
hosts_close_doubles(const HostLink *link, const char *host_uuid)
{
    g_autofree char *reason = double_reason(link);
    HostLink *other;

    if (host_uuid == NULL || host_uuid[0] == '\0') {
        return;
    }
    while ((other = find_later_double(link, host_uuid)) != NULL) {
        link_close(other, reason);
    }
}

void
hosts_export(Engine *engine)
{
    int n_connected = 0;
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, engine->links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        n_connected += ((HostLink *)value)->state == LINK_CONNECTED;
    }
    metrics_set("drover_hosts", "state=\"connected\"", n_connected);
    metrics_set(
        "drover_hosts", "state=\"down\"", (double)g_hash_table_size(engine->links) - n_connected);
}

void
hosts_init(Engine *engine)
{
    engine->links = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, link_free);
    engine->sessions = g_hash_table_new(g_int64_hash, g_int64_equal);
    engine->observing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->events = event_target_new(engine);
    schedule_touch(engine, on_touch_timer);
}

void
hosts_clear(Engine *engine)
{
    g_hash_table_remove_all(engine->links);
}
