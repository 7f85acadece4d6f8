/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What an evacuation needs of hosts: which pool they have, what is in it, and who holds a disk. */
#include "fixture.h"

static char *
pool_id(HypervisorHost *host)
{
    HostFacts facts = {0};
    assert_ok(hypervisor_probe(host, &facts, &error));
    char *id = g_strdup(facts.pool_id);
    host_facts_clear(&facts);
    g_assert_nonnull(id);
    g_assert_cmpstr(id, !=, "");
    return id;
}

static void
test_pools_of_their_own_have_ids_of_their_own(Fixture *fixture)
{
    g_autofree char *a = pool_id(fixture->a);
    g_autofree char *b = pool_id(fixture->b);
    g_autofree char *again = pool_id(fixture->a);
    g_assert_cmpstr(a, !=, b);
    g_assert_cmpstr(a, ==, again);
}

static void
test_a_shared_pool_has_one_id(Fixture *fixture)
{
    g_autofree char *a = pool_id(fixture->a);
    g_autofree char *b = pool_id(fixture->b);
    g_assert_cmpstr(a, ==, b);
}

/* The number of that guest's volumes, and of its root disks. uuid NULL: of all guests. */
static unsigned
count_volumes(HypervisorHost *host, const char *uuid, const char *listed, unsigned *ret_roots)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) volumes = hypervisor_list_guest_volumes(host, listed, &error);
    unsigned n = 0;
    g_assert_no_error(error);
    *ret_roots = 0;
    for (unsigned i = 0; i < volumes->len; i++) {
        const VolumeView *volume = volumes->pdata[i];
        if (g_strcmp0(volume->uuid, uuid) == 0) {
            n++;
            *ret_roots += volume->is_root;
            g_assert_nonnull(volume->name);
        }
    }
    return n;
}

static void
test_volumes_of_a_guest_are_listed(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    unsigned n_roots;
    g_assert_cmpuint(count_volumes(fixture->a, uuid, uuid, &n_roots), ==, 3);
    g_assert_cmpuint(n_roots, ==, 1);
    g_assert_cmpuint(count_volumes(fixture->a, uuid, NULL, &n_roots), ==, 3);
    g_assert_cmpuint(count_volumes(fixture->b, uuid, uuid, &n_roots), ==, 0);
    assert_ok(hypervisor_forget_guest(fixture->a, uuid, &error));
    g_assert_cmpuint(count_volumes(fixture->a, uuid, uuid, &n_roots), ==, 3);
    assert_ok(hypervisor_remove_guest(fixture->a, uuid, true, &error));
    g_assert_cmpuint(count_volumes(fixture->a, uuid, NULL, &n_roots), ==, 0);
}

static void
test_a_disk_that_is_kept_must_be_there(Fixture *fixture)
{
    const char *uuid = fixture_new_uuid(fixture);
    GuestSpec guest = fixture_spec(fixture, uuid);
    fixture_ensure_bases(fixture, fixture->a);
    guest.root = GUEST_ROOT_KEPT;
    assert_fails(hypervisor_create_guest(fixture->a, &guest, &error), ERROR_NOT_FOUND);
    fixture_assert_absent(fixture->a, uuid);
}

static void
test_a_guest_is_proven_without_running(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    assert_fails(hypervisor_prove_guest(fixture->b, uuid, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_prove_guest(fixture->a, uuid, &error));
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_SHUT_OFF);
    assert_ok(hypervisor_prove_guest(fixture->a, uuid, &error));
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_SHUT_OFF);
    assert_ok(hypervisor_start_guest(fixture->a, uuid, &error));
    assert_fails(hypervisor_prove_guest(fixture->a, uuid, &error), ERROR_CONFLICT);
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_RUNNING);
}

static void
test_a_locked_disk_is_proof_of_life(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    GuestSpec guest = fixture_spec(fixture, uuid);
    unsigned n_roots;
    guest.root = GUEST_ROOT_KEPT;
    guest.generation++;
    assert_ok(hypervisor_create_guest(fixture->b, &guest, &error));
    assert_fails(hypervisor_start_guest(fixture->b, uuid, &error), ERROR_CONFLICT);
    assert_fails(hypervisor_prove_guest(fixture->b, uuid, &error), ERROR_CONFLICT);
    fixture_wait_state(fixture, fixture->a, uuid, DOMAIN_RUNNING);
    /* Dead, its guest is started where the disk is as well. */
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_prove_guest(fixture->b, uuid, &error));
    assert_ok(hypervisor_start_guest(fixture->b, uuid, &error));
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_RUNNING);
    assert_ok(hypervisor_forget_guest(fixture->a, uuid, &error));
    g_assert_cmpuint(count_volumes(fixture->a, uuid, uuid, &n_roots), ==, 3);
}

static void
test_a_disk_begins_anew(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    GuestSpec guest = fixture_spec(fixture, uuid);
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    fixture_ensure_bases(fixture, fixture->b);
    guest.root = GUEST_ROOT_REBUILT;
    guest.generation++;
    assert_ok(hypervisor_create_guest(fixture->b, &guest, &error));
    assert_ok(hypervisor_start_guest(fixture->b, uuid, &error));
    fixture_wait_state(fixture, fixture->b, uuid, DOMAIN_RUNNING);
    assert_ok(hypervisor_remove_guest(fixture->a, uuid, false, &error));
    fixture_assert_absent(fixture->a, uuid);
}

void
conformance_add_evacuations(Target *target)
{
    fixture_add("/evacuation/pools-of-their-own-have-ids-of-their-own", target,
        test_pools_of_their_own_have_ids_of_their_own);
    fixture_add_shared(
        "/evacuation/a-shared-pool-has-one-id", target, test_a_shared_pool_has_one_id);
    fixture_add("/evacuation/volumes-of-a-guest-are-listed", target,
        test_volumes_of_a_guest_are_listed);
    fixture_add("/evacuation/a-disk-that-is-kept-must-be-there", target,
        test_a_disk_that_is_kept_must_be_there);
    fixture_add("/evacuation/a-guest-is-proven-without-running", target,
        test_a_guest_is_proven_without_running);
    fixture_add_shared("/evacuation/a-locked-disk-is-proof-of-life", target,
        test_a_locked_disk_is_proof_of_life);
    fixture_add("/evacuation/a-disk-begins-anew", target, test_a_disk_begins_anew);
}
