/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/test-support.h"
#include <glib/gstdio.h>

int64_t test_now_us = 1000 * G_USEC_PER_SEC;

static int64_t
now_us(void *data)
{
    return test_now_us;
}

static void
random_bytes(void *data, void *buffer, size_t size)
{
    const Clock *clock = clock_system();

    clock->random(clock->data, buffer, size);
}

const Clock *
test_clock(void)
{
    static const Clock clock = {.now_us = now_us, .random = random_bytes};

    return &clock;
}

void
fixture_set_up(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_now_us = 1000 * G_USEC_PER_SEC;
    fixture->directory = g_dir_make_tmp("drover-store-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->path = g_build_filename(fixture->directory, "drover.db", NULL);
    fixture->url = g_strconcat("sqlite://", fixture->path, NULL);
    fixture->store = store_open(fixture->url, test_clock(), &error);
    g_assert_no_error(error);
    g_assert_true(store_begin_epoch(fixture->store, &fixture->epoch, &error));
}

void
fixture_tear_down(Fixture *fixture, const void *data)
{
    store_close(fixture->store);
    GDir *entries = g_dir_open(fixture->directory, 0, NULL);
    const char *name = NULL;
    while ((name = g_dir_read_name(entries)) != NULL) {
        g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
        g_unlink(path);
    }
    g_dir_close(entries);
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture->url);
    g_free(fixture->network_id);
}

void
fixture_reopen(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    store_close(fixture->store);
    fixture->store = store_open(fixture->url, test_clock(), &error);
    g_assert_no_error(error);
    g_assert_true(store_begin_epoch(fixture->store, &fixture->epoch, &error));
}

static char *
insert_network(Fixture *fixture, Network network)
{
    g_autoptr(GError) error = NULL;

    network.id = clock_new_uuid(test_clock());
    network.subnet_id = clock_new_uuid(test_clock());
    network.bridge = "br0";
    network.mtu = 1500;
    store_insert_network(fixture->store, &network, &error);
    g_assert_no_error(error);
    g_free(network.subnet_id);
    return network.id;
}

const char *
test_network(Fixture *fixture)
{
    if (fixture->network_id == NULL) {
        fixture->network_id = insert_network(fixture,
            (Network){.name = "private",
                .cidr = "10.20.0.0/24",
                .gateway = "10.20.0.1",
                .pool_start = "10.20.0.10",
                .pool_end = "10.20.0.12"});
    }
    return fixture->network_id;
}

char *
test_wide_network(Fixture *fixture)
{
    return insert_network(
        fixture, (Network){.name = "wide", .cidr = "10.30.0.0/16", .gateway = "10.30.0.1"});
}

void
test_host(Fixture *fixture, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) host = host_new();

    host->id = clock_new_uuid(test_clock());
    host->hypervisor_id = clock_new_uuid(test_clock());
    host->name = g_strdup(name);
    host->uri = g_strdup("fake://");
    store_insert_host(fixture->store, host, &error);
    g_assert_no_error(error);
}

Instance *
test_instance(Fixture *fixture, const char *name)
{
    g_autoptr(GError) error = NULL;
    Instance *instance = instance_new();

    instance->name = g_strdup(name);
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->should_run = true;
    instance->image.root_hash = g_strdup("roothash");
    instance->flavor = (Flavor){.id = g_strdup("1"),
        .name = g_strdup("m1.tiny"),
        .vcpus = 1,
        .ram_mib = 512,
        .disk_gib = 1,
        .rxtx_factor = 1.0};
    InstanceRequest request = {.instance = instance, .request_id = "req-1", .user_id = "user"};
    store_accept_instance(fixture->store, &request, &error);
    g_assert_no_error(error);
    return instance;
}

const char *
choose_named(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    decision->text = g_strdup(data);
    decision->kept_until_us = test_now_us + 10;
    const HostEntry *entry = host_index_find(hosts, data);
    if (entry != NULL) {
        return entry->host->name;
    }
    error_set(error, ERROR_NO_VALID_HOST, "there is no host '%s'", (const char *)data);
    return NULL;
}

OperationMove
test_move(Fixture *fixture, int64_t operation_id, const char *from, const char *to)
{
    return (OperationMove){.operation_id = operation_id,
        .epoch = fixture->epoch,
        .from = from,
        .to = to,
        .sentence = "It was time",
        .vm_state = -1,
        .power_state = -1,
        .should_run = -1,
        .generation = -1};
}

void
test_move_ok(Fixture *fixture, const OperationMove *move)
{
    g_autoptr(GError) error = NULL;

    store_move_operation(fixture->store, move, &error);
    g_assert_no_error(error);
}

Instance *
test_active_instance(Fixture *fixture, const char *name, const char *host)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = test_instance(fixture, name);
    g_autoptr(Operation) operation =
        store_get_operation(fixture->store, instance->open_operation, &error);
    g_autofree char *chosen = NULL;

    store_claim(fixture->store, operation, instance, choose_named, (char *)host, &chosen, &error);
    g_assert_no_error(error);
    OperationMove move = test_move(fixture, operation->id, "queued", "done");
    move.closes = true;
    move.set_instance = true;
    move.host = host;
    move.vm_state = VM_STATE_ACTIVE;
    move.power_state = POWER_STATE_RUNNING;
    move.generation = 1;
    move.launched = true;
    test_move_ok(fixture, &move);
    Instance *active = store_get_instance(fixture->store, instance->id, &error);
    g_assert_no_error(error);
    return active;
}

Migration *
test_migration(Fixture *fixture, const Instance *instance)
{
    g_autoptr(GError) error = NULL;
    MigrationRequest request = {.operation = {.kind = OPERATION_LIVE_MIGRATE,
                                    .instance_id = instance->id,
                                    .request_id = "req-m",
                                    .user_id = "user",
                                    .project_id = "project",
                                    .expected = {VM_STATE_ACTIVE, VM_STATE_PAUSED},
                                    .n_expected = 2}};
    Migration *migration = store_accept_migration(fixture->store, &request, &error);

    g_assert_no_error(error);
    return migration;
}
