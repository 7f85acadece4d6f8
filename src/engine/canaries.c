/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Canaries that somebody has asked for: rows of the store, sent a few at a time. One that has not
 * arrived in time is told as that and given up; its call ends when the host's does, and may still
 * say why. Those that an earlier daemon has left are swept away when their host tells of them. */
#include "base/log.h"
#include "engine/internal.h"
#include "model/bad_version.h"
#include "model/throwaway.h"

/* At once; and one at a time from and to each host, so that they do not slow each other down. */
enum { FLIGHTS_MAX = 4 };
/* From the start of its QEMU: a second or three where nothing is wrong. */
#define PATIENCE_US (30 * G_USEC_PER_SEC)

typedef struct Canaries {
    GHashTable *flights;  /* UUID -> Flight, which its call owns */
    GHashTable *sweeping; /* "host UUID" of those that are being swept away */
    GHashTable *stuck;    /* the same, of those that their host has last refused to remove */
    bool is_wanted;      /* the store may have some that are to be sent */
} Canaries;

typedef struct Flight {
    Engine *engine;
    char *uuid;
    Canary *result;
    MigrateRequest request;
    char *address; /* of the request */
    char *token;   /* of the marker */
    HypervisorHost *source;
    HypervisorHost *dest;
    int64_t since_us;
    int64_t first_us; /* when the first one arrived; written by its call before has_extra */
    int has_extra;    /* atomic: that is so, and a second one is on its way, or has ended */
    bool is_late; /* it was told as lost already */
    bool is_cut;  /* one of its hosts was lost meanwhile: that it failed says nothing of the way */
    GError *error;
} Flight;

static void
flight_free(void *data)
{
    Flight *flight = data;

    g_clear_pointer(&flight->source, hypervisor_host_unref);
    g_clear_pointer(&flight->dest, hypervisor_host_unref);
    g_clear_pointer(&flight->result, canary_free);
    g_clear_error(&flight->error);
    g_free(flight->address);
    g_free(flight->token);
    g_free(flight->uuid);
    g_free(flight);
}

void
canaries_init(Engine *engine)
{
    engine->canaries = g_new0(Canaries, 1);
    engine->canaries->flights = g_hash_table_new(g_str_hash, g_str_equal);
    engine->canaries->sweeping = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->canaries->stuck = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->canaries->is_wanted = true; /* by an earlier daemon */
}

void
canaries_clear(Engine *engine)
{
    g_hash_table_unref(engine->canaries->flights);
    g_hash_table_unref(engine->canaries->sweeping);
    g_hash_table_unref(engine->canaries->stuck);
    g_clear_pointer(&engine->canaries, g_free);
}

/* ---- results ---- */

static void
finish(Engine *engine, const Canary *result)
{
    g_autoptr(GError) error = NULL;

    if (!store_finish_canary(engine->context.store, result, &error)) {
        log_error("cannot write what came of the canary from host '%s' to host '%s': %s",
            result->source_host, result->dest_host, error->message);
    } else if (result->error != NULL || result->extra_error != NULL) {
        log_warning("the canary from host '%s' to host '%s' failed: %s", result->source_host,
            result->dest_host, result->error != NULL ? result->error : result->extra_error);
    }
}

/* What was not sent, or was cut off, is no result: the last one holds. */
static void
drop(Engine *engine, const Canary *wish, const char *reason)
{
    g_autoptr(GError) error = NULL;

    log_warning("no canary gets from host '%s' to host '%s': %s", wish->source_host,
        wish->dest_host, reason);
    if (!store_drop_canary(engine->context.store, wish, &error)) {
        log_error("cannot take back that it was asked for: %s", error->message);
    }
}

/* Nobody asks anew for one that was still on its way when its host came back: it stays pending, and
 * is sent again once its call has ended. */
static void
drop_cut(const Flight *flight, const char *reason)
{
    Engine *engine = flight->engine;
    const Canary *wish = flight->result;

    if (hosts_find_session(engine, wish->source_host) != NULL &&
        hosts_find_session(engine, wish->dest_host) != NULL) {
        log_info("the canary from host '%s' to host '%s' was cut off, and is sent again: %s",
            wish->source_host, wish->dest_host, reason);
    } else {
        drop(engine, wish, reason);
    }
}

/* The elapsed time is that of the first: of a second one it is its configuration that counts. */
static void
finish_flight(Flight *flight, const char *reason)
{
    Canary *result = flight->result;
    int64_t now_us = engine_now_us(flight->engine);
    bool is_of_extra = g_atomic_int_get(&flight->has_extra) != 0;
    char **place = is_of_extra ? &result->extra_error : &result->error;
    bool is_cut = flight->is_cut && reason != NULL;

    if (is_cut && !is_of_extra) {
        drop_cut(flight, reason);
        return;
    }
    g_free(*place);
    *place = is_cut ? NULL : g_strdup(reason);
    if (is_of_extra) {
        /* The first one got there, also when it was given up for late before. */
        g_clear_pointer(&result->error, g_free);
        result->extra = result->asked;
        result->extra_us = is_cut ? 0 : now_us;
    }
    result->elapsed_ms =
        ((is_of_extra ? flight->first_us : now_us) - flight->since_us) / 1000;
    finish(flight->engine, result);
}

/* ---- sending ---- */

/* The same once more, in the way that was asked for: what fails only then is not of the network.
 * Post-copy takes one stream alone from QEMU before 10.1, so it gets as many as were asked for. */
static void
send_extra(Flight *flight)
{
    const CanaryExtra *asked = &flight->result->asked;
    MigrateRequest request = flight->request;

    request.post_copy = asked->post_copy;
    request.connections = asked->connections > 0 ? asked->connections
        : asked->post_copy                       ? 1
                                                 : request.connections;
    flight->first_us = clock_now_us(flight->engine->context.clock);
    g_atomic_int_set(&flight->has_extra, true);
    hypervisor_send_canary(flight->source, flight->dest, &request, &flight->error);
}

static void
fly(Flight *flight)
{
    bool is_shared = false;

    if (!hypervisor_send_canary(flight->source, flight->dest, &flight->request, &flight->error)) {
        return;
    }
    if (hypervisor_probe_shared_pool(
            flight->source, flight->dest, NULL, flight->token, &is_shared, NULL)) {
        flight->result->pool = is_shared ? CANARY_POOL_SHARED : CANARY_POOL_OWN;
    }
    if (canary_extra_is_set(&flight->result->asked)) {
        send_extra(flight);
    }
}

static void
run_flight(void *data)
{
    Flight *flight = data;

    fly(flight);
    g_clear_pointer(&flight->source, hypervisor_host_unref);
    g_clear_pointer(&flight->dest, hypervisor_host_unref);
}

static void
on_flight(void *data, bool cancelled)
{
    Flight *flight = data;
    Engine *engine = flight->engine;

    if (cancelled) {
        return;
    }
    g_hash_table_remove(engine->canaries->flights, flight->uuid);
    /* That it was given up is known; what else the hosts say of it is not. */
    bool is_told = flight->is_late &&
        (error_is(flight->error, ERROR_CANCELLED) || (flight->is_cut && flight->error != NULL));
    if (!is_told) {
        finish_flight(flight, flight->error != NULL ? flight->error->message : NULL);
    }
    canaries_pass(engine);
}

/* Where guests would be sent to, as the migration itself would be told. */
static char *
inbound_address(Engine *engine, const char *dest)
{
    const HostLink *link = hosts_find(engine, dest);

    return link->row->migration_address[0] != '\0'
        ? NULL
        : live_policy_inbound_address(engine->context.settings.live, dest);
}

static void
send_one(Engine *engine, const Canary *wish, HypervisorHost *source, HypervisorHost *dest)
{
    const LiveSettings *live = live_policy_for(engine->context.settings.live, wish->source_host);
    Flight *flight = g_new0(Flight, 1);
    Canary result = {
        .source_host = g_strdup(wish->source_host),
        .dest_host = g_strdup(wish->dest_host),
        .asked = wish->asked,
    };

    flight->engine = engine;
    flight->uuid = canary_make_uuid(wish->source_host, wish->dest_host);
    flight->result = g_memdup2(&result, sizeof result);
    flight->address = inbound_address(engine, wish->dest_host);
    flight->token = clock_random_hex(engine->context.clock, 16);
    flight->source = hypervisor_host_ref(source);
    flight->dest = hypervisor_host_ref(dest);
    flight->since_us = engine_now_us(engine);
    flight->request = (MigrateRequest){
        .uuid = flight->uuid,
        .with_tls = live->with_tls,
        .connections = live->parallel_connections,
        .inbound_address = flight->address,
    };
    g_hash_table_insert(engine->canaries->flights, flight->uuid, flight);
    calls_submit(engine->context.calls, LANE_TRANSFER, wish->source_host, run_flight, on_flight,
        flight, flight_free);
}

/* ---- which ---- */

static bool
has_room(const Canaries *canaries, const Canary *wish)
{
    GHashTableIter iter;
    void *value;
    unsigned n_on_time = 0;

    g_hash_table_iter_init(&iter, canaries->flights);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Flight *flight = value;
        bool is_same = g_str_equal(flight->result->source_host, wish->source_host) ||
            g_str_equal(flight->result->dest_host, wish->dest_host);
        if (!flight->is_late && is_same) {
            return false;
        }
        n_on_time += !flight->is_late;
    }
    return n_on_time < FLIGHTS_MAX;
}

static bool
is_swept(const Canaries *canaries, const char *host, const char *uuid)
{
    g_autofree char *key = g_strdup_printf("%s %s", host, uuid);

    return g_hash_table_contains(canaries->sweeping, key);
}

static bool
is_busy(const Canaries *canaries, const Canary *wish)
{
    g_autofree char *uuid = canary_make_uuid(wish->source_host, wish->dest_host);

    return g_hash_table_contains(canaries->flights, uuid) ||
        is_swept(canaries, wish->source_host, uuid) || is_swept(canaries, wish->dest_host, uuid);
}

/* Whoever asks for both at once is told by the API; wishes of two become one in the store. Caller
 * frees; NULL: nothing is against it. */
static char *
why_not_so(Engine *engine, const Canary *wish)
{
    const CanaryExtra *asked = &wish->asked;
    const char *const names[] = {wish->source_host, wish->dest_host};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *obstacle = parallel_post_copy_obstacle(
            hosts_find(engine, names[i])->row, asked->post_copy, asked->connections);
        if (obstacle != NULL) {
            return g_strconcat("post-copy by several connections ", obstacle, NULL);
        }
    }
    return NULL;
}

static void
send_or_drop(Engine *engine, const Canary *wish, HypervisorHost *source, HypervisorHost *dest)
{
    g_autofree char *reason = why_not_so(engine, wish);

    if (reason != NULL) {
        drop(engine, wish, reason);
    } else if (has_room(engine->canaries, wish)) {
        send_one(engine, wish, source, dest);
    }
}

/* What can be sent later waits. */
static void
look_at(Engine *engine, const Canary *wish)
{
    HypervisorHost *source = hosts_find_session(engine, wish->source_host);
    HypervisorHost *dest = hosts_find_session(engine, wish->dest_host);

    if (is_busy(engine->canaries, wish)) {
        return;
    }
    if (source != NULL && dest != NULL) {
        send_or_drop(engine, wish, source, dest);
    } else if (!hosts_is_gathering(engine)) {
        g_autofree char *reason = g_strdup_printf("host '%s' is not connected",
            source == NULL ? wish->source_host : wish->dest_host);
        drop(engine, wish, reason);
    }
}

static void
send_wanted(Engine *engine)
{
    g_autoptr(GError) error = NULL;
    CanaryFilter filter = {.is_pending = true};
    g_autoptr(GPtrArray) wishes = store_list_canaries(engine->context.store, &filter, &error);

    if (wishes == NULL) {
        log_error("cannot list the canaries that are to be sent: %s", error->message);
        return;
    }
    engine->canaries->is_wanted = wishes->len > 0;
    for (unsigned i = 0; i < wishes->len; i++) {
        look_at(engine, wishes->pdata[i]);
    }
}

/* ---- those that do not arrive ---- */

static void
run_abort(void *data)
{
    Flight *order = data;

    /* It may be at a point where there is nothing to abort: then it ends by itself. */
    hypervisor_abort_job(order->source, order->uuid, NULL);
    g_clear_pointer(&order->source, hypervisor_host_unref);
}

static void
on_aborted(void *data, bool cancelled)
{
}

static void
give_up(Engine *engine, Flight *flight)
{
    const Canary *result = flight->result;
    HypervisorHost *source = hosts_find_session(engine, result->source_host);
    g_autofree char *reason = g_strdup_printf(
        "migrations do not get from host '%s' to host '%s' within %d s", result->source_host,
        result->dest_host, (int)(PATIENCE_US / G_USEC_PER_SEC));

    flight->is_late = true;
    finish_flight(flight, reason);
    if (source == NULL) {
        return;
    }
    Flight *order = g_new0(Flight, 1);
    order->uuid = g_strdup(flight->uuid);
    order->source = hypervisor_host_ref(source);
    calls_submit(engine->context.calls, LANE_SHORT, result->source_host, run_abort, on_aborted,
        order, flight_free);
}

static void
look_at_late(Engine *engine)
{
    GHashTableIter iter;
    void *value;
    int64_t now_us = engine_now_us(engine);

    g_hash_table_iter_init(&iter, engine->canaries->flights);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Flight *flight = value;
        int64_t since_us =
            g_atomic_int_get(&flight->has_extra) ? flight->first_us : flight->since_us;
        if (!flight->is_late && now_us - since_us > PATIENCE_US) {
            give_up(engine, flight);
        }
    }
}

void
canaries_pass(Engine *engine)
{
    engine_assert_thread(engine);
    look_at_late(engine);
    if (engine->canaries->is_wanted) {
        send_wanted(engine);
    }
}

void
canaries_on_tick(Engine *engine)
{
    canaries_pass(engine);
    if (!engine->canaries->is_wanted && canaries_ask_due(engine)) {
        engine->canaries->is_wanted = true;
        canaries_pass(engine);
    }
}

static void
nudge(Engine *engine, void *data)
{
    engine->canaries->is_wanted = true;
    canaries_pass(engine);
}

void
engine_nudge_canaries(Engine *engine)
{
    engine_post(engine, nudge, NULL, NULL);
}

/* ---- hosts that go and come ---- */

/* What failed while it was going is not how it comes back. */
void
canaries_on_lost(Engine *engine, const char *host)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, engine->canaries->flights);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Flight *flight = value;
        flight->is_cut = flight->is_cut || g_str_equal(flight->result->source_host, host) ||
            g_str_equal(flight->result->dest_host, host);
    }
}

/* Sent at the next tick: a fleet that comes back does so host by host, and each look reads them
 * all. */
void
canaries_on_connected(Engine *engine)
{
    engine->canaries->is_wanted = true;
}

/* ---- those of an earlier daemon ---- */

typedef struct Sweep {
    Engine *engine;
    char *key; /* in sweeping */
    char *host_name;
    char *uuid;
    HypervisorHost *host;
    GError *error;
} Sweep;

static void
sweep_free(void *data)
{
    Sweep *sweep = data;

    g_clear_pointer(&sweep->host, hypervisor_host_unref);
    g_clear_error(&sweep->error);
    g_free(sweep->key);
    g_free(sweep->host_name);
    g_free(sweep->uuid);
    g_free(sweep);
}

static void
run_sweep(void *data)
{
    Sweep *sweep = data;

    if (!hypervisor_destroy_guest(sweep->host, sweep->uuid, &sweep->error) &&
        error_is(sweep->error, ERROR_NOT_FOUND)) {
        g_clear_error(&sweep->error);
    }
    if (sweep->error == NULL) {
        hypervisor_forget_guest(sweep->host, sweep->uuid, &sweep->error);
    }
    g_clear_pointer(&sweep->host, hypervisor_host_unref);
}

/* Each look tries again. What the host has refused shows as what it is, a domain of nobody; of one
 * that was not to be asked nothing is known. */
static void
note_swept(const Sweep *sweep)
{
    GHashTable *stuck = sweep->engine->canaries->stuck;

    if (sweep->error != NULL) {
        log_warning("the canary on host '%s' was not removed: %s", sweep->host_name,
            sweep->error->message);
    }
    bool is_refused = error_is(sweep->error, ERROR_HYPERVISOR_REFUSED);
    bool has_changed = is_refused ? g_hash_table_add(stuck, g_strdup(sweep->key))
                                  : g_hash_table_remove(stuck, sweep->key);
    if (has_changed) {
        look_soon_at(sweep->engine, sweep->host_name);
    }
}

static void
on_swept(void *data, bool cancelled)
{
    const Sweep *sweep = data;

    if (!cancelled) {
        g_hash_table_remove(sweep->engine->canaries->sweeping, sweep->key);
        note_swept(sweep);
        canaries_pass(sweep->engine);
    }
}

bool
canaries_is_stuck(const Engine *engine, const char *host, const char *uuid)
{
    g_autofree char *key = g_strdup_printf("%s %s", host, uuid);

    return g_hash_table_contains(engine->canaries->stuck, key) &&
        !g_hash_table_contains(engine->canaries->flights, uuid);
}

static bool
is_stray(const Engine *engine, const DomainView *view)
{
    return view->is_ours && throwaway_kind(view->name, view->uuid) == THROWAWAY_CANARY &&
        !g_hash_table_contains(engine->canaries->flights, view->uuid);
}

static void
sweep_away(Engine *engine, const char *host, HypervisorHost *session, const char *uuid)
{
    Sweep *sweep = g_new0(Sweep, 1);

    log_info("host '%s' still has a canary, which is removed", host);
    sweep->engine = engine;
    sweep->key = g_strdup_printf("%s %s", host, uuid);
    sweep->host_name = g_strdup(host);
    sweep->uuid = g_strdup(uuid);
    sweep->host = hypervisor_host_ref(session);
    g_hash_table_add(engine->canaries->sweeping, g_strdup(sweep->key));
    calls_submit(
        engine->context.calls, LANE_SHORT, host, run_sweep, on_swept, sweep, sweep_free);
}

void
canaries_on_listed(Engine *engine, const char *host, const GPtrArray *domains)
{
    HypervisorHost *session = hosts_find_session(engine, host);

    for (unsigned i = 0; session != NULL && i < domains->len; i++) {
        const DomainView *view = domains->pdata[i];
        if (is_stray(engine, view)) {
            sweep_away(engine, host, session, view->uuid);
        }
    }
}
