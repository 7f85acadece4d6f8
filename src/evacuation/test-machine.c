/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "evacuation/evacuation.h"

#include <string.h>

static void
test_machine_is_whole(void)
{
    g_autoptr(GError) error = NULL;
    machine_check(evacuation_machine(), &error);
    g_assert_no_error(error);
}

static void
test_statuses_are_novas(void)
{
    static const struct {
        const char *state;
        const char *status;
    } rows[] = {
        {"queued", "accepted"},
        {"fencing", "accepted"},
        {"building", "pre-migrating"},
        {"starting", "pre-migrating"},
        {"done", "done"},
        {"completed", "completed"},
        {"failed", "failed"},
        {"error", "error"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpstr(evacuation_status_of_state(rows[i].state), ==, rows[i].status);
    }
    g_assert_null(evacuation_status_of_state("running"));
    g_autofree char *states = evacuation_states_of_status("accepted");
    g_assert_cmpstr(states, ==, "queued,fencing,checking,claiming");
    g_assert_null(evacuation_states_of_status("running"));
}

static void
test_failpoints_are_named(void)
{
    g_auto(GStrv) names = evacuation_list_failpoints();
    const char *const *list = (const char *const *)names;
    g_assert_true(g_strv_contains(list, "evacuation.done.after_commit"));
    g_assert_true(g_strv_contains(list, "evacuation.fence.before"));
    g_assert_false(g_strv_contains(list, "evacuation.queued.before_commit"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/evacuation/machine-is-whole", test_machine_is_whole);
    g_test_add_func("/evacuation/statuses-are-novas", test_statuses_are_novas);
    g_test_add_func("/evacuation/failpoints-are-named", test_failpoints_are_named);
    return g_test_run();
}
