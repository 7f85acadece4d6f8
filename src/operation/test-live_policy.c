/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/live_policy.h"

static void
test_without_a_policy_the_defaults_hold(void)
{
    const LiveSettings *settings = live_policy_for(NULL, "hosta");
    g_assert_cmpint(settings->downtime_ms, ==, 500);
    g_assert_cmpint(settings->downtime_steps, ==, 10);
    g_assert_cmpint(settings->downtime_delay_s, ==, 75);
    g_assert_cmpint(settings->completion_timeout_s, ==, 800);
    g_assert_cmpint(settings->parallel_connections, ==, 1);
    g_assert_true(settings->with_tls);
    g_assert_null(live_policy_group_of(NULL, "hosta"));
    g_assert_null(live_policy_inbound_address(NULL, "hosta"));
}

static void
test_the_first_group_that_has_a_host_is_its_group(void)
{
    LiveSettings settings = LIVE_SETTINGS_DEFAULT;
    g_autoptr(LivePolicy) policy = live_policy_new(&settings);
    settings.downtime_ms = 200;
    live_policy_add_group(
        policy, "one", (const char *const[]){"rack1-*", "hosta", NULL}, &settings);
    settings.downtime_ms = 300;
    live_policy_add_group(policy, "two", (const char *const[]){"rack*", NULL}, &settings);
    g_assert_cmpint(live_policy_for(policy, "rack1-7")->downtime_ms, ==, 200);
    g_assert_cmpstr(live_policy_group_of(policy, "rack1-7"), ==, "one");
    g_assert_cmpint(live_policy_for(policy, "hosta")->downtime_ms, ==, 200);
    g_assert_cmpint(live_policy_for(policy, "rack2-7")->downtime_ms, ==, 300);
    g_assert_cmpint(live_policy_for(policy, "hostb")->downtime_ms, ==, 500);
    g_assert_null(live_policy_group_of(policy, "hostb"));
}

static void
test_the_inbound_address_is_made_of_the_name(void)
{
    LiveSettings settings = LIVE_SETTINGS_DEFAULT;
    settings.inbound_addr = "%s.migration.example";
    g_autoptr(LivePolicy) policy = live_policy_new(&settings);
    g_autoptr(LivePolicy) other = live_policy_ref(policy);
    g_autofree char *address = live_policy_inbound_address(other, "hosta");
    g_assert_cmpstr(address, ==, "hosta.migration.example");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/live_policy/without-a-policy-the-defaults-hold", test_without_a_policy_the_defaults_hold);
    g_test_add_func("/live_policy/the-first-group-that-has-a-host-is-its-group",
        test_the_first_group_that_has_a_host_is_its_group);
    g_test_add_func("/live_policy/the-inbound-address-is-made-of-the-name",
        test_the_inbound_address_is_made_of_the_name);
    return g_test_run();
}
