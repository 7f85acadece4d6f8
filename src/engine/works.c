/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Slow work that HTTP threads hand over, and the console log. Work has threads of its own, so that
 * a login never waits for image streams; one at a time for each key, so that hashing passwords
 * takes the memory of one. */
#include "base/log.h"
#include "engine/internal.h"

#include <string.h>

enum { WORK_THREADS = 8 };

typedef struct Work {
    Engine *engine;
    char *key;
    bool reads; /* the store, which is closed once the engine is stopped */
    CallRun run;
    CallDone done;
    void *data;
    GDestroyNotify free_data;
} Work;

typedef struct Works {
    GThreadPool *pool;
    GHashTable *queues; /* key -> GQueue of Work; the head is under way */
    GMutex lock;        /* of what follows */
    GCond has_read;
    unsigned n_reading;
    bool is_stopping;
} Works;

static void
work_free(void *data)
{
    Work *work = data;

    if (work->free_data != NULL) {
        work->free_data(work->data);
    }
    g_free(work->key);
    g_free(work);
}

static void
queue_free(void *data)
{
    GQueue *queue = data;

    /* The head belongs to its worker. */
    g_queue_pop_head(queue);
    g_queue_free_full(queue, work_free);
}

static void
on_done(Engine *engine, void *data)
{
    Work *work = data;
    GQueue *queue = g_hash_table_lookup(engine->works->queues, work->key);

    g_queue_pop_head(queue);
    Work *next = g_queue_peek_head(queue);
    if (next != NULL) {
        g_thread_pool_push(engine->works->pool, next, NULL);
    } else {
        g_hash_table_remove(engine->works->queues, work->key);
    }
    work->done(work->data, false);
}

static void
run_reading(Works *works, Work *work)
{
    g_mutex_lock(&works->lock);
    bool is_late = works->is_stopping;
    works->n_reading += is_late ? 0 : 1;
    g_mutex_unlock(&works->lock);
    if (is_late) {
        return; /* nobody is told any more */
    }
    work->run(work->data);
    g_mutex_lock(&works->lock);
    works->n_reading--;
    g_cond_signal(&works->has_read);
    g_mutex_unlock(&works->lock);
}

/* On a thread of the pool. */
static void
run_work(void *data, void *pool_data)
{
    Work *work = data;

    if (work->reads) {
        run_reading(work->engine->works, work);
    } else {
        work->run(work->data);
    }
    engine_post(work->engine, on_done, work, work_free);
}

static void
enqueue(Engine *engine, void *data)
{
    Work *work = data;
    GQueue *queue = g_hash_table_lookup(engine->works->queues, work->key);

    if (queue != NULL) {
        g_queue_push_tail(queue, work);
        return;
    }
    queue = g_queue_new();
    g_queue_push_tail(queue, work);
    g_hash_table_insert(engine->works->queues, g_strdup(work->key), queue);
    g_thread_pool_push(engine->works->pool, work, NULL);
}

void
engine_ask_work(Engine *engine, const char *key, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data)
{
    Work *work = g_new0(Work, 1);

    *work = (Work){engine, g_strdup(key), false, run, done, data, free_data};
    engine_post_away(engine, enqueue, work, work_free);
}

void
engine_ask_reading(Engine *engine, const char *key, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data)
{
    Work *work = g_new0(Work, 1);

    *work = (Work){engine, g_strdup(key), true, run, done, data, free_data};
    engine_post_away(engine, enqueue, work, work_free);
}

void
works_stop(Engine *engine)
{
    Works *works = engine->works;

    g_mutex_lock(&works->lock);
    works->is_stopping = true;
    while (works->n_reading > 0) {
        g_cond_wait(&works->has_read, &works->lock);
    }
    g_mutex_unlock(&works->lock);
}

void
works_init(Engine *engine)
{
    engine->works = g_new0(Works, 1);
    engine->works->pool = g_thread_pool_new(run_work, NULL, WORK_THREADS, false, NULL);
    engine->works->queues = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, queue_free);
}

void
works_clear(Engine *engine)
{
    g_thread_pool_free(engine->works->pool, true, true);
    while (g_main_context_iteration(engine->main, false)) {
    }
    g_hash_table_unref(engine->works->queues);
    g_clear_pointer(&engine->works, g_free);
}

/* ---- the console ---- */

typedef struct Console {
    Engine *engine;
    char *host;
    char *instance_id;
    size_t max_size;
    EngineConsoleDone done;
    void *data;
    HypervisorHost *session;
    char *live;
    size_t live_size;
    GError *error;
} Console;

static void
console_free(void *data)
{
    Console *console = data;

    g_clear_pointer(&console->session, hypervisor_host_unref);
    g_clear_error(&console->error);
    g_free(console->live);
    g_free(console->host);
    g_free(console->instance_id);
    g_free(console);
}

static void
run_console(void *data)
{
    Console *console = data;

    hypervisor_read_console(console->session, console->instance_id, console->max_size,
        &console->live, &console->live_size, &console->error);
    g_clear_pointer(&console->session, hypervisor_host_unref);
}

/* History, then what the host has; the last max_size bytes of both. */
static void
on_console(void *data, bool cancelled)
{
    Console *console = data;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) store_error = NULL;
    g_autofree char *history =
        store_load_console(console->engine->context.store, console->instance_id, &store_error);

    if (history != NULL) {
        g_string_append(text, history);
    }
    if (console->live != NULL) {
        g_string_append_len(text, console->live, (gssize)console->live_size);
    }
    if (cancelled && console->error == NULL) {
        error_set(&console->error, ERROR_HYPERVISOR_DOWN, "the daemon is ending");
    }
    size_t size = MIN(text->len, console->max_size);
    const GError *error = console->error != NULL ? console->error : store_error;
    console->done(text->str + text->len - size, size, error, console->data);
}

static void
ask_console(Engine *engine, void *data)
{
    Console *console = g_memdup2(data, sizeof(Console));
    HypervisorHost *session = hosts_find_session(engine, console->host);

    *(Console *)data = (Console){0};
    if (session == NULL) {
        error_set(&console->error, ERROR_HYPERVISOR_DOWN, "host '%s' is not connected",
            console->host != NULL ? console->host : "-");
        on_console(console, false);
        console_free(console);
        return;
    }
    console->session = hypervisor_host_ref(session);
    calls_submit(engine->context.calls, LANE_SHORT, console->host, run_console, on_console, console,
        console_free);
}

void
engine_ask_console(Engine *engine, const char *host, const char *instance_id, size_t max_size,
    EngineConsoleDone done, void *data)
{
    Console *console = g_new0(Console, 1);

    console->engine = engine;
    console->host = g_strdup(host);
    console->instance_id = g_strdup(instance_id);
    console->max_size = max_size;
    console->done = done;
    console->data = data;
    engine_post(engine, ask_console, console, console_free);
}
