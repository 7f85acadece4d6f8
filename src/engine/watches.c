/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Requests that wait until the checks of an operation have ended. */
#include "engine/internal.h"
#include "migration/migration.h"

typedef struct Watch {
    Engine *engine;
    int64_t operation_id;
    int timeout_ms;
    EngineWatchDone done;
    void *data;
    Timer timer;
} Watch;

static void
watch_free(void *data)
{
    Watch *watch = data;

    timer_clear(watch->engine->timers, &watch->timer);
    g_free(watch);
}

/* An operation is only being checked while nothing has happened that would have to be undone. An
 * operation that cannot be read is not waited for. */
static bool
is_checking(Engine *engine, int64_t operation_id)
{
    g_autoptr(Operation) operation = store_get_operation(engine->context.store, operation_id, NULL);
    return operation != NULL && operation->is_open &&
        g_strcmp0(migration_recovery_class(operation->state), "redo") == 0;
}

static void
on_timeout(void *data)
{
    Watch *watch = data;
    Engine *engine = watch->engine;
    int64_t id = watch->operation_id;
    EngineWatchDone done = watch->done;
    void *done_data = watch->data;
    GPtrArray *watches = g_hash_table_lookup(engine->watches, &id);

    g_ptr_array_remove_fast(watches, watch);
    if (watches->len == 0) {
        g_hash_table_remove(engine->watches, &id);
    }
    done(id, true, done_data);
}

static void
add(Engine *engine, void *data)
{
    Watch *watch = g_memdup2(data, sizeof(Watch));

    if (!is_checking(engine, watch->operation_id)) {
        watch->done(watch->operation_id, false, watch->data);
        g_free(watch);
        return;
    }
    GPtrArray *watches = g_hash_table_lookup(engine->watches, &watch->operation_id);
    if (watches == NULL) {
        watches = g_ptr_array_new_with_free_func(watch_free);
        g_hash_table_insert(
            engine->watches, g_memdup2(&watch->operation_id, sizeof watch->operation_id), watches);
    }
    g_ptr_array_add(watches, watch);
    timer_set(engine->timers, &watch->timer,
        engine_now_us(engine) + (int64_t)watch->timeout_ms * 1000, on_timeout, watch);
}

void
engine_watch_checks(
    Engine *engine, int64_t operation_id, int timeout_ms, EngineWatchDone done, void *data)
{
    Watch watch = {
        .engine = engine,
        .operation_id = operation_id,
        .timeout_ms = timeout_ms,
        .done = done,
        .data = data,
    };
    engine_post(engine, add, g_memdup2(&watch, sizeof watch), g_free);
}

static void
finish(Engine *engine, int64_t operation_id, bool timed_out)
{
    void *key = NULL;
    void *value = NULL;

    if (!g_hash_table_steal_extended(engine->watches, &operation_id, &key, &value)) {
        return;
    }
    g_autofree int64_t *id = key;
    g_autoptr(GPtrArray) watches = value;
    for (unsigned i = 0; i < watches->len; i++) {
        Watch *watch = watches->pdata[i];
        watch->done(*id, timed_out, watch->data);
    }
}

void
watches_on_move(Engine *engine, int64_t operation_id)
{
    if (g_hash_table_contains(engine->watches, &operation_id) &&
        !is_checking(engine, operation_id)) {
        finish(engine, operation_id, false);
    }
}

void
watches_init(Engine *engine)
{
    engine->watches = g_hash_table_new_full(
        g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
}

/* Whoever waits gets an answer, also when the engine ends. */
void
watches_clear(Engine *engine)
{
    while (g_hash_table_size(engine->watches) > 0) {
        GHashTableIter iter;
        void *key;
        g_hash_table_iter_init(&iter, engine->watches);
        g_hash_table_iter_next(&iter, &key, NULL);
        finish(engine, *(int64_t *)key, true);
    }
}
