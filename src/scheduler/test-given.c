/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What is remembered of hosts by what is left of them, against hosts that are looked at alone: the
 * same answers, the same rows, and the same is given. */
#include "scheduler/internal.h"

enum { HOSTS = 24, STEPS = 400, NOW_US = 1000000000 };

#define CELL_0 "cell id=0 memory=4096 cpus=0-3,8-11 cores=0,8/1,9/2,10/3,11"
#define CELL_1 "cell id=1 memory=4096 cpus=4-7,12-15 cores=4,12/5,13/6,14/7,15"

/* Alike but for one thing, each two of them. */
static const char *const topologies[] = {
    "sets of=3 dedicated=2-7,10-15 shared=0-1,8-9\n" CELL_0 " pages=2048:512\n" CELL_1
    " pages=2048:512\n",
    "sets of=3 dedicated=2-7,10-15 shared=0-1,8-9\n" CELL_0 " pages=2048:512:100\n" CELL_1
    " pages=2048:512\n",
    "sets of=3 dedicated=2-7,10-15 shared=0-1,8-9\n" CELL_0 " pages=2048:512/1048576:1\n" CELL_1
    " pages=2048:512\n",
    "sets of=3 dedicated=3-7,11-15 shared=0-1,8-9\n" CELL_0 " pages=2048:512\n" CELL_1
    " pages=2048:512\n",
    "sets of=1 dedicated=2-7,10-15\n" CELL_0 "\n" CELL_1 "\n",
    "sets of=1 dedicated=2-7,10-15\n" CELL_0 "\n",
    CELL_0 "\n" CELL_1 "\n",
    NULL,
};

#define CARD                                                                                       \
    "0000:81:00.0 8086 10fb type-PF 0 30 -\n"                                                      \
    "0000:81:10.0 8086 10ed type-VF 0 31 0000:81:00.0\n"                                           \
    "0000:81:10.2 8086 10ed type-VF 0 32 0000:81:00.0"

static const char *const devices[] = {
    "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n0000:3c:00.0 10de 2236 type-PCI 1 2 -\n" CARD,
    "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n0000:3c:00.0 10de 2236 type-PCI 1 1 -\n" CARD,
    "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n" CARD,
    CARD,
    NULL,
};

static const char ALIASES[] =
    "{\"name\": \"gpu\", \"vendor_id\": \"10de\"}\n"
    "{\"name\": \"nic\", \"product_id\": \"10ed\", \"device_type\": \"type-VF\"}\n"
    "{\"name\": \"card\", \"product_id\": \"10fb\", \"device_type\": \"type-PF\"}";

/* Of each several, so that requests differ in one thing as well. */
static const char *const policies[] = {"", "\"hw:cpu_policy\":\"dedicated\",",
    "\"hw:cpu_policy\":\"dedicated\",\"hw:cpu_thread_policy\":\"isolate\",",
    "\"hw:cpu_policy\":\"dedicated\",\"hw:cpu_thread_policy\":\"require\","};
static const char *const cells[] = {"", "\"hw:numa_nodes\":\"1\",", "\"hw:numa_nodes\":\"2\","};
static const char *const pages[] = {"", "\"hw:mem_page_size\":\"large\",",
    "\"hw:mem_page_size\":\"2MB\",", "\"hw:mem_page_size\":\"any\","};
static const char *const wishes[] = {"", "gpu:1", "gpu:2", "nic:1", "gpu:1,nic:1", "card:1"};

static const PlacementCheck checks[] = {PLACEMENT_CHECK_DEDICATED_CPUS,
    PLACEMENT_CHECK_HUGE_PAGES, PLACEMENT_CHECK_NUMA, PLACEMENT_CHECK_PCI_DEVICES};

/* What a host is, beside the index that is to know it. */
typedef struct Truth {
    char name[8];
    const char *topology;
    const char *devices;
    GPtrArray *topologies; /* that guests were given, a line each */
    GPtrArray *given;      /* of devices, likewise */
} Truth;

typedef struct World {
    GRand *random;
    Truth hosts[HOSTS];
    HostIndex *index; /* changed in place, as droverd's is */
    PlacementPolicy policy;
    char *specs;
    int n_fit; /* so that both answers are met */
    int n_not;
} World;

static unsigned
draw(World *world, size_t n)
{
    return (unsigned)g_rand_int_range(world->random, 0, (int)n);
}
#define DRAW(world, list) list[draw(world, G_N_ELEMENTS(list))]

static Host *
make_host(const Truth *truth)
{
    Host *host = host_new();
    host->name = g_strdup(truth->name);
    host->connected = host->has_facts = true;
    host->last_seen_us = NOW_US;
    host->facts = (HostFacts){.vcpus = 1000,
        .memory_mib = 1 << 20,
        .memory_free_mib = 1 << 20,
        .pool_capacity_bytes = INT64_C(1) << 40,
        .pool_available_bytes = INT64_C(1) << 40,
        .topology = g_strdup(truth->topology),
        .pci_devices = g_strdup(truth->devices)};
    return host;
}

static HostUsage *
make_usage(const Truth *truth)
{
    HostUsage *usage = g_new0(HostUsage, 1);
    for (unsigned i = 0; i < truth->topologies->len; i++) {
        host_usage_add_topology(usage, 1, truth->topologies->pdata[i]);
    }
    for (unsigned i = 0; i < truth->given->len; i++) {
        host_usage_add_devices(usage, truth->given->pdata[i]);
    }
    return usage;
}

/* Of that host alone, which nobody has looked at. */
static HostIndex *
index_of_one(const Truth *truth)
{
    HostIndex *index = host_index_new();
    HostUsage *usage = make_usage(truth);
    host_entry_set_usage(host_index_put(index, make_host(truth)), usage);
    host_usage_free(usage);
    return index;
}

static void
change_facts(World *world, Truth *truth)
{
    truth->topology = DRAW(world, topologies);
    truth->devices = DRAW(world, devices);
    host_index_put(world->index, make_host(truth));
}

/* One that ends, and the host is read anew. */
static void
drop_claim(World *world, Truth *truth)
{
    GPtrArray *lines = draw(world, 2) == 0 ? truth->topologies : truth->given;
    if (lines->len > 0) {
        g_ptr_array_remove_index(lines, draw(world, lines->len));
    }
    HostUsage *usage = make_usage(truth);
    host_entry_set_usage(host_index_find(world->index, truth->name), usage);
    host_usage_free(usage);
}

static void
keep_claim(World *world, Truth *truth, char *take_topology, char *take_devices)
{
    HostUsage *usage = &host_index_find(world->index, truth->name)->usage;
    host_usage_add_topology(usage, 1, take_topology);
    host_usage_add_devices(usage, take_devices);
    if (take_topology != NULL) {
        g_ptr_array_add(truth->topologies, take_topology);
    }
    if (take_devices != NULL) {
        g_ptr_array_add(truth->given, take_devices);
    }
}

static PlacementRequest
ask(World *world)
{
    g_free(world->specs);
    world->specs = g_strdup_printf("{%s%s%s\"pci_passthrough:alias\":\"%s\"}",
        DRAW(world, policies), DRAW(world, cells), DRAW(world, pages), DRAW(world, wishes));
    if (strstr(world->specs, "alias\":\"\"") != NULL) {
        memcpy(strstr(world->specs, "pci_passthrough"), "not", 3);
    }
    return (PlacementRequest){.policy = &world->policy,
        .vcpus = 2 << draw(world, 2),
        .ram_mib = 512 << draw(world, 3),
        .extra_specs_json = world->specs,
        .service_down_time_us = 1,
        .now_us = NOW_US};
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PlacementRow, row_clear)

static void
compare_check(const Subject *known, const Subject *fresh, PlacementCheck check)
{
    g_auto(PlacementRow) row = {0};
    g_auto(PlacementRow) expected = {0};
    PlacementResult result = placement_check(fresh, check, &expected);
    g_assert_cmpint(placement_check_function(check)(known, NULL), ==, result);
    g_assert_cmpint(placement_check(known, check, &row), ==, result);
    g_assert_cmpstr(row.needed, ==, expected.needed);
    g_assert_cmpstr(row.have, ==, expected.have);
    g_assert_cmpstr(row.fix, ==, expected.fix);
}

/* Now and then the guest stays there. */
static void
compare_host(World *world, const Look *look, Truth *truth, const PlacementRequest *request)
{
    g_autoptr(HostIndex) alone = index_of_one(truth);
    g_auto(Look) fresh_look = {0};
    look_init(&fresh_look, request, alone);
    Subject fresh = look_subject(&fresh_look, 0);
    Subject known = look_subject(look, (unsigned)(truth - world->hosts));
    g_assert_cmpstr(known.host->name, ==, truth->name);
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        compare_check(&known, &fresh, checks[i]);
    }
    PlacementCheck failed = look_first_failure(&fresh_look, &fresh);
    g_assert_cmpint(look_first_failure(look, &known), ==, failed);
    if (failed != PLACEMENT_N_CHECKS) {
        world->n_not++;
        return;
    }
    world->n_fit++;
    g_autofree char *topology = subject_give_topology(&fresh);
    g_autofree char *given = subject_give_devices(&fresh);
    g_autofree char *known_topology = subject_give_topology(&known);
    g_autofree char *known_given = subject_give_devices(&known);
    g_assert_cmpstr(known_topology, ==, topology);
    g_assert_cmpstr(known_given, ==, given);
    if (draw(world, HOSTS) == 0) {
        keep_claim(world, truth, g_steal_pointer(&topology), g_steal_pointer(&given));
    }
}

static void
step(World *world)
{
    PlacementRequest request = ask(world);
    g_auto(Look) look = {0};
    look_init(&look, &request, world->index);
    for (int i = 0; i < HOSTS; i++) {
        compare_host(world, &look, &world->hosts[i], &request);
    }
}

static void
test_what_is_remembered_is_what_is_seen(void)
{
    World world = {.random = g_rand_new_with_seed(7),
        .index = host_index_new(),
        .policy = {.cpu_allocation_ratio = 16,
            .ram_allocation_ratio = 1,
            .disk_allocation_ratio = 1,
            .pci_aliases = ALIASES}};
    for (int i = 0; i < HOSTS; i++) {
        Truth *truth = &world.hosts[i];
        g_snprintf(truth->name, sizeof truth->name, "host%02d", i);
        truth->topologies = g_ptr_array_new_with_free_func(g_free);
        truth->given = g_ptr_array_new_with_free_func(g_free);
        change_facts(&world, truth);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&world);
        drop_claim(&world, &DRAW(&world, world.hosts));
        if (i % 10 == 9) {
            change_facts(&world, &DRAW(&world, world.hosts));
        }
    }
    g_assert_cmpint(world.n_fit, >, STEPS);
    g_assert_cmpint(world.n_not, >, STEPS);
    for (int i = 0; i < HOSTS; i++) {
        g_ptr_array_unref(world.hosts[i].topologies);
        g_ptr_array_unref(world.hosts[i].given);
    }
    host_index_free(world.index);
    g_free(world.specs);
    g_rand_free(world.random);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/given/what-is-remembered-is-what-is-seen", test_what_is_remembered_is_what_is_seen);
    return g_test_run();
}
