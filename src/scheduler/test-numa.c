/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What guests are bound to: processors of their own, cells, pages. */
#include "scheduler/scheduler.h"
#include <string.h>

static const int64_t NOW_US = INT64_C(1000000000);

/* Two cells of two cores with two threads; 4 GiB each, of which 1 GiB is in pages of 2 MiB. */
#define CELLS                                                                                      \
    "cell id=0 memory=4096 cpus=0-3 cores=0-1/2-3 pages=2048:512\n"                                \
    "cell id=1 memory=4096 cpus=4-7 cores=4-5/6-7 pages=2048:512\n"

static GuestTopology *
fit(const char *specs, int vcpus, int64_t ram_mib, const char *host, const char *taken)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HostTopology) topology = host_topology_parse(host);
    g_autoptr(GPtrArray) rooms = cell_rooms_new(topology, taken);
    NumaRequest request;
    numa_request_read(specs, vcpus, ram_mib, &request, &error);
    g_assert_no_error(error);
    return numa_fit(&request, vcpus, ram_mib, topology, rooms);
}

static void
assert_fit(const char *specs, int vcpus, const char *host, const char *taken, const char *wanted)
{
    g_autoptr(GuestTopology) guest = fit(specs, vcpus, 512, host, taken);
    g_autofree char *text = guest != NULL ? guest_topology_text(guest) : NULL;
    g_assert_cmpstr(text, ==, wanted);
}

#define DEDICATED "\"hw:cpu_policy\":\"dedicated\""

static void
test_texts_are_read_as_they_were_written(void)
{
    static const char host[] = "sets of=3 dedicated=2-7 shared=0-1\n" CELLS
                               "cell id=2 memory=64 cpus=8 pages=2048:8:3/1048576:1\n";
    static const char guest[] = "guest cells=1 binds=1 page=2048 emulator=0-1 blocked=3"
                                ";cell host=0 vcpus=1 memory=256 pins=2"
                                ";cell host=1 vcpus=1 memory=256 floats=4-5";
    g_autoptr(HostTopology) read = host_topology_parse(host);
    g_autofree char *again = host_topology_text(read);
    g_assert_cmpstr(again, ==, host);
    g_autoptr(GuestTopology) given = guest_topology_parse(guest);
    g_autofree char *same = guest_topology_text(given);
    g_assert_cmpstr(same, ==, guest);
    g_assert_null(host_topology_parse(NULL));
    g_assert_null(guest_topology_parse("cell host=0"));
}

static void
test_lists_of_processors(void)
{
    CpuSet set;
    g_assert_true(cpu_set_parse("0-3,^2, 8,66,127-128,1023", &set));
    g_autofree char *text = cpu_set_text(&set);
    g_assert_cmpstr(text, ==, "0-1,3,8,66,127-128,1023");
    g_assert_cmpint(cpu_set_count(&set), ==, 8);
    g_assert_cmpint(cpu_set_next(&set, 9), ==, 66);
    g_assert_cmpint(cpu_set_next(&set, 129), ==, 1023);
    g_assert_cmpint(cpu_set_next(&set, CPU_SET_MAX), ==, -1);
    static const char *const bad[] = {"", "a", "3-1", "1-", "-1", "1024", "0,,1", "1;2"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(cpu_set_parse(bad[i], &set));
    }
}

static void
test_a_pinned_guest_gets_processors_that_nobody_has(void)
{
    static const char host[] = "sets of=1 dedicated=2-7\n" CELLS;
    assert_fit("{" DEDICATED "}", 2, host, NULL,
        "guest cells=0 binds=1 page=0 emulator=2-3;cell host=0 vcpus=2 memory=512 pins=2/3");
    assert_fit("{" DEDICATED "}", 2, host,
        "guest cells=0 binds=1 page=0;cell host=0 vcpus=1 memory=512 pins=3",
        "guest cells=0 binds=1 page=0 emulator=4-5;cell host=1 vcpus=2 memory=512 pins=4/5");
    /* One cell has to be enough, unless it asks for more. */
    assert_fit("{" DEDICATED "}", 6, host, NULL, NULL);
    assert_fit("{" DEDICATED ",\"hw:numa_nodes\":\"2\"}", 4, host, NULL,
        "guest cells=1 binds=1 page=0 emulator=2-5;cell host=0 vcpus=2 memory=256 pins=2/3"
        ";cell host=1 vcpus=2 memory=256 pins=4/5");
    assert_fit("{" DEDICATED "}", 1, CELLS, NULL, NULL); /* no processor is for pinned guests */
}

static void
test_threads_of_a_core(void)
{
    static const char host[] = "sets of=3 dedicated=1-7 shared=0\n" CELLS;
    /* Whole cores first; 1 shares its core with one that floats. */
    assert_fit("{" DEDICATED "}", 3, host, NULL,
        "guest cells=0 binds=1 page=0 emulator=1-3;cell host=0 vcpus=3 memory=512 pins=2/3/1");
    assert_fit("{" DEDICATED ",\"hw:cpu_thread_policy\":\"isolate\"}", 2, host, NULL,
        "guest cells=0 binds=1 page=0 emulator=4,6 blocked=5,7"
        ";cell host=1 vcpus=2 memory=512 pins=4/6");
    assert_fit("{" DEDICATED ",\"hw:cpu_thread_policy\":\"require\"}", 3, host, NULL,
        "guest cells=0 binds=1 page=0 emulator=4-6;cell host=1 vcpus=3 memory=512 pins=4/5/6");
    /* What is left idle for one guest is nobody else's. */
    assert_fit("{" DEDICATED "}", 3, host,
        "guest cells=0 binds=1 page=0 blocked=5,7;cell host=1 vcpus=2 memory=512 pins=4/6"
        "\nguest cells=0 binds=1 page=0;cell host=0 vcpus=1 memory=1 pins=1",
        NULL);
    assert_fit("{" DEDICATED ",\"hw:emulator_threads_policy\":\"share\"}", 1, host, NULL,
        "guest cells=0 binds=1 page=0 emulator=0;cell host=0 vcpus=1 memory=512 pins=2");
}

static void
test_pages_are_counted_for_each_cell(void)
{
    static const char taken[] = "guest cells=1 binds=1 page=2048"
                                ";cell host=0 vcpus=1 memory=514 floats=0-3";
    assert_fit("{\"hw:mem_page_size\":\"2MB\"}", 1, CELLS, NULL,
        "guest cells=1 binds=1 page=2048;cell host=0 vcpus=1 memory=512 floats=0-3");
    assert_fit("{\"hw:mem_page_size\":\"large\"}", 1, CELLS, taken,
        "guest cells=1 binds=1 page=2048;cell host=1 vcpus=1 memory=512 floats=4-7");
    assert_fit("{\"hw:mem_page_size\":\"4MB\"}", 1,
        "cell id=0 memory=4096 cpus=0 pages=2048:512\n", NULL, NULL);
    assert_fit("{\"hw:mem_page_size\":\"any\"}", 1, "cell id=0 memory=600 cpus=0\n", NULL,
        "guest cells=1 binds=1 page=0;cell host=0 vcpus=1 memory=512 floats=0");
    /* What somebody else has of them is not there; nor is it ordinary memory. */
    assert_fit("{\"hw:mem_page_size\":\"2MB\"}", 1,
        "cell id=0 memory=4096 cpus=0 pages=2048:512:257\n", NULL, NULL);
    assert_fit("{\"hw:mem_page_size\":\"2MB\"}", 1,
        "cell id=0 memory=4096 cpus=0 pages=2048:512:256\n", NULL,
        "guest cells=1 binds=1 page=2048;cell host=0 vcpus=1 memory=512 floats=0");
    assert_fit("{\"hw:numa_nodes\":\"1\"}", 1, "cell id=0 memory=1024 cpus=0 pages=2048:300:300\n",
        NULL, NULL);
    /* What is reserved in large pages is none of the ordinary memory. */
    assert_fit("{\"hw:numa_nodes\":\"1\"}", 1, "cell id=0 memory=1024 cpus=0 pages=2048:300\n",
        NULL, NULL);
}

/* A host tells of pages in use; what its guests are known to have is taken off. */
static void
test_pages_of_guests_are_not_foreign(void)
{
    g_autoptr(HostTopology) host = host_topology_parse(
        "cell id=0 memory=4096 cpus=0 pages=2048:512:300/1048576:2:2\n"
        "cell id=1 memory=4096 cpus=1 pages=2048:512:40\n");
    static const char *const running[] = {
        "guest cells=1 binds=1 page=2048;cell host=0 vcpus=1 memory=512"
        ";cell host=1 vcpus=1 memory=128",
        "guest cells=1 binds=1 page=1048576;cell host=0 vcpus=1 memory=1024",
        "guest cells=1 binds=1 page=0;cell host=0 vcpus=1 memory=88",
    };

    g_assert_true(host_topology_has_foreign_pages(host));
    for (size_t i = 0; i < G_N_ELEMENTS(running); i++) {
        g_autoptr(GuestTopology) guest = guest_topology_parse(running[i]);
        host_topology_own_pages(host, guest);
    }
    g_autofree char *text = host_topology_text(host);
    g_assert_cmpstr(text, ==,
        "cell id=0 memory=4096 cpus=0 pages=2048:512:44/1048576:2:1\n"
        "cell id=1 memory=4096 cpus=1 pages=2048:512\n");
    g_autoptr(HostTopology) none = host_topology_parse(CELLS);
    g_assert_false(host_topology_has_foreign_pages(none));
}

static void
test_who_is_not_pinned_floats_over_what_is_shared(void)
{
    assert_fit("{}", 2, CELLS, NULL, NULL);
    assert_fit("{}", 2, "sets of=3 dedicated=4-7 shared=0-1\n" CELLS, NULL,
        "guest cells=0 binds=0 page=0;cell host=-1 vcpus=2 memory=0 floats=0-1");
}

typedef struct Refusal {
    const char *name;
    const char *specs;
    const char *part;
} Refusal;

static const Refusal refusals[] = {
    {"policy", "{\"hw:cpu_policy\":\"mixed\"}", "must be shared or dedicated"},
    {"nodes", "{\"hw:numa_nodes\":\"0\"}", "must be a number from 1 to 64"},
    {"uneven", "{\"hw:numa_nodes\":\"3\"}", "does not divide 4 vCPUs"},
    {"asymmetric", "{\"hw:numa_cpus.0\":\"1\"}", "spread evenly"},
    {"mask", "{\"hw:cpu_dedicated_mask\":\"0\"}", "take it out of the flavor"},
    {"pages", "{\"hw:mem_page_size\":\"huge\"}", "must be small, large, any or a size"},
    {"uneven-pages", "{\"hw:mem_page_size\":\"1GB\"}", "no whole number of pages"},
    {"threads", "{\"hw:cpu_thread_policy\":\"prefer\"}", "needs hw:cpu_policy = dedicated"},
    {"emulator", "{\"hw:emulator_threads_policy\":\"isolate\"}", "isolate is not done here"},
    {"realtime", "{\"hw:cpu_realtime\":\"yes\"}", "no realtime processors"},
};

static void
test_refusal(const void *data)
{
    const Refusal *row = data;
    g_autoptr(GError) error = NULL;
    NumaRequest request;
    g_assert_false(numa_request_read(row->specs, 4, 512, &request, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    g_assert_nonnull(strstr(error->message, row->part));
}

/* ---- the rows ---- */

static Host *
make_host(const char *topology)
{
    Host *host = host_new();
    host->name = g_strdup("hosta");
    host->connected = host->has_facts = true;
    host->last_seen_us = NOW_US;
    host->facts = (HostFacts){.vcpus = 8,
        .memory_mib = 8192,
        .memory_free_mib = 8192,
        .pool_capacity_bytes = INT64_C(1) << 40,
        .pool_available_bytes = INT64_C(1) << 40,
        .topology = g_strdup(topology)};
    return host;
}

typedef struct Row {
    const char *name;
    const char *specs;
    const char *topology;
    const char *taken;
    bool is_live;
    PlacementCheck check;
    const char *needed;
    const char *have;
    const char *fix; /* NULL: it passes */
} Row;

#define ONE_TAKEN "guest cells=0 binds=1 page=0;cell host=0 vcpus=1 memory=512 pins=2"

static const Row rows[] = {
    {"dedicated-cpus-are-taken", "{" DEDICATED "}", "sets of=1 dedicated=2-3\n" CELLS, ONE_TAKEN,
        false, PLACEMENT_CHECK_DEDICATED_CPUS, "2 dedicated CPUs", "1 free of 2-3 (3)",
        "move a pinned instance away"},
    {"no-dedicated-cpus", "{" DEDICATED "}", CELLS, NULL, false, PLACEMENT_CHECK_DEDICATED_CPUS,
        "2 dedicated CPUs", "no cpu_dedicated_set", "set [compute] cpu_dedicated_set"},
    {"dedicated-cpus-are-free", "{" DEDICATED "}", "sets of=1 dedicated=2-5\n" CELLS, ONE_TAKEN,
        false, PLACEMENT_CHECK_DEDICATED_CPUS, "2 dedicated CPUs", "3 free of 2-5 (3-5)", NULL},
    {"not-in-one-cell", "{" DEDICATED "}", "sets of=1 dedicated=2-4\n" CELLS, ONE_TAKEN, false,
        PLACEMENT_CHECK_NUMA, "1 cell, each with 2 dedicated CPUs and 512 MiB",
        "cell 0: 1 CPUs, 2560 MiB, 512 pages of 2048 KiB; cell 1: 1 CPUs, 3072 MiB, 512 pages of "
        "2048 KiB",
        "free room in one of its cells"},
    {"no-dedicated-cpus-in-a-cell", "{" DEDICATED "}", CELLS, NULL, false, PLACEMENT_CHECK_NUMA,
        "1 cell, each with 2 dedicated CPUs and 512 MiB",
        "cell 0: 0 CPUs, 3072 MiB, 512 pages of 2048 KiB; cell 1: 0 CPUs, 3072 MiB, 512 pages of "
        "2048 KiB",
        "set [compute] cpu_dedicated_set"},
    {"no-floating-cpus-in-a-cell", "{\"hw:numa_nodes\":\"1\"}",
        "sets of=1 dedicated=2-7\n" CELLS, NULL, false, PLACEMENT_CHECK_NUMA,
        "1 cell, each with 2 CPUs and 512 MiB",
        "cell 0: 0 CPUs, 3072 MiB, 512 pages of 2048 KiB; cell 1: 0 CPUs, 3072 MiB, 512 pages of "
        "2048 KiB",
        "set [compute] cpu_shared_set"},
    {"no-huge-pages", "{\"hw:mem_page_size\":\"2048\"}", "cell id=0 memory=4096 cpus=0-3\n", NULL,
        false, PLACEMENT_CHECK_HUGE_PAGES, "512 MiB in pages of 2048 KiB", "0 MiB of them free",
        "vm.nr_hugepages"},
    {"pages-of-others", "{\"hw:mem_page_size\":\"large\"}",
        "cell id=0 memory=4096 cpus=0-3 pages=2048:512:300\n", NULL, false,
        PLACEMENT_CHECK_HUGE_PAGES, "512 MiB in huge pages",
        "424 MiB of them free, 600 MiB in use by others", "vm.nr_hugepages"},
    {"cells-not-told", "{\"hw:numa_nodes\":\"2\"}", NULL, NULL, false, PLACEMENT_CHECK_NUMA,
        "2 cells, each with 1 CPUs and 256 MiB", "its libvirt tells of none", "use a host whose"},
    {"filters", "{" DEDICATED "}", "sets of=1 dedicated=2-7\n" CELLS, NULL, true,
        PLACEMENT_CHECK_NUMA_FILTERS,
        "NUMATopologyFilter and AggregateInstanceExtraSpecsFilter enabled", "neither is enabled",
        "enabled_filters, or move it cold"},
    {"filters-cold", "{" DEDICATED "}", "sets of=1 dedicated=2-7\n" CELLS, NULL, false,
        PLACEMENT_CHECK_NUMA_FILTERS, "none", "neither is enabled", NULL},
    {"filters-floating", "{}", CELLS, NULL, true, PLACEMENT_CHECK_NUMA_FILTERS, "none",
        "neither is enabled", NULL},
};

static void
test_row(const void *data)
{
    const Row *row = data;
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    g_autoptr(GHashTable) usage = g_hash_table_new(g_str_hash, g_str_equal);
    HostUsage used = {.topologies = (char *)row->taken};
    PlacementPolicy policy = {
        .cpu_allocation_ratio = 1, .ram_allocation_ratio = 1, .disk_allocation_ratio = 1};
    char *names[] = {"ComputeFilter", NULL};
    PlacementRequest request = {.policy = &policy,
        .vcpus = 2,
        .ram_mib = 512,
        .extra_specs_json = row->specs,
        .is_live = row->is_live,
        .service_down_time_us = 1,
        .now_us = NOW_US};
    g_assert_true(
        placement_read_filters(names, &policy.filters_off, NULL, NULL));
    g_ptr_array_add(hosts, make_host(row->topology));
    g_hash_table_insert(usage, (void *)"hosta", &used);

    g_autoptr(HostIndex) index = host_index_of(hosts, usage);
    g_autoptr(Placement) told = scheduler_explain(&request, index);
    const PlacementRow *found = &told->hosts[0].rows[row->check];
    g_assert_cmpstr(found->needed, ==, row->needed);
    g_assert_cmpstr(found->have, ==, row->have);
    g_assert_cmpint(found->result, ==, row->fix != NULL ? PLACEMENT_FAIL : PLACEMENT_PASS);
    g_assert_true(row->fix == NULL || strstr(found->fix, row->fix) != NULL);
    g_assert_true((told->hosts[0].rank == 0) == (row->fix != NULL));
}

/* The same host again and again, with what was given so far taken: no processor is given twice. */
static void
test_the_choice_gives_what_is_to_be_claimed(void)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    g_autoptr(GString) taken = g_string_new(NULL);
    CpuSet all = {0};
    PlacementPolicy policy = {
        .cpu_allocation_ratio = 1, .ram_allocation_ratio = 1, .disk_allocation_ratio = 1};
    PlacementRequest request = {.policy = &policy,
        .vcpus = 2,
        .ram_mib = 512,
        .extra_specs_json = "{" DEDICATED "}",
        .service_down_time_us = 1,
        .now_us = NOW_US};
    g_ptr_array_add(hosts, make_host("sets of=1 dedicated=2-7\n" CELLS));
    for (int i = 0; i < 4; i++) {
        g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
        g_autoptr(GHashTable) usage = g_hash_table_new(g_str_hash, g_str_equal);
        HostUsage used = {.topologies = taken->str};
        g_hash_table_insert(usage, (void *)"hosta", &used);
        g_autoptr(HostIndex) index = host_index_of(hosts, usage);
        g_autoptr(GError) error = NULL;
        const char *chosen = scheduler_choose(&request, index, decision, &error);
        if (i == 3) {
            g_assert_true(error_is(error, ERROR_NO_VALID_HOST));
            g_assert_nonnull(strstr(error->message, "1 failed 'dedicated-cpus' (hosta: "));
            g_assert_null(decision->topology);
            break;
        }
        g_assert_cmpstr(chosen, ==, "hosta");
        g_autoptr(GuestTopology) given = guest_topology_parse(decision->topology);
        CpuSet own = guest_topology_taken(given);
        CpuSet twice = cpu_set_both(&all, &own);
        g_assert_true(cpu_set_is_empty(&twice));
        g_assert_cmpint(cpu_set_count(&own), ==, 2);
        all = cpu_set_either(&all, &own);
        g_string_append_printf(taken, "\n%s", decision->topology);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/numa/texts-are-read-as-they-were-written", test_texts_are_read_as_they_were_written);
    g_test_add_func("/numa/lists-of-processors", test_lists_of_processors);
    g_test_add_func("/numa/a-pinned-guest-gets-processors-that-nobody-has",
        test_a_pinned_guest_gets_processors_that_nobody_has);
    g_test_add_func("/numa/threads-of-a-core", test_threads_of_a_core);
    g_test_add_func(
        "/numa/pages-are-counted-for-each-cell", test_pages_are_counted_for_each_cell);
    g_test_add_func(
        "/numa/pages-of-guests-are-not-foreign", test_pages_of_guests_are_not_foreign);
    g_test_add_func("/numa/who-is-not-pinned-floats-over-what-is-shared",
        test_who_is_not_pinned_floats_over_what_is_shared);
    g_test_add_func("/numa/the-choice-gives-what-is-to-be-claimed",
        test_the_choice_gives_what_is_to_be_claimed);
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/numa/refused/%s", refusals[i].name);
        g_test_add_data_func(path, &refusals[i], test_refusal);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/numa/row/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    return g_test_run();
}
