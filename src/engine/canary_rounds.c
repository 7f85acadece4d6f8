/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Canaries that nobody asks for: each host's to its next ones, as drover host lint without names
 * sends them, whenever the last one is older than the configuration says. One at a time, and only
 * while no others are wanted: a fleet is never busy with them, whatever its size. */
#include "base/log.h"
#include "engine/internal.h"

/* Where the rows say that nothing is due, they are read again after so long at the latest: hosts
 * come, and come back. So are the hosts' cells: to read all that is known of ten thousand hosts for
 * each canary would keep the engine from its work. */
#define LOOK_INTERVAL_US (60 * G_USEC_PER_SEC)

typedef struct Round {
    Engine *engine;
    GHashTable *canaries; /* source -> (dest -> Canary): the last ones */
    int64_t now_us;
    const char *source; /* of the pair whose last one is the oldest; NULL: none can be tried */
    const char *dest;
    int64_t tried_us; /* of it */
} Round;

static int64_t
last_try_us(const Round *round, const char *source, const char *dest)
{
    GHashTable *by_dest = g_hash_table_lookup(round->canaries, source);
    const Canary *canary = by_dest != NULL ? g_hash_table_lookup(by_dest, dest) : NULL;

    return canary != NULL ? canary->tried_us : 0;
}

static void
look_at_pair(Round *round, const char *source, const char *dest)
{
    int64_t tried_us = last_try_us(round, source, dest);
    bool is_older = round->source == NULL || tried_us < round->tried_us;

    if (is_older && hosts_find_session(round->engine, source) != NULL &&
        hosts_find_session(round->engine, dest) != NULL) {
        round->source = source;
        round->dest = dest;
        round->tried_us = tried_us;
    }
}

static void
add_pairs(GPtrArray *pairs, const GPtrArray *hosts, unsigned of)
{
    const Host *source = hosts->pdata[of];
    g_autoptr(GPtrArray) peers = canary_list_peers(hosts, of);

    for (unsigned i = 0; i < peers->len; i++) {
        Canary *pair = g_new0(Canary, 1);
        pair->source_host = g_strdup(source->name);
        pair->dest_host = g_strdup(((const Host *)peers->pdata[i])->name);
        g_ptr_array_add(pairs, pair);
    }
}

static bool
read_pairs(Engine *engine, int64_t now_us, GError **error)
{
    unsigned n_hosts = g_hash_table_size(engine->links);
    if (engine->canary_pairs != NULL && engine->canary_pairs_hosts == n_hosts &&
        now_us < engine->canary_pairs_until_us) {
        return true;
    }
    g_autoptr(GPtrArray) hosts = store_list_hosts(engine->context.store, error);
    if (hosts == NULL) {
        return false;
    }
    g_clear_pointer(&engine->canary_pairs, g_ptr_array_unref);
    engine->canary_pairs = g_ptr_array_new_with_free_func((GDestroyNotify)canary_free);
    engine->canary_pairs_hosts = n_hosts;
    engine->canary_pairs_until_us = now_us + LOOK_INTERVAL_US;
    for (unsigned i = 0; i < hosts->len; i++) {
        add_pairs(engine->canary_pairs, hosts, i);
    }
    return true;
}

static void
find_oldest(Round *round)
{
    const GPtrArray *pairs = round->engine->canary_pairs;

    for (unsigned i = 0; i < pairs->len; i++) {
        const Canary *pair = pairs->pdata[i];
        look_at_pair(round, pair->source_host, pair->dest_host);
    }
}

/* source -> (dest -> Canary), of all that there are. */
static GHashTable *
map_all(Store *store, GError **error)
{
    CanaryFilter filter = {0};
    g_autoptr(GPtrArray) canaries = store_list_canaries(store, &filter, error);
    GHashTable *map = canaries == NULL
        ? NULL
        : g_hash_table_new_full(
              g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);

    while (map != NULL && canaries->len > 0) {
        Canary *canary = g_ptr_array_steal_index(canaries, canaries->len - 1);
        GHashTable *by_dest = g_hash_table_lookup(map, canary->source_host);
        if (by_dest == NULL) {
            by_dest =
                g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)canary_free);
            g_hash_table_insert(map, g_strdup(canary->source_host), by_dest);
        }
        g_hash_table_insert(by_dest, canary->dest_host, canary);
    }
    return map;
}

static bool
ask(const Round *round, GError **error)
{
    Canary wish = {.source_host = (char *)round->source, .dest_host = (char *)round->dest};
    g_autoptr(GPtrArray) wishes = g_ptr_array_new();

    g_ptr_array_add(wishes, &wish);
    return store_ask_canaries(round->engine->context.store, wishes, error);
}

/* The time of the next look: when the oldest is as old as it may get, soon if it is already. */
static bool
ask_oldest(
    Round *round, int64_t interval_us, int64_t *ret_next_us, bool *ret_asked, GError **error)
{
    round->canaries = map_all(round->engine->context.store, error);
    if (round->canaries == NULL) {
        return false;
    }
    find_oldest(round);
    bool is_due = round->source != NULL && round->now_us - round->tried_us >= interval_us;
    int64_t due_us = round->source != NULL ? round->tried_us + interval_us : INT64_MAX;
    *ret_asked = is_due && ask(round, error);
    *ret_next_us = is_due ? 0 : MIN(due_us, round->now_us + LOOK_INTERVAL_US);
    g_hash_table_unref(round->canaries);
    return *ret_asked || !is_due;
}

bool
canaries_ask_due(Engine *engine)
{
    g_autoptr(GError) error = NULL;
    Round round = {.engine = engine, .now_us = engine_now_us(engine)};
    int64_t interval_us = engine->context.settings.canary_interval_us;
    bool is_asked = false;

    if (interval_us == 0 || round.now_us < engine->next_canary_us || hosts_is_gathering(engine)) {
        return false;
    }
    bool is_read = read_pairs(engine, round.now_us, &error);
    if (is_read && engine->canary_pairs->len == 0) {
        return false;
    }
    if (!is_read ||
        !ask_oldest(&round, interval_us, &engine->next_canary_us, &is_asked, &error)) {
        log_error("cannot ask for a canary: %s", error->message);
    }
    return is_asked;
}
