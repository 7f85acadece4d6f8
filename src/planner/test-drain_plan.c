/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "planner/drain_plan.h"

#include "model/canary.h"
#include "model/neighbour.h"
#include "model/volume.h"

#include <string.h>

enum { NOW_S = 1000 };

typedef struct Fleet {
    PlacementPolicy policy;
    DrainRequest request;
    DrainJob job;
    DrainJob later; /* another one, of host "source2" */
    GPtrArray *hosts;
    GPtrArray *instances;
    GPtrArray *subjects;
    GHashTable *usage;
    Surroundings *around;
    GPtrArray *plan;
    bool foretells; /* what cold fallback comes to */
} Fleet;

static Host *
add_host(Fleet *fleet, const char *name, int ram_mib)
{
    Host *host = host_new();
    host->name = g_strdup(name);
    host->zone = g_strdup("nova");
    host->enabled = !g_str_has_prefix(name, "source");
    host->connected = true;
    host->last_seen_us = (NOW_S - 1) * G_USEC_PER_SEC;
    host->has_facts = true;
    host->facts.arch = g_strdup("x86_64");
    host->facts.libvirt_version = 11003000;
    host->facts.vcpus = 64;
    host->facts.memory_mib = ram_mib;
    host->facts.memory_free_mib = ram_mib;
    host->facts.pool_capacity_bytes = INT64_C(1000) << 30;
    host->facts.pool_available_bytes = INT64_C(1000) << 30;
    g_ptr_array_add(fleet->hosts, host);
    g_hash_table_insert(fleet->usage, g_strdup(name), g_new0(HostUsage, 1));
    return host;
}

static DrainSubject *
add(Fleet *fleet, const char *id, int ram_mib, VmState state)
{
    Instance *instance = instance_new();
    instance->id = g_strdup(id);
    instance->host = g_strdup("source");
    instance->vm_state = state;
    instance->flavor.vcpus = 1;
    instance->flavor.ram_mib = ram_mib;
    g_ptr_array_add(fleet->instances, instance);
    DrainSubject *subject = g_new0(DrainSubject, 1);
    subject->instance = instance;
    subject->job = &fleet->job;
    g_ptr_array_add(fleet->subjects, subject);
    return subject;
}

/* The same on the host of the other job. */
static DrainSubject *
add_later(Fleet *fleet, const char *id, int ram_mib)
{
    DrainSubject *subject = add(fleet, id, ram_mib, VM_STATE_ACTIVE);
    Instance *instance = (Instance *)subject->instance;
    g_free(instance->host);
    instance->host = g_strdup("source2");
    subject->job = &fleet->later;
    return subject;
}

/* The last canary did not get there. */
static void
shut_way(Fleet *fleet, const char *dest)
{
    Canary *failed = g_new0(Canary, 1);
    failed->dest_host = g_strdup(dest);
    failed->tried_us = (NOW_S - 60) * INT64_C(1000000);
    failed->error = g_strdup("refused");
    CanaryMap *ways = canary_map_new();
    canary_map_put(ways, failed);
    g_hash_table_insert(fleet->around->canaries, g_strdup("source"), ways);
}

static void
subject_free(void *data)
{
    DrainSubject *subject = data;
    g_free(subject->why_cold);
    g_free(subject);
}

static void
set_up(Fleet *fleet, const void *unused)
{
    fleet->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    fleet->instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    fleet->subjects = g_ptr_array_new_with_free_func(subject_free);
    fleet->usage = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)host_usage_free);
    fleet->around = surroundings_new();
    fleet->plan = NULL;
    fleet->policy = (PlacementPolicy){
        .cpu_allocation_ratio = 1.0,
        .ram_allocation_ratio = 1.0,
        .disk_allocation_ratio = 1.0,
        .multipliers = {[PLACEMENT_WEIGHER_RAM] = 1.0},
    };
    fleet->request = (DrainRequest){
        .policy = &fleet->policy,
        .service_down_time_us = 60 * G_USEC_PER_SEC,
        .now_us = NOW_S * G_USEC_PER_SEC,
        .around = fleet->around,
    };
    fleet->job = (DrainJob){.id = 1, .host = "source"};
    fleet->later = (DrainJob){.id = 2, .host = "source2"};
    add_host(fleet, "source", 65536);
}

static void
tear_down(Fleet *fleet, const void *unused)
{
    g_clear_pointer(&fleet->plan, g_ptr_array_unref);
    surroundings_free(fleet->around);
    g_ptr_array_unref(fleet->subjects);
    g_ptr_array_unref(fleet->instances);
    g_ptr_array_unref(fleet->hosts);
    g_hash_table_unref(fleet->usage);
}

/* "id=host+" in the order of the plan; + where it may begin, - where it has no host. */
static char *
plan(Fleet *fleet)
{
    GString *text = g_string_new(NULL);
    g_clear_pointer(&fleet->plan, g_ptr_array_unref);
    fleet->plan = (fleet->foretells ? drain_foretell : drain_plan)(
        &fleet->request, fleet->subjects, fleet->hosts, fleet->usage);
    for (unsigned i = 0; i < fleet->plan->len; i++) {
        const DrainStep *step = fleet->plan->pdata[i];
        g_string_append_printf(text, "%s%s=%s%s", i > 0 ? " " : "", step->subject->instance->id,
            step->dest_host != NULL ? step->dest_host : "-", step->may_begin ? "+" : "");
    }
    return g_string_free(text, false);
}

static const DrainStep *
step_of(const Fleet *fleet, const char *id)
{
    for (unsigned i = 0; i < fleet->plan->len; i++) {
        const DrainStep *step = fleet->plan->pdata[i];
        if (strcmp(step->subject->instance->id, id) == 0) {
            return step;
        }
    }
    g_assert_not_reached();
}

#define assert_plan(fleet, expected)                                                               \
    do {                                                                                           \
        g_autofree char *text = plan(fleet);                                                       \
        g_assert_cmpstr(text, ==, expected);                                                       \
    } while (0)

static void
test_order(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 8192);
    add(fleet, "small", 512, VM_STATE_ACTIVE);
    add(fleet, "large", 4096, VM_STATE_ACTIVE);
    add(fleet, "middle", 2048, VM_STATE_STOPPED);
    add(fleet, "paused", 1024, VM_STATE_PAUSED);
    assert_plan(fleet, "large=h1+ middle=h2+ paused=h2+ small=h2+");
    g_assert_cmpint(step_of(fleet, "large")->move, ==, PLANNED_LIVE);
    g_assert_cmpint(step_of(fleet, "paused")->move, ==, PLANNED_LIVE);
    g_assert_cmpint(step_of(fleet, "middle")->move, ==, PLANNED_COLD);
}

static void
test_slots(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add(fleet, "a", 1024, VM_STATE_ACTIVE);
    add(fleet, "b", 512, VM_STATE_ACTIVE);
    add(fleet, "c", 256, VM_STATE_ACTIVE);
    fleet->request.host_limit = 2;
    assert_plan(fleet, "a=h1+ b=h1+ c=h1");
    fleet->job.parallel = 1;
    assert_plan(fleet, "a=h1+ b=h1 c=h1");
    fleet->job.n_under_way = 1;
    assert_plan(fleet, "a=h1 b=h1 c=h1");
    fleet->job.n_under_way = fleet->job.parallel = 0;
    HostUsage *usage = g_hash_table_lookup(fleet->usage, "h1");
    usage->incoming_migrations = 1;
    assert_plan(fleet, "a=h1+ b=h1 c=h1");
    usage->incoming_migrations = 0;
    usage = g_hash_table_lookup(fleet->usage, "source");
    usage->outgoing_migrations = 2;
    assert_plan(fleet, "a=h1 b=h1 c=h1");
}

/* What is planned first is taken: nobody is promised the same room. */
static void
test_capacity(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 2048);
    add(fleet, "a", 1024, VM_STATE_ACTIVE);
    add(fleet, "b", 1024, VM_STATE_ACTIVE);
    add(fleet, "c", 1024, VM_STATE_ACTIVE);
    assert_plan(fleet, "a=h1+ b=h1+ c=-");
    const DrainStep *left = step_of(fleet, "c");
    g_assert_nonnull(strstr(left->reason, "No valid host was found"));
    /* What most hosts lack has a fix of its own. */
    g_assert_nonnull(strstr(left->fix, "ram_allocation_ratio"));
    g_assert_false(left->is_busy);
    add_host(fleet, "h2", 65536)->enabled = false;
    assert_plan(fleet, "a=h1+ b=h1+ c=-");
    g_assert_nonnull(strstr(step_of(fleet, "c")->fix, "drover explain"));
    add_host(fleet, "h3", 65536)->enabled = false;
    assert_plan(fleet, "a=h1+ b=h1+ c=-");
    g_assert_nonnull(strstr(step_of(fleet, "c")->fix, "enable its compute service"));
}

/* What is off and stays so takes none. Whoever stays for memory alone says whom to ask for more. */
static void
test_free_memory(Fleet *fleet, const void *unused)
{
    add_host(fleet, "dest", 8192)->facts.memory_free_mib = 3000;
    add(fleet, "a", 2000, VM_STATE_ACTIVE);
    add(fleet, "b", 1500, VM_STATE_ACTIVE);
    add(fleet, "c", 1200, VM_STATE_STOPPED);
    add(fleet, "d", 1000, VM_STATE_ACTIVE);
    g_autofree char *planned = plan(fleet);
    g_assert_cmpstr(planned, ==, "a=dest+ b=- c=dest+ d=dest+");
    const DrainStep *step = step_of(fleet, "b");
    g_assert_nonnull(strstr(step->reason, "1 failed 'ram-free' (dest: needs 1500 MiB really free, "
                                          "has 1000 MiB really free"));
    g_assert_cmpstr(step->short_hosts[0], ==, "dest");
    g_assert_null(step->short_hosts[1]);
}

/* 4 + 3 + 3 fits into 6 + 4 in one way alone, which is not the one that spreads. */
static void
test_packing(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 6144);
    add_host(fleet, "h2", 4096);
    add(fleet, "a", 4096, VM_STATE_ACTIVE);
    add(fleet, "b", 3072, VM_STATE_ACTIVE);
    add(fleet, "c", 3072, VM_STATE_ACTIVE);
    assert_plan(fleet, "a=h2+ b=h1+ c=h1+");
}

static void
test_refusals(Fleet *fleet, const void *unused)
{
    g_autoptr(GHashTable) refusals = g_hash_table_new(g_str_hash, g_str_equal);
    add_host(fleet, "h1", 8192);
    DrainSubject *subject = add(fleet, "a", 1024, VM_STATE_ACTIVE);
    subject->refusals = refusals;
    g_hash_table_insert(refusals, (char *)"h1", (char *)"its CPU lacks avx");
    assert_plan(fleet, "a=h1+");
    add_host(fleet, "h2", 4096);
    assert_plan(fleet, "a=h2+");
    subject->dest_host = "h1";
    assert_plan(fleet, "a=h1+");
}

static void
test_states(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add(fleet, "error", 1024, VM_STATE_ERROR);
    add(fleet, "resized", 512, VM_STATE_RESIZED);
    DrainSubject *busy = add(fleet, "busy", 256, VM_STATE_ACTIVE);
    DrainSubject *fallback = add(fleet, "fallback", 128, VM_STATE_ACTIVE);
    Instance *instance = (Instance *)busy->instance;
    instance->open_operation = 7;
    instance->open_kind = g_strdup("reboot");
    fallback->is_cold = true;
    assert_plan(fleet, "error=- resized=- busy=- fallback=h1+");
    g_assert_cmpint(step_of(fleet, "fallback")->move, ==, PLANNED_COLD);
    g_assert_true(step_of(fleet, "busy")->is_busy);
    g_assert_nonnull(strstr(step_of(fleet, "busy")->reason, "reboot"));
    g_assert_false(step_of(fleet, "error")->is_busy);
    g_assert_nonnull(step_of(fleet, "error")->fix);
    g_assert_nonnull(step_of(fleet, "resized")->fix);
}

/* What an emulated TPM holds leaves its host with a running guest alone. */
static void
test_tpm(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "h1", 8192);
    host->facts.offers = g_strdup("kvm,tpm");
    DrainSubject *off = add(fleet, "off", 1024, VM_STATE_STOPPED);
    DrainSubject *fallback = add(fleet, "fallback", 512, VM_STATE_ACTIVE);
    DrainSubject *on = add(fleet, "on", 256, VM_STATE_ACTIVE);
    DrainSubject *const subjects[] = {off, fallback, on};
    for (size_t i = 0; i < G_N_ELEMENTS(subjects); i++) {
        ((Instance *)subjects[i]->instance)->hardware.tpm_version = g_strdup("2.0");
    }
    fallback->is_cold = true;
    assert_plan(fleet, "off=- fallback=- on=h1+");
    g_assert_nonnull(strstr(step_of(fleet, "off")->reason, "1 failed 'tpm' (h1: needs no TPM, to "
                                                           "move switched off, has a TPM, "));
    g_assert_nonnull(strstr(step_of(fleet, "off")->fix, "migrate it live"));
    /* Where a live move is refused, nobody is told that it could go switched off. */
    ((Host *)fleet->hosts->pdata[0])->facts.hypervisor_version = 10000002;
    host->facts.hypervisor_version = 8000000;
    assert_plan(fleet, "off=- fallback=- on=-");
    g_assert_nonnull(strstr(step_of(fleet, "on")->reason, "failed 'version'"));
    g_assert_null(strstr(step_of(fleet, "on")->fix, "--cold-fallback"));
}

#define DEDICATED "{\"hw:cpu_policy\": \"dedicated\"}"

/* A host with processors for pinned guests: these, and no more. */
static void
add_dedicated_host(Fleet *fleet, const char *name, int ram_mib, const char *cpus)
{
    add_host(fleet, name, ram_mib)->facts.topology = g_strdup_printf(
        "sets of=1 dedicated=%s\ncell id=0 memory=%d cpus=%s cores= pages=\n", cpus, ram_mib, cpus);
}

static Instance *
add_special(Fleet *fleet, const char *id, int ram_mib, int vcpus, VmState state, const char *specs)
{
    Instance *instance = (Instance *)add(fleet, id, ram_mib, state)->instance;
    instance->flavor.vcpus = vcpus;
    instance->flavor.extra_specs_json = g_strdup(specs);
    return instance;
}

/* No processor is promised twice: neither one that a claim has nor one that the plan gives. */
static void
test_pinned(Fleet *fleet, const void *unused)
{
    add_dedicated_host(fleet, "h1", 8192, "0-2");
    add_special(fleet, "a", 1024, 2, VM_STATE_ACTIVE, DEDICATED);
    add_special(fleet, "b", 512, 2, VM_STATE_ACTIVE, DEDICATED);
    assert_plan(fleet, "a=h1+ b=-");
    g_assert_nonnull(
        strstr(step_of(fleet, "b")->reason, "needs 2 dedicated CPUs, has 1 free of 0-2 (2)"));
    add_dedicated_host(fleet, "h2", 4096, "0-1");
    assert_plan(fleet, "a=h1+ b=h2+");
    HostUsage *usage = g_hash_table_lookup(fleet->usage, "h2");
    host_usage_add_topology(
        usage, 1, "guest cells=0 binds=1 page=0;cell host=0 vcpus=1 memory=512 pins=1");
    assert_plan(fleet, "a=h1+ b=-");
}

/* By memory alone the one that takes two is first, and gets processors of the one host that the
 * other one fits on. */
static void
test_most_pinned_first(Fleet *fleet, const void *unused)
{
    add_dedicated_host(fleet, "h1", 4096, "0-3");
    add_dedicated_host(fleet, "h2", 6144, "0-1");
    add_host(fleet, "h3", 8192);
    add(fleet, "large", 5000, VM_STATE_ACTIVE);
    add(fleet, "middle", 3500, VM_STATE_ACTIVE);
    add_special(fleet, "two", 1024, 2, VM_STATE_ACTIVE, DEDICATED);
    add_special(fleet, "four", 512, 4, VM_STATE_ACTIVE, DEDICATED);
    assert_plan(fleet, "large=h2+ middle=h1+ two=h2+ four=h1+");
}

/* Of two cells, each with pages of 2 MiB for one guest. */
static void
test_huge_pages(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 65536)->facts.topology =
        g_strdup("cell id=0 memory=32768 cpus=0-3 cores= pages=2048:512\n"
                 "cell id=1 memory=32768 cpus=4-7 cores= pages=2048:512\n");
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"a", "b", "c"};
        add_special(
            fleet, names[i], 1024, 1, VM_STATE_ACTIVE, "{\"hw:mem_page_size\": \"large\"}");
    }
    assert_plan(fleet, "a=h1+ b=h1+ c=-");
    g_assert_nonnull(strstr(step_of(fleet, "c")->reason, "'huge-pages'"));
}

static void
test_devices(Fleet *fleet, const void *unused)
{
    static const char GPU[] = "{\"pci_passthrough:alias\": \"gpu:1\"}";
    fleet->policy.pci_aliases = "{\"name\": \"gpu\", \"vendor_id\": \"10de\"}";
    add_host(fleet, "h1", 8192)->facts.pci_devices =
        g_strdup("0000:3b:00.0 10de 2236 type-PCI 0 1 -\n0000:3c:00.0 10de 2236 type-PCI 0 2 -");
    add_special(fleet, "a", 1024, 1, VM_STATE_STOPPED, GPU);
    add_special(fleet, "b", 512, 1, VM_STATE_STOPPED, GPU);
    add_special(fleet, "c", 256, 1, VM_STATE_STOPPED, GPU);
    Instance *runs = add_special(fleet, "runs", 128, 1, VM_STATE_ACTIVE, GPU);
    assert_plan(fleet, "a=h1+ b=h1+ c=- runs=-");
    g_assert_nonnull(strstr(step_of(fleet, "c")->reason, "needs gpu:1, has gpu: 0 of 2 free"));
    g_assert_false(step_of(fleet, "runs")->is_way_shut);
    host_usage_add_devices(g_hash_table_lookup(fleet->usage, "h1"), "0000:3b:00.0=gpu");
    assert_plan(fleet, "a=h1+ b=- c=- runs=-");
    /* Switched off it could go, while there is a device for it. */
    runs->flavor.ram_mib = 2048;
    assert_plan(fleet, "runs=- a=h1+ b=- c=-");
    g_assert_true(step_of(fleet, "runs")->is_way_shut);
    g_assert_cmpstr(step_of(fleet, "runs")->fix, ==,
        "drain with --cold-fallback, or migrate it cold: 'openstack server migrate'");
    fleet->job = (DrainJob){.id = 1, .host = "h1", .is_restore = true};
    ((DrainSubject *)step_of(fleet, "runs")->subject)->dest_host = "h1";
    assert_plan(fleet, "runs=- a=h1+ b=- c=-");
    g_assert_cmpstr(step_of(fleet, "runs")->fix, ==,
        "restore with --cold-fallback, or migrate it cold: 'openstack server migrate --host h1'");
}

/* What could go anywhere leaves the one host that has a device to the one that asks for it. */
static void
test_devices_first(Fleet *fleet, const void *unused)
{
    fleet->policy.pci_aliases = "{\"name\": \"gpu\", \"vendor_id\": \"10de\"}";
    add_host(fleet, "h1", 2048)->facts.pci_devices =
        g_strdup("0000:3b:00.0 10de 2236 type-PCI 0 1 -");
    add_host(fleet, "h2", 2048);
    add(fleet, "free", 2048, VM_STATE_ACTIVE);
    add_special(fleet, "gpu", 1024, 1, VM_STATE_STOPPED, "{\"pci_passthrough:alias\": \"gpu:1\"}");
    assert_plan(fleet, "free=h2+ gpu=h1+");
}

static void
join_pool(Host *host)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    host->aggregates = host_aggregates_new(none);
    host->aggregates->pool = g_strdup("rack");
    host->aggregates->pool_copies = true;
}

/* pool NULL: it is on the network. */
static void
attach(Fleet *fleet, const char *id, const char *pool)
{
    GPtrArray *volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    Volume *volume = volume_new();
    volume->pool = g_strdup(pool);
    volume->uri = pool == NULL ? g_strdup("nbd://h/x") : NULL;
    volume->attachment = attachment_new();
    volume->attachment->device = g_strdup("/dev/vdc");
    g_ptr_array_add(volumes, volume);
    g_hash_table_insert(fleet->around->volumes, g_strdup(id), volumes);
}

/* One in the pool of the instances goes where that is shared, as its own request would find. */
static void
test_volumes_stay_in_their_pool(Fleet *fleet, const void *unused)
{
    static const char *const ids[] = {"one", "two", "one"};
    add_host(fleet, "h1", 65536);
    add_host(fleet, "h2", 8192);
    for (unsigned i = 0; i < fleet->hosts->len; i++) {
        Host *host = fleet->hosts->pdata[i];
        g_free(host->pool);
        host->pool = g_strdup("instances");
        host->facts.pool_id = g_strdup(ids[i]);
    }
    add(fleet, "a", 1024, VM_STATE_ACTIVE);
    assert_plan(fleet, "a=h1+");
    attach(fleet, "a", NULL);
    assert_plan(fleet, "a=h1+");
    attach(fleet, "a", "instances");
    assert_plan(fleet, "a=h2+");
}

/* Disks can be copied out of the pool, and those of one that has a volume cannot. */
static void
test_volumes(Fleet *fleet, const void *unused)
{
    join_pool(fleet->hosts->pdata[0]);
    join_pool(add_host(fleet, "h1", 4096));
    add_host(fleet, "h2", 65536);
    add(fleet, "a", 3072, VM_STATE_ACTIVE);
    add(fleet, "b", 2048, VM_STATE_ACTIVE);
    assert_plan(fleet, "a=h2+ b=h2+");
    attach(fleet, "a", NULL);
    assert_plan(fleet, "a=h1+ b=h2+");
    attach(fleet, "b", NULL);
    assert_plan(fleet, "a=h1+ b=-");
    g_assert_nonnull(strstr(step_of(fleet, "b")->reason, "failed 'pool'"));
    g_assert_true(step_of(fleet, "b")->is_way_shut);
}

/* A no that is on record keeps a guest that runs from that host; started anew it has another
 * processor. Of hosts that were not asked, and of guests nobody has looked at, nothing is known. */
static void
test_cpus(Fleet *fleet, const void *unused)
{
    PlatformAnswer no = {.asked_host = (char *)"h0",
        .refusal = (char *)"lacks avx2",
        .asked_us = (NOW_S - 60) * G_USEC_PER_SEC};
    GHashTable *answers = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(answers, (void *)"old", &no);
    g_hash_table_insert(fleet->around->platform_answers, g_strdup("key"), answers);
    for (const char *id = "live\0off\0"; *id != '\0'; id += strlen(id) + 1) {
        g_hash_table_insert(fleet->around->guest_platforms, g_strdup(id), g_strdup("key"));
    }
    add_host(fleet, "h1", 8192)->facts.cpu_class = g_strdup("old");
    add(fleet, "live", 2048, VM_STATE_ACTIVE);
    add(fleet, "off", 1024, VM_STATE_STOPPED);
    add(fleet, "new", 512, VM_STATE_ACTIVE);
    assert_plan(fleet, "live=- off=h1+ new=h1+");
    g_assert_nonnull(strstr(step_of(fleet, "live")->reason, "failed 'cpu'"));
    g_assert_nonnull(strstr(step_of(fleet, "live")->reason, "lacks avx2"));
    g_assert_true(step_of(fleet, "live")->is_way_shut);
    add_host(fleet, "h2", 4096);
    assert_plan(fleet, "live=h2+ off=h1+ new=h1+");
}

/* Room for the smaller one alone; one that is paused cannot be switched off and go on. */
static void
test_what_cold_fallback_comes_to(Fleet *fleet, const void *unused)
{
    shut_way(fleet, "h1");
    add_host(fleet, "h1", 2048);
    add(fleet, "large", 4096, VM_STATE_ACTIVE);
    add(fleet, "small", 1024, VM_STATE_ACTIVE);
    add(fleet, "still", 512, VM_STATE_PAUSED);
    assert_plan(fleet, "large=- small=- still=-");
    fleet->foretells = true;
    assert_plan(fleet, "large=- small=h1+ still=-");
    g_assert_cmpint(step_of(fleet, "small")->move, ==, PLANNED_COLD);
    g_assert_nonnull(strstr(step_of(fleet, "small")->reason, "failed 'canary'"));
    g_assert_null(step_of(fleet, "large")->dest_host);
}

/* Disks count where they have to be copied. */
static void
test_sizes(Fleet *fleet, const void *unused)
{
    Host *other = add_host(fleet, "h1", 8192);
    Host *source = fleet->hosts->pdata[0];
    Instance *instance = (Instance *)add(fleet, "a", 1024, VM_STATE_ACTIVE)->instance;
    instance->flavor.disk_gib = 2;
    instance->image.root_hash = g_strdup("00");
    assert_plan(fleet, "a=h1+");
    g_assert_cmpint(step_of(fleet, "a")->size_bytes, ==, INT64_C(3) << 30);
    source->facts.pool_id = g_strdup("one");
    other->facts.pool_id = g_strdup("one");
    assert_plan(fleet, "a=h1+");
    g_assert_cmpint(step_of(fleet, "a")->size_bytes, ==, INT64_C(1) << 30);
}

static void
add_member(Fleet *fleet, const char *id, int ram_mib, ServerGroupPolicy policy)
{
    Instance *instance = (Instance *)add(fleet, id, ram_mib, VM_STATE_ACTIVE)->instance;
    instance->group_id = g_strdup("group");
    instance->group_policy = policy;
    g_ptr_array_add(fleet->around->neighbours, neighbour_new(id, "group", "source"));
}

static void
add_other(Fleet *fleet, const char *id, const char *host)
{
    g_ptr_array_add(fleet->around->neighbours, neighbour_new(id, "group", host));
}

/* Those that are planned count as those that are there: b may not follow a. */
static void
test_anti_affinity(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 4096);
    add_host(fleet, "h3", 65536);
    add_other(fleet, "other", "h3");
    add_member(fleet, "a", 2048, SERVER_GROUP_ANTI_AFFINITY);
    add_member(fleet, "b", 1024, SERVER_GROUP_ANTI_AFFINITY);
    add_member(fleet, "c", 512, SERVER_GROUP_ANTI_AFFINITY);
    assert_plan(fleet, "a=h1+ b=h2+ c=-");
    const DrainStep *left = step_of(fleet, "c");
    g_assert_true(g_str_has_prefix(left->reason, "its server group group (anti-affinity) keeps "));
    g_assert_nonnull(strstr(left->reason, "needs none of its server group, has 1"));
    g_assert_nonnull(strstr(left->fix, "add a host that has none of its server group"));
    ((Instance *)left->subject->instance)->group_max_per_host = 2;
    assert_plan(fleet, "a=h1+ b=h2+ c=h3+");
}

/* What could go anywhere leaves the one host that will do to the one of the group. */
static void
test_bound_ones_first(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 2048);
    add_host(fleet, "h2", 2048);
    add_other(fleet, "other", "h2");
    add(fleet, "free", 2048, VM_STATE_ACTIVE);
    add_member(fleet, "bound", 1024, SERVER_GROUP_ANTI_AFFINITY);
    assert_plan(fleet, "free=h2+ bound=h1+");
}

/* Of hints likewise: b is to be apart from a, which is in no group. */
static void
test_hints(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 4096);
    add(fleet, "a", 2048, VM_STATE_ACTIVE);
    Instance *b = (Instance *)add(fleet, "b", 1024, VM_STATE_ACTIVE)->instance;
    assert_plan(fleet, "a=h1+ b=h1+");
    b->different_host = g_strdup("a");
    g_ptr_array_add(fleet->around->neighbours, neighbour_new("a", NULL, "source"));
    assert_plan(fleet, "a=h1+ b=h2+");
}

/* Who is to be beside another one is placed after it, and goes once that one is there; so does who
 * follows a follower. Not one that waits for what stays. */
static void
test_followers(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 4096);
    Instance *c = (Instance *)add(fleet, "c", 3072, VM_STATE_ACTIVE)->instance;
    Instance *b = (Instance *)add(fleet, "b", 2048, VM_STATE_ACTIVE)->instance;
    Instance *a = (Instance *)add(fleet, "a", 1024, VM_STATE_ACTIVE)->instance;
    const char *ids[] = {"a", "b", "c"};
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_ptr_array_add(fleet->around->neighbours, neighbour_new(ids[i], NULL, "source"));
    }
    b->same_host = g_strdup("a");
    c->same_host = g_strdup("elsewhere,b");
    assert_plan(fleet, "c=h1 b=h1 a=h1+");
    a->vm_state = VM_STATE_ERROR;
    assert_plan(fleet, "c=- b=- a=-");
}

static void
assert_hint_keeps(const Fleet *fleet, const char *id, const char *hint, const char *fix)
{
    const DrainStep *left = step_of(fleet, id);
    g_autofree char *start = g_strdup_printf("its hint %s keeps it: ", hint);
    g_assert_true(g_str_has_prefix(left->reason, start));
    g_assert_nonnull(strstr(left->fix, fix));
}

/* Whom a hint keeps is told with what would let it go; what it is too large for is not. */
static void
test_kept_by_hints(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add_other(fleet, "there", "h1");
    Instance *apart = (Instance *)add(fleet, "apart", 2048, VM_STATE_ACTIVE)->instance;
    apart->different_host = g_strdup("there");
    Instance *beside = (Instance *)add(fleet, "beside", 1024, VM_STATE_STOPPED)->instance;
    beside->same_host = g_strdup("here");
    add_other(fleet, "here", "source");
    assert_plan(fleet, "apart=- beside=-");
    assert_hint_keeps(fleet, "apart", "different_host=there", "add a host that has none");
    g_assert_nonnull(strstr(step_of(fleet, "apart")->reason, "failed 'different-host'"));
    assert_hint_keeps(fleet, "beside", "same_host=here", "move one of the servers that it names");
    fleet->job.n_under_way = 1;
    assert_plan(fleet, "apart=- beside=-");
    assert_hint_keeps(fleet, "beside", "same_host=here", "it follows");
    apart->flavor.ram_mib = 65536;
    assert_plan(fleet, "apart=- beside=-");
    g_assert_null(strstr(step_of(fleet, "apart")->reason, "keeps it"));
    add_host(fleet, "h2", 65536);
    assert_plan(fleet, "apart=h2+ beside=-");
}

static DrainSubject *
subject_of(const Fleet *fleet, const char *id)
{
    for (unsigned i = 0; i < fleet->subjects->len; i++) {
        DrainSubject *subject = fleet->subjects->pdata[i];
        if (strcmp(subject->instance->id, id) == 0) {
            return subject;
        }
    }
    g_assert_not_reached();
}

static void
add_arrival(Fleet *fleet, const char *id, int ram_mib, const char *group_id, const char *host)
{
    Instance *instance = instance_new();
    instance->id = g_strdup(id);
    instance->group_id = g_strdup(group_id);
    instance->flavor.vcpus = 1;
    instance->flavor.ram_mib = ram_mib;
    g_ptr_array_add(fleet->around->arrivals, arrival_new(instance, host));
}

/* To the one host that takes all of it, though each would have a better one; the largest leads. */
static void
test_affinity(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 5120);
    add_host(fleet, "h2", 8192);
    add(fleet, "alone", 4096, VM_STATE_ACTIVE);
    add_member(fleet, "a", 2048, SERVER_GROUP_AFFINITY);
    assert_plan(fleet, "alone=h2+ a=h1+");
    add_member(fleet, "b", 1024, SERVER_GROUP_AFFINITY);
    assert_plan(fleet, "alone=h2+ a=h1+ b=h1");
    add_member(fleet, "c", 3072, SERVER_GROUP_AFFINITY);
    assert_plan(fleet, "c=h2+ alone=h1+ a=h2 b=h2");
    g_assert_null(step_of(fleet, "c")->waits_for);
    g_assert_true(step_of(fleet, "a")->leader == step_of(fleet, "c"));
    g_assert_nonnull(strstr(step_of(fleet, "a")->waits_for, "it follows 'c' of its server group"));
    /* One that failed before goes while the others are still together. */
    g_autoptr(GHashTable) refusals = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(refusals, (char *)"h3", (char *)"it failed there");
    subject_of(fleet, "b")->refusals = refusals;
    assert_plan(fleet, "b=h2+ alone=h1+ c=h2 a=h2");
    subject_of(fleet, "b")->refusals = NULL;
    subject_of(fleet, "a")->is_held = true;
    assert_plan(fleet, "c=h2 alone=h1+ a=h2 b=h2");
}

/* Where a sum of processors is more than one guest may have, several may, by the ratio. */
static void
test_affinity_by_ratio(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192)->facts.vcpus = 1;
    fleet->policy.cpu_allocation_ratio = 2.0;
    add_member(fleet, "a", 2048, SERVER_GROUP_AFFINITY);
    add_member(fleet, "b", 1024, SERVER_GROUP_AFFINITY);
    assert_plan(fleet, "a=h1+ b=h1");
    fleet->policy.cpu_allocation_ratio = 1.0;
    assert_plan(fleet, "a=- b=-");
}

/* Only one has the device of another one, and is neither among the emptiest nor the fullest. */
static void
test_affinity_of_many_hosts(Fleet *fleet, const void *unused)
{
    fleet->policy.pci_aliases = "{\"name\": \"gpu\", \"vendor_id\": \"10de\"}";
    for (int i = 0; i < 80; i++) {
        g_autofree char *name = g_strdup_printf("h%d", i);
        add_host(fleet, name, 16384 + i);
    }
    add_host(fleet, "has-it", 16384 + 40)->facts.pci_devices =
        g_strdup("0000:3b:00.0 10de 2236 type-PCI 0 1 -");
    add_member(fleet, "a", 2048, SERVER_GROUP_AFFINITY);
    add_member(fleet, "b", 1024, SERVER_GROUP_AFFINITY);
    add_member(fleet, "c", 512, SERVER_GROUP_AFFINITY);
    assert_plan(fleet, "a=h79+ b=h79 c=h79");
    Instance *b = (Instance *)subject_of(fleet, "b")->instance;
    b->vm_state = VM_STATE_STOPPED;
    b->flavor.extra_specs_json = g_strdup("{\"pci_passthrough:alias\": \"gpu:1\"}");
    b->same_host = g_strdup("a");
    assert_plan(fleet, "a=has-it+ b=has-it c=has-it");
}

static void
test_affinity_without_room(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 2048);
    add_host(fleet, "h2", 2048);
    add_member(fleet, "a", 2048, SERVER_GROUP_AFFINITY);
    add_member(fleet, "b", 1024, SERVER_GROUP_AFFINITY);
    assert_plan(fleet, "a=- b=-");
    g_assert_nonnull(strstr(step_of(fleet, "b")->reason, "no host takes all 2 servers of it"));
    g_assert_nonnull(strstr(step_of(fleet, "b")->fix, "make room for all of them on one host"));
    /* Who cannot go anywhere says why, and the others wait for it. */
    ((Instance *)subject_of(fleet, "b")->instance)->flavor.ram_mib = 4096;
    assert_plan(fleet, "b=- a=-");
    g_assert_nonnull(strstr(step_of(fleet, "a")->reason, "moves as a whole, and 'b' stays: "));
    g_assert_true(step_of(fleet, "a")->is_busy);
    g_assert_false(step_of(fleet, "b")->is_busy);
    add_host(fleet, "h3", 8192);
    assert_plan(fleet, "b=h3+ a=h3");
    ((Instance *)subject_of(fleet, "b")->instance)->vm_state = VM_STATE_ERROR;
    assert_plan(fleet, "b=- a=-");
    g_assert_nonnull(strstr(step_of(fleet, "a")->reason, "'b' of it cannot move: it is in ERROR"));
}

/* Who is on its way is followed there, not before it is there, and not elsewhere; its room too is
 * kept. Then all others go at once. */
static void
test_affinity_under_way(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 4096);
    add_host(fleet, "h2", 8192);
    add_member(fleet, "a", 1024, SERVER_GROUP_AFFINITY);
    add_member(fleet, "b", 1024, SERVER_GROUP_AFFINITY);
    add(fleet, "alone", 3072, VM_STATE_ACTIVE);
    add_other(fleet, "first", "source");
    assert_plan(fleet, "alone=h2+ a=- b=-");
    g_assert_nonnull(strstr(step_of(fleet, "a")->reason, "is not among those to be moved"));
    add_arrival(fleet, "first", 2048, "group", "h1");
    assert_plan(fleet, "alone=h2+ a=h1 b=h1");
    add_other(fleet, "first", "h1");
    assert_plan(fleet, "alone=h2+ a=h1 b=h1");
    /* Who has no room there is not given up before it is known who arrives. */
    Instance *b = (Instance *)subject_of(fleet, "b")->instance;
    b->flavor.ram_mib = 8192;
    assert_plan(fleet, "b=- alone=h2+ a=h1");
    g_assert_true(step_of(fleet, "b")->is_busy);
    b->flavor.ram_mib = 1024;
    g_ptr_array_set_size(fleet->around->arrivals, 0);
    g_ptr_array_set_size(fleet->around->neighbours, 2);
    add_other(fleet, "first", "h1");
    assert_plan(fleet, "alone=h2+ a=h1+ b=h1+");
}

static void
test_affinity_restored(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 9216);
    add_member(fleet, "a", 2048, SERVER_GROUP_AFFINITY);
    add_member(fleet, "b", 1024, SERVER_GROUP_AFFINITY);
    fleet->job.is_restore = true;
    subject_of(fleet, "a")->dest_host = subject_of(fleet, "b")->dest_host = "h1";
    assert_plan(fleet, "a=h1+ b=h1");
    add_other(fleet, "late", "source");
    assert_plan(fleet, "a=- b=-");
    g_assert_nonnull(strstr(step_of(fleet, "b")->reason, "server late of it is on source and is"));
    g_assert_cmpstr(step_of(fleet, "b")->fix, ==,
        "drain the host where it is ('drover host drain source'), which keeps its server group "
        "together, or delete the group ('drover server group delete'), which leaves its servers "
        "without one, and restore");
    ((Instance *)subject_of(fleet, "a")->instance)->vm_state = VM_STATE_ERROR;
    g_ptr_array_set_size(fleet->around->neighbours, 2);
    assert_plan(fleet, "a=- b=-");
    g_assert_true(g_str_has_prefix(
        step_of(fleet, "b")->fix, "see to the others of its server group, or delete the group "));
}

/* Two that are drained: what one plans the other does not get, neither goes to the other, and their
 * moves share the slots. */
static void
test_two_jobs(Fleet *fleet, const void *unused)
{
    add_host(fleet, "source2", 65536)->enabled = true;
    fleet->policy.filters_off = ~0U;
    add_host(fleet, "h1", 4096);
    add_host(fleet, "h2", 2048);
    add(fleet, "a", 4096, VM_STATE_ACTIVE);
    add_later(fleet, "b", 2048);
    assert_plan(fleet, "a=h1+ b=h2+");
    add_host(fleet, "h3", 8192);
    fleet->request.host_limit = 1;
    add_later(fleet, "c", 1024);
    assert_plan(fleet, "a=h3+ b=h1+ c=h3");
    subject_of(fleet, "b")->is_held = true;
    assert_plan(fleet, "a=h3+ b=h1 c=h3");
    fleet->request.host_limit = 0;
    fleet->later.parallel = fleet->job.parallel = 1;
    fleet->job.n_under_way = 1;
    assert_plan(fleet, "a=h3 b=h1 c=h3+");
}

/* By itself each of them spreads, and the small one takes the one host for the large one. */
static void
test_two_jobs_pack(Fleet *fleet, const void *unused)
{
    add_host(fleet, "source2", 65536);
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 4096);
    add(fleet, "small", 3072, VM_STATE_ACTIVE);
    add(fleet, "middle", 1024, VM_STATE_ACTIVE);
    add_later(fleet, "large", 8192);
    assert_plan(fleet, "large=h1+ small=h2+ middle=h2+");
}

/* What the earlier one can have, the later one does not take from it, and says so. */
static void
test_the_earlier_job_first(Fleet *fleet, const void *unused)
{
    add_host(fleet, "source2", 65536);
    add_host(fleet, "h1", 8192);
    add(fleet, "a", 2048, VM_STATE_ACTIVE);
    add_later(fleet, "b", 8192);
    assert_plan(fleet, "b=- a=h1+");
    g_assert_true(g_str_has_prefix(step_of(fleet, "b")->reason, "other drains or restores have "));
    g_assert_nonnull(strstr(step_of(fleet, "b")->fix, "drover drain cancel"));
    fleet->job.id = 3;
    assert_plan(fleet, "b=h1+ a=-");
}

/* A move that has not claimed its host yet. */
static void
test_arrivals(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 4096);
    add(fleet, "a", 2048, VM_STATE_ACTIVE);
    add_arrival(fleet, "other", 3072, NULL, "h1");
    assert_plan(fleet, "a=-");
    Arrival *arrival = fleet->around->arrivals->pdata[0];
    arrival->is_claimed = arrival->has_slot = true;
    fleet->request.host_limit = 1;
    assert_plan(fleet, "a=h1+");
    arrival->is_claimed = arrival->has_slot = false;
    arrival->instance->flavor.ram_mib = 1024;
    assert_plan(fleet, "a=h1");
}

/* One that has claimed its host, and is not sent there before that has told its memory. */
static void
test_arrivals_are_counted_once(Fleet *fleet, const void *unused)
{
    add_host(fleet, "h1", 4096);
    add(fleet, "a", 2048, VM_STATE_ACTIVE);
    add_arrival(fleet, "other", 2048, NULL, "h1");
    Arrival *arrival = fleet->around->arrivals->pdata[0];
    HostUsage *usage = g_hash_table_lookup(fleet->usage, "h1");
    usage->ram_mib = usage->arriving_ram_mib = 2048;
    arrival->is_claimed = true;
    fleet->request.host_limit = 1;
    assert_plan(fleet, "a=h1");
    fleet->request.host_limit = 2;
    assert_plan(fleet, "a=h1+");
}

/* A group that two drains have split goes to one host, by both. */
static void
test_a_group_of_two_jobs(Fleet *fleet, const void *unused)
{
    add_host(fleet, "source2", 65536);
    add_host(fleet, "h1", 2048);
    add_host(fleet, "h2", 8192);
    add_member(fleet, "a", 2048, SERVER_GROUP_AFFINITY);
    Instance *b = (Instance *)add_later(fleet, "b", 1024)->instance;
    b->group_id = g_strdup("group");
    b->group_policy = SERVER_GROUP_AFFINITY;
    g_ptr_array_add(fleet->around->neighbours, neighbour_new("b", "group", "source2"));
    assert_plan(fleet, "a=h2+ b=h2");
    g_assert_null(step_of(fleet, "a")->waits_for);
    subject_of(fleet, "b")->is_held = true;
    subject_of(fleet, "b")->why_held = (char *)"the drain of source2 is paused";
    assert_plan(fleet, "a=h2 b=h2");
    g_assert_nonnull(strstr(step_of(fleet, "a")->waits_for, "'b' on source2 is to follow it, "));
    g_assert_nonnull(strstr(step_of(fleet, "a")->waits_for, "begin now: the drain of source2 is "));
    subject_of(fleet, "a")->is_held = true;
    assert_plan(fleet, "a=h2 b=h2");
    g_assert_null(step_of(fleet, "a")->waits_for);
}

static void
test_soft_ones(Fleet *fleet, const void *unused)
{
    fleet->policy.multipliers[PLACEMENT_WEIGHER_SOFT_AFFINITY] = 10;
    fleet->policy.multipliers[PLACEMENT_WEIGHER_SOFT_ANTI_AFFINITY] = 10;
    add_host(fleet, "h1", 8192);
    add_host(fleet, "h2", 4096);
    add_member(fleet, "a", 3072, SERVER_GROUP_SOFT_AFFINITY);
    add_member(fleet, "b", 2048, SERVER_GROUP_SOFT_AFFINITY);
    add_member(fleet, "c", 1024, SERVER_GROUP_SOFT_AFFINITY);
    add_other(fleet, "other", "h2");
    /* With the other one for as long as there is room. */
    assert_plan(fleet, "a=h2+ b=h1+ c=h2+");
    for (unsigned i = 0; i < fleet->instances->len; i++) {
        ((Instance *)fleet->instances->pdata[i])->group_policy = SERVER_GROUP_SOFT_ANTI_AFFINITY;
    }
    assert_plan(fleet, "a=h1+ b=h1+ c=h2+");
}

/* What has failed to get there is not sent there live; switched off it needs no such way. */
static void
test_canaries(Fleet *fleet, const void *unused)
{
    shut_way(fleet, "h1");
    add_host(fleet, "h1", 8192);
    add(fleet, "live", 2048, VM_STATE_ACTIVE);
    add(fleet, "off", 1024, VM_STATE_STOPPED);
    assert_plan(fleet, "live=- off=h1+");
    g_assert_nonnull(strstr(step_of(fleet, "live")->reason, "failed 'canary'"));
    g_assert_nonnull(strstr(step_of(fleet, "live")->fix, "'drover host lint source h1'"));
    g_assert_true(step_of(fleet, "live")->is_way_shut);
    add_host(fleet, "h2", 4096);
    assert_plan(fleet, "live=h2+ off=h1+");
}

/* Where post-copy is permitted for its source, a live move that libvirt would refuse at once is not
 * planned. */
static void
test_post_copy(Fleet *fleet, const void *unused)
{
    Canary *red = g_new0(Canary, 1);
    red->dest_host = g_strdup("h1");
    red->tried_us = red->extra_us = 1;
    red->extra.post_copy = true;
    red->extra_error = g_strdup("Userfaultfd not available: Operation not permitted");
    CanaryMap *ways = canary_map_new();
    canary_map_put(ways, red);
    g_hash_table_insert(fleet->around->canaries, g_strdup("source"), ways);
    add_host(fleet, "h1", 8192);
    add(fleet, "live", 2048, VM_STATE_ACTIVE);
    add(fleet, "paused", 1024, VM_STATE_PAUSED);
    assert_plan(fleet, "live=h1+ paused=h1+");
    g_hash_table_add(fleet->around->post_copies, g_strdup("source"));
    assert_plan(fleet, "live=- paused=h1+");
    g_assert_nonnull(strstr(step_of(fleet, "live")->reason, "failed 'post-copy'"));
    g_assert_nonnull(
        strstr(step_of(fleet, "live")->fix, "'drover host lint --post-copy source h1'"));
    g_assert_true(step_of(fleet, "live")->is_way_shut);
    add_host(fleet, "h2", 4096);
    assert_plan(fleet, "live=h2+ paused=h1+");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fleet *fleet, const void *unused);
    } tests[] = {
        {"/drain_plan/largest-first-and-each-as-it-can", test_order},
        {"/drain_plan/limits-of-the-drain-and-of-both-hosts-hold", test_slots},
        {"/drain_plan/room-is-promised-once", test_capacity},
        {"/drain_plan/free-memory-is-promised-once", test_free_memory},
        {"/drain_plan/packs-where-spreading-leaves-somebody", test_packing},
        {"/drain_plan/hosts-that-failed-come-last", test_refusals},
        {"/drain_plan/what-stays-says-why", test_states},
        {"/drain_plan/a-tpm-moves-live", test_tpm},
        {"/drain_plan/hints-hold-among-what-is-planned", test_hints},
        {"/drain_plan/who-follows-another-one-goes-after-it", test_followers},
        {"/drain_plan/a-hint-that-keeps-a-server-is-told-with-what-lets-it-go",
            test_kept_by_hints},
        {"/drain_plan/anti-affinity-holds-among-what-is-planned", test_anti_affinity},
        {"/drain_plan/what-a-group-binds-is-placed-first-when-room-is-short",
            test_bound_ones_first},
        {"/drain_plan/an-affinity-group-goes-to-one-host-one-of-it-first", test_affinity},
        {"/drain_plan/a-ratio-holds-for-a-group-not-for-one", test_affinity_by_ratio},
        {"/drain_plan/a-group-finds-its-host-among-many", test_affinity_of_many_hosts},
        {"/drain_plan/a-group-that-cannot-go-as-a-whole-says-why", test_affinity_without_room},
        {"/drain_plan/a-group-follows-who-has-begun-to-move", test_affinity_under_way},
        {"/drain_plan/a-restore-brings-a-group-back-as-a-whole", test_affinity_restored},
        {"/drain_plan/two-drains-share-one-plan", test_two_jobs},
        {"/drain_plan/two-drains-pack-together", test_two_jobs_pack},
        {"/drain_plan/the-earlier-drain-comes-first", test_the_earlier_job_first},
        {"/drain_plan/moves-that-have-not-claimed-yet-count", test_arrivals},
        {"/drain_plan/moves-that-wait-for-memory-count-once", test_arrivals_are_counted_once},
        {"/drain_plan/a-group-of-two-drains-moves-as-one", test_a_group_of_two_jobs},
        {"/drain_plan/soft-groups-are-preferred", test_soft_ones},
        {"/drain_plan/canaries-count-for-live-moves", test_canaries},
        {"/drain_plan/no-live-move-where-its-post-copy-would-be-refused", test_post_copy},
        {"/drain_plan/no-processor-is-promised-twice", test_pinned},
        {"/drain_plan/what-needs-most-processors-is-placed-first-when-room-is-short",
            test_most_pinned_first},
        {"/drain_plan/no-page-is-promised-twice", test_huge_pages},
        {"/drain_plan/no-device-is-promised-twice", test_devices},
        {"/drain_plan/what-needs-a-device-is-placed-first-when-room-is-short", test_devices_first},
        {"/drain_plan/volumes-keep-a-live-move-in-its-pool", test_volumes},
        {"/drain_plan/volumes-stay-in-their-pool", test_volumes_stay_in_their_pool},
        {"/drain_plan/answers-of-processors-count-for-live-moves", test_cpus},
        {"/drain_plan/what-cold-fallback-comes-to", test_what_cold_fallback_comes_to},
        {"/drain_plan/disks-count-unless-pools-are-shared", test_sizes},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, Fleet, NULL, set_up, tests[i].run, tear_down);
    }
    return g_test_run();
}
