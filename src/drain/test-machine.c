/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "drain/drain.h"
#include "model/drain.h"

static void
test_machines(void)
{
    g_autoptr(GError) error = NULL;
    machine_check(drain_machine(), &error);
    g_assert_no_error(error);
    machine_check(drain_item_machine(), &error);
    g_assert_no_error(error);
}

/* What the store writes is what the machines call it. */
static void
test_names(void)
{
    const Machine *machine = drain_machine();
    const Machine *items = drain_item_machine();
    for (int i = 0; i < machine->n_states; i++) {
        DrainState state = DRAIN_RUNNING;
        g_assert_true(drain_state_parse(machine->states[i].name, &state));
        g_assert_cmpint(state, ==, i);
        g_assert_cmpint(machine->states[i].is_final, ==, !drain_state_is_open(state));
    }
    for (int i = 0; i < items->n_states; i++) {
        DrainItemState state = DRAIN_ITEM_WAITING;
        g_assert_true(drain_item_state_parse(items->states[i].name, &state));
        g_assert_cmpint(state, ==, i);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/drain/machines-can-end-from-everywhere", test_machines);
    g_test_add_func("/drain/names-are-one-another's", test_names);
    return g_test_run();
}
