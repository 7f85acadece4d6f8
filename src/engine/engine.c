/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/log.h"
#include "base/metrics.h"
#include "cold/cold.h"
#include "engine/internal.h"
#include "evacuation/evacuation.h"
#include "migration/migration.h"

#include <string.h>

enum { DEFAULT_MAX_TRANSFERS = 256 };
#define DEFAULT_KEEPALIVE_US (20 * G_USEC_PER_SEC)
#define DEFAULT_SYNC_INTERVAL_US (600 * G_USEC_PER_SEC)
#define DEFAULT_LOOK_SOON_US (30 * G_USEC_PER_SEC)
/* A nudge that was lost with its daemon is found at the next tick. */
#define TICK_US (5 * G_USEC_PER_SEC)

typedef struct Post {
    Engine *engine;
    void (*run)(Engine *engine, void *data);
    void *data;
    GDestroyNotify free_data;
    bool gives; /* data is run's */
} Post;

void
engine_assert_thread(const Engine *engine)
{
    g_assert(engine->thread == NULL || g_thread_self() == engine->thread);
}

int64_t
engine_now_us(const Engine *engine)
{
    return clock_now_us(engine->context.clock);
}

int64_t
engine_random_us(Engine *engine, int64_t min_us, int64_t max_us)
{
    uint32_t number;

    engine->context.clock->random(engine->context.clock->data, &number, sizeof number);
    return min_us + (int64_t)((double)(max_us - min_us) * number / UINT32_MAX);
}

static gboolean
post_run(void *data)
{
    Post *post = data;

    if (!post->engine->is_stopped) {
        void *what = post->data;
        post->data = post->gives ? NULL : what;
        post->run(post->engine, what);
    }
    return G_SOURCE_REMOVE;
}

static void
post_free(void *data)
{
    Post *post = data;

    if (post->free_data != NULL && post->data != NULL) {
        post->free_data(post->data);
    }
    g_free(post);
}

/* what is copied. */
static void
post_send(GMainContext *main, const Post *what)
{
    Post *post = g_memdup2(what, sizeof *what);
    GSource *source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, post_run, post, post_free);
    g_source_attach(source, main);
    g_source_unref(source);
}

void
engine_post_to(GMainContext *main, Engine *engine, void (*run)(Engine *engine, void *data),
    void *data, GDestroyNotify free_data)
{
    post_send(main, &(Post){.engine = engine, .run = run, .data = data, .free_data = free_data});
}

void
engine_post_away(
    Engine *engine, void (*run)(Engine *engine, void *data), void *data, GDestroyNotify free_data)
{
    post_send(engine->main,
        &(Post){.engine = engine, .run = run, .data = data, .free_data = free_data, .gives = true});
}

void
engine_post(
    Engine *engine, void (*run)(Engine *engine, void *data), void *data, GDestroyNotify free_data)
{
    engine_post_to(engine->main, engine, run, data, free_data);
}

void
engine_log_instance(LogLevel level, const Instance *instance, const char *host, const char *message)
{
    LogField fields[] = {{"instance_id", instance->id}, {"host", host}, {NULL, NULL}};

    log_record(level, fields, "%s", message);
}

/* ---- what the runners may ask for ---- */

static Engine *
engine_of(OperationContext *context)
{
    return context->engine;
}

static HypervisorHost *
context_find_session(OperationContext *context, const char *host)
{
    return hosts_find_session(engine_of(context), host);
}

static bool
context_is_gathering(OperationContext *context)
{
    return hosts_is_gathering(engine_of(context));
}

static MemoryAnswer
context_read_memory(OperationContext *context, int64_t operation_id, const char *host)
{
    return memory_read(engine_of(context), operation_id, host);
}

static bool
context_is_clearing(OperationContext *context, const char *host, const char *instance_id)
{
    return leftovers_is_clearing(engine_of(context), host, instance_id);
}

static void
context_moved(OperationContext *context, int64_t operation_id)
{
    watches_on_move(engine_of(context), operation_id);
}

/* ---- life ---- */

static EngineOptions
fill_options(const EngineOptions *options)
{
    EngineOptions filled = options != NULL ? *options : (EngineOptions){.resume_guests = true};

    if (filled.keepalive_us == 0) {
        filled.keepalive_us = DEFAULT_KEEPALIVE_US;
    }
    if (filled.sync_interval_us == 0) {
        filled.sync_interval_us = DEFAULT_SYNC_INTERVAL_US;
    }
    if (filled.look_soon_us == 0) {
        filled.look_soon_us = DEFAULT_LOOK_SOON_US;
    }
    if (filled.max_transfers == 0) {
        filled.max_transfers = DEFAULT_MAX_TRANSFERS;
    }
    return filled;
}

/* Borrowed until here. */
static void
settings_own(OperationSettings *settings)
{
    settings->image_directory = g_strdup(settings->image_directory);
    settings->volume_pool = g_strdup(settings->volume_pool);
    settings->fence_directory = g_strdup(settings->fence_directory);
    settings->live = settings->live != NULL ? live_policy_ref(settings->live) : NULL;
}

static void
settings_clear(OperationSettings *settings)
{
    g_clear_pointer(&settings->image_directory, g_free);
    g_clear_pointer(&settings->volume_pool, g_free);
    g_clear_pointer(&settings->fence_directory, g_free);
    g_clear_pointer(&settings->live, live_policy_unref);
}

static void
settings_free(void *data)
{
    OperationSettings *settings = data;

    settings_clear(settings);
    g_free(settings);
}

static void
take_settings(Engine *engine, void *data)
{
    OperationSettings *settings = data;

    settings_clear(&engine->context.settings);
    engine->context.settings = *settings;
    settings_own(&engine->context.settings);
    engine->next_canary_us = 0;
    /* More may move at once than before. */
    tasks_wake_all(engine);
}

void
engine_set_settings(Engine *engine, const OperationSettings *settings)
{
    OperationSettings *copy = g_memdup2(settings, sizeof *settings);

    settings_own(copy);
    engine_post(engine, take_settings, copy, settings_free);
}

Engine *
engine_new(Store *store, const Clock *clock, const OperationSettings *settings,
    const EngineOptions *options, EngineFindHypervisor find_hypervisor, void *find_data)
{
    Engine *engine = g_new0(Engine, 1);

    engine->main = g_main_context_new();
    engine->loop = g_main_loop_new(engine->main, false);
    engine->options = fill_options(options);
    engine->find_hypervisor = find_hypervisor;
    engine->find_data = find_data;
    engine->timers = timers_new(engine->main, clock);
    engine->context = (OperationContext){
        .store = store,
        .calls = calls_new(engine->main, engine->options.max_transfers),
        .clock = clock,
        .settings = *settings,
        .engine = engine,
        .find_session = context_find_session,
        .is_gathering = context_is_gathering,
        .read_memory = context_read_memory,
        .is_clearing = context_is_clearing,
        .moved = context_moved,
    };
    settings_own(&engine->context.settings);
    tasks_init(engine);
    hosts_init(engine);
    leftovers_init(engine);
    watches_init(engine);
    works_init(engine);
    volumes_init(engine);
    canaries_init(engine);
    pools_init(engine);
    return engine;
}

static void
export_metrics(Engine *engine)
{
    static const char *const lanes[] = {
        [LANE_SHORT] = "lane=\"short\"",
        [LANE_OPEN] = "lane=\"open\"",
        [LANE_LONG] = "lane=\"long\"",
        [LANE_TRANSFER] = "lane=\"transfer\"",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lanes); i++) {
        metrics_set("drover_calls", lanes[i], calls_count(engine->context.calls, (CallLane)i));
    }
    tasks_export(engine);
    hosts_export(engine);
}

static void
on_tick(void *data)
{
    Engine *engine = data;

    /* Where nothing is written, nothing would tell that the database is another daemon's now. */
    store_check_epoch(engine->context.store, NULL);
    cold_confirm_overdue(&engine->context);
    tasks_pass(engine);
    volumes_pass(engine);
    drains_pass(engine);
    canaries_on_tick(engine);
    pools_pass(engine);
    export_metrics(engine);
    timer_set(engine->timers, &engine->tick, engine_now_us(engine) + TICK_US, on_tick, engine);
}

static void *
engine_thread(void *data)
{
    Engine *engine = data;

    g_main_context_push_thread_default(engine->main);
    engine->started_us = engine_now_us(engine);
    hosts_load(engine);
    on_tick(engine);
    g_main_loop_run(engine->loop);
    g_main_context_pop_thread_default(engine->main);
    return NULL;
}

static void
describe_metrics(void)
{
    metrics_describe("drover_operations_open", "gauge", "Operations that are not closed, by kind");
    metrics_describe("drover_operation_moves_total", "counter", "Moves into a state, by kind");
    metrics_describe("drover_operation_failures_total", "counter",
        "Operations that failed, by kind and diagnosis (doc/troubleshooting.md)");
    metrics_describe("drover_operation_seconds", "histogram", "From accepted to closed, by kind");
    metrics_describe("drover_hosts", "gauge", "Hosts by state of the control connection");
    metrics_describe("drover_host_looks_total", "counter",
        "Connected hosts that were asked what they are and have, by why then");
    metrics_describe("drover_calls", "gauge", "Calls to hosts that wait or run, by lane");
}

bool
engine_start(Engine *engine, GError **error)
{
    describe_metrics();
    if (!store_begin_epoch(engine->context.store, &engine->context.epoch, error)) {
        return false;
    }
    engine->thread = g_thread_try_new("engine", engine_thread, engine, error);
    return engine->thread != NULL;
}

static void
quit(Engine *engine, void *data)
{
    g_main_loop_quit(engine->loop);
}

void
engine_stop(Engine *engine)
{
    if (engine->thread == NULL) {
        return;
    }
    engine_post(engine, quit, NULL, NULL);
    g_thread_join(engine->thread);
    engine->thread = NULL;
    engine->is_stopped = true;
    works_stop(engine);
    calls_stop(engine->context.calls);
    watches_clear(engine);
    tasks_clear(engine);
    hosts_clear(engine);
    migration_forget(&engine->context);
    evacuation_forget(&engine->context);
    g_clear_pointer(&engine->timers, timers_free);
    /* What was dropped is freed on the context; nothing is decided any more. */
    while (g_main_context_iteration(engine->main, false)) {
    }
}

void
engine_free(Engine *engine)
{
    if (engine == NULL) {
        return;
    }
    engine_stop(engine);
    works_clear(engine);
    volumes_clear(engine);
    canaries_clear(engine);
    pools_clear(engine);
    leftovers_clear(engine);
    timers_free(engine->timers);
    calls_free(engine->context.calls);
    g_hash_table_unref(engine->tasks);
    g_hash_table_unref(engine->by_instance);
    g_hash_table_unref(engine->links);
    g_clear_pointer(&engine->canary_pairs, g_ptr_array_unref);
    g_hash_table_unref(engine->sessions);
    g_hash_table_unref(engine->observing);
    g_hash_table_unref(engine->watches);
    g_main_loop_unref(engine->loop);
    g_main_context_unref(engine->main);
    settings_clear(&engine->context.settings);
    g_free(engine);
}
