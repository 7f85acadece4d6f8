/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Instances: accepting, addresses, the list with its filters, and deletes. */
#include "store/test-support.h"
#include <string.h>

/* ---- create ---- */

static bool
accept_on(
    Fixture *fixture, const char *network_id, const char *fixed, Instance *instance, GError **error)
{
    g_autoptr(GPtrArray) networks = g_ptr_array_new();
    g_autoptr(GPtrArray) addresses = g_ptr_array_new();
    InstanceRequest request = {.instance = instance,
        .network_ids = networks,
        .fixed_addresses = addresses,
        .requested_host = "hostb",
        .request_id = "req-c",
        .user_id = "user"};

    g_ptr_array_add(networks, (char *)network_id);
    g_ptr_array_add(addresses, (char *)fixed);
    instance->name = g_strdup("vm");
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->flavor.id = g_strdup("1");
    instance->flavor.name = g_strdup("m1.tiny");
    return store_accept_instance(fixture->store, &request, error);
}

static void
test_accept(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();

    instance->user_data = g_strdup("eA==");
    instance->image.root_hash = g_strdup("abc");
    g_assert_true(accept_on(fixture, test_network(fixture), NULL, instance, &error));
    g_assert_cmpint(instance->number, ==, 1);
    g_assert_cmpstr(instance_status(instance), ==, "BUILD");
    g_autoptr(Instance) read = store_get_instance(fixture->store, instance->id, &error);
    g_assert_cmpstr(read->open_kind, ==, "create");
    g_assert_cmpstr(read->open_state, ==, "queued");
    g_assert_cmpint(read->open_operation, ==, instance->open_operation);
    g_assert_cmpstr(instance_task_state(read), ==, "scheduling");
    g_assert_cmpstr(read->user_data, ==, "eA==");
    g_assert_cmpstr(read->image.root_hash, ==, "abc");
    g_assert_cmpstr(read->metadata_json, ==, "{}");
    g_assert_cmpstr(read->tags_json, ==, "[]");
    g_assert_cmpuint(read->ports->len, ==, 1);
    const Port *port = read->ports->pdata[0];
    g_assert_cmpstr(port->address, ==, "10.20.0.10");
    g_assert_cmpstr(port->gateway, ==, "10.20.0.1");
    g_assert_cmpstr(port->bridge, ==, "br0");
    g_assert_cmpint(port->prefix, ==, 24);
    g_assert_true(g_str_has_prefix(port->mac, "52:54:00:"));
    g_assert_cmpstr(port->mac, ==, ((Port *)instance->ports->pdata[0])->mac);
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, read->open_operation, &error);
    g_assert_cmpint(operation->kind, ==, OPERATION_CREATE);
    g_assert_cmpstr(operation->requested_host, ==, "hostb");
    g_assert_cmpstr(operation->request_id, ==, "req-c");
    g_assert_cmpint(operation->epoch, ==, fixture->epoch);
}

static char *
address_of(Fixture *fixture, const char *network_id, const char *fixed, GError **error)
{
    g_autoptr(Instance) instance = instance_new();

    if (!accept_on(fixture, network_id, fixed, instance, error)) {
        return NULL;
    }
    return g_strdup(((Port *)instance->ports->pdata[0])->address);
}

static void
test_lowest_free_address(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    const char *network_id = test_network(fixture);
    g_autofree char *fixed = address_of(fixture, network_id, "10.20.0.11", &error);
    g_autofree char *first = address_of(fixture, network_id, NULL, &error);
    g_autofree char *second = address_of(fixture, network_id, NULL, &error);

    g_assert_cmpstr(fixed, ==, "10.20.0.11");
    g_assert_cmpstr(first, ==, "10.20.0.10");
    g_assert_cmpstr(second, ==, "10.20.0.12");
    g_assert_null(address_of(fixture, network_id, NULL, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
    g_assert_nonnull(strstr(error->message, "'private' has no free address"));
    g_clear_error(&error);
    /* What was refused has left nothing. */
    InstanceFilter filter = {.power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) instances = store_list_instances(fixture->store, &filter, &error);
    g_assert_cmpuint(instances->len, ==, 3);
    g_autoptr(GPtrArray) ports = store_list_ports(fixture->store, NULL, network_id, &error);
    g_assert_cmpuint(ports->len, ==, 3);
    g_autoptr(Network) network = store_get_network(fixture->store, network_id, NULL);
    g_free(network->name);
    network->name = g_strdup("renamed");
    g_assert_true(store_update_network(fixture->store, network, NULL));
    g_free(network->cidr);
    network->cidr = g_strdup("");
    g_assert_false(store_update_network(fixture->store, network, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_clear_error(&error);
    g_assert_false(store_delete_network(fixture->store, network_id, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
}

static void
test_bad_fixed_addresses(Fixture *fixture, const void *data)
{
    const char *network_id = test_network(fixture);
    const char *const bad[] = {
        "10.20.0.0", "10.20.0.1", "10.20.0.255", "10.20.1.5", "10.20.0", "", "fe80::1"};
    g_autoptr(GError) error = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(address_of(fixture, network_id, bad[i], &error));
        g_assert_true(error_is(error, ERROR_INVALID));
        g_clear_error(&error);
    }
    /* Outside the pool, inside the network. */
    g_autofree char *address = address_of(fixture, network_id, "10.20.0.200", &error);
    g_assert_cmpstr(address, ==, "10.20.0.200");
    g_assert_null(address_of(fixture, network_id, "10.20.0.200", &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
}

static void
test_first_addresses_skip_network_and_gateway(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *network_id = test_wide_network(fixture);
    g_autofree char *first = address_of(fixture, network_id, NULL, &error);

    g_assert_cmpstr(first, ==, "10.30.0.2");
    g_assert_null(address_of(fixture, "missing", NULL, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_network_in_use_keeps_its_range(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    const char *id = test_network(fixture);
    g_autoptr(Network) network = store_get_network(fixture->store, id, &error);

    g_free(network->cidr);
    network->cidr = g_strdup("");
    g_assert_true(store_update_network(fixture->store, network, &error));
    g_assert_null(address_of(fixture, id, NULL, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    g_assert_nonnull(strstr(error->message, "has no subnet"));
    g_clear_error(&error);
    g_free(network->cidr);
    network->cidr = g_strdup("10.20.0.0/24");
    g_assert_true(store_update_network(fixture->store, network, &error));
    g_autofree char *address = address_of(fixture, id, NULL, &error);
    g_assert_cmpstr(address, ==, "10.20.0.10");
    g_free(network->cidr);
    network->cidr = g_strdup("10.21.0.0/24");
    g_assert_false(store_update_network(fixture->store, network, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
}

typedef struct Creator {
    Fixture *fixture;
    const char *network_id;
} Creator;

enum { CREATES = 15, CREATORS = 6 };

static void *
create_many(void *data)
{
    const Creator *creator = data;

    for (int i = 0; i < CREATES; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *address = address_of(creator->fixture, creator->network_id, NULL, &error);
        g_assert_no_error(error);
    }
    return NULL;
}

static void
test_concurrent_creates_share_nothing(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *network_id = test_wide_network(fixture);
    Creator creator = {fixture, network_id};
    GThread *threads[CREATORS];
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < CREATORS; i++) {
        threads[i] = g_thread_new("creator", create_many, &creator);
    }
    for (unsigned i = 0; i < CREATORS; i++) {
        g_thread_join(threads[i]);
    }
    g_autoptr(GPtrArray) ports = store_list_ports(fixture->store, NULL, NULL, &error);
    g_assert_cmpuint(ports->len, ==, CREATES * CREATORS);
    for (unsigned i = 0; i < ports->len; i++) {
        const Port *port = ports->pdata[i];
        uint32_t address = 0;
        g_assert_true(network_parse_address(port->address, &address));
        /* The lowest free ones, without a gap. */
        g_assert_cmpuint(address, <, 0x0a1e0002 + CREATES * CREATORS);
        g_assert_true(g_hash_table_add(seen, port->address));
        g_assert_true(g_hash_table_add(seen, port->mac));
    }
}

/* ---- the list ---- */

/* Names in order, joined. */
static char *
list_names(Fixture *fixture, const InstanceFilter *filter)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) instances = store_list_instances(fixture->store, filter, &error);
    g_autoptr(GString) names = g_string_new(NULL);

    g_assert_no_error(error);
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        g_string_append_printf(names, "%s%s", i > 0 ? " " : "", instance->name);
    }
    return g_string_free(g_steal_pointer(&names), false);
}

#define assert_filter(expected, ...)                                                               \
    G_STMT_START                                                                                   \
    {                                                                                              \
        InstanceFilter filter_ = {__VA_ARGS__};                                                    \
        g_autofree char *names_ = list_names(fixture, &filter_);                                   \
        g_assert_cmpstr(names_, ==, expected);                                                     \
    }                                                                                              \
    G_STMT_END
#define assert_list(expected, ...)                                                                 \
    assert_filter(expected, .power_state = -1, .locked = -1, __VA_ARGS__)

/* web-1 (building), web-2 (active on hosta), db-1 (active on hostb, migrating), db-2 (stopped). */
static void
fill(Fixture *fixture)
{
    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) web1 = test_instance(fixture, "web-1");
    test_now_us += 10;
    g_autoptr(Instance) web2 = test_active_instance(fixture, "web-2", "hosta");
    test_now_us += 10;
    g_autoptr(Instance) db1 = test_active_instance(fixture, "db-1", "hostb");
    test_now_us += 10;
    g_autoptr(Instance) db2 = test_active_instance(fixture, "db-2", "hosta");
    g_autoptr(GError) error = NULL;
    g_assert_true(store_observe_instance(
        fixture->store, db2->id, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN, false, &error));
    g_assert_true(store_set_instance_lock(fixture->store, db2->id, "owner", "mine", &error));
    g_autoptr(Migration) migration = test_migration(fixture, db1);
}

static void
test_filters(Fixture *fixture, const void *data)
{
    fill(fixture);
    assert_list("db-2 db-1 web-2 web-1", );
    assert_list("db-2 db-1 web-2 web-1", .project_id = "project", .user_id = "user");
    assert_list("", .project_id = "other");
    assert_list("", .user_id = "other");
    assert_list("db-2 web-2", .host = "hosta");
    assert_list("db-2 db-1 web-2 web-1", .flavor_id = "1");
    assert_list("", .flavor_id = "2");
    assert_list("", .image_id = "x");
    assert_list("db-2", .vm_state = "stopped");
    assert_list("db-1", .task_state = "migrating");
    assert_list("web-1", .task_state = "scheduling");
    assert_filter("db-2", .power_state = POWER_STATE_SHUTDOWN, .locked = -1);
    assert_filter("db-2", .power_state = -1, .locked = 1);
    assert_filter("db-1 web-2 web-1", .power_state = -1, .locked = 0);
    assert_list("db-1 web-2", .statuses = "ACTIVE,MIGRATING");
    assert_list("db-2 web-1", .statuses = "SHUTOFF,BUILD");
    assert_list("", .statuses = "PAUSED");
    assert_list("web-2 web-1", .name_regex = "^web");
    assert_list("db-2 web-2", .name_regex = "2");
    assert_list("web-2", .name_regex = "2", .vm_state = "active");
    assert_list("", .deleted = true);
    assert_list("", .id = "x");
    assert_list("", .hostname = "x");
    assert_list("", .key_name = "x");
    assert_list("", .reservation_id = "x");
    assert_list("", .availability_zone = "x");
    assert_list("db-2 db-1 web-2 web-1", .not_tags = "x", .not_tags_any = "x");
}

static Instance *
test_tagged_instance(Fixture *fixture, const char *name, const char *tags_json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();

    instance->name = g_strdup(name);
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->flavor = (Flavor){.id = g_strdup("1"), .name = g_strdup("m1.tiny")};
    instance->tags_json = g_strdup(tags_json);
    InstanceRequest request = {.instance = instance};
    g_assert_true(store_accept_instance(fixture->store, &request, &error));
    g_assert_no_error(error);
    test_now_us += 10;
    return g_steal_pointer(&instance);
}

static void
test_tag_filters(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) none = test_tagged_instance(fixture, "none", "[]");
    g_autoptr(Instance) red = test_tagged_instance(fixture, "red", "[\"red\"]");
    g_autoptr(Instance) both = test_tagged_instance(fixture, "both", "[\"red\",\"a\\\"b\"]");

    assert_list("both red", .tags = "red");
    assert_list("both", .tags = "red,a\"b");
    assert_list("", .tags = "re");
    assert_list("both red", .tags_any = "red,x");
    assert_list("red none", .not_tags = "red,a\"b");
    assert_list("none", .not_tags_any = "red,x");
    assert_list("both", .tags = "red", .limit = 1);
}

static void
test_change_times(Fixture *fixture, const void *data)
{
    int64_t start = test_now_us;

    fill(fixture);
    assert_list("db-2 db-1 web-2", .changed_since_us = start + 1);
    assert_list("db-2 db-1", .changed_since_us = start + 20);
    assert_list("web-1", .changed_before_us = start);
}

static void
test_sorting(Fixture *fixture, const void *data)
{
    fill(fixture);
    assert_list("web-1 web-2 db-1 db-2", .sort_ascending = true);
    assert_list("db-1 db-2 web-1 web-2", .sort_key = "display_name", .sort_ascending = true);
    assert_list("db-1 db-2 web-2 web-1", .sort_key = "host");
    assert_list("web-2 db-2 web-1 db-1", .sort_key = "task_state", .sort_ascending = true);
}

static void
test_paging(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    fill(fixture);
    InstanceFilter all = {.power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) instances = store_list_instances(fixture->store, &all, &error);
    const char *db2 = ((Instance *)instances->pdata[0])->id;
    const char *db1 = ((Instance *)instances->pdata[1])->id;
    const char *web1 = ((Instance *)instances->pdata[3])->id;

    assert_list("db-2 db-1", .limit = 2);
    assert_list("web-2 web-1", .limit = 2, .marker = db1);
    assert_list("", .limit = 2, .marker = web1);
    /* A filter in C counts what it lets through. */
    assert_list("web-2", .limit = 1, .name_regex = "web");
    assert_list("web-1", .limit = 1, .statuses = "BUILD");
    /* Equal hosts: the marker falls between them. */
    assert_list("web-2 web-1", .limit = 2, .marker = db2, .sort_key = "host");
    assert_list("web-2 db-2 db-1", .marker = web1, .sort_key = "host", .sort_ascending = true);
    InstanceFilter unknown = {.power_state = -1, .locked = -1, .marker = "nobody"};
    g_assert_null(store_list_instances(fixture->store, &unknown, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    g_clear_error(&error);
    InstanceFilter bad_key = {.power_state = -1, .locked = -1, .sort_key = "1; DROP"};
    g_assert_null(store_list_instances(fixture->store, &bad_key, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    g_clear_error(&error);
    InstanceFilter bad_regex = {.power_state = -1, .locked = -1, .name_regex = "("};
    g_assert_null(store_list_instances(fixture->store, &bad_regex, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
}

/* More instances than one query of ports takes, two ports each. */
static void
test_ports_of_many(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *wide = test_wide_network(fixture);
    g_autoptr(GPtrArray) networks = g_ptr_array_new();

    g_ptr_array_add(networks, wide);
    g_ptr_array_add(networks, wide);
    for (int i = 0; i < 120; i++) {
        g_autoptr(Instance) instance = instance_new();
        InstanceRequest request = {.instance = instance, .network_ids = networks};
        instance->name = g_strdup_printf("vm-%d", i);
        instance->project_id = g_strdup("project");
        instance->user_id = g_strdup("user");
        instance->flavor.id = g_strdup("1");
        instance->flavor.name = g_strdup("m1.tiny");
        g_assert_true(store_accept_instance(fixture->store, &request, &error));
    }
    InstanceFilter filter = {.power_state = -1, .locked = -1, .sort_ascending = true};
    g_autoptr(GPtrArray) instances = store_list_instances(fixture->store, &filter, &error);
    g_assert_cmpuint(instances->len, ==, 120);
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        g_assert_cmpuint(instance->ports->len, ==, 2);
        uint32_t first = 0;
        uint32_t second = 0;
        network_parse_address(((Port *)instance->ports->pdata[0])->address, &first);
        network_parse_address(((Port *)instance->ports->pdata[1])->address, &second);
        g_assert_cmpuint(first, ==, 0x0a1e0002 + 2 * i);
        g_assert_cmpuint(second, ==, first + 1);
    }
    assert_list("vm-119", .address = "10\\.30\\.0\\.240$");
    assert_list("vm-0", .address = "10.30.0.2$", .limit = 1);
}

/* ---- delete ---- */

static void
accept_delete(Fixture *fixture, const char *id)
{
    g_autoptr(GError) error = NULL;

    store_accept_delete(fixture->store, id, "req-d", "ann", &error);
    g_assert_no_error(error);
}

static void
finish_delete(Fixture *fixture, const Instance *instance)
{
    OperationMove move = test_move(fixture, instance->open_operation, "queued", "done");

    move.closes = true;
    move.set_instance = true;
    move.vm_state = VM_STATE_DELETED;
    move.terminated = true;
    move.release_all = true;
    test_move_ok(fixture, &move);
}

static void
test_delete_of_an_idle_instance(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) instance = test_active_instance(fixture, "vm", "hosta");
    accept_delete(fixture, instance->id);
    accept_delete(fixture, instance->id);
    g_autoptr(Instance) deleting = store_get_instance(fixture->store, instance->id, &error);
    g_assert_cmpstr(deleting->open_kind, ==, "delete");
    g_autoptr(GPtrArray) open = store_list_open_operations(fixture->store, &error);
    g_assert_cmpuint(open->len, ==, 1);
    g_assert_cmpstr(((Operation *)open->pdata[0])->request_id, ==, "req-d");
    g_assert_false(store_delete_host(fixture->store, "hosta", &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_clear_error(&error);
    finish_delete(fixture, deleting);

    g_autoptr(Instance) deleted = store_get_instance(fixture->store, instance->id, &error);
    g_assert_cmpstr(instance_status(deleted), ==, "DELETED");
    g_assert_cmpint(deleted->terminated_us, ==, test_now_us);
    g_assert_null(deleted->open_kind);
    assert_list("", );
    assert_list("vm", .deleted = true);
    assert_list("vm", .with_deleted = true);
    g_assert_false(store_accept_delete(fixture->store, instance->id, NULL, NULL, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
    g_clear_error(&error);
    g_assert_true(store_delete_host(fixture->store, "hosta", &error));
}

static void
test_delete_releases_ports(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();

    g_assert_true(accept_on(fixture, test_network(fixture), NULL, instance, &error));
    finish_delete(fixture, instance);
    g_autoptr(GPtrArray) ports = store_list_ports(fixture->store, instance->id, NULL, &error);
    g_assert_cmpuint(ports->len, ==, 0);
    g_autofree char *again = address_of(fixture, test_network(fixture), NULL, &error);
    g_assert_cmpstr(again, ==, "10.20.0.10");
}

static void
test_delete_waits_for_the_open_operation(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) instance = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, instance);
    accept_delete(fixture, instance->id);
    accept_delete(fixture, instance->id);
    g_autoptr(Operation) asked =
        store_get_operation(fixture->store, migration->operation.id, &error);
    g_assert_cmpint(asked->wanted, ==, WANTED_CANCEL);
    g_autoptr(Instance) busy = store_get_instance(fixture->store, instance->id, &error);
    g_assert_true(busy->delete_wanted);
    g_assert_cmpstr(instance_task_state(busy), ==, "deleting");
    g_assert_cmpstr(busy->open_kind, ==, "live-migration");

    OperationMove move = test_move(fixture, asked->id, "queued", "cancelled");
    move.closes = true;
    test_move_ok(fixture, &move);
    g_autoptr(Instance) deleting = store_get_instance(fixture->store, instance->id, &error);
    g_assert_cmpstr(deleting->open_kind, ==, "delete");
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, deleting->open_operation, &error);
    g_assert_cmpstr(operation->request_id, ==, "req-d");
    g_assert_cmpstr(operation->user_id, ==, "ann");
    finish_delete(fixture, deleting);
    g_autoptr(GPtrArray) open = store_list_open_operations(fixture->store, &error);
    g_assert_cmpuint(open->len, ==, 0);
}

static void
test_failed_delete_can_be_asked_again(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) instance = test_active_instance(fixture, "vm", "hosta");
    accept_delete(fixture, instance->id);
    g_autoptr(Instance) deleting = store_get_instance(fixture->store, instance->id, &error);
    OperationMove move = test_move(fixture, deleting->open_operation, "queued", "error");
    move.closes = true;
    test_move_ok(fixture, &move);
    g_autoptr(Instance) back = store_get_instance(fixture->store, instance->id, &error);
    g_assert_false(back->delete_wanted);
    g_assert_null(back->open_kind);
    g_assert_null(instance_task_state(back));
    accept_delete(fixture, instance->id);
    g_autoptr(Instance) again = store_get_instance(fixture->store, instance->id, &error);
    g_assert_cmpstr(again->open_kind, ==, "delete");
}

/* ---- small changes ---- */

static void
test_small_changes(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    test_now_us++;
    g_assert_true(store_set_instance_metadata(fixture->store, vm->id, "{\"a\":\"b\"}", &error));
    g_assert_true(store_set_instance_name(fixture->store, vm->id, "vm9", "mine", &error));
    g_assert_true(store_set_instance_lock(fixture->store, vm->id, "admin", "why", &error));
    g_assert_true(store_reset_instance_state(fixture->store, vm->id, VM_STATE_ERROR, &error));
    g_autoptr(Instance) read = store_get_instance(fixture->store, vm->id, &error);
    g_assert_cmpstr(read->metadata_json, ==, "{\"a\":\"b\"}");
    g_assert_cmpstr(read->name, ==, "vm9");
    g_assert_cmpstr(read->description, ==, "mine");
    g_assert_cmpstr(read->locked_reason, ==, "why");
    g_assert_cmpstr(read->locked_by, ==, "admin");
    g_assert_cmpint(read->vm_state, ==, VM_STATE_ERROR);
    g_assert_cmpint(read->updated_us, ==, test_now_us);
    g_assert_false(store_set_instance_name(fixture->store, "nobody", "x", NULL, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_observation_yields_to_an_operation(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    g_assert_true(store_observe_instance(
        fixture->store, vm->id, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN, false, &error));
    g_autoptr(Instance) read = store_get_instance(fixture->store, vm->id, &error);
    g_assert_cmpint(read->vm_state, ==, VM_STATE_ACTIVE);
    g_assert_true(read->should_run);
}

static void
test_lost_instance(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    const Fault fault = {.code = 500, .message = "Its host has lost it"};

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Instance) busy = test_active_instance(fixture, "busy", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, busy);
    g_assert_true(store_report_instance_lost(fixture->store, vm->id, &fault, &error));
    g_assert_true(store_report_instance_lost(fixture->store, busy->id, &fault, &error));
    g_autoptr(Instance) lost = store_get_instance(fixture->store, vm->id, &error);
    g_assert_cmpint(lost->vm_state, ==, VM_STATE_ERROR);
    g_assert_cmpint(lost->power_state, ==, POWER_STATE_NONE);
    g_assert_cmpstr(lost->fault.message, ==, "Its host has lost it");
    g_autoptr(Instance) moving = store_get_instance(fixture->store, busy->id, &error);
    g_assert_cmpint(moving->vm_state, ==, VM_STATE_ACTIVE);
    g_assert_false(moving->has_fault);
}

#define ADD(name, function)                                                                        \
    g_test_add("/store/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("accept", test_accept);
    ADD("lowest-free-address", test_lowest_free_address);
    ADD("bad-fixed-addresses", test_bad_fixed_addresses);
    ADD("first-addresses", test_first_addresses_skip_network_and_gateway);
    ADD("network-in-use-keeps-its-range", test_network_in_use_keeps_its_range);
    ADD("concurrent-creates-share-nothing", test_concurrent_creates_share_nothing);
    ADD("filters", test_filters);
    ADD("tag-filters", test_tag_filters);
    ADD("change-times", test_change_times);
    ADD("sorting", test_sorting);
    ADD("paging", test_paging);
    ADD("ports-of-many", test_ports_of_many);
    ADD("delete-of-an-idle-instance", test_delete_of_an_idle_instance);
    ADD("delete-releases-ports", test_delete_releases_ports);
    ADD("delete-waits", test_delete_waits_for_the_open_operation);
    ADD("failed-delete-can-be-asked-again", test_failed_delete_can_be_asked_again);
    ADD("small-changes", test_small_changes);
    ADD("observation-yields-to-an-operation", test_observation_yields_to_an_operation);
    ADD("lost-instance", test_lost_instance);
    return g_test_run();
}
