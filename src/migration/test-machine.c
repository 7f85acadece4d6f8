/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/migration.h"
#include "migration/states.h"

static void
test_machine_is_sound(void)
{
    g_autoptr(GError) error = NULL;
    machine_check(migration_machine(), &error);
    g_assert_no_error(error);
}

static void
test_statuses_are_novas(void)
{
    static const char *const rows[][2] = {
        {"queued", "queued"},
        {"preparing", "checking,claiming,preparing"},
        {"running", "transferring,switching,resolving,undoing"},
        {"post-migrating", "finishing"},
        {"completed", "completed"},
        {"failed", "failed"},
        {"error", "error"},
        {"cancelled", "cancelled"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *states = migration_states_of_status(rows[i][0]);
        g_assert_cmpstr(states, ==, rows[i][1]);
        g_auto(GStrv) names = g_strsplit(states, ",", -1);
        for (char **name = names; *name != NULL; name++) {
            g_assert_cmpstr(migration_status_of_state(*name), ==, rows[i][0]);
        }
    }
    g_assert_null(migration_states_of_status("accepted"));
    g_assert_null(migration_status_of_state("accepted"));
}

static void
test_recovery_classes(void)
{
    g_assert_cmpstr(migration_recovery_class("queued"), ==, "redo");
    g_assert_cmpstr(migration_recovery_class("transferring"), ==, "ask");
    g_assert_cmpstr(migration_recovery_class("finishing"), ==, "forward");
    g_assert_cmpstr(migration_recovery_class("undoing"), ==, "undo");
    g_assert_cmpstr(migration_recovery_class("completed"), ==, "final");
}

/* A transfer is begun from one state only: nothing else leads to it but what saw it under way. */
static void
test_who_leads_where(void)
{
    const Machine *machine = migration_machine();
    for (int from = 0; from < machine->n_states; from++) {
        bool begins = from == MIGRATION_PREPARING || from == MIGRATION_RESOLVING;
        bool finishes = from == MIGRATION_TRANSFERRING || from == MIGRATION_SWITCHING ||
            from == MIGRATION_POSTCOPY || from == MIGRATION_RESOLVING;
        g_assert_cmpint(
            machine_find_move(machine, from, MIGRATION_TRANSFERRING) != NULL, ==, begins);
        g_assert_cmpint(
            machine_find_move(machine, from, MIGRATION_FINISHING) != NULL, ==, finishes);
        g_assert_cmpint(machine_find_move(machine, from, MIGRATION_COMPLETED) != NULL, ==,
            from == MIGRATION_FINISHING);
    }
    /* The guest runs on the destination with a part of its memory elsewhere: no way back. */
    g_assert_null(machine_find_move(machine, MIGRATION_POSTCOPY, MIGRATION_UNDOING));
    g_assert_null(machine_find_move(machine, MIGRATION_POSTCOPY, MIGRATION_CANCELLED));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/migration/machine-is-sound", test_machine_is_sound);
    g_test_add_func("/migration/statuses-are-novas", test_statuses_are_novas);
    g_test_add_func("/migration/recovery-classes", test_recovery_classes);
    g_test_add_func("/migration/who-leads-where", test_who_leads_where);
    return g_test_run();
}
