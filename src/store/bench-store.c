/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Fills a database with a large fleet and reports how long the queries take that matter. Nothing
 * is asserted: the numbers are for whoever changes a query.
 *
 *   bench-store [HOSTS [INSTANCES]]    1,000 and 10,000 by default */
#include "store/db.h"
#include "store/test-support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int n_hosts = 1000;
static int n_instances = 10000;

static void
check(const GError *error)
{
    if (error != NULL) {
        fprintf(stderr, "%s\n", error->message);
        exit(1);
    }
}

static void
fill(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *network = test_wide_network(fixture);
    g_autoptr(GPtrArray) networks = g_ptr_array_new();
    g_ptr_array_add(networks, network);

    /* A fleet does not come into being with a sync for each row. */
    db_run_script(fixture->store, "PRAGMA synchronous = OFF", &error);
    for (int i = 0; i < n_hosts; i++) {
        g_autofree char *name = g_strdup_printf("host%04d", i);
        test_host(fixture, name);
    }
    for (int i = 0; i < n_instances; i++) {
        g_autofree char *host = g_strdup_printf("host%04d", i % n_hosts);
        g_autofree char *name = g_strdup_printf("vm-%05d", i);
        g_autoptr(Instance) instance = instance_new();
        instance->name = g_steal_pointer(&name);
        instance->project_id = g_strdup("project");
        instance->user_id = g_strdup("user");
        instance->flavor.id = g_strdup("1");
        instance->flavor.name = g_strdup("m1.tiny");
        instance->flavor.ram_mib = 512;
        InstanceRequest request = {.instance = instance, .network_ids = networks};
        test_now_us++;
        store_accept_instance(fixture->store, &request, &error);
        check(error);
        g_autoptr(Operation) operation =
            store_get_operation(fixture->store, instance->open_operation, &error);
        g_autofree char *chosen = NULL;
        OperationMove move = test_move(fixture, operation->id, "queued", "done");
        move.closes = true;
        move.set_instance = true;
        move.host = host;
        move.vm_state = VM_STATE_ACTIVE;
        /* The claim is written plainly: choosing among all hosts for each would take minutes. */
        g_autofree char *claim = g_strdup_printf(
            "INSERT INTO claims VALUES ('%s', 'owner', %" G_GINT64_FORMAT
            ", '%s', 1, 512, 1, NULL)",
            instance->id, operation->id, host);
        db_run_script(fixture->store, claim, &error);
        check(error);
        test_move_ok(fixture, &move);
    }
    db_run_script(fixture->store, "PRAGMA synchronous = FULL", &error);
    check(error);
}

typedef void (*Work)(Fixture *fixture);

static void
report(Fixture *fixture, const char *what, int rounds, Work work)
{
    work(fixture);
    int64_t begin_us = g_get_monotonic_time();
    for (int i = 0; i < rounds; i++) {
        work(fixture);
    }
    double each_ms = (double)(g_get_monotonic_time() - begin_us) / 1000.0 / rounds;
    printf("%-48s %9.3f ms\n", what, each_ms);
}

static void
list(Fixture *fixture, InstanceFilter filter)
{
    g_autoptr(GError) error = NULL;

    filter.power_state = -1;
    filter.locked = -1;
    g_autoptr(GPtrArray) instances = store_list_instances(fixture->store, &filter, &error);
    check(error);
}

static void
list_100(Fixture *fixture)
{
    list(fixture, (InstanceFilter){.limit = 100});
}

static void
list_1(Fixture *fixture)
{
    list(fixture, (InstanceFilter){.limit = 1});
}

static void
list_100_of_project(Fixture *fixture)
{
    list(fixture, (InstanceFilter){.limit = 100, .project_id = "project"});
}

static void
list_all(Fixture *fixture)
{
    list(fixture, (InstanceFilter){0});
}

static void
list_host(Fixture *fixture)
{
    list(fixture, (InstanceFilter){.host = "host0007"});
}

static void
list_name(Fixture *fixture)
{
    list(fixture, (InstanceFilter){.name_regex = "^vm-00005$"});
}

static void
list_by_name(Fixture *fixture)
{
    list(fixture, (InstanceFilter){.limit = 100, .sort_key = "display_name"});
}

static void
usage_all(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) usage = store_list_host_usage(fixture->store, &error);

    check(error);
}

static void
usage_one(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    HostUsage usage;

    store_get_host_usage(fixture->store, "host0007", &usage, &error);
    check(error);
}

static void
hosts_all(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) hosts = store_list_hosts(fixture->store, &error);

    check(error);
}

static void
get_one(Fixture *fixture)
{
    static char *id;
    g_autoptr(GError) error = NULL;

    if (id == NULL) {
        InstanceFilter filter = {.limit = 1, .power_state = -1, .locked = -1};
        g_autoptr(GPtrArray) one = store_list_instances(fixture->store, &filter, &error);
        id = g_strdup(((Instance *)one->pdata[0])->id);
    }
    g_autoptr(Instance) instance = store_get_instance(fixture->store, id, &error);
    check(error);
}

static void
open_operations(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) operations = store_list_open_operations(fixture->store, &error);

    check(error);
}

static void
setting(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    g_autofree char *value = g_strdup_printf("%" G_GINT64_FORMAT, ++test_now_us);
    store_set_setting(fixture->store, "bench", value, &error);
    check(error);
}

static void
touch_hosts(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    g_autofree int64_t *seen_us = g_new(int64_t, n_hosts);

    test_now_us++;
    for (int i = 0; i < n_hosts; i++) {
        g_ptr_array_add(names, g_strdup_printf("host%04d", i));
        seen_us[i] = test_now_us;
    }
    store_touch_hosts(fixture->store, names, seen_us, &error);
    check(error);
}

static const char *
choose_none(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    g_assert(host_index_size(hosts) > 0);
    error_set(error, ERROR_NO_VALID_HOST, "it is a measurement");
    return NULL;
}

/* After each, one host is another one. */
static void
claim(Fixture *fixture)
{
    static Instance *instance;
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;

    if (instance == NULL) {
        InstanceFilter filter = {.limit = 1, .power_state = -1, .locked = -1};
        g_autoptr(GPtrArray) one = store_list_instances(fixture->store, &filter, NULL);
        instance = store_get_instance(fixture->store, ((Instance *)one->pdata[0])->id, NULL);
    }
    const Operation operation = {.id = INT64_MAX};
    store_claim(fixture->store, &operation, instance, choose_none, NULL, &host, &error);
    db_run_script(fixture->store, "UPDATE hosts SET enabled = 1 WHERE name = 'host0007'", NULL);
}

static void
print_memory(const char *when)
{
    g_autofree char *status = NULL;

    if (g_file_get_contents("/proc/self/status", &status, NULL, NULL)) {
        const char *line = strstr(status, "VmRSS:");
        printf("%-48s %.20s\n", when, line != NULL ? strchr(line, ' ') : "?");
    }
}

int
main(int argc, char **argv)
{
    Fixture fixture = {0};

    n_hosts = argc > 1 ? atoi(argv[1]) : n_hosts;
    n_instances = argc > 2 ? atoi(argv[2]) : n_instances;
    fixture_set_up(&fixture, NULL);
    fill(&fixture);
    print_memory("resident after filling");
    report(&fixture, "get one instance with ports", 1000, get_one);
    report(&fixture, "list 1 instance", 1000, list_1);
    report(&fixture, "list 100 instances", 200, list_100);
    report(&fixture, "list 100 instances of a project", 200, list_100_of_project);
    report(&fixture, "list 100 instances by name", 20, list_by_name);
    report(&fixture, "list the instances of a host", 200, list_host);
    report(&fixture, "find an instance by a regular expression", 20, list_name);
    report(&fixture, "list all instances", 5, list_all);
    report(&fixture, "list all hosts", 50, hosts_all);
    report(&fixture, "use of all hosts", 20, usage_all);
    report(&fixture, "use of one host", 200, usage_one);
    report(&fixture, "a claim, but for choosing and its write", 100, claim);
    print_memory("resident after a claim");
    report(&fixture, "list open operations", 1000, open_operations);
    report(&fixture, "one synced write", 100, setting);
    report(&fixture, "signs of life of all hosts", 20, touch_hosts);
    print_memory("resident at the end");
    fixture_tear_down(&fixture, NULL);
    return 0;
}
