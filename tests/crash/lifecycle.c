/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What if we die here? For each failpoint of the lifecycle machine, in each scenario that passes
 * it: the real engine over a real store and a fleet in a file dies there, a new one goes on, and
 * every operation must end as it does without a crash, with the fleet in the same state. The
 * program starts itself for each life. */
#include "engine/engine.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "hypervisor/fake/fake.h"
#include "lifecycle/lifecycle.h"

#define VOLUME_ID "77777777-7777-4777-8777-777777777777"
enum { CRASH_CODE = 57, N_STEPS_MAX = 9, LIFE_MAX_S = 60 };

typedef struct Step {
    OperationKind kind;
    const char *ends; /* the state in which the operation closes */
} Step;

typedef struct Scenario {
    const char *name;
    const char *filters; /* of the hypervisor, one */
    bool is_deaf;        /* the guest never powers off by itself */
    bool image_is_gone;  /* before the create, from droverd's directory; c2 has it */
    bool has_volume;     /* is made, and goes with the instance */
    bool is_anywhere;    /* no host is asked for: c1 is chosen first, and has nothing in the end */
    bool deletes_early;  /* the delete does not wait for the operation before it */
    const char *last;    /* status at the end */
    Step steps[N_STEPS_MAX];
    int n_steps;
} Scenario;

static const Scenario scenarios[] = {
    {.name = "life",
        .last = "DELETED",
        .steps = {{OPERATION_CREATE, "completed"}, {OPERATION_PAUSE, "completed"},
            {OPERATION_UNPAUSE, "completed"}, {OPERATION_REBOOT_SOFT, "completed"},
            {OPERATION_REBOOT_HARD, "completed"}, {OPERATION_STOP, "completed"},
            {OPERATION_START, "completed"}, {OPERATION_DELETE, "completed"}},
        .n_steps = 8},
    {.name = "deaf",
        .is_deaf = true,
        .last = "SHUTOFF",
        .steps = {{OPERATION_CREATE, "completed"}, {OPERATION_STOP, "completed"}},
        .n_steps = 2},
    {.name = "build-fails",
        .filters = "fault:start_guest=refused",
        .last = "ERROR",
        .steps = {{OPERATION_CREATE, "failed"}},
        .n_steps = 1},
    {.name = "next-host",
        .filters = "fault:start_guest/c1=refused",
        .is_anywhere = true,
        .last = "ACTIVE",
        .steps = {{OPERATION_CREATE, "completed"}},
        .n_steps = 1},
    {.name = "next-image",
        .filters = "fault:ensure_base/c1=refused",
        .is_anywhere = true,
        .last = "ACTIVE",
        .steps = {{OPERATION_CREATE, "completed"}},
        .n_steps = 1},
    {.name = "pause-fails",
        .filters = "fault:pause_guest=refused",
        .last = "ACTIVE",
        .steps = {{OPERATION_CREATE, "completed"}, {OPERATION_PAUSE, "failed"}},
        .n_steps = 2},
    {.name = "given-up",
        .is_deaf = true,
        .deletes_early = true,
        .last = "DELETED",
        .steps = {{OPERATION_CREATE, "completed"}, {OPERATION_STOP, "cancelled"},
            {OPERATION_DELETE, "completed"}},
        .n_steps = 3},
    {.name = "volume",
        .has_volume = true,
        .last = "DELETED",
        .steps = {{OPERATION_CREATE, "completed"}, {OPERATION_ATTACH_VOLUME, "completed"},
            {OPERATION_DETACH_VOLUME, "completed"}, {OPERATION_ATTACH_VOLUME, "completed"},
            {OPERATION_DELETE, "completed"}},
        .n_steps = 5},
    {.name = "attach-fails",
        .has_volume = true,
        .filters = "fault:attach_disk=refused",
        .last = "ACTIVE",
        .steps = {{OPERATION_CREATE, "completed"}, {OPERATION_ATTACH_VOLUME, "failed"}},
        .n_steps = 2},
    {.name = "image-from-a-host",
        .image_is_gone = true,
        .last = "ACTIVE",
        .steps = {{OPERATION_CREATE, "completed"}},
        .n_steps = 1},
};

/* ---- one life ---- */

typedef struct Life {
    const Scenario *scenario;
    const char *directory;
    Store *store;
    Hypervisor *fleet;
    Engine *engine;
} Life;

static void
must(bool is_true, const char *what, GError *error)
{
    if (!is_true) {
        fprintf(stderr, "%s: %s\n", what, error != NULL ? error->message : "not so");
        exit(1);
    }
}

static Hypervisor *
find_hypervisor(const char *uri, void *data)
{
    return ((Life *)data)->fleet;
}

static void
ignore_event(const HostEvent *event, void *data)
{
}

/* c2 has the base, droverd has not. */
static void
move_image_to_host(Life *life, const char *path)
{
    g_autoptr(GError) error = NULL;
    HostAddress address = {.name = "c2",
        .uri = "fake:///c2",
        .peer_uri = "fake:///c2",
        .migration_address = "",
        .pool = "instances"};
    BaseImage base = {.path = path,
        .sha256 = "roothash",
        .format = "raw",
        .size_bytes = 5,
        .virtual_size_bytes = 5};
    g_autoptr(HypervisorHost) host =
        hypervisor_open(life->fleet, &address, 1u << 20, ignore_event, NULL, &error);

    must(host != NULL && hypervisor_ensure_base(host, &base, NULL, &error), "base on c2", error);
    g_unlink(path);
}

static void
insert_host(Life *life, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) host = host_new();

    host->id = clock_new_uuid(clock_system());
    host->hypervisor_id = clock_new_uuid(clock_system());
    host->name = g_strdup(name);
    host->uri = g_strdup_printf("fake:///%s", name);
    host->peer_uri = g_strdup(host->uri);
    host->migration_address = g_strdup("");
    host->pool = g_strdup("instances");
    host->zone = g_strdup("nova");
    must(store_insert_host(life->store, host, &error), "insert host", error);
}

static void
insert_volume(Life *life)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) volume = volume_new();

    volume->id = g_strdup(VOLUME_ID);
    volume->name = g_strdup("disk");
    volume->project_id = g_strdup("project");
    volume->user_id = g_strdup("user");
    volume->size_gib = 1;
    volume->pool = g_strdup("volumes");
    volume->format = g_strdup("raw");
    must(store_insert_volume(life->store, volume, &error), "insert volume", error);
}

/* "" without one. */
static const char *
volume_status(Life *life)
{
    g_autoptr(Volume) volume = store_get_volume(life->store, VOLUME_ID, NULL);

    return volume != NULL ? volume_shown_status(volume) : "";
}

static void
prepare(Life *life)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(life->directory, "roothash", NULL);

    must(g_file_set_contents(path, "image", -1, &error), "image", error);
    insert_host(life, "c1");
    insert_host(life, "c2");
    if (life->scenario->has_volume) {
        insert_volume(life);
    }
    if (life->scenario->image_is_gone) {
        move_image_to_host(life, path);
    }
    must(store_set_setting(life->store, "prepared", "yes", &error), "setting", error);
}

static void
open_all(Life *life)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *url = g_strdup_printf("sqlite://%s/drover.db", life->directory);
    g_autofree char *path = g_build_filename(life->directory, "fleet.db", NULL);
    FakeOptions options = {
        .path = path, .clock = clock_system(), .shutdown_us = life->scenario->is_deaf ? -1 : 1000};
    OperationSettings settings = {
        .service_down_time_us = 60 * G_USEC_PER_SEC,
        .max_create_attempts = 3,
        .shutdown_timeout_us =
            life->scenario->deletes_early ? 60 * G_USEC_PER_SEC : G_USEC_PER_SEC / 10,
        .watch_interval_us = G_USEC_PER_SEC,
        .placement = {.cpu_allocation_ratio = 16,
            .ram_allocation_ratio = 1,
            .disk_allocation_ratio = 1,
            .multipliers = {[PLACEMENT_WEIGHER_RAM] = 1}},
        .image_directory = (char *)life->directory,
    };
    g_autofree char *prepared = NULL;

    life->store = store_open(url, clock_system(), &error);
    must(life->store != NULL, "store", error);
    life->fleet = fake_hypervisor_new(&options, &error);
    must(life->fleet != NULL, "fleet", error);
    store_get_setting(life->store, "prepared", &prepared, NULL);
    if (prepared == NULL) {
        prepare(life);
    }
    if (life->scenario->filters != NULL) {
        must(hypervisor_add_filter_text(life->fleet, life->scenario->filters, &error), "filter",
            error);
    }
    life->engine = engine_new(life->store, clock_system(), &settings, NULL, find_hypervisor, life);
}

static void
accept_create(Life *life)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = instance_new();
    g_autoptr(GPtrArray) networks = g_ptr_array_new();

    instance->name = g_strdup("vm1");
    instance->hostname = g_strdup("vm1");
    instance->project_id = g_strdup("project");
    instance->user_id = g_strdup("user");
    instance->metadata_json = g_strdup("{}");
    instance->tags_json = g_strdup("[]");
    instance->flavor = (Flavor){.id = g_strdup("1"),
        .name = g_strdup("m1.tiny"),
        .vcpus = 1,
        .ram_mib = 512,
        .disk_gib = 1,
        .rxtx_factor = 1.0,
        .extra_specs_json = g_strdup("{}")};
    instance->image.root_hash = g_strdup("roothash");
    instance->image.root_format = g_strdup("raw");
    InstanceRequest request = {
        .instance = instance, .network_ids = networks,
        .requested_host = life->scenario->is_anywhere ? NULL : "c1"};
    must(store_accept_instance(life->store, &request, &error), "accept create", error);
}

static void
accept(Life *life, const Step *step, const char *id)
{
    g_autoptr(GError) error = NULL;
    OperationRequest request = {.kind = step->kind, .instance_id = id};

    if (step->kind == OPERATION_CREATE) {
        accept_create(life);
    } else if (step->kind == OPERATION_ATTACH_VOLUME) {
        g_autoptr(Attachment) attachment = attachment_new();
        attachment->volume_id = g_strdup(VOLUME_ID);
        attachment->instance_id = g_strdup(id);
        attachment->boot_index = -1;
        attachment->delete_on_termination = true;
        g_autoptr(Operation) operation =
            store_accept_attach(life->store, &request, attachment, &error);
        must(operation != NULL, "attach", error);
    } else if (step->kind == OPERATION_DETACH_VOLUME) {
        g_autoptr(Operation) operation =
            store_accept_detach(life->store, &request, VOLUME_ID, &error);
        must(operation != NULL, "detach", error);
    } else if (step->kind == OPERATION_DELETE) {
        must(store_accept_delete(life->store, id, "req-1", "user", &error), "delete", error);
    } else {
        g_autoptr(Operation) operation = store_accept_operation(life->store, &request, &error);
        must(operation != NULL, "accept", error);
    }
    engine_nudge(life->engine);
}

static Instance *
find_instance(Life *life)
{
    g_autoptr(GError) error = NULL;
    InstanceFilter filter = {.with_deleted = true, .power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) instances = store_list_instances(life->store, &filter, &error);

    must(instances != NULL && instances->len <= 1, "one instance", error);
    return instances->len == 1 ? g_ptr_array_steal_index(instances, 0) : NULL;
}

static bool
is_connected(Life *life, const char *name)
{
    g_autoptr(Host) host = store_get_host(life->store, name, NULL);

    return host != NULL && host->connected && host->has_facts;
}

/* In this life or one before it. */
static bool
was_passed(const Life *life, const char *point)
{
    g_autofree char *trace = g_build_filename(life->directory, "trace", NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(trace, &text, NULL, NULL) && strstr(text, point) != NULL;
}

/* The store knows how far the scenario has come: each step is one operation. */
static bool
go_on(Life *life)
{
    const Scenario *scenario = life->scenario;
    g_autoptr(Instance) instance = find_instance(life);

    if (instance == NULL) {
        if (is_connected(life, "c1") && is_connected(life, "c2")) {
            accept(life, &scenario->steps[0], NULL);
        }
        return true;
    }
    g_autoptr(GPtrArray) operations =
        store_list_instance_operations(life->store, instance->id, 0, NULL);
    int n_accepted = (int)operations->len;
    const Operation *newest = operations->pdata[0];
    bool is_last = n_accepted == scenario->n_steps;
    if (newest->is_open) {
        const Step *next = is_last ? NULL : &scenario->steps[n_accepted];
        if (scenario->deletes_early && next != NULL && next->kind == OPERATION_DELETE &&
            !instance->delete_wanted && g_str_equal(newest->state, "stopping") &&
            was_passed(life, "lifecycle.effect.shutdown_guest.after")) {
            accept(life, next, instance->id);
        }
        return true;
    }
    if (is_last) {
        return g_str_equal(volume_status(life), "deleting");
    }
    if (g_str_equal(volume_status(life), "creating")) {
        return true;
    }
    accept(life, &scenario->steps[n_accepted], instance->id);
    return true;
}

static void
check_end(Life *life)
{
    const Scenario *scenario = life->scenario;
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = find_instance(life);
    g_autoptr(GPtrArray) operations =
        store_list_instance_operations(life->store, instance->id, 0, NULL);

    must((int)operations->len == scenario->n_steps, "one operation for each step", NULL);
    for (int i = 0; i < scenario->n_steps; i++) {
        const Operation *operation = operations->pdata[scenario->n_steps - 1 - i];
        if (operation->kind != scenario->steps[i].kind ||
            !g_str_equal(operation->state, scenario->steps[i].ends)) {
            must(false, operation_kind_name(operation->kind), NULL);
        }
    }
    must(g_str_equal(instance_status(instance), scenario->last), instance_status(instance), NULL);
    must(fake_check(life->fleet, &error), "fleet", error);
    bool keeps_volume = scenario->has_volume && !g_str_equal(scenario->last, "DELETED");
    must(g_str_equal(volume_status(life), keeps_volume ? "available" : ""), "volume", NULL);

    bool is_gone =
        !g_str_equal(scenario->last, "ACTIVE") && !g_str_equal(scenario->last, "SHUTOFF");
    HostUsage usage = {0};
    const char *host = scenario->is_anywhere ? "c2" : "c1";
    const char *other = scenario->is_anywhere ? "c1" : "c2";
    must(store_get_host_usage(life->store, host, &usage, &error), "usage", error);
    must(usage.ram_mib == (is_gone ? 0 : 512), "claims", NULL);
    must(store_get_host_usage(life->store, other, &usage, &error), "usage", error);
    must(usage.ram_mib == 0, "claims elsewhere", NULL);
    must(is_gone || g_str_equal(instance->host, host), "its host", NULL);
    FakeGuest guest = {0};
    fake_inspect_guest(life->fleet, instance->id, &guest);
    must(guest.n_domains == (is_gone ? 0 : 1), "domains", NULL);
    must(guest.n_running == g_str_equal(scenario->last, "ACTIVE"), "running", NULL);
}

static int
live(const char *directory, const char *name)
{
    Life life = {.directory = directory};
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++) {
        if (g_str_equal(scenarios[i].name, name)) {
            life.scenario = &scenarios[i];
        }
    }
    g_assert(life.scenario != NULL);
    log_init(LOG_LEVEL_INFO, false);
    alarm(LIFE_MAX_S);
    open_all(&life);
    failpoint_init();
    must(engine_start(life.engine, &error), "engine", error);
    while (go_on(&life)) {
        g_usleep(1000);
    }
    check_end(&life);
    _exit(0);
}

/* ---- many lives, several at once ---- */

/* Exit status of one life; the environment arms it. */
static int
spawn_life(
    const char *self, const char *directory, const Scenario *scenario, const char *armed)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *trace = g_build_filename(directory, "trace", NULL);
    g_autofree char *log = g_build_filename(directory, "log", NULL);
    char *arguments[] = {
        (char *)self, "--live", (char *)directory, (char *)scenario->name, NULL};
    g_auto(GStrv) environment = g_get_environ();
    environment = armed != NULL ? g_environ_setenv(environment, "DROVER_FAILPOINTS", armed, true)
                                : g_environ_unsetenv(environment, "DROVER_FAILPOINTS");
    environment = g_environ_setenv(environment, "DROVER_FAILPOINT_TRACE", trace, true);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    GPid pid;

    must(g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)arguments,
             (const char *const *)environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, fd,
             NULL, NULL, 0, &pid, NULL, NULL, NULL, &error),
        "a life", error);
    close(fd);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *
new_directory(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *template = g_strdup_printf("crash-%s-XXXXXX", name);
    char *directory = g_dir_make_tmp(template, &error);

    g_assert_no_error(error);
    return directory;
}

static void
remove_directory(const char *path)
{
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(directory)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
    g_rmdir(path);
}

static void
report_failure(const char *directory, const char *what, int status)
{
    g_autofree char *log = g_build_filename(directory, "log", NULL);
    g_autofree char *text = NULL;

    g_file_get_contents(log, &text, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
    g_autofree char *told = g_strjoinv("\n# ", lines);
    printf("# %s: exit %d\n# %s\n", what, status, told);
}

/* The failpoints of lifecycle and of volumes that the scenario passes when nothing dies. */
static GPtrArray *
list_passed(const char *self, const Scenario *scenario, bool *ret_ok)
{
    g_autofree char *directory = new_directory(scenario->name);
    g_autofree char *trace = g_build_filename(directory, "trace", NULL);
    g_autofree char *text = NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    int status = spawn_life(self, directory, scenario, NULL);

    *ret_ok = status == 0;
    if (status != 0) {
        report_failure(directory, scenario->name, status);
    }
    g_file_get_contents(trace, &text, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        if (g_str_has_prefix(lines[i], "lifecycle.") ||
            g_str_has_prefix(lines[i], "engine.volume.")) {
            g_ptr_array_add(names, g_strdup(lines[i]));
        }
    }
    remove_directory(directory);
    return names;
}

static bool
survives(const char *self, const Scenario *scenario, const char *point)
{
    g_autofree char *directory = new_directory(scenario->name);
    g_autofree char *armed = g_strdup_printf("%s=crash", point);
    int first = spawn_life(self, directory, scenario, armed);
    int second = first == CRASH_CODE ? spawn_life(self, directory, scenario, NULL) : -1;
    bool is_right = first == CRASH_CODE && second == 0;

    if (!is_right) {
        report_failure(directory, "first life", first);
        report_failure(directory, "second life", second);
    }
    remove_directory(directory);
    return is_right;
}

/* A life of a scenario: one in which nothing dies, or one that dies at a failpoint and has a
 * second. They mostly wait, so several are lived beside each other. */
enum { LIVES_BESIDE_EACH_OTHER = 4 };

typedef struct Test {
    const Scenario *scenario;
    char *point;       /* NULL: nothing dies */
    GPtrArray *passed; /* of that one */
    bool is_right;
} Test;

static void
test_free(Test *test)
{
    g_free(test->point);
    g_clear_pointer(&test->passed, g_ptr_array_unref);
    g_free(test);
}

static void
run_test(void *data, void *self)
{
    static int n_tests;
    Test *test = data;

    if (test->point == NULL) {
        test->passed = list_passed(self, test->scenario, &test->is_right);
    } else {
        test->is_right = survives(self, test->scenario, test->point);
    }
    printf("%sok %d - %s %s%s\n", test->is_right ? "" : "not ",
        g_atomic_int_add(&n_tests, 1) + 1, test->scenario->name,
        test->point != NULL ? "survives " : "ends as it should",
        test->point != NULL ? test->point : "");
}

static void
run_all(const GPtrArray *tests, char *self)
{
    GThreadPool *pool = g_thread_pool_new(run_test, self, LIVES_BESIDE_EACH_OTHER, true, NULL);

    for (unsigned i = 0; i < tests->len; i++) {
        g_thread_pool_push(pool, tests->pdata[i], NULL);
    }
    g_thread_pool_free(pool, false, true);
}

static void
add_test(GPtrArray *tests, const Scenario *scenario, const char *point)
{
    Test *test = g_new0(Test, 1);
    test->scenario = scenario;
    test->point = g_strdup(point);
    g_ptr_array_add(tests, test);
}

int
main(int argc, char **argv)
{
    if (argc == 4 && g_str_equal(argv[1], "--live")) {
        return live(argv[2], argv[3]);
    }
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autoptr(GHashTable) reached = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) whole = g_ptr_array_new_with_free_func((GDestroyNotify)test_free);
    g_autoptr(GPtrArray) deaths = g_ptr_array_new_with_free_func((GDestroyNotify)test_free);

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++) {
        add_test(whole, &scenarios[i], NULL);
    }
    run_all(whole, self);
    for (unsigned i = 0; i < whole->len; i++) {
        const Test *test = whole->pdata[i];
        for (unsigned j = 0; test->is_right && j < test->passed->len; j++) {
            add_test(deaths, test->scenario, test->passed->pdata[j]);
            g_hash_table_add(reached, test->passed->pdata[j]);
        }
    }
    run_all(deaths, self);
    unsigned n_tests = whole->len + deaths->len;
    g_auto(GStrv) names = lifecycle_list_failpoints();
    for (size_t i = 0; names[i] != NULL; i++) {
        if (!g_hash_table_contains(reached, names[i])) {
            printf("not ok %u - nothing passes %s\n", ++n_tests, names[i]);
        }
    }
    printf("1..%u\n", n_tests);
    return 0;
}
