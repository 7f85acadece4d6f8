/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "fencing/fencing.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct Bench {
    char *directory;
    FenceAgent agent;
} Bench;

/* An agent of a few lines of shell; $ACTION and $PLUG are what it was told. */
static void
setup(Bench *bench, const char *body)
{
    g_autofree char *path = NULL;
    g_autofree char *script = g_strdup_printf("#!/bin/sh\n"
                                              "while IFS='=' read -r key value; do\n"
                                              "  case $key in\n"
                                              "  action) ACTION=$value ;;\n"
                                              "  plug) PLUG=$value ;;\n"
                                              "  esac\n"
                                              "done\n"
                                              "cd \"$(dirname \"$0\")\" || exit 9\n"
                                              "%s\n",
        body);
    bench->directory = g_dir_make_tmp("drover-fencing-XXXXXX", NULL);
    path = g_build_filename(bench->directory, "fence_test", NULL);
    g_assert_true(g_file_set_contents_full(
        path, script, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0700, NULL));
    bench->agent = (FenceAgent){.directory = bench->directory,
        .name = "fence_test",
        .options = "plug=one",
        .timeout_ms = 10000};
}

static void
teardown(Bench *bench)
{
    static const char *const names[] = {"fence_test", "off", "one"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(bench->directory, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(bench->directory);
    g_free(bench->directory);
}

#define GOOD_AGENT                                                                                 \
    "case $ACTION in off) touch off ;; on) rm -f off ;; status) [ ! -e off ] || exit 2 ;; esac"

static void
test_off_and_on(void)
{
    Bench bench;
    g_autoptr(GError) error = NULL;
    HostPower power = HOST_POWER_UNKNOWN;
    setup(&bench, GOOD_AGENT);
    fencing_run(&bench.agent, FENCE_STATUS, &power, &error);
    g_assert_no_error(error);
    g_assert_cmpint(power, ==, HOST_POWER_ON);
    g_assert_true(fencing_run(&bench.agent, FENCE_OFF, &power, &error));
    g_assert_cmpint(power, ==, HOST_POWER_OFF);
    g_assert_true(fencing_run(&bench.agent, FENCE_OFF, &power, &error));
    g_assert_true(fencing_run(&bench.agent, FENCE_ON, &power, &error));
    g_assert_cmpint(power, ==, HOST_POWER_ON);
    teardown(&bench);
}

static void
test_options_arrive(void)
{
    Bench bench;
    g_autoptr(GError) error = NULL;
    HostPower power;
    setup(&bench, "[ \"$PLUG\" = one ] || exit 1; exit 2");
    g_assert_true(fencing_run(&bench.agent, FENCE_STATUS, &power, &error));
    bench.agent.options = "plug=two\n";
    g_assert_false(fencing_run(&bench.agent, FENCE_STATUS, &power, &error));
    teardown(&bench);
}

static void
test_a_liar_is_not_believed(void)
{
    Bench bench;
    g_autoptr(GError) error = NULL;
    HostPower power = HOST_POWER_UNKNOWN;
    setup(&bench, "exit 0");
    g_assert_false(fencing_run(&bench.agent, FENCE_OFF, &power, &error));
    g_assert_true(error_is(error, ERROR_HYPERVISOR_REFUSED));
    g_assert_nonnull(strstr(error->message, "that the power is on"));
    g_assert_cmpint(power, ==, HOST_POWER_UNKNOWN);
    teardown(&bench);
}

static void
test_failure_has_its_words(void)
{
    Bench bench;
    g_autoptr(GError) error = NULL;
    HostPower power;
    setup(&bench, "echo first >&2; echo 'Unable to connect' >&2; exit 1");
    g_assert_false(fencing_run(&bench.agent, FENCE_OFF, &power, &error));
    g_assert_cmpstr(
        error->message, ==, "fence agent 'fence_test', action off: exit 1: Unable to connect");
    teardown(&bench);
}

/* The agent's own child would keep its standard error open for ever. */
static void
test_time_is_limited(void)
{
    Bench bench;
    g_autoptr(GError) error = NULL;
    HostPower power;
    setup(&bench, "sleep 600 & wait");
    bench.agent.timeout_ms = 300;
    g_assert_false(fencing_run(&bench.agent, FENCE_OFF, &power, &error));
    g_assert_true(error_is(error, ERROR_TIMEOUT));
    teardown(&bench);
}

static void
test_missing_agent(void)
{
    Bench bench;
    g_autoptr(GError) error = NULL;
    HostPower power;
    setup(&bench, "exit 0");
    bench.agent.name = "fence_absent";
    g_assert_false(fencing_run(&bench.agent, FENCE_STATUS, &power, &error));
    g_assert_true(error_is(error, ERROR_INTERNAL));
    teardown(&bench);
}

static void
test_options_are_checked(void)
{
    static const struct {
        const char *name;
        const char *options;
        bool is_ok;
    } rows[] = {
        {"fence_ipmilan", "ip=10.0.0.1\nusername=a\npassword=b=c d", true},
        {"fence_ipmilan", "", true},
        {"sh", "", false},
        {"fence_../sh", "", false},
        {"fence_x", "action=on", false},
        {"fence_x", "password_script=/bin/sh", false},
        {"fence_x", "ipmitool_path=/bin/sh", false},
        {"fence_x", "nothing", false},
        {"fence_x", "=a", false},
        {"fence_x", "a=b\rc", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(fencing_check(rows[i].name, rows[i].options, NULL), ==, rows[i].is_ok);
    }
}

static void
test_options_are_parsed(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *lines = fencing_parse_options("ip=1.2.3.4,password=a\\,b,lanplus=1", &error);
    g_assert_cmpstr(lines, ==, "ip=1.2.3.4\npassword=a,b\nlanplus=1");
    g_assert_null(fencing_parse_options("ip", &error));
    g_assert_true(error_is(error, ERROR_INVALID));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fencing/off-and-on", test_off_and_on);
    g_test_add_func("/fencing/options-arrive", test_options_arrive);
    g_test_add_func("/fencing/a-liar-is-not-believed", test_a_liar_is_not_believed);
    g_test_add_func("/fencing/failure-has-its-words", test_failure_has_its_words);
    g_test_add_func("/fencing/time-is-limited", test_time_is_limited);
    g_test_add_func("/fencing/missing-agent", test_missing_agent);
    g_test_add_func("/fencing/options-are-checked", test_options_are_checked);
    g_test_add_func("/fencing/options-are-parsed", test_options_are_parsed);
    return g_test_run();
}
