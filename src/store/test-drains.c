/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/test-support.h"

static Drain *
accept(Fixture *fixture, const char *host, bool is_restore, GError **error)
{
    DrainAsk ask = {.host = host, .is_restore = is_restore, .reason = "fans", .user_id = "user"};
    return store_accept_drain(fixture->store, &ask, error);
}

static void
finish(Fixture *fixture, const Drain *drain, DrainState to)
{
    g_autoptr(GError) error = NULL;
    store_move_drain(fixture->store, drain->id, DRAIN_RUNNING, to, &error);
    g_assert_no_error(error);
}

static DrainItem *
only_item(Fixture *fixture, const Drain *drain)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) items = store_list_drain_items(fixture->store, drain->id, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(items->len, ==, 1);
    return g_ptr_array_steal_index(items, 0);
}

static unsigned
count_migrations(Fixture *fixture)
{
    MigrationFilter filter = {0};
    g_autoptr(GPtrArray) all = store_list_migrations(fixture->store, &filter, NULL);
    return all->len;
}

static void
test_a_host_has_one_at_a_time(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Instance) other = test_active_instance(fixture, "other", "hostb");
    g_autoptr(Drain) drain = accept(fixture, "hosta", false, &error);
    g_assert_no_error(error);
    g_autoptr(Host) host = store_get_host(fixture->store, "hosta", NULL);
    g_assert_false(host->enabled);
    g_assert_cmpstr(host->disabled_reason, ==, "drain 1: fans");
    g_autoptr(DrainItem) item = only_item(fixture, drain);
    g_assert_cmpstr(item->instance_name, ==, "vm");
    g_assert_cmpint(item->state, ==, DRAIN_ITEM_WAITING);
    g_assert_null(accept(fixture, "hosta", true, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_CONFLICT);
    g_clear_error(&error);
    g_autoptr(Drain) second = accept(fixture, "hostb", false, &error);
    g_assert_no_error(error);

    g_assert_true(store_set_drain_wanted(fixture->store, drain->id, DRAIN_WANTED_PAUSE, &error));
    g_assert_true(store_set_drain_wanted(fixture->store, drain->id, DRAIN_WANTED_CANCEL, &error));
    g_assert_false(store_set_drain_wanted(fixture->store, drain->id, DRAIN_WANTED_RUN, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_GONE_STALE);
    g_clear_error(&error);
    g_autoptr(GPtrArray) open = store_list_drains(fixture->store, NULL, true, 0, &error);
    g_assert_cmpuint(open->len, ==, 2);
    finish(fixture, drain, DRAIN_CANCELLED);
    g_assert_false(
        store_move_drain(fixture->store, drain->id, DRAIN_RUNNING, DRAIN_DONE, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_GONE_STALE);
}

static void
test_an_item_and_its_migration_are_one_commit(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Drain) drain = accept(fixture, "hosta", false, &error);
    MigrationRequest request = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = vm->id}};
    g_autoptr(DrainItem) item = only_item(fixture, drain);
    g_autoptr(DrainItem) again = only_item(fixture, drain);
    item->state = again->state = DRAIN_ITEM_MOVING;
    g_assert_true(store_accept_drain_move(
        fixture->store, item, DRAIN_ITEM_WAITING, &request, &error));
    g_assert_no_error(error);
    g_autoptr(DrainItem) read = only_item(fixture, drain);
    g_assert_cmpint(read->state, ==, DRAIN_ITEM_MOVING);
    g_assert_cmpint(read->operation_id, ==, item->operation_id);
    g_assert_cmpuint(count_migrations(fixture), ==, 1);

    /* The instance is busy. */
    g_assert_false(store_accept_drain_move(
        fixture->store, again, DRAIN_ITEM_WAITING, &request, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_CONFLICT);
    g_clear_error(&error);
    /* It is not, but its item is. */
    OperationMove move = test_move(fixture, item->operation_id, "queued", "error");
    move.closes = true;
    test_move_ok(fixture, &move);
    g_assert_false(store_accept_drain_move(
        fixture->store, again, DRAIN_ITEM_WAITING, &request, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_GONE_STALE);
    g_assert_cmpuint(count_migrations(fixture), ==, 1);
}

static void
test_a_restore_takes_what_is_where_it_was_brought(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Drain) drain = accept(fixture, "hosta", false, &error);
    g_autoptr(DrainItem) item = only_item(fixture, drain);
    item->state = DRAIN_ITEM_MOVED;
    item->dest_host = g_strdup("hostb");
    g_assert_true(
        store_update_drain_item(fixture->store, item, DRAIN_ITEM_WAITING, &error));
    finish(fixture, drain, DRAIN_DONE);
    g_autoptr(GPtrArray) elsewhere = store_list_drained(fixture->store, "hosta", &error);
    g_assert_cmpuint(elsewhere->len, ==, 0);

    /* As if it had been moved. */
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    OperationMove move = test_move(fixture, migration->operation.id, "queued", "completed");
    move.closes = true;
    move.set_instance = true;
    move.instance_id = vm->id;
    move.host = "hostb";
    test_move_ok(fixture, &move);
    g_autoptr(GPtrArray) drained = store_list_drained(fixture->store, "hosta", &error);
    g_assert_cmpuint(drained->len, ==, 1);
    g_assert_cmpstr(drained->pdata[0], ==, vm->id);
    g_autoptr(Drain) restore = accept(fixture, "hosta", true, &error);
    g_assert_no_error(error);
    g_autoptr(Host) host = store_get_host(fixture->store, "hosta", NULL);
    g_assert_true(host->enabled);
    g_assert_null(host->disabled_reason);
    g_autoptr(DrainItem) back = only_item(fixture, restore);
    g_assert_cmpstr(back->instance_id, ==, vm->id);
    finish(fixture, restore, DRAIN_DONE);
    g_autoptr(GPtrArray) left = store_list_drained(fixture->store, "hosta", &error);
    g_assert_cmpuint(left->len, ==, 0);
}

static void
migrate(Fixture *fixture, const Instance *vm, const char *dest_host)
{
    test_now_us++;
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    OperationMove move = test_move(fixture, migration->operation.id, "queued", "completed");
    move.closes = true;
    move.set_instance = true;
    move.instance_id = vm->id;
    move.host = dest_host;
    test_move_ok(fixture, &move);
}

/* As if the job had moved its only one there. */
static void
bring(Fixture *fixture, const Drain *drain, const Instance *vm, const char *dest_host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainItem) item = only_item(fixture, drain);
    g_assert_cmpstr(item->instance_id, ==, vm->id);
    item->state = DRAIN_ITEM_MOVED;
    item->dest_host = g_strdup(dest_host);
    g_assert_true(store_update_drain_item(fixture->store, item, DRAIN_ITEM_WAITING, &error));
    migrate(fixture, vm, dest_host);
    finish(fixture, drain, DRAIN_DONE);
    test_now_us++;
}

/* As if a drain of the host had taken it there. */
static void
take_away(Fixture *fixture, const Instance *vm, const char *host, const char *dest_host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Drain) drain = accept(fixture, host, false, &error);
    g_assert_no_error(error);
    bring(fixture, drain, vm, dest_host);
}

static unsigned
count_drained(Fixture *fixture, const char *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) drained = store_list_drained(fixture->store, host, &error);
    g_assert_no_error(error);
    return drained->len;
}

static Instance *
chain(Fixture *fixture)
{
    for (const char *const *host = (const char *const[]){"hosta", "hostb", "hostc", NULL};
         *host != NULL; host++) {
        test_host(fixture, *host);
    }
    Instance *vm = test_active_instance(fixture, "vm", "hosta");
    take_away(fixture, vm, "hosta", "hostb");
    take_away(fixture, vm, "hostb", "hostc");
    return vm;
}

/* Two that would bring it to two hosts are not both asked for it. */
static void
test_a_restore_takes_what_another_drain_has_moved_on(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = chain(fixture);
    g_assert_cmpuint(count_drained(fixture, "hosta"), ==, 1);
    g_assert_cmpuint(count_drained(fixture, "hostb"), ==, 1);
    g_assert_cmpuint(count_drained(fixture, "hostc"), ==, 0);
    g_autoptr(Drain) restore = accept(fixture, "hosta", true, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(count_drained(fixture, "hostb"), ==, 0);
    finish(fixture, restore, DRAIN_BLOCKED);
    g_assert_cmpuint(count_drained(fixture, "hostb"), ==, 1);
    take_away(fixture, vm, "hostc", "hosta");
    g_assert_cmpuint(count_drained(fixture, "hosta"), ==, 0);
}

static unsigned
count_items(Fixture *fixture, const Drain *drain)
{
    g_autoptr(GPtrArray) items = store_list_drain_items(fixture->store, drain->id, NULL);
    return items->len;
}

/* One that has nothing to bring back: it is done at once. */
static void
restore_nothing(Fixture *fixture, const char *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Drain) restore = accept(fixture, host, true, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(count_items(fixture, restore), ==, 0);
    finish(fixture, restore, DRAIN_DONE);
    test_now_us++;
}

static void
test_a_restore_leaves_it_to_another_one_which_is_blocked(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = chain(fixture);
    g_autoptr(Drain) restore = accept(fixture, "hosta", true, &error);
    g_assert_no_error(error);
    restore_nothing(fixture, "hostb");
    finish(fixture, restore, DRAIN_BLOCKED);
    g_assert_cmpuint(count_drained(fixture, "hosta"), ==, 1);
    g_assert_cmpuint(count_drained(fixture, "hostb"), ==, 1);
}

static void
test_a_restore_leaves_it_to_another_one_which_brings_it_nearer(
    Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = chain(fixture);
    g_autoptr(Drain) nearer = accept(fixture, "hostb", true, &error);
    g_assert_no_error(error);
    restore_nothing(fixture, "hosta");
    bring(fixture, nearer, vm, "hostb");
    g_assert_cmpuint(count_drained(fixture, "hostb"), ==, 0);
    g_autoptr(Drain) restore = accept(fixture, "hosta", true, &error);
    g_assert_no_error(error);
    bring(fixture, restore, vm, "hosta");
    g_assert_cmpuint(count_drained(fixture, "hosta"), ==, 0);
}

/* Where somebody has put it before a restore that was done is where it belongs. */
static void
test_what_came_back_to_where_it_was_brought_is_left(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = chain(fixture);
    g_autoptr(Drain) earlier = accept(fixture, "hosta", true, &error);
    g_assert_no_error(error);
    finish(fixture, earlier, DRAIN_BLOCKED);
    migrate(fixture, vm, "hosta");
    restore_nothing(fixture, "hostb");
    migrate(fixture, vm, "hostc");
    g_assert_cmpuint(count_drained(fixture, "hostb"), ==, 0);
    g_assert_cmpuint(count_drained(fixture, "hosta"), ==, 0);
}

static void
assert_cpu(Fixture *fixture, const Instance *vm, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *platform = NULL;
    g_assert_true(store_find_guest_platform(fixture->store, vm->id, &platform, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(platform, ==, expected);
}

static void
note_cpu(Fixture *fixture, const Instance *vm, const char *platform)
{
    g_autoptr(GError) error = NULL;
    test_now_us++;
    store_note_guest_platform(fixture->store, vm->id, platform, &error);
    g_assert_no_error(error);
}

/* A live migration takes the processor along, whatever else has happened may have changed it. */
static void
test_a_guests_processor_is_known_until_it_may_be_another(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Instance) other = test_active_instance(fixture, "other", "hosta");
    assert_cpu(fixture, vm, NULL);
    note_cpu(fixture, vm, "one");
    assert_cpu(fixture, vm, "one");
    assert_cpu(fixture, other, NULL);
    test_now_us++;
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    OperationMove move = test_move(fixture, migration->operation.id, "queued", "done");
    move.closes = true;
    test_move_ok(fixture, &move);
    assert_cpu(fixture, vm, "one");
    note_cpu(fixture, vm, "two");
    assert_cpu(fixture, vm, "two");
    OperationRequest request = {.kind = OPERATION_STOP,
        .instance_id = vm->id,
        .request_id = "req-s",
        .user_id = "user",
        .project_id = "project",
        .expected = {VM_STATE_ACTIVE},
        .n_expected = 1};
    g_autoptr(Operation) stop = store_accept_operation(fixture->store, &request, &error);
    g_assert_no_error(error);
    assert_cpu(fixture, vm, NULL);
}

static void
test_what_surrounds_a_plan_is_of_each_instance(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Surroundings) around = surroundings_new();
    PlatformAnswer answer = {.asked_host = (char *)"hosta", .refusal = (char *)"lacks avx2"};
    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Instance) other = test_active_instance(fixture, "other", "hosta");
    g_assert_true(store_put_platform_answer(fixture->store, "one", "class", &answer, &error));
    note_cpu(fixture, vm, "one");
    for (int i = 0; i < 2; i++) {
        g_assert_true(store_add_surroundings(fixture->store, vm, around, &error));
        g_assert_true(store_add_surroundings(fixture->store, other, around, &error));
    }
    g_assert_no_error(error);
    g_assert_cmpstr(g_hash_table_lookup(around->guest_platforms, vm->id), ==, "one");
    g_assert_null(g_hash_table_lookup(around->guest_platforms, other->id));
    GHashTable *answers = g_hash_table_lookup(around->platform_answers, "one");
    const PlatformAnswer *told = g_hash_table_lookup(answers, "class");
    g_assert_cmpstr(told->refusal, ==, "lacks avx2");
    g_assert_cmpuint(g_hash_table_size(around->platform_answers), ==, 1);
    g_assert_nonnull(g_hash_table_lookup(around->canaries, "hosta"));
    g_assert_true(g_hash_table_contains(around->volumes, other->id));
}

static const char *
choose_hostb(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    return "hostb";
}

static void
assert_arrival(Fixture *fixture, bool is_claimed, bool has_slot)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Surroundings) around = surroundings_new();
    store_add_arrivals(fixture->store, around, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(around->arrivals->len, ==, 1);
    const Arrival *arrival = around->arrivals->pdata[0];
    g_assert_cmpstr(arrival->host, ==, "hostb");
    g_assert_cmpint(arrival->is_claimed, ==, is_claimed);
    g_assert_cmpint(arrival->has_slot, ==, has_slot);
}

/* Its claim is in the host's usage before its migration names the host: what the host has free is
 * read in between. */
static void
test_what_arrives_is_claimed_before_it_has_a_slot(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;
    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Drain) drain = accept(fixture, "hosta", false, &error);
    g_autoptr(DrainItem) item = only_item(fixture, drain);
    MigrationRequest request = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = vm->id},
        .requested_host = "hostb"};
    item->state = DRAIN_ITEM_MOVING;
    store_accept_drain_move(fixture->store, item, DRAIN_ITEM_WAITING, &request, &error);
    g_assert_no_error(error);
    assert_arrival(fixture, false, false);
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, item->operation_id, &error);
    store_claim(fixture->store, operation, vm, choose_hostb, NULL, &host, &error);
    g_assert_no_error(error);
    assert_arrival(fixture, true, false);
}

int
main(int argc, char **argv)
{
#define ADD(name, function)                                                                        \
    g_test_add("/drains/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
    g_test_init(&argc, &argv, NULL);
    ADD("a-host-has-one-at-a-time", test_a_host_has_one_at_a_time);
    ADD("an-item-and-its-migration-are-one-commit", test_an_item_and_its_migration_are_one_commit);
    ADD("a-restore-takes-what-is-where-it-was-brought",
        test_a_restore_takes_what_is_where_it_was_brought);
    ADD("a-restore-takes-what-another-drain-has-moved-on",
        test_a_restore_takes_what_another_drain_has_moved_on);
    ADD("a-restore-leaves-it-to-another-one-which-is-blocked",
        test_a_restore_leaves_it_to_another_one_which_is_blocked);
    ADD("a-restore-leaves-it-to-another-one-which-brings-it-nearer",
        test_a_restore_leaves_it_to_another_one_which_brings_it_nearer);
    ADD("what-came-back-to-where-it-was-brought-is-left",
        test_what_came_back_to_where_it_was_brought_is_left);
    ADD("a-guests-processor-is-known-until-it-may-be-another",
        test_a_guests_processor_is_known_until_it_may_be_another);
    ADD("what-surrounds-a-plan-is-of-each-instance",
        test_what_surrounds_a_plan_is_of_each_instance);
    ADD("what-arrives-is-claimed-before-it-has-a-slot",
        test_what_arrives_is_claimed_before_it_has_a_slot);
    return g_test_run();
}
