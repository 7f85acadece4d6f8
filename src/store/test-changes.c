/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Who listens is told what was committed, and of nothing else. */
#include "base/failpoint.h"
#include "store/changes.h"
#include "store/test-support.h"

typedef struct Heard {
    Store *store;
    GArray *changes;
} Heard;

static void
on_change(const GArray *changes, void *data)
{
    Heard *heard = data;

    g_array_append_vals(heard->changes, changes->data, changes->len);
}

static ChangedNames
names_of(Heard *heard)
{
    ChangedNames names = {
        .instances = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .migrations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };

    for (unsigned i = 0; i < heard->changes->len; i++) {
        g_autoptr(GError) error = NULL;
        store_name_change(
            heard->store, &g_array_index(heard->changes, Change, i), &names, &error);
        g_assert_no_error(error);
    }
    g_array_set_size(heard->changes, 0);
    return names;
}

static void
names_clear(ChangedNames *names)
{
    g_hash_table_unref(names->instances);
    g_hash_table_unref(names->migrations);
    g_hash_table_unref(names->hosts);
}

static void
test_told(Fixture *fixture, const void *data)
{
    g_autoptr(GArray) changes = g_array_new(false, false, sizeof(Change));
    Heard heard = {fixture->store, changes};

    store_set_on_change(fixture->store, on_change, &heard);
    test_host(fixture, "hosta");
    g_autoptr(Instance) instance = test_active_instance(fixture, "vm", "hosta");
    ChangedNames names = names_of(&heard);
    g_assert_true(g_hash_table_contains(names.hosts, "hosta"));
    g_assert_cmpstr(
        g_hash_table_lookup(names.instances, instance->id), ==, instance->project_id);
    g_assert_cmpuint(g_hash_table_size(names.migrations), ==, 0);
    names_clear(&names);

    g_autoptr(Migration) migration = test_migration(fixture, instance);
    names = names_of(&heard);
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, migration->id);
    g_assert_true(g_hash_table_contains(names.migrations, id));
    g_assert_true(g_hash_table_contains(names.instances, instance->id));
    g_assert_false(g_hash_table_contains(names.hosts, "hosta"));
    names_clear(&names);
}

/* Progress is told, though it is not synced; that a host lives is not. */
static void
test_signs_of_life(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) changes = g_array_new(false, false, sizeof(Change));
    Heard heard = {fixture->store, changes};
    g_autoptr(GPtrArray) hosts = g_ptr_array_new();
    JobStats stats = {.memory_total_bytes = 5};

    test_host(fixture, "hosta");
    g_autoptr(Instance) instance = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, instance);
    store_set_on_change(fixture->store, on_change, &heard);
    g_ptr_array_add(hosts, (char *)"hosta");
    store_touch_hosts(fixture->store, hosts, &test_now_us, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(changes->len, ==, 0);
    store_set_migration_stats(fixture->store, migration->operation.id, &stats, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(changes->len, ==, 1);
}

static void
test_not_committed(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) changes = g_array_new(false, false, sizeof(Change));
    Heard heard = {fixture->store, changes};
    JobStats stats = {.memory_total_bytes = 5};

    test_host(fixture, "hosta");
    g_autoptr(Instance) instance = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, instance);
    store_set_on_change(fixture->store, on_change, &heard);
    g_setenv("DROVER_FAILPOINTS", "store.commit=error", true);
    failpoint_init();
    g_assert_false(
        store_set_migration_stats(fixture->store, migration->operation.id, &stats, &error));
    g_unsetenv("DROVER_FAILPOINTS");
    failpoint_init();
    g_assert_cmpuint(changes->len, ==, 0);
    test_host(fixture, "hostb");
    g_assert_cmpuint(changes->len, ==, 1);
    g_assert_cmpint(g_array_index(changes, Change, 0).kind, ==, CHANGE_HOST);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/changes/are-told-when-committed", Fixture, NULL, fixture_set_up, test_told,
        fixture_tear_down);
    g_test_add("/changes/a-sign-of-life-is-none", Fixture, NULL, fixture_set_up,
        test_signs_of_life, fixture_tear_down);
    g_test_add("/changes/what-was-rolled-back-is-none", Fixture, NULL, fixture_set_up,
        test_not_committed, fixture_tear_down);
    return g_test_run();
}
