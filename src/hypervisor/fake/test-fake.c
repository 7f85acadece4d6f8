/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a fake fleet has beyond the contract (tests/conformance checks that): virtual time, faults,
 * a life longer than the process, and a memory for broken invariants. */
#include "hypervisor/fake/fake.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define ABSENT "absent/other/none"
#define MIB (INT64_C(1) << 20)
#define SECOND G_USEC_PER_SEC
#define UUID "00000000-0000-4000-8000-000000000001"
#define OTHER_UUID "00000000-0000-4000-8000-000000000002"
#define START_US (INT64_C(1700000000) * G_USEC_PER_SEC)

typedef struct Fleet {
    int64_t now_us;
    Clock clock;
    Hypervisor *hypervisor;
    GMutex lock;
    GCond cond;
    int n_blocked;
    HypervisorHost *a;
    HypervisorHost *b;
    GString *events; /* "a:running/migrated a:closed ...": what the sinks were told */
} Fleet;

static int64_t
read_clock(void *data)
{
    return ((Fleet *)data)->now_us;
}

static void
on_block(bool blocked, void *data)
{
    Fleet *fleet = data;
    g_mutex_lock(&fleet->lock);
    fleet->n_blocked += blocked ? 1 : -1;
    g_cond_broadcast(&fleet->cond);
    g_mutex_unlock(&fleet->lock);
}

static void
wait_for_blocked(Fleet *fleet, int n_blocked)
{
    g_mutex_lock(&fleet->lock);
    while (fleet->n_blocked < n_blocked) {
        g_cond_wait(&fleet->cond, &fleet->lock);
    }
    g_mutex_unlock(&fleet->lock);
}

static void
on_event(const HostEvent *event, void *data)
{
    Fleet *fleet = data;
    g_mutex_lock(&fleet->lock);
    g_string_append_printf(fleet->events, "%c:", event->session == 1 ? 'a' : 'b');
    switch (event->kind) {
    case HOST_EVENT_CLOSED: g_string_append(fleet->events, "closed "); break;
    case HOST_EVENT_JOB_DONE: g_string_append(fleet->events, "done "); break;
    case HOST_EVENT_DEFINED: g_string_append(fleet->events, "defined "); break;
    case HOST_EVENT_ITERATION:
        g_string_append_printf(fleet->events, "pass%d ", (int)event->iteration);
        break;
    case HOST_EVENT_DOMAIN:
        g_string_append_printf(fleet->events, "%s/%s ", domain_state_name(event->state),
            domain_reason_name(event->reason));
        break;
    }
    g_mutex_unlock(&fleet->lock);
}

static void
assert_events(Fleet *fleet, const char *expected)
{
    g_mutex_lock(&fleet->lock);
    g_assert_cmpstr(fleet->events->str, ==, expected);
    g_string_truncate(fleet->events, 0);
    g_mutex_unlock(&fleet->lock);
}

static HypervisorHost *
open_host(Fleet *fleet, const char *name, uint64_t session, GError **error)
{
    g_autofree char *uri = g_strconcat("fake:///", name, NULL);
    HostAddress address = {.name = name, .uri = uri, .peer_uri = uri, .pool = "instances"};
    return hypervisor_open(fleet->hypervisor, &address, session, on_event, fleet, error);
}

static Fleet *
fleet_open(FakeOptions options)
{
    Fleet *fleet = g_new0(Fleet, 1);
    g_autoptr(GError) error = NULL;
    fleet->now_us = START_US;
    fleet->clock = (Clock){.now_us = read_clock, .data = fleet};
    fleet->events = g_string_new(NULL);
    options.clock = &fleet->clock;
    options.path = options.path == NULL ? ":memory:" : options.path;
    fleet->hypervisor = fake_hypervisor_new(&options, &error);
    g_assert_no_error(error);
    fake_set_block_hook(fleet->hypervisor, on_block, fleet);
    fleet->a = open_host(fleet, "a", 1, &error);
    g_assert_no_error(error);
    fleet->b = open_host(fleet, "b", 2, &error);
    g_assert_no_error(error);
    return fleet;
}

static void
fleet_close(Fleet *fleet)
{
    hypervisor_host_unref(fleet->a);
    hypervisor_host_unref(fleet->b);
    hypervisor_free(fleet->hypervisor);
    g_string_free(fleet->events, TRUE);
    g_free(fleet);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_close)

static void
pass_time(Fleet *fleet, int64_t time_us)
{
    fleet->now_us += time_us;
    fake_advance(fleet->hypervisor);
}

#define assert_ok(call)                                                                            \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(GError) error = NULL;                                                            \
        bool ok = (call);                                                                          \
        g_assert_no_error(error);                                                                  \
        g_assert_true(ok);                                                                         \
    }                                                                                              \
    G_STMT_END
#define assert_fails(call, expected_code)                                                          \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(GError) error = NULL;                                                            \
        bool ok = (call);                                                                          \
        g_assert_false(ok);                                                                        \
        g_assert_error(error, DROVER_ERROR, expected_code);                                        \
    }                                                                                              \
    G_STMT_END

/* ---- guests ---- */

static const BaseImage base = {.path = "/images/base",
    .sha256 = "ab",
    .format = "qcow2",
    .size_bytes = 1000,
    .virtual_size_bytes = 1000};

static void
create_guest(HypervisorHost *host, const char *uuid, int64_t memory_mib)
{
    GuestSpec guest = {.uuid = uuid,
        .domain_name = uuid,
        .display_name = "vm",
        .project_id = "p",
        .flavor_name = "f",
        .generation = 1,
        .operation = 1,
        .vcpus = 1,
        .memory_mib = memory_mib,
        .root_size_bytes = 1024 * MIB,
        .root_hash = base.sha256,
        .root_format = "qcow2",
        .root_virtual_size_bytes = 1000,
        .config_drive = "",
        .config_drive_size = 0};
    assert_ok(hypervisor_ensure_base(host, &base, NULL, &error));
    assert_ok(hypervisor_create_guest(host, &guest, &error));
    assert_ok(hypervisor_start_guest(host, uuid, &error));
}

typedef struct MoveCall {
    HypervisorHost *source;
    HypervisorHost *dest;
    bool copies_disks;
    GThread *thread;
    bool ok;
    GError *error;
} MoveCall;

static void *
run_migration(void *data)
{
    MoveCall *call = data;
    MigrateRequest request = {.uuid = UUID,
        .domain_name = UUID,
        .generation = 2,
        .operation = 7,
        .copies_disks = call->copies_disks,
        .downtime_ms = 100};
    call->ok = hypervisor_live_migrate(call->source, call->dest, &request, &call->error);
    return NULL;
}

static MoveCall *
begin_call(Fleet *fleet, bool copies_disks)
{
    MoveCall *call = g_new0(MoveCall, 1);
    *call = (MoveCall){.source = fleet->a, .dest = fleet->b, .copies_disks = copies_disks};
    if (copies_disks) {
        assert_ok(hypervisor_ensure_base(fleet->b, &base, NULL, &error));
        assert_ok(hypervisor_prepare_dest(fleet->b, fleet->a, UUID, &error));
    }
    call->thread = g_thread_new("migrate", run_migration, call);
    wait_for_blocked(fleet, 1);
    return call;
}

static void
end_call(MoveCall *call, int expected_code)
{
    g_thread_join(call->thread);
    if (expected_code < 0) {
        g_assert_no_error(call->error);
        g_assert_true(call->ok);
    } else {
        g_assert_false(call->ok);
        g_assert_error(call->error, DROVER_ERROR, expected_code);
    }
    g_clear_error(&call->error);
    g_free(call);
}

static void
assert_view(HypervisorHost *host, const char *expected)
{
    g_autoptr(DomainView) view = g_new0(DomainView, 1);
    assert_ok(hypervisor_describe_domain(host, UUID, view, &error));
    g_autofree char *text = g_strdup_printf("%s/%s/%s", domain_state_name(view->state),
        domain_reason_name(view->reason), domain_job_name(view->job));
    g_assert_cmpstr(text, ==, expected);
}

/* 100 MiB/s; a guest of 100 MiB with 10 MiB of disk takes 0.1 s + 1 s + the switchover. */
static const FakeOptions slow = {
    .transfer_bytes_s = 100 * MIB, .guest_disk_bytes = 10 * MIB, .switchover_us = 50000};

static Fleet *
open_with_guest(FakeOptions options)
{
    Fleet *fleet = fleet_open(options);
    create_guest(fleet->a, UUID, 100);
    assert_events(fleet, "a:running/booted ");
    return fleet;
}

static void
test_moves_by_the_clock_alone(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    assert_view(fleet->a, "running/booted/out");
    assert_view(fleet->b, "paused/migration/in");
    g_assert_cmpint(fake_next_due_us(fleet->hypervisor), ==, START_US + SECOND / 10);

    pass_time(fleet, SECOND / 10);
    pass_time(fleet, SECOND / 2);
    JobStats stats;
    assert_ok(hypervisor_query_job(fleet->a, UUID, &stats, &error));
    g_assert_cmpint(stats.memory_remaining_bytes, ==, 50 * MIB);
    g_assert_cmpint(stats.disk_processed_bytes, ==, 10 * MIB);
    assert_events(fleet, "b:paused/migration a:pass1 ");

    pass_time(fleet, SECOND / 2);
    assert_view(fleet->a, "paused/migration/out");
    g_assert_cmpint(fake_blocked_calls(fleet->hypervisor), ==, 1);
    pass_time(fleet, SECOND / 20);
    g_assert_cmpint(fake_blocked_calls(fleet->hypervisor), ==, 0);
    end_call(call, -1);
    assert_view(fleet->a, ABSENT);
    assert_view(fleet->b, "running/migrated/none");
    assert_events(fleet, "a:paused/migration b:running/migrated a:shut-off/migrated a:done ");
    assert_ok(hypervisor_query_done_job(fleet->b, UUID, &stats, &error));
    g_assert_cmpint(stats.downtime_ms, ==, 50);
    g_assert_cmpint(stats.elapsed_ms, ==, 1150);
    assert_ok(fake_check(fleet->hypervisor, &error));
    g_assert_cmpint(fake_next_due_us(fleet->hypervisor), ==, INT64_MAX);
}

static void
test_a_busy_guest_converges_only_when_paused(void)
{
    FakeOptions options = slow;
    options.dirty_bytes_s = 200 * MIB;
    g_autoptr(Fleet) fleet = open_with_guest(options);
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, 100 * SECOND);
    assert_view(fleet->a, "running/booted/out");
    assert_ok(hypervisor_pause_guest(fleet->a, UUID, &error));
    assert_view(fleet->a, "paused/user/out");
    pass_time(fleet, 3 * SECOND);
    end_call(call, -1);
    assert_view(fleet->b, "running/migrated/none");
}

static void
test_a_paused_guest_arrives_paused(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    assert_ok(hypervisor_pause_guest(fleet->a, UUID, &error));
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, 3 * SECOND);
    end_call(call, -1);
    assert_view(fleet->b, "paused/user/none");
}

static void
test_abort_leaves_the_source(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    assert_ok(hypervisor_abort_job(fleet->a, UUID, &error));
    end_call(call, ERROR_CANCELLED);
    assert_view(fleet->a, "running/booted/none");
    assert_view(fleet->b, ABSENT);
    assert_fails(hypervisor_abort_job(fleet->a, UUID, &error), ERROR_CONFLICT);
    assert_ok(hypervisor_remove_disks(fleet->b, UUID, &error));
    assert_ok(fake_check(fleet->hypervisor, &error));
}

/* ---- faults ---- */

static bool
is_answering(HypervisorHost *host, GError **error)
{
    g_autoptr(GPtrArray) domains = hypervisor_list_domains(host, error);

    return domains != NULL;
}

static void
test_power_off_of_the_destination_fails_the_move(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, SECOND / 10 + SECOND + 1); /* in the switchover */
    fake_inject(fleet->hypervisor, "b", FAKE_POWER_OFF);
    assert_view(fleet->a, "paused/migration/out");
    pass_time(fleet, 30 * SECOND);
    end_call(call, ERROR_HYPERVISOR_REFUSED);
    assert_view(fleet->a, "running/other/none");
    assert_fails(is_answering(fleet->b, &error), ERROR_HYPERVISOR_DOWN);
    assert_ok(fake_check(fleet->hypervisor, &error));
}

static void
test_abort_ends_a_move_to_a_dead_destination(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, SECOND / 2);
    fake_inject(fleet->hypervisor, "b", FAKE_POWER_OFF);
    pass_time(fleet, SECOND);
    assert_view(fleet->a, "running/booted/out");
    assert_ok(hypervisor_abort_job(fleet->a, UUID, &error));
    end_call(call, ERROR_CANCELLED);
    assert_view(fleet->a, "running/booted/none");
    assert_ok(fake_check(fleet->hypervisor, &error));
}

static void
test_power_off_of_the_source_loses_memory_only(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, SECOND / 2);
    fake_inject(fleet->hypervisor, "a", FAKE_POWER_OFF);
    assert_view(fleet->b, "paused/migration/in");
    pass_time(fleet, 15 * SECOND);
    end_call(call, ERROR_OUTCOME_UNKNOWN);
    pass_time(fleet, 15 * SECOND);
    assert_view(fleet->b, ABSENT);
    assert_fails(open_host(fleet, "a", 3, &error) != NULL, ERROR_HYPERVISOR_DOWN);

    fake_inject(fleet->hypervisor, "a", FAKE_POWER_ON);
    g_autoptr(HypervisorHost) again = open_host(fleet, "a", 3, NULL);
    assert_view(again, "shut-off/unknown/none");
    assert_ok(hypervisor_start_guest(again, UUID, &error));
    assert_ok(fake_check(fleet->hypervisor, &error));
}

static void
test_a_cut_link_leaves_the_outcome_unknown(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    assert_events(fleet, "b:paused/migration ");
    fake_inject(fleet->hypervisor, "a", FAKE_CUT);
    pass_time(fleet, 14 * SECOND); /* the guest has moved, and nobody on 'a' could say so */
    assert_view(fleet->b, "running/migrated/none");
    g_assert_cmpint(fake_blocked_calls(fleet->hypervisor), ==, 1);
    pass_time(fleet, SECOND);
    end_call(call, ERROR_OUTCOME_UNKNOWN);
    assert_events(fleet, "b:running/migrated a:closed ");
    assert_fails(is_answering(fleet->a, &error), ERROR_HYPERVISOR_DOWN);
}

static void
test_a_link_that_heals_in_time_loses_nothing(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    fake_inject(fleet->hypervisor, "a", FAKE_CUT);
    pass_time(fleet, 14 * SECOND);
    fake_inject(fleet->hypervisor, "a", FAKE_HEAL);
    end_call(call, -1);
    assert_events(fleet,
        "b:paused/migration b:running/migrated "
        "a:pass1 a:paused/migration a:shut-off/migrated a:done ");
    pass_time(fleet, 14 * SECOND);
    assert_view(fleet->a, ABSENT);
}

static void *
run_start(void *data)
{
    g_autoptr(GError) error = NULL;
    hypervisor_start_guest(data, UUID, &error);
    return GINT_TO_POINTER(error == NULL ? -1 : (int)error_code(error));
}

static void
test_calls_to_a_frozen_host_hang(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    fake_inject(fleet->hypervisor, "a", FAKE_FREEZE);
    GThread *thread = g_thread_new("start", run_start, fleet->a);
    wait_for_blocked(fleet, 1);
    fake_inject(fleet->hypervisor, "a", FAKE_THAW);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, -1);

    fake_inject(fleet->hypervisor, "a", FAKE_FREEZE);
    thread = g_thread_new("start", run_start, fleet->a);
    wait_for_blocked(fleet, 1);
    pass_time(fleet, 15 * SECOND);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, ERROR_OUTCOME_UNKNOWN);
    assert_events(fleet, "a:closed ");
}

static void
test_a_short_freeze_only_delays_a_move(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, SECOND / 2);
    fake_inject(fleet->hypervisor, "b", FAKE_FREEZE);
    pass_time(fleet, 10 * SECOND);
    assert_view(fleet->a, "running/booted/out");
    fake_inject(fleet->hypervisor, "b", FAKE_THAW);
    pass_time(fleet, SECOND / 2);
    assert_view(fleet->a, "running/booted/out");
    pass_time(fleet, SECOND / 2);
    end_call(call, -1);
    assert_view(fleet->b, "running/migrated/none");
}

static void
test_a_long_freeze_fails_a_move(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    fake_inject(fleet->hypervisor, "b", FAKE_FREEZE);
    pass_time(fleet, 30 * SECOND);
    end_call(call, ERROR_HYPERVISOR_REFUSED);
    assert_view(fleet->a, "running/booted/none");
}

static void
test_a_reboot_shuts_everything_off(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    fake_inject(fleet->hypervisor, "a", FAKE_REBOOT);
    assert_events(fleet, "a:closed ");
    g_autoptr(HypervisorHost) again = open_host(fleet, "a", 3, NULL);
    assert_view(again, "shut-off/unknown/none");
}

static void
test_a_broken_data_link_fails_the_move(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    fake_inject(fleet->hypervisor, "b", FAKE_FAIL_JOBS);
    end_call(call, ERROR_HYPERVISOR_REFUSED);
    assert_view(fleet->a, "running/booted/none");
    assert_view(fleet->b, ABSENT);
}

static void
test_a_restarted_daemon_ends_a_move(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    fake_inject(fleet->hypervisor, "a", FAKE_RESTART);
    end_call(call, ERROR_OUTCOME_UNKNOWN);
    assert_view(fleet->b, ABSENT);
    g_autoptr(HypervisorHost) again = open_host(fleet, "a", 3, NULL);
    assert_view(again, "running/booted/none");
}

/* Either way the source is left paused and nobody runs it twice. */
static void
test_a_restart_at_the_switchover_strands_the_source(void)
{
    bool has_arrived[2] = {false, false};
    for (int i = 0; i < 2; i++) {
        g_autoptr(Fleet) fleet = open_with_guest(slow);
        pass_time(fleet, i);
        MoveCall *call = begin_call(fleet, true);
        pass_time(fleet, SECOND / 10 + SECOND);
        fake_inject(fleet->hypervisor, "a", FAKE_RESTART);
        end_call(call, ERROR_OUTCOME_UNKNOWN);
        g_autoptr(HypervisorHost) again = open_host(fleet, "a", 3, NULL);
        assert_view(again, "paused/migration/none");
        FakeGuest guest;
        fake_inspect_guest(fleet->hypervisor, UUID, &guest);
        has_arrived[guest.n_running] = true;
        fake_guest_clear(&guest);
        assert_ok(fake_check(fleet->hypervisor, &error));
    }
    g_assert_true(has_arrived[0] && has_arrived[1]);
}

static void
test_a_guest_that_ends_ends_its_move(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    fake_guest_event(fleet->hypervisor, "a", UUID, DOMAIN_REASON_CRASHED);
    end_call(call, ERROR_HYPERVISOR_REFUSED);
    assert_view(fleet->a, "shut-off/crashed/none");
    assert_view(fleet->b, ABSENT);
}

static void
test_a_guest_obeys_in_its_own_time(void)
{
    FakeOptions options = slow;
    options.shutdown_us = 2 * SECOND;
    g_autoptr(Fleet) fleet = open_with_guest(options);
    assert_ok(hypervisor_shutdown_guest(fleet->a, UUID, &error));
    pass_time(fleet, SECOND);
    assert_view(fleet->a, "running/booted/none");
    pass_time(fleet, SECOND);
    assert_view(fleet->a, "shut-off/shutdown/none");
}

static void
test_keepalive_is_due(void)
{
    g_autoptr(Fleet) fleet = fleet_open((FakeOptions){0});
    fake_inject(fleet->hypervisor, "b", FAKE_FREEZE);
    g_assert_cmpint(fake_next_due_us(fleet->hypervisor), ==, START_US + 15 * SECOND);
    pass_time(fleet, 15 * SECOND);
    g_assert_cmpint(fake_next_due_us(fleet->hypervisor), ==, INT64_MAX);
}

/* ---- a life of its own ---- */

static void
test_moves_on_while_nobody_looks(void)
{
    const char *path = g_getenv("FAKE_TEST_PATH");
    FakeOptions options = slow;
    if (g_test_subprocess()) {
        options.path = path;
        Fleet *fleet = open_with_guest(options);
        begin_call(fleet, true);
        _exit(0); /* as kill -9: nothing is closed */
    }
    g_autofree char *directory = g_dir_make_tmp("drover-fake-XXXXXX", NULL);
    g_autofree char *new_path = g_build_filename(directory, "fleet.db", NULL);
    g_setenv("FAKE_TEST_PATH", new_path, TRUE);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();

    options.path = new_path;
    Fleet *fleet = fleet_open(options);
    assert_view(fleet->a, "running/booted/out");
    assert_view(fleet->b, "paused/migration/in");
    pass_time(fleet, 2 * SECOND);
    assert_view(fleet->a, ABSENT);
    assert_view(fleet->b, "running/migrated/none");
    assert_ok(fake_check(fleet->hypervisor, &error));
    fleet_close(fleet);
    g_unlink(new_path);
    g_rmdir(directory);
}

static void
test_moves_in_real_time(void)
{
    Fleet fleet = {.events = g_string_new(NULL)};
    FakeOptions options = {.path = ":memory:",
        .clock = clock_system(),
        .transfer_bytes_s = 10000 * MIB,
        .guest_disk_bytes = MIB,
        .switchover_us = 10000};
    fleet.hypervisor = fake_hypervisor_new(&options, NULL);
    fleet.a = open_host(&fleet, "a", 1, NULL);
    fleet.b = open_host(&fleet, "b", 2, NULL);
    create_guest(fleet.a, UUID, 100);
    assert_ok(hypervisor_ensure_base(fleet.b, &base, NULL, &error));
    assert_ok(hypervisor_prepare_dest(fleet.b, fleet.a, UUID, &error));
    MoveCall call = {.source = fleet.a, .dest = fleet.b, .copies_disks = true};
    run_migration(&call);
    g_assert_no_error(call.error);
    assert_view(fleet.b, "running/migrated/none");
    hypervisor_host_unref(fleet.a);
    hypervisor_host_unref(fleet.b);
    hypervisor_free(fleet.hypervisor);
    g_string_free(fleet.events, TRUE);
}

/* ---- invariants ---- */

static void
assert_violated(Fleet *fleet, const char *invariant)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(fake_check(fleet->hypervisor, &error));
    g_assert_true(g_str_has_prefix(error->message, invariant));
}

static void
test_sees_a_guest_that_runs_twice(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    assert_ok(fake_check(fleet->hypervisor, &error));
    create_guest(fleet->b, UUID, 100);
    assert_ok(hypervisor_destroy_guest(fleet->b, UUID, &error));
    assert_violated(fleet, "I1"); /* it is remembered */
}

static void
test_sees_a_destroyed_source(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    assert_ok(hypervisor_destroy_guest(fleet->a, UUID, &error));
    end_call(call, ERROR_HYPERVISOR_REFUSED);
    assert_violated(fleet, "I2");
}

static void
test_sees_a_lost_disk(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    assert_ok(hypervisor_destroy_guest(fleet->a, UUID, &error));
    assert_ok(hypervisor_forget_guest(fleet->a, UUID, &error));
    assert_ok(fake_check(fleet->hypervisor, &error));
    assert_ok(hypervisor_remove_disks(fleet->a, UUID, &error));
    assert_violated(fleet, "I3");
}

static void
test_sees_a_stale_disk(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    MoveCall *call = begin_call(fleet, true);
    pass_time(fleet, 2 * SECOND);
    end_call(call, -1);
    assert_ok(hypervisor_destroy_guest(fleet->b, UUID, &error));
    create_guest(fleet->a, UUID, 100); /* its volumes were still there */
    assert_violated(fleet, "I3");
}

static void
test_sees_a_shared_disk_go(void)
{
    FakeOptions options = slow;
    options.shared_pool = true;
    g_autoptr(Fleet) fleet = open_with_guest(options);
    MoveCall *call = begin_call(fleet, false);
    pass_time(fleet, 2 * SECOND);
    end_call(call, -1);
    assert_ok(fake_check(fleet->hypervisor, &error));
    assert_ok(hypervisor_remove_disks(fleet->a, UUID, &error));
    assert_violated(fleet, "I3");
}

static void
test_an_owner_may_remove_a_guest(void)
{
    g_autoptr(Fleet) fleet = open_with_guest(slow);
    assert_ok(hypervisor_remove_guest(fleet->a, UUID, true, &error));
    assert_ok(fake_check(fleet->hypervisor, &error));
    FakeGuest guest;
    fake_inspect_guest(fleet->hypervisor, UUID, &guest);
    g_assert_cmpint(guest.n_domains + guest.n_complete_disks, ==, 0);
    fake_guest_clear(&guest);
}

/* ---- limits ---- */

static void
test_memory_is_finite(void)
{
    FakeOptions options = slow;
    options.memory_mib = 150;
    g_autoptr(Fleet) fleet = open_with_guest(options);
    create_guest(fleet->b, OTHER_UUID, 100);
    assert_ok(hypervisor_prepare_dest(fleet->b, fleet->a, UUID, &error));
    MigrateRequest request = {.uuid = UUID, .domain_name = UUID, .copies_disks = true};
    assert_fails(
        hypervisor_live_migrate(fleet->a, fleet->b, &request, &error), ERROR_HYPERVISOR_REFUSED);
    assert_view(fleet->b, ABSENT);
    assert_view(fleet->a, "running/booted/none");
}

static void
test_a_pool_is_finite(void)
{
    FakeOptions options = slow;
    options.pool_bytes = 15 * MIB;
    g_autoptr(Fleet) fleet = open_with_guest(options);
    create_guest(fleet->b, OTHER_UUID, 100);
    assert_fails(hypervisor_prepare_dest(fleet->b, fleet->a, UUID, &error), ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fake/moves-by-the-clock-alone", test_moves_by_the_clock_alone);
    g_test_add_func("/fake/a-busy-guest-converges-only-when-paused",
        test_a_busy_guest_converges_only_when_paused);
    g_test_add_func("/fake/a-paused-guest-arrives-paused", test_a_paused_guest_arrives_paused);
    g_test_add_func("/fake/abort-leaves-the-source", test_abort_leaves_the_source);
    g_test_add_func("/fake/power-off-of-the-destination-fails-the-move",
        test_power_off_of_the_destination_fails_the_move);
    g_test_add_func("/fake/abort-ends-a-move-to-a-dead-destination",
        test_abort_ends_a_move_to_a_dead_destination);
    g_test_add_func("/fake/power-off-of-the-source-loses-memory-only",
        test_power_off_of_the_source_loses_memory_only);
    g_test_add_func(
        "/fake/a-cut-link-leaves-the-outcome-unknown", test_a_cut_link_leaves_the_outcome_unknown);
    g_test_add_func("/fake/a-link-that-heals-in-time-loses-nothing",
        test_a_link_that_heals_in_time_loses_nothing);
    g_test_add_func("/fake/calls-to-a-frozen-host-hang", test_calls_to_a_frozen_host_hang);
    g_test_add_func(
        "/fake/a-short-freeze-only-delays-a-move", test_a_short_freeze_only_delays_a_move);
    g_test_add_func("/fake/a-long-freeze-fails-a-move", test_a_long_freeze_fails_a_move);
    g_test_add_func("/fake/a-reboot-shuts-everything-off", test_a_reboot_shuts_everything_off);
    g_test_add_func(
        "/fake/a-broken-data-link-fails-the-move", test_a_broken_data_link_fails_the_move);
    g_test_add_func("/fake/a-restarted-daemon-ends-a-move", test_a_restarted_daemon_ends_a_move);
    g_test_add_func("/fake/a-restart-at-the-switchover-strands-the-source",
        test_a_restart_at_the_switchover_strands_the_source);
    g_test_add_func("/fake/a-guest-that-ends-ends-its-move", test_a_guest_that_ends_ends_its_move);
    g_test_add_func("/fake/a-guest-obeys-in-its-own-time", test_a_guest_obeys_in_its_own_time);
    g_test_add_func("/fake/keepalive-is-due", test_keepalive_is_due);
    g_test_add_func("/fake/moves-on-while-nobody-looks", test_moves_on_while_nobody_looks);
    g_test_add_func("/fake/moves-in-real-time", test_moves_in_real_time);
    g_test_add_func("/fake/sees-a-guest-that-runs-twice", test_sees_a_guest_that_runs_twice);
    g_test_add_func("/fake/sees-a-destroyed-source", test_sees_a_destroyed_source);
    g_test_add_func("/fake/sees-a-lost-disk", test_sees_a_lost_disk);
    g_test_add_func("/fake/sees-a-stale-disk", test_sees_a_stale_disk);
    g_test_add_func("/fake/sees-a-shared-disk-go", test_sees_a_shared_disk_go);
    g_test_add_func("/fake/an-owner-may-remove-a-guest", test_an_owner_may_remove_a_guest);
    g_test_add_func("/fake/memory-is-finite", test_memory_is_finite);
    g_test_add_func("/fake/a-pool-is-finite", test_a_pool_is_finite);
    return g_test_run();
}
