/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/scheduler.h"

static const struct {
    const char *key;
    const char *value;
    const char *wish; /* its beginning; NULL: it is taken */
} rows[] = {
    {"cpu_allocation_ratio", "4", NULL},
    {"ram_allocation_ratio", "1.5, 0.5", NULL},
    {"disk_allocation_ratio", "abc", "a number above 0"},
    {"cpu_allocation_ratio", "4.0x", "a number above 0"},
    {"cpu_allocation_ratio", "4,", "a number above 0"},
    {"cpu_allocation_ratio", "", "a number above 0"},
    {"cpu_allocation_ratio", "0", "a number above 0"},
    {"cpu_allocation_ratio", "-1", "a number above 0"},
    {"cpu_allocation_ratio", "inf", "a number above 0"},
    {"ram_allocation_ratio", "1e9", NULL},
    {"cpu_allocation_ratio", "1e300", "a number above 0"},
    {"max_instances_per_host", "1,1000000", NULL},
    {"max_instances_per_host", "0", "a whole number from 1"},
    {"max_io_ops_per_host", "2.5", "a whole number from 1"},
    {"max_io_ops_per_host", "1000001", "a whole number from 1"},
    {"ram_weight_multiplier", "-1e3", NULL},
    {"soft_affinity_weight_multiplier", "much", "a number is taken"},
    {"cpu_weight_multiplier", "-1e308", "a number is taken"},
    /* Words that mean nothing here are anybody's. */
    {"build_failure_weight_multiplier", "much", NULL},
    {"CPU_allocation_ratio", "abc", NULL},
    {"ssd", "abc", NULL},
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *wish = placement_refuse_property(rows[i].key, rows[i].value);
        g_test_message("%s=%s: %s", rows[i].key, rows[i].value, wish != NULL ? wish : "taken");
        g_assert_cmpint(wish != NULL, ==, rows[i].wish != NULL);
        g_assert_true(wish == NULL || g_str_has_prefix(wish, rows[i].wish));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/property/what-aggregates-may-say", test_rows);
    return g_test_run();
}
