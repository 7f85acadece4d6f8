/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Volumes in a pool that both hosts share, beside guests that live in the hosts' own pools. */
#include "fixture.h"

#include "base/clock.h"
#include <string.h>

#define SIZE_BYTES (INT64_C(64) << 20)
#define ASK_AGAIN_US (G_USEC_PER_SEC / 2)

/* A volume with a name of its own, and how a guest is told of it. Caller frees both texts. */
typedef struct Disk {
    char *id;
    char *name;
    GuestDisk disk;
} Disk;

static void
disk_make(Fixture *fixture, const char *target, Disk *disk)
{
    const char *pool = fixture->target->shared[0].pool;
    disk->id = clock_new_uuid(clock_system());
    disk->name = g_strconcat("volume-", disk->id, NULL);
    disk->disk = (GuestDisk){.target = target,
        .serial = disk->id,
        .format = "qcow2",
        .pool = pool,
        .name = disk->name};
    PoolVolume volume = {
        .pool = pool, .name = disk->name, .format = "qcow2", .size_bytes = SIZE_BYTES};
    assert_ok(hypervisor_create_volume(fixture->a, &volume, &error));
    /* Through the other host of the same pool it is there already. */
    assert_ok(hypervisor_create_volume(fixture->b, &volume, &error));
}

static void
disk_delete(Fixture *fixture, Disk *disk)
{
    const char *pool = disk->disk.pool;
    assert_ok(hypervisor_delete_volume(fixture->b, pool, disk->name, &error));
    assert_ok(hypervisor_delete_volume(fixture->a, pool, disk->name, &error));
    g_free(disk->id);
    g_free(disk->name);
}

/* A guest that runs may take its time, and one that has just booted does not listen yet. */
static void
detach(Fixture *fixture, HypervisorHost *host, const char *uuid, const char *target)
{
    int64_t end = g_get_monotonic_time() + fixture->target->patience_s * G_USEC_PER_SEC;
    for (;;) {
        g_autoptr(GError) error = NULL;
        if (hypervisor_detach_disk(host, uuid, target, &error)) {
            return;
        }
        g_assert_error(error, DROVER_ERROR, ERROR_TIMEOUT);
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(ASK_AGAIN_US);
    }
}

static void
test_a_running_guest_gets_one_and_loses_it(Fixture *fixture)
{
    Disk disk;
    const char *uuid = fixture_start(fixture, fixture->a);
    disk_make(fixture, "vdc", &disk);
    assert_ok(hypervisor_attach_disk(fixture->a, uuid, &disk.disk, &error));
    assert_ok(hypervisor_attach_disk(fixture->a, uuid, &disk.disk, &error));
    fixture_wait_boots(fixture, fixture->a, uuid, 1);
    detach(fixture, fixture->a, uuid, "vdc");
    assert_ok(hypervisor_detach_disk(fixture->a, uuid, "vdc", &error));
    disk_delete(fixture, &disk);
}

static void
test_a_stopped_guest_has_it_at_its_start(Fixture *fixture)
{
    Disk disk;
    const char *uuid = fixture_create(fixture, fixture->a);
    disk_make(fixture, "vdc", &disk);
    assert_ok(hypervisor_attach_disk(fixture->a, uuid, &disk.disk, &error));
    assert_ok(hypervisor_start_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_detach_disk(fixture->a, uuid, "vdc", &error));
    disk_delete(fixture, &disk);
}

static void
test_it_stays_where_it_is_while_its_guest_moves(Fixture *fixture)
{
    Disk disk;
    const char *uuid = fixture_start(fixture, fixture->a);
    disk_make(fixture, "vdc", &disk);
    assert_ok(hypervisor_attach_disk(fixture->a, uuid, &disk.disk, &error));
    fixture_ensure_bases(fixture, fixture->b);
    assert_ok(hypervisor_prepare_dest(fixture->b, fixture->a, uuid, &error));
    MigrateRequest request = fixture_request(uuid, true);
    request.volume_pool = disk.disk.pool;
    assert_ok(hypervisor_live_migrate(fixture->a, fixture->b, &request, &error));
    /* It is there, so that this is nothing; and it goes through the new host. */
    assert_ok(hypervisor_attach_disk(fixture->b, uuid, &disk.disk, &error));
    assert_ok(hypervisor_destroy_guest(fixture->b, uuid, &error));
    assert_ok(hypervisor_detach_disk(fixture->b, uuid, "vdc", &error));
    disk_delete(fixture, &disk);
}

static void
test_what_is_not_there_is_refused(Fixture *fixture)
{
    const char *uuid = fixture_create(fixture, fixture->a);
    GuestDisk disk = {.target = "vdc",
        .serial = "none",
        .format = "qcow2",
        .pool = fixture->target->shared[0].pool,
        .name = "volume-none"};
    const char *nobody = "00000000-0000-4000-8000-000000000000";
    assert_fails(hypervisor_attach_disk(fixture->a, nobody, &disk, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_detach_disk(fixture->a, nobody, "vdc", &error));
    assert_ok(hypervisor_detach_disk(fixture->a, uuid, "vdc", &error));
}

static void
assert_is_left_alone(HypervisorHost *host, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) domains = hypervisor_list_domains(host, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < domains->len; i++) {
        const DomainView *view = domains->pdata[i];
        g_assert_false(g_str_has_prefix(view->name, "try-"));
        g_assert_cmpint(strcmp(view->uuid, uuid) == 0 ? view->state : DOMAIN_RUNNING, ==,
            DOMAIN_RUNNING);
    }
}

static void
test_one_on_the_network_is_tried_before_its_guest_gets_it(Fixture *fixture)
{
    const char *uuid = fixture_start(fixture, fixture->a);
    GuestDisk served = {.target = "vdc",
        .serial = "served",
        .format = "raw",
        .uri = fixture->target->served_uri};
    GuestDisk silent = {.target = "vdd",
        .serial = "silent",
        .format = "raw",
        .uri = fixture->target->silent_uri};
    assert_ok(hypervisor_try_disk(fixture->b, uuid, &served, &error));
    assert_fails(
        hypervisor_attach_disk(fixture->a, uuid, &silent, &error), ERROR_HYPERVISOR_REFUSED);
    assert_is_left_alone(fixture->a, uuid);
    assert_ok(hypervisor_attach_disk(fixture->a, uuid, &served, &error));
    assert_ok(hypervisor_check_dest(fixture->b, fixture->a, uuid, &error));
    assert_is_left_alone(fixture->b, uuid);
    /* The next start would open it, and it does not get that far. */
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_attach_disk(fixture->a, uuid, &silent, &error));
    assert_fails(hypervisor_start_guest(fixture->a, uuid, &error), ERROR_HYPERVISOR_REFUSED);
    assert_ok(hypervisor_detach_disk(fixture->a, uuid, "vdd", &error));
    assert_ok(hypervisor_start_guest(fixture->a, uuid, &error));
    assert_ok(hypervisor_destroy_guest(fixture->a, uuid, &error));
}

void
conformance_add_volumes(Target *target)
{
    fixture_add("/volume/a-running-guest-gets-one-and-loses-it", target,
        test_a_running_guest_gets_one_and_loses_it);
    fixture_add("/volume/a-stopped-guest-has-it-at-its-start", target,
        test_a_stopped_guest_has_it_at_its_start);
    fixture_add("/volume/it-stays-where-it-is-while-its-guest-moves", target,
        test_it_stays_where_it_is_while_its_guest_moves);
    fixture_add("/volume/one-on-the-network-is-tried-before-its-guest-gets-it", target,
        test_one_on_the_network_is_tried_before_its_guest_gets_it);
    fixture_add(
        "/volume/what-is-not-there-is-refused", target, test_what_is_not_there_is_refused);
}
