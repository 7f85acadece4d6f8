/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cold/cold.h"
#include "model/operation.h"

static void
test_machine_is_whole(void)
{
    g_autoptr(GError) error = NULL;
    machine_check(cold_machine(), &error);
    g_assert_no_error(error);
}

static void
test_failpoints_are_named(void)
{
    g_auto(GStrv) names = cold_list_failpoints();
    g_assert_true(g_strv_contains((const char *const *)names, "cold.before.copying"));
    g_assert_true(g_strv_contains((const char *const *)names, "cold.effect.copy_disks.after"));
    g_assert_false(g_strv_contains((const char *const *)names, "cold.before.queued"));
}

static void
test_statuses_are_novas(void)
{
    g_autofree char *finished = cold_states_of_status("finished");
    g_autofree char *none = cold_states_of_status("running");
    g_assert_cmpstr(finished, ==, "finished,refused");
    g_assert_null(none);
    g_assert_cmpstr(cold_status_of_state("copying"), ==, "migrating");
    g_assert_cmpstr(cold_status_of_state("cleaning"), ==, "reverting");
    g_assert_null(cold_status_of_state("transferring"));
    g_assert_cmpstr(cold_recovery_class("starting"), ==, "forward");
}

/* The states that model/operation.c names have to be this machine's. */
static void
test_task_states_follow_the_move(void)
{
    static const char *const rows[][2] = {
        {"queued", "resize_prep"},
        {"preparing", "resize_prep"},
        {"copying", "resize_migrating"},
        {"defining", "resize_migrated"},
        {"starting", "resize_finish"},
        {"undoing", "resize_migrating"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(machine_find_state(cold_machine(), rows[i][0]), >=, 0);
        g_assert_cmpstr(operation_task_state(OPERATION_RESIZE, rows[i][0]), ==, rows[i][1]);
    }
    g_assert_cmpstr(
        operation_task_state(OPERATION_REVERT_RESIZE, "halting"), ==, "resize_reverting");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cold/machine-is-whole", test_machine_is_whole);
    g_test_add_func("/cold/failpoints-are-named", test_failpoints_are_named);
    g_test_add_func("/cold/statuses-are-novas", test_statuses_are_novas);
    g_test_add_func("/cold/task-states-follow-the-move", test_task_states_follow_the_move);
    return g_test_run();
}
