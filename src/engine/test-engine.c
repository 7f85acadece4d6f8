/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The real engine with a real store and a fleet in memory, in real time. */
#include "engine/engine.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/metrics.h"
#include "hypervisor/fake/fake.h"
#include "model/throwaway.h"

#define WAIT_MAX_US (60 * G_USEC_PER_SEC)

typedef struct Fleet {
    char *directory;
    Store *store;
    Hypervisor *hypervisor;
    Engine *engine;
    bool has_broken_rule; /* the test saw to it */
} Fleet;

static FakeOptions fake_options;
static const char *extra_specs;
static int64_t shutdown_timeout_us;
static int64_t service_down_time_us;
static int64_t look_soon_us;

static Hypervisor *
find_hypervisor(const char *uri, void *data)
{
    return g_str_has_prefix(uri, "fake:") ? ((Fleet *)data)->hypervisor : NULL;
}

static void
start_engine(Fleet *fleet)
{
    g_autoptr(GError) error = NULL;
    OperationSettings settings = {
        .service_down_time_us = service_down_time_us,
        .max_concurrent_live_migrations = 1,
        .prepare_timeout_us = 60 * G_USEC_PER_SEC,
        .switchover_timeout_us = 60 * G_USEC_PER_SEC,
        .shutdown_timeout_us = shutdown_timeout_us,
        .watch_interval_us = G_USEC_PER_SEC,
        .placement = {.cpu_allocation_ratio = 16.0,
            .ram_allocation_ratio = 1.0,
            .disk_allocation_ratio = 1.0,
            .multipliers = {[PLACEMENT_WEIGHER_RAM] = 1.0}},
        .image_directory = fleet->directory,
    };
    EngineOptions options = {.resume_guests = true, .look_soon_us = look_soon_us};

    fleet->engine =
        engine_new(fleet->store, clock_system(), &settings, &options, find_hypervisor, fleet);
    engine_start(fleet->engine, &error);
    g_assert_no_error(error);
}

static void
stop_engine(Fleet *fleet)
{
    engine_stop(fleet->engine);
    g_clear_pointer(&fleet->engine, engine_free);
}

static void
add_host_at(Fleet *fleet, const char *name, const char *machine)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) host = host_new();

    host->id = clock_new_uuid(clock_system());
    host->hypervisor_id = clock_new_uuid(clock_system());
    host->name = g_strdup(name);
    host->uri = g_strdup_printf("fake:///%s", machine);
    host->peer_uri = g_strdup(host->uri);
    host->migration_address = g_strdup("");
    host->pool = g_strdup("instances");
    host->zone = g_strdup("nova");
    store_insert_host(fleet->store, host, &error);
    g_assert_no_error(error);
}

static void
add_host(Fleet *fleet, const char *name)
{
    add_host_at(fleet, name, name);
}

static void
set_up(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;

    fake_options = (FakeOptions){.path = ":memory:", .clock = clock_system()};
    extra_specs = "{}";
    shutdown_timeout_us = 60 * G_USEC_PER_SEC;
    service_down_time_us = 60 * G_USEC_PER_SEC;
    look_soon_us = 0;
    if (data != NULL) {
        ((void (*)(void))data)();
    }
    fleet->directory = g_dir_make_tmp("engine-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *url = g_strdup_printf("sqlite://%s/drover.db", fleet->directory);
    fleet->store = store_open(url, clock_system(), &error);
    g_assert_no_error(error);
    fleet->hypervisor = fake_hypervisor_new(&fake_options, &error);
    g_assert_no_error(error);
    g_autofree char *image = g_build_filename(fleet->directory, "roothash", NULL);
    g_file_set_contents(image, "image", -1, &error);
    g_assert_no_error(error);
    add_host(fleet, "c1");
    add_host(fleet, "c2");
    start_engine(fleet);
}

static void
tear_down(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(fake_check(fleet->hypervisor, &error) == !fleet->has_broken_rule);
    stop_engine(fleet);
    hypervisor_free(fleet->hypervisor);
    store_close(fleet->store);
    g_autoptr(GDir) directory = g_dir_open(fleet->directory, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(directory)) != NULL) {
        g_autofree char *path = g_build_filename(fleet->directory, name, NULL);
        g_unlink(path);
    }
    g_rmdir(fleet->directory);
    g_free(fleet->directory);
}

/* ---- waiting ---- */

typedef bool (*Condition)(Fleet *fleet, const char *what);

static void
wait_for(Fleet *fleet, Condition is_true, const char *what)
{
    int64_t end_us = g_get_monotonic_time() + WAIT_MAX_US;

    while (!is_true(fleet, what)) {
        if (g_get_monotonic_time() > end_us) {
            g_error("it never came: %s", what);
        }
        g_usleep(5000);
    }
}

static bool
is_connected(Fleet *fleet, const char *name)
{
    g_autoptr(Host) host = store_get_host(fleet->store, name, NULL);
    return host->connected && host->has_facts;
}

static bool
is_down(Fleet *fleet, const char *name)
{
    g_autoptr(Host) host = store_get_host(fleet->store, name, NULL);
    return !host->connected && host->connect_error != NULL;
}

static char *
get_status(Fleet *fleet, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, &error);
    g_assert_no_error(error);
    const char *task = instance_task_state(instance);
    return g_strdup_printf(
        "%s%s%s", instance_status(instance), task != NULL ? "/" : "", task != NULL ? task : "");
}

static void
wait_for_status(Fleet *fleet, const char *id, const char *status)
{
    int64_t end_us = g_get_monotonic_time() + WAIT_MAX_US;

    for (;;) {
        g_autofree char *now = get_status(fleet, id);
        if (g_str_equal(now, status)) {
            return;
        }
        if (g_get_monotonic_time() > end_us) {
            g_error("status is %s, never %s", now, status);
        }
        g_usleep(5000);
    }
}

/* ---- asking ---- */

static char *
create(Fleet *fleet, const char *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();

    instance->name = g_strdup("vm1");
    instance->hostname = g_strdup("vm1");
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->metadata_json = g_strdup("{}");
    instance->tags_json = g_strdup("[]");
    instance->flavor = (Flavor){.id = g_strdup("1"),
        .name = g_strdup("m1.tiny"),
        .vcpus = 1,
        .ram_mib = 512,
        .disk_gib = 1,
        .rxtx_factor = 1.0,
        .extra_specs_json = g_strdup(extra_specs)};
    instance->image.root_hash = g_strdup("roothash");
    instance->image.root_format = g_strdup("raw");
    g_autoptr(GPtrArray) networks = g_ptr_array_new();
    InstanceRequest request = {
        .instance = instance, .network_ids = networks, .requested_host = host};
    store_accept_instance(fleet->store, &request, &error);
    g_assert_no_error(error);
    if (fleet->engine != NULL) {
        engine_nudge(fleet->engine);
    }
    return g_strdup(instance->id);
}

static void
ask(Fleet *fleet, const char *id, OperationKind kind)
{
    g_autoptr(GError) error = NULL;
    OperationRequest request = {.kind = kind, .instance_id = id};
    g_autoptr(Operation) operation = store_accept_operation(fleet->store, &request, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
}

static void
ask_delete(Fleet *fleet, const char *id)
{
    g_autoptr(GError) error = NULL;
    store_accept_delete(fleet->store, id, "req-1", "user", &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
}

static char *
create_active(Fleet *fleet)
{
    wait_for(fleet, is_connected, "c1");
    wait_for(fleet, is_connected, "c2");
    char *id = create(fleet, "c1");
    wait_for_status(fleet, id, "ACTIVE");
    return id;
}

static void
assert_domains(Fleet *fleet, const char *id, int n_domains, int n_running)
{
    FakeGuest guest = {0};
    fake_inspect_guest(fleet->hypervisor, id, &guest);
    g_assert_cmpint(guest.n_domains, ==, n_domains);
    g_assert_cmpint(guest.n_running, ==, n_running);
    fake_guest_clear(&guest);
}

static int
count_claimed(Fleet *fleet, const char *host)
{
    HostUsage usage = {0};
    g_assert_true(store_get_host_usage(fleet->store, host, &usage, NULL));
    return (int)usage.ram_mib;
}

/* ---- life of an instance ---- */

static void
test_create_runs_where_asked(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    g_assert_cmpstr(instance->host, ==, "c1");
    g_assert_cmpint(instance->power_state, ==, POWER_STATE_RUNNING);
    g_assert_true(instance->should_run);
    g_assert_cmpint(instance->launched_us, >, 0);
    g_assert_cmpint(count_claimed(fleet, "c1"), ==, 512);
    assert_domains(fleet, id, 1, 1);
}

static void
short_service_down_time(void)
{
    service_down_time_us = G_USEC_PER_SEC;
}

/* While the daemon was away its hosts were not seen: that says nothing about them. */
static void
test_create_after_a_long_stop(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;

    wait_for(fleet, is_connected, "c1");
    wait_for(fleet, is_connected, "c2");
    stop_engine(fleet);
    g_usleep((gulong)service_down_time_us + G_USEC_PER_SEC / 10);
    hypervisor_add_filter_text(fleet->hypervisor, "delay:open=300", &error);
    g_assert_no_error(error);
    g_autofree char *id = create(fleet, NULL);
    start_engine(fleet);
    wait_for_status(fleet, id, "ACTIVE");
}

static void
test_every_action_ends_in_its_state(Fleet *fleet, const void *data)
{
    static const struct {
        OperationKind kind;
        const char *status;
        int n_running;
    } rows[] = {
        {OPERATION_PAUSE, "PAUSED", 0},
        {OPERATION_UNPAUSE, "ACTIVE", 1},
        {OPERATION_REBOOT_SOFT, "ACTIVE", 1},
        {OPERATION_REBOOT_HARD, "ACTIVE", 1},
        {OPERATION_STOP, "SHUTOFF", 0},
        {OPERATION_START, "ACTIVE", 1},
    };
    g_autofree char *id = create_active(fleet);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        ask(fleet, id, rows[i].kind);
        wait_for_status(fleet, id, rows[i].status);
        assert_domains(fleet, id, 1, rows[i].n_running);
    }
    ask_delete(fleet, id);
    wait_for_status(fleet, id, "DELETED");
    assert_domains(fleet, id, 0, 0);
    g_assert_cmpint(count_claimed(fleet, "c1"), ==, 0);
}

static void
never_obey(void)
{
    fake_options.shutdown_us = -1;
    shutdown_timeout_us = G_USEC_PER_SEC / 5;
}

static void
test_stop_pulls_the_plug_in_the_end(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    ask(fleet, id, OPERATION_STOP);
    wait_for_status(fleet, id, "SHUTOFF");
    assert_domains(fleet, id, 1, 0);
    g_autoptr(GPtrArray) operations = store_list_instance_operations(fleet->store, id, 1, NULL);
    g_autoptr(GPtrArray) events =
        store_list_operation_events(fleet->store, ((Operation *)operations->pdata[0])->id, NULL);
    bool was_plug_pulled = false;
    for (unsigned i = 0; i < events->len; i++) {
        was_plug_pulled |= g_strcmp0(((OperationEvent *)events->pdata[i])->to, "powering-off") == 0;
    }
    g_assert_true(was_plug_pulled);
}

static void
test_delete_while_stopping_does_not_wait(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    ask(fleet, id, OPERATION_STOP);
    ask_delete(fleet, id);
    wait_for_status(fleet, id, "DELETED");
    assert_domains(fleet, id, 0, 0);
}

static void
never_obey_for_long(void)
{
    fake_options.shutdown_us = -1;
}

static bool
is_stopping(Fleet *fleet, const char *id)
{
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    return g_strcmp0(instance->open_state, "stopping") == 0;
}

static void
test_forced_soft_reboot_pulls_the_plug_at_once(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    ask(fleet, id, OPERATION_REBOOT_SOFT);
    wait_for(fleet, is_stopping, id);
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, &error);
    store_set_wanted(fleet->store, instance->open_operation, WANTED_FORCE_COMPLETE, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    wait_for_status(fleet, id, "ACTIVE");
    assert_domains(fleet, id, 1, 1);
    g_autoptr(GPtrArray) events =
        store_list_operation_events(fleet->store, instance->open_operation, &error);
    bool is_told = false;
    for (unsigned i = 0; i < events->len; i++) {
        const OperationEvent *event = events->pdata[i];
        is_told |= g_strcmp0(event->to, "powering-off") == 0 &&
            strstr(event->sentence, "hard reboot was asked for") != NULL;
    }
    g_assert_true(is_told);
}

static void
test_no_host_is_a_fault_with_a_reason(Fleet *fleet, const void *data)
{
    wait_for(fleet, is_connected, "c1");
    g_autofree char *id = create(fleet, "nowhere");
    wait_for_status(fleet, id, "ERROR");
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    g_assert_true(instance->has_fault);
    g_assert_nonnull(strstr(instance->fault.message, "nowhere"));
    g_assert_null(instance->host);
    ask_delete(fleet, id);
    wait_for_status(fleet, id, "DELETED");
}

static void
test_failed_create_leaves_nothing(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    hypervisor_add_filter_text(fleet->hypervisor, "fault:start_guest=refused", &error);
    g_assert_no_error(error);
    wait_for(fleet, is_connected, "c1");
    g_autofree char *id = create(fleet, "c1");
    wait_for_status(fleet, id, "ERROR");
    assert_domains(fleet, id, 0, 0);
    g_assert_cmpint(count_claimed(fleet, "c1"), ==, 0);
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    g_assert_true(instance->has_fault);
}

static void
test_failed_action_shows_what_is_true(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    hypervisor_add_filter_text(fleet->hypervisor, "fault:pause_guest=refused", &error);
    g_assert_no_error(error);
    ask(fleet, id, OPERATION_PAUSE);
    wait_for_status(fleet, id, "ACTIVE");
    g_autoptr(GPtrArray) operations = store_list_instance_operations(fleet->store, id, 1, NULL);
    const Operation *operation = operations->pdata[0];
    g_assert_cmpstr(operation->state, ==, "failed");
    g_assert_cmpstr(operation->error_code, ==, "hypervisor-refused");
}

static void
test_lost_reply_is_asked_again(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    hypervisor_add_filter_text(fleet->hypervisor, "fault:create_guest@1=unknown", &error);
    g_assert_no_error(error);
    g_autofree char *id = create_active(fleet);
    assert_domains(fleet, id, 1, 1);
}

/* ---- what happens outside ---- */

static void
test_guest_that_powers_off_is_seen(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    fake_guest_event(fleet->hypervisor, "c1", id, DOMAIN_REASON_SHUTDOWN);
    wait_for_status(fleet, id, "SHUTOFF");
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    g_assert_false(instance->should_run);
}

static void
test_guest_is_started_after_its_hosts_reboot(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    fake_inject(fleet->hypervisor, "c1", FAKE_REBOOT);
    assert_domains(fleet, id, 1, 0);
    wait_for(fleet, is_connected, "c1");
    int64_t end_us = g_get_monotonic_time() + WAIT_MAX_US;
    FakeGuest guest = {0};
    while (guest.n_running == 0 && g_get_monotonic_time() < end_us) {
        fake_guest_clear(&guest);
        g_usleep(5000);
        fake_inspect_guest(fleet->hypervisor, id, &guest);
    }
    g_assert_cmpint(guest.n_running, ==, 1);
    fake_guest_clear(&guest);
    wait_for_status(fleet, id, "ACTIVE");
}

static void
test_stopped_guest_stays_off_after_a_reboot(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    ask(fleet, id, OPERATION_STOP);
    wait_for_status(fleet, id, "SHUTOFF");
    fake_inject(fleet->hypervisor, "c1", FAKE_REBOOT);
    wait_for(fleet, is_down, "c1");
    wait_for(fleet, is_connected, "c1");
    ask(fleet, id, OPERATION_START);
    wait_for_status(fleet, id, "ACTIVE");
    g_autoptr(GPtrArray) operations = store_list_instance_operations(fleet->store, id, 0, NULL);
    g_assert_cmpuint(operations->len, ==, 3); /* create, stop, start: drover added none */
}

static void
test_cut_host_comes_back(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    fake_inject(fleet->hypervisor, "c1", FAKE_CUT);
    wait_for(fleet, is_down, "c1");
    fake_inject(fleet->hypervisor, "c1", FAKE_HEAL);
    wait_for(fleet, is_connected, "c1");
    g_autofree char *status = get_status(fleet, id);
    g_assert_cmpstr(status, ==, "ACTIVE");
}

static void
short_keepalive(void)
{
    fake_options.keepalive_us = G_USEC_PER_SEC / 10;
}

static void
ignore_event(const HostEvent *event, void *data)
{
}

static HypervisorHost *
open_host(Fleet *fleet, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *uri = g_strdup_printf("fake:///%s", name);
    HostAddress address = {
        .name = name, .uri = uri, .peer_uri = uri, .migration_address = "", .pool = "instances"};
    HypervisorHost *host =
        hypervisor_open(fleet->hypervisor, &address, 1u << 20, ignore_event, NULL, &error);
    g_assert_no_error(error);
    return host;
}

static void
test_instance_that_its_host_lost_is_an_error(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    hypervisor_remove_guest(host, id, true, &error);
    g_assert_no_error(error);
    wait_for_status(fleet, id, "ERROR");
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    g_assert_nonnull(strstr(instance->fault.message, "does not know"));
}

static bool
is_reported_lost(Fleet *fleet, const char *id)
{
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    return instance->has_fault && strstr(instance->fault.message, "does not know") != NULL;
}

/* Its source has all of it, and takes it back. */
static void
test_lost_guest_of_a_move_can_be_reverted(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    MigrationRequest request = {.operation = {.kind = OPERATION_COLD_MIGRATE, .instance_id = id},
        .type = MIGRATION_TYPE_COLD};
    g_autoptr(Migration) migration = store_accept_migration(fleet->store, &request, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    wait_for_status(fleet, id, "VERIFY_RESIZE");
    g_autoptr(HypervisorHost) host = open_host(fleet, "c2");
    g_assert_true(hypervisor_remove_guest(host, id, true, &error));
    wait_for(fleet, is_reported_lost, id);
    g_autofree char *status = get_status(fleet, id);
    g_assert_cmpstr(status, ==, "VERIFY_RESIZE");
    OperationRequest revert = {.kind = OPERATION_REVERT_RESIZE, .instance_id = id};
    g_autoptr(Operation) operation = store_accept_end(fleet->store, &revert, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    wait_for_status(fleet, id, "ACTIVE");
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, &error);
    g_assert_cmpstr(instance->host, ==, "c1");
    g_assert_false(instance->has_fault);
    g_assert_cmpint(count_claimed(fleet, "c1"), ==, 512);
    g_assert_cmpint(count_claimed(fleet, "c2"), ==, 0);
    assert_domains(fleet, id, 1, 1);
}

static void
test_new_daemon_goes_on(Fleet *fleet, const void *data)
{
    wait_for(fleet, is_connected, "c1");
    stop_engine(fleet);
    start_engine(fleet);
    g_autofree char *id = create(fleet, "c1");
    stop_engine(fleet);
    start_engine(fleet);
    wait_for_status(fleet, id, "ACTIVE");
    assert_domains(fleet, id, 1, 1);
}

static void
test_frozen_host_slows_nothing_else_down(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    fake_inject(fleet->hypervisor, "c1", FAKE_FREEZE);
    ask(fleet, id, OPERATION_PAUSE);
    int64_t begin_us = g_get_monotonic_time();
    g_autofree char *other = create(fleet, "c2");
    wait_for_status(fleet, other, "ACTIVE");
    g_assert_cmpint(g_get_monotonic_time() - begin_us, <, 2 * G_USEC_PER_SEC);
    fake_inject(fleet->hypervisor, "c1", FAKE_THAW);
    wait_for_status(fleet, id, "PAUSED");
}

static void
test_removed_host_can_come_back(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    wait_for(fleet, is_connected, "c2");
    store_delete_host(fleet->store, "c2", &error);
    g_assert_no_error(error);
    engine_nudge_hosts(fleet->engine);
    add_host(fleet, "c2");
    engine_nudge_hosts(fleet->engine);
    wait_for(fleet, is_connected, "c2");
    g_autofree char *id = create(fleet, "c2");
    wait_for_status(fleet, id, "ACTIVE");
}

static void
slow_transfers(void)
{
    fake_options.transfer_bytes_s = 1 << 20;
}

static bool
is_transferring(Fleet *fleet, const char *id)
{
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    return g_strcmp0(instance->open_state, "transferring") == 0;
}

static bool
runs_again(Fleet *fleet, const char *id)
{
    FakeGuest guest = {0};
    fake_inspect_guest(fleet->hypervisor, id, &guest);
    bool is_running = guest.n_running == 1;
    fake_guest_clear(&guest);
    return is_running;
}

/* When its host is back the migration is still open, and the guest is its business. */
static void
test_guest_is_started_after_its_migration_ended_in_a_reboot(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    MigrationRequest request = {.operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = id}};
    g_autoptr(Migration) migration = store_accept_migration(fleet->store, &request, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    wait_for(fleet, is_transferring, id);
    fake_inject(fleet->hypervisor, "c1", FAKE_REBOOT);
    wait_for(fleet, runs_again, id);
    wait_for_status(fleet, id, "ACTIVE");
}

/* ---- what was left behind ---- */

static void
wait_for_domains(Fleet *fleet, const char *id, int n_domains)
{
    int64_t end_us = g_get_monotonic_time() + WAIT_MAX_US;
    for (;;) {
        FakeGuest guest = {0};
        fake_inspect_guest(fleet->hypervisor, id, &guest);
        int now = guest.n_domains;
        fake_guest_clear(&guest);
        if (now == n_domains) {
            return;
        }
        if (g_get_monotonic_time() > end_us) {
            g_error("%d domains, never %d", now, n_domains);
        }
        g_usleep(5000);
    }
}

/* Its host was away when the instance was deleted. */
static void
test_deleted_guest_is_removed_when_its_host_is_back(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    stop_engine(fleet);
    int64_t epoch;
    g_assert_true(store_begin_epoch(fleet->store, &epoch, &error));
    store_accept_delete(fleet->store, id, "req-1", "user", &error);
    g_assert_no_error(error);
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, &error);
    OperationMove move = {.operation_id = instance->open_operation,
        .epoch = epoch,
        .from = "queued",
        .to = "completed",
        .closes = true,
        .sentence = "its host is away",
        .set_instance = true,
        .vm_state = VM_STATE_DELETED,
        .power_state = POWER_STATE_NONE,
        .should_run = false,
        .generation = -1,
        .terminated = true,
        .release_all = true};
    store_move_operation(fleet->store, &move, &error);
    g_assert_no_error(error);
    start_engine(fleet);
    wait_for_domains(fleet, id, 0);
}

static void
migrate(Fleet *fleet, const char *id)
{
    g_autoptr(GError) error = NULL;
    MigrationRequest request = {.operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = id}};
    g_autoptr(Migration) migration = store_accept_migration(fleet->store, &request, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    wait_for_status(fleet, id, "ACTIVE");
}

/* Behind droverd's back. */
static void
plant_guest(HypervisorHost *host, const char *uuid, const char *domain_name, int64_t generation,
    int vcpus, int memory_mib)
{
    g_autoptr(GError) error = NULL;
    char drive[512] = {0};
    GuestSpec spec = {.uuid = (char *)uuid,
        .domain_name = (char *)domain_name,
        .display_name = "planted",
        .project_id = "project",
        .flavor_name = "m1.tiny",
        .generation = generation,
        .vcpus = vcpus,
        .memory_mib = memory_mib,
        .root_size_bytes = 1 << 30,
        .root_hash = "roothash",
        .root_format = "raw",
        .root_virtual_size_bytes = 5,
        .config_drive = drive,
        .config_drive_size = sizeof drive};
    hypervisor_create_guest(host, &spec, &error);
    g_assert_no_error(error);
}

/* As if c1 had been away since before the instance moved to c2. */
static void
make_older_copy(Fleet *fleet, const char *id, bool runs)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, &error);
    g_assert_cmpstr(instance->host, ==, "c2");
    g_assert_cmpint(instance->generation, >, 0);
    stop_engine(fleet);
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    plant_guest(host, id, "instance-00000001", instance->generation - 1, 1, 512);
    if (runs) {
        hypervisor_start_guest(host, id, &error);
        g_assert_no_error(error);
    }
    assert_domains(fleet, id, 2, runs ? 2 : 1);
    g_clear_pointer(&host, hypervisor_host_unref);
    start_engine(fleet);
}

static void
test_older_copy_is_removed(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    migrate(fleet, id);
    make_older_copy(fleet, id, false);
    wait_for_domains(fleet, id, 1);
    assert_domains(fleet, id, 1, 1);
}

static bool
runs_once(Fleet *fleet, const char *id)
{
    FakeGuest guest = {0};
    fake_inspect_guest(fleet->hypervisor, id, &guest);
    bool is_once = guest.n_running == 1 && g_str_equal(guest.host, "c2");
    g_assert_cmpint(guest.n_domains, ==, 2);
    fake_guest_clear(&guest);
    return is_once;
}

static void
test_older_copy_that_runs_is_paused(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    migrate(fleet, id);
    fleet->has_broken_rule = true;
    make_older_copy(fleet, id, true);
    wait_for(fleet, runs_once, id);
}

/* ---- volumes of nobody ---- */

#define STRAY "0b0d1e2f-0000-4000-8000-000000000001"

/* A guest that no database knows. */
static void
make_stray(Fleet *fleet, const char *uuid, const char *domain_name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    g_autofree char *path = g_build_filename(fleet->directory, "roothash", NULL);
    BaseImage base = {.path = path,
        .sha256 = "roothash",
        .format = "raw",
        .size_bytes = 5,
        .virtual_size_bytes = 5};
    char drive[512] = {0};
    GuestSpec spec = {.uuid = uuid,
        .domain_name = domain_name,
        .display_name = "stray",
        .project_id = "project",
        .flavor_name = "m1.tiny",
        .vcpus = 1,
        .memory_mib = 512,
        .root_size_bytes = 1 << 30,
        .root_hash = "roothash",
        .root_format = "raw",
        .root_virtual_size_bytes = 5,
        .config_drive = drive,
        .config_drive_size = sizeof drive};
    bool is_made = hypervisor_ensure_base(host, &base, NULL, &error) &&
        hypervisor_create_guest(host, &spec, &error);
    g_assert_no_error(error);
    g_assert_true(is_made);
}

/* Its domain was undefined, its volumes have stayed. */
static void
leave_volumes(Fleet *fleet, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    make_stray(fleet, uuid, "stray");
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    g_assert_true(hypervisor_forget_guest(host, uuid, &error));
    g_assert_no_error(error);
}

static bool
has_domain(Fleet *fleet, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    DomainView view = {0};
    g_assert_true(hypervisor_describe_domain(host, uuid, &view, &error));
    g_assert_no_error(error);
    bool is_there = view.state != DOMAIN_ABSENT;
    domain_view_clear(&view);
    return is_there;
}

static bool
has_no_domain(Fleet *fleet, const char *uuid)
{
    return !has_domain(fleet, uuid);
}

/* Only what is called as canaries are goes. */
static void
test_canary_of_an_earlier_daemon_is_removed(Fleet *fleet, const void *data)
{
    g_autofree char *uuid = canary_make_uuid("c1", "c2");
    g_autofree char *name = throwaway_make_name(THROWAWAY_CANARY, uuid);
    stop_engine(fleet);
    make_stray(fleet, STRAY, "stray");
    make_stray(fleet, uuid, name);
    start_engine(fleet);
    wait_for(fleet, has_no_domain, uuid);
    g_assert_true(has_domain(fleet, STRAY));
}

static CanaryVerdict
verdict_of(Fleet *fleet, const char *source, const char *dest)
{
    g_autoptr(CanaryMap) ways = store_map_canaries(fleet->store, source, NULL);
    return canary_verdict(canary_map_find(ways, dest));
}

/* A nudge for the tick that would send it. */
static bool
is_open_now(Fleet *fleet, const char *host)
{
    engine_nudge_canaries(fleet->engine);
    return verdict_of(fleet, "c1", host) == CANARY_VERDICT_OPEN;
}

/* Of the ways of others, and of who arrived, it says nothing; and another one is sent by itself
 * when the host is back. */
static void
test_red_canary_goes_with_the_connection(Fleet *fleet, const void *data)
{
    Canary wishes[] = {
        {.source_host = (char *)"c1", .dest_host = (char *)"c2", .error = (char *)"no route"},
        {.source_host = (char *)"c2", .dest_host = (char *)"c1"},
        {.source_host = (char *)"c1", .dest_host = (char *)"c3", .error = (char *)"no route"},
    };
    g_autoptr(GPtrArray) asked = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
        g_ptr_array_add(asked, &wishes[i]);
    }
    wait_for(fleet, is_connected, "c2");
    add_host(fleet, "c3");
    g_assert_true(store_ask_canaries(fleet->store, asked, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
        g_assert_true(store_finish_canary(fleet->store, &wishes[i], NULL));
    }
    g_assert_cmpint(verdict_of(fleet, "c1", "c2"), ==, CANARY_VERDICT_SHUT);
    fake_inject(fleet->hypervisor, "c2", FAKE_RESTART);
    wait_for(fleet, is_open_now, "c2");
    g_assert_cmpint(verdict_of(fleet, "c2", "c1"), ==, CANARY_VERDICT_OPEN);
    g_assert_cmpint(verdict_of(fleet, "c1", "c3"), ==, CANARY_VERDICT_SHUT);
}

static bool
is_tried_no_more(Fleet *fleet, const char *dest)
{
    g_autoptr(CanaryMap) ways = store_map_canaries(fleet->store, "c1", NULL);
    engine_nudge_canaries(fleet->engine);
    return !canary_is_pending(canary_map_find(ways, dest));
}

/* One that somebody wants in post-copy and somebody else by several connections: as one wish it is
 * what this QEMU cannot do, and says nothing of the way. */
static void
test_canary_that_qemu_cannot_send_is_dropped(Fleet *fleet, const void *data)
{
    Canary wish = {.source_host = (char *)"c1", .dest_host = (char *)"c2"};
    g_autoptr(GPtrArray) asked = g_ptr_array_new();
    g_ptr_array_add(asked, &wish);
    wait_for(fleet, is_connected, "c1");
    wait_for(fleet, is_connected, "c2");
    wish.asked.post_copy = true;
    g_assert_true(store_ask_canaries(fleet->store, asked, NULL));
    wish.asked = (CanaryExtra){.connections = 4};
    g_assert_true(store_ask_canaries(fleet->store, asked, NULL));
    wait_for(fleet, is_tried_no_more, "c2");
    g_autoptr(CanaryMap) ways = store_map_canaries(fleet->store, "c1", NULL);
    const Canary *canary = canary_map_find(ways, "c2");
    g_assert_cmpint(canary->tried_us, ==, 0);
    g_assert_cmpint(canary->extra_us, ==, 0);
}

/* A canary or a courier that hangs until the test says so and then fails; and a host that stays
 * away as long. */
static struct {
    GMutex lock;
    GCond changed;
    bool is_flying;
    bool is_held;
    const char *away;
} way;

/* data: the verb. */
static bool
hold_way(void *data, const char *verb, const char *host, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&way.lock);

    if (way.away != NULL && g_str_equal(verb, "open") && g_str_equal(host, way.away)) {
        return error_set(error, ERROR_HYPERVISOR_DOWN, "it is away");
    }
    if (!way.is_held || !g_str_equal(verb, data)) {
        return true;
    }
    way.is_flying = true;
    while (way.is_held) {
        g_cond_wait(&way.changed, &way.lock);
    }
    return error_set(error, ERROR_HYPERVISOR_REFUSED, "it lost its way");
}

static void
set_way(bool is_held, const char *away)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&way.lock);

    way.is_held = is_held;
    way.away = away;
    g_cond_broadcast(&way.changed);
}

static bool
is_flying(Fleet *fleet, const char *what)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&way.lock);

    engine_nudge_canaries(fleet->engine);
    return way.is_flying;
}

static void
hold(Fleet *fleet, const char *verb)
{
    stop_engine(fleet);
    way.is_flying = false;
    hypervisor_add_filter(fleet->hypervisor,
        (HypervisorFilter){.name = "hold", .before = hold_way, .data = (char *)verb});
    set_way(true, NULL);
    start_engine(fleet);
    wait_for(fleet, is_connected, "c1");
    wait_for(fleet, is_connected, "c2");
}

/* Nothing asks anew for one that is on its way when its host comes back: so it is sent again. */
static void
test_canary_that_outlives_a_lost_connection_is_sent_again(Fleet *fleet, const void *data)
{
    Canary wish = {.source_host = (char *)"c1", .dest_host = (char *)"c2"};
    g_autoptr(GPtrArray) asked = g_ptr_array_new();
    g_ptr_array_add(asked, &wish);
    hold(fleet, "send_canary");
    g_assert_true(store_ask_canaries(fleet->store, asked, NULL));
    wait_for(fleet, is_flying, "the canary");
    set_way(true, "c2");
    fake_inject(fleet->hypervisor, "c2", FAKE_RESTART);
    wait_for(fleet, is_down, "c2");
    set_way(true, NULL);
    wait_for(fleet, is_connected, "c2");
    set_way(false, NULL);
    wait_for(fleet, is_open_now, "c2");
}

static Leftover *
find_leftover(Fleet *fleet, const char *name)
{
    g_autoptr(GPtrArray) rows = store_list_leftovers(fleet->store, &(LeftoverFilter){0}, NULL);
    for (unsigned i = 0; i < rows->len; i++) {
        if (g_strcmp0(((Leftover *)rows->pdata[i])->name, name) == 0) {
            return g_ptr_array_steal_index(rows, i);
        }
    }
    return NULL;
}

static bool
is_on_record(Fleet *fleet, const char *name)
{
    g_autoptr(Leftover) leftover = find_leftover(fleet, name);
    return leftover != NULL;
}

static bool
is_off_record(Fleet *fleet, const char *name)
{
    return !is_on_record(fleet, name);
}

static unsigned
count_volumes(Fleet *fleet, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    g_autoptr(GPtrArray) volumes = hypervisor_list_guest_volumes(host, uuid, &error);
    g_assert_no_error(error);
    return volumes->len;
}

/* What was a stray twice is on record. */
static bool
is_recorded_after_a_restart(Fleet *fleet, const char *name)
{
    fake_inject(fleet->hypervisor, "c1", FAKE_RESTART);
    g_usleep(G_USEC_PER_SEC * 3 / 2);
    return is_on_record(fleet, name);
}

/* They stay until an operator says so, and the ones of an instance are not touched. */
static void
test_volumes_of_nobody_wait_for_an_operator(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    fleet->has_broken_rule = true; /* the fleet takes the last disk's removal for a loss */
    leave_volumes(fleet, STRAY);
    wait_for(fleet, is_recorded_after_a_restart, STRAY);
    g_assert_false(is_on_record(fleet, id));
    g_autoptr(Leftover) leftover = find_leftover(fleet, STRAY);
    g_assert_cmpint(leftover->kind, ==, LEFTOVER_VOLUME);
    g_assert_cmpuint(count_volumes(fleet, STRAY), ==, 3);
    store_want_leftover_removed(fleet->store, leftover->id, &error);
    g_assert_no_error(error);
    engine_nudge_leftovers(fleet->engine);
    wait_for(fleet, is_off_record, STRAY);
    g_assert_cmpuint(count_volumes(fleet, STRAY), ==, 0);
    assert_domains(fleet, id, 1, 1);
}

/* ---- asks ---- */

static void
on_checked(int64_t operation_id, bool timed_out, void *data)
{
    g_async_queue_push(data, GINT_TO_POINTER(timed_out ? 2 : 1));
}

static void
test_watch_ends_with_the_checks_or_in_time(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GAsyncQueue) queue = g_async_queue_new();
    g_autofree char *id = create_active(fleet);
    engine_watch_checks(fleet->engine, 4711, 60000, on_checked, queue);
    g_assert_cmpint(GPOINTER_TO_INT(g_async_queue_timeout_pop(queue, WAIT_MAX_US)), ==, 1);

    fake_inject(fleet->hypervisor, "c1", FAKE_FREEZE);
    MigrationRequest request = {.operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = id}};
    g_autoptr(Migration) migration = store_accept_migration(fleet->store, &request, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    engine_watch_checks(fleet->engine, migration->operation.id, 100, on_checked, queue);
    g_assert_cmpint(GPOINTER_TO_INT(g_async_queue_timeout_pop(queue, WAIT_MAX_US)), ==, 2);
    engine_watch_checks(fleet->engine, migration->operation.id, 60000, on_checked, queue);
    fake_inject(fleet->hypervisor, "c1", FAKE_THAW);
    g_assert_cmpint(GPOINTER_TO_INT(g_async_queue_timeout_pop(queue, WAIT_MAX_US)), ==, 1);
    wait_for_status(fleet, id, "ACTIVE");
}

static void
on_console(const char *text, size_t size, const GError *error, void *data)
{
    g_assert_no_error(error);
    g_async_queue_push(data, g_strndup(text, size));
}

static bool
has_been_tried(Fleet *fleet, const char *name)
{
    g_autoptr(Host) host = store_get_host(fleet->store, name, NULL);
    return host->connected || host->connect_error != NULL;
}

static bool
is_double(Fleet *fleet, const char *name)
{
    g_autoptr(Host) host = store_get_host(fleet->store, name, NULL);
    return !host->connected && host->connect_error != NULL &&
        g_str_has_prefix(host->connect_error, "is the same host as ");
}

/* What the rows say after this, the next engine has written. */
static void
forget_connections(Fleet *fleet)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) hosts = store_list_hosts(fleet->store, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        store_set_host_connection(fleet->store, host->name, false, NULL, 0, &error);
        g_assert_no_error(error);
    }
}

static void
test_one_machine_is_one_host(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    add_host_at(fleet, "c0", "c1");
    engine_nudge_hosts(fleet->engine);
    wait_for(fleet, has_been_tried, "c0");
    stop_engine(fleet);
    forget_connections(fleet);
    start_engine(fleet);
    wait_for(fleet, has_been_tried, "c0");
    wait_for(fleet, is_connected, "c1");
    wait_for(fleet, is_connected, "c2");
    g_autoptr(Host) twin = store_get_host(fleet->store, "c0", NULL);
    g_assert_cmpstr(twin->connect_error, ==,
        "is the same host as 'c1': a host can be in the fleet once; remove one of the two");
    g_assert_false(twin->connected);
    g_assert_false(twin->has_facts); /* or its memory would count twice */
    g_autoptr(Instance) instance = store_get_instance(fleet->store, id, NULL);
    g_assert_cmpstr(instance->host, ==, "c1");
    assert_domains(fleet, id, 1, 1);
}

/* Its machine is away when it is added, so that the second one is faster. */
static void
test_the_host_that_was_added_first_stays(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    hypervisor_host_unref(open_host(fleet, "c7"));
    fake_inject(fleet->hypervisor, "c7", FAKE_CUT);
    add_host_at(fleet, "first", "c7");
    engine_nudge_hosts(fleet->engine);
    wait_for(fleet, is_down, "first");
    fake_inject(fleet->hypervisor, "c7", FAKE_HEAL);
    add_host_at(fleet, "second", "c7");
    engine_nudge_hosts(fleet->engine);
    wait_for(fleet, has_been_tried, "second");
    wait_for(fleet, is_connected, "first");
    wait_for(fleet, is_double, "second");
    g_assert_true(store_delete_host(fleet->store, "first", &error));
    engine_nudge_hosts(fleet->engine);
    wait_for(fleet, is_connected, "second");
}

static void
test_console_is_read(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    g_autoptr(GError) error = NULL;
    g_autoptr(GAsyncQueue) queue = g_async_queue_new_full(g_free);
    store_save_console(fleet->store, id, 1, "before\n", 7, &error);
    g_assert_no_error(error);
    engine_ask_console(fleet->engine, "c1", id, 1 << 16, on_console, queue);
    g_autofree char *text = g_async_queue_timeout_pop(queue, WAIT_MAX_US);
    g_assert_nonnull(text);
    g_assert_true(g_str_has_prefix(text, "before\n"));
}

typedef struct Job {
    int *n_running;
    int *n_most;
    GAsyncQueue *queue;
} Job;

static void
run_job(void *data)
{
    Job *job = data;
    int now = g_atomic_int_add(job->n_running, 1) + 1;
    if (now > g_atomic_int_get(job->n_most)) {
        g_atomic_int_set(job->n_most, now);
    }
    g_usleep(2000);
    g_atomic_int_add(job->n_running, -1);
}

static void
on_job(void *data, bool cancelled)
{
    Job *job = data;
    g_assert_false(cancelled);
    g_async_queue_push(job->queue, GINT_TO_POINTER(1));
}

static void
test_work_of_one_key_is_never_parallel(Fleet *fleet, const void *data)
{
    int n_running = 0;
    int n_most = 0;
    g_autoptr(GAsyncQueue) queue = g_async_queue_new();
    for (int i = 0; i < 20; i++) {
        Job *job = g_new(Job, 1);
        *job = (Job){&n_running, &n_most, queue};
        engine_ask_work(fleet->engine, "hash", run_job, on_job, job, g_free);
    }
    for (int i = 0; i < 20; i++) {
        g_assert_nonnull(g_async_queue_timeout_pop(queue, WAIT_MAX_US));
    }
    g_assert_cmpint(n_most, ==, 1);
}

static void
run_long_reading(void *data)
{
    Job *job = data;
    g_async_queue_push(job->queue, GINT_TO_POINTER(1));
    g_usleep(G_USEC_PER_SEC / 5);
    g_atomic_int_add(job->n_running, -1);
}

static void
on_reading(void *data, bool cancelled)
{
}

/* The store is closed after that. */
static void
test_a_stop_waits_for_what_reads_the_store(Fleet *fleet, const void *data)
{
    int n_left = 2;
    g_autoptr(GAsyncQueue) queue = g_async_queue_new();
    Job job = {.n_running = &n_left, .queue = queue};
    for (int i = 0; i < 2; i++) {
        engine_ask_reading(fleet->engine, "look", run_long_reading, on_reading, &job, NULL);
    }
    g_assert_nonnull(g_async_queue_timeout_pop(queue, WAIT_MAX_US));
    engine_stop(fleet->engine);
    int n_begun = 1 + g_async_queue_length(queue);
    g_assert_cmpint(n_left, ==, 2 - n_begun);
}

/* ---- looks ---- */

static void
looks_soon(void)
{
    look_soon_us = G_USEC_PER_SEC / 5;
}

static bool
has_room(Fleet *fleet, const char *name)
{
    g_autoptr(Host) host = store_get_host(fleet->store, name, NULL);
    return host->facts.memory_free_mib == host->facts.memory_mib;
}

static bool
has_less_room(Fleet *fleet, const char *name)
{
    return !has_room(fleet, name);
}

static int64_t
count_early_looks(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    static const char *const row = "drover_host_looks_total{why=\"changed\"} ";

    metrics_export(text);
    const char *at = strstr(text->str, row);
    return at != NULL ? g_ascii_strtoll(at + strlen(row), NULL, 10) : 0;
}

/* Hosts that are new are asked again after five seconds, those that were there before after five
 * minutes. */
static char *
create_on_known_host(Fleet *fleet)
{
    wait_for(fleet, is_connected, "c1");
    wait_for(fleet, is_connected, "c2");
    stop_engine(fleet);
    start_engine(fleet);
    return create_active(fleet);
}

static void
test_host_is_asked_after_an_operation(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_on_known_host(fleet);
    wait_for(fleet, has_less_room, "c1");
    g_assert_true(has_room(fleet, "c2"));
    migrate(fleet, id);
    wait_for(fleet, has_less_room, "c2");
    wait_for(fleet, has_room, "c1");
    ask_delete(fleet, id);
    wait_for(fleet, has_room, "c2");
}

static void
some_pages_are_used(void)
{
    looks_soon();
    fake_options.huge_pages = 1024;
    fake_options.huge_pages_used = 300;
    extra_specs = "{\"hw:mem_page_size\":\"2MB\"}";
}

static bool
has_pages(Fleet *fleet, const char *host_and_pages)
{
    g_auto(GStrv) words = g_strsplit(host_and_pages, " ", 2);
    g_autoptr(Host) host = store_get_host(fleet->store, words[0], NULL);
    g_autofree char *wanted = g_strdup_printf("pages=%s\n", words[1]);
    return host->facts.topology != NULL && strstr(host->facts.topology, wanted) != NULL;
}

/* 256 of the pages in use are the guest's while it runs there, and while it is off somebody has
 * them who is not known. */
static void
test_pages_in_use_are_those_of_guests_or_foreign(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_on_known_host(fleet);
    wait_for(fleet, has_pages, "c1 2048:1024:44");
    g_assert_true(has_pages(fleet, "c2 2048:1024:300"));
    migrate(fleet, id);
    wait_for(fleet, has_pages, "c2 2048:1024:44");
    wait_for(fleet, has_pages, "c1 2048:1024:300");
    stop_engine(fleet);
    start_engine(fleet);
    wait_for(fleet, is_connected, "c2");
    g_assert_true(has_pages(fleet, "c2 2048:1024:44"));
    ask(fleet, id, OPERATION_STOP);
    wait_for(fleet, has_pages, "c2 2048:1024:300");
}

/* "KIND DOMAIN CLAIMED_MIB" of each. Caller frees. */
static char *
tell_differences(Fleet *fleet, const char *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GPtrArray) rows = store_list_host_differences(fleet->store, host, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < rows->len; i++) {
        const HostDifference *row = rows->pdata[i];
        g_string_append_printf(text, "%s%s %s %d", i > 0 ? ", " : "",
            host_difference_kind_name(row->kind), row->domain, (int)row->claimed_memory_mib);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool
has_difference(Fleet *fleet, const char *wanted)
{
    g_autofree char *told = tell_differences(fleet, "c1");
    return strcmp(told, wanted) == 0;
}

/* A guest that is lost is still claimed; one that could not be made is not. */
static void
test_what_is_not_claimed_is_not_told_as_claimed(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    hypervisor_add_filter_text(fleet->hypervisor, "fault:start_guest=refused", &error);
    g_assert_no_error(error);
    g_autofree char *failed = create(fleet, "c1");
    wait_for_status(fleet, failed, "ERROR");
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    g_assert_true(hypervisor_remove_guest(host, id, true, &error));
    wait_for_status(fleet, id, "ERROR");
    g_assert_cmpint(count_claimed(fleet, "c1"), ==, 512);
    stop_engine(fleet);
    start_engine(fleet);
    wait_for(fleet, has_difference, "no-domain instance-00000001 512");
}

#define UNKNOWN "0aa0c3c6-9a02-4b1f-8f8e-0c9c0a7c0d11"

/* As another droverd's, or of a server that was made after the copy of the database that is there
 * now. */
static void
test_unknown_guest_is_foreign(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    HostUsage usage = {0};
    g_autofree char *id = create_active(fleet);
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    plant_guest(host, UNKNOWN, "instance-0000ffff", 1, 2, 256);
    hypervisor_start_guest(host, UNKNOWN, &error);
    g_assert_no_error(error);
    stop_engine(fleet);
    start_engine(fleet);
    wait_for(fleet, has_difference, "foreign instance-0000ffff 0");
    g_assert_true(store_get_host_usage(fleet->store, "c1", &usage, &error));
    g_assert_cmpint(usage.foreign_ram_mib, ==, 256);
    g_assert_cmpint(usage.foreign_vcpus, ==, 2);
    g_assert_true(hypervisor_remove_guest(host, UNKNOWN, true, &error));
}

static void
plant_running(Fleet *fleet, const char *uuid, const char *domain_name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    plant_guest(host, uuid, domain_name, 0, 1, 8);
    hypervisor_start_guest(host, uuid, &error);
    g_assert_no_error(error);
}

static void
plant_throwaway(Fleet *fleet, ThrowawayKind kind, const char *uuid)
{
    g_autofree char *name = throwaway_make_name(kind, uuid);
    plant_running(fleet, uuid, name);
}

static void
remove_planted(Fleet *fleet, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    hypervisor_remove_guest(host, uuid, true, &error);
    g_assert_no_error(error);
}

/* Arrived, and so stored, and not removed yet. Who is foreign shows that the host was asked. */
static void
test_canary_on_its_way_is_not_foreign(Fleet *fleet, const void *data)
{
    Canary wish = {.source_host = (char *)"c2", .dest_host = (char *)"c1"};
    g_autofree char *uuid = canary_make_uuid("c2", "c1");
    g_autoptr(GPtrArray) asked = g_ptr_array_new();
    g_autofree char *id = create_active(fleet);
    g_ptr_array_add(asked, &wish);
    hold(fleet, "send_canary");
    g_assert_true(store_ask_canaries(fleet->store, asked, NULL));
    wait_for(fleet, is_flying, "the canary");
    plant_throwaway(fleet, THROWAWAY_CANARY, uuid);
    plant_running(fleet, UNKNOWN, "instance-0000ffff");
    wait_for(fleet, has_difference, "foreign instance-0000ffff 0");
    g_assert_true(has_domain(fleet, uuid));
    set_way(false, NULL);
    remove_planted(fleet, UNKNOWN);
    wait_for(fleet, has_no_domain, uuid);
}

static void
test_courier_on_its_way_is_not_foreign(Fleet *fleet, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = create_active(fleet);
    MigrationRequest request = {.operation = {.kind = OPERATION_COLD_MIGRATE, .instance_id = id},
        .type = MIGRATION_TYPE_COLD};
    hold(fleet, "copy_disks");
    g_autoptr(Migration) migration = store_accept_migration(fleet->store, &request, &error);
    g_assert_no_error(error);
    engine_nudge(fleet->engine);
    wait_for(fleet, is_flying, "the courier");
    plant_throwaway(fleet, THROWAWAY_COURIER, migration->uuid);
    plant_running(fleet, UNKNOWN, "instance-0000ffff");
    wait_for(fleet, has_difference, "foreign instance-0000ffff 0");
    g_assert_true(has_domain(fleet, migration->uuid));
    set_way(false, NULL);
    wait_for_status(fleet, id, "ACTIVE");
    remove_planted(fleet, migration->uuid);
    remove_planted(fleet, UNKNOWN);
}

static int is_refused; /* atomic */

static bool
refuse_to_destroy(void *data, const char *verb, const char *host, GError **error)
{
    return !g_atomic_int_get(&is_refused) || !g_str_equal(verb, "destroy_guest") ||
        error_set(error, ERROR_HYPERVISOR_REFUSED, "not now");
}

/* Nothing that stays is hidden: a canary that its host does not give up, a courier whose move no
 * database knows. What tries a start goes with its connection. */
static void
test_throwaway_that_stays_is_foreign(Fleet *fleet, const void *data)
{
    static const char COURIER[] = "ffa0c3c6-9a02-4b1f-8f8e-0c9c0a7c0d11";
    g_autofree char *canary = canary_make_uuid("c1", "c2");
    g_autofree char *both = g_strdup_printf(
        "foreign canary-%s 0, foreign courier-%s 0", canary, COURIER);
    g_autofree char *id = create_active(fleet);
    stop_engine(fleet);
    plant_throwaway(fleet, THROWAWAY_CANARY, canary);
    plant_throwaway(fleet, THROWAWAY_COURIER, COURIER);
    plant_throwaway(fleet, THROWAWAY_TRIAL, UNKNOWN);
    hypervisor_add_filter(
        fleet->hypervisor, (HypervisorFilter){.name = "refuse", .before = refuse_to_destroy});
    g_atomic_int_set(&is_refused, true);
    start_engine(fleet);
    wait_for(fleet, has_difference, both);
    g_atomic_int_set(&is_refused, false);
    remove_planted(fleet, COURIER);
    wait_for(fleet, has_no_domain, canary);
    wait_for(fleet, has_difference, "");
    remove_planted(fleet, UNKNOWN);
}

/* At most one in look_soon_us for each host, however much happens there. */
static void
test_early_looks_are_few(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_active(fleet);
    int64_t begin_us = g_get_monotonic_time();
    int64_t before = count_early_looks();
    for (int i = 0; i < 50; i++) {
        ask(fleet, id, OPERATION_REBOOT_HARD);
        wait_for_status(fleet, id, "ACTIVE");
    }
    int64_t most = 2 * (2 + (g_get_monotonic_time() - begin_us) / look_soon_us);
    g_assert_cmpint(count_early_looks() - before, <=, most);
}

/* Somebody else has ended it, and it comes without an operation. */
static void
test_host_is_asked_when_a_guest_changes(Fleet *fleet, const void *data)
{
    g_autofree char *id = create_on_known_host(fleet);
    wait_for(fleet, has_less_room, "c1");
    /* The look after one that has found something. */
    g_usleep(5 * look_soon_us);
    g_autoptr(HypervisorHost) host = open_host(fleet, "c1");
    g_assert_true(hypervisor_destroy_guest(host, id, NULL));
    wait_for(fleet, has_room, "c1");
}

#define ADD(name, options, function)                                                               \
    g_test_add("/engine/" name, Fleet, (const void *)(options), set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("create-after-a-long-stop", short_service_down_time, test_create_after_a_long_stop);
    ADD("create-runs-where-asked", NULL, test_create_runs_where_asked);
    ADD("every-action-ends-in-its-state", NULL, test_every_action_ends_in_its_state);
    ADD("stop-pulls-the-plug-in-the-end", never_obey, test_stop_pulls_the_plug_in_the_end);
    ADD("delete-while-stopping-does-not-wait", never_obey_for_long,
        test_delete_while_stopping_does_not_wait);
    ADD("forced-soft-reboot-pulls-the-plug-at-once", never_obey_for_long,
        test_forced_soft_reboot_pulls_the_plug_at_once);
    ADD("no-host-is-a-fault-with-a-reason", NULL, test_no_host_is_a_fault_with_a_reason);
    ADD("failed-create-leaves-nothing", NULL, test_failed_create_leaves_nothing);
    ADD("failed-action-shows-what-is-true", NULL, test_failed_action_shows_what_is_true);
    ADD("lost-reply-is-asked-again", NULL, test_lost_reply_is_asked_again);
    ADD("guest-that-powers-off-is-seen", NULL, test_guest_that_powers_off_is_seen);
    ADD("guest-is-started-after-its-hosts-reboot", NULL,
        test_guest_is_started_after_its_hosts_reboot);
    ADD("stopped-guest-stays-off-after-a-reboot", NULL,
        test_stopped_guest_stays_off_after_a_reboot);
    ADD("cut-host-comes-back", short_keepalive, test_cut_host_comes_back);
    ADD("instance-that-its-host-lost-is-an-error", NULL,
        test_instance_that_its_host_lost_is_an_error);
    ADD("lost-guest-of-a-move-can-be-reverted", NULL, test_lost_guest_of_a_move_can_be_reverted);
    ADD("frozen-host-slows-nothing-else-down", NULL, test_frozen_host_slows_nothing_else_down);
    ADD("guest-is-started-after-its-migration-ended-in-a-reboot", slow_transfers,
        test_guest_is_started_after_its_migration_ended_in_a_reboot);
    ADD("removed-host-can-come-back", NULL, test_removed_host_can_come_back);
    ADD("deleted-guest-is-removed-when-its-host-is-back", NULL,
        test_deleted_guest_is_removed_when_its_host_is_back);
    ADD("older-copy-is-removed", NULL, test_older_copy_is_removed);
    ADD("older-copy-that-runs-is-paused", NULL, test_older_copy_that_runs_is_paused);
    ADD("volumes-of-nobody-wait-for-an-operator", NULL,
        test_volumes_of_nobody_wait_for_an_operator);
    ADD("canary-of-an-earlier-daemon-is-removed", NULL,
        test_canary_of_an_earlier_daemon_is_removed);
    ADD("red-canary-goes-with-the-connection", NULL, test_red_canary_goes_with_the_connection);
    ADD("canary-that-qemu-cannot-send-is-dropped", NULL,
        test_canary_that_qemu_cannot_send_is_dropped);
    ADD("canary-that-outlives-a-lost-connection-is-sent-again", NULL,
        test_canary_that_outlives_a_lost_connection_is_sent_again);
    ADD("watch-ends-with-the-checks-or-in-time", NULL, test_watch_ends_with_the_checks_or_in_time);
    ADD("new-daemon-goes-on", NULL, test_new_daemon_goes_on);
    ADD("one-machine-is-one-host", NULL, test_one_machine_is_one_host);
    ADD("the-host-that-was-added-first-stays", short_keepalive,
        test_the_host_that_was_added_first_stays);
    ADD("host-is-asked-after-an-operation", looks_soon, test_host_is_asked_after_an_operation);
    ADD("host-is-asked-when-a-guest-changes", looks_soon, test_host_is_asked_when_a_guest_changes);
    ADD("pages-in-use-are-those-of-guests-or-foreign", some_pages_are_used,
        test_pages_in_use_are_those_of_guests_or_foreign);
    ADD("what-is-not-claimed-is-not-told-as-claimed", NULL,
        test_what_is_not_claimed_is_not_told_as_claimed);
    ADD("unknown-guest-is-foreign", NULL, test_unknown_guest_is_foreign);
    ADD("canary-on-its-way-is-not-foreign", looks_soon, test_canary_on_its_way_is_not_foreign);
    ADD("courier-on-its-way-is-not-foreign", looks_soon, test_courier_on_its_way_is_not_foreign);
    ADD("throwaway-that-stays-is-foreign", looks_soon, test_throwaway_that_stays_is_foreign);
    ADD("early-looks-are-few", looks_soon, test_early_looks_are_few);
    ADD("console-is-read", NULL, test_console_is_read);
    ADD("work-of-one-key-is-never-parallel", NULL, test_work_of_one_key_is_never_parallel);
    ADD("a-stop-waits-for-what-reads-the-store", NULL,
        test_a_stop_waits_for_what_reads_the_store);
    return g_test_run();
}
