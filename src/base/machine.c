/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/machine.h"

#include <string.h>

#include "base/error.h"

const MachineMove *
machine_find_move(const Machine *machine, int from, int to)
{
    for (int i = 0; i < machine->n_moves; i++) {
        if (machine->moves[i].from == from && machine->moves[i].to == to) {
            return &machine->moves[i];
        }
    }
    return NULL;
}

int
machine_find_state(const Machine *machine, const char *name)
{
    for (int i = 0; i < machine->n_states; i++) {
        if (strcmp(machine->states[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool
check_states(const Machine *machine, GError **error)
{
    for (int i = 0; i < machine->n_states; i++) {
        const MachineState *state = &machine->states[i];
        if (state->name == NULL || state->sentence == NULL || *state->sentence == '\0') {
            return error_set(
                error, ERROR_INVALID, "%s: state %d has no name or no sentence", machine->name, i);
        }
        if (machine_find_state(machine, state->name) != i) {
            return error_set(
                error, ERROR_INVALID, "%s: two states are named '%s'", machine->name, state->name);
        }
    }
    return true;
}

static bool
check_moves(const Machine *machine, GError **error)
{
    for (int i = 0; i < machine->n_moves; i++) {
        const MachineMove *move = &machine->moves[i];
        if (move->from < 0 || move->from >= machine->n_states || move->to < 0 ||
            move->to >= machine->n_states) {
            return error_set(error, ERROR_INVALID, "%s: move %d names no state", machine->name, i);
        }
        const char *from = machine->states[move->from].name;
        const char *to = machine->states[move->to].name;
        if (machine->states[move->from].is_final) {
            return error_set(error, ERROR_INVALID, "%s: the final state '%s' has a way out",
                machine->name, from);
        }
        if (move->sentence == NULL || *move->sentence == '\0') {
            return error_set(error, ERROR_INVALID, "%s: move from '%s' to '%s' has no sentence",
                machine->name, from, to);
        }
        if (machine_find_move(machine, move->from, move->to) != move) {
            return error_set(error, ERROR_INVALID, "%s: move from '%s' to '%s' is there twice",
                machine->name, from, to);
        }
    }
    return true;
}

/* Adds to the set all that can be reached from it (forward), or that can reach it. */
static void
close_set(const Machine *machine, bool *set, bool forward)
{
    bool has_grown = true;
    while (has_grown) {
        has_grown = false;
        for (int i = 0; i < machine->n_moves; i++) {
            int near = forward ? machine->moves[i].from : machine->moves[i].to;
            int far = forward ? machine->moves[i].to : machine->moves[i].from;
            if (set[near] && !set[far]) {
                set[far] = true;
                has_grown = true;
            }
        }
    }
}

bool
machine_check(const Machine *machine, GError **error)
{
    if (!check_states(machine, error) || !check_moves(machine, error)) {
        return false;
    }
    g_autofree bool *is_reachable = g_new0(bool, machine->n_states);
    g_autofree bool *can_end = g_new0(bool, machine->n_states);
    for (int i = 0; i < machine->n_states; i++) {
        is_reachable[i] = machine->states[i].is_initial;
        can_end[i] = machine->states[i].is_final;
    }
    close_set(machine, is_reachable, true);
    close_set(machine, can_end, false);
    for (int i = 0; i < machine->n_states; i++) {
        if (!is_reachable[i]) {
            return error_set(error, ERROR_INVALID, "%s: no initial state leads to '%s'",
                machine->name, machine->states[i].name);
        }
        if (!can_end[i]) {
            return error_set(error, ERROR_INVALID, "%s: '%s' leads to no final state",
                machine->name, machine->states[i].name);
        }
    }
    return true;
}

/* Mermaid takes only letters, digits and underscores in the identifier of a state. */
static char *
mermaid_id(const char *name)
{
    return g_strcanon(
        g_strdup(name), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", '_');
}

char *
machine_to_mermaid(const Machine *machine)
{
    g_autoptr(GString) text = g_string_new("stateDiagram-v2\n");
    for (int i = 0; i < machine->n_states; i++) {
        const MachineState *state = &machine->states[i];
        g_autofree char *id = mermaid_id(state->name);
        if (strcmp(id, state->name) != 0) {
            g_string_append_printf(text, "    state \"%s\" as %s\n", state->name, id);
        }
        if (state->is_initial) {
            g_string_append_printf(text, "    [*] --> %s\n", id);
        }
    }
    for (int i = 0; i < machine->n_moves; i++) {
        const MachineMove *move = &machine->moves[i];
        g_autofree char *from = mermaid_id(machine->states[move->from].name);
        g_autofree char *to = mermaid_id(machine->states[move->to].name);
        /* A semicolon would end Mermaid's statement. */
        g_autofree char *sentence = g_strdelimit(g_strdup(move->sentence), ";", ',');
        g_string_append_printf(text, "    %s --> %s : %s\n", from, to, sentence);
    }
    for (int i = 0; i < machine->n_states; i++) {
        if (machine->states[i].is_final) {
            g_autofree char *id = mermaid_id(machine->states[i].name);
            g_string_append_printf(text, "    %s --> [*]\n", id);
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
