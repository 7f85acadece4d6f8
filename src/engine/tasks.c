/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The open operations. The store's rows are the truth; a task is made from its row and may be
 * thrown away at any time. */
#include "base/log.h"
#include "base/metrics.h"
#include "cold/cold.h"
#include "engine/internal.h"
#include "evacuation/evacuation.h"
#include "lifecycle/lifecycle.h"
#include "migration/migration.h"

/* So many steps, then whatever else waits for the thread has its turn. */
enum { STEPS_PER_TURN = 32 };

static const OperationRunner *
runner_of(OperationKind kind)
{
    switch (kind) {
    case OPERATION_CREATE:
    case OPERATION_DELETE:
    case OPERATION_START:
    case OPERATION_STOP:
    case OPERATION_REBOOT_SOFT:
    case OPERATION_REBOOT_HARD:
    case OPERATION_PAUSE:
    case OPERATION_UNPAUSE:
    case OPERATION_ATTACH_VOLUME:
    case OPERATION_DETACH_VOLUME: return lifecycle_runner();
    case OPERATION_LIVE_MIGRATE: return migration_runner();
    case OPERATION_EVACUATE: return evacuation_runner();
    case OPERATION_COLD_MIGRATE:
    case OPERATION_RESIZE:
    case OPERATION_CONFIRM_RESIZE:
    case OPERATION_REVERT_RESIZE: return cold_runner();
    case OPERATION_LIVE_MIGRATION_CANCEL:
    case OPERATION_LIVE_MIGRATION_FORCE_COMPLETE: break; /* never open */
    }
    g_assert_not_reached();
}

static void
task_free(void *data)
{
    EngineTask *task = data;

    timer_clear(task->engine->timers, &task->timer);
    task->runner->free(task->task);
    g_clear_pointer(&task->memory, g_hash_table_unref);
    g_free(task->instance_id);
    g_free(task);
}

EngineTask *
tasks_find(Engine *engine, int64_t id)
{
    return g_hash_table_lookup(engine->tasks, &id);
}

static void
drop(Engine *engine, EngineTask *task)
{
    if (g_hash_table_lookup(engine->by_instance, task->instance_id) == task) {
        g_hash_table_remove(engine->by_instance, task->instance_id);
    }
    g_hash_table_remove(engine->tasks, &task->id);
}

/* ---- waking and stepping ---- */

static gboolean on_ready(void *data);

static void
make_ready(EngineTask *task)
{
    Engine *engine = task->engine;

    if (task->is_ready) {
        return;
    }
    task->is_ready = true;
    g_queue_push_tail(
        task->has_begun ? &engine->ready : &engine->fresh, g_memdup2(&task->id, sizeof task->id));
    if (engine->ready_source == NULL) {
        engine->ready_source = g_idle_source_new();
        g_source_set_priority(engine->ready_source, G_PRIORITY_DEFAULT);
        g_source_set_callback(engine->ready_source, on_ready, engine, NULL);
        g_source_attach(engine->ready_source, engine->main);
    }
}

static void
on_timer(void *data)
{
    make_ready(data);
}

static void
context_wake(OperationContext *context, int64_t operation_id)
{
    EngineTask *task = tasks_find(context->engine, operation_id);

    if (task != NULL) {
        make_ready(task);
    }
}

/* One timer for each task, for the earliest time asked for: a step that still waits for a later one
 * asks again. So timers never multiply. */
static void
context_wake_at(OperationContext *context, int64_t operation_id, int64_t when_us)
{
    EngineTask *task = tasks_find(context->engine, operation_id);

    if (task == NULL || (task->timer.place != NULL && task->timer.when_us <= when_us)) {
        return;
    }
    timer_set(task->engine->timers, &task->timer, when_us, on_timer, task);
}

void
tasks_wake_all(Engine *engine)
{
    GHashTableIter iter;
    void *task;

    g_hash_table_iter_init(&iter, engine->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &task)) {
        make_ready(task);
    }
}

static void load(Engine *engine, const Operation *operation);

/* A host that it has left may keep a copy until a move is confirmed; nobody will confirm it. */
static void
look_at_left_hosts(Engine *engine, const Instance *instance)
{
    MigrationFilter filter = {.instance_id = instance->id};
    g_autoptr(GPtrArray) migrations = store_list_migrations(engine->context.store, &filter, NULL);

    for (unsigned i = 0; migrations != NULL && i < migrations->len; i++) {
        const Migration *migration = migrations->pdata[i];
        if (migration->type != MIGRATION_TYPE_LIVE) {
            reconcile_instance(engine, migration->source_host, instance->id);
        }
    }
}

/* A delete that waited for the operation that has just ended was inserted with its last move. What
 * happened to the domain while the operation was open was the operation's to judge, and it may have
 * had its answer before. */
static void
load_next(Engine *engine, const char *instance_id, OperationKind closed, bool is_touched)
{
    g_autoptr(Instance) instance = store_get_instance(engine->context.store, instance_id, NULL);
    if (instance == NULL) {
        return;
    }
    looks_on_closed(engine, closed, instance);
    if (instance->terminated_us != 0) {
        look_at_left_hosts(engine, instance);
        leftovers_look_again(engine, instance_id);
        return;
    }
    if (instance->open_operation == 0) {
        if (is_touched && instance->host != NULL) {
            reconcile_instance(engine, instance->host, instance_id);
        }
        leftovers_look_again(engine, instance_id);
        return;
    }
    g_autoptr(Operation) operation =
        store_get_operation(engine->context.store, instance->open_operation, NULL);
    if (operation != NULL && operation->is_open && tasks_find(engine, operation->id) == NULL) {
        load(engine, operation);
    }
}

static void
step(Engine *engine, EngineTask *task)
{
    task->is_ready = false;
    task->has_begun = true;
    if (task->runner->step(task->task)) {
        return;
    }
    g_autofree char *instance_id = g_strdup(task->instance_id);
    bool is_touched = task->is_touched;
    OperationKind kind = task->kind;
    drop(engine, task);
    load_next(engine, instance_id, kind, is_touched);
    drains_on_closed(engine);
}

static gboolean
on_ready(void *data)
{
    Engine *engine = data;

    for (int i = 0; i < STEPS_PER_TURN; i++) {
        bool has_begun = !g_queue_is_empty(&engine->ready);
        g_autofree int64_t *id = g_queue_pop_head(has_begun ? &engine->ready : &engine->fresh);
        EngineTask *task = id != NULL ? tasks_find(engine, *id) : NULL;
        if (task != NULL) {
            step(engine, task);
        }
        /* Beginning takes longest (a host is chosen): what has begun has its turn between. */
        if (!has_begun) {
            break;
        }
    }
    if (!g_queue_is_empty(&engine->ready) || !g_queue_is_empty(&engine->fresh)) {
        return G_SOURCE_CONTINUE;
    }
    g_clear_pointer(&engine->ready_source, g_source_unref);
    return G_SOURCE_REMOVE;
}

/* ---- loading ---- */

static void
load(Engine *engine, const Operation *operation)
{
    g_autoptr(GError) error = NULL;
    const OperationRunner *runner = runner_of(operation->kind);
    /* A task of this life begins in the first state; any other was begun by somebody else. */
    bool recovered = !engine->is_recovered || g_strcmp0(operation->state, "queued") != 0;
    OperationTask *inner = runner->load(&engine->context, operation, recovered, &error);
    if (inner == NULL) {
        if (log_allow("engine-load", 10)) {
            log_error(
                "cannot load operation %" G_GINT64_FORMAT ": %s", operation->id, error->message);
        }
        return;
    }
    EngineTask *task = g_new0(EngineTask, 1);
    task->engine = engine;
    task->id = operation->id;
    task->instance_id = g_strdup(operation->instance_id);
    task->kind = operation->kind;
    task->wanted = operation->wanted;
    task->runner = runner;
    task->task = inner;
    task->seen_in_pass = engine->pass;
    g_hash_table_insert(engine->tasks, &task->id, task);
    g_hash_table_replace(engine->by_instance, task->instance_id, task);
    make_ready(task);
}

static void
see(Engine *engine, const Operation *operation, int64_t now_us)
{
    EngineTask *task = tasks_find(engine, operation->id);

    if (task == NULL) {
        load(engine, operation);
        return;
    }
    task->seen_in_pass = engine->pass;
    bool is_late = operation->deadline_us != 0 && operation->deadline_us <= now_us;
    if (task->wanted != operation->wanted || is_late) {
        task->wanted = operation->wanted;
        make_ready(task);
    }
}

static gboolean
is_unseen(void *key, void *value, void *data)
{
    EngineTask *task = value;
    Engine *engine = data;

    if (task->seen_in_pass == engine->pass) {
        return false;
    }
    if (g_hash_table_lookup(engine->by_instance, task->instance_id) == task) {
        g_hash_table_remove(engine->by_instance, task->instance_id);
    }
    return true;
}

static void
see_all(Engine *engine, GPtrArray *operations)
{
    int64_t now_us = engine_now_us(engine);

    engine->pass++;
    for (unsigned i = 0; i < operations->len; i++) {
        const Operation *operation = operations->pdata[i];
        engine->last_operation = MAX(engine->last_operation, operation->id);
        see(engine, operation, now_us);
    }
}

static void
report_store_error(const GError *error)
{
    if (log_allow("engine-pass", 10)) {
        log_error("cannot list open operations: %s", error->message);
    }
}

void
tasks_pass(Engine *engine)
{
    g_autoptr(GError) error = NULL;

    engine_assert_thread(engine);
    g_autoptr(GPtrArray) operations = store_list_open_operations(engine->context.store, &error);
    if (operations == NULL) {
        report_store_error(error);
        return;
    }
    see_all(engine, operations);
    g_hash_table_foreach_remove(engine->tasks, is_unseen, engine);
    engine->is_recovered = true;
}

/* What a nudge is about: an operation was accepted, or something is wanted of one. */
static void
look_for_fresh(void *data)
{
    Engine *engine = data;
    g_autoptr(GError) error = NULL;

    g_atomic_int_set(&engine->is_nudged, false);
    int64_t begin_us = engine_now_us(engine);
    g_autoptr(GPtrArray) operations =
        store_list_fresh_operations(engine->context.store, engine->last_operation, &error);
    if (operations == NULL) {
        report_store_error(error);
        return;
    }
    see_all(engine, operations);
    volumes_pass(engine);
    int64_t end_us = engine_now_us(engine);
    engine->next_look_us = end_us + 2 * MAX(end_us - begin_us, 0);
}

void
tasks_nudge(Engine *engine)
{
    timer_set(engine->timers, &engine->look_timer, engine->next_look_us, look_for_fresh, engine);
}

static void
run_nudge(Engine *engine, void *data)
{
    tasks_nudge(engine);
}

void
engine_nudge(Engine *engine)
{
    if (g_atomic_int_compare_and_exchange(&engine->is_nudged, false, true)) {
        engine_post(engine, run_nudge, NULL, NULL);
    }
}

/* ---- what happens outside ---- */

bool
tasks_has_instance(Engine *engine, const char *instance_id)
{
    return g_hash_table_contains(engine->by_instance, instance_id);
}

void
tasks_on_event(Engine *engine, const char *host, const HostEvent *event)
{
    EngineTask *task = g_hash_table_lookup(engine->by_instance, event->uuid);

    if (task != NULL) {
        task->is_touched |= event->kind == HOST_EVENT_DOMAIN;
        task->runner->on_event(task->task, host, event);
    }
}

void
tasks_on_host(Engine *engine, const char *host, bool connected)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, engine->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        EngineTask *task = value;
        task->is_touched |= connected;
        task->runner->on_host(task->task, host, connected);
    }
}

void
tasks_export(Engine *engine)
{
    static const char *const labels[] = {
#define X(name, text, task_state) "operation=\"" text "\"",
        OPERATION_KINDS(X)
#undef X
    };
    int counts[G_N_ELEMENTS(labels)] = {0};
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, engine->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        counts[((EngineTask *)value)->kind]++;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
        metrics_set("drover_operations_open", labels[i], counts[i]);
    }
}

void
tasks_init(Engine *engine)
{
    engine->tasks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, task_free);
    engine->by_instance = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&engine->ready);
    g_queue_init(&engine->fresh);
    engine->context.wake = context_wake;
    engine->context.wake_at = context_wake_at;
}

void
tasks_clear(Engine *engine)
{
    if (engine->ready_source != NULL) {
        g_source_destroy(engine->ready_source);
        g_clear_pointer(&engine->ready_source, g_source_unref);
    }
    g_queue_clear_full(&engine->ready, g_free);
    g_queue_clear_full(&engine->fresh, g_free);
    g_hash_table_remove_all(engine->by_instance);
    g_hash_table_remove_all(engine->tasks);
}
