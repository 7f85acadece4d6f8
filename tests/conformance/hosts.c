/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Sessions, facts, markers. */
#include "fixture.h"

#include "base/clock.h"
#include "hypervisor/markers.h"

static void
test_probe_tells_what_the_host_is(Fixture *fixture)
{
    HostFacts facts = {0};
    assert_ok(hypervisor_probe(fixture->a, &facts, &error));
    g_assert_cmpstr(facts.hostname, !=, "");
    g_assert_true(g_uuid_string_is_valid(facts.host_uuid));
    g_assert_cmpstr(facts.hypervisor_type, ==, "QEMU");
    g_assert_cmpint(facts.hypervisor_version, >, 5000000);
    g_assert_cmpint(facts.libvirt_version, >=, 9000000);
    g_assert_cmpstr(facts.arch, ==, "x86_64");
    g_assert_cmpint(facts.cpu_json[0], ==, '{');
    g_assert_cmpint(facts.vcpus, >, 0);
    g_assert_cmpint(facts.memory_free_mib, >, 0);
    g_assert_cmpint(facts.memory_mib, >=, facts.memory_free_mib);
    g_assert_cmpint(facts.pool_available_bytes, >, 0);
    g_assert_cmpint(facts.pool_capacity_bytes, >=, facts.pool_available_bytes);
    g_assert_cmpint(facts.pool_path[0], ==, '/');
    g_assert_true(host_tells_pools(&facts));
    g_assert_true(host_lacks_pool(&facts, "no-such-pool"));
    g_assert_nonnull(facts.bridges);
    g_assert_false(host_lacks_bridge(&facts, fixture->target->bridge));
    g_assert_true(host_lacks_bridge(&facts, "no-such-br"));
    g_assert_true(host_lacks_bridge(&facts, "lo"));
    HostMemory memory = {0};
    assert_ok(hypervisor_read_memory(fixture->a, &memory, &error));
    g_assert_cmpint(memory.total_mib, ==, facts.memory_mib);
    g_assert_cmpint(memory.free_mib, >, 0);
    g_assert_cmpint(memory.free_mib, <=, memory.total_mib);
    int n_domains = facts.running_domains;
    host_facts_clear(&facts);

    fixture_start(fixture, fixture->a);
    assert_ok(hypervisor_probe(fixture->a, &facts, &error));
    g_assert_cmpint(facts.running_domains, ==, n_domains + 1);
    host_facts_clear(&facts);
}

static void
test_baseline_fits_both_hosts(Fixture *fixture)
{
    HypervisorHost *hosts[] = {fixture->a, fixture->b};
    const char *uuid = fixture_start(fixture, fixture->a);
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuBaseline) baseline = hypervisor_baseline_cpu(hosts, 2, &error);
    g_assert_no_error(error);
    g_assert_null(baseline->problem);
    g_assert_cmpstr(baseline->model, !=, "");
    g_assert_nonnull(baseline->features);
    g_assert_cmpint(baseline->hosts->len, ==, 2);
    const CpuOfHost *other = baseline->hosts->pdata[1];
    g_assert_cmpstr(other->name, ==, hypervisor_host_name(fixture->b));
    g_assert_nonnull(other->model);
    g_assert_null(other->lacks); /* they are one machine */
    bool is_told = false;
    for (unsigned i = 0; i < baseline->guests->len; i++) {
        const CpuOfGuest *guest = baseline->guests->pdata[i];
        is_told = is_told || g_str_equal(guest->uuid, uuid);
        g_assert_null(guest->obstacle);
    }
    g_assert_true(is_told);
}

static void
test_a_dead_host_is_down(Fixture *fixture)
{
    assert_fails(hypervisor_open(fixture->target->hypervisor, &fixture->target->dead, 1,
                     fixture_on_event, fixture, &error) != NULL,
        ERROR_HYPERVISOR_DOWN);
}

static void
test_events_carry_their_session(Fixture *fixture)
{
    HypervisorHost *again = fixture_open(fixture, &fixture->target->hosts[0], 99);
    const char *uuid = fixture_start(fixture, fixture->a);
    g_assert_true(
        fixture_wait_domain_event(fixture, SESSION_A, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED));
    g_assert_true(
        fixture_wait_domain_event(fixture, 99, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED));
    g_assert_cmpint(fixture_count_events(fixture, SESSION_B), ==, 0);
    hypervisor_host_unref(again);
}

static void
test_no_event_comes_after_close(Fixture *fixture)
{
    HypervisorHost *again = fixture_open(fixture, &fixture->target->hosts[0], 99);
    hypervisor_host_unref(again);
    int n_events = fixture_count_events(fixture, 99);
    const char *uuid = fixture_start(fixture, fixture->a);
    g_assert_true(
        fixture_wait_domain_event(fixture, SESSION_A, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED));
    g_assert_cmpint(fixture_count_events(fixture, 99), ==, n_events);
}

/* Makes the marker on both hosts, one after the other. */
static void
probe_pool(Fixture *fixture, bool is_shared)
{
    g_autofree char *token = clock_random_hex(clock_system(), 8);
    bool existed = true;
    assert_ok(hypervisor_create_marker(fixture->a, NULL, token, &existed, &error));
    g_assert_false(existed);
    assert_ok(hypervisor_create_marker(fixture->b, NULL, token, &existed, &error));
    g_assert_cmpint(existed, ==, is_shared);
    assert_ok(hypervisor_create_marker(fixture->a, NULL, token, &existed, &error));
    g_assert_true(existed);

    assert_ok(hypervisor_delete_marker(fixture->b, NULL, token, &error));
    assert_ok(hypervisor_delete_marker(fixture->b, NULL, token, &error));
    assert_ok(hypervisor_create_marker(fixture->a, NULL, token, &existed, &error));
    g_assert_cmpint(existed, ==, !is_shared);
    assert_ok(hypervisor_delete_marker(fixture->a, NULL, token, &error));
}

static void
test_markers_tell_pools_apart(Fixture *fixture)
{
    probe_pool(fixture, false);
}

static void
test_markers_find_a_shared_pool(Fixture *fixture)
{
    probe_pool(fixture, true);
}

static bool
has_marker(HypervisorHost *host, const char *token)
{
    bool existed = false;
    assert_ok(hypervisor_create_marker(host, NULL, token, &existed, &error));
    return existed;
}

/* One that nobody waits for goes, one of a probe that is under way stays. */
static void
test_a_host_that_connects_loses_old_markers(Fixture *fixture)
{
    g_autofree char *old = clock_random_hex(clock_system(), 16);
    g_autofree char *used = clock_random_hex(clock_system(), 16);
    g_assert_false(has_marker(fixture->a, old));
    g_assert_false(has_marker(fixture->a, used));
    markers_begin(used);
    g_autoptr(HypervisorHost) again = fixture_open(fixture, &fixture->target->hosts[0], 99);
    g_assert_true(has_marker(again, used));
    g_assert_false(has_marker(again, old));
    markers_end(used);
    assert_ok(hypervisor_delete_marker(fixture->a, NULL, used, &error));
    assert_ok(hypervisor_delete_marker(fixture->a, NULL, old, &error));
}

void
conformance_add_hosts(Target *target)
{
    fixture_add("/host/probe-tells-what-the-host-is", target, test_probe_tells_what_the_host_is);
    fixture_add("/host/baseline-fits-both-hosts", target, test_baseline_fits_both_hosts);
    fixture_add("/host/a-dead-host-is-down", target, test_a_dead_host_is_down);
    fixture_add("/host/events-carry-their-session", target, test_events_carry_their_session);
    fixture_add("/host/no-event-comes-after-close", target, test_no_event_comes_after_close);
    fixture_add("/host/a-host-that-connects-loses-old-markers", target,
        test_a_host_that_connects_loses_old_markers);
    fixture_add("/host/markers-tell-pools-apart", target, test_markers_tell_pools_apart);
    fixture_add_shared("/host/markers-find-a-shared-pool", target, test_markers_find_a_shared_pool);
}
