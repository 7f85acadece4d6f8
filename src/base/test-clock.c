/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/clock.h"

#include <string.h>

static void
test_both_spellings(void)
{
    const int64_t us = 1466692922 * (int64_t)G_USEC_PER_SEC + 5;
    g_autofree char *z = time_format_z(us);
    g_assert_cmpstr(z, ==, "2016-06-23T14:42:02Z");
    g_autofree char *fraction = time_format_us(us);
    g_assert_cmpstr(fraction, ==, "2016-06-23T14:42:02.000005");
    g_assert_null(time_format_z(0));
    g_assert_null(time_format_us(0));
    g_autofree char *before = time_format_us(-1);
    g_assert_cmpstr(before, ==, "1969-12-31T23:59:59.999999");
}

static void
test_parse(void)
{
    static const struct {
        const char *text;
        int64_t us; /* 0 = not a time */
    } cases[] = {
        {"2016-06-23T14:42:02Z", 1466692922000000},
        {"2016-06-23T14:42:02", 1466692922000000},
        {"2016-06-23T14:42:02.5", 1466692922500000},
        {"2016-06-23T14:42:02.000001", 1466692922000001},
        {"2016-06-23T16:42:02+02:00", 1466692922000000},
        {"2016-06-23 14:42:02+00:00", 1466692922000000},
        {"", 0},
        {"yesterday", 0},
        {"2016-13-23T14:42:02Z", 0},
        {"2016-06-23T14:42:02Zx", 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t us = 0;
        g_assert_cmpint(time_parse(cases[i].text, &us), ==, cases[i].us != 0);
        g_assert_cmpint(us, ==, cases[i].us);
    }
}

static void
test_parse_reads_what_format_wrote(void)
{
    for (int i = 0; i < 10000; i++) {
        int64_t us = (int64_t)g_test_rand_double_range(1, 4e15);
        g_autofree char *text = time_format_us(us);
        int64_t back;
        g_assert_true(time_parse(text, &back));
        g_assert_cmpint(back, ==, us);
    }
}

static void
test_uuids_are_of_version_4(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int i = 0; i < 1000; i++) {
        char *uuid = clock_new_uuid(clock_system());
        g_assert_true(g_regex_match_simple(
            "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", uuid, 0, 0));
        g_assert_true(g_hash_table_add(seen, uuid));
    }
}

static int64_t
fixed_now_us(void *data)
{
    return *(int64_t *)data;
}

static void
fixed_random(void *data, void *buffer, size_t size)
{
    memset(buffer, 0xa5, size);
}

static void
test_clock_is_a_table(void)
{
    int64_t now_us = 42;
    const Clock clock = {fixed_now_us, fixed_random, &now_us};
    g_assert_cmpint(clock_now_us(&clock), ==, 42);
    g_autofree char *hex = clock_random_hex(&clock, 3);
    g_assert_cmpstr(hex, ==, "a5a5a5");
    g_autofree char *uuid = clock_new_uuid(&clock);
    g_assert_cmpstr(uuid, ==, "a5a5a5a5-a5a5-45a5-a5a5-a5a5a5a5a5a5");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/both-spellings", test_both_spellings);
    g_test_add_func("/clock/parse", test_parse);
    g_test_add_func("/clock/parse-reads-what-format-wrote", test_parse_reads_what_format_wrote);
    g_test_add_func("/clock/uuids-are-of-version-4", test_uuids_are_of_version_4);
    g_test_add_func("/clock/clock-is-a-table", test_clock_is_a_table);
    return g_test_run();
}
