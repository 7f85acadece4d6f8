/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/converge.h"

#include "base/error.h"

#include <string.h>

static void
test_memory_and_each_disk_count_as_two_gib_at_least(void)
{
    const double disks[] = {1, 20, 0.001};
    g_assert_cmpfloat(converge_data_gib(128, NULL, 0), ==, 2);
    g_assert_cmpfloat(converge_data_gib(8192, NULL, 0), ==, 8);
    g_assert_cmpfloat(converge_data_gib(3 * 1024, disks, 3), ==, 3 + 2 + 20 + 2);
}

/* Nova counts what it copies (_live_migration_data_gb): shared and network disks are none of it. */
static void
test_only_disks_that_are_copied_count(void)
{
    const Instance instance = {.flavor = {.ram_mib = 4096, .disk_gib = 20}};
    const struct {
        const char *disks;
        double gib;
    } rows[] = {
        {NULL, 4},
        {"vda:copied vdb:copied", 4 + 20 + 2},
        {"vda:copied vdb:placed vdc:shared vdd:network", 4 + 20},
        {"vda:shared vdb:shared", 4},
        /* Booted from a volume: of its own it has the config drive alone. */
        {"vda:network vdb:copied", 4 + 2},
        {"hda:placed vda:shared vdb:copied vdc:network", 4 + 2},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpfloat(converge_instance_gib(&instance, rows[i].disks), ==, rows[i].gib);
    }
}

/* S4-23: 8 GiB are 6400 s. */
static void
test_the_time_limit_is_seconds_for_each_gib(void)
{
    LiveSettings settings = LIVE_SETTINGS_DEFAULT;
    g_assert_cmpint(converge_timeout_us(&settings, 8), ==, INT64_C(6400) * G_USEC_PER_SEC);
    g_assert_cmpint(converge_timeout_us(&settings, 2.5), ==, INT64_C(2000) * G_USEC_PER_SEC);
    settings.completion_timeout_s = 0;
    g_assert_cmpint(converge_timeout_us(&settings, 8), ==, 0);
}

static void
test_the_pause_grows_in_steps(void)
{
    const LiveSettings settings = LIVE_SETTINGS_DEFAULT;
    const struct {
        int64_t after_s;
        int downtime_ms;
    } rows[] = {{0, 50}, {149, 50}, {150, 95}, {299, 95}, {300, 140}, {1500, 500},
        {15000, 500}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(converge_downtime_ms(&settings, 2, rows[i].after_s * G_USEC_PER_SEC), ==,
            rows[i].downtime_ms);
    }
    LiveSettings short_ones = settings;
    short_ones.downtime_ms = 100;
    short_ones.downtime_steps = 3;
    short_ones.downtime_delay_s = 3;
    g_assert_cmpint(converge_downtime_ms(&short_ones, 2, 0), ==, 33);
    g_assert_cmpint(converge_downtime_ms(&short_ones, 2, 12 * G_USEC_PER_SEC), ==, 77);
    g_assert_cmpint(converge_downtime_ms(&short_ones, 2, 18 * G_USEC_PER_SEC), ==, 100);
}

static void
test_post_copy_wins_where_it_is_possible(void)
{
    const HostFacts recent = {.libvirt_version = 9000000, .hypervisor_version = 10000002};
    const HostFacts old = {.libvirt_version = 8000000, .hypervisor_version = 6000000};
    const struct {
        bool post_copy, auto_converge, is_paused;
        const HostFacts *dest;
        Convergence expected;
        const char *reason;
    } rows[] = {
        {false, false, false, &recent, CONVERGENCE_PRE_COPY, "not permitted"},
        {false, true, false, &recent, CONVERGENCE_AUTO_CONVERGE, "auto-converge is permitted"},
        {true, false, false, &recent, CONVERGENCE_POST_COPY, "permitted and possible"},
        {true, true, false, &recent, CONVERGENCE_POST_COPY, "auto-converge is not used"},
        {true, true, false, &old, CONVERGENCE_AUTO_CONVERGE, "needs libvirt 8.5"},
        {true, false, false, &old, CONVERGENCE_PRE_COPY, "needs libvirt 8.5"},
        {true, true, true, &recent, CONVERGENCE_PRE_COPY, "paused"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        LiveSettings settings = LIVE_SETTINGS_DEFAULT;
        g_autofree char *reason = NULL;
        settings.permit_post_copy = rows[i].post_copy;
        settings.permit_auto_converge = rows[i].auto_converge;
        Convergence chosen =
            converge_choose(&settings, &recent, rows[i].dest, rows[i].is_paused, &reason);
        g_assert_cmpint(chosen, ==, rows[i].expected);
        g_assert_nonnull(strstr(reason, rows[i].reason));
    }
}

static void
test_parallel_post_copy_needs_qemu_10_1(void)
{
    LiveSettings settings = LIVE_SETTINGS_DEFAULT;
    g_autoptr(Host) host = host_new();
    g_autoptr(GError) error = NULL;
    host->name = g_strdup("hosta");
    settings.parallel_connections = 4;
    settings.permit_post_copy = true;
    g_assert_true(converge_check_parallel(&settings, host, &error)); /* nothing is known of it */
    host->has_facts = true;
    host->facts.hypervisor_version = 10001000;
    g_assert_true(converge_check_parallel(&settings, host, &error));
    host->facts.hypervisor_version = 10000002;
    g_assert_false(converge_check_parallel(&settings, host, &error));
    g_assert_nonnull(strstr(error->message, "needs QEMU 10.1.0"));
    g_assert_nonnull(strstr(error->message, "host 'hosta' has 10.0.2"));
    settings.parallel_connections = 1;
    g_clear_error(&error);
    g_assert_true(converge_check_parallel(&settings, host, &error));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/converge/memory-and-each-disk-count-as-two-gib-at-least",
        test_memory_and_each_disk_count_as_two_gib_at_least);
    g_test_add_func(
        "/converge/only-disks-that-are-copied-count", test_only_disks_that_are_copied_count);
    g_test_add_func("/converge/the-time-limit-is-seconds-for-each-gib",
        test_the_time_limit_is_seconds_for_each_gib);
    g_test_add_func("/converge/the-pause-grows-in-steps", test_the_pause_grows_in_steps);
    g_test_add_func("/converge/post-copy-wins-where-it-is-possible",
        test_post_copy_wins_where_it_is_possible);
    g_test_add_func(
        "/converge/parallel-post-copy-needs-qemu-10-1", test_parallel_post_copy_needs_qemu_10_1);
    return g_test_run();
}
