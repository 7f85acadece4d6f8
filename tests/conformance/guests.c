/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Guests on one host. */
#include "fixture.h"

static DomainView *
find_in_list(HypervisorHost *host, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) views = hypervisor_list_domains(host, &error);
    g_assert_no_error(error);
    for (unsigned int i = 0; i < views->len; i++) {
        DomainView *view = views->pdata[i];
        if (strcmp(view->uuid, uuid) == 0) {
            DomainView *copy = g_new(DomainView, 1);
            *copy = *view;
            copy->name = g_strdup(view->name);
            return copy;
        }
    }
    return NULL;
}

static void
assert_is_new_guest(const DomainView *view, const char *uuid)
{
    g_assert_nonnull(view);
    g_assert_cmpstr(view->uuid, ==, uuid);
    g_assert_cmpstr(view->name, ==, uuid);
    g_assert_cmpstr(domain_state_name(view->state), ==, "shut-off");
    g_assert_true(view->persistent);
    g_assert_true(view->is_ours);
    g_assert_cmpint(view->generation, ==, 1);
    g_assert_cmpint(view->operation, ==, 41);
}

static void
test_create_defines_a_guest(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    GuestSpec guest = fixture_spec(fixture, uuid);
    g_autoptr(DomainView) view = g_new0(DomainView, 1);
    assert_ok(hypervisor_describe_domain(fixture->a, uuid, view, &error));
    assert_is_new_guest(view, uuid);
    g_autoptr(DomainView) listed = find_in_list(fixture->a, uuid);
    assert_is_new_guest(listed, uuid);
    g_assert_null(find_in_list(fixture->b, uuid));
    assert_ok(hypervisor_create_guest(fixture->a, &guest, &error));
    g_autoptr(DomainView) again = find_in_list(fixture->a, uuid);
    assert_is_new_guest(again, uuid);
}

static void
test_create_of_a_running_guest_leaves_it_running(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    GuestSpec guest = fixture_spec(fixture, uuid);
    assert_ok(hypervisor_create_guest(fixture->a, &guest, &error));
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_create_needs_its_base(Fixture *fixture)
{
    const char *uuid = fixture_new_uuid(fixture);
    GuestSpec guest = fixture_spec(fixture, uuid);
    guest.root_hash = "00000000000000000000000000000000ffffffffffffffffffffffffffffffff";
    g_autoptr(GError) error = NULL;
    g_assert_false(hypervisor_create_guest(fixture->a, &guest, &error));
    g_assert_nonnull(error);
    fixture_assert_absent(fixture->a, uuid);
}

static void
test_what_is_not_there_is_said_so(Fixture *fixture)
{
    const char *uuid = fixture_new_uuid(fixture);
    g_autofree char *text = NULL;
    size_t size;
    fixture_assert_absent(fixture->a, uuid);
    assert_fails(hypervisor_start_guest(fixture->a, uuid, &error), ERROR_NOT_FOUND);
    assert_fails(hypervisor_shutdown_guest(fixture->a, uuid, &error), ERROR_NOT_FOUND);
    assert_fails(hypervisor_reboot_guest(fixture->a, uuid, false, &error), ERROR_NOT_FOUND);
    assert_fails(hypervisor_reboot_guest(fixture->a, uuid, true, &error), ERROR_NOT_FOUND);
    assert_fails(hypervisor_pause_guest(fixture->a, uuid, &error), ERROR_NOT_FOUND);
    assert_fails(hypervisor_resume_guest(fixture->a, uuid, &error), ERROR_NOT_FOUND);
    assert_fails(
        hypervisor_read_console(fixture->a, uuid, 100, &text, &size, &error), ERROR_NOT_FOUND);
}

static void
test_absent_things_are_removed_already(Fixture *fixture)
{
    const char *uuid = fixture_new_uuid(fixture);
    assert_ok(hypervisor_remove_guest(fixture->a, uuid, false, &error));
    assert_ok(hypervisor_remove_guest(fixture->a, uuid, true, &error));
    assert_ok(hypervisor_remove_disks(fixture->a, uuid, &error));
    assert_ok(hypervisor_forget_guest(fixture->a, uuid, &error));
}

static void
test_start_runs_a_guest(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    g_assert_true(
        fixture_wait_domain_event(fixture, SESSION_A, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED));
    assert_ok(hypervisor_start_guest(fixture->a, uuid, &error));
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    fixture_assert_absent(fixture->b, uuid);
}

static void
test_pause_and_resume(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    assert_ok(hypervisor_pause_guest(fixture->a, uuid, &error));
    fixture_assert_view(fixture->a, uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER, DOMAIN_JOB_NONE);
    g_assert_true(
        fixture_wait_domain_event(fixture, SESSION_A, uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER));
    assert_ok(hypervisor_pause_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_resume_guest(fixture->a, uuid, &error));
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_RUNNING);
    assert_ok(hypervisor_resume_guest(fixture->a, uuid, &error));
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_RUNNING);
}

static void
test_what_is_off_cannot_pause(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    g_autoptr(GError) pause_error = NULL;
    g_autoptr(GError) resume_error = NULL;
    g_assert_false(hypervisor_pause_guest(fixture->a, uuid, &pause_error));
    g_assert_false(hypervisor_resume_guest(fixture->a, uuid, &resume_error));
    g_assert_true(pause_error != NULL && resume_error != NULL);
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_SHUT_OFF);
}

static void
test_destroy_pulls_the_plug(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    fixture_assert_view(
        fixture->a, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_DESTROYED, DOMAIN_JOB_NONE);
    g_assert_true(fixture_wait_domain_event(
        fixture, SESSION_A, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_DESTROYED));
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_start_guest(fixture->a, uuid, &error));
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_shutdown_asks_the_guest(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    fixture_wait_boots(fixture, fixture->a, uuid, 1);
    fixture_ask_until_off(fixture, fixture->a, uuid);
    g_assert_true(fixture_wait_domain_event(
        fixture, SESSION_A, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_SHUTDOWN));
    fixture_assert_view(fixture->a, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_SHUTDOWN, DOMAIN_JOB_NONE);
}

static void
test_a_hard_reboot_boots_again(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    fixture_wait_boots(fixture, fixture->a, uuid, 1);
    assert_ok(hypervisor_reboot_guest(fixture->a, uuid, true, &error));
    fixture_wait_boots(fixture, fixture->a, uuid, 2);
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_RUNNING);
}

static void
test_the_console_log_is_read_from_its_end(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    fixture_wait_boots(fixture, fixture->a, uuid, 1);
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    g_autofree char *whole = NULL;
    g_autofree char *end = NULL;
    size_t whole_size;
    size_t end_size;
    assert_ok(hypervisor_read_console(fixture->a, uuid, 1 << 20, &whole, &whole_size, &error));
    assert_ok(hypervisor_read_console(fixture->a, uuid, 10, &end, &end_size, &error));
    g_assert_cmpint((int)whole_size, >, 10);
    g_assert_cmpmem(end, end_size, whole + whole_size - 10, 10);
}

static void
test_remove_takes_all_of_a_guest(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    assert_fails(hypervisor_remove_guest(fixture->a, uuid, false, &error), ERROR_CONFLICT);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    assert_ok(hypervisor_remove_guest(fixture->a, uuid, true, &error));
    fixture_assert_absent(fixture->a, uuid);
    g_assert_null(find_in_list(fixture->a, uuid));
    /* Its disk is gone too: a guest that is made again has nothing on its console. */
    GuestSpec guest = fixture_spec(fixture, uuid);
    assert_ok(hypervisor_create_guest(fixture->a, &guest, &error));
    g_autofree char *text = NULL;
    size_t size = 1;
    assert_ok(hypervisor_read_console(fixture->a, uuid, 100, &text, &size, &error));
    g_assert_cmpint((int)size, ==, 0);
    assert_ok(hypervisor_remove_guest(fixture->a, uuid, false, &error));
    fixture_assert_absent(fixture->a, uuid);
}

static void
test_disks_of_a_defined_guest_stay(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    assert_fails(hypervisor_remove_disks(fixture->a, uuid, &error), ERROR_CONFLICT);
    assert_ok(hypervisor_start_guest(fixture->a, uuid, &error));
    assert_fails(hypervisor_remove_disks(fixture->a, uuid, &error), ERROR_CONFLICT);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_forget_keeps_the_disks(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    fixture_wait_boots(fixture, fixture->a, uuid, 1);
    assert_fails(hypervisor_forget_guest(fixture->a, uuid, &error), ERROR_CONFLICT);
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_forget_guest(fixture->a, uuid, &error));
    fixture_assert_absent(fixture->a, uuid);
    GuestSpec guest = fixture_spec(fixture, uuid);
    assert_ok(hypervisor_create_guest(fixture->a, &guest, &error));
    fixture_wait_boots(fixture, fixture->a, uuid, 1); /* its console log is the old one */
}

void
conformance_add_guests(Target *target)
{
    fixture_add("/guest/create-defines-a-guest", target, test_create_defines_a_guest);
    fixture_add("/guest/create-of-a-running-guest-leaves-it-running", target,
        test_create_of_a_running_guest_leaves_it_running);
    fixture_add("/guest/create-needs-its-base", target, test_create_needs_its_base);
    fixture_add("/guest/what-is-not-there-is-said-so", target, test_what_is_not_there_is_said_so);
    fixture_add(
        "/guest/absent-things-are-removed-already", target, test_absent_things_are_removed_already);
    fixture_add("/guest/start-runs-a-guest", target, test_start_runs_a_guest);
    fixture_add("/guest/pause-and-resume", target, test_pause_and_resume);
    fixture_add("/guest/what-is-off-cannot-pause", target, test_what_is_off_cannot_pause);
    fixture_add("/guest/destroy-pulls-the-plug", target, test_destroy_pulls_the_plug);
    fixture_add("/guest/shutdown-asks-the-guest", target, test_shutdown_asks_the_guest);
    fixture_add("/guest/a-hard-reboot-boots-again", target, test_a_hard_reboot_boots_again);
    fixture_add("/guest/the-console-log-is-read-from-its-end", target,
        test_the_console_log_is_read_from_its_end);
    fixture_add("/guest/remove-takes-all-of-a-guest", target, test_remove_takes_all_of_a_guest);
    fixture_add("/guest/disks-of-a-defined-guest-stay", target, test_disks_of_a_defined_guest_stay);
    fixture_add("/guest/forget-keeps-the-disks", target, test_forget_keeps_the_disks);
}
