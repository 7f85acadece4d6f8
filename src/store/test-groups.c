/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/test-support.h"

enum { N_HOSTS = 4, N_SERVERS = 8 };

static char *
make_group(Fixture *fixture, ServerGroupPolicy policy)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ServerGroup) group = server_group_new();

    group->name = g_strdup("group");
    group->project_id = g_strdup("project");
    group->user_id = g_strdup("user");
    group->policy = policy;
    store_insert_server_group(fixture->store, group, &error);
    g_assert_no_error(error);
    return g_strdup(group->id);
}

static Instance *
make_member(Fixture *fixture, const char *group_id, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();

    instance->name = g_strdup(name);
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->group_id = g_strdup(group_id);
    instance->flavor = (Flavor){.id = g_strdup("1"), .name = g_strdup("tiny"), .rxtx_factor = 1.0};
    InstanceRequest request = {.instance = instance, .request_id = "req-1", .user_id = "user"};
    store_accept_instance(fixture->store, &request, &error);
    g_assert_no_error(error);
    return store_get_instance(fixture->store, instance->id, &error);
}

static void
test_members_know_their_group(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = make_group(fixture, SERVER_GROUP_SOFT_AFFINITY);
    g_autoptr(Instance) one = make_member(fixture, id, "one");
    g_autoptr(Instance) other = test_instance(fixture, "other");
    g_assert_cmpstr(one->group_id, ==, id);
    g_assert_cmpint(one->group_policy, ==, SERVER_GROUP_SOFT_AFFINITY);

    ServerGroup *found = NULL;
    g_assert_true(store_find_server_group(fixture->store, id, &found, &error));
    g_autoptr(ServerGroup) group = found;
    g_assert_cmpuint(group->members->len, ==, 1);
    g_assert_cmpstr(group->members->pdata[0], ==, one->id);

    g_autoptr(GPtrArray) theirs = store_list_server_groups(fixture->store, "another", &error);
    g_autoptr(GPtrArray) all = store_list_server_groups(fixture->store, NULL, &error);
    g_assert_cmpuint(theirs->len, ==, 0);
    g_assert_cmpuint(all->len, ==, 1);

    g_assert_true(store_delete_server_group(fixture->store, id, &error));
    g_autoptr(Instance) left = store_get_instance(fixture->store, one->id, &error);
    g_assert_null(left->group_id);
    g_assert_cmpint(left->group_policy, ==, SERVER_GROUP_NONE);
    g_assert_false(store_delete_server_group(fixture->store, id, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_NOT_FOUND);
}

/* ---- many claims at once ---- */

/* The first host that none of its group is on. */
static const char *
choose_without_member(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    for (unsigned i = 0; i < host_index_size(hosts); i++) {
        const HostEntry *entry = host_index_at(hosts, i);
        if (entry->usage.group_members == 0) {
            return entry->host->name;
        }
    }
    error_set(error, ERROR_NO_VALID_HOST, "each has one");
    return NULL;
}

typedef struct Claim {
    Store *store;
    Instance *instance;
    char *host; /* NULL: it got none */
} Claim;

static void *
claim_one(void *data)
{
    Claim *claim = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Operation) operation =
        store_get_operation(claim->store, claim->instance->open_operation, &error);

    if (!store_claim(claim->store, operation, claim->instance, choose_without_member, NULL,
            &claim->host, &error)) {
        g_assert_error(error, DROVER_ERROR, ERROR_NO_VALID_HOST);
    }
    return NULL;
}

static void
test_claims_at_once_never_share_a_host(Fixture *fixture, const void *data)
{
    g_autofree char *id = make_group(fixture, SERVER_GROUP_ANTI_AFFINITY);
    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
    Claim claims[N_SERVERS] = {0};
    GThread *threads[N_SERVERS];
    for (int i = 0; i < N_HOSTS; i++) {
        g_autofree char *name = g_strdup_printf("host%d", i);
        test_host(fixture, name);
    }
    for (int i = 0; i < N_SERVERS; i++) {
        g_autofree char *name = g_strdup_printf("vm%d", i);
        claims[i] = (Claim){.store = fixture->store, .instance = make_member(fixture, id, name)};
    }
    for (int i = 0; i < N_SERVERS; i++) {
        threads[i] = g_thread_new("claim", claim_one, &claims[i]);
    }
    for (int i = 0; i < N_SERVERS; i++) {
        g_thread_join(threads[i]);
    }
    for (int i = 0; i < N_SERVERS; i++) {
        g_assert_true(claims[i].host == NULL || g_hash_table_add(taken, claims[i].host));
    }
    g_assert_cmpuint(g_hash_table_size(taken), ==, N_HOSTS);
    for (int i = 0; i < N_SERVERS; i++) {
        instance_free(claims[i].instance);
        g_free(claims[i].host);
    }
}

/* What a decision about a new one is told of those that are there. */
static const char *
choose_and_look(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const HostUsage *a = &host_index_find(hosts, "a")->usage;
    const HostUsage *b = &host_index_find(hosts, "b")->usage;
    int *seen = data;

    seen[0] = a->group_members;
    seen[1] = b->group_members;
    seen[2] = b->group_size;
    return "a";
}

static void
test_the_others_are_counted_and_not_itself(Fixture *fixture, const void *data)
{
    g_autofree char *id = make_group(fixture, SERVER_GROUP_AFFINITY);
    int seen[3] = {0};
    test_host(fixture, "a");
    test_host(fixture, "b");
    for (int i = 0; i < 3; i++) {
        g_autoptr(Instance) instance = make_member(fixture, id, "vm");
        g_autoptr(Operation) operation =
            store_get_operation(fixture->store, instance->open_operation, NULL);
        g_autofree char *host = NULL;
        g_assert_true(store_claim(
            fixture->store, operation, instance, choose_and_look, seen, &host, NULL));
        g_assert_cmpint(seen[0], ==, i);
        g_assert_cmpint(seen[1], ==, 0);
        g_assert_cmpint(seen[2], ==, i);
        g_autoptr(GPtrArray) hosts = store_list_hosts(fixture->store, NULL);
        g_autoptr(GHashTable) usage = store_list_host_usage(fixture->store, NULL);
        g_autoptr(HostIndex) index = host_index_of(hosts, usage);
        const HostUsage *a = &host_index_find(index, "a")->usage;
        g_assert_true(store_tell_neighbours(fixture->store, instance, NULL, index, NULL));
        g_assert_cmpint(a->group_members, ==, i);
        g_assert_true(store_tell_neighbours(fixture->store, instance, "a", index, NULL));
        g_assert_cmpint(a->group_members, ==, 0);
    }
}

/* By the list of claims; one whose group is in it already, too, and one that is nowhere. */
static void
test_hints_name_others(Fixture *fixture, const void *data)
{
    g_autofree char *group = make_group(fixture, SERVER_GROUP_ANTI_AFFINITY);
    test_host(fixture, "a");
    test_host(fixture, "b");
    g_autoptr(Instance) alone = test_active_instance(fixture, "alone", "a");
    g_autoptr(Instance) member = make_member(fixture, group, "member");
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, member->open_operation, NULL);
    g_autofree char *host = NULL;
    char name[] = "b";
    g_assert_true(
        store_claim(fixture->store, operation, member, choose_named, name, &host, NULL));

    g_autoptr(Instance) placed = instance_new();
    placed->id = g_strdup("placed");
    placed->same_host = g_strdup_printf("%s,nobody", alone->id);
    placed->different_host = g_strdup(member->id);
    g_autoptr(GPtrArray) hosts = store_list_hosts(fixture->store, NULL);
    g_autoptr(GHashTable) usage = store_list_host_usage(fixture->store, NULL);
    g_autoptr(HostIndex) index = host_index_of(hosts, usage);
    for (int i = 0; i < 2; i++) {
        g_assert_true(store_tell_neighbours(fixture->store, placed, NULL, index, NULL));
        const HostUsage *a = &host_index_find(index, "a")->usage;
        const HostUsage *b = &host_index_find(index, "b")->usage;
        g_assert_cmpint(a->beside_here, ==, 1);
        g_assert_cmpint(a->apart_here, ==, 0);
        g_assert_cmpint(b->beside_here, ==, 0);
        g_assert_cmpint(b->apart_here, ==, 1);
        g_assert_cmpint(b->beside_size, ==, 1);
        g_assert_cmpint(b->group_members, ==, i);
        g_free(placed->group_id);
        placed->group_id = g_strdup(group);
    }
    g_assert_false(neighbour_is_named("ab,cd", "a"));
    g_assert_false(neighbour_is_named("ab,cd", "d"));
    g_assert_false(neighbour_is_named(NULL, "d"));
    g_assert_true(neighbour_is_named("ab,cd", "cd"));
}

/* ---- what a drain does with them ---- */

static Instance *
make_placed_member(Fixture *fixture, const char *group_id, const char *name, char *host)
{
    g_autoptr(Instance) instance = make_member(fixture, group_id, name);
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, instance->open_operation, NULL);
    g_autofree char *chosen = NULL;

    g_assert_true(store_claim(
        fixture->store, operation, instance, choose_named, host, &chosen, NULL));
    OperationMove move = test_move(fixture, operation->id, operation->state, "completed");
    move.closes = true;
    move.set_instance = true;
    move.instance_id = instance->id;
    move.host = host;
    move.vm_state = VM_STATE_ACTIVE;
    test_move_ok(fixture, &move);
    return store_get_instance(fixture->store, instance->id, NULL);
}

static void
assert_plan_of(Fixture *fixture, const Instance *instance, NeighbourPlan expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)neighbour_free);

    g_assert_true(store_add_neighbours(fixture->store, instance, all, &error));
    for (unsigned i = 0; i < all->len; i++) {
        const Neighbour *one = all->pdata[i];
        bool is_it = strcmp(one->instance_id, instance->id) == 0;
        g_assert_cmpint(one->plan, ==, is_it ? expected : NEIGHBOUR_LEAVES);
    }
    g_assert_cmpuint(all->len, ==, 2);
}

/* Who leads is let go for the move of its drain, and not for one that somebody else asks for before
 * the drain has seen how its own has ended. Nobody is settled there for that. */
static void
test_a_leader_goes_by_its_drain_alone(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *group = make_group(fixture, SERVER_GROUP_AFFINITY);
    char host[] = "a";
    test_host(fixture, host);
    g_autoptr(Instance) one = make_placed_member(fixture, group, "one", host);
    g_autoptr(Instance) other = make_placed_member(fixture, group, "other", host);
    DrainAsk ask = {.host = host, .user_id = "user"};
    g_autoptr(Drain) drain = store_accept_drain(fixture->store, &ask, &error);
    g_assert_no_error(error);
    assert_plan_of(fixture, one, NEIGHBOUR_LEAVES);

    g_autoptr(GPtrArray) items = store_list_drain_items(fixture->store, drain->id, &error);
    DrainItem *item = items->pdata[0];
    const Instance *leader = strcmp(item->instance_id, one->id) == 0 ? one : other;
    MigrationRequest request = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = leader->id}};
    item->state = DRAIN_ITEM_MOVING;
    g_assert_true(store_accept_drain_move(
        fixture->store, item, DRAIN_ITEM_WAITING, &request, &error));
    assert_plan_of(fixture, leader, NEIGHBOUR_GOES);

    OperationMove move = test_move(fixture, item->operation_id, "queued", "error");
    move.closes = true;
    test_move_ok(fixture, &move);
    assert_plan_of(fixture, leader, NEIGHBOUR_LEAVES);
    g_autoptr(Migration) by_hand = test_migration(fixture, leader);
    g_assert_cmpint(by_hand->operation.id, !=, item->operation_id);
    assert_plan_of(fixture, leader, NEIGHBOUR_LEAVES);
}

/* What is on it binds nobody, nor what a drain is to do with the others. */
static void
test_a_dead_host_binds_nobody(Fixture *fixture, const void *data)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)neighbour_free);

    for (int i = 0; i < 4; i++) {
        g_ptr_array_add(all, neighbour_new("vm", "group", i % 2 == 0 ? "dead" : "a"));
        ((Neighbour *)all->pdata[i])->plan = NEIGHBOUR_LEAVES;
    }
    neighbours_lose(all, "dead");
    g_assert_cmpuint(all->len, ==, 2);
    for (unsigned i = 0; i < all->len; i++) {
        const Neighbour *one = all->pdata[i];
        g_assert_cmpstr(one->host, ==, "a");
        g_assert_cmpint(one->plan, ==, NEIGHBOUR_STAYS);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add(path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
    ADD("/store/groups/members", test_members_know_their_group);
    ADD("/store/groups/claims-at-once", test_claims_at_once_never_share_a_host);
    ADD("/store/groups/others-are-counted", test_the_others_are_counted_and_not_itself);
    ADD("/store/groups/hints", test_hints_name_others);
    ADD("/store/groups/a-leader-goes-by-its-drain-alone", test_a_leader_goes_by_its_drain_alone);
    ADD("/store/groups/a-dead-host-binds-nobody", test_a_dead_host_binds_nobody);
    return g_test_run();
}
