/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Checks state machines: which moves are allowed, and the sentence an operator reads for each.
 * Idea: one table per machine, one mover per machine, nobody else writes the state. */
#include <glib.h>
#include <stdbool.h>

typedef struct MachineState {
    const char *name;     /* as stored, lower case */
    const char *sentence; /* what an object in this state is doing */
    bool is_initial;
    bool is_final;
} MachineState;

typedef struct MachineMove {
    int from;
    int to;
    const char *sentence; /* why this move happens, for the operator */
} MachineMove;

typedef struct Machine {
    const char *name;
    const MachineState *states;
    int n_states;
    const MachineMove *moves;
    int n_moves;
} Machine;

/* The row for from -> to, or NULL when the move is not allowed. */
const MachineMove *machine_find_move(const Machine *machine, int from, int to);
/* The state of that stored name, or -1. */
int machine_find_state(const Machine *machine, const char *name);
/* Every non-final state can reach a final one, every state is reachable from an initial one, and
 * no final state has a way out. Used by the unit test of each machine. */
bool machine_check(const Machine *machine, GError **error);
/* The diagram of this machine as a Mermaid state diagram; caller frees. */
char *machine_to_mermaid(const Machine *machine);
