/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Guests between two hosts. */
#include "fixture.h"

#define N_AT_ONCE 6

static void
prepare(Fixture *fixture, const char *uuid)
{
    fixture_ensure_bases(fixture, fixture->b);
    assert_ok(hypervisor_prepare_dest(fixture->b, fixture->a, uuid, &error));
}

/* The guest is on b, wholly, and has left a. */
static void
assert_arrived(Fixture *fixture, const char *uuid, DomainState state, DomainReason reason)
{
    g_autoptr(DomainView) view = g_new0(DomainView, 1);
    fixture_assert_view(fixture->b, uuid, state, reason, DOMAIN_JOB_NONE);
    assert_ok(hypervisor_describe_domain(fixture->b, uuid, view, &error));
    g_assert_true(view->persistent);
    g_assert_true(view->is_ours);
    g_assert_cmpint(view->generation, ==, 2);
    g_assert_cmpint(view->operation, ==, 42);
    fixture_assert_absent(fixture->a, uuid);
}

static void
assert_moved_events(Fixture *fixture, const char *uuid)
{
    g_assert_true(fixture_wait_domain_event(
        fixture, SESSION_B, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED));
    g_assert_true(fixture_wait_domain_event(
        fixture, SESSION_A, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_MIGRATED));
    g_assert_true(fixture_wait_event(fixture, SESSION_A, uuid, HOST_EVENT_JOB_DONE));
}

/* It can be stopped and started on b from what arrived. */
static void
assert_lives_on(Fixture *fixture, const char *uuid)
{
    assert_ok(hypervisor_destroy_guest(fixture->b, uuid, &error));
    assert_ok(hypervisor_start_guest(fixture->b, uuid, &error));
    fixture_assert_view(fixture->b, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_a_guest_that_moves_is_looked_at(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);

    FixtureLook *source_look = fixture_begin_look(fixture->a, uuid);
    FixtureLook *dest_look = fixture_begin_look(fixture->b, uuid);
    prepare(fixture, uuid);
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    fixture_end_look(dest_look);
    fixture_end_look(source_look);
    assert_arrived(fixture, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
}

static void
test_a_guest_moves_with_its_disks(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    prepare(fixture, uuid);
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_arrived(fixture, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
    JobStats stats;
    assert_ok(hypervisor_query_done_job(fixture->b, uuid, &stats, &error));
    g_assert_cmpint(stats.memory_total_bytes, >, 0);
    g_assert_cmpint(stats.memory_processed_bytes, >, 0);
    g_assert_cmpint(stats.downtime_ms, >=, 0);
    g_assert_cmpint(stats.elapsed_ms, >, 0);
    assert_moved_events(fixture, uuid);
    assert_ok(hypervisor_remove_disks(fixture->a, uuid, &error));
    assert_lives_on(fixture, uuid);
}

static void
test_a_guest_moves_on_a_shared_pool(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, false);
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_arrived(fixture, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
    assert_moved_events(fixture, uuid);
    assert_ok(hypervisor_forget_guest(fixture->a, uuid, &error));
    assert_lives_on(fixture, uuid);
}

static void
test_a_destination_says_that_it_can_run_a_guest(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    assert_ok(hypervisor_check_dest(fixture->b, fixture->a, uuid, &error));
    assert_fails(hypervisor_check_dest(fixture->a, fixture->b, uuid, &error), ERROR_NOT_FOUND);
    g_autofree char *cpu = hypervisor_describe_platform(fixture->a, uuid, NULL);
    g_assert_nonnull(cpu);
    g_autofree char *cpu_class = NULL;
    assert_ok(hypervisor_compare_platform(fixture->b, cpu, &cpu_class, &error));
    g_assert_nonnull(cpu_class);
    fixture_assert_absent(fixture->b, uuid);
}

static unsigned
count_domains(HypervisorHost *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) domains = hypervisor_list_domains(host, &error);

    g_assert_no_error(error);
    return domains->len;
}

static void
test_a_destination_rehearses_a_guest_and_keeps_nothing(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    unsigned n_domains = count_domains(fixture->b);
    assert_ok(hypervisor_rehearse(fixture->b, fixture->a, &request, &error));
    assert_ok(hypervisor_rehearse(fixture->b, fixture->a, &request, &error));
    g_assert_cmpuint(count_domains(fixture->b), ==, n_domains);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    assert_fails(hypervisor_rehearse(fixture->a, fixture->b, &request, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    assert_fails(hypervisor_rehearse(fixture->b, fixture->a, &request, &error), ERROR_CONFLICT);
}

static void
test_the_way_between_two_hosts_is_open(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    WayRequest request = {.port = 49215};
    unsigned n_domains = count_domains(fixture->a);
    assert_ok(hypervisor_check_way(fixture->a, fixture->b, &request, &error));
    assert_ok(hypervisor_check_way(fixture->b, fixture->a, &request, &error));
    g_assert_cmpuint(count_domains(fixture->a), ==, n_domains);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

/* As a crash between two steps leaves it: the destination knows the guest already. */
static void
test_an_old_definition_is_replaced(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    GuestSpec guest = fixture_spec(fixture, uuid);
    MigrateRequest request = fixture_request(uuid, false);
    assert_ok(hypervisor_create_guest(fixture->b, &guest, &error));
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_arrived(fixture, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
}

static void
test_a_guest_comes_back(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    prepare(fixture, uuid);
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_ok(hypervisor_remove_disks(fixture->a, uuid, &error));
    assert_ok(hypervisor_prepare_dest(fixture->a, fixture->b, uuid, &error));
    assert_ok(hypervisor_live_migrate(fixture->b, fixture->a, &request, &error));
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED, DOMAIN_JOB_NONE);
    fixture_assert_absent(fixture->b, uuid);
}

static void
test_prepare_copes_with_leftovers(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    prepare(fixture, uuid);
    assert_ok(hypervisor_prepare_dest(fixture->b, fixture->a, uuid, &error));
    fixture_assert_absent(fixture->b, uuid);
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_arrived(fixture, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
}

static void
test_prepare_needs_the_base(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    fixture_ensure_bases(fixture, fixture->b);
    fixture->target->spoil_base(
        fixture->target, &fixture->target->hosts[1], fixture->target->root.sha256);
    g_autoptr(GError) error = NULL;
    g_assert_false(hypervisor_prepare_dest(fixture->b, fixture->a, uuid, &error));
    g_assert_nonnull(error);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_a_guest_does_not_move_to_where_it_is(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    g_autoptr(GError) error = NULL;
    g_assert_false(hypervisor_live_migrate(fixture->a, fixture->a, &request, &error));
    g_assert_nonnull(error);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_what_does_not_run_does_not_move(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    prepare(fixture, uuid);
    g_autoptr(GError) off_error = NULL;
    g_assert_false(hypervisor_live_migrate(fixture->a, fixture->b, &request, &off_error));
    g_assert_nonnull(off_error);
    g_assert_false(error_is(off_error, ERROR_OUTCOME_UNKNOWN));
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_SHUT_OFF);
    fixture_assert_absent(fixture->b, uuid);

    request = fixture_request(fixture_new_uuid(fixture), true);
    assert_fails(
        hypervisor_live_migrate(fixture->a, fixture->b, &request, &error), ERROR_NOT_FOUND);
}

/* Slow enough to be looked at. */
static FixtureMove *
begin_slow_move(Fixture *fixture, const char *uuid)
{
    MigrateRequest request = fixture_request(uuid, true);
    request.bandwidth_mib_s = fixture->target->slow_mib_s;
    prepare(fixture, uuid);
    FixtureMove *move = fixture_begin_move(fixture->a, fixture->b, &request);
    fixture_wait_job(fixture, fixture->a, uuid, DOMAIN_JOB_OUT);
    return move;
}

static void
test_a_running_job_is_seen_and_aborted(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    JobStats stats;
    assert_fails(hypervisor_query_job(fixture->a, uuid, &stats, &error), ERROR_CONFLICT);
    assert_fails(hypervisor_abort_job(fixture->a, uuid, &error), ERROR_CONFLICT);

    FixtureMove *move = begin_slow_move(fixture, uuid);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_PAUSED);
    fixture_assert_view(fixture->b, uuid, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION, DOMAIN_JOB_IN);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_OUT);
    assert_ok(hypervisor_query_job(fixture->a, uuid, &stats, &error));
    g_assert_cmpint(stats.elapsed_ms, >=, 0);
    assert_ok(hypervisor_abort_job(fixture->a, uuid, &error));

    g_autoptr(GError) error = NULL;
    fixture_end_move(move, &error);
    g_assert_error(error, DROVER_ERROR, ERROR_CANCELLED);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_ABSENT);
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_RUNNING);
    fixture_wait_job(fixture, fixture->a, uuid, DOMAIN_JOB_NONE);
}

static void
test_an_aborted_guest_moves_later(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    FixtureMove *move = begin_slow_move(fixture, uuid);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_PAUSED);
    assert_ok(hypervisor_abort_job(fixture->a, uuid, &error));
    g_autoptr(GError) abort_error = NULL;
    fixture_end_move(move, &abort_error);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_ABSENT);
    assert_ok(hypervisor_prepare_dest(fixture->b, fixture->a, uuid, &error));
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_arrived(fixture, uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
}

static void
test_a_running_move_takes_another_pause(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    FixtureMove *move = begin_slow_move(fixture, uuid);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_PAUSED);
    assert_ok(hypervisor_limit_downtime(fixture->a, uuid, 400, &error));
    assert_ok(hypervisor_limit_downtime(fixture->a, uuid, 400, &error));
    assert_fails(
        hypervisor_limit_downtime(fixture->a, fixture_new_uuid(fixture), 400, &error),
        ERROR_NOT_FOUND);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_OUT);
    assert_ok(hypervisor_abort_job(fixture->a, uuid, &error));
    g_autoptr(GError) error = NULL;
    fixture_end_move(move, &error);
    g_assert_error(error, DROVER_ERROR, ERROR_CANCELLED);
}

/* It changes nothing: the guest still moves as it did. */
static void
test_post_copy_is_refused_where_it_was_not_asked_for(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    g_autoptr(GError) early = NULL;
    g_assert_false(hypervisor_start_post_copy(fixture->a, uuid, &early));
    g_assert_nonnull(early);
    FixtureMove *move = begin_slow_move(fixture, uuid);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_PAUSED);
    assert_fails(
        hypervisor_start_post_copy(fixture->a, uuid, &error), ERROR_HYPERVISOR_REFUSED);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_OUT);
    assert_ok(hypervisor_abort_job(fixture->a, uuid, &error));
    g_autoptr(GError) error = NULL;
    fixture_end_move(move, &error);
    g_assert_error(error, DROVER_ERROR, ERROR_CANCELLED);
}

/* Memory must flow, which comes after the disks: until then it is refused and asked for again. */
static void
test_post_copy_runs_the_guest_where_it_goes(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    request.bandwidth_mib_s = 4 * fixture->target->slow_mib_s;
    request.post_copy = true;
    prepare(fixture, uuid);
    FixtureMove *move = fixture_begin_move(fixture->a, fixture->b, &request);
    fixture_wait_job(fixture, fixture->a, uuid, DOMAIN_JOB_OUT);
    for (int i = 0; i < fixture->target->patience_s * 20; i++) {
        g_autoptr(GError) refusal = NULL;
        if (hypervisor_start_post_copy(fixture->a, uuid, &refusal)) {
            break;
        }
        g_assert_error(refusal, DROVER_ERROR, ERROR_HYPERVISOR_REFUSED);
        g_usleep(G_USEC_PER_SEC / 20);
    }
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_RUNNING);
    g_autoptr(GError) error = NULL;
    fixture_end_move(move, &error);
    g_assert_no_error(error);
    fixture_assert_absent(fixture->a, uuid);
    assert_lives_on(fixture, uuid);
}

static void
test_a_paused_guest_arrives_paused(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    assert_ok(hypervisor_pause_guest(fixture->a, uuid, &error));
    prepare(fixture, uuid);
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    assert_arrived(fixture, uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER);
    assert_ok(hypervisor_resume_guest(fixture->b, uuid, &error));
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_RUNNING);
}

static void
test_a_guest_paused_on_the_way_arrives_running(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    MigrateRequest request = fixture_request(uuid, true);
    request.bandwidth_mib_s = 16 * fixture->target->slow_mib_s;
    prepare(fixture, uuid);
    FixtureMove *move = fixture_begin_move(fixture->a, fixture->b, &request);
    fixture_wait_job(fixture, fixture->a, uuid, DOMAIN_JOB_OUT);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_PAUSED);
    assert_ok(hypervisor_pause_guest(fixture->a, uuid, &error));
    g_autoptr(GError) error = NULL;
    fixture_end_move(move, &error);
    g_assert_no_error(error);
    fixture_assert_absent(fixture->a, uuid);
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_RUNNING);
}

static void
assert_answers(HypervisorHost *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) domains = hypervisor_list_domains(host, &error);

    g_assert_no_error(error);
}

/* libvirtd takes five requests per connection, and a migrate call is one for all its time. */
static void
test_six_move_at_once_from_one_host(Fixture *fixture)
{
    const char *uuids[N_AT_ONCE];
    FixtureMove *moves[N_AT_ONCE];
    for (int i = 0; i < N_AT_ONCE; i++) {
        uuids[i] = fixture_start(fixture, fixture->a);
        assert_ok(hypervisor_pause_guest(fixture->a, uuids[i], &error));
        prepare(fixture, uuids[i]);
    }
    for (int i = 0; i < N_AT_ONCE; i++) {
        MigrateRequest request = fixture_request(uuids[i], true);
        moves[i] = fixture_begin_move(fixture->a, fixture->b, &request);
    }
    assert_answers(fixture->a);
    for (int i = 0; i < N_AT_ONCE; i++) {
        g_autoptr(GError) error = NULL;
        fixture_end_move(moves[i], &error);
        g_assert_no_error(error);
        fixture_assert_absent(fixture->a, uuids[i]);
        fixture_wait_state(fixture, fixture->b, uuids[i], DOMAIN_PAUSED);
    }
    assert_answers(fixture->a); /* keep-alive has not closed it */
}

static bool
has_domain(HypervisorHost *host, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) domains = hypervisor_list_domains(host, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < domains->len; i++) {
        if (g_str_equal(((DomainView *)domains->pdata[i])->uuid, uuid)) {
            return true;
        }
    }
    return false;
}

static void
test_a_canary_gets_there_and_leaves_nothing(Fixture *fixture)
{
    g_autofree char *uuid = g_uuid_string_random();
    MigrateRequest request = {.uuid = uuid, .with_tls = true};
    for (int i = 0; i < 2; i++) {
        assert_ok(hypervisor_send_canary(fixture->a, fixture->b, &request, &error));
        g_assert_false(has_domain(fixture->a, uuid));
        g_assert_false(has_domain(fixture->b, uuid));
    }
    assert_ok(hypervisor_send_canary(fixture->b, fixture->a, &request, &error));
}

/* Where that is not permitted, and by how many streams, is the business of whoever asks. */
static void
test_a_canary_switches_to_post_copy(Fixture *fixture)
{
    g_autofree char *uuid = g_uuid_string_random();
    MigrateRequest request = {.uuid = uuid, .with_tls = true, .post_copy = true};
    assert_ok(hypervisor_send_canary(fixture->a, fixture->b, &request, &error));
    g_assert_false(has_domain(fixture->a, uuid));
    g_assert_false(has_domain(fixture->b, uuid));
}

void
conformance_add_migrations(Target *target)
{
    fixture_add(
        "/migration/a-guest-moves-with-its-disks", target, test_a_guest_moves_with_its_disks);
    fixture_add_shared(
        "/migration/a-guest-moves-on-a-shared-pool", target, test_a_guest_moves_on_a_shared_pool);
    fixture_add_shared(
        "/migration/an-old-definition-is-replaced", target, test_an_old_definition_is_replaced);
    fixture_add("/migration/a-destination-says-that-it-can-run-a-guest", target,
        test_a_destination_says_that_it_can_run_a_guest);
    fixture_add("/migration/a-destination-rehearses-a-guest-and-keeps-nothing", target,
        test_a_destination_rehearses_a_guest_and_keeps_nothing);
    fixture_add("/migration/the-way-between-two-hosts-is-open", target,
        test_the_way_between_two_hosts_is_open);
    fixture_add("/migration/a-canary-gets-there-and-leaves-nothing", target,
        test_a_canary_gets_there_and_leaves_nothing);
    fixture_add("/migration/a-canary-switches-to-post-copy", target,
        test_a_canary_switches_to_post_copy);
    fixture_add("/migration/a-guest-that-moves-is-looked-at", target,
        test_a_guest_that_moves_is_looked_at);
    fixture_add("/migration/a-guest-comes-back", target, test_a_guest_comes_back);
    fixture_add(
        "/migration/prepare-copes-with-leftovers", target, test_prepare_copes_with_leftovers);
    fixture_add("/migration/prepare-needs-the-base", target, test_prepare_needs_the_base);
    fixture_add("/migration/a-guest-does-not-move-to-where-it-is", target,
        test_a_guest_does_not_move_to_where_it_is);
    fixture_add(
        "/migration/what-does-not-run-does-not-move", target, test_what_does_not_run_does_not_move);
    fixture_add("/migration/a-running-job-is-seen-and-aborted", target,
        test_a_running_job_is_seen_and_aborted);
    fixture_add(
        "/migration/an-aborted-guest-moves-later", target, test_an_aborted_guest_moves_later);
    fixture_add("/migration/a-running-move-takes-another-pause", target,
        test_a_running_move_takes_another_pause);
    fixture_add("/migration/post-copy-is-refused-where-it-was-not-asked-for", target,
        test_post_copy_is_refused_where_it_was_not_asked_for);
    fixture_add("/migration/post-copy-runs-the-guest-where-it-goes", target,
        test_post_copy_runs_the_guest_where_it_goes);
    fixture_add(
        "/migration/a-paused-guest-arrives-paused", target, test_a_paused_guest_arrives_paused);
    fixture_add("/migration/a-guest-paused-on-the-way-arrives-running", target,
        test_a_guest_paused_on_the_way_arrives_running);
    fixture_add(
        "/migration/six-move-at-once-from-one-host", target, test_six_move_at_once_from_one_host);
}
