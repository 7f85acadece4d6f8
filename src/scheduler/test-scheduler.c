/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/volume.h"
#include "scheduler/internal.h"

#include <math.h>
#include <string.h>

enum { NOW_S = 1000 };

typedef struct Fleet {
    PlacementPolicy policy;
    GPtrArray *hosts;
    GHashTable *usage;
    PlacementRequest request;
} Fleet;

static Host *
add_host(Fleet *fleet, const char *name)
{
    Host *host = host_new();
    host->name = g_strdup(name);
    host->zone = g_strdup("nova");
    host->connected = true;
    host->last_seen_us = (NOW_S - 1) * G_USEC_PER_SEC;
    host->has_facts = true;
    host->facts.arch = g_strdup("x86_64");
    host->facts.hypervisor_version = 10000002;
    host->facts.offers = g_strdup("kvm,uefi,tpm");
    host->facts.vcpus = 4;
    host->facts.memory_mib = 4096;
    host->facts.memory_free_mib = 4096;
    host->facts.pool_capacity_bytes = INT64_C(100) << 30;
    host->facts.pool_available_bytes = INT64_C(50) << 30;
    g_ptr_array_add(fleet->hosts, host);
    return host;
}

/* In an aggregate that says this, and in nothing else. */
static void
say(Host *host, const char *key, const char *value, const char *other_key, const char *other_value)
{
    g_autoptr(GPtrArray) aggregates =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_free);
    Aggregate *aggregate = aggregate_new();
    aggregate->name = g_strdup("rack");
    g_ptr_array_add(aggregate->metadata, aggregate_property_new(key, value));
    if (other_key != NULL) {
        g_ptr_array_add(aggregate->metadata, aggregate_property_new(other_key, other_value));
    }
    g_ptr_array_add(aggregates, aggregate);
    host_aggregates_unref(host->aggregates);
    host->aggregates = host_aggregates_new(aggregates);
}

static HostUsage *
use(Fleet *fleet, const char *name)
{
    HostUsage *usage = g_new0(HostUsage, 1);
    g_hash_table_insert(fleet->usage, g_strdup(name), usage);
    return usage;
}

static void
set_up(Fleet *fleet, const void *unused)
{
    fleet->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    fleet->usage = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    fleet->policy = (PlacementPolicy){
        .cpu_allocation_ratio = 1.0,
        .ram_allocation_ratio = 1.0,
        .disk_allocation_ratio = 1.0,
        .multipliers = {[PLACEMENT_WEIGHER_RAM] = 1.0},
    };
    fleet->request = (PlacementRequest){
        .policy = &fleet->policy,
        .instance_id = "i-1",
        .vcpus = 1,
        .ram_mib = 1024,
        .disk_gib = 10,
        .service_down_time_us = 60 * G_USEC_PER_SEC,
        .now_us = NOW_S * G_USEC_PER_SEC,
    };
}

static void
tear_down(Fleet *fleet, const void *unused)
{
    g_ptr_array_unref(fleet->hosts);
    g_hash_table_unref(fleet->usage);
}

/* The name is the host's own. */
static const char *
choose(Fleet *fleet, StoredDecision *decision, GError **error)
{
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    return scheduler_choose(&fleet->request, index, decision, error);
}

static Placement *
explain(Fleet *fleet)
{
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    return scheduler_explain(&fleet->request, index);
}

static void
assert_chosen(Fleet *fleet, const char *name)
{
    g_autoptr(GError) error = NULL;
    const char *chosen = choose(fleet, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(chosen, ==, name);
}

static void
assert_reason(Fleet *fleet, const char *reason)
{
    g_autoptr(GError) error = NULL;
    const char *chosen = choose(fleet, NULL, &error);
    g_assert_null(chosen);
    g_assert_true(error_is(error, ERROR_NO_VALID_HOST));
    g_assert_cmpstr(error->message, ==, reason);
}

static void
test_most_free_ram_wins_then_the_name(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hostc");
    add_host(fleet, "hostb");
    add_host(fleet, "hosta");
    use(fleet, "hosta")->ram_mib = 1;
    assert_chosen(fleet, "hostb");
    use(fleet, "hostb")->ram_mib = 2;
    use(fleet, "hostc")->ram_mib = 3;
    assert_chosen(fleet, "hosta");
}

static void
test_what_others_take_is_not_free(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    HostUsage *usage = use(fleet, "hosta");
    usage->foreign_ram_mib = 1024;
    assert_chosen(fleet, "hostb");
    fleet->request.requested_host = "hosta";
    assert_chosen(fleet, "hosta");
    usage->foreign_ram_mib = 4000;
    assert_reason(fleet,
        "No valid host was found. hosta failed 'ram': needs 1024 MiB, has 96 MiB (4000 MiB are "
        "taken by domains that are not drover's) (free memory, or raise ram_allocation_ratio)");
    usage->foreign_ram_mib = 0;
    usage->foreign_vcpus = 4;
    assert_reason(fleet,
        "No valid host was found. hosta failed 'vcpus': needs 1 vCPUs, has 0 vCPUs (4 vCPUs are "
        "taken by domains that are not drover's) (free some, or raise cpu_allocation_ratio)");
}

static void
test_no_host_at_all(Fleet *fleet, const void *unused)
{
    assert_reason(fleet, "No valid host was found. There are not enough hosts available.");
}

static void
test_reason_counts_and_names(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    use(fleet, "hosta")->ram_mib = 3072 + 1;
    add_host(fleet, "hostb")->last_seen_us = (NOW_S - 300) * G_USEC_PER_SEC;
    assert_reason(fleet,
        "No valid host was found. 2 hosts: "
        "1 failed 'up' (hostb: needs 'up', has 'down', last seen 300 s ago), "
        "1 failed 'ram' (hosta: needs 1024 MiB, has 1023 MiB)");
}

static void
test_reason_of_a_thousand_hosts_is_short(Fleet *fleet, const void *unused)
{
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("host%d", i);
        add_host(fleet, name)->facts.memory_mib = 512;
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(choose(fleet, NULL, &error));
    g_assert_cmpuint(strlen(error->message), <, 250);
    g_assert_nonnull(strstr(error->message, "1000 hosts: 1000 failed 'ram' (host0:"));
}

/* Each case spoils one thing of hostb; hosta is the source. */
typedef struct Case {
    const char *name;
    PlacementCheck check;
    void (*spoil)(Host *host, HostUsage *usage);
    bool force_passes;
    const char *reason; /* when hostb is asked for by name */
} Case;

static void
spoil_zone(Host *host, HostUsage *usage)
{
    g_free(host->zone);
    host->zone = g_strdup("west");
}

static void
spoil_cell(Host *host, HostUsage *usage)
{
    say(host, "ssd", "true", "cell", "c2");
}

static void
spoil_tenant(Host *host, HostUsage *usage)
{
    say(host, "ssd", "true", "filter_tenant_id2", "p2,p3");
}

static void
spoil_extra_specs(Host *host, HostUsage *usage)
{
    say(host, "ssd", "false", NULL, NULL);
}

static void
spoil_anti_affinity(Host *host, HostUsage *usage)
{
    usage->group_members = 1;
}

static void
spoil_alive(Host *host, HostUsage *usage)
{
    host->forced_down = true;
}

static void
spoil_up(Host *host, HostUsage *usage)
{
    host->last_seen_us = 0;
}

static void
spoil_enabled(Host *host, HostUsage *usage)
{
    host->enabled = false;
    host->disabled_reason = g_strdup("disk swap");
}

static void
spoil_connected(Host *host, HostUsage *usage)
{
    host->connected = false;
}

static void
spoil_facts(Host *host, HostUsage *usage)
{
    host->has_facts = false;
    host->facts.memory_mib = 0;
}

static void
spoil_arch(Host *host, HostUsage *usage)
{
    g_free(host->facts.arch);
    host->facts.arch = g_strdup("aarch64");
}

/* Of a guest that is off only the disks go there, and it is defined anew. */
static void
test_only_what_runs_needs_a_host_as_new(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    Host *older = add_host(fleet, "hostb");
    older->facts.hypervisor_version = 7002022;
    fleet->request.source_host = "hosta";
    assert_chosen(fleet, "hostb");
    fleet->request.is_live = true;
    assert_reason(fleet,
        "No valid host was found. 2 hosts: 1 failed 'not-source' (hosta: needs another host, has "
        "the host it is on), 1 failed 'version' (hostb: needs QEMU 10.0.2 or newer, has QEMU "
        "7.2.22)");
    fleet->request.requested_host = "hostb";
    assert_reason(fleet,
        "The instance requires a newer hypervisor version than has been provided. hostb failed "
        "'version': needs QEMU 10.0.2 or newer, has QEMU 7.2.22 (upgrade its QEMU, or move the "
        "guest cold)");
    older->facts.hypervisor_version = 10000002;
    assert_chosen(fleet, "hostb");
    /* Made new, or with a source that was never seen, it has no version to keep. */
    older->facts.hypervisor_version = 7002022;
    fleet->request.source_host = NULL;
    assert_chosen(fleet, "hostb");
}

/* What a TPM holds leaves its host with a running guest; where nothing is taken along it begins
 * anew. */
static void
test_a_tpm_moves_live_alone(Fleet *fleet, const void *unused)
{
    static const struct {
        MigrationType type;
        bool goes;
    } rows[] = {
        {MIGRATION_TYPE_LIVE, true},
        {MIGRATION_TYPE_COLD, false},
        {MIGRATION_TYPE_RESIZE, false},
        {MIGRATION_TYPE_EVACUATION, true},
    };
    Instance instance = {.id = (char *)"i-1",
        .flavor = {.vcpus = 1, .ram_mib = 1024},
        .hardware = {.tpm_version = (char *)"2.0"}};

    add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Migration migration = {.type = rows[i].type,
            .source_host = (char *)"hosta",
            .requested_host = (char *)"hostb"};
        fleet->request = placement_request_to_move(&fleet->policy, &instance, &migration,
            fleet->request.service_down_time_us, fleet->request.now_us);
        if (rows[i].goes) {
            assert_chosen(fleet, "hostb");
        } else {
            assert_reason(fleet,
                "No valid host was found. hostb failed 'tpm': needs no TPM, to move switched off, "
                "has a TPM, whose state moves with a running guest only (migrate it live: one that "
                "is off is started for that)");
        }
    }
    fleet->request = placement_request(&fleet->policy, &instance,
        fleet->request.service_down_time_us, fleet->request.now_us);
    assert_chosen(fleet, "hosta");
}

/* QEMU 7.2 without KVM spoils the memory of guests that move (S1-14, S2-05). */
static void
test_versions_that_lose_guests_are_a_no(Fleet *fleet, const void *unused)
{
    Host *source = add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    fleet->request.source_host = "hosta";
    fleet->request.requested_host = "hostb";
    fleet->request.is_live = true;
    source->facts.hypervisor_version = 7002022;
    assert_chosen(fleet, "hostb");
    g_free(source->facts.offers);
    source->facts.offers = g_strdup("qemu,uefi");
    assert_reason(fleet,
        "No valid host was found. hostb failed 'version-safe': needs a pair of versions that "
        "guests survive, has QEMU 7.2.22 to 10.0.2: it corrupts the memory of busy guests that are "
        "emulated (without KVM) when they move (move it cold, or update QEMU on the source, or "
        "give it KVM)");
    fleet->request.is_live = false;
    assert_chosen(fleet, "hostb");
    fleet->request.is_live = true;
    source->facts.hypervisor_version = 7003000;
    assert_chosen(fleet, "hostb");
}

static void
spoil_firmware(Host *host, HostUsage *usage)
{
    g_free(host->facts.offers);
    host->facts.offers = g_strdup("kvm,xuefi,uefix,tpm");
}

static void
spoil_tpm(Host *host, HostUsage *usage)
{
    g_free(host->facts.offers);
    host->facts.offers = g_strdup("kvm,uefi");
}

static void
spoil_ram(Host *host, HostUsage *usage)
{
    usage->ram_mib = 3073;
}

static void
spoil_vcpus(Host *host, HostUsage *usage)
{
    usage->vcpus = 4;
}

static void
spoil_disk(Host *host, HostUsage *usage)
{
    usage->disk_gib = 91;
}

static void
spoil_disk_free(Host *host, HostUsage *usage)
{
    host->facts.pool_available_bytes = INT64_C(9) << 30;
}

static const Case cases[] = {
    {"zone", PLACEMENT_CHECK_ZONE, spoil_zone, true,
        "No valid host was found. hostb failed 'zone': needs zone 'nova', has zone 'west' (name a "
        "host of its zone)"},
    {"cell", PLACEMENT_CHECK_CELL, spoil_cell, false,
        "No valid host was found. hostb failed 'cell': needs no cell, has cell 'c2' (name a "
        "host that is in no cell)"},
    {"tenant", PLACEMENT_CHECK_TENANT, spoil_tenant, true,
        "No valid host was found. hostb failed 'tenant': needs open to project 'p1', has only for "
        "p2, p3 (add the project to filter_tenant_id of its aggregate)"},
    {"extra-specs", PLACEMENT_CHECK_EXTRA_SPECS, spoil_extra_specs, true,
        "No valid host was found. hostb failed 'extra-specs': needs ssd=true, has ssd=false (say "
        "it in the metadata of an aggregate of the host)"},
    {"anti-affinity", PLACEMENT_CHECK_ANTI_AFFINITY, spoil_anti_affinity, true,
        "No valid host was found. hostb failed 'anti-affinity': needs none of its server group, "
        "has 1 of its server group (name a host without them, or add one)"},
    {"alive", PLACEMENT_CHECK_ALIVE, spoil_alive, false,
        "Compute service of hostb is unavailable at this time. It is forced down; if it is not "
        "dead, 'openstack compute service set --up hostb nova-compute' takes that back."},
    {"up", PLACEMENT_CHECK_UP, spoil_up, false,
        "Compute service of hostb is unavailable at this time."},
    {"enabled", PLACEMENT_CHECK_ENABLED, spoil_enabled, true,
        "No valid host was found. hostb failed 'enabled': needs 'enabled', has 'disabled' (disk "
        "swap) (enable its compute service)"},
    {"connected", PLACEMENT_CHECK_CONNECTED, spoil_connected, false,
        "Compute service of hostb is unavailable at this time."},
    {"facts", PLACEMENT_CHECK_FACTS, spoil_facts, false,
        "No valid host was found. hostb failed 'facts': needs known capacity, has none yet (wait "
        "until the host has been probed)"},
    {"arch", PLACEMENT_CHECK_ARCH, spoil_arch, false,
        "No valid host was found. hostb failed 'arch': needs x86_64, has aarch64 (use a host of "
        "the same architecture)"},
    {"firmware", PLACEMENT_CHECK_FIRMWARE, spoil_firmware, false,
        "No valid host was found. hostb failed 'firmware': needs uefi, has kvm,xuefi,uefix,tpm "
        "(install ovmf on it)"},
    {"tpm", PLACEMENT_CHECK_TPM, spoil_tpm, false,
        "No valid host was found. hostb failed 'tpm': needs tpm, has kvm,uefi (install swtpm and "
        "swtpm-tools on it)"},
    {"ram", PLACEMENT_CHECK_RAM, spoil_ram, false,
        "No valid host was found. hostb failed 'ram': needs 1024 MiB, has 1023 MiB (free memory, "
        "or raise ram_allocation_ratio)"},
    {"vcpus", PLACEMENT_CHECK_VCPUS, spoil_vcpus, true,
        "No valid host was found. hostb failed 'vcpus': needs 1 vCPUs, has 0 vCPUs (free some, or "
        "raise cpu_allocation_ratio)"},
    {"disk", PLACEMENT_CHECK_DISK, spoil_disk, true,
        "No valid host was found. hostb failed 'disk': needs 10 GiB, has 9 GiB (free some, or "
        "raise disk_allocation_ratio)"},
    {"disk-free", PLACEMENT_CHECK_DISK_FREE, spoil_disk_free, false,
        "No valid host was found. hostb failed 'disk-free': needs 10 GiB really free, has 9 GiB "
        "really free (free space in its pool, or allow disk overcommit)"},
};

static void
test_each_check_alone(Fleet *fleet, const void *data)
{
    const Case *spoiled = data;
    add_host(fleet, "hosta");
    Host *host = add_host(fleet, "hostb");
    fleet->request.source_host = "hosta";
    fleet->request.zone = "nova";
    fleet->request.firmware = "uefi";
    fleet->request.tpm_version = "2.0";
    fleet->request.project_id = "p1";
    fleet->request.extra_specs_json =
        "{\"aggregate_instance_extra_specs:ssd\":\"true\",\"hw:cpu_policy\":\"shared\"}";
    fleet->request.group_policy = SERVER_GROUP_ANTI_AFFINITY;
    say(host, "ssd", "true", NULL, NULL);
    assert_chosen(fleet, "hostb");

    spoiled->spoil(host, use(fleet, "hostb"));
    g_autoptr(Placement) placement = explain(fleet);
    g_assert_null(placement->chosen);
    for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
        const PlacementRow *row = &placement->hosts[1].rows[check];
        bool is_spoiled = check == (int)spoiled->check;
        g_assert_cmpint(row->result == PLACEMENT_FAIL, ==, is_spoiled);
        g_assert_cmpint(row->fix != NULL, ==, is_spoiled);
        g_assert_nonnull(row->needed);
        g_assert_nonnull(row->have);
    }
    fleet->request.requested_host = "hostb";
    assert_reason(fleet, spoiled->reason);
    fleet->request.force = true;
    if (spoiled->force_passes) {
        assert_chosen(fleet, "hostb");
    } else {
        assert_reason(fleet, spoiled->reason);
    }
}

/* What the explanation says of a host is what the choice does: the ranks are its order, and the
 * shares add up. */
static void
test_explanation_ranks_as_the_choice_does(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    add_host(fleet, "hostc");
    add_host(fleet, "hostd")->enabled = false;
    use(fleet, "hosta")->ram_mib = 2000;
    *use(fleet, "hostb") = (HostUsage){.ram_mib = 1000, .vcpus = 3};
    fleet->policy.multipliers[PLACEMENT_WEIGHER_CPU] = 0.5;
    fleet->policy.multipliers[PLACEMENT_WEIGHER_DISK] = 7;
    assert_chosen(fleet, "hostc");
    g_autoptr(Placement) placement = explain(fleet);
    g_assert_cmpstr(placement->chosen, ==, "hostc");
    g_assert_null(placement->reason);
    g_assert_cmpuint(placement->n_fit, ==, 3);
    static const unsigned ranks[] = {3, 2, 1, 0};
    static const double weights[] = {0.5, 0.5, 1.5, 0};
    for (unsigned i = 0; i < G_N_ELEMENTS(ranks); i++) {
        const PlacementHost *entry = &placement->hosts[i];
        double sum = 0;
        for (int j = 0; j < PLACEMENT_N_WEIGHERS; j++) {
            sum += entry->shares[j].share;
        }
        g_assert_cmpfloat_with_epsilon(entry->weight, weights[i], 1e-9);
        g_assert_cmpfloat_with_epsilon(entry->weight, sum, 1e-9);
        g_assert_true(i < 2 || entry->rank == ranks[i]);
    }
    /* hosta and hostb weigh the same: the name decides. */
    g_assert_cmpuint(placement->hosts[0].rank, ==, 2);
    g_assert_cmpuint(placement->hosts[1].rank, ==, 3);
    fleet->policy.multipliers[PLACEMENT_WEIGHER_RAM] = -1;
    assert_chosen(fleet, "hosta");
}

static void
test_filters_switch_their_checks(Fleet *fleet, const void *unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    unsigned off = 0;
    char *all[] = {"ComputeFilter", "NumInstancesFilter", "RamFilter", NULL};
    char *none[] = {"TrustedFilter", NULL};
    char *wrong[] = {"ComputeFiler", NULL};
    Host *host = add_host(fleet, "hosta");
    host->enabled = false;
    g_assert_true(placement_read_filters(
        none, &fleet->policy.filters_off, warnings, &error));
    g_assert_cmpuint(warnings->len, ==, 1);
    assert_chosen(fleet, "hosta");
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *row = &placement->hosts[0].rows[PLACEMENT_CHECK_ENABLED];
    g_assert_cmpint(row->result, ==, PLACEMENT_OFF);
    g_assert_null(row->fix);
    host->forced_down = true;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'alive' (hosta: needs not 'forced down', "
        "has 'forced down')");
    host->forced_down = false;

    g_assert_true(placement_read_filters(
        all, &fleet->policy.filters_off, warnings, &error));
    g_assert_cmpuint(warnings->len, ==, 1);
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'enabled' (hosta: needs 'enabled', has "
        "'disabled')");
    host->enabled = true;
    fleet->policy.max_instances_per_host = 2;
    use(fleet, "hosta")->claims = 1;
    assert_chosen(fleet, "hosta");
    use(fleet, "hosta")->claims = 2;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'instances' (hosta: needs less than 2 "
        "instances, has 2 instances)");

    g_assert_false(placement_read_filters(wrong, &off, warnings, &error));
    g_assert_cmpstr(error->message, ==, "Nova has no filter 'ComputeFiler'");
}

static PlacementResult
look_at_memory(Fleet *fleet)
{
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *row = &placement->hosts[0].rows[PLACEMENT_CHECK_RAM_FREE];
    g_assert_true((row->fix != NULL) ==
        (row->result == PLACEMENT_FAIL || row->result == PLACEMENT_WARN));
    return row->result;
}

/* Also for whoever forces; whoever overcommits on purpose is told. */
static void
test_memory_that_is_not_really_free_is_a_no(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    fleet->policy.ram_allocation_ratio = 16;
    host->facts.memory_free_mib = 1024;
    assert_chosen(fleet, "hosta");
    host->facts.memory_free_mib = 1023;
    fleet->request.requested_host = "hosta";
    fleet->request.force = true;
    assert_reason(fleet,
        "No valid host was found. hosta failed 'ram-free': needs 1024 MiB really free, has 1023 "
        "MiB really free (see what takes its memory, or move guests off it)");
    fleet->request.stays_off = true; /* it takes none */
    assert_chosen(fleet, "hosta");
    fleet->request.stays_off = false;
    fleet->request.extra_specs_json = "{\"hw:mem_page_size\": \"any\"}";
    g_assert_cmpint(look_at_memory(fleet), ==, PLACEMENT_FAIL);
    fleet->request.extra_specs_json = "{\"hw:mem_page_size\": \"2MB\"}"; /* kept for such guests */
    g_assert_cmpint(look_at_memory(fleet), ==, PLACEMENT_PASS);
    fleet->request.extra_specs_json = NULL;
    fleet->policy.ram_over_commit = true;
    assert_chosen(fleet, "hosta");
    g_assert_cmpint(look_at_memory(fleet), ==, PLACEMENT_WARN);
}

/* What is on its way is as good as there, and the same bytes are promised to nobody else. */
static void
test_free_memory_is_promised_once(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    HostUsage *usage = use(fleet, "hosta");
    fleet->policy.ram_allocation_ratio = 16;
    host->facts.memory_free_mib = 3000;
    usage->ram_mib = 1976;
    usage->arriving_ram_mib = 1976;
    g_assert_true(placement_has_memory(&fleet->policy, host, usage));
    assert_chosen(fleet, "hosta");
    usage->ram_mib = 1977;
    usage->arriving_ram_mib = 1977;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'ram-free' (hosta: needs 1024 MiB really free, "
        "has 1023 MiB really free (of 3000 MiB, with 1977 MiB for guests on their way to it))");
    usage->ram_mib = host->facts.memory_mib;
    usage->arriving_ram_mib = 1900;
    fleet->policy.reserved_host_memory_mib = 512;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'ram-free' (hosta: needs 1024 MiB really free, "
        "has 588 MiB really free (of 3000 MiB, with 1900 MiB for guests on their way to it and 512 "
        "MiB kept for itself))");
    fleet->policy.reserved_host_memory_mib = 0;
    usage->arriving_ram_mib = 3000;
    g_assert_true(placement_has_memory(&fleet->policy, host, usage));
    usage->arriving_ram_mib = 3001;
    g_assert_false(placement_has_memory(&fleet->policy, host, usage));
}

/* Once: what the host uses of it already is not free, and lies in what nobody claims. */
static void
test_reserved_memory_is_kept_once(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta"); /* of 4096 MiB */
    HostUsage *usage = use(fleet, "hosta");
    fleet->policy.ram_allocation_ratio = 16;
    fleet->policy.reserved_host_memory_mib = 512;
    host->facts.memory_free_mib = 1024;
    usage->ram_mib = 4096 - 512 - 1024;
    assert_chosen(fleet, "hosta");
    usage->ram_mib++; /* a MiB of it is to come from what is free */
    g_assert_cmpint(look_at_memory(fleet), ==, PLACEMENT_FAIL);
    usage->ram_mib = 40960;
    host->facts.memory_free_mib = 1024 + 511;
    g_assert_cmpint(look_at_memory(fleet), ==, PLACEMENT_FAIL);
    host->facts.memory_free_mib = 1024 + 512;
    assert_chosen(fleet, "hosta");
}

/* Those that lack anything else would be asked in vain. */
static void
test_hosts_that_lack_nothing_but_memory_are_told(Fleet *fleet, const void *unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    for (int i = 0; i < 12; i++) {
        g_autofree char *name = g_strdup_printf("host%02d", i);
        add_host(fleet, name)->facts.memory_free_mib = 10;
        use(fleet, name)->ram_mib = i == 0 ? 2000 : i;
    }
    ((Host *)fleet->hosts->pdata[3])->connected = false;
    g_assert_null(choose(fleet, decision, &error));
    g_autofree char *names = g_strjoinv(",", decision->short_hosts);
    g_assert_cmpstr(names, ==, "host01,host02,host04,host05,host06,host07,host08,host09");
}

/* Whatever a ratio says. Source: Placement, max_unit. */
static void
test_no_server_is_larger_than_its_host(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    fleet->policy.ram_allocation_ratio = 16;
    fleet->policy.cpu_allocation_ratio = 16;
    fleet->request.vcpus = 4;
    fleet->request.ram_mib = 4096;
    assert_chosen(fleet, "hosta");
    fleet->request.ram_mib = 4097;
    fleet->request.requested_host = "hosta";
    assert_reason(fleet,
        "No valid host was found. hosta failed 'ram': needs 4097 MiB on one host, has 4096 MiB in "
        "all (take a smaller flavor or a larger host: no ratio lets one server have more)");
    fleet->request.ram_mib = 1024;
    fleet->request.vcpus = 5;
    assert_reason(fleet,
        "No valid host was found. hosta failed 'vcpus': needs 5 vCPUs on one host, has 4 vCPUs in "
        "all (take a smaller flavor or a larger host: no ratio lets one server have more)");
    Host *host = fleet->hosts->pdata[0];
    host->facts.has_floating_cpus = true; /* the others are for pinned guests */
    host->facts.floating_cpus = 0;
    fleet->request.vcpus = 4;
    assert_reason(fleet,
        "No valid host was found. hosta failed 'vcpus': needs 4 vCPUs on one host, has 0 vCPUs in "
        "all (add to its cpu_shared_set and restart droverd, or take a smaller flavor)");
    fleet->request.force = true;
    assert_chosen(fleet, "hosta");
}

/* To hosta. */
static CanaryMap *
map_canary(const Canary *canary)
{
    CanaryMap *map = canary_map_new();
    Canary *copy = g_memdup2(canary, sizeof *canary);
    copy->dest_host = g_strdup("hosta");
    copy->error = g_strdup(canary->error);
    copy->extra_error = g_strdup(canary->extra_error);
    copy->move_error = g_strdup(canary->move_error);
    canary_map_put(map, copy);
    return map;
}

static Placement *
explain_way(Fleet *fleet, const Canary *canary)
{
    g_autoptr(CanaryMap) canaries = map_canary(canary);
    fleet->request.canaries = canaries;
    Placement *placement = explain(fleet);
    fleet->request.canaries = NULL;
    return placement;
}

static PlacementResult
look_at_way(Fleet *fleet, Canary canary, const char *problem)
{
    fleet->request.source_host = "source";
    g_autoptr(Placement) placement = explain_way(fleet, &canary);
    const PlacementRow *row = &placement->hosts[0].rows[PLACEMENT_CHECK_CANARY];
    bool is_told = row->result == PLACEMENT_FAIL || row->result == PLACEMENT_WARN;
    g_assert_cmpstr(row->fix, ==,
        is_told ? "mend the way, and send another: 'drover host lint source hosta'" : NULL);
    g_assert_true(problem == NULL || strstr(row->have, problem) != NULL);
    g_assert_cmpint(placement->n_fit, ==, row->result == PLACEMENT_FAIL ? 0 : 1);
    return row->result;
}

static PlacementResult
look_at_canary(Fleet *fleet, int64_t tried_s, const char *problem)
{
    Canary canary = {.tried_us = tried_s * G_USEC_PER_SEC, .error = (char *)problem};

    return look_at_way(fleet, canary, problem);
}

/* No age makes a no better: with what it depends on the class of the host changes. */
static void
test_a_class_of_processors_that_cannot_is_no_choice(Fleet *fleet, const void *unused)
{
    PlatformAnswer no = {.asked_host = (char *)"hostz", .refusal = (char *)"it lacks avx"};
    PlatformAnswer yes = {.asked_host = (char *)"hostb"};
    g_autoptr(GHashTable) platforms = g_hash_table_new(g_str_hash, g_str_equal);
    add_host(fleet, "hosta")->facts.cpu_class = g_strdup("old");
    add_host(fleet, "hostb")->facts.cpu_class = g_strdup("new");
    add_host(fleet, "hostc");
    g_hash_table_insert(platforms, (char *)"old", &no);
    g_hash_table_insert(platforms, (char *)"new", &yes);
    fleet->request.platforms = platforms;
    fleet->request.force = true;
    g_autoptr(Placement) placement = explain(fleet);
    fleet->request.platforms = NULL;
    const PlacementRow *row = &placement->hosts[0].rows[PLACEMENT_CHECK_CPU];
    g_assert_cmpint(row->result, ==, PLACEMENT_FAIL);
    g_assert_nonnull(strstr(row->have, "host 'hostz' says: it lacks avx"));
    row = &placement->hosts[1].rows[PLACEMENT_CHECK_CPU];
    g_assert_cmpint(row->result, ==, PLACEMENT_PASS);
    row = &placement->hosts[2].rows[PLACEMENT_CHECK_CPU];
    g_assert_cmpint(row->result, ==, PLACEMENT_UNKNOWN);
    g_assert_cmpint(placement->n_fit, ==, 2);
}

/* It is the same everywhere; what could not be asked is nothing. */
static void
test_a_guest_that_cannot_leave_goes_nowhere(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    fleet->request.is_live = true;
    fleet->request.guest_stays = "cannot migrate domain with 2 snapshots";
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'guest' (hosta: needs a guest that can move "
        "while it runs, has one of which its host says: cannot migrate domain with 2 snapshots)");
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *row = &placement->hosts[0].rows[PLACEMENT_CHECK_GUEST];
    g_assert_nonnull(strstr(row->fix, "virsh snapshot-delete"));
    g_assert_cmpstr(placement->fails_with, ==, fleet->request.guest_stays);
    assert_reason(fleet, placement->reason);
    /* What the request would be told comes first: it never gets as far as its guest. */
    fleet->request.ram_mib = INT64_C(1) << 40;
    g_autoptr(Placement) big = explain(fleet);
    fleet->request.guest_stays = NULL;
    assert_reason(fleet, big->reason);
    g_assert_nonnull(strstr(big->reason, "failed 'ram'"));
    g_assert_null(big->fails_with);
    fleet->request.ram_mib = 1;
    fleet->request.guest_stays = "";
    assert_chosen(fleet, "hosta");
    g_autoptr(Placement) able = explain(fleet);
    g_assert_cmpstr(
        able->hosts[0].rows[PLACEMENT_CHECK_GUEST].have, ==, "one that can");
    fleet->request.guest_stays = NULL;
    assert_chosen(fleet, "hosta");
    g_autoptr(Placement) blind = explain(fleet);
    row = &blind->hosts[0].rows[PLACEMENT_CHECK_GUEST];
    g_assert_cmpint(row->result, ==, PLACEMENT_UNKNOWN);
}

/* A guest that is off needs no way for its memory, and no processor like the one it had. */
static void
test_what_is_of_live_moves_is_no_matter_of_others(Fleet *fleet, const void *unused)
{
    static const PlacementCheck LIVE_ONLY[] = {PLACEMENT_CHECK_GUEST, PLACEMENT_CHECK_CPU,
        PLACEMENT_CHECK_REHEARSAL, PLACEMENT_CHECK_CANARY, PLACEMENT_CHECK_POST_COPY};
    add_host(fleet, "hosta");
    fleet->request.source_host = "hostb";
    for (int is_live = 0; is_live < 2; is_live++) {
        fleet->request.is_live = is_live;
        g_autoptr(Placement) placement = explain(fleet);
        for (size_t i = 0; i < G_N_ELEMENTS(LIVE_ONLY); i++) {
            const PlacementRow *row = &placement->hosts[0].rows[LIVE_ONLY[i]];
            g_assert_cmpint(row->result, ==, is_live ? PLACEMENT_UNKNOWN : PLACEMENT_PASS);
            g_assert_cmpint(strcmp(row->have, "it is off when it moves") == 0, ==, !is_live);
        }
    }
}

/* Cold, or from a host that emulates as well, it is made anew; who does not tell is taken. */
static void
test_a_guest_in_kvm_stays_in_kvm(Fleet *fleet, const void *unused)
{
    Host *source = add_host(fleet, "hosta");
    Host *dest = add_host(fleet, "hostb");
    source->facts.offers = g_strdup("kvm,uefi");
    dest->facts.offers = g_strdup("qemu,uefi");
    fleet->request.source_host = "hosta";
    fleet->request.requested_host = "hostb";
    assert_chosen(fleet, "hostb");
    fleet->request.is_live = true;
    assert_reason(fleet,
        "No valid host was found. hostb failed 'virt-type': needs kvm, in which the guest runs, "
        "has qemu: emulation alone (enable virtualization in its firmware and load the kvm "
        "module, or move the guest cold)");
    g_free(dest->facts.offers);
    dest->facts.offers = NULL;
    assert_chosen(fleet, "hostb");
    g_free(source->facts.offers);
    source->facts.offers = g_strdup("qemu");
    dest->facts.offers = g_strdup("qemu");
    assert_chosen(fleet, "hostb");
}

/* A failure that is fresh is a no, one that is old a word; nothing is held against the untried. */
static void
test_a_failed_canary_is_a_no_for_a_while(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    g_assert_cmpint(look_at_canary(fleet, 0, NULL), ==, PLACEMENT_UNKNOWN);
    g_assert_cmpint(look_at_canary(fleet, NOW_S - 60, NULL), ==, PLACEMENT_PASS);
    g_assert_cmpint(look_at_canary(fleet, NOW_S - 599, "no way"), ==, PLACEMENT_FAIL);
    g_assert_cmpint(look_at_canary(fleet, NOW_S - 600, "no way"), ==, PLACEMENT_WARN);
    fleet->request.force = true;
    fleet->request.requested_host = "hosta";
    g_assert_cmpint(look_at_canary(fleet, NOW_S - 1, "no way"), ==, PLACEMENT_OFF);
}

/* What is later counts: a guest that got there, or one that did not where a canary had. */
static void
test_a_guest_knows_better_than_an_older_canary(Fleet *fleet, const void *unused)
{
    const int64_t tried_us = (NOW_S - 60) * G_USEC_PER_SEC;
    Canary red = {.tried_us = tried_us, .error = (char *)"no way", .moved_us = tried_us + 1};
    Canary green = {
        .tried_us = tried_us, .moved_us = tried_us + 1, .move_error = (char *)"lost on the way"};
    add_host(fleet, "hosta");
    g_assert_cmpint(look_at_way(fleet, red, "a guest from there arrived"), ==, PLACEMENT_PASS);
    red.moved_us = tried_us - 1;
    g_assert_cmpint(look_at_way(fleet, red, "no way"), ==, PLACEMENT_FAIL);
    g_assert_cmpint(
        look_at_way(fleet, green, "a guest from there failed 0 min ago: lost on the way"), ==,
        PLACEMENT_WARN);
    green.moved_us = tried_us - 1;
    g_assert_cmpint(look_at_way(fleet, green, "the canary"), ==, PLACEMENT_PASS);
}

/* A second canary that went in another way says nothing of this one. */
static void
test_a_failed_post_copy_is_a_warning(Fleet *fleet, const void *unused)
{
    Canary canary = {.tried_us = 1, .extra = {.post_copy = true}, .extra_us = 2};
    add_host(fleet, "hosta");
    fleet->request.source_host = "source";
    g_autoptr(Placement) green = explain_way(fleet, &canary);
    canary.extra_error = (char *)"userfaultfd: not permitted";
    g_autoptr(Placement) red = explain_way(fleet, &canary);
    canary.extra.post_copy = false;
    g_autoptr(Placement) other = explain_way(fleet, &canary);
    const PlacementRow *row = &red->hosts[0].rows[PLACEMENT_CHECK_POST_COPY];
    g_assert_cmpint(
        green->hosts[0].rows[PLACEMENT_CHECK_POST_COPY].result, ==, PLACEMENT_PASS);
    g_assert_cmpint(row->result, ==, PLACEMENT_WARN);
    g_assert_nonnull(strstr(row->have, "min ago: userfaultfd: not permitted"));
    g_assert_cmpstr(
        row->fix, ==, "mend it, and try: 'drover host lint --post-copy source hosta'");
    g_assert_cmpuint(red->n_fit, ==, 1);
    g_assert_cmpint(
        other->hosts[0].rows[PLACEMENT_CHECK_POST_COPY].result, ==, PLACEMENT_UNKNOWN);
}

/* Where post-copy is permitted that libvirt refuses at once, unless it is not tried for another
 * reason: then it is the word that it is for others. */
static void
test_a_kernel_without_userfaultfd_is_a_no_where_post_copy_is_permitted(
    Fleet *fleet, const void *unused)
{
    enum { CAN = 8005000, CANNOT = 8004000 };
    static const char KERNEL[] = "internal error: unable to execute QEMU command: Postcopy is not "
                                 "supported: Userfaultfd not available: Operation not permitted";
    static const struct {
        const char *problem;
        VmState vm_state;
        int source, dest;
        bool permits, is_cold, forces;
        PlacementResult result;
    } rows[] = {
        {KERNEL, VM_STATE_ACTIVE, CAN, CAN, true, .result = PLACEMENT_FAIL},
        {KERNEL, VM_STATE_ACTIVE, CAN, CAN, false, .result = PLACEMENT_WARN},
        {KERNEL, VM_STATE_PAUSED, CAN, CAN, true, .result = PLACEMENT_WARN},
        {KERNEL, VM_STATE_ACTIVE, CANNOT, CAN, true, .result = PLACEMENT_WARN},
        {KERNEL, VM_STATE_ACTIVE, CAN, CANNOT, true, .result = PLACEMENT_WARN},
        {"no route to host", VM_STATE_ACTIVE, CAN, CAN, true, .result = PLACEMENT_WARN},
        {NULL, VM_STATE_ACTIVE, CAN, CAN, true, .result = PLACEMENT_PASS},
        {KERNEL, VM_STATE_ACTIVE, CAN, CAN, true, .forces = true, .result = PLACEMENT_OFF},
        {KERNEL, VM_STATE_ACTIVE, CAN, CAN, true, .is_cold = true, .result = PLACEMENT_WARN},
    };
    Host *dest = add_host(fleet, "hosta");
    Host *source = add_host(fleet, "source");
    g_autoptr(Instance) guest = instance_new();
    fleet->request.source_host = "source";
    fleet->request.requested_host = "hosta";
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Canary canary = {.tried_us = 1, .extra = {.post_copy = true}, .extra_us = 2};
        canary.extra_error = (char *)rows[i].problem;
        g_autoptr(CanaryMap) canaries = map_canary(&canary);
        source->facts.libvirt_version = rows[i].source;
        dest->facts.libvirt_version = rows[i].dest;
        guest->vm_state = rows[i].vm_state;
        fleet->request.is_live = !rows[i].is_cold;
        fleet->request.force = rows[i].forces;
        fleet->request.canaries = canaries;
        placement_permit_post_copy(&fleet->request, guest, rows[i].permits);
        g_autoptr(Placement) told = explain(fleet);
        const PlacementRow *row = &told->hosts[0].rows[PLACEMENT_CHECK_POST_COPY];
        g_assert_cmpint(row->result, ==, rows[i].result);
        g_assert_cmpstr(
            choose(fleet, NULL, NULL), ==, row->result == PLACEMENT_FAIL ? NULL : "hosta");
        if (row->result == PLACEMENT_FAIL) {
            g_assert_cmpstr(row->fix, ==,
                "set vm.unprivileged_userfaultfd = 1 on hosta, and send another: 'drover host lint "
                "--post-copy source hosta'; or set live_migration_permit_post_copy = false for "
                "source or its group");
        }
    }
    fleet->request.canaries = NULL;
}

/* A host that has not told what it offers may have it all. */
static void
test_unknown_offers_are_no_refusal(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    g_clear_pointer(&host->facts.offers, g_free);
    fleet->request.firmware = "uefi";
    assert_chosen(fleet, "hosta");
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *rows = placement->hosts[0].rows;
    g_assert_cmpint(rows[PLACEMENT_CHECK_FIRMWARE].result, ==, PLACEMENT_UNKNOWN);
    g_assert_cmpint(rows[PLACEMENT_CHECK_TPM].result, ==, PLACEMENT_PASS);
}

static void
add_port(GPtrArray *ports, const char *network, const char *bridge)
{
    Port *port = port_new();
    port->network_id = g_strdup(network);
    port->network_name = g_strdup(network);
    port->bridge = g_strdup(bridge);
    g_ptr_array_add(ports, port);
}

static void
test_a_host_without_the_bridge_is_no_choice(Fleet *fleet, const void *unused)
{
    g_autoptr(GPtrArray) ports = g_ptr_array_new_with_free_func((GDestroyNotify)port_free);
    add_port(ports, "private", "br0");
    add_port(ports, "backend", "br1");
    add_port(ports, "private", "br0");
    static const char *const bridges[] = {"br0,br10", "br0,br10", "", "br0,br1,br2"};
    static const char *const names[] = {"hosta", "hostb", "hostc", "hostd"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        add_host(fleet, names[i])->facts.bridges = g_strdup(bridges[i]);
    }
    add_host(fleet, "hoste");
    assert_chosen(fleet, "hosta"); /* nothing is asked for */
    fleet->request.ports = ports;
    assert_chosen(fleet, "hostd");
    fleet->request.requested_host = "hostb";
    assert_reason(fleet, "No valid host was found. hostb failed 'networks': needs bridge br0 of "
                         "'private', br1 of 'backend', has br0, br10 (make the bridge there, as on "
                         "the other hosts)");
    fleet->request.requested_host = "hostc";
    assert_reason(fleet, "No valid host was found. hostc failed 'networks': needs bridge br0 of "
                         "'private', br1 of 'backend', has no bridge (make the bridge there, as on "
                         "the other hosts)");
    fleet->request.force = true;
    assert_chosen(fleet, "hostc");
    fleet->request.force = false;
    fleet->request.requested_host = "hoste"; /* which does not tell */
    assert_chosen(fleet, "hoste");
    g_autoptr(Placement) placement = explain(fleet);
    const PlacementRow *row = &placement->hosts[4].rows[PLACEMENT_CHECK_NETWORKS];
    g_assert_cmpint(row->result, ==, PLACEMENT_UNKNOWN);
    g_assert_cmpstr(row->have, ==, "not told: its libvirt does not list interfaces");
}

/* Everything that is told later is what was told then. */
static void
test_record_is_what_was_decided(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta")->enabled = false;
    add_host(fleet, "hostb");
    add_host(fleet, "hostc");
    use(fleet, "hostb")->ram_mib = 100;
    fleet->request.zone = "no\tva";
    Host *host = fleet->hosts->pdata[2];
    g_free(host->zone);
    host->zone = g_strdup("no\tva");
    fleet->policy.multipliers[PLACEMENT_WEIGHER_CPU] = -0.25;
    fleet->policy.decisions_kept_us = 7;
    StoredDecision decision = {0};
    g_assert_cmpstr(choose(fleet, &decision, NULL), ==, "hostc");
    g_assert_cmpint(decision.kept_until_us, ==, fleet->request.now_us + 7);

    g_autoptr(GError) error = NULL;
    g_autofree char *text = decision.text;
    g_autoptr(Placement) told = placement_from_text(text, &error);
    g_autofree char *again = placement_to_text(told);
    g_assert_cmpstr(again, ==, text);
    g_autoptr(Placement) now = explain(fleet);
    g_autofree char *now_text = placement_to_text(now);
    g_assert_cmpstr(now_text, ==, text);
    for (unsigned i = 0; i < now->n_told; i++) {
        for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
            const PlacementRow *row = &told->hosts[i].rows[check];
            g_assert_cmpint(row->result, ==, now->hosts[i].rows[check].result);
            g_assert_cmpstr(row->needed, ==, now->hosts[i].rows[check].needed);
            g_assert_cmpstr(row->have, ==, now->hosts[i].rows[check].have);
            g_assert_cmpstr(row->fix, ==, now->hosts[i].rows[check].fix);
        }
    }
    g_assert_cmpstr(told->zone, ==, "no\tva");
    g_assert_nonnull(told->hosts[0].rows[PLACEMENT_CHECK_ENABLED].fix);
    g_assert_cmpfloat(told->hosts[2].shares[PLACEMENT_WEIGHER_CPU].multiplier, ==, -0.25);
}

static void
test_record_of_many_hosts_is_short(Fleet *fleet, const void *unused)
{
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("host%03d", i);
        add_host(fleet, name)->enabled = i % 2 == 0;
        use(fleet, name)->ram_mib = i % 4 == 0 ? 4096 : i;
    }
    fleet->policy.decisions_kept_us = 1;
    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    g_assert_cmpstr(choose(fleet, decision, NULL), ==, "host002");
    const char *text = decision->text;
    g_autoptr(Placement) told = placement_from_text(text, NULL);
    g_assert_cmpuint(told->n_hosts, ==, 1000);
    g_assert_cmpuint(told->n_fit, ==, 250);
    /* The five best, and three of the one no and two of the other. */
    g_assert_cmpuint(told->n_told, ==, 5 + 3 + 2);
    g_assert_cmpstr(told->hosts[0].name, ==, "host000");
    g_assert_cmpint(told->hosts[0].rows[PLACEMENT_CHECK_RAM].result, ==, PLACEMENT_FAIL);
    g_assert_cmpuint(told->hosts[2].rank, ==, 1);
    g_assert_cmpuint(strlen(text), <, 12000);
}

static PlacementVerdict
verdict_of(const StoredDecision *decision, const Placement *told, const char *name)
{
    PlacementVerdict verdict = {0};
    int at = host_names_find(decision->hosts->text, name);
    g_assert_cmpint(at, >=, 0);
    g_assert_true(placement_read_verdict(told, decision->verdicts, (unsigned)at, &verdict));
    return verdict;
}

/* Of a host that has no row it is told which no was its first, or how well it fits. */
static void
test_record_tells_of_every_host(Fleet *fleet, const void *unused)
{
    enum { HOSTS = 2000 };
    for (int i = 0; i < HOSTS; i++) {
        g_autofree char *name = g_strdup_printf("host%04d", i);
        add_host(fleet, name)->enabled = i % 2 == 0;
        use(fleet, name)->ram_mib = i % 4 == 0 ? 4096 : i;
    }
    fleet->policy.decisions_kept_us = 1;
    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    choose(fleet, decision, NULL);
    g_autoptr(Placement) told = placement_from_text(decision->text, NULL);
    g_autoptr(Placement) all = explain(fleet);
    g_assert_cmpuint(told->n_firsts, ==, 2);
    g_assert_cmpuint(told->firsts[0].n_hosts + told->firsts[1].n_hosts + told->n_fit, ==, HOSTS);
    for (unsigned i = 0; i < all->n_told; i++) {
        const PlacementHost *host = &all->hosts[i];
        PlacementVerdict verdict = verdict_of(decision, told, host->name);
        g_assert_cmpstr(verdict.failed, ==, host->rank > 0 ? NULL : i % 2 == 1 ? "enabled" : "ram");
        if (host->rank > 0) {
            g_assert_cmpuint(verdict.rank_first, <=, host->rank);
            g_assert_cmpuint(verdict.rank_last, >=, host->rank);
            g_assert_cmpuint(verdict.rank_last - verdict.rank_first, <, 10);
            g_assert_cmpfloat(verdict.weight_least, <=, host->weight + 1e-9);
            g_assert_cmpfloat(verdict.weight_most, >=, host->weight - 1e-9);
        }
    }
    PlacementVerdict verdict = {0};
    g_assert_cmpint(host_names_find(decision->hosts->text, "host00"), ==, -1);
    g_assert_false(placement_read_verdict(told, decision->verdicts, HOSTS, &verdict));
    g_assert_false(placement_read_verdict(told, NULL, 0, &verdict));
}

/* A short explanation has the rows of a few, and the counts of all. */
static void
test_explanation_of_some_hosts(Fleet *fleet, const void *unused)
{
    for (int i = 0; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("host%02d", i);
        add_host(fleet, name)->enabled = i % 4 != 0;
        use(fleet, name)->ram_mib = i == 50 ? 0 : 64;
    }
    g_autoptr(HostIndex) index = host_index_of(fleet->hosts, fleet->usage);
    g_autoptr(Placement) one = scheduler_explain_some(&fleet->request, index, 1);
    g_autoptr(Placement) some = scheduler_explain_some(&fleet->request, index, 20);
    g_autoptr(Placement) all = scheduler_explain_some(&fleet->request, index, 100);
    g_assert_cmpuint(one->n_told, ==, 1);
    g_assert_cmpstr(one->hosts[0].name, ==, "host50");
    g_assert_cmpuint(some->n_told, ==, 10 + 3);
    g_assert_cmpuint(all->n_told, ==, 100);
    const Placement *each[] = {one, some, all};
    for (size_t i = 0; i < G_N_ELEMENTS(each); i++) {
        g_assert_cmpstr(each[i]->chosen, ==, "host50");
        g_assert_cmpuint(each[i]->n_firsts, ==, 1);
        g_assert_cmpstr(each[i]->firsts[0].check, ==, "enabled");
        g_assert_cmpuint(each[i]->firsts[0].n_hosts, ==, 25);
    }
}

/* What was asked for and configured, for whoever asks when that has changed. */
static void
test_record_tells_its_inputs(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    say(host, "ram_allocation_ratio", "3.0", "max_io_ops_per_host", "7");
    host->facts.has_floating_cpus = true;
    host->facts.floating_cpus = 2;
    use(fleet, "hosta")->group_members = 2;
    fleet->request.flavor_name = "sm\"all";
    fleet->request.extra_specs_json = "{\"a\": \"b\"}";
    fleet->request.image_properties_json = "{\"os_distro\": \"li\\tnux\"}";
    fleet->request.different_host = "i-7,i-8";
    fleet->request.group_policy = SERVER_GROUP_SOFT_AFFINITY;
    fleet->policy.multipliers[PLACEMENT_WEIGHER_CPU] = -0.25;
    fleet->policy.ram_allocation_ratio = 1.25;
    fleet->policy.filters_off = 2; /* the second: NumInstancesFilter */
    fleet->policy.decisions_kept_us = 1;
    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    choose(fleet, decision, NULL);
    g_autoptr(Placement) told = placement_from_text(decision->text, NULL);
    static const char *const parts[] = {
        "\"hosts\":{\"hosta\":{\"ram_allocation_ratio\":3.0,\"max_io_ops_per_host\":7,"
        "\"shared_cpus\":2}}",
        "\"name\":\"sm\\\"all\"", "\"extra_specs\":{\"a\":\"b\"}", "li\\tnux",
        "\"different_host\":[\"i-7\",\"i-8\"]", "\"policy\":\"soft-affinity\"",
        "\"members\":{\"hosta\":2}", "\"cpu_weight_multiplier\":-0.25",
        "\"ram_allocation_ratio\":1.25", "\"enabled_filters\":[\"ComputeFilter\",\"AggregateMulti",
        "\"move\":null"};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_test_message("%s in %s", parts[i], told->inputs);
        g_assert_nonnull(strstr(told->inputs, parts[i]));
    }
}

static void
test_nothing_is_recorded_of_no_interest(Fleet *fleet, const void *unused)
{
    StoredDecision decision = {0};
    add_host(fleet, "hosta");
    choose(fleet, &decision, NULL);
    g_assert_null(decision.text);
    g_assert_null(placement_from_text("needs\t1\t2\t3\nhost\ta\n", NULL));
    g_autoptr(Placement) old = placement_from_text(
        "needs\t1\t2\t3\nhost\ta\t0\t0\ncheck\tram\tfail\t2\t1\t\nhost\tb\t1\t0.5\n", NULL);
    g_assert_cmpint(old->hosts[0].rows[PLACEMENT_CHECK_RAM].result, ==, PLACEMENT_FAIL);
    g_assert_cmpint(old->hosts[1].rows[PLACEMENT_CHECK_RAM].result, ==, PLACEMENT_UNKNOWN);
    g_assert_null(placement_from_text("check\tram\tpass\ta\tb\t\n", NULL));
}

static void
test_own_and_unknown_host(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    fleet->request.source_host = "hosta";
    fleet->request.requested_host = "hosta";
    assert_reason(fleet, "Unable to migrate instance (i-1) to current host (hosta).");
    fleet->request.requested_host = "hostz";
    assert_reason(fleet, "Compute host hostz could not be found.");
}

static void
test_ratios_and_reserve(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    *use(fleet, "hosta") = (HostUsage){.ram_mib = 3072, .vcpus = 60};
    fleet->request.ram_mib = 3072;
    fleet->policy.cpu_allocation_ratio = 16.0;
    fleet->policy.ram_allocation_ratio = 1.5;
    assert_chosen(fleet, "hosta");
    fleet->policy.reserved_host_memory_mib = 1;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'ram' (hosta: needs 3072 MiB, "
        "has 3070 MiB)");
    fleet->request.ram_mib = 1;
    fleet->request.vcpus = 4;
    assert_chosen(fleet, "hosta");
    fleet->policy.reserved_host_cpus = 1;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'vcpus' (hosta: needs 4 vCPUs, "
        "has 0 vCPUs)");
    Host *host = fleet->hosts->pdata[0];
    host->facts.has_floating_cpus = true;
    host->facts.floating_cpus = 4;
    assert_chosen(fleet, "hosta");
    fleet->request.disk_gib = 60;
    fleet->request.disk_over_commit = true;
    assert_chosen(fleet, "hosta");
}

/* As an older drover has taken them. */
static void
test_numbers_that_cannot_be_counted_with(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    fleet->policy.multipliers[PLACEMENT_WEIGHER_RAM] = 1;
    fleet->policy.multipliers[PLACEMENT_WEIGHER_CPU] = 1;
    say(host, "cpu_allocation_ratio", "1e300", NULL, NULL);
    fleet->request.vcpus = 1;
    assert_chosen(fleet, "hosta");
    add_host(fleet, "hostb")->facts.memory_mib = 2048;
    use(fleet, "hostb")->vcpus = 1;
    say(host, "ram_weight_multiplier", "1e308", "cpu_weight_multiplier", "1e308");
    g_autoptr(Placement) told = explain(fleet);
    g_assert_true(isfinite(told->hosts[0].weight));
}

/* Of processors it is told how often those are promised that guests float on. */
static void
test_what_is_given_away_is_told(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    host->facts.has_floating_cpus = true;
    host->facts.floating_cpus = 2;
    HostUsage *usage = use(fleet, "hosta");
    usage->vcpus = 4;
    usage->dedicated_vcpus = 1;
    usage->foreign_vcpus = 2;
    fleet->policy.cpu_allocation_ratio = 16.0;
    g_autoptr(Placement) floats = explain(fleet);
    const PlacementGiven *vcpus = &floats->hosts[0].vcpus;
    g_assert_cmpint(vcpus->given, ==, 5);
    g_assert_cmpint(vcpus->more, ==, fleet->request.vcpus);
    g_assert_cmpint(vcpus->total, ==, 2);
    g_assert_cmpint(floats->hosts[0].ram_mib.more, ==, fleet->request.ram_mib);
    fleet->request.extra_specs_json = "{\"hw:cpu_policy\":\"dedicated\"}";
    g_autoptr(Placement) pinned = explain(fleet);
    g_assert_cmpint(pinned->hosts[0].vcpus.more, ==, 0);
}

static void
test_an_aggregates_ratio_wins(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    fleet->policy.cpu_allocation_ratio = 16.0;
    say(host, "cpu_allocation_ratio", "2.0", NULL, NULL);
    HostUsage *usage = use(fleet, "hosta");
    fleet->request.vcpus = 4;
    usage->vcpus = 4;
    assert_chosen(fleet, "hosta");
    usage->vcpus = 5;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'vcpus' (hosta: needs 4 vCPUs, "
        "has 3 vCPUs)");
    say(host, "cpu_allocation_ratio", "many", NULL, NULL);
    assert_chosen(fleet, "hosta");
}

/* "hosta" and "hostb" in a pool, "hostc" in none. */
static void
make_pool(Fleet *fleet, bool may_copy)
{
    static const char *const names[] = {"hosta", "hostb", "hostc"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Host *host = fleet->hosts->len > i ? fleet->hosts->pdata[i] : add_host(fleet, names[i]);
        g_free(host->facts.pool_id);
        host->facts.pool_id = g_strdup(names[i]);
        if (i < 2) {
            say(host, "hypervisor_pool", "true", "block_migration", may_copy ? "true" : "false");
        }
    }
    fleet->request.source_host = "hosta";
    fleet->request.is_live = true;
}

static void
test_a_live_migration_stays_in_its_pool(Fleet *fleet, const void *unused)
{
    static const char REFUSED[] = "No valid host was found. hostc failed 'pool': needs a host of "
                                  "pool 'rack', has in no pool (";
    make_pool(fleet, false);
    assert_chosen(fleet, "hostb");
    fleet->request.requested_host = "hostc";
    fleet->request.force = true;
    g_autofree char *of_pool = g_strconcat(REFUSED,
        "name a host of the same pool, or set block_migration=true on the pools between which it "
        "would go)",
        NULL);
    assert_reason(fleet, of_pool);
    fleet->request.is_live = false;
    assert_chosen(fleet, "hostc");

    make_pool(fleet, true);
    assert_chosen(fleet, "hostc");
    fleet->request.block_migration = BLOCK_MIGRATION_NO;
    g_autofree char *of_request = g_strconcat(
        REFUSED, "name a host of the same pool, or ask for a block migration)", NULL);
    assert_reason(fleet, of_request);
    fleet->request.block_migration = BLOCK_MIGRATION_YES;
    g_autoptr(GPtrArray) volumes = g_ptr_array_new();
    g_ptr_array_add(volumes, &(Volume){.id = (char *)"v-1"});
    fleet->request.volumes = volumes;
    g_autofree char *of_volumes = g_strconcat(
        REFUSED, "name a host of the same pool, detach its volumes, or move it cold)", NULL);
    assert_reason(fleet, of_volumes);
    fleet->request.volumes = NULL;
    Host *other = fleet->hosts->pdata[2];
    g_free(other->facts.pool_id);
    other->facts.pool_id = g_strdup("hosta");
    g_autofree char *of_storage = g_strconcat(REFUSED,
        "take the host into the pool: they have one storage, and no disk can be copied)", NULL);
    assert_reason(fleet, of_storage);

    /* The other way round: what enters a pool. */
    make_pool(fleet, false);
    fleet->request.source_host = "hostc";
    fleet->request.requested_host = "hosta";
    assert_reason(fleet,
        "No valid host was found. hosta failed 'pool': needs a host of no pool, has in pool 'rack' "
        "(name a host of the same pool, or set block_migration=true on the pools between which it "
        "would go)");
}

static void
test_a_host_that_joins_a_pool_takes_nobody(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    Host *host = add_host(fleet, "hostb");
    say(host, "hypervisor_pool", "true", "joining_compute", "hostb");
    assert_chosen(fleet, "hosta");
    fleet->request.requested_host = "hostb";
    assert_reason(fleet,
        "No valid host was found. hostb failed 'pool': needs a host that is not joining a pool, "
        "has joining pool 'rack' (wait until the pool's operational_state is active, or take the "
        "host out of it)");
}

static void
test_affinity_goes_where_the_others_are(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    fleet->request.group_policy = SERVER_GROUP_AFFINITY;
    assert_chosen(fleet, "hosta");
    *use(fleet, "hosta") = (HostUsage){.group_size = 2};
    *use(fleet, "hostb") = (HostUsage){.group_size = 2, .group_members = 2, .group_settled = 2,
        .ram_mib = 3000};
    assert_chosen(fleet, "hostb");
    ((HostUsage *)g_hash_table_lookup(fleet->usage, "hostb"))->ram_mib = 4000;
    assert_reason(fleet,
        "No valid host was found. 2 hosts: 1 failed 'ram' (hostb: needs 1024 MiB, has 96 MiB), "
        "1 failed 'affinity' (hosta: needs the host of its server group, has 0 of its server "
        "group)");
}

static void
test_anti_affinity_allows_as_many_as_its_rule(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    use(fleet, "hosta")->group_members = 2;
    fleet->request.group_policy = SERVER_GROUP_ANTI_AFFINITY;
    fleet->request.group_max_per_host = 3;
    assert_chosen(fleet, "hosta");
    fleet->request.group_max_per_host = 2;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'anti-affinity' (hosta: needs less than 2 of "
        "its server group, has 2 of its server group)");
}

/* The lowest of several; it holds for the hosts of the aggregate alone, and is told with them. */
static void
test_multipliers_of_aggregates(Fleet *fleet, const void *unused)
{
    Host *host = add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    add_host(fleet, "hostc");
    use(fleet, "hostb")->ram_mib = 10;
    use(fleet, "hostc")->ram_mib = 1000;
    assert_chosen(fleet, "hosta");
    say(host, "ram_weight_multiplier", "2.0, -0.5, many", NULL, NULL);
    assert_chosen(fleet, "hostb");
    g_autoptr(Placement) placement = explain(fleet);
    g_autofree char *text = placement_to_text(placement);
    g_autoptr(Placement) told = placement_from_text(text, NULL);
    const PlacementShare *own = &told->hosts[0].shares[PLACEMENT_WEIGHER_RAM];
    const PlacementShare *common = &told->hosts[1].shares[PLACEMENT_WEIGHER_RAM];
    g_assert_cmpfloat(own->multiplier, ==, -0.5);
    g_assert_cmpfloat(own->share, ==, -0.5);
    g_assert_true(own->is_of_aggregate);
    g_assert_cmpfloat(common->multiplier, ==, 1.0);
    g_assert_false(common->is_of_aggregate);
    fleet->policy.packs = true;
    assert_chosen(fleet, "hosta");
}

static void
test_io_ops_weigh(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    use(fleet, "hosta")->io_ops = 2;
    assert_chosen(fleet, "hosta");
    fleet->policy.multipliers[PLACEMENT_WEIGHER_IO_OPS] = -1;
    assert_chosen(fleet, "hostb");
}

/* Nobody fits, and everybody fits without that filter. */
static void
assert_switch(Fleet *fleet, PlacementFilter filter)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(choose(fleet, NULL, &error));
    fleet->policy.filters_off |= 1U << filter;
    g_assert_nonnull(choose(fleet, NULL, NULL));
    fleet->policy.filters_off = 0;
}

static void
test_hints(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    Host *source = add_host(fleet, "hostb");
    fleet->request.same_host = "id-1,id-2";
    assert_reason(fleet,
        "No valid host was found. 2 hosts: 2 failed 'same-host' (hosta: needs a host of one "
        "of the 2 servers that its hint names (id-1, id-2), has 0 of them; hostb: needs a host of "
        "one of the 2 servers that its hint names (id-1, id-2), has 0 of them)");
    assert_switch(fleet, FILTER_SAME_HOST);
    *use(fleet, "hostb") = (HostUsage){.beside_here = 1, .beside_size = 1, .apart_here = 1};
    use(fleet, "hosta")->beside_size = 1;
    assert_chosen(fleet, "hostb");
    /* Of a guest that moves, those that are nowhere any more bind nobody. */
    fleet->request.source_host = source->name;
    g_assert_null(choose(fleet, NULL, NULL));
    use(fleet, "hosta")->beside_size = 0;
    assert_chosen(fleet, "hosta");
    fleet->request.source_host = NULL;
    fleet->request.same_host = NULL;

    fleet->request.different_host = "id-1";
    assert_chosen(fleet, "hosta");
    use(fleet, "hosta")->apart_here = 1;
    assert_switch(fleet, FILTER_DIFFERENT_HOST);
    use(fleet, "hostb")->apart_here = 1;
    assert_reason(fleet,
        "No valid host was found. 2 hosts: 2 failed 'different-host' (hosta: needs a host without "
        "the server that its hint names (id-1), has 1 of them; hostb: needs a host without the "
        "server that its hint names (id-1), has 1 of them)");
    fleet->request.different_host = "id-1,id-2,id-3,id-4";
    assert_reason(fleet,
        "No valid host was found. 2 hosts: 2 failed 'different-host' (hosta: needs a host without "
        "the 4 servers that its hint names (id-1, id-2, id-3, ...), has 1 of them; hostb: needs a "
        "host without the 4 servers that its hint names (id-1, id-2, id-3, ...), has 1 of them)");
}

static void
test_image_properties(Fleet *fleet, const void *unused)
{
    static const struct {
        const char *json;
        bool fits;
    } wishes[] = {
        {"{}", true},
        {"{\"hw_architecture\":\"x86_64\"}", true},
        {"{\"architecture\":\"AMD64\"}", true},
        {"{\"hw_architecture\":\"i586\"}", true},
        {"{\"hw_architecture\":\"aarch64\"}", false},
        {"{\"img_hv_type\":\"kvm\",\"hw_vm_mode\":\"hvm\"}", true},
        {"{\"img_hv_type\":\"QEMU\"}", true},
        {"{\"img_hv_type\":\"xen\"}", false},
        {"{\"hw_vm_mode\":\"xen\"}", false},
        {"{\"img_hv_requested_version\":\">=8.0, <10.1\"}", true},
        {"{\"img_hv_requested_version\":\"==10.0.2\"}", true},
        {"{\"img_hv_requested_version\":\"!=10.0.2\"}", false},
        {"{\"img_hv_requested_version\":\">10.0.2\"}", false},
        {"{\"img_hv_requested_version\":\"<=9\"}", false},
        {"{\"img_hv_requested_version\":\"new\"}", false},
        {"{\"img_hv_requested_version\":\">=8.x\"}", false},
    };
    Host *host = add_host(fleet, "hosta");
    for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
        fleet->request.image_properties_json = wishes[i].json;
        g_test_message("%s", wishes[i].json);
        g_assert_cmpint(choose(fleet, NULL, NULL) != NULL, ==, wishes[i].fits);
    }
    fleet->request.image_properties_json = "{\"hw_architecture\":\"arm64\"}";
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'image-properties' (hosta: needs aarch64, has "
        "x86_64, kvm, hvm, 10.0.2)");
    assert_switch(fleet, FILTER_IMAGE_PROPERTIES);
    fleet->request.image_properties_json = "{}";
    fleet->policy.image_default_arch = "aarch64";
    g_assert_null(choose(fleet, NULL, NULL));
    fleet->policy.image_default_arch = NULL;
    g_free(host->facts.offers);
    host->facts.offers = g_strdup("qemu,uefi");
    fleet->request.image_properties_json = "{\"img_hv_type\":\"kvm\"}";
    g_assert_null(choose(fleet, NULL, NULL));
}

static void
test_image_isolation(Fleet *fleet, const void *unused)
{
    say(add_host(fleet, "hosta"), "os_distro", "debian, fedora", "licence.os", "windows");
    fleet->request.image_properties_json = "{\"os_type\":\"linux\"}";
    assert_chosen(fleet, "hosta");
    fleet->request.image_properties_json = "{\"os_distro\":\"fedora\"}";
    assert_chosen(fleet, "hosta");
    fleet->request.image_properties_json = "{\"os_distro\":\"arch\",\"licence.os\":\"windows\"}";
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'image-isolation' (hosta: needs os_distro=arch, "
        "has os_distro=debian, fedora)");
    assert_switch(fleet, FILTER_IMAGE_ISOLATION);
    fleet->policy.image_isolation_prefix = "licence.";
    assert_chosen(fleet, "hosta");
    fleet->request.image_properties_json = "{\"licence.os\":\"linux\"}";
    g_assert_null(choose(fleet, NULL, NULL));
}

static void
test_flavors_of_aggregates(Fleet *fleet, const void *unused)
{
    say(add_host(fleet, "hosta"), "instance_type", "m1.tiny,m1.small", NULL, NULL);
    fleet->request.flavor_name = "m1.small";
    assert_chosen(fleet, "hosta");
    fleet->request.flavor_name = "m1.large";
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'flavor' (hosta: needs open to flavor "
        "'m1.large', has only for m1.small, m1.tiny)");
    assert_switch(fleet, FILTER_FLAVOR);
    add_host(fleet, "hostb");
    assert_chosen(fleet, "hostb");
}

/* What aggregates say counts for the filter of aggregates alone. */
static void
test_counts(Fleet *fleet, const void *unused)
{
    HostUsage *usage = use(fleet, "hosta");
    Host *host = add_host(fleet, "hosta");
    *usage = (HostUsage){.claims = 3, .io_ops = 3};
    fleet->policy.max_instances_per_host = 3;
    fleet->policy.filters_off = 1U << FILTER_AGGREGATE_NUM_INSTANCES;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'instances' (hosta: needs less than 3 "
        "instances, has 3 instances)");
    fleet->policy.filters_off = 1U << FILTER_NUM_INSTANCES;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'aggregate-instances' (hosta: needs less than 3 "
        "instances, has 3 instances)");
    say(host, "max_instances_per_host", "9, 4", "max_io_ops_per_host", "5");
    assert_chosen(fleet, "hosta");
    usage->claims = 4;
    g_assert_null(choose(fleet, NULL, NULL));
    usage->claims = 0;

    fleet->policy.max_io_ops_per_host = 3;
    fleet->policy.filters_off = 1U << FILTER_AGGREGATE_IO_OPS;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'io-ops' (hosta: needs less than 3 being made "
        "or moved, has 3 being made or moved)");
    fleet->policy.filters_off = 1U << FILTER_IO_OPS;
    assert_chosen(fleet, "hosta");
    g_autoptr(HostAggregates) own = g_steal_pointer(&host->aggregates);
    g_assert_null(choose(fleet, NULL, NULL));
    host->aggregates = g_steal_pointer(&own);
    usage->io_ops = 5;
    assert_reason(fleet,
        "No valid host was found. 1 host: 1 failed 'aggregate-io-ops' (hosta: needs less than 5 "
        "being made or moved, has 5 being made or moved)");
}

static void
test_soft_groups_weigh(Fleet *fleet, const void *unused)
{
    add_host(fleet, "hosta");
    add_host(fleet, "hostb");
    *use(fleet, "hosta") = (HostUsage){.ram_mib = 2000};
    *use(fleet, "hostb") = (HostUsage){.group_members = 1, .ram_mib = 1000};
    fleet->policy.multipliers[PLACEMENT_WEIGHER_SOFT_AFFINITY] = 2;
    fleet->policy.multipliers[PLACEMENT_WEIGHER_SOFT_ANTI_AFFINITY] = 2;
    assert_chosen(fleet, "hostb");
    fleet->request.group_policy = SERVER_GROUP_SOFT_ANTI_AFFINITY;
    assert_chosen(fleet, "hosta");
    ((HostUsage *)g_hash_table_lookup(fleet->usage, "hosta"))->ram_mib = 0;
    fleet->request.group_policy = SERVER_GROUP_SOFT_AFFINITY;
    assert_chosen(fleet, "hostb");
}

static void
test_specs_have_novas_operators(void)
{
    static const struct {
        const char *have;
        const char *wanted;
        bool matches;
    } rows[] = {{"true", "true", true}, {"true", "True", false}, {"8", "= 4", true},
        {"2", "= 4", false}, {"4.0", "== 4", true}, {"4", "!= 4", false}, {"4", ">= 4", true},
        {"5", "<= 4", false}, {"five", ">= 4", false}, {"b", "s== b", true}, {"b", "s!= b", false},
        {"b", "s< c", true}, {"b", "s<= b", true}, {"b", "s> a", true}, {"b", "s>= c", false},
        {"ssd-fast", "<in> fast", true}, {"ssd", "<in> fast", false}, {"a", "<in>", false},
        {"red", "<or> blue <or> red", true}, {"green", "<or> blue <or> red", false},
        {"aes mmx", "<all-in> aes mmx", true}, {"aes", "<all-in> aes mmx", false},
        {"8", ">=  4", true}, {"b", " s==\tb ", true}, {"red", "<or>  blue <or>  red", true},
        {"", "<or>  blue", false}, {"a", "<all-in>  ", false}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(spec_matches(rows[i].have, rows[i].wanted), ==, rows[i].matches);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fleet, NULL, set_up, function, tear_down)
    ADD("/scheduler/most-free-ram-wins-then-the-name", test_most_free_ram_wins_then_the_name);
    ADD("/scheduler/what-others-take", test_what_others_take_is_not_free);
    ADD("/scheduler/no-host-at-all", test_no_host_at_all);
    ADD("/scheduler/numbers-that-cannot-be-counted-with", test_numbers_that_cannot_be_counted_with);
    ADD("/scheduler/reason-counts-and-names", test_reason_counts_and_names);
    ADD("/scheduler/reason-of-a-thousand-hosts", test_reason_of_a_thousand_hosts_is_short);
    ADD("/scheduler/own-and-unknown-host", test_own_and_unknown_host);
    ADD("/scheduler/a-tpm-moves-live-alone", test_a_tpm_moves_live_alone);
    ADD("/scheduler/ratios-and-reserve", test_ratios_and_reserve);
    ADD("/scheduler/ratio-of-an-aggregate", test_an_aggregates_ratio_wins);
    ADD("/scheduler/pool", test_a_live_migration_stays_in_its_pool);
    ADD("/scheduler/joining-a-pool", test_a_host_that_joins_a_pool_takes_nobody);
    ADD("/scheduler/affinity", test_affinity_goes_where_the_others_are);
    ADD("/scheduler/anti-affinity-rule", test_anti_affinity_allows_as_many_as_its_rule);
    ADD("/scheduler/multipliers-of-aggregates", test_multipliers_of_aggregates);
    ADD("/scheduler/io-ops-weigh", test_io_ops_weigh);
    ADD("/scheduler/hints", test_hints);
    ADD("/scheduler/image-properties", test_image_properties);
    ADD("/scheduler/image-isolation", test_image_isolation);
    ADD("/scheduler/flavors-of-aggregates", test_flavors_of_aggregates);
    ADD("/scheduler/counts", test_counts);
    ADD("/scheduler/soft-groups", test_soft_groups_weigh);
    g_test_add_func("/scheduler/operators-of-specs", test_specs_have_novas_operators);
    ADD("/scheduler/explanation-ranks-as-the-choice-does",
        test_explanation_ranks_as_the_choice_does);
    ADD("/scheduler/record-is-what-was-decided", test_record_is_what_was_decided);
    ADD("/scheduler/record-of-many-hosts-is-short", test_record_of_many_hosts_is_short);
    ADD("/scheduler/record-tells-of-every-host", test_record_tells_of_every_host);
    ADD("/scheduler/record-tells-its-inputs", test_record_tells_its_inputs);
    ADD("/scheduler/what-is-given-away-is-told", test_what_is_given_away_is_told);
    ADD("/scheduler/explanation-of-some-hosts", test_explanation_of_some_hosts);
    ADD("/scheduler/nothing-is-recorded-of-no-interest", test_nothing_is_recorded_of_no_interest);
    ADD("/scheduler/filters-switch-their-checks", test_filters_switch_their_checks);
    ADD("/scheduler/unknown-offers-are-no-refusal", test_unknown_offers_are_no_refusal);
    ADD("/scheduler/a-host-without-the-bridge-is-no-choice",
        test_a_host_without_the_bridge_is_no_choice);
    ADD("/scheduler/only-what-runs-needs-a-host-as-new", test_only_what_runs_needs_a_host_as_new);
    ADD("/scheduler/memory-that-is-not-really-free-is-a-no",
        test_memory_that_is_not_really_free_is_a_no);
    ADD("/scheduler/free-memory-is-promised-once", test_free_memory_is_promised_once);
    ADD("/scheduler/reserved-memory-is-kept-once", test_reserved_memory_is_kept_once);
    ADD("/scheduler/hosts-that-lack-nothing-but-memory-are-told",
        test_hosts_that_lack_nothing_but_memory_are_told);
    ADD("/scheduler/no-server-is-larger-than-its-host", test_no_server_is_larger_than_its_host);
    ADD("/scheduler/versions-that-lose-guests-are-a-no", test_versions_that_lose_guests_are_a_no);
    ADD("/scheduler/a-failed-post-copy-is-a-warning", test_a_failed_post_copy_is_a_warning);
    ADD("/scheduler/a-kernel-without-userfaultfd-is-a-no-where-post-copy-is-permitted",
        test_a_kernel_without_userfaultfd_is_a_no_where_post_copy_is_permitted);
    ADD("/scheduler/a-guest-that-cannot-leave-goes-nowhere",
        test_a_guest_that_cannot_leave_goes_nowhere);
    ADD("/scheduler/what-is-of-live-moves-is-no-matter-of-others",
        test_what_is_of_live_moves_is_no_matter_of_others);
    ADD("/scheduler/a-guest-in-kvm-stays-in-kvm", test_a_guest_in_kvm_stays_in_kvm);
    ADD("/scheduler/a-class-of-processors-that-cannot-is-no-choice",
        test_a_class_of_processors_that_cannot_is_no_choice);
    ADD("/scheduler/a-guest-knows-better-than-an-older-canary",
        test_a_guest_knows_better_than_an_older_canary);
    ADD("/scheduler/a-failed-canary-is-a-no-for-a-while",
        test_a_failed_canary_is_a_no_for_a_while);
#undef ADD
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/scheduler/check/%s", cases[i].name);
        g_test_add(path, Fleet, &cases[i], set_up, test_each_check_alone, tear_down);
    }
    return g_test_run();
}
