/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The disk courier: disks of a guest that is off go from one host to another. */
#include "fixture.h"

#define COURIER "5b6f0d6e-58a5-4d5e-9d8e-0a1b2c3d4e5f"

static CopyRequest
request_of(const char *uuid)
{
    MigrateRequest migrate = fixture_request(uuid, true);

    return (CopyRequest){.uuid = uuid, .courier = COURIER, .with_tls = migrate.with_tls};
}

/* What was copied makes a guest there, and no courier is left. */
static void
assert_copied(Fixture *fixture, const char *uuid)
{
    GuestSpec guest = fixture_spec(fixture, uuid);

    fixture_assert_absent(fixture->a, COURIER);
    fixture_assert_absent(fixture->b, COURIER);
    guest.generation = 2;
    assert_ok(hypervisor_create_guest(fixture->b, &guest, &error));
    assert_ok(hypervisor_start_guest(fixture->b, uuid, &error));
    fixture_assert_view(fixture->b, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
    fixture_wait_boots(fixture, fixture->b, uuid, 1);
    assert_ok(hypervisor_destroy_guest(fixture->b, uuid, &error));
}

static void
test_disks_of_a_guest_that_is_off_are_copied(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    CopyRequest request = request_of(uuid);

    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    fixture_ensure_bases(fixture, fixture->b);
    assert_ok(hypervisor_copy_disks(fixture->a, fixture->b, &request, &error));
    assert_copied(fixture, uuid);
    fixture_assert_view(
        fixture->a, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_DESTROYED, DOMAIN_JOB_NONE);
}

/* As after a crash between the copy and its record. */
static void
test_copied_twice_is_copied_once(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    CopyRequest request = request_of(uuid);

    fixture_ensure_bases(fixture, fixture->b);
    assert_ok(hypervisor_copy_disks(fixture->a, fixture->b, &request, &error));
    assert_ok(hypervisor_copy_disks(fixture->a, fixture->b, &request, &error));
    assert_copied(fixture, uuid);
}

static void
test_disks_of_a_running_guest_are_not_copied(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    CopyRequest request = request_of(uuid);
    g_autoptr(GError) error = NULL;

    fixture_ensure_bases(fixture, fixture->b);
    g_assert_false(hypervisor_copy_disks(fixture->a, fixture->b, &request, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_CONFLICT);
    fixture_assert_absent(fixture->a, COURIER);
    fixture_assert_view(fixture->a, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, DOMAIN_JOB_NONE);
}

static void
test_a_known_guest_is_not_written_over(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    GuestSpec guest = fixture_spec(fixture, uuid);
    CopyRequest request = request_of(uuid);
    g_autoptr(GError) refusal = NULL;

    fixture_ensure_bases(fixture, fixture->b);
    assert_ok(hypervisor_create_guest(fixture->b, &guest, &error));
    g_assert_false(hypervisor_copy_disks(fixture->a, fixture->b, &request, &refusal));
    g_assert_error(refusal, DROVER_ERROR, ERROR_CONFLICT);
}

/* A transient domain has no definition any more between its end and its going. */
static void
test_one_that_goes_is_looked_at(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    CopyRequest request = request_of(uuid);

    fixture_ensure_bases(fixture, fixture->b);
    FixtureLook *look = fixture_begin_look(fixture->a, COURIER);
    for (int i = 0; i < 5; i++) {
        assert_ok(hypervisor_copy_disks(fixture->a, fixture->b, &request, &error));
    }
    fixture_end_look(look);
}

void
conformance_add_couriers(Target *target)
{
    fixture_add("/courier/disks-of-a-guest-that-is-off-are-copied", target,
        test_disks_of_a_guest_that_is_off_are_copied);
    fixture_add(
        "/courier/copied-twice-is-copied-once", target, test_copied_twice_is_copied_once);
    fixture_add("/courier/disks-of-a-running-guest-are-not-copied", target,
        test_disks_of_a_running_guest_are_not_copied);
    fixture_add("/courier/a-known-guest-is-not-written-over", target,
        test_a_known_guest_is_not_written_over);
    fixture_add("/courier/one-that-goes-is-looked-at", target, test_one_that_goes_is_looked_at);
}
