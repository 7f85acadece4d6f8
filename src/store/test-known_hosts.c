/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a claim sees of the hosts is what the database says in its transaction: after each kind of
 * change, and while others write. */
#include "store/db.h"
#include "store/test-support.h"
#include <string.h>

static void
assert_same(const HostEntry *one, const HostEntry *other)
{
    g_assert_cmpstr(one->host->name, ==, other->host->name);
    g_assert_cmpstr(one->host->zone, ==, other->host->zone);
    g_assert_cmpstr(one->host->uri, ==, other->host->uri);
    g_assert_cmpstr(one->host->disabled_reason, ==, other->host->disabled_reason);
    g_assert_cmpint(one->last_seen_us, ==, other->last_seen_us);
    g_assert_cmpint(one->host->enabled, ==, other->host->enabled);
    g_assert_cmpint(one->host->connected, ==, other->host->connected);
    g_assert_cmpint(one->host->has_facts, ==, other->host->has_facts);
    g_assert_cmpint(host_is_fenced(one->host), ==, host_is_fenced(other->host));
    g_assert_cmpint(one->memory_mib, ==, other->memory_mib);
    g_assert_cmpint(one->aggregates != NULL, ==, other->aggregates != NULL);
    if (one->aggregates != NULL) {
        g_assert_cmpstr(one->aggregates->cell, ==, other->aggregates->cell);
        g_assert_cmpstr(one->aggregates->pool, ==, other->aggregates->pool);
    }
    g_assert_cmpint(one->usage.vcpus, ==, other->usage.vcpus);
    g_assert_cmpint(one->usage.ram_mib, ==, other->usage.ram_mib);
    g_assert_cmpint(one->usage.disk_gib, ==, other->usage.disk_gib);
    g_assert_cmpint(one->usage.instances, ==, other->usage.instances);
    g_assert_cmpint(one->usage.claims, ==, other->usage.claims);
    g_assert_cmpint(one->usage.arriving_ram_mib, ==, other->usage.arriving_ram_mib);
    g_assert_cmpint(one->usage.io_ops, ==, other->usage.io_ops);
    g_assert_cmpint(one->usage.foreign_ram_mib, ==, other->usage.foreign_ram_mib);
    g_assert_cmpint(one->usage.foreign_vcpus, ==, other->usage.foreign_vcpus);
}

/* data: the store. It takes none, so that nothing is claimed. */
static const char *
choose_to_compare(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    g_autoptr(GPtrArray) read = store_list_hosts(data, NULL);
    g_autoptr(GHashTable) usage = store_list_host_usage(data, NULL);
    g_autoptr(HostIndex) fresh = host_index_of(read, usage);
    g_assert_cmpuint(host_index_size(hosts), ==, host_index_size(fresh));
    for (unsigned i = 0; i < host_index_size(fresh); i++) {
        assert_same(host_index_at(hosts, i), host_index_at(fresh, i));
    }
    error_set(error, ERROR_NO_VALID_HOST, "it only looked");
    return NULL;
}

static void
look(Fixture *fixture, const Instance *instance)
{
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, instance->open_operation, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;
    g_assert_false(store_claim(fixture->store, operation, instance, choose_to_compare,
        fixture->store, &host, &error));
    g_assert_cmpstr(error->message, ==, "it only looked");
}

static void
rename_free(Fixture *fixture)
{
    g_assert_true(db_run_script(
        fixture->store, "UPDATE hosts SET name = 'renamed' WHERE name = 'free'", NULL));
}

static int64_t
make_cell(Fixture *fixture)
{
    g_autoptr(Aggregate) aggregate = aggregate_new();
    aggregate->name = g_strdup("one");
    g_ptr_array_add(aggregate->metadata, aggregate_property_new(AGGREGATE_CELL, "c1"));
    g_assert_true(store_insert_aggregate(fixture->store, aggregate, NULL));
    return aggregate->id;
}

/* Enough hosts that a few changes are read one by one. */
enum { N_MANY = 40 };

static Instance *
make_many(Fixture *fixture)
{
    for (int i = 0; i < N_MANY; i++) {
        g_autofree char *name = g_strdup_printf("host%02d", i);
        test_host(fixture, name);
    }
    test_host(fixture, "free");
    Instance *asking = test_instance(fixture, "asking");
    look(fixture, asking);
    return asking;
}

static void
touch_all(Fixture *fixture)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int64_t seen_us[N_MANY];
    for (int i = 0; i < N_MANY; i++) {
        g_ptr_array_add(names, g_strdup_printf("host%02d", i));
        seen_us[i] = 4711;
    }
    g_assert_true(store_touch_hosts(fixture->store, names, seen_us, NULL));
}

static void
test_every_change_is_seen(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    g_autoptr(Instance) asking = make_many(fixture);

    test_host(fixture, "a-new-one");
    look(fixture, asking);
    g_assert_true(store_set_host_enabled(store, "host03", false, "why not", NULL));
    look(fixture, asking);
    HostFacts facts = {.memory_mib = 17, .arch = (char *)"s390x"};
    g_assert_true(store_set_host_facts(store, "host04", &facts, NULL));
    look(fixture, asking);
    g_assert_true(store_set_host_connection(store, "host05", true, NULL, 77, NULL));
    look(fixture, asking);
    touch_all(fixture);
    look(fixture, asking);
    g_assert_true(store_set_host_forced_down(store, "host06", true, "me", NULL));
    g_assert_true(store_set_host_power(store, "host07", HOST_POWER_OFF, "agent", NULL));
    look(fixture, asking);
    rename_free(fixture);
    look(fixture, asking);
    g_assert_true(store_delete_host(store, "renamed", NULL));
    look(fixture, asking);
    store_set_default_zone(store, "elsewhere");
    look(fixture, asking);
}

static void
test_changes_of_aggregates_are_seen(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    g_autoptr(Instance) asking = make_many(fixture);

    int64_t cell = make_cell(fixture);
    g_assert_true(store_add_aggregate_host(store, cell, "host08", NULL));
    look(fixture, asking);
    g_autoptr(GPtrArray) changes =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
    g_ptr_array_add(changes, aggregate_property_new(AGGREGATE_CELL, "c2"));
    g_ptr_array_add(changes, aggregate_property_new(AGGREGATE_ZONE, "z2"));
    g_assert_true(store_update_aggregate(store, cell, NULL, changes, NULL));
    look(fixture, asking);
    g_assert_true(db_run_script(store,
        "INSERT INTO aggregate_metadata SELECT id, 'hypervisor_pool', 'true' FROM aggregates",
        NULL));
    look(fixture, asking);
    g_assert_true(store_update_aggregate(store, cell, "renamed", NULL, NULL));
    look(fixture, asking);
    g_assert_true(store_remove_aggregate_host(store, cell, "host08", NULL));
    look(fixture, asking);
}

static void
test_differences_and_claims_are_seen(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    g_autoptr(Instance) asking = make_many(fixture);

    HostDifference foreign = {
        .domain = (char *)"theirs", .uuid = (char *)"u1", .vcpus = 3, .memory_mib = 300};
    HostDifference size = {.kind = HOST_DIFFERENCE_SIZE,
        .domain = (char *)"ours",
        .uuid = (char *)"u2",
        .memory_mib = 900,
        .claimed_memory_mib = 512};
    g_autoptr(GPtrArray) differences = g_ptr_array_new();
    g_ptr_array_add(differences, &foreign);
    g_ptr_array_add(differences, &size);
    g_assert_true(store_set_host_differences(store, "host11", differences, NULL));
    look(fixture, asking);
    HostUsage usage;
    g_assert_true(store_get_host_usage(store, "host11", &usage, NULL));
    g_assert_cmpint(usage.foreign_ram_mib, ==, 300); /* a guest's own is claimed */
    g_autoptr(GPtrArray) known = store_list_host_differences(store, "host11", NULL);
    g_assert_cmpuint(known->len, ==, 2);
    g_assert_true(host_difference_is_same(known->pdata[0], &foreign));
    g_assert_true(host_difference_is_same(known->pdata[1], &size));
    g_ptr_array_set_size(differences, 0);
    g_assert_true(store_set_host_differences(store, "host11", differences, NULL));
    look(fixture, asking);

    g_autoptr(Instance) running = test_active_instance(fixture, "running", "host09");
    look(fixture, asking);
    g_assert_true(db_run_script(store, "UPDATE claims SET host = 'host10'", NULL));
    look(fixture, asking);
    g_assert_true(db_run_script(store, "DELETE FROM claims", NULL));
    look(fixture, asking);
}

static void
set_state(Fixture *fixture, const Instance *vm, VmState state)
{
    g_assert_true(store_reset_instance_state(fixture->store, vm->id, state, NULL));
}

/* Who is on its way, and whether it is to run there. */
static void
test_what_is_under_way_is_seen(Fixture *fixture, const void *data)
{
    g_autofree char *host = NULL;
    HostUsage usage = {0};
    g_autoptr(Instance) asking = make_many(fixture);
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "host12");

    look(fixture, asking);
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    look(fixture, asking);
    g_assert_true(store_claim(fixture->store, &migration->operation, vm, choose_named,
        (char *)"host13", &host, NULL));
    look(fixture, asking);
    g_assert_true(store_get_host_usage(fixture->store, "host13", &usage, NULL));
    g_assert_cmpint(usage.arriving_ram_mib, ==, 512);
    set_state(fixture, vm, VM_STATE_STOPPED);
    look(fixture, asking);
    set_state(fixture, vm, VM_STATE_ACTIVE);
    look(fixture, asking);
    OperationMove fail = test_move(fixture, migration->operation.id, "queued", "failed");
    fail.closes = true;
    fail.release_target = true;
    test_move_ok(fixture, &fail);
    look(fixture, asking);
}

/* What was written and taken back is not seen, and does not hide what is there. */
static void
test_what_is_rolled_back_is_not_seen(Fixture *fixture, const void *data)
{
    test_host(fixture, "hosta");
    g_autoptr(Instance) asking = test_instance(fixture, "asking");
    look(fixture, asking);
    DbTransaction *transaction = db_begin(fixture->store, NULL);
    g_assert_true(db_run_script(fixture->store, "UPDATE hosts SET enabled = 0", NULL));
    db_end(transaction);
    look(fixture, asking);
    g_assert_true(store_set_host_enabled(fixture->store, "hosta", false, NULL, NULL));
    look(fixture, asking);
}

enum { N_HOSTS = 20, N_WRITERS = 3, N_WRITES = 60 };

static void *
write_a_lot(void *data)
{
    Fixture *fixture = data;
    for (int i = 0; i < N_WRITES; i++) {
        g_autofree char *name = g_strdup_printf("host%02d", g_random_int_range(0, N_HOSTS));
        g_autofree char *sql = g_strdup_printf(
            "UPDATE claims SET ram_mib = ram_mib + 1 WHERE host = '%s'", name);
        g_assert_true(
            store_set_host_enabled(fixture->store, name, i % 2 == 0, name, NULL));
        g_autoptr(DbTransaction) transaction = db_begin(fixture->store, NULL);
        g_assert_true(db_run_script(fixture->store, sql, NULL));
        g_assert_true(i % 3 == 0 || db_commit(transaction, NULL));
    }
    return NULL;
}

static void
test_others_write_meanwhile(Fixture *fixture, const void *data)
{
    GThread *writers[N_WRITERS];
    for (int i = 0; i < N_HOSTS; i++) {
        g_autofree char *name = g_strdup_printf("host%02d", i);
        g_autofree char *vm = g_strdup_printf("vm%02d", i);
        test_host(fixture, name);
        g_autoptr(Instance) instance = test_active_instance(fixture, vm, name);
    }
    g_autoptr(Instance) asking = test_instance(fixture, "asking");
    for (int i = 0; i < N_WRITERS; i++) {
        writers[i] = g_thread_new("writer", write_a_lot, fixture);
    }
    for (int i = 0; i < N_WRITES; i++) {
        look(fixture, asking);
    }
    for (int i = 0; i < N_WRITERS; i++) {
        g_thread_join(writers[i]);
    }
    look(fixture, asking);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add(path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
    ADD("/store/known-hosts/every-change", test_every_change_is_seen);
    ADD("/store/known-hosts/changes-of-aggregates", test_changes_of_aggregates_are_seen);
    ADD("/store/known-hosts/differences-and-claims", test_differences_and_claims_are_seen);
    ADD("/store/known-hosts/what-is-under-way", test_what_is_under_way_is_seen);
    ADD("/store/known-hosts/rolled-back", test_what_is_rolled_back_is_not_seen);
    ADD("/store/known-hosts/meanwhile", test_others_write_meanwhile);
    return g_test_run();
}
