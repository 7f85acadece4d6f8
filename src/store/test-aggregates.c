/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/test-support.h"

static int64_t
make(Fixture *fixture, const char *name, const char *zone)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Aggregate) aggregate = aggregate_new();

    aggregate->name = g_strdup(name);
    if (zone != NULL) {
        g_ptr_array_add(aggregate->metadata, aggregate_property_new(AGGREGATE_ZONE, zone));
    }
    store_insert_aggregate(fixture->store, aggregate, &error);
    g_assert_no_error(error);
    return aggregate->id;
}

static void
set(Fixture *fixture, int64_t id, const char *key, const char *value, GError **error)
{
    g_autoptr(GPtrArray) changes =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);

    g_ptr_array_add(changes, aggregate_property_new(key, value));
    g_assert_true(store_update_aggregate(fixture->store, id, NULL, changes, error) ==
        (error == NULL || *error == NULL));
}

static void
add(Fixture *fixture, int64_t id, const char *host)
{
    g_autoptr(GError) error = NULL;

    store_add_aggregate_host(fixture->store, id, host, &error);
    g_assert_no_error(error);
}

#define assert_zone(fixture, name, expected)                                                       \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(Host) host_ = store_get_host((fixture)->store, name, NULL);                      \
        g_assert_cmpstr(host_->zone, ==, expected);                                                \
    }                                                                                              \
    G_STMT_END

#define assert_refused(call, code, text)                                                           \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(GError) error = NULL;                                                            \
        g_assert_false(call);                                                                      \
        g_assert_error(error, DROVER_ERROR, code);                                                 \
        g_assert_cmpstr(error->message, ==, text);                                                 \
    }                                                                                              \
    G_STMT_END

static void
test_hosts_have_the_zone_of_their_aggregate(Fixture *fixture, const void *data)
{
    test_host(fixture, "a");
    test_host(fixture, "b");
    assert_zone(fixture, "a", "nova");
    int64_t west = make(fixture, "rack", "west");
    add(fixture, west, "a");
    assert_zone(fixture, "a", "west");
    set(fixture, west, AGGREGATE_ZONE, "east", NULL);
    assert_zone(fixture, "a", "east");
    set(fixture, west, AGGREGATE_ZONE, NULL, NULL);
    assert_zone(fixture, "a", "nova");
    store_set_default_zone(fixture->store, "home");
    assert_zone(fixture, "a", "home");
    set(fixture, west, AGGREGATE_ZONE, "west", NULL);

    g_autoptr(GPtrArray) hosts = store_list_hosts(fixture->store, NULL);
    g_assert_cmpstr(((const Host *)hosts->pdata[0])->zone, ==, "west");
    g_assert_cmpstr(((const Host *)hosts->pdata[1])->zone, ==, "home");
    g_assert_null(((const Host *)hosts->pdata[1])->aggregates);
}

static void
test_a_host_is_in_one_zone(Fixture *fixture, const void *data)
{
    test_host(fixture, "a");
    int64_t west = make(fixture, "rack", "west");
    int64_t east = make(fixture, "other", "east");
    int64_t plain = make(fixture, "plain", NULL);
    add(fixture, west, "a");
    add(fixture, make(fixture, "again", "west"), "a");
    add(fixture, plain, "a");
    assert_refused(store_add_aggregate_host(fixture->store, east, "a", &error), ERROR_INVALID,
        "One or more hosts already in availability zone(s) ['west']");
    g_autoptr(GError) problem = NULL;
    set(fixture, plain, AGGREGATE_ZONE, "east", &problem);
    g_assert_error(problem, DROVER_ERROR, ERROR_INVALID);
    assert_zone(fixture, "a", "west");
}

static void
test_a_host_is_in_one_cell(Fixture *fixture, const void *data)
{
    g_autoptr(GError) problem = NULL;
    test_host(fixture, "a");
    int64_t one = make(fixture, "one", NULL);
    int64_t two = make(fixture, "two", NULL);
    set(fixture, one, AGGREGATE_CELL, "1,a", NULL);
    add(fixture, one, "a");
    add(fixture, two, "a");
    set(fixture, two, AGGREGATE_CELL, "1,a", NULL);
    set(fixture, two, AGGREGATE_CELL, "2", &problem);
    g_assert_error(problem, DROVER_ERROR, ERROR_INVALID);
    g_assert_cmpstr(problem->message, ==,
        "Host 'a' is in cell '1,a' already, and no host is in two: take it out of that one first");
    g_assert_true(store_remove_aggregate_host(fixture->store, two, "a", NULL));
    set(fixture, two, AGGREGATE_CELL, "2", NULL);
    assert_refused(store_add_aggregate_host(fixture->store, two, "a", &error), ERROR_INVALID,
        "Host 'a' is in cell '1,a' already, and no host is in two: take it out of that one first");
    g_autoptr(Host) host = store_get_host(fixture->store, "a", NULL);
    g_assert_cmpstr(host_cell(host), ==, "1,a");
}

static void
test_no_instance_changes_its_zone(Fixture *fixture, const void *data)
{
    static const char *const REFUSAL = "One or more hosts contain instances in this zone";
    test_host(fixture, "a");
    int64_t west = make(fixture, "rack", "west");
    int64_t plain = make(fixture, "plain", NULL);
    add(fixture, west, "a");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "a");
    add(fixture, plain, "a");
    set(fixture, plain, "ssd", "true", NULL);
    g_autoptr(GError) problem = NULL;
    set(fixture, west, AGGREGATE_ZONE, "east", &problem);
    g_assert_error(problem, DROVER_ERROR, ERROR_INVALID);
    g_assert_cmpstr(problem->message, ==, REFUSAL);
    assert_refused(
        store_remove_aggregate_host(fixture->store, west, "a", &error), ERROR_INVALID, REFUSAL);

    InstanceFilter filter = {.availability_zone = "west", .power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) there = store_list_instances(fixture->store, &filter, NULL);
    g_assert_cmpuint(there->len, ==, 1);
    filter.availability_zone = "nova";
    g_autoptr(GPtrArray) elsewhere = store_list_instances(fixture->store, &filter, NULL);
    g_assert_cmpuint(elsewhere->len, ==, 0);
}

static void
test_what_is_not_there_or_taken_is_refused(Fixture *fixture, const void *data)
{
    test_host(fixture, "a");
    int64_t west = make(fixture, "rack", "west");
    add(fixture, west, "a");
    assert_refused(store_add_aggregate_host(fixture->store, west, "a", &error), ERROR_CONFLICT,
        "Aggregate 1 already has host a.");
    assert_refused(store_add_aggregate_host(fixture->store, west, "b", &error), ERROR_NOT_FOUND,
        "Compute host b could not be found.");
    assert_refused(store_add_aggregate_host(fixture->store, 9, "a", &error), ERROR_NOT_FOUND,
        "Aggregate 9 could not be found.");
    assert_refused(store_delete_aggregate(fixture->store, west, &error), ERROR_INVALID,
        "Host aggregate is not empty");
    g_autoptr(Aggregate) same = aggregate_new();
    same->name = g_strdup("rack");
    g_autoptr(GError) problem = NULL;
    g_assert_false(store_insert_aggregate(fixture->store, same, &problem));
    g_assert_error(problem, DROVER_ERROR, ERROR_CONFLICT);
    g_assert_true(store_remove_aggregate_host(fixture->store, west, "a", NULL));
    g_assert_true(store_delete_aggregate(fixture->store, west, NULL));
}

static void
test_a_host_added_into_a_zone_joins_its_aggregate(Fixture *fixture, const void *data)
{
    static const char *const NAMES[] = {"a", "b"};
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        g_autoptr(Host) host = host_new();
        host->id = clock_new_uuid(test_clock());
        host->hypervisor_id = clock_new_uuid(test_clock());
        host->name = g_strdup(NAMES[i]);
        host->uri = g_strdup("fake://");
        host->zone = g_strdup("west");
        g_assert_true(store_insert_host(fixture->store, host, NULL));
    }
    g_autoptr(GPtrArray) aggregates = store_list_aggregates(fixture->store, NULL);
    g_assert_cmpuint(aggregates->len, ==, 1);
    const Aggregate *west = aggregates->pdata[0];
    g_assert_cmpstr(west->name, ==, "west");
    g_assert_cmpstr(west->hosts->pdata[0], ==, "a");
    g_assert_cmpstr(west->hosts->pdata[1], ==, "b");
    assert_zone(fixture, "b", "west");
    g_assert_true(store_delete_host(fixture->store, "a", NULL));
    g_autoptr(Aggregate) left = store_get_aggregate(fixture->store, west->id, NULL);
    g_assert_cmpuint(left->hosts->len, ==, 1);
}

static void
test_the_lowest_ratio_of_a_hosts_aggregates_counts(Fixture *fixture, const void *data)
{
    test_host(fixture, "a");
    int64_t one = make(fixture, "one", NULL), other = make(fixture, "other", NULL);
    set(fixture, one, "cpu_allocation_ratio", "8.0", NULL);
    set(fixture, other, "cpu_allocation_ratio", "2.5", NULL);
    set(fixture, one, "ram_allocation_ratio", "much", NULL);
    set(fixture, one, "colour", "red, blue", NULL);
    set(fixture, other, "colour", "green", NULL);
    add(fixture, one, "a");
    add(fixture, other, "a");
    g_autoptr(Host) host = store_get_host(fixture->store, "a", NULL);
    g_assert_cmpfloat(host->aggregates->cpu_allocation_ratio, ==, 2.5);
    g_assert_cmpfloat(host->aggregates->ram_allocation_ratio, ==, 0);
    GHashTable *colours = host_aggregates_get(host->aggregates, "colour");
    g_assert_cmpuint(g_hash_table_size(colours), ==, 3);
    g_assert_true(g_hash_table_contains(colours, "blue"));
}

static void
assert_says(Fixture *fixture, int64_t id, const char *key, const char *expected)
{
    g_autoptr(Aggregate) aggregate = store_get_aggregate(fixture->store, id, NULL);

    g_assert_cmpstr(aggregate_get(aggregate, key), ==, expected);
}

static void
tell_storage(Fixture *fixture, const char *name, const char *pool_id)
{
    HostFacts facts = {.arch = (char *)"x86_64",
        .hypervisor_type = (char *)"QEMU",
        .cpu_json = (char *)"{}",
        .pool_id = (char *)pool_id};

    g_assert_true(store_set_host_facts(fixture->store, name, &facts, NULL));
}

static void
test_connected_host(Fixture *fixture, const char *name)
{
    test_host(fixture, name);
    g_assert_true(store_set_host_connection(fixture->store, name, true, NULL, 1, NULL));
    tell_storage(fixture, name, "one");
}

static void
test_a_pool_outlives_the_daemon_at_every_step(Fixture *fixture, const void *data)
{
    test_connected_host(fixture, "a");
    test_connected_host(fixture, "b");
    test_connected_host(fixture, "c");
    int64_t pool = make(fixture, "rack", "west");
    set(fixture, pool, "hypervisor_pool", "true", NULL);
    assert_says(fixture, pool, "operational_state", "created");
    add(fixture, pool, "a");
    fixture_reopen(fixture);
    assert_says(fixture, pool, "operational_state", "changing");
    assert_refused(store_add_aggregate_host(fixture->store, pool, "b", &error), ERROR_INVALID,
        "host 'a' is joining the pool: add the next one when the operational_state is active");
    /* An answer about a host that joins no more is of no interest. */
    g_assert_true(store_settle_pool(fixture->store, pool, "b", "why", NULL));
    g_assert_true(store_settle_pool(fixture->store, 99, "b", "why", NULL));
    assert_says(fixture, pool, "operational_state", "changing");
    g_assert_true(store_settle_pool(fixture->store, pool, "a", NULL, NULL));
    assert_says(fixture, pool, "operational_state", "active");
    assert_says(fixture, pool, "master_compute", "a");
    add(fixture, pool, "b");
    g_assert_true(store_settle_pool(fixture->store, pool, "b", NULL, NULL));
    tell_storage(fixture, "b", "two");
    g_assert_true(store_look_at_pools(fixture->store, "c", NULL));
    assert_says(fixture, pool, "operational_state", "active");
    g_assert_true(store_look_at_pools(fixture->store, "b", NULL));
    assert_says(fixture, pool, "operational_state", "error");
    assert_refused(store_add_aggregate_host(fixture->store, pool, "c", &error), ERROR_INVALID,
        "the pool is in error, mend that first: storage pool '' of host 'b' is not the one of the "
        "master 'a' any more: mount that there again, or take the host out");
    tell_storage(fixture, "b", "one");
    g_assert_true(store_look_at_pools(fixture->store, "b", NULL));
    assert_says(fixture, pool, "operational_state", "active");
    g_assert_true(store_remove_aggregate_host(fixture->store, pool, "b", NULL));
    add(fixture, pool, "b");
    g_assert_true(store_settle_pool(fixture->store, pool, "b", "why", NULL));
    assert_says(fixture, pool, "operational_error", "why");
    assert_refused(store_delete_host(fixture->store, "a", &error), ERROR_CONFLICT,
        "host 'a' is the master of the pool: take its other hosts out first");
    g_assert_true(store_delete_host(fixture->store, "b", NULL));
    assert_says(fixture, pool, "operational_state", "active");
    assert_says(fixture, pool, "operational_error", NULL);
}

static void
test_no_host_is_added_into_a_pool_by_its_zone(Fixture *fixture, const void *data)
{
    int64_t pool = make(fixture, "rack", "west");
    set(fixture, pool, "hypervisor_pool", "true", NULL);
    g_autoptr(Host) host = host_new();
    host->id = clock_new_uuid(test_clock());
    host->hypervisor_id = clock_new_uuid(test_clock());
    host->name = g_strdup("a");
    host->uri = g_strdup("fake://");
    host->zone = g_strdup("west");
    g_assert_true(store_insert_host(fixture->store, host, NULL));
    assert_zone(fixture, "a", "west");
    g_autoptr(Aggregate) left = store_get_aggregate(fixture->store, pool, NULL);
    g_assert_cmpuint(left->hosts->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add(path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
    ADD("/store/aggregates/zone", test_hosts_have_the_zone_of_their_aggregate);
    ADD("/store/aggregates/one-zone", test_a_host_is_in_one_zone);
    ADD("/store/aggregates/one-cell", test_a_host_is_in_one_cell);
    ADD("/store/aggregates/instances-stay", test_no_instance_changes_its_zone);
    ADD("/store/aggregates/refused", test_what_is_not_there_or_taken_is_refused);
    ADD("/store/aggregates/host-joins-zone", test_a_host_added_into_a_zone_joins_its_aggregate);
    ADD("/store/aggregates/lowest-ratio", test_the_lowest_ratio_of_a_hosts_aggregates_counts);
    ADD("/store/aggregates/pool", test_a_pool_outlives_the_daemon_at_every_step);
    ADD("/store/aggregates/zone-is-no-pool", test_no_host_is_added_into_a_pool_by_its_zone);
    return g_test_run();
}
