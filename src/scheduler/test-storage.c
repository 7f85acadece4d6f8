/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/volume.h"
#include "scheduler/internal.h"

#include <string.h>

enum { NOW_S = 1000 };

/* Some hosts, an instance on "a", and what it is asked for. */
typedef struct Fleet {
    PlacementPolicy policy;
    GPtrArray *hosts;
    GHashTable *usage;
    Instance *instance;
    GPtrArray *volumes;
    CanaryMap *canaries;
    PlacementRequest request;
} Fleet;

static Host *
add_host(Fleet *fleet, const char *name, const char *pool, const char *pool_id)
{
    Host *host = host_new();
    host->name = g_strdup(name);
    host->zone = g_strdup("nova");
    host->pool = g_strdup(pool);
    host->connected = true;
    host->last_seen_us = (NOW_S - 1) * G_USEC_PER_SEC;
    host->has_facts = true;
    host->facts.arch = g_strdup("x86_64");
    host->facts.vcpus = 4;
    host->facts.memory_mib = 4096;
    host->facts.memory_free_mib = 4096;
    host->facts.pool_capacity_bytes = INT64_C(100) << 30;
    host->facts.pool_available_bytes = INT64_C(50) << 30;
    host->facts.pool_id = g_strdup(pool_id);
    g_ptr_array_add(fleet->hosts, host);
    return host;
}

static void
set_up(Fleet *fleet, const void *unused)
{
    fleet->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    fleet->usage = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    fleet->canaries = canary_map_new();
    fleet->volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    fleet->instance = instance_new();
    fleet->instance->image.root_hash = g_strdup("aa");
    fleet->policy = (PlacementPolicy){
        .cpu_allocation_ratio = 1.0, .ram_allocation_ratio = 1.0, .disk_allocation_ratio = 1.0};
    fleet->request = (PlacementRequest){
        .policy = &fleet->policy,
        .instance_id = "i-1",
        .instance = fleet->instance,
        .volumes = fleet->volumes,
        .source_host = "a",
        .is_live = true,
        .vcpus = 1,
        .ram_mib = 1024,
        .disk_gib = 10,
        .service_down_time_us = 60 * G_USEC_PER_SEC,
        .now_us = NOW_S * G_USEC_PER_SEC,
    };
    add_host(fleet, "a", "instances", "one");
    add_host(fleet, "b", "instances", "one");
    add_host(fleet, "c", "instances", "two");
}

static void
tear_down(Fleet *fleet, const void *unused)
{
    g_ptr_array_unref(fleet->hosts);
    g_ptr_array_unref(fleet->volumes);
    g_hash_table_unref(fleet->usage);
    canary_map_free(fleet->canaries);
    instance_free(fleet->instance);
}

static void
add_volume(Fleet *fleet, const char *pool)
{
    Volume *volume = volume_new();
    volume->id = g_strdup("v-1");
    volume->pool = g_strdup(pool);
    volume->attachment = attachment_new();
    volume->attachment->device = g_strdup("/dev/vdc");
    g_ptr_array_add(fleet->volumes, volume);
}

static void
assert_chosen(Fleet *fleet, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    const char *chosen = scheduler_choose(&fleet->request, index, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(chosen, ==, name);
}

static Placement *
explain(Fleet *fleet)
{
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    return scheduler_explain(&fleet->request, index);
}

static void
assert_row(Fleet *fleet, unsigned host, PlacementResult result, const char *have)
{
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *row = &placement->hosts[host].rows[PLACEMENT_CHECK_STORAGE];
    g_assert_cmpstr(row->have, ==, have);
    g_assert_cmpint(row->result, ==, result);
}

#define NOT_LOCAL                                                                                  \
    "a is not on local storage: Block migration can not be used with shared storage."
#define NOT_SHARED                                                                                 \
    "a is not on shared storage: Shared storage live-migration requires either shared storage or " \
    "boot-from-volume with no local disks."
#define NOT_KNOWN                                                                                  \
    "not known whether host 'a' shares its storage with it: both are asked when it moves"

static void
test_disks_are_told_as_they_will_be(Fleet *fleet, const void *unused)
{
    assert_row(fleet, 0, PLACEMENT_PASS, "any");
    assert_row(fleet, 1, PLACEMENT_PASS, "vda:shared vdb:shared");
    assert_row(fleet, 2, PLACEMENT_PASS, "vda:copied vdb:copied");
    fleet->request.block_migration = BLOCK_MIGRATION_YES;
    assert_row(fleet, 1, PLACEMENT_FAIL, NOT_LOCAL);
    assert_row(fleet, 2, PLACEMENT_PASS, "vda:copied vdb:copied");
    fleet->request.block_migration = BLOCK_MIGRATION_NO;
    assert_row(fleet, 1, PLACEMENT_PASS, "vda:shared vdb:shared");
    assert_row(fleet, 2, PLACEMENT_FAIL, NOT_SHARED);
    fleet->request.instance = NULL; /* of an evacuation nobody asks */
    assert_row(fleet, 2, PLACEMENT_PASS, "any");
}

static void
test_a_request_goes_where_its_disks_may(Fleet *fleet, const void *unused)
{
    assert_chosen(fleet, "b");
    fleet->request.block_migration = BLOCK_MIGRATION_YES;
    assert_chosen(fleet, "c");
    fleet->request.block_migration = BLOCK_MIGRATION_NO;
    assert_chosen(fleet, "b");
}

/* What is known may be old: it refuses no request that names such a host. */
static void
test_the_last_word_is_the_hosts(Fleet *fleet, const void *unused)
{
    fleet->policy.decisions_kept_us = G_USEC_PER_SEC;
    fleet->request.block_migration = BLOCK_MIGRATION_YES;
    fleet->request.requested_host = "b";
    assert_chosen(fleet, "b");
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    StoredDecision decision = {0};
    g_assert_cmpstr(scheduler_choose(&fleet->request, index, &decision, NULL), ==, "b");
    g_assert_nonnull(strstr(decision.text, "check\tstorage\twarn\t"));
    g_free(decision.text);

    g_autoptr(Placement) placement = explain(fleet);
    g_assert_null(placement->chosen);
    g_assert_cmpstr(placement->reason, ==, NOT_LOCAL);

    /* Of two reasons the one that the request would be told. */
    Host *named = fleet->hosts->pdata[1];
    named->enabled = false;
    g_autoptr(Placement) disabled = explain(fleet);
    g_assert_true(
        g_str_has_prefix(disabled->reason, "No valid host was found. b failed 'enabled'"));
}

static void
test_what_nobody_told_is_not_known(Fleet *fleet, const void *unused)
{
    add_host(fleet, "d", "instances", "");
    fleet->request.block_migration = BLOCK_MIGRATION_NO;
    fleet->request.requested_host = "d";
    fleet->request.canaries = fleet->canaries;
    assert_row(fleet, 3, PLACEMENT_UNKNOWN, NOT_KNOWN);
    assert_chosen(fleet, "d");

    /* The pools were tried after the last canary. */
    Canary *canary = g_new0(Canary, 1);
    canary->dest_host = g_strdup("d");
    canary->pool = CANARY_POOL_SHARED;
    canary_map_put(fleet->canaries, canary);
    assert_row(fleet, 3, PLACEMENT_PASS, "vda:shared vdb:shared");
    canary->pool = CANARY_POOL_OWN;
    assert_row(fleet, 3, PLACEMENT_FAIL, NOT_SHARED);
    canary->pool = CANARY_POOL_UNKNOWN;
    assert_row(fleet, 3, PLACEMENT_UNKNOWN, NOT_KNOWN);
}

static void
test_volumes_are_where_their_pool_is(Fleet *fleet, const void *unused)
{
    static const char refusal[] =
        "volume v-1 lies in storage pool 'instances', which the two hosts do not share: mount the "
        "same directory as that pool on both";
    add_volume(fleet, "instances");
    assert_row(fleet, 1, PLACEMENT_PASS, "vda:shared vdb:shared vdc:shared");
    assert_row(fleet, 2, PLACEMENT_FAIL, refusal);
    fleet->request.is_live = false;
    assert_row(fleet, 2, PLACEMENT_FAIL, refusal);
    fleet->request.requested_host = "c";
    g_autoptr(Placement) named = explain(fleet);
    g_assert_cmpstr(named->reason, ==, refusal);
    fleet->request.requested_host = NULL;
    assert_chosen(fleet, "b");
    add_host(fleet, "e", "others", "two");
    assert_row(fleet, 3, PLACEMENT_UNKNOWN,
        "not known whether host 'a' shares storage pool 'instances' with it: both are asked when "
        "it moves");
}

/* As a request is told: "needs N, has H (FIX)". */
static void
assert_pools_row(Fleet *fleet, unsigned host, PlacementResult result, const char *told)
{
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *row = &placement->hosts[host].rows[PLACEMENT_CHECK_VOLUMES];
    g_autofree char *text = g_strdup_printf("needs %s, has %s (%s)", row->needed, row->have,
        row->fix != NULL ? row->fix : "");
    g_assert_cmpstr(text, ==, told);
    g_assert_cmpint(row->result, ==, result);
}

static void
tell_pools(Fleet *fleet, unsigned host, const char *offers)
{
    Host *told = fleet->hosts->pdata[host];
    g_free(told->facts.offers);
    told->facts.offers = g_strdup(offers);
}

#define DEFINE(pool)                                                                               \
    "define it there as on the other hosts ('virsh pool-define'), then 'virsh pool-start " pool    \
    "' and 'virsh pool-autostart " pool "'"

static void
be_create(Fleet *fleet)
{
    fleet->request.instance = NULL;
    fleet->request.source_host = NULL;
    fleet->request.is_live = false;
}

static void
test_a_host_has_the_pools_of_volumes(Fleet *fleet, const void *unused)
{
    be_create(fleet);
    tell_pools(fleet, 0, "kvm,pool=backup,pool=instances");
    tell_pools(fleet, 1, "kvm,pool=instances,stopped=fast");
    assert_pools_row(fleet, 0, PLACEMENT_PASS, "needs none, has any ()");
    assert_chosen(fleet, "a");
    add_volume(fleet, NULL); /* on the network */
    assert_pools_row(fleet, 0, PLACEMENT_PASS, "needs none, has any ()");
    assert_chosen(fleet, "a");

    add_volume(fleet, "fast");
    add_volume(fleet, "fast");
    assert_pools_row(fleet, 0, PLACEMENT_FAIL,
        "needs storage pool 'fast' of its volumes, has 'backup', 'instances' (" DEFINE("fast") ")");
    assert_pools_row(fleet, 1, PLACEMENT_WARN,
        "needs storage pool 'fast' of its volumes, has 'fast' stopped: it is started when the "
        "server needs it (start it there with the host: 'virsh pool-autostart fast')");
    assert_pools_row(fleet, 2, PLACEMENT_UNKNOWN,
        "needs storage pool 'fast' of its volumes, has not told: its libvirt does not list storage "
        "pools ()");
    assert_chosen(fleet, "b");
    tell_pools(fleet, 1, "kvm,pool=fast,pool=instances");
    assert_pools_row(fleet, 1, PLACEMENT_PASS,
        "needs storage pool 'fast' of its volumes, has 'fast', 'instances' ()");

    /* Of several pools it has to have each. */
    add_volume(fleet, "slow");
    tell_pools(fleet, 0, "kvm,pool=,stopped=fast");
    assert_pools_row(fleet, 0, PLACEMENT_FAIL,
        "needs storage pool 'fast', 'slow' of its volumes, has none (" DEFINE("slow") ")");
    assert_pools_row(fleet, 1, PLACEMENT_FAIL,
        "needs storage pool 'fast', 'slow' of its volumes, has 'fast', 'instances' ("
        DEFINE("slow") ")");
    assert_chosen(fleet, "c");
    tell_pools(fleet, 2, "kvm,pool=");
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    g_autoptr(GError) error = NULL;
    g_assert_null(scheduler_choose(&fleet->request, index, NULL, &error));
    g_assert_true(g_str_has_prefix(
        error->message, "No valid host was found. 3 hosts: 3 failed 'volumes' (a: needs "));
}

/* A name that cannot be told is not missed. */
static void
test_a_pool_that_no_host_can_tell(Fleet *fleet, const void *unused)
{
    be_create(fleet);
    tell_pools(fleet, 0, "kvm,pool=a,pool=b");
    add_volume(fleet, "a,b");
    assert_chosen(fleet, "a");
}

/* Whatever moves: and only whoever forces it may know better. */
static void
test_moves_find_the_pools_of_volumes(Fleet *fleet, const void *unused)
{
    add_volume(fleet, "fast");
    tell_pools(fleet, 0, "kvm,pool=fast");
    tell_pools(fleet, 1, "kvm,pool=instances");
    tell_pools(fleet, 2, "kvm,pool=fast");
    assert_chosen(fleet, "c");
    fleet->request.is_live = false;
    assert_chosen(fleet, "c");
    fleet->request.instance = NULL; /* an evacuation */
    assert_chosen(fleet, "c");
    fleet->request.requested_host = "b";
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    g_assert_null(scheduler_choose(&fleet->request, index, NULL, NULL));
    fleet->request.force = true;
    assert_chosen(fleet, "b");
}

static void
test_room_is_needed_where_a_copy_goes(Fleet *fleet, const void *unused)
{
    for (unsigned i = 0; i < fleet->hosts->len; i++) {
        Host *host = fleet->hosts->pdata[i];
        host->facts.pool_available_bytes = INT64_C(9) << 30;
    }
    g_autoptr(Placement) live = explain(fleet);
    g_assert_cmpint(live->hosts[1].rows[PLACEMENT_CHECK_DISK_FREE].result, ==, PLACEMENT_PASS);
    g_assert_cmpint(live->hosts[2].rows[PLACEMENT_CHECK_DISK_FREE].result, ==, PLACEMENT_FAIL);
    assert_chosen(fleet, "b");
    fleet->request.is_live = false;
    g_autoptr(Placement) cold = explain(fleet);
    g_assert_cmpint(cold->hosts[1].rows[PLACEMENT_CHECK_DISK_FREE].result, ==, PLACEMENT_PASS);
    g_assert_cmpint(cold->hosts[2].rows[PLACEMENT_CHECK_DISK_FREE].result, ==, PLACEMENT_FAIL);
    fleet->request.is_resize = true; /* which may make it larger */
    g_autoptr(Placement) resize = explain(fleet);
    g_assert_cmpint(resize->hosts[1].rows[PLACEMENT_CHECK_DISK_FREE].result, ==, PLACEMENT_FAIL);
}

/* It keeps what is in the pool that both share, and finds it there by itself. */
static void
test_an_evacuation_needs_no_room_on_shared_storage(Fleet *fleet, const void *unused)
{
    fleet->request.is_live = false;
    fleet->request.instance = NULL;
    for (unsigned i = 0; i < fleet->hosts->len; i++) {
        Host *host = fleet->hosts->pdata[i];
        host->facts.pool_available_bytes = INT64_C(9) << 30;
    }
    assert_chosen(fleet, "b");
    g_autoptr(Placement) told = explain(fleet);
    g_assert_cmpint(told->hosts[2].rows[PLACEMENT_CHECK_DISK_FREE].result, ==, PLACEMENT_FAIL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fleet, NULL, set_up, function, tear_down)
    ADD("/storage/disks-are-told", test_disks_are_told_as_they_will_be);
    ADD("/storage/a-request-goes-where-its-disks-may", test_a_request_goes_where_its_disks_may);
    ADD("/storage/the-last-word-is-the-hosts", test_the_last_word_is_the_hosts);
    ADD("/storage/what-nobody-told-is-not-known", test_what_nobody_told_is_not_known);
    ADD("/storage/volumes", test_volumes_are_where_their_pool_is);
    ADD("/storage/pools-of-volumes", test_a_host_has_the_pools_of_volumes);
    ADD("/storage/pools-of-volumes-untold", test_a_pool_that_no_host_can_tell);
    ADD("/storage/pools-of-volumes-in-moves", test_moves_find_the_pools_of_volumes);
    ADD("/storage/room", test_room_is_needed_where_a_copy_goes);
    ADD("/storage/room-of-evacuations", test_an_evacuation_needs_no_room_on_shared_storage);
    return g_test_run();
}
