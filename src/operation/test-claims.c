/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The store's claims with the scheduler's choice, many at once: what is the last of its kind goes
 * to one of them alone. */
#include "model/topology.h"
#include "scheduler/scheduler.h"
#include "store/test-support.h"

#include <string.h>

#define CELL "cell id=0 memory=65536 cpus=0-7 pages=2048:768\n"

enum { N_RACERS = 8, N_FIT = 3 };

typedef struct Race {
    Fixture *fixture;
    PlacementPolicy policy;
    const char *extra_specs;
    GMutex lock;
    GPtrArray *winners; /* char *: "<topology>|<devices>" of each claim; under lock */
    int n_lost;         /* the same */
} Race;

typedef struct Choice {
    const Race *race;
    const Instance *instance;
} Choice;

static const char *
choose(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const Choice *choice = data;
    PlacementRequest request = placement_request(
        &choice->race->policy, choice->instance, 60 * G_USEC_PER_SEC, test_now_us);

    return scheduler_choose(&request, hosts, decision, error);
}

static char *
read_claim(const Race *race, const Instance *vm, int64_t operation)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GuestTopology) topology = NULL;
    g_autofree char *devices = NULL;

    store_find_topology(race->fixture->store, vm->id, operation, &topology, &error);
    g_assert_no_error(error);
    store_find_devices(race->fixture->store, vm->id, operation, &devices, &error);
    g_assert_no_error(error);
    g_autofree char *text = topology != NULL ? guest_topology_text(topology) : g_strdup("");
    return g_strconcat(text, "|", devices, NULL);
}

static void *
race_to_claim(void *data)
{
    Race *race = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = test_instance(race->fixture, "vm");
    g_autofree char *host = NULL;
    const Operation operation = {.id = vm->open_operation, .kind = OPERATION_CREATE};
    Choice choice = {race, vm};

    g_free(vm->flavor.extra_specs_json);
    vm->flavor.extra_specs_json = g_strdup(race->extra_specs);
    bool won = store_claim(race->fixture->store, &operation, vm, choose, &choice, &host, &error);
    g_assert_true(won || error_is(error, ERROR_NO_VALID_HOST));
    g_mutex_lock(&race->lock);
    if (won) {
        g_ptr_array_add(race->winners, read_claim(race, vm, operation.id));
    } else {
        race->n_lost++;
    }
    g_mutex_unlock(&race->lock);
    return NULL;
}

/* One host with room for three of them in everything that is named. */
static void
make_host(Fixture *fixture, const char *topology, int64_t free_mib)
{
    g_autoptr(GError) error = NULL;
    const HostFacts facts = {.hypervisor_type = (char *)"QEMU",
        .cpu_json = (char *)"{}",
        .vcpus = 64,
        .memory_mib = 65536,
        .memory_free_mib = free_mib,
        .pool_capacity_bytes = INT64_C(1) << 44,
        .pool_available_bytes = INT64_C(1) << 44,
        .topology = (char *)topology,
        .pci_devices = (char *)"0000:3b:00.0 10de 2236 type-PCI 0 1 -\n"
                               "0000:3b:01.0 10de 2236 type-PCI 0 2 -\n"
                               "0000:3b:02.0 10de 2236 type-PCI 0 3 -"};

    test_host(fixture, "hosta");
    store_set_host_facts(fixture->store, "hosta", &facts, &error);
    g_assert_no_error(error);
    store_set_host_connection(fixture->store, "hosta", true, NULL, test_now_us, &error);
    g_assert_no_error(error);
}

static void
run(Fixture *fixture, const char *topology, int64_t free_mib, const char *extra_specs, Race *race)
{
    g_autoptr(GPtrArray) threads = g_ptr_array_new();

    make_host(fixture, topology, free_mib);
    *race = (Race){.fixture = fixture,
        .policy = {.cpu_allocation_ratio = 16,
            .ram_allocation_ratio = 1.5,
            .disk_allocation_ratio = 1,
            .pci_aliases = "{\"name\": \"gpu\"}"},
        .extra_specs = extra_specs,
        .winners = g_ptr_array_new_with_free_func(g_free)};
    g_mutex_init(&race->lock);
    for (int i = 0; i < N_RACERS; i++) {
        g_ptr_array_add(threads, g_thread_new("racer", race_to_claim, race));
    }
    for (int i = 0; i < N_RACERS; i++) {
        g_thread_join(threads->pdata[i]);
    }
    g_mutex_clear(&race->lock);
    g_assert_cmpuint(race->winners->len, ==, N_FIT);
    g_assert_cmpint(race->n_lost, ==, N_RACERS - N_FIT);
}

static void
test_no_device_is_given_twice(Fixture *fixture, const void *data)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Race race;

    run(fixture, CELL, 65536, "{\"pci_passthrough:alias\": \"gpu:1\"}", &race);
    for (unsigned i = 0; i < race.winners->len; i++) {
        const char *devices = strchr(race.winners->pdata[i], '|') + 1;
        g_assert_true(g_str_has_suffix(devices, "=gpu"));
        g_assert_true(g_hash_table_add(seen, g_strdup(devices)));
    }
    g_ptr_array_unref(race.winners);
}

static void
test_no_processor_is_given_twice(Fixture *fixture, const void *data)
{
    CpuSet all = {0};
    Race race;

    run(fixture, "sets of=1 dedicated=2-4\n" CELL, 65536,
        "{\"hw:cpu_policy\": \"dedicated\"}", &race);
    for (unsigned i = 0; i < race.winners->len; i++) {
        *strchr(race.winners->pdata[i], '|') = '\0';
        g_autoptr(GuestTopology) given = guest_topology_parse(race.winners->pdata[i]);
        CpuSet own = guest_topology_taken(given);
        CpuSet twice = cpu_set_both(&all, &own);
        g_assert_cmpint(cpu_set_count(&own), ==, 1);
        g_assert_true(cpu_set_is_empty(&twice));
        all = cpu_set_either(&all, &own);
    }
    g_ptr_array_unref(race.winners);
}

/* 512 MiB each, of 1,536 MiB in such pages, which lie in one cell. */
static void
test_no_page_is_given_twice(Fixture *fixture, const void *data)
{
    Race race;

    run(fixture, CELL, 65536,
        "{\"hw:numa_nodes\": \"1\", \"hw:mem_page_size\": \"2MB\"}", &race);
    g_ptr_array_unref(race.winners);
}

/* Of 64 GiB so much is really free, and nothing of it changes while they are on their way. */
static void
test_no_free_memory_is_given_twice(Fixture *fixture, const void *data)
{
    Race race;

    run(fixture, CELL, N_FIT * 512 + 511, NULL, &race);
    g_ptr_array_unref(race.winners);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/operation/claims/no-device-is-given-twice", Fixture, NULL, fixture_set_up,
        test_no_device_is_given_twice, fixture_tear_down);
    g_test_add("/operation/claims/no-processor-is-given-twice", Fixture, NULL, fixture_set_up,
        test_no_processor_is_given_twice, fixture_tear_down);
    g_test_add("/operation/claims/no-page-is-given-twice", Fixture, NULL, fixture_set_up,
        test_no_page_is_given_twice, fixture_tear_down);
    g_test_add("/operation/claims/no-free-memory-is-given-twice", Fixture, NULL, fixture_set_up,
        test_no_free_memory_is_given_twice, fixture_tear_down);
    return g_test_run();
}
