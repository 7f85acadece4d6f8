/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/canary_map.h"
#include "model/disk_plan.h"
#include "model/host.h"
#include "model/identity.h"
#include "model/image.h"
#include "model/instance.h"
#include "model/migration.h"
#include "model/network.h"
#include "model/throwaway.h"
#include "model/topology.h"

#include <string.h>

typedef struct StatusCase {
    VmState vm_state;
    const char *open_kind;
    bool delete_wanted;
    bool placed;
    const char *task_state;
    const char *status;
} StatusCase;

static const StatusCase status_cases[] = {
    {VM_STATE_BUILDING, "create", false, false, "scheduling", "BUILD"},
    {VM_STATE_BUILDING, "create", false, true, "spawning", "BUILD"},
    {VM_STATE_ACTIVE, NULL, false, true, NULL, "ACTIVE"},
    {VM_STATE_ACTIVE, "live-migration", false, true, "migrating", "MIGRATING"},
    {VM_STATE_ACTIVE, "live-migration", true, true, "deleting", "ACTIVE"},
    {VM_STATE_ACTIVE, "evacuate", false, true, "rebuilding", "REBUILD"},
    {VM_STATE_STOPPED, "evacuate", false, true, "rebuilding", "REBUILD"},
    {VM_STATE_ERROR, "evacuate", false, true, "rebuilding", "REBUILD"},
    {VM_STATE_ACTIVE, "reboot", false, true, "rebooting", "REBOOT"},
    {VM_STATE_ACTIVE, "reboot_hard", false, true, "rebooting_hard", "HARD_REBOOT"},
    {VM_STATE_ACTIVE, "stop", false, true, "powering-off", "ACTIVE"},
    {VM_STATE_ACTIVE, "pause", false, true, "pausing", "ACTIVE"},
    {VM_STATE_ACTIVE, "delete", true, true, "deleting", "ACTIVE"},
    {VM_STATE_STOPPED, NULL, false, true, NULL, "SHUTOFF"},
    {VM_STATE_STOPPED, "start", false, true, "powering-on", "SHUTOFF"},
    {VM_STATE_STOPPED, "reboot_hard", false, true, "rebooting_hard", "SHUTOFF"},
    {VM_STATE_PAUSED, NULL, false, true, NULL, "PAUSED"},
    {VM_STATE_PAUSED, "live-migration", false, true, "migrating", "MIGRATING"},
    {VM_STATE_PAUSED, "unpause", false, true, "unpausing", "PAUSED"},
    {VM_STATE_ERROR, NULL, false, false, NULL, "ERROR"},
    {VM_STATE_ERROR, "reboot_hard", false, true, "rebooting_hard", "ERROR"},
    {VM_STATE_DELETED, NULL, true, true, NULL, "DELETED"},
};

static void
test_status_follows_vm_state_and_open_operation(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(status_cases); i++) {
        const StatusCase *c = &status_cases[i];
        g_autoptr(Instance) instance = instance_new();

        instance->vm_state = c->vm_state;
        instance->open_kind = g_strdup(c->open_kind);
        instance->delete_wanted = c->delete_wanted;
        instance->host = c->placed ? g_strdup("hosta") : NULL;
        g_assert_cmpstr(instance_task_state(instance), ==, c->task_state);
        g_assert_cmpstr(instance_status(instance), ==, c->status);
    }
}

static void
test_names_and_parsers_agree(void)
{
    for (int i = VM_STATE_BUILDING; i <= VM_STATE_DELETED; i++) {
        VmState state;
        g_assert_true(vm_state_parse(vm_state_name((VmState)i), &state));
        g_assert_cmpint(state, ==, i);
    }
    for (int i = OPERATION_CREATE; i <= OPERATION_EVACUATE; i++) {
        OperationKind kind;
        g_assert_true(operation_kind_parse(operation_kind_name((OperationKind)i), &kind));
        g_assert_cmpint(kind, ==, i);
    }
    for (int i = WANTED_RUN; i <= WANTED_FORCE_COMPLETE; i++) {
        Wanted wanted;
        g_assert_true(wanted_parse(wanted_name((Wanted)i), &wanted));
        g_assert_cmpint(wanted, ==, i);
    }
    for (int i = IMAGE_QUEUED; i <= IMAGE_KILLED; i++) {
        ImageStatus status;
        g_assert_true(image_status_parse(image_status_name((ImageStatus)i), &status));
        g_assert_cmpint(status, ==, i);
    }
}

static void
test_unknown_names_are_refused(void)
{
    VmState state;
    OperationKind kind;
    Wanted wanted;
    ImageStatus status;

    g_assert_false(vm_state_parse("ACTIVE", &state));
    g_assert_false(vm_state_parse(NULL, &state));
    g_assert_false(operation_kind_parse("live_migration", &kind));
    g_assert_false(operation_kind_parse(NULL, &kind));
    g_assert_false(wanted_parse("", &wanted));
    g_assert_false(image_status_parse("deleted", &status));
}

static void
test_domain_name(void)
{
    g_autoptr(Instance) instance = instance_new();

    instance->number = 255;
    g_autofree char *name = instance_domain_name(instance);
    g_assert_cmpstr(name, ==, "instance-000000ff");
}

static void
test_host_is_up_by_its_last_sign_of_life(void)
{
    g_autoptr(Host) host = host_new();

    g_assert_false(host_is_up(host, 100, 60));
    host->last_seen_us = 50;
    g_assert_true(host_is_up(host, 100, 60));
    g_assert_true(host_is_up(host, 110, 60));
    g_assert_false(host_is_up(host, 111, 60));
    host->forced_down = true;
    g_assert_false(host_is_up(host, 100, 60));
}

static void
test_identity_roles(void)
{
    g_autoptr(Identity) identity = g_new0(Identity, 1);

    g_assert_false(identity_has_role(identity, "admin"));
    identity->roles = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(identity->roles, g_strdup("member"));
    g_assert_true(identity_has_role(identity, "member"));
    g_assert_false(identity_has_role(identity, "admin"));
}

static void
test_addresses(void)
{
    uint32_t address;
    int prefix;

    g_assert_true(network_parse_cidr("10.20.0.0/24", &address, &prefix));
    g_assert_cmpuint(address, ==, 0x0a140000);
    g_assert_cmpint(prefix, ==, 24);
    g_assert_true(network_parse_cidr("0.0.0.0/0", &address, &prefix));
    const char *const bad[] = {"", "10.20.0.0", "10.20.0.0/", "10.20.0.0/33", "10.20.0.0/-1",
        "10.20.0.1/24", "10.20.0/24", "10.20.0.0/24x", "10.20.0.0/ 24", "fe80::/64"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(network_parse_cidr(bad[i], &address, &prefix));
    }
    g_assert_false(network_parse_cidr(NULL, &address, &prefix));
    g_assert_true(network_parse_address("255.255.255.255", &address));
    g_autofree char *text = network_format_address(address);
    g_assert_cmpstr(text, ==, "255.255.255.255");
    g_assert_false(network_parse_address("1.2.3", &address));
    g_assert_false(network_parse_address(NULL, &address));
}

static void
test_copies_stand_alone(void)
{
    g_autoptr(Flavor) from = flavor_new();
    Flavor to = {0};
    ImageRefs refs = {.root_hash = g_strdup("aa")};
    ImageRefs refs_copy = {0};
    HostFacts facts = {.arch = g_strdup("x86_64"), .vcpus = 4};
    HostFacts facts_copy = {0};

    from->name = g_strdup("m1.tiny");
    from->vcpus = 2;
    flavor_copy(from, &to);
    flavor_copy(from, &to);
    image_refs_copy(&refs, &refs_copy);
    image_refs_copy(&refs, &refs_copy);
    host_facts_copy(&facts, &facts_copy);
    host_facts_copy(&facts, &facts_copy);
    g_assert_cmpstr(to.name, ==, "m1.tiny");
    g_assert_true(to.name != from->name);
    g_assert_cmpint(to.vcpus, ==, 2);
    g_assert_cmpstr(refs_copy.root_hash, ==, "aa");
    g_assert_cmpstr(facts_copy.arch, ==, "x86_64");
    flavor_clear(&to);
    image_refs_clear(&refs);
    image_refs_clear(&refs_copy);
    host_facts_clear(&facts);
    host_facts_clear(&facts_copy);
}

/* What is in neither set is for no guest; what a set names and the host lacks does not count. */
static void
test_processors_are_shared_out(void)
{
    static const char cell[] = "cell id=0 memory=1024 cpus=0-7\n";
    static const struct {
        const char *sets;
        int floating;
        int dedicated;
    } rows[] = {
        {"", 8, 0},
        {"sets of=3 dedicated=2-5 shared=0\n", 1, 4},
        {"sets of=1 dedicated=6-9\n", 0, 2},
        {"sets of=2 shared=0-1\n", 2, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(rows[i].sets, cell, NULL);
        HostFacts facts = {.vcpus = 8,
            .topology = text,
            .has_floating_cpus = rows[i].sets[0] != '\0',
            .floating_cpus = rows[i].floating};
        g_assert_cmpint(host_floating_cpus(&facts), ==, rows[i].floating);
        g_assert_cmpint(host_dedicated_cpus(&facts), ==, rows[i].dedicated);
    }
    g_assert_cmpint(host_dedicated_cpus(&(HostFacts){.has_floating_cpus = true}), ==, 0);
}

static void
test_what_a_claim_says_of_processors(void)
{
    static const char floats[] = "guest cells=0 binds=0 page=0;cell host=-1 vcpus=1 floats=0-1";
    static const char alone[] = "guest cells=0 binds=1 page=0 emulator=4,6 blocked=5,7"
                                ";cell host=1 vcpus=2 memory=512 pins=4/6";

    g_assert_false(guest_topology_is_pinned(NULL));
    g_assert_false(guest_topology_is_pinned(floats));
    g_assert_true(guest_topology_is_pinned(alone));
    g_assert_cmpint(guest_topology_count_idle(NULL), ==, 0);
    g_assert_cmpint(guest_topology_count_idle(floats), ==, 0);
    g_assert_cmpint(guest_topology_count_idle(alone), ==, 2);
}

static void
test_new_records_know_nothing(void)
{
    g_autoptr(Migration) migration = migration_new();
    g_autoptr(Image) image = image_new();
    g_autoptr(Instance) instance = instance_new();

    g_assert_cmpint(migration->stats.downtime_ms, ==, -1);
    g_assert_cmpint(image->size_bytes, ==, -1);
    g_assert_cmpuint(instance->ports->len, ==, 0);
}

static Volume *
volume_at(const char *device, const char *pool, const char *uri)
{
    Volume *volume = volume_new();
    volume->id = g_strdup("v");
    volume->pool = g_strdup(pool);
    volume->uri = g_strdup(uri);
    volume->attachment = attachment_new();
    volume->attachment->device = g_strdup(device);
    return volume;
}

static void
test_each_disk_is_decided(void)
{
    g_autoptr(Instance) instance = instance_new();
    g_autoptr(GPtrArray) volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    g_autoptr(GError) error = NULL;
    instance->image.root_hash = g_strdup("aa");
    instance->image.cdrom_hash = g_strdup("bb");
    instance->config_drive_format = g_strdup("iso9660");
    g_ptr_array_add(volumes, volume_at("/dev/vdd", NULL, "nbd://h/x"));
    g_ptr_array_add(volumes, volume_at("/dev/vdc", "volumes", NULL));

    DiskWish wish = {instance, volumes, BLOCK_MIGRATION_AUTO, "c1"};
    DiskFacts facts = {.pool_is_shared = false, .volume_pool_is_shared = true};
    g_autoptr(GPtrArray) plan = disk_plan_new(&wish, &facts, &error);
    g_assert_no_error(error);
    g_autofree char *text = disk_plan_to_text(plan);
    g_assert_cmpstr(text, ==, "hda:placed vda:copied vdb:placed vdc:shared vdd:network");
    g_autoptr(GPtrArray) read = disk_plan_from_text(text);
    g_autofree char *again = disk_plan_to_text(read);
    g_assert_cmpstr(again, ==, text);

    facts.pool_is_shared = true;
    g_autoptr(GPtrArray) shared = disk_plan_new(&wish, &facts, &error);
    g_assert_no_error(error);
    g_autofree char *shared_text = disk_plan_to_text(shared);
    g_assert_cmpstr(shared_text, ==, "hda:shared vda:shared vdb:shared vdc:shared vdd:network");

    facts.volume_pool_is_shared = false;
    g_assert_null(disk_plan_new(&wish, &facts, &error));
    g_assert_true(error_is(error, ERROR_HYPERVISOR_REFUSED));
    g_assert_nonnull(strstr(error->message, "'volumes', which the two hosts do not share"));
}

/* NULL: nothing is refused. Caller frees. */
static char *
refusal_of(const Instance *instance, BlockMigration asked, const DiskFacts *facts)
{
    g_autoptr(GPtrArray) volumes = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    DiskWish wish = {instance, volumes, asked, "c1"};
    g_autoptr(GPtrArray) plan = disk_plan_new(&wish, facts, &error);
    g_assert_true((plan == NULL) == error_is(error, ERROR_INVALID));
    return error != NULL ? g_strdup(error->message) : NULL;
}

static void
test_booting_from_a_volume_is_no_local_disk(void)
{
    g_autoptr(Instance) instance = instance_new();
    DiskFacts facts = {.volume_pool_is_shared = true};
    g_assert_true(disk_plan_is_shared(instance, &facts));
    g_assert_cmpint(instance_disk_gib(instance), ==, 0);
    g_autofree char *refusal = refusal_of(instance, BLOCK_MIGRATION_YES, &facts);
    g_assert_true(g_str_has_prefix(refusal, "c1 is not on local storage: "));
    g_assert_null(refusal_of(instance, BLOCK_MIGRATION_NO, &facts));
    instance->image.root_hash = g_strdup("aa");
    g_assert_false(disk_plan_is_shared(instance, &facts));
    g_assert_null(refusal_of(instance, BLOCK_MIGRATION_AUTO, &facts));
    g_assert_null(refusal_of(instance, BLOCK_MIGRATION_YES, &facts));
    g_autofree char *local = refusal_of(instance, BLOCK_MIGRATION_NO, &facts);
    g_assert_true(g_str_has_prefix(local, "c1 is not on shared storage: "));
}

/* Each line is one disk. */
static const char *const same_uris[][5] = {
    {"nbd://10.0.0.9/x", "nbd://10.0.0.9:10809/x", "nbd://10.0.0.9/x/", "nbd://10.0.0.9:010809/x"},
    {"nbd://10.0.0.9/X"},
    {"nbd://10.0.0.9:10810/x"},
    {"nbd://Store.Example/", "nbd://store.example", "nbd://STORE.example:10809"},
    {"nbd://[::1]/a/b", "nbd://[::1]:10809/a/b/"},
    {"iscsi://h/iqn.2026-01.test:disk/1", "iscsi://H:3260/iqn.2026-01.TEST:disk/01"},
    {"iscsi://h/iqn.2026-01.test:disk/2"},
    {"iscsi://h:10809/iqn.2026-01.test:disk/1"},
};

static void
test_uris_of_one_disk_have_one_key(void)
{
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(same_uris); i++) {
        g_autofree char *key = volume_uri_key(same_uris[i][0]);
        g_assert_nonnull(key);
        for (unsigned j = 1; same_uris[i][j] != NULL; j++) {
            g_autofree char *other = volume_uri_key(same_uris[i][j]);
            g_assert_cmpstr(other, ==, key);
        }
        g_assert_true(g_hash_table_add(keys, g_steal_pointer(&key)));
    }
    g_assert_null(volume_uri_key("nbd://h:99999/x"));
    g_assert_null(volume_uri_key("nbd:///x"));
    g_assert_null(volume_uri_key("nbd://[::1/x"));
}

/* With the UUID of another domain it is somebody else's name. */
static void
test_throwaways_are_known_by_name_and_uuid(void)
{
    static const struct {
        const char *name;
        ThrowawayKind kind;
    } rows[] = {
        {"canary-1b", THROWAWAY_CANARY},
        {"courier-1b", THROWAWAY_COURIER},
        {"try-1b", THROWAWAY_TRIAL},
        {"canary-1c", THROWAWAY_NONE},
        {"canary-", THROWAWAY_NONE},
        {"1b", THROWAWAY_NONE},
        {"instance-00000001", THROWAWAY_NONE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(throwaway_kind(rows[i].name, "1b"), ==, rows[i].kind);
        if (rows[i].kind != THROWAWAY_NONE) {
            g_autofree char *name = throwaway_make_name(rows[i].kind, "1b");
            g_assert_cmpstr(name, ==, rows[i].name);
        }
    }
}

static void
put_host(HostIndex *index, const char *name)
{
    Host *host = host_new();
    host->name = g_strdup(name);
    host_index_put(index, host);
}

static void
put_canary(CanaryMap *map, const char *dest, const char *problem)
{
    Canary *canary = g_new0(Canary, 1);
    canary->dest_host = g_strdup(dest);
    canary->tried_us = 1;
    canary->error = g_strdup(problem);
    canary_map_put(map, canary);
}

/* "-+!": none was sent to the first host, the next got there, the third did not. */
static void
assert_ways(CanaryMap *map, const HostIndex *index, const char *expected)
{
    const CanaryPlace *places = canary_map_places(map, index);
    g_assert_cmpuint(host_index_size(index), ==, strlen(expected));
    for (unsigned i = 0; i < host_index_size(index); i++) {
        const Canary *canary = places[i].canary;
        g_assert_true((canary == NULL) == (expected[i] == '-'));
        g_assert_true((places[i].verdict == CANARY_VERDICT_SHUT) == (expected[i] == '!'));
        if (canary != NULL) {
            g_assert_cmpstr(canary->dest_host, ==, host_index_at(index, i)->host->name);
        }
    }
}

/* Whatever becomes of the index, and of another one. */
static void
test_canaries_are_where_their_hosts_are(void)
{
    g_autoptr(CanaryMap) map = canary_map_new();
    g_autoptr(HostIndex) index = host_index_new();
    put_canary(map, "c", NULL);
    put_canary(map, "gone", "no route");
    put_host(index, "b");
    put_host(index, "c");
    assert_ways(map, index, "-+");
    put_host(index, "a");
    assert_ways(map, index, "--+");
    put_canary(map, "b", "no route");
    assert_ways(map, index, "-!+");
    put_canary(map, "c", "no route");
    assert_ways(map, index, "-!!");
    host_index_remove(index, "a");
    assert_ways(map, index, "!!");
    g_autoptr(HostIndex) other = host_index_new();
    put_host(other, "c");
    put_host(other, "d");
    assert_ways(map, other, "!-");
    host_index_clear(other);
    g_assert_cmpuint(host_index_n_kinds(other), ==, 0); /* else they grow for ever */
    put_host(other, "d");
    put_host(other, "gone");
    assert_ways(map, other, "-!");
}

static void
test_post_copy_is_known_by_the_last_that_went_so(void)
{
    static const struct {
        bool post_copy;
        const char *problem;
        CanaryVerdict verdict;
    } rows[] = {
        {false, "Userfaultfd not available", CANARY_VERDICT_NONE},
        {true, NULL, CANARY_VERDICT_OPEN},
        {true, "no route to host", CANARY_VERDICT_DOUBTFUL},
        {true, "Userfaultfd not available", CANARY_VERDICT_SHUT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Canary canary = {.extra = {.post_copy = rows[i].post_copy}};
        canary.extra_error = (char *)rows[i].problem;
        g_assert_cmpint(canary_post_copy_verdict(&canary), ==, CANARY_VERDICT_NONE);
        canary.extra_us = 1;
        g_assert_cmpint(canary_post_copy_verdict(&canary), ==, rows[i].verdict);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/status", test_status_follows_vm_state_and_open_operation);
    g_test_add_func("/model/names", test_names_and_parsers_agree);
    g_test_add_func("/model/unknown-names", test_unknown_names_are_refused);
    g_test_add_func("/model/domain-name", test_domain_name);
    g_test_add_func("/model/host-is-up", test_host_is_up_by_its_last_sign_of_life);
    g_test_add_func("/model/identity-roles", test_identity_roles);
    g_test_add_func("/model/addresses", test_addresses);
    g_test_add_func("/model/copies", test_copies_stand_alone);
    g_test_add_func("/model/processors-are-shared-out", test_processors_are_shared_out);
    g_test_add_func(
        "/model/what-a-claim-says-of-processors", test_what_a_claim_says_of_processors);
    g_test_add_func("/model/new-records", test_new_records_know_nothing);
    g_test_add_func("/model/each-disk-is-decided", test_each_disk_is_decided);
    g_test_add_func("/model/booting-from-a-volume-is-no-local-disk",
        test_booting_from_a_volume_is_no_local_disk);
    g_test_add_func(
        "/model/canaries-are-where-their-hosts-are", test_canaries_are_where_their_hosts_are);
    g_test_add_func("/model/post-copy-is-known-by-the-last-that-went-so",
        test_post_copy_is_known_by_the_last_that_went_so);
    g_test_add_func("/model/uris-of-one-disk-have-one-key", test_uris_of_one_disk_have_one_key);
    g_test_add_func("/model/throwaways-are-known-by-name-and-uuid",
        test_throwaways_are_known_by_name_and_uuid);
    return g_test_run();
}
