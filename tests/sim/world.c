/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "tests/sim/sim.h"

#include "base/log.h"
#include "lifecycle/lifecycle.h"
#include "migration/migration.h"
#include <glib/gstdio.h>
#include <stdio.h>

/* ---- chance and time ---- */

uint64_t
rng_next(Rng *rng)
{
    /* splitmix64 */
    uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int
rng_below(Rng *rng, int n)
{
    return (int)(rng_next(rng) % (uint64_t)n);
}

bool
rng_chance(Rng *rng, int percent)
{
    return rng_below(rng, 100) < percent;
}

static int64_t
read_clock(void *data)
{
    return ((Sim *)data)->now_us;
}

static void
read_random(void *data, void *buffer, size_t size)
{
    Sim *sim = data;
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)buffer)[i] = (uint8_t)rng_next(&sim->rng);
    }
}

void
sim_log(Sim *sim, const char *format, ...)
{
    if (!sim->is_verbose) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    printf("# %10.3f %s\n", (double)(sim->now_us - sim->begin_us) / 1e6, text);
    fflush(stdout);
}

void
sim_fail(Sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    sim_log(sim, "BROKEN: %s", text);
    if (sim->failure->len == 0) {
        g_string_printf(
            sim->failure, "at %.3f s: %s", (double)(sim->now_us - sim->begin_us) / 1e6, text);
    }
}

/* ---- tasks: what the engine does ---- */

static SimTask *
find_task(Sim *sim, int64_t id)
{
    return g_hash_table_lookup(sim->tasks, &id);
}

static void
task_free(void *data)
{
    SimTask *task = data;
    task->runner->free(task->task);
    g_free(task->instance_id);
    g_free(task);
}

void
sim_wake(Sim *sim, int64_t operation_id)
{
    SimTask *task = find_task(sim, operation_id);
    if (task != NULL) {
        task->wake_us = MIN(task->wake_us, sim->now_us);
    }
}

static void
context_wake(OperationContext *context, int64_t operation_id)
{
    sim_wake(context->engine, operation_id);
}

static void
context_wake_at(OperationContext *context, int64_t operation_id, int64_t when_us)
{
    SimTask *task = find_task(context->engine, operation_id);
    if (task != NULL) {
        task->wake_us = MIN(task->wake_us, when_us);
    }
}

static void
context_moved(OperationContext *context, int64_t operation_id)
{
    Sim *sim = context->engine;
    sim->n_moves++;
    sim->dies_soon =
        sim->dies_soon || (sim->has_crashes && !sim->is_calm && rng_chance(&sim->rng, 3));
    g_autoptr(Operation) operation = store_get_operation(sim->store, operation_id, NULL);
    if (operation != NULL) {
        sim_log(sim, "   %s %" G_GINT64_FORMAT " of %.8s -> %s: %s",
            operation_kind_name(operation->kind), operation_id, operation->instance_id,
            operation->state, operation->message);
    }
}

static HypervisorHost *
context_find_session(OperationContext *context, const char *host)
{
    SimHost *found = sim_find_host(context->engine, host);
    return found != NULL ? found->session : NULL;
}

/* What hosts have is told once. */
static MemoryAnswer
context_read_memory(OperationContext *context, int64_t operation_id, const char *host)
{
    return MEMORY_SETTLED;
}

static bool
context_is_gathering(OperationContext *context)
{
    return false;
}

static bool
context_is_clearing(OperationContext *context, const char *host, const char *instance_id)
{
    return false;
}

static void
load(Sim *sim, const Operation *operation)
{
    g_autoptr(GError) error = NULL;
    const OperationRunner *runner =
        operation->kind == OPERATION_LIVE_MIGRATE ? migration_runner() : lifecycle_runner();
    bool recovered = !g_str_equal(operation->state, "queued");
    OperationTask *inner = runner->load(&sim->context, operation, recovered, &error);
    if (inner == NULL) {
        sim_fail(sim, "cannot load operation: %s", error->message);
        return;
    }
    SimTask *task = g_new0(SimTask, 1);
    task->id = operation->id;
    task->instance_id = g_strdup(operation->instance_id);
    task->runner = runner;
    task->task = inner;
    task->wake_us = sim->now_us;
    g_hash_table_insert(sim->tasks, &task->id, task);
}

void
sim_pass(Sim *sim)
{
    g_autoptr(GPtrArray) operations = store_list_open_operations(sim->store, NULL);
    for (unsigned i = 0; i < operations->len; i++) {
        const Operation *operation = operations->pdata[i];
        if (find_task(sim, operation->id) == NULL) {
            load(sim, operation);
        }
    }
}

bool
sim_has_open_operations(Sim *sim)
{
    g_autoptr(GPtrArray) operations = store_list_open_operations(sim->store, NULL);
    return operations->len > 0;
}

static int
compare_ids(const void *a, const void *b)
{
    int64_t first = (*(SimTask *const *)a)->id;
    int64_t second = (*(SimTask *const *)b)->id;
    return (first > second) - (first < second);
}

/* In the order of their ids: that of a hash table is not the same in every run. */
static GPtrArray *
list_tasks(Sim *sim)
{
    GPtrArray *tasks = g_ptr_array_new();
    GHashTableIter iter;
    void *task = NULL;
    g_hash_table_iter_init(&iter, sim->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &task)) {
        g_ptr_array_add(tasks, task);
    }
    g_ptr_array_sort(tasks, compare_ids);
    return tasks;
}

static bool
step_due(Sim *sim)
{
    g_autoptr(GPtrArray) tasks = list_tasks(sim);
    for (unsigned i = 0; i < tasks->len; i++) {
        SimTask *task = tasks->pdata[i];
        if (task->wake_us > sim->now_us) {
            continue;
        }
        task->wake_us = INT64_MAX;
        sim->n_steps++;
        if (!task->runner->step(task->task)) {
            g_hash_table_remove(sim->tasks, &task->id);
            sim_pass(sim);
        }
        return true;
    }
    return false;
}

/* ---- hosts ---- */

SimHost *
sim_find_host(Sim *sim, const char *name)
{
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        if (g_strcmp0(host->name, name) == 0) {
            return host;
        }
    }
    return NULL;
}

static void
tell_tasks(Sim *sim, const char *host, bool connected)
{
    g_autoptr(GPtrArray) tasks = list_tasks(sim);
    for (unsigned i = 0; i < tasks->len; i++) {
        SimTask *task = tasks->pdata[i];
        task->runner->on_host(task->task, host, connected);
    }
}

static void
on_event(const HostEvent *event, void *data)
{
    Sim *sim = data;
    g_async_queue_push(sim->events, g_memdup2(event, sizeof *event));
}

/* Only one paused guest is nobody's fault: whoever gives a migration up while its source is silent
 * finds it there as the migration has left it. */
static bool
was_given_up(Sim *sim, const Instance *instance)
{
    g_autoptr(GPtrArray) operations =
        store_list_instance_operations(sim->store, instance->id, 0, NULL);
    for (unsigned i = 0; i < operations->len; i++) {
        const Operation *operation = operations->pdata[i];
        if (operation->kind == OPERATION_LIVE_MIGRATE && !operation->is_open &&
            g_str_equal(operation->state, "cancelled")) {
            return true;
        }
    }
    return false;
}

/* A host that did not answer when its instance was deleted still has it. */
static void
remove_deleted(SimHost *host, const Instance *instance)
{
    bool is_removed = instance->terminated_us == 0;
    for (int i = 0; i < 20 && !is_removed; i++) { /* calls fail by chance */
        is_removed = hypervisor_remove_guest(host->session, instance->id, true, NULL);
    }
}

/* What the engine does with a host that is back: guests that were deleted go, its paused guests are
 * shown as paused. */
static void
observe_host(Sim *sim, SimHost *host)
{
    for (unsigned i = 0; i < sim->instances->len; i++) {
        g_autoptr(Instance) instance =
            store_get_instance(sim->store, sim->instances->pdata[i], NULL);
        DomainView view = {0};
        if (g_strcmp0(instance->host, host->name) == 0) {
            remove_deleted(host, instance);
        }
        if (instance->open_operation == 0 && instance->vm_state == VM_STATE_ACTIVE &&
            g_strcmp0(instance->host, host->name) == 0 && was_given_up(sim, instance) &&
            hypervisor_describe_domain(host->session, instance->id, &view, NULL)) {
            if (view.state == DOMAIN_PAUSED) {
                store_observe_instance(
                    sim->store, instance->id, VM_STATE_PAUSED, POWER_STATE_PAUSED, true, NULL);
            }
            domain_view_clear(&view);
        }
    }
}

static void
try_open(Sim *sim, SimHost *host)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *uri = g_strconcat("fake:///", host->name, NULL);
    HostAddress address = {
        .name = host->name, .uri = uri, .peer_uri = uri, .migration_address = "", .pool = "pool"};
    uint64_t id = ++sim->last_session;
    host->session = hypervisor_open(sim->fleet, &address, id, on_event, sim, &error);
    if (host->session == NULL) {
        host->reopen_us = sim->now_us + SECOND_US;
        return;
    }
    host->session_id = id;
    host->reopen_us = INT64_MAX;
    HostFacts facts = {0};
    if (hypervisor_probe(host->session, &facts, NULL)) {
        store_set_host_facts(sim->store, host->name, &facts, NULL);
        host_facts_clear(&facts);
    }
    store_set_host_connection(sim->store, host->name, true, NULL, sim->now_us, NULL);
    sim_log(sim, "%s is connected", host->name);
    tell_tasks(sim, host->name, true);
    observe_host(sim, host);
}

static void
lose_session(Sim *sim, SimHost *host)
{
    g_clear_pointer(&host->session, hypervisor_host_unref);
    host->reopen_us = sim->now_us + SECOND_US / 10;
    store_set_host_connection(sim->store, host->name, false, "it is gone", sim->now_us, NULL);
    sim_log(sim, "%s is not connected", host->name);
    tell_tasks(sim, host->name, false);
}

static bool
open_due(Sim *sim)
{
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        if (host->session == NULL && host->reopen_us <= sim->now_us) {
            try_open(sim, host);
            return true;
        }
    }
    return false;
}

static void
deliver(Sim *sim, SimHost *host, const HostEvent *event)
{
    if (event->kind == HOST_EVENT_CLOSED) {
        lose_session(sim, host);
        return;
    }
    g_autoptr(GPtrArray) tasks = list_tasks(sim);
    for (unsigned i = 0; i < tasks->len; i++) {
        SimTask *task = tasks->pdata[i];
        if (g_str_equal(task->instance_id, event->uuid)) {
            task->runner->on_event(task->task, host->name, event);
        }
    }
}

static bool
deliver_due(Sim *sim)
{
    g_autofree HostEvent *event = g_async_queue_try_pop(sim->events);
    if (event == NULL) {
        return false;
    }
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        if (host->session != NULL && host->session_id == event->session) {
            deliver(sim, host, event);
        }
    }
    return true;
}

/* ---- time ---- */

void
sim_settle(Sim *sim)
{
    bool did_something = true;
    while (did_something && sim->failure->len == 0) {
        fake_advance(sim->fleet);
        sim_calls_quiesce(sim->context.calls);
        did_something = deliver_due(sim) || open_due(sim) ||
            sim_calls_run_due(sim->context.calls) || step_due(sim);
        if (did_something) {
            rules_check(sim);
        }
        if (sim->dies_soon) {
            sim_crash_daemon(sim);
        }
    }
}

void
sim_advance(Sim *sim, int64_t until_us)
{
    int64_t due_us = MIN(until_us, sim_calls_next_due_us(sim->context.calls));
    due_us = MIN(due_us, fake_next_due_us(sim->fleet));
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        due_us = host->session == NULL ? MIN(due_us, host->reopen_us) : due_us;
    }
    g_autoptr(GPtrArray) tasks = list_tasks(sim);
    for (unsigned i = 0; i < tasks->len; i++) {
        due_us = MIN(due_us, ((SimTask *)tasks->pdata[i])->wake_us);
    }
    sim->now_us = MAX(sim->now_us, due_us);
}

void
sim_crash_daemon(Sim *sim)
{
    sim_log(sim, "the daemon dies");
    sim->dies_soon = false;
    g_hash_table_remove_all(sim->tasks);
    sim_calls_abandon(sim->context.calls);
    migration_forget(&sim->context);
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        g_clear_pointer(&host->session, hypervisor_host_unref);
        host->reopen_us = sim->now_us + rng_below(&sim->rng, SECOND_US / 2);
        store_set_host_connection(sim->store, host->name, false, "restart", sim->now_us, NULL);
    }
    store_begin_epoch(sim->store, &sim->context.epoch, NULL);
    sim_pass(sim);
}

/* ---- making the world ---- */

static void
add_host(Sim *sim, int number)
{
    g_autoptr(Host) row = host_new();
    row->id = clock_new_uuid(&sim->clock);
    row->hypervisor_id = clock_new_uuid(&sim->clock);
    row->name = g_strdup_printf("host%c", 'a' + number);
    row->uri = g_strconcat("fake:///", row->name, NULL);
    row->peer_uri = g_strdup(row->uri);
    row->migration_address = g_strdup("");
    row->pool = g_strdup("pool");
    row->zone = g_strdup("nova");
    store_insert_host(sim->store, row, NULL);
    SimHost *host = g_new0(SimHost, 1);
    host->name = g_strdup(row->name);
    g_ptr_array_add(sim->hosts, host);
}

static void
host_free_sim(void *data)
{
    SimHost *host = data;
    hypervisor_host_unref(host->session);
    g_free(host->name);
    g_free(host);
}

static void
add_instance(Sim *sim, int number)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();
    g_autoptr(GPtrArray) networks = g_ptr_array_new();
    instance->name = g_strdup_printf("vm%d", number);
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->should_run = true;
    instance->image.root_hash = g_strnfill(64, 'a');
    instance->image.root_format = g_strdup("qcow2");
    instance->flavor = (Flavor){.id = g_strdup("1"),
        .name = g_strdup("m1.tiny"),
        .vcpus = 1,
        .ram_mib = 256,
        .disk_gib = 1,
        .rxtx_factor = 1.0};
    InstanceRequest request = {.instance = instance,
        .network_ids = networks,
        .request_id = "req-create",
        .user_id = "user"};
    if (!store_accept_instance(sim->store, &request, &error)) {
        sim_fail(sim, "cannot make an instance: %s", error->message);
        return;
    }
    g_ptr_array_add(sim->instances, g_strdup(instance->id));
}

static void
make_fleet(Sim *sim)
{
    g_autoptr(GError) error = NULL;
    FakeOptions options = {
        .path = ":memory:",
        .clock = &sim->clock,
        .transfer_bytes_s = INT64_C(1000000) * (50 + rng_below(&sim->rng, 500)),
        .shared_pool = rng_chance(&sim->rng, 40),
        .dirty_bytes_s = rng_chance(&sim->rng, 30) ? INT64_C(600) * 1000000 : 1000000,
        .switchover_us = rng_below(&sim->rng, 3) * SECOND_US,
        .shutdown_us = SECOND_US,
    };
    sim->fleet = fake_hypervisor_new(&options, &error);
    g_assert_no_error(error);
    sim_log(sim, "shared pool: %d, transfer: %" G_GINT64_FORMAT " B/s", options.shared_pool,
        options.transfer_bytes_s);
}

static void
make_store(Sim *sim)
{
    g_autoptr(GError) error = NULL;
    bool has_memory = g_file_test("/dev/shm", G_FILE_TEST_IS_DIR);
    g_autofree char *pattern =
        g_build_filename(has_memory ? "/dev/shm" : g_get_tmp_dir(), "drover-sim-XXXXXX", NULL);
    sim->directory = g_strdup(g_mkdtemp(pattern));
    sim->path = g_build_filename(sim->directory, "drover.db", NULL);
    g_autofree char *url = g_strconcat("sqlite://", sim->path, NULL);
    sim->store = store_open(url, &sim->clock, &error);
    g_assert_no_error(error);
    g_autofree char *hash = g_strnfill(64, 'a');
    g_autofree char *image = g_build_filename(sim->directory, hash, NULL);
    g_assert_true(g_file_set_contents(image, "image", -1, NULL));
}

/* In half of the fleets what takes long is ended by itself, most often by post-copy. Chance of its
 * own, so that what happens in the other half does not depend on it. */
static LivePolicy *
make_policy(const Sim *sim)
{
    Rng rng = {.state = sim->seed * UINT64_C(0x9e3779b97f4a7c15)};
    LiveSettings settings = LIVE_SETTINGS_DEFAULT;
    if (rng_chance(&rng, 50)) {
        settings.permit_post_copy = rng_chance(&rng, 80);
        settings.permit_auto_converge = rng_chance(&rng, 20);
        settings.completion_timeout_s = 1;
        settings.timeout_action =
            rng_chance(&rng, 80) ? TIMEOUT_ACTION_FORCE_COMPLETE : TIMEOUT_ACTION_ABORT;
    }
    return live_policy_new(&settings);
}

static void
make_context(Sim *sim)
{
    sim->context = (OperationContext){
        .store = sim->store,
        .clock = &sim->clock,
        .engine = sim,
        .find_session = context_find_session,
        .is_gathering = context_is_gathering,
        .read_memory = context_read_memory,
        .is_clearing = context_is_clearing,
        .wake = context_wake,
        .wake_at = context_wake_at,
        .moved = context_moved,
        .settings = {.service_down_time_us = INT64_C(100000) * SECOND_US,
            .max_concurrent_live_migrations = rng_below(&sim->rng, 4),
            .live = make_policy(sim),
            .prepare_timeout_us = 60 * SECOND_US,
            .switchover_timeout_us = 60 * SECOND_US,
            .shutdown_timeout_us = 10 * SECOND_US,
            .watch_interval_us = SECOND_US,
            .placement = {.cpu_allocation_ratio = 4.0,
                .ram_allocation_ratio = 1.0,
                .disk_allocation_ratio = 1.0,
                .multipliers = {[PLACEMENT_WEIGHER_RAM] = 1.0}},
            .image_directory = sim->directory},
    };
}

Sim *
sim_new(uint64_t seed, bool is_verbose)
{
    Sim *sim = g_new0(Sim, 1);
    sim->seed = seed;
    sim->is_verbose = is_verbose;
    sim->rng.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    sim->begin_us = sim->now_us = INT64_C(1700000000) * SECOND_US;
    sim->clock = (Clock){.now_us = read_clock, .random = read_random, .data = sim};
    sim->failure = g_string_new(NULL);
    sim->hosts = g_ptr_array_new_with_free_func(host_free_sim);
    sim->instances = g_ptr_array_new_with_free_func(g_free);
    sim->tasks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, task_free);
    sim->events = g_async_queue_new_full(g_free);
    sim->has_faults = rng_chance(&sim->rng, 70);
    sim->has_crashes = rng_chance(&sim->rng, 60);
    sim->fault_percent = rng_chance(&sim->rng, 50) ? rng_below(&sim->rng, 6) : 0;
    make_store(sim);
    make_fleet(sim);
    make_context(sim);
    sim_calls_init(sim);
    store_begin_epoch(sim->store, &sim->context.epoch, NULL);
    int n_hosts = 2 + rng_below(&sim->rng, 3);
    for (int i = 0; i < n_hosts; i++) {
        add_host(sim, i);
    }
    int n_instances = 1 + rng_below(&sim->rng, 6);
    for (int i = 0; i < n_instances; i++) {
        add_instance(sim, i);
    }
    rules_open(sim);
    return sim;
}

static void
remove_directory(const char *path)
{
    g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
    const char *name = NULL;
    while (entries != NULL && (name = g_dir_read_name(entries)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
    g_rmdir(path);
}

void
sim_free(Sim *sim)
{
    rules_close(sim);
    g_hash_table_unref(sim->tasks);
    migration_forget(&sim->context);
    live_policy_unref(sim->context.settings.live);
    g_ptr_array_unref(sim->hosts);
    calls_free(sim->context.calls);
    hypervisor_free(sim->fleet);
    store_close(sim->store);
    remove_directory(sim->directory);
    g_ptr_array_unref(sim->instances);
    g_async_queue_unref(sim->events);
    g_string_free(sim->failure, TRUE);
    g_free(sim->directory);
    g_free(sim->path);
    g_free(sim);
}
