/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "lifecycle/internal.h"

static void
test_machine_is_whole(void)
{
    g_autoptr(GError) error = NULL;
    machine_check(lifecycle_machine(), &error);
    g_assert_no_error(error);
}

static void
test_failpoints_are_named(void)
{
    g_auto(GStrv) names = lifecycle_list_failpoints();
    g_assert_true(g_strv_contains((const char *const *)names, "lifecycle.before.building"));
    g_assert_true(
        g_strv_contains((const char *const *)names, "lifecycle.effect.create_guest.after"));
    g_assert_false(g_strv_contains((const char *const *)names, "lifecycle.before.queued"));
}

static void
test_domains_are_understood(void)
{
    static const struct {
        DomainState state;
        DomainReason reason;
        VmState vm_state;
        PowerState power_state;
    } rows[] = {
        {DOMAIN_RUNNING, DOMAIN_REASON_BOOTED, VM_STATE_ACTIVE, POWER_STATE_RUNNING},
        {DOMAIN_PAUSED, DOMAIN_REASON_USER, VM_STATE_PAUSED, POWER_STATE_PAUSED},
        {DOMAIN_SHUT_OFF, DOMAIN_REASON_SHUTDOWN, VM_STATE_STOPPED, POWER_STATE_SHUTDOWN},
        {DOMAIN_SHUT_OFF, DOMAIN_REASON_CRASHED, VM_STATE_STOPPED, POWER_STATE_CRASHED},
        {DOMAIN_CRASHED, DOMAIN_REASON_OTHER, VM_STATE_STOPPED, POWER_STATE_CRASHED},
    };
    VmState vm_state;
    PowerState power_state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        DomainView view = {.state = rows[i].state, .reason = rows[i].reason};
        g_assert_true(lifecycle_observe(&view, &vm_state, &power_state));
        g_assert_cmpint(vm_state, ==, rows[i].vm_state);
        g_assert_cmpint(power_state, ==, rows[i].power_state);
    }
    DomainView absent = {.state = DOMAIN_ABSENT};
    g_assert_false(lifecycle_observe(&absent, &vm_state, &power_state));
}

static void
test_another_host_is_for_what_the_first_is_to_blame_for(void)
{
    static const struct {
        ErrorCode code;
        bool fetching; /* and after it */
        bool cleaning;
    } rows[] = {
        {ERROR_HYPERVISOR_REFUSED, true, true},
        {ERROR_LIMIT, true, true},
        {ERROR_HYPERVISOR_DOWN, true, false},
        {ERROR_TIMEOUT, false, false}, /* of volumes, not of a host */
        {ERROR_NOT_FOUND, false, false},
        {ERROR_INVALID, false, false},
        {ERROR_CONFLICT, false, false},
        {ERROR_INTERNAL, false, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *code = error_code_name(rows[i].code);
        g_assert_cmpint(lifecycle_is_of_host(LIFECYCLE_FETCHING, code), ==, rows[i].fetching);
        g_assert_cmpint(lifecycle_is_of_host(LIFECYCLE_CLEANING, code), ==, rows[i].cleaning);
    }
    g_assert_false(lifecycle_is_of_host(LIFECYCLE_CLEANING, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lifecycle/machine-is-whole", test_machine_is_whole);
    g_test_add_func("/lifecycle/failpoints-are-named", test_failpoints_are_named);
    g_test_add_func("/lifecycle/domains-are-understood", test_domains_are_understood);
    g_test_add_func("/lifecycle/another-host-is-for-what-the-first-is-to-blame-for",
        test_another_host_is_for_what_the_first_is_to_blame_for);
    return g_test_run();
}
