/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What is done, and in which order, when both hosts are found in some state: the real machine over
 * a real store, two hosts that say what the test makes them say, and time that passes when nothing
 * else does. Calls run at once: this file takes the place of hypervisor/calls.c. */
#include "migration/migration.h"
#include "migration/states.h"

#include <glib/gstdio.h>

#define SECOND_US G_USEC_PER_SEC

/* ---- two hosts that say what they are told to ---- */

typedef struct Side {
    const char *name;
    DomainView view; /* UNREACHABLE: it is not connected */
    bool is_deaf;    /* it is, and cannot tell of the guest */
    HypervisorHost *session;
} Side;

typedef struct World {
    int64_t now_us;
    Clock clock;
    char *directory;
    Store *store;
    Hypervisor *hypervisor;
    OperationContext context;
    Side a; /* the source */
    Side b; /* the destination */
    bool is_shared;
    char *marker;   /* the last one that was made */
    GString *verbs; /* "destroy a, remove a": effects in their order */
    OperationTask *task;
    int64_t wake_us;
    char *instance_id;
    int64_t operation_id;
    CallRun kept_run; /* the migrate call, which goes on until the test ends it */
    CallDone kept_done;
    void *kept_data;
    GDestroyNotify kept_free;
} World;

static World *world; /* of the test that runs */

static void
note(const char *verb, const Side *side)
{
    g_string_append_printf(
        world->verbs, "%s%s %s", world->verbs->len > 0 ? ", " : "", verb, side->name);
}

static void *
stub_open(void *provider, const HostAddress *address, uint64_t session, HostEventSink sink,
    void *sink_data, GError **error)
{
    return g_str_equal(address->name, "a") ? &world->a : &world->b;
}

static void
stub_close(void *host)
{
}

static bool
stub_describe(void *host, const char *uuid, DomainView *ret_view, GError **error)
{
    Side *side = host;
    *ret_view = side->view;
    return !side->is_deaf || error_set(error, ERROR_HYPERVISOR_REFUSED, "cannot acquire a lock");
}

static bool
stub_pause(void *host, const char *uuid, GError **error)
{
    Side *side = host;
    note("pause", side);
    side->view.state = DOMAIN_PAUSED;
    side->view.reason = DOMAIN_REASON_USER;
    return true;
}

static bool
stub_resume(void *host, const char *uuid, GError **error)
{
    Side *side = host;
    note("resume", side);
    side->view.state = DOMAIN_RUNNING;
    return true;
}

static bool
stub_destroy(void *host, const char *uuid, GError **error)
{
    Side *side = host;
    note("destroy", side);
    side->view.state = side->view.persistent ? DOMAIN_SHUT_OFF : DOMAIN_ABSENT;
    side->view.reason = DOMAIN_REASON_DESTROYED;
    side->view.job = DOMAIN_JOB_NONE;
    return true;
}

static bool
stub_remove_guest(void *host, const char *uuid, bool destroy, GError **error)
{
    Side *side = host;
    note("remove", side);
    g_assert_false(destroy);
    side->view.state = DOMAIN_ABSENT;
    return true;
}

static bool
stub_remove_disks(void *host, const char *uuid, GError **error)
{
    note("remove-disks", host);
    return true;
}

static bool
stub_forget(void *host, const char *uuid, GError **error)
{
    Side *side = host;
    note("forget", side);
    side->view.state = DOMAIN_ABSENT;
    return true;
}

static bool
stub_read_console(void *host, const char *uuid, size_t max_size, char **ret_text, size_t *ret_size,
    GError **error)
{
    *ret_text = g_strdup("tick\n");
    *ret_size = 5;
    return true;
}

static bool
stub_ensure_base(void *host, const BaseImage *image, const Cancel *cancel, GError **error)
{
    return true;
}

static bool
stub_create_marker(
    void *host, const char *pool, const char *token, bool *ret_existed, GError **error)
{
    *ret_existed = world->is_shared && g_strcmp0(world->marker, token) == 0;
    g_free(world->marker);
    world->marker = g_strdup(token);
    return true;
}

static bool
stub_delete_marker(void *host, const char *pool, const char *token, GError **error)
{
    return true;
}

static char *
stub_describe_platform(void *host, const char *uuid, GError **error)
{
    return NULL;
}

static bool
stub_check_dest(void *dest, void *source, const char *uuid, GError **error)
{
    return true;
}

static bool
stub_check_way(void *source, void *dest, const WayRequest *request, GError **error)
{
    return true;
}

static bool
stub_prepare_dest(void *dest, void *source, const char *uuid, GError **error)
{
    return !world->is_shared || error_set(error, ERROR_CONFLICT, "the pool is shared");
}

static bool
stub_live_migrate(void *source, void *dest, const MigrateRequest *request, GError **error)
{
    return error_set(error, ERROR_HYPERVISOR_REFUSED, "Lost connection to destination host");
}

static bool
stub_abort_job(void *host, const char *uuid, GError **error)
{
    Side *side = host;
    if (side->view.job != DOMAIN_JOB_OUT) {
        return error_set(error, ERROR_CONFLICT, "no job");
    }
    note("abort", side);
    side->view.job = DOMAIN_JOB_NONE;
    return true;
}

static bool
stub_limit_downtime(void *source, const char *uuid, int downtime_ms, GError **error)
{
    return true;
}

static bool
stub_query_job(void *host, const char *uuid, JobStats *ret_stats, GError **error)
{
    return error_set(error, ERROR_CONFLICT, "no job");
}

static bool
stub_query_done_job(void *host, const char *uuid, JobStats *ret_stats, GError **error)
{
    return error_set(error, ERROR_NOT_FOUND, "no job");
}

static const HypervisorProvider stub = {
    .name = "stub",
    .open = stub_open,
    .close = stub_close,
    .describe_domain = stub_describe,
    .remove_guest = stub_remove_guest,
    .remove_disks = stub_remove_disks,
    .forget_guest = stub_forget,
    .destroy_guest = stub_destroy,
    .pause_guest = stub_pause,
    .resume_guest = stub_resume,
    .read_console = stub_read_console,
    .ensure_base = stub_ensure_base,
    .create_marker = stub_create_marker,
    .delete_marker = stub_delete_marker,
    .check_dest = stub_check_dest,
    .describe_platform = stub_describe_platform,
    .check_way = stub_check_way,
    .prepare_dest = stub_prepare_dest,
    .live_migrate = stub_live_migrate,
    .query_done_job = stub_query_done_job,
    .query_job = stub_query_job,
    .abort_job = stub_abort_job,
    .limit_downtime = stub_limit_downtime,
};

/* ---- in place of calls.c and of the engine ---- */

void
calls_submit(Calls *calls, CallLane lane, const char *host, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data)
{
    if (lane == LANE_TRANSFER) {
        world->kept_run = run;
        world->kept_done = done;
        world->kept_data = data;
        world->kept_free = free_data;
        return;
    }
    run(data);
    done(data, false);
    free_data(data);
}

void
calls_drop(Calls *calls, CallLane lane, const char *host, const void *data)
{
}

static void
end_transfer(void)
{
    g_assert_nonnull(world->kept_data);
    world->kept_run(world->kept_data);
    world->kept_done(world->kept_data, false);
    world->kept_free(g_steal_pointer(&world->kept_data));
}

static int64_t
read_clock(void *data)
{
    return world->now_us;
}

static void
read_random(void *data, void *buffer, size_t size)
{
    clock_system()->random(NULL, buffer, size);
}

static MemoryAnswer
read_memory(OperationContext *context, int64_t operation_id, const char *host)
{
    return MEMORY_SETTLED;
}

static bool
is_gathering(OperationContext *context)
{
    return false;
}

static bool
is_clearing(OperationContext *context, const char *host, const char *instance_id)
{
    return false;
}

static HypervisorHost *
find_session(OperationContext *context, const char *host)
{
    Side *side = g_str_equal(host, "a") ? &world->a : &world->b;
    return side->view.state == DOMAIN_UNREACHABLE ? NULL : side->session;
}

static void
wake(OperationContext *context, int64_t operation_id)
{
    world->wake_us = world->now_us;
}

static void
wake_at(OperationContext *context, int64_t operation_id, int64_t when_us)
{
    world->wake_us = MIN(world->wake_us, when_us);
}

static void
moved(OperationContext *context, int64_t operation_id)
{
}

/* ---- making the world ---- */

static void
add_host(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) host = host_new();
    HostFacts facts = {.hostname = (char *)name,
        .arch = (char *)"x86_64",
        .cpu_json = (char *)"{}",
        .vcpus = 8,
        .memory_mib = 8192,
        .memory_free_mib = 8192,
        .pool_capacity_bytes = INT64_C(1) << 40,
        .pool_available_bytes = INT64_C(1) << 40};
    host->id = clock_new_uuid(&world->clock);
    host->hypervisor_id = clock_new_uuid(&world->clock);
    host->name = g_strdup(name);
    host->uri = g_strdup("stub:");
    host->peer_uri = g_strdup("stub:");
    host->migration_address = g_strdup("");
    host->pool = g_strdup("pool");
    host->zone = g_strdup("nova");
    g_assert_true(store_insert_host(world->store, host, &error));
    g_assert_true(store_set_host_facts(world->store, name, &facts, &error));
    g_assert_true(store_set_host_connection(world->store, name, true, NULL, world->now_us, &error));
}

static const char *
choose(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    return data;
}

static OperationMove
plain_move(int64_t operation_id, const char *from, const char *to)
{
    return (OperationMove){.operation_id = operation_id,
        .epoch = world->context.epoch,
        .from = from,
        .to = to,
        .sentence = "set up",
        .vm_state = -1,
        .power_state = -1,
        .should_run = -1,
        .generation = -1};
}

static void
make_instance(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();
    instance->image.root_hash = g_strdup("roothash");
    g_autoptr(GPtrArray) networks = g_ptr_array_new();
    g_autofree char *host = NULL;
    instance->name = g_strdup("vm");
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->flavor = (Flavor){.id = g_strdup("1"),
        .name = g_strdup("m1.tiny"),
        .vcpus = 1,
        .ram_mib = 256,
        .disk_gib = 1};
    InstanceRequest request = {.instance = instance, .network_ids = networks};
    g_assert_true(store_accept_instance(world->store, &request, &error));
    world->instance_id = g_strdup(instance->id);
    g_autoptr(Operation) operation =
        store_get_operation(world->store, instance->open_operation, &error);
    g_assert_true(
        store_claim(world->store, operation, instance, choose, (char *)"a", &host, &error));
    OperationMove move = plain_move(operation->id, "queued", "completed");
    move.closes = true;
    move.set_instance = true;
    move.host = "a";
    move.vm_state = VM_STATE_ACTIVE;
    move.power_state = POWER_STATE_RUNNING;
    move.should_run = true;
    move.generation = 1;
    g_assert_true(store_move_operation(world->store, &move, &error));
}

/* An accepted migration, put into that state as if an earlier life had left it there. */
static void
begin(const char *state, BlockMigration block_migration)
{
    g_autoptr(GError) error = NULL;
    MigrationRequest request = {.operation = {.kind = OPERATION_LIVE_MIGRATE,
                                    .instance_id = world->instance_id,
                                    .request_id = "req-1"},
        .block_migration = block_migration};
    g_autoptr(Migration) migration = store_accept_migration(world->store, &request, &error);
    g_assert_no_error(error);
    world->operation_id = migration->operation.id;
    if (!g_str_equal(state, "queued")) {
        g_autoptr(Instance) instance = store_get_instance(world->store, world->instance_id, &error);
        g_autofree char *host = NULL;
        g_assert_true(store_claim(
            world->store, &migration->operation, instance, choose, (char *)"b", &host, &error));
        OperationMove move = plain_move(world->operation_id, "queued", state);
        migration->dest_host = g_strdup("b");
        migration->copies_disks = !world->is_shared;
        migration->generation = 2;
        migration->started_us = world->now_us;
        move.migration = migration;
        move.deadline_us = world->now_us + 60 * SECOND_US;
        if (g_str_equal(state, "finishing")) {
            move.set_instance = true;
            move.host = "b";
            move.generation = 2;
            move.promote_target = true;
        }
        g_assert_true(store_move_operation(world->store, &move, &error));
    }
    g_autoptr(Operation) operation = store_get_operation(world->store, world->operation_id, &error);
    world->task =
        migration_runner()->load(&world->context, operation, !g_str_equal(state, "queued"), &error);
    g_assert_no_error(error);
}

/* The daemon was away for so long. */
static void
restart(int64_t after_s)
{
    g_autoptr(GError) error = NULL;
    migration_runner()->free(world->task);
    world->now_us += after_s * SECOND_US;
    g_autoptr(Operation) operation = store_get_operation(world->store, world->operation_id, &error);
    world->task = migration_runner()->load(&world->context, operation, true, &error);
    g_assert_no_error(error);
}

/* Until it has ended, or so much time has passed. */
static const char *
run(int64_t at_most_s)
{
    static char state[32];
    int64_t end_us = world->now_us + at_most_s * SECOND_US;
    bool is_open = true;
    world->wake_us = world->now_us;
    while (is_open && world->wake_us <= end_us) {
        world->now_us = MAX(world->now_us, world->wake_us);
        world->wake_us = INT64_MAX;
        is_open = migration_runner()->step(world->task);
    }
    world->now_us = MAX(world->now_us, is_open ? end_us : 0);
    g_autoptr(Operation) operation = store_get_operation(world->store, world->operation_id, NULL);
    g_assert_cmpint(operation->is_open, ==, is_open);
    g_strlcpy(state, operation->state, sizeof state);
    return state;
}

static void
say(Side *side, DomainState state, DomainReason reason, DomainJob job)
{
    side->view.state = state;
    side->view.reason = reason;
    side->view.job = job;
}

static void
set_up(World *fresh, const void *data)
{
    g_autoptr(GError) error = NULL;
    world = fresh;
    world->is_shared = data != NULL;
    world->now_us = 1000 * SECOND_US;
    world->clock = (Clock){.now_us = read_clock, .random = read_random};
    world->verbs = g_string_new(NULL);
    world->directory = g_dir_make_tmp("drover-outcomes-XXXXXX", &error);
    g_autofree char *url = g_strdup_printf("sqlite://%s/drover.db", world->directory);
    world->store = store_open(url, &world->clock, &error);
    g_assert_no_error(error);
    world->hypervisor = hypervisor_new(&stub, NULL, NULL);
    world->context = (OperationContext){.store = world->store,
        .clock = &world->clock,
        .find_session = find_session,
        .is_gathering = is_gathering,
        .read_memory = read_memory,
        .is_clearing = is_clearing,
        .wake = wake,
        .wake_at = wake_at,
        .moved = moved,
        .settings = {.service_down_time_us = INT64_C(3600) * SECOND_US,
            .prepare_timeout_us = 60 * SECOND_US,
            .switchover_timeout_us = 60 * SECOND_US,
            .watch_interval_us = SECOND_US,
            .placement = {.cpu_allocation_ratio = 1,
                .ram_allocation_ratio = 1,
                .disk_allocation_ratio = 1},
            .image_directory = world->directory}};
    g_assert_true(store_begin_epoch(world->store, &world->context.epoch, &error));
    world->a.name = "a";
    world->b.name = "b";
    for (Side *side = &world->a; side != NULL; side = side == &world->a ? &world->b : NULL) {
        HostAddress address = {.name = side->name};
        side->session = hypervisor_open(
            world->hypervisor, &address, side == &world->a ? 1 : 2, NULL, NULL, &error);
        side->view.persistent = true;
        side->view.is_ours = true;
        add_host(side->name);
    }
    make_instance();
    world->b.view.operation = 2; /* of the migration, which is the second operation */
    world->b.view.generation = 2;
}

static void
tear_down(World *old, const void *data)
{
    migration_runner()->free(world->task);
    migration_forget(&world->context);
    hypervisor_host_unref(world->a.session);
    hypervisor_host_unref(world->b.session);
    hypervisor_free(world->hypervisor);
    store_close(world->store);
    g_autoptr(GDir) entries = g_dir_open(world->directory, 0, NULL);
    const char *name = NULL;
    while ((name = g_dir_read_name(entries)) != NULL) {
        g_autofree char *path = g_build_filename(world->directory, name, NULL);
        g_unlink(path);
    }
    g_rmdir(world->directory);
    g_free(world->directory);
    g_free(world->instance_id);
    g_free(world->marker);
    g_string_free(world->verbs, TRUE);
}

static void
assert_instance(const char *host, VmState vm_state)
{
    g_autoptr(Instance) instance = store_get_instance(world->store, world->instance_id, NULL);
    HostUsage usage_a = {0};
    HostUsage usage_b = {0};
    g_assert_cmpstr(instance->host, ==, host);
    g_assert_cmpstr(vm_state_name(instance->vm_state), ==, vm_state_name(vm_state));
    store_get_host_usage(world->store, "a", &usage_a, NULL);
    store_get_host_usage(world->store, "b", &usage_b, NULL);
    g_assert_cmpint(usage_a.ram_mib, ==, g_str_equal(host, "a") ? 256 : 0);
    g_assert_cmpint(usage_b.ram_mib, ==, g_str_equal(host, "b") ? 256 : 0);
}

static void
assert_message(const char *part)
{
    g_autoptr(Operation) operation = store_get_operation(world->store, world->operation_id, NULL);
    if (operation->message == NULL || strstr(operation->message, part) == NULL) {
        g_error("no '%s' in '%s'", part, operation->message);
    }
}

#define RUNS DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED, DOMAIN_JOB_NONE
#define GONE DOMAIN_ABSENT, DOMAIN_REASON_OTHER, DOMAIN_JOB_NONE
#define SILENT DOMAIN_UNREACHABLE, DOMAIN_REASON_OTHER, DOMAIN_JOB_NONE
#define LEFT_PAUSED DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION, DOMAIN_JOB_NONE
#define INCOMING DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION, DOMAIN_JOB_IN

#define SENDING DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_OUT

#define IN_POST_COPY(state) DOMAIN_##state, DOMAIN_REASON_POSTCOPY, DOMAIN_JOB_NONE
#define BROKEN(state) DOMAIN_##state, DOMAIN_REASON_POSTCOPY_FAILED, DOMAIN_JOB_NONE

/* ---- the tests ---- */

static void
test_completed(World *fixture, const void *data)
{
    say(&world->a, GONE);
    say(&world->b, RUNS);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "completed");
    g_assert_cmpstr(world->verbs->str, ==, world->is_shared ? "" : "remove-disks a");
    assert_instance("b", VM_STATE_ACTIVE);
    g_autofree char *console = store_load_console(world->store, world->instance_id, NULL);
    g_assert_cmpstr(console, ==, world->is_shared ? "" : "tick\n");
}

static void
test_old_copy_goes_after_the_new_is_proven(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, RUNS);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "completed");
    /* On a shared pool the volumes are those of the guest that runs. */
    g_assert_cmpstr(
        world->verbs->str, ==, world->is_shared ? "destroy a, forget a" : "destroy a, remove a");
    assert_instance("b", VM_STATE_ACTIVE);
}

/* From whatever state: the guest is where its memory is not, and nobody touches either half. */
static void
test_post_copy_is_followed(World *fixture, const void *data)
{
    say(&world->a, IN_POST_COPY(PAUSED));
    say(&world->b, IN_POST_COPY(RUNNING));
    begin("switching", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(100), ==, "postcopy");
    g_assert_cmpstr(world->verbs->str, ==, "");
    say(&world->b, SILENT);
    g_assert_cmpstr(run(100), ==, "resolving");
    say(&world->b, IN_POST_COPY(RUNNING));
    g_assert_cmpstr(run(5), ==, "postcopy");
    store_set_wanted(world->store, world->operation_id, WANTED_CANCEL, NULL);
    g_assert_cmpstr(run(100), ==, "postcopy");
    g_assert_cmpstr(world->verbs->str, ==, "");
    say(&world->a, GONE);
    say(&world->b, RUNS);
    g_assert_cmpstr(run(10), ==, "completed");
    assert_instance("b", VM_STATE_ACTIVE);
}

static void
test_source_dead_in_post_copy(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_SHUT_OFF, DOMAIN_REASON_CRASHED, DOMAIN_JOB_NONE);
    say(&world->b, BROKEN(RUNNING));
    begin("postcopy", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(20), ==, "completed");
    g_assert_true(g_str_has_prefix(world->verbs->str, "destroy b"));
    assert_instance("b", VM_STATE_STOPPED);
}

static void
test_unproven_copy_costs_nothing(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, SILENT);
    begin("finishing", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(50), ==, "finishing");
    g_assert_cmpstr(world->verbs->str, ==, "");
    g_assert_cmpstr(run(20), ==, "completed");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_message("could not be removed");
}

static void
test_time_without_a_daemon_does_not_count(World *fixture, const void *data)
{
    say(&world->a, SILENT);
    say(&world->b, RUNS);
    begin("finishing", BLOCK_MIGRATION_AUTO);
    restart(3600);
    g_assert_cmpstr(run(20), ==, "finishing");
    say(&world->a, RUNS);
    g_assert_cmpstr(run(5), ==, "error");
    g_assert_cmpstr(world->verbs->str, ==, "pause a");
    assert_message("ran on a and b at once");
}

static void
test_source_is_resumed_after_dest_is_gone(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, INCOMING);
    world->b.view.persistent = false;
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(59), ==, "transferring");
    g_assert_cmpstr(world->verbs->str, ==, "");
    g_assert_cmpstr(run(10), ==, "failed");
    g_assert_cmpstr(world->verbs->str, ==,
        world->is_shared ? "destroy b, resume a" : "destroy b, resume a, remove-disks b");
    assert_instance("a", VM_STATE_ACTIVE);
}

static void
test_source_is_never_resumed_blindly(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, SILENT);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    store_set_wanted(world->store, world->operation_id, WANTED_CANCEL, NULL);
    g_assert_cmpstr(run(3600), ==, "resolving");
    g_assert_cmpstr(world->verbs->str, ==, "");
    say(&world->b, GONE);
    g_assert_cmpstr(run(10), ==, "cancelled");
    g_assert_true(g_str_has_prefix(world->verbs->str, "resume a"));
}

/* What was made on the destination is on record, with its disks where they are its own. */
static void
assert_left_on_b(void)
{
    g_autoptr(GPtrArray) left =
        store_list_leftovers(world->store, &(LeftoverFilter){.host = "b"}, NULL);
    g_assert_cmpuint(left->len, ==, 1);
    const Leftover *row = left->pdata[0];
    g_assert_true(row->with_disks == !world->is_shared);
}

/* Silence is not enough, an operator's word is; then nobody waits for what the dead may say. */
static void
test_fenced_source_is_not_waited_for(World *fixture, const void *data)
{
    say(&world->a, SILENT);
    say(&world->b, GONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(3600), ==, "resolving");
    g_assert_true(store_set_host_forced_down(world->store, "a", true, "admin", NULL));
    g_assert_cmpstr(run(3), ==, "failed");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_message("can be evacuated");
    assert_instance("a", VM_STATE_ACTIVE);
    assert_left_on_b();
}

static void
test_fenced_source_whose_guest_has_arrived(World *fixture, const void *data)
{
    say(&world->a, SILENT);
    say(&world->b, RUNS);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_true(store_set_host_forced_down(world->store, "a", true, "admin", NULL));
    g_assert_cmpstr(run(100), ==, "completed");
    assert_instance("b", VM_STATE_ACTIVE);
}

static void
test_runs_twice(World *fixture, const void *data)
{
    say(&world->a, RUNS);
    say(&world->b, RUNS);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "error");
    g_assert_cmpstr(world->verbs->str, ==, "pause a");
    assert_instance("b", VM_STATE_ACTIVE);
    assert_message("ran on a and b at once");
}

static void
test_runs_twice_is_seen_when_the_source_is_back(World *fixture, const void *data)
{
    say(&world->a, SILENT);
    say(&world->b, RUNS);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "finishing");
    say(&world->a, RUNS);
    g_assert_cmpstr(run(10), ==, "error");
    g_assert_cmpstr(world->verbs->str, ==, "pause a");
    assert_instance("b", VM_STATE_ACTIVE);
}

static void
test_on_neither(World *fixture, const void *data)
{
    say(&world->a, GONE);
    say(&world->b, GONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(59), ==, "transferring");
    g_assert_cmpstr(run(10), ==, "error");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_instance("a", VM_STATE_ERROR);
    assert_message("neither on a nor on b");
}

static void
test_undoing_finds_that_dest_runs(World *fixture, const void *data)
{
    say(&world->a, GONE);
    say(&world->b, RUNS);
    begin("undoing", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "completed");
    assert_instance("b", VM_STATE_ACTIVE);
}

static void
test_source_silent_after_restart_is_waited_for(World *fixture, const void *data)
{
    say(&world->a, SILENT);
    say(&world->b, GONE);
    begin("undoing", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(30), ==, "undoing");
    say(&world->a, LEFT_PAUSED);
    g_assert_cmpstr(run(10), ==, "failed");
    g_assert_true(g_str_has_prefix(world->verbs->str, "resume a"));
}

/* A file system that was not mounted when both hosts were asked, and is now. */
static void
test_volumes_of_a_pool_that_is_shared_by_now_stay(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    say(&world->b, DOMAIN_SHUT_OFF, DOMAIN_REASON_MIGRATED, DOMAIN_JOB_NONE);
    world->b.view.generation = 1;
    world->b.view.operation = 0;
    begin("preparing", BLOCK_MIGRATION_AUTO);
    world->is_shared = true;
    g_assert_cmpstr(run(10), ==, "failed");
    g_assert_cmpstr(world->verbs->str, ==, "forget b");
    assert_instance("a", VM_STATE_ACTIVE);
}

static void
test_volumes_that_source_and_dest_share_by_now_stay(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, RUNS);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    world->is_shared = true;
    g_assert_cmpstr(run(10), ==, "completed");
    g_assert_cmpstr(world->verbs->str, ==, "destroy a, forget a");
    assert_instance("b", VM_STATE_ACTIVE);
}

static void
assert_power(PowerState power_state, bool should_run)
{
    g_autoptr(Instance) instance = store_get_instance(world->store, world->instance_id, NULL);
    g_assert_cmpint(instance->power_state, ==, power_state);
    g_assert_cmpint(instance->should_run, ==, should_run);
}

/* What made a migration fail is the instance's fault, explained. */
static void
assert_fault(const char *beginning, const char *diagnosis)
{
    g_autoptr(Instance) instance = store_get_instance(world->store, world->instance_id, NULL);
    g_assert_true(instance->has_fault);
    g_assert_true(g_str_has_prefix(instance->fault.message, beginning));
    g_assert_cmpstr(instance->fault.details, ==, diagnosis);
}

static char *
trouble_now(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Migration) migration =
        store_get_migration_of_operation(world->store, world->operation_id, &error);
    g_assert_no_error(error);
    return g_steal_pointer(&migration->trouble);
}

/* Sent to nobody: that is told. Silence alone ends nothing, since it may be drover's alone. */
static void
lose_dest(void)
{
    say(&world->a, SENDING);
    say(&world->b, SILENT);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(600), ==, "transferring");
    g_assert_cmpstr(world->verbs->str, ==, "");
    g_autofree char *trouble = trouble_now();
    g_assert_nonnull(strstr(trouble, "Host b does not answer"));
}

static void
assert_aborted_and_left(void)
{
    g_autofree char *trouble = trouble_now();
    g_assert_null(trouble);
    g_assert_cmpstr(world->verbs->str, ==, "abort a");
    assert_instance("a", VM_STATE_ACTIVE);
    assert_left_on_b();
}

static void
test_dead_destination_is_not_waited_for(World *fixture, const void *data)
{
    lose_dest();
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(10), ==, "failed");
    assert_fault("Host b has died while it took the guest, which goes on on a. Cause: ",
        "dest-died");
    assert_aborted_and_left();
}

static void
test_abort_without_the_destination(World *fixture, const void *data)
{
    lose_dest();
    store_set_wanted(world->store, world->operation_id, WANTED_CANCEL, NULL);
    g_assert_cmpstr(run(70), ==, "undoing");
    g_assert_cmpstr(run(70), ==, "cancelled");
    assert_aborted_and_left();
}

/* It may run there, so nobody resumes it here; but nobody is left to guess either. */
static void
test_paused_guest_of_a_silent_destination_is_told(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION, DOMAIN_JOB_NONE);
    say(&world->b, SILENT);
    begin("switching", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(30), ==, "resolving");
    g_autofree char *trouble = trouble_now();
    g_assert_nonnull(strstr(trouble, "the guest is paused on a for its switch there"));
    say(&world->b, RUNS);
    g_assert_cmpstr(run(30), ==, "completed");
    g_autofree char *trouble_after = trouble_now();
    g_assert_null(trouble_after);
}

/* Its host is connected, but asks a QEMU in vain that waits for the host which has gone. */
static void
test_source_that_cannot_tell_is_told(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, SILENT);
    world->a.is_deaf = true;
    begin("switching", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(30), ==, "resolving");
    g_autofree char *trouble = trouble_now();
    g_assert_nonnull(strstr(trouble, "its libvirt cannot tell where the guest is: cannot acquire"));
    world->a.is_deaf = false;
    say(&world->a, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    g_assert_cmpstr(run(1), ==, "resolving");
    g_autofree char *trouble_after = trouble_now();
    g_assert_null(trouble_after);
}

/* A guest whose migrate call is under way, with a destination that has gone. */
static void
send_to_nobody(void)
{
    say(&world->a, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    say(&world->b, GONE);
    begin("preparing", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(1), ==, "transferring");
    g_assert_nonnull(world->kept_data);
    say(&world->a, SENDING);
    say(&world->b, SILENT);
}

/* With copies of disks the source's QEMU would come to stand still; without it would not. */
static void
test_destination_that_stays_silent_is_let_go(World *fixture, const void *data)
{
    send_to_nobody();
    g_assert_cmpstr(run(2), ==, "transferring");
    g_assert_cmpstr(world->verbs->str, ==, "");
    g_assert_cmpstr(run(10), ==, "transferring");
    g_assert_cmpstr(world->verbs->str, ==, world->is_shared ? "" : "abort a");
    say(&world->a, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    end_transfer();
    g_assert_cmpstr(run(200), ==, "failed");
    if (!world->is_shared) {
        assert_fault("Host b stopped answering while it took the guest, which goes on on a. Cause:",
            "dest-died");
    }
    assert_instance("a", VM_STATE_ACTIVE);
    assert_power(POWER_STATE_RUNNING, true);
}

static void
report_pause(void)
{
    HostEvent event = {.kind = HOST_EVENT_DOMAIN,
        .state = DOMAIN_PAUSED,
        .reason = DOMAIN_REASON_MIGRATION};
    say(&world->a, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION, DOMAIN_JOB_OUT);
    migration_runner()->on_event(world->task, "a", &event);
}

/* Nobody wakes a task when a host is fenced, and a guest that is paused reports nothing. */
static void
test_dead_destination_of_a_paused_guest_is_noticed(World *fixture, const void *data)
{
    send_to_nobody();
    report_pause();
    g_assert_cmpstr(run(2), ==, "switching");
    assert_power(POWER_STATE_PAUSED, true);
    g_assert_cmpstr(run(100), ==, "switching");
    g_assert_cmpstr(world->verbs->str, ==, world->is_shared ? "" : "abort a");
    g_autofree char *trouble = trouble_now();
    g_assert_nonnull(strstr(trouble, "the guest is paused on a for its switch there"));
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(5), ==, "switching");
    g_assert_cmpstr(world->verbs->str, ==, "abort a");
    say(&world->a, DOMAIN_RUNNING, DOMAIN_REASON_OTHER, DOMAIN_JOB_NONE);
    end_transfer();
    g_assert_cmpstr(run(10), ==, "failed");
    assert_fault("Host b has died while it took the guest, which goes on on a. Cause: ",
        "dest-died");
    assert_power(POWER_STATE_RUNNING, true);
}

/* It was paused before it was sent, so it can have run nowhere else. */
static void
test_held_guest_goes_on_once_its_destination_is_dead(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_PAUSED, DOMAIN_REASON_USER, DOMAIN_JOB_NONE);
    say(&world->b, SILENT);
    begin("switching", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(3600), ==, "resolving");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_power(POWER_STATE_PAUSED, true);
    g_autofree char *trouble = trouble_now();
    g_assert_nonnull(strstr(trouble, "or is said to be dead"));
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(10), ==, "failed");
    g_assert_cmpstr(world->verbs->str, ==, "resume a");
    assert_fault("Host b has died while it took the guest, which goes on on a. Cause: ",
        "dest-died");
    assert_instance("a", VM_STATE_ACTIVE);
    assert_power(POWER_STATE_RUNNING, true);
    assert_left_on_b();
}

/* What its owner has paused stays so. */
static void
test_owners_pause_outlives_the_destination(World *fixture, const void *data)
{
    g_assert_true(store_observe_instance(
        world->store, world->instance_id, VM_STATE_PAUSED, POWER_STATE_PAUSED, true, NULL));
    say(&world->a, DOMAIN_PAUSED, DOMAIN_REASON_USER, DOMAIN_JOB_NONE);
    say(&world->b, SILENT);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(20), ==, "failed");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_instance("a", VM_STATE_PAUSED);
    assert_power(POWER_STATE_PAUSED, true);
}

/* Its source's libvirt was restarted behind the switchover: it may have run on the dead host. */
static void
test_guest_that_may_have_run_elsewhere_stays_paused(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, SILENT);
    begin("switching", BLOCK_MIGRATION_AUTO);
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(3600), ==, "resolving");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_power(POWER_STATE_PAUSED, true);
    g_autofree char *trouble = trouble_now();
    g_assert_nonnull(strstr(trouble, "Host b is dead, and the guest is paused on a"));
    say(&world->b, GONE);
    g_assert_cmpstr(run(10), ==, "failed");
    g_assert_true(g_str_has_prefix(world->verbs->str, "resume a"));
    assert_power(POWER_STATE_RUNNING, true);
}

/* An abort alone does not tell that host b runs nothing; with a word that it is dead it does. What
 * is here is older than the disks: it is never resumed. */
static void
test_guest_that_may_have_run_elsewhere_is_given_up(World *fixture, const void *data)
{
    say(&world->a, LEFT_PAUSED);
    say(&world->b, SILENT);
    world->a.view.persistent = true;
    begin("switching", BLOCK_MIGRATION_AUTO);
    store_set_wanted(world->store, world->operation_id, WANTED_CANCEL, NULL);
    g_assert_cmpstr(run(3600), ==, "resolving");
    g_assert_cmpstr(world->verbs->str, ==, "");
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(10), ==, "cancelled");
    g_assert_cmpstr(world->verbs->str, ==, "destroy a");
    assert_fault("The migration was aborted when b had died with the guest, which may have run "
                 "there: it is switched off on a. Its memory is lost",
        NULL);
    assert_message(world->is_shared ? "its disks are as the guest left them"
                                    : "is removed there once the guest runs on a");
    assert_instance("a", VM_STATE_ERROR);
    assert_power(POWER_STATE_SHUTDOWN, false);
    assert_left_on_b();
}

static void
assert_told(const char *part)
{
    g_autofree char *trouble = trouble_now();
    if (trouble == NULL || strstr(trouble, part) == NULL) {
        g_error("no '%s' in '%s'", part, trouble);
    }
}

/* Its migrate call goes on: QEMU waits for an answer for as long as TCP does. */
static void
lose_dest_in_post_copy(void)
{
    HostEvent event = {.kind = HOST_EVENT_DOMAIN,
        .state = DOMAIN_PAUSED,
        .reason = DOMAIN_REASON_POSTCOPY};

    send_to_nobody();
    say(&world->a, IN_POST_COPY(PAUSED));
    say(&world->b, IN_POST_COPY(RUNNING));
    migration_runner()->on_event(world->task, "a", &event);
    g_assert_cmpstr(run(30), ==, "postcopy");
    g_autofree char *trouble = trouble_now();
    g_assert_null(trouble);
    say(&world->b, SILENT);
    g_assert_cmpstr(run(30), ==, "postcopy");
    assert_told("Host b does not answer, and the guest has gone there with a part of its memory");
    g_assert_cmpstr(world->verbs->str, ==, "");
}

static void
test_post_copy_without_its_destination_is_told(World *fixture, const void *data)
{
    lose_dest_in_post_copy();
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(30), ==, "postcopy");
    assert_told("Host b is dead, and the guest had gone there");
    say(&world->a, BROKEN(PAUSED));
    end_transfer();
    g_assert_cmpstr(run(30), ==, "resolving");
    assert_told("Host b is dead, and the guest had gone there");
    g_assert_true(store_set_host_forced_down(world->store, "b", false, "admin", NULL));
    g_assert_cmpstr(run(30), ==, "resolving");
    assert_told("Host b does not answer, and the guest has gone there");
    say(&world->a, IN_POST_COPY(PAUSED));
    say(&world->b, IN_POST_COPY(RUNNING));
    g_assert_cmpstr(run(30), ==, "postcopy");
    g_autofree char *trouble = trouble_now();
    g_assert_null(trouble);
    g_assert_cmpstr(world->verbs->str, ==, "");
}

/* Nobody waits for the end of a call to a host that is dead. */
static void
test_post_copy_to_a_dead_host_is_given_up(World *fixture, const void *data)
{
    lose_dest_in_post_copy();
    g_assert_true(store_set_host_forced_down(world->store, "b", true, "admin", NULL));
    g_assert_cmpstr(run(3600), ==, "postcopy");
    g_assert_cmpstr(world->verbs->str, ==, "");
    store_set_wanted(world->store, world->operation_id, WANTED_CANCEL, NULL);
    g_assert_cmpstr(run(10), ==, "cancelled");
    g_assert_cmpstr(world->verbs->str, ==, "destroy a");
    assert_instance("a", VM_STATE_ERROR);
    assert_power(POWER_STATE_SHUTDOWN, false);
    assert_left_on_b();
    end_transfer();
}

static void
test_destination_that_is_back_gets_the_guest(World *fixture, const void *data)
{
    lose_dest();
    say(&world->b, INCOMING);
    g_assert_cmpstr(run(10), ==, "transferring");
    g_autofree char *trouble = trouble_now();
    g_assert_null(trouble);
    say(&world->a, GONE);
    say(&world->b, RUNS);
    g_assert_cmpstr(run(10), ==, "completed");
}

/* Only what is shown as stopped can be started by its owner. */
static void
test_crash_on_the_source_is_shown(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_SHUT_OFF, DOMAIN_REASON_CRASHED, DOMAIN_JOB_NONE);
    say(&world->b, GONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "failed");
    assert_instance("a", VM_STATE_STOPPED);
    assert_power(POWER_STATE_CRASHED, true);
    assert_fault("The guest stopped on a while it was moving. Cause: the guest itself ended",
        "guest-died");
}

static void
test_crash_on_the_destination_is_shown(World *fixture, const void *data)
{
    say(&world->a, GONE);
    say(&world->b, DOMAIN_SHUT_OFF, DOMAIN_REASON_CRASHED, DOMAIN_JOB_NONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "completed");
    assert_instance("b", VM_STATE_STOPPED);
    assert_power(POWER_STATE_CRASHED, true);
}

static void
test_guest_that_was_destroyed_is_shown(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_SHUT_OFF, DOMAIN_REASON_DESTROYED, DOMAIN_JOB_NONE);
    say(&world->b, GONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "failed");
    assert_instance("a", VM_STATE_STOPPED);
    assert_power(POWER_STATE_SHUTDOWN, true);
}

static void
test_guest_that_powered_off_is_not_to_run(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_SHUT_OFF, DOMAIN_REASON_SHUTDOWN, DOMAIN_JOB_NONE);
    say(&world->b, GONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "failed");
    assert_instance("a", VM_STATE_STOPPED);
    assert_power(POWER_STATE_SHUTDOWN, false);
}

/* The engine starts it again because it is to run. */
static void
test_guest_of_a_rebooted_host_is_still_to_run(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_SHUT_OFF, DOMAIN_REASON_UNKNOWN, DOMAIN_JOB_NONE);
    say(&world->b, GONE);
    begin("transferring", BLOCK_MIGRATION_AUTO);
    g_assert_cmpstr(run(10), ==, "failed");
    assert_power(POWER_STATE_SHUTDOWN, true);
}

static void
test_block_migration_is_answered_as_nova_does(World *fixture, const void *data)
{
    say(&world->a, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    say(&world->b, GONE);
    begin("queued", world->is_shared ? BLOCK_MIGRATION_YES : BLOCK_MIGRATION_NO);
    g_assert_cmpstr(run(10), ==, "error");
    assert_message(world->is_shared
            ? "a is not on local storage: Block migration can not be used with shared storage."
            : "a is not on shared storage: Shared storage live-migration requires either shared "
              "storage or boot-from-volume with no local disks.");
    g_assert_cmpstr(world->verbs->str, ==, "");
    assert_instance("a", VM_STATE_ACTIVE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/outcomes/local/" name, World, NULL, set_up, function, tear_down);                 \
    g_test_add("/outcomes/shared/" name, World, "shared", set_up, function, tear_down)
    ADD("completed", test_completed);
    ADD("old-copy-goes-after-the-new-is-proven", test_old_copy_goes_after_the_new_is_proven);
    ADD("unproven-copy-costs-nothing", test_unproven_copy_costs_nothing);
    ADD("time-without-a-daemon-does-not-count", test_time_without_a_daemon_does_not_count);
    ADD("source-is-resumed-after-dest-is-gone", test_source_is_resumed_after_dest_is_gone);
    ADD("source-is-never-resumed-blindly", test_source_is_never_resumed_blindly);
    ADD("paused-guest-of-a-silent-destination-is-told",
        test_paused_guest_of_a_silent_destination_is_told);
    ADD("source-that-cannot-tell-is-told", test_source_that_cannot_tell_is_told);
    ADD("fenced-source-is-not-waited-for", test_fenced_source_is_not_waited_for);
    ADD("fenced-source-whose-guest-has-arrived", test_fenced_source_whose_guest_has_arrived);
    ADD("dead-destination-is-not-waited-for", test_dead_destination_is_not_waited_for);
    ADD("abort-without-the-destination", test_abort_without_the_destination);
    ADD("destination-that-stays-silent-is-let-go", test_destination_that_stays_silent_is_let_go);
    ADD("dead-destination-of-a-paused-guest-is-noticed",
        test_dead_destination_of_a_paused_guest_is_noticed);
    ADD("held-guest-goes-on-once-its-destination-is-dead",
        test_held_guest_goes_on_once_its_destination_is_dead);
    ADD("owners-pause-outlives-the-destination", test_owners_pause_outlives_the_destination);
    ADD("guest-that-may-have-run-elsewhere-is-given-up",
        test_guest_that_may_have_run_elsewhere_is_given_up);
    ADD("guest-that-may-have-run-elsewhere-stays-paused",
        test_guest_that_may_have_run_elsewhere_stays_paused);
    ADD("post-copy-without-its-destination-is-told",
        test_post_copy_without_its_destination_is_told);
    ADD("post-copy-to-a-dead-host-is-given-up", test_post_copy_to_a_dead_host_is_given_up);
    ADD("destination-that-is-back-gets-the-guest", test_destination_that_is_back_gets_the_guest);
    ADD("runs-twice", test_runs_twice);
    ADD("runs-twice-is-seen-when-the-source-is-back",
        test_runs_twice_is_seen_when_the_source_is_back);
    ADD("post-copy-is-followed", test_post_copy_is_followed);
    ADD("source-dead-in-post-copy", test_source_dead_in_post_copy);
    ADD("on-neither", test_on_neither);
    ADD("undoing-finds-that-dest-runs", test_undoing_finds_that_dest_runs);
    ADD("source-silent-after-restart-is-waited-for",
        test_source_silent_after_restart_is_waited_for);
    ADD("volumes-that-source-and-dest-share-by-now-stay",
        test_volumes_that_source_and_dest_share_by_now_stay);
    g_test_add("/outcomes/local/volumes-of-a-pool-that-is-shared-by-now-stay", World, NULL, set_up,
        test_volumes_of_a_pool_that_is_shared_by_now_stay, tear_down);
    ADD("crash-on-the-source-is-shown", test_crash_on_the_source_is_shown);
    ADD("crash-on-the-destination-is-shown", test_crash_on_the_destination_is_shown);
    ADD("guest-that-was-destroyed-is-shown", test_guest_that_was_destroyed_is_shown);
    ADD("guest-that-powered-off-is-not-to-run", test_guest_that_powered_off_is_not_to_run);
    ADD("guest-of-a-rebooted-host-is-still-to-run", test_guest_of_a_rebooted_host_is_still_to_run);
    ADD("block-migration-is-answered-as-nova-does", test_block_migration_is_answered_as_nova_does);
#undef ADD
    return g_test_run();
}
