/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/machine.h"

#include "base/error.h"

enum { QUEUED, IN_WORK, DONE, FAILED };

static const MachineState good_states[] = {
    {"queued", "waits for its turn", .is_initial = true},
    {"in-work", "is worked on"},
    {"done", "is done", .is_final = true},
    {"failed", "has failed", .is_final = true},
};
static const MachineMove good_moves[] = {
    {QUEUED, IN_WORK, "its turn has come"},
    {IN_WORK, DONE, "all worked; nothing is left"},
    {IN_WORK, FAILED, "something did not work"},
};
static const Machine good = {
    "good", good_states, G_N_ELEMENTS(good_states), good_moves, G_N_ELEMENTS(good_moves)};

static void
test_moves_and_states_are_found(void)
{
    g_assert_true(machine_find_move(&good, IN_WORK, DONE) == &good_moves[1]);
    g_assert_null(machine_find_move(&good, DONE, IN_WORK));
    g_assert_null(machine_find_move(&good, QUEUED, QUEUED));
    g_assert_cmpint(machine_find_state(&good, "in-work"), ==, IN_WORK);
    g_assert_cmpint(machine_find_state(&good, "IN-WORK"), ==, -1);
}

static void
test_good_machine_passes(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(machine_check(&good, &error));
    g_assert_no_error(error);
}

static void
assert_refused(const MachineState *states, int n_states, const MachineMove *moves, int n_moves,
    const char *message)
{
    const Machine machine = {"m", states, n_states, moves, n_moves};
    g_autoptr(GError) error = NULL;
    g_assert_false(machine_check(&machine, &error));
    g_assert_cmpstr(error->message, ==, message);
}

static void
test_mistakes_are_found(void)
{
    assert_refused(good_states, 4, good_moves, 2, "m: no initial state leads to 'failed'");
    const MachineMove endless[] = {
        {QUEUED, IN_WORK, "s"}, {QUEUED, DONE, "s"}, {QUEUED, FAILED, "s"}, {IN_WORK, QUEUED, "s"}};
    const MachineMove stuck[] = {
        {QUEUED, IN_WORK, "s"}, {QUEUED, DONE, "s"}, {QUEUED, FAILED, "s"}};
    assert_refused(good_states, 4, stuck, 3, "m: 'in-work' leads to no final state");
    const Machine cycle = {"m", good_states, 4, endless, 4};
    g_assert_true(machine_check(&cycle, NULL));
    const MachineMove out[] = {{QUEUED, DONE, "s"}, {DONE, FAILED, "s"}};
    assert_refused(good_states, 4, out, 2, "m: the final state 'done' has a way out");
    const MachineMove mute[] = {{QUEUED, DONE, ""}};
    assert_refused(good_states, 4, mute, 1, "m: move from 'queued' to 'done' has no sentence");
    const MachineMove twice[] = {{QUEUED, DONE, "s"}, {QUEUED, DONE, "t"}};
    assert_refused(good_states, 4, twice, 2, "m: move from 'queued' to 'done' is there twice");
    const MachineMove wild[] = {{QUEUED, 4, "s"}};
    assert_refused(good_states, 4, wild, 1, "m: move 0 names no state");
    const MachineState same[] = {{"a", "s", true}, {"a", "s", false, true}};
    assert_refused(same, 2, NULL, 0, "m: two states are named 'a'");
    const MachineState nameless[] = {{"a", ""}};
    assert_refused(nameless, 1, NULL, 0, "m: state 0 has no name or no sentence");
}

static void
test_diagram(void)
{
    g_autofree char *text = machine_to_mermaid(&good);
    g_assert_cmpstr(text, ==,
        "stateDiagram-v2\n"
        "    [*] --> queued\n"
        "    state \"in-work\" as in_work\n"
        "    queued --> in_work : its turn has come\n"
        "    in_work --> done : all worked, nothing is left\n"
        "    in_work --> failed : something did not work\n"
        "    done --> [*]\n"
        "    failed --> [*]\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/machine/moves-and-states-are-found", test_moves_and_states_are_found);
    g_test_add_func("/machine/good-machine-passes", test_good_machine_passes);
    g_test_add_func("/machine/mistakes-are-found", test_mistakes_are_found);
    g_test_add_func("/machine/diagram", test_diagram);
    return g_test_run();
}
