/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The allowed moves, each with the sentence that an operator reads.
 *
 *   QUEUED ─> FENCING ─> CHECKING ─> CLAIMING ─> FETCHING ─> BUILDING ─┬─> STARTING ─> DONE
 *     │          │          │           │            │          │      └─> PROVING ───┘ │
 *     │          └──────────┴───────────┴─> ERROR    └──────────┴─> UNDOING ─> FAILED   v
 *     └─> CANCELLED (also from all before DONE)                       └─> CANCELLED  COMPLETED
 *
 * Suspended in (waiting for an agent, a host or a deadline): every state but QUEUED. DONE is
 * closed: what follows it is the old host's return. */
#include "evacuation/evacuation.h"

#include "evacuation/states.h"

static const MachineState states[] = {
#define X(state, text, status, recovery, stay_s, sentence_text)                                    \
    {.name = text,                                                                                 \
        .sentence = sentence_text,                                                                 \
        .is_initial = EVACUATION_##state == EVACUATION_QUEUED,                                     \
        .is_final = EVACUATION_##state > EVACUATION_DONE},
    EVACUATION_STATES(X)
#undef X
};

#define MOVE(from, to, sentence)                                                                   \
    {                                                                                              \
        EVACUATION_##from, EVACUATION_##to, sentence                                               \
    }
static const MachineMove moves[] = {
    MOVE(QUEUED, FENCING, "the host is made certain to be dead"),
    MOVE(QUEUED, CANCELLED, "it was given up before it began"),
    MOVE(FENCING, CHECKING, "the host is fenced"),
    MOVE(FENCING, ERROR, "the host could not be fenced"),
    MOVE(FENCING, CANCELLED, "it was given up before the host was fenced"),
    MOVE(CHECKING, CLAIMING, "the host does not run the guest"),
    MOVE(CHECKING, ERROR, "the host still runs the guest"),
    MOVE(CHECKING, CANCELLED, "it was given up before a destination was chosen"),
    MOVE(CLAIMING, FETCHING, "a destination was chosen and its resources are claimed"),
    MOVE(CLAIMING, ERROR, "no host can take the instance"),
    MOVE(CLAIMING, CANCELLED, "it was given up before anything was built"),
    MOVE(FETCHING, BUILDING, "the destination has the image"),
    MOVE(FETCHING, UNDOING, "the image did not reach the destination, or it was given up"),
    MOVE(BUILDING, STARTING, "the guest is defined and is to run"),
    MOVE(BUILDING, PROVING, "the guest is defined and is to stay off"),
    MOVE(BUILDING, UNDOING, "the guest could not be made, or it was given up"),
    MOVE(PROVING, DONE, "the guest can run on the destination, and stays off"),
    MOVE(PROVING, UNDOING, "the guest cannot run on the destination, or it was given up"),
    MOVE(STARTING, DONE, "the guest runs on the destination"),
    MOVE(STARTING, UNDOING, "the guest could not be started, or it was given up"),
    MOVE(UNDOING, FAILED, "it failed on the destination; the same request may be made again"),
    MOVE(UNDOING, CANCELLED, "it was given up and nothing is left of it"),
    MOVE(DONE, COMPLETED, "the old host is back and has nothing of the instance any more"),
};

static const Machine machine = {
    .name = "evacuation",
    .states = states,
    .n_states = EVACUATION_N_STATES,
    .moves = moves,
    .n_moves = G_N_ELEMENTS(moves),
};

const Machine *
evacuation_machine(void)
{
    return &machine;
}

/* ---- names ---- */

static const char *const statuses[] = {
#define X(name, text, status, recovery, stay_s, sentence) status,
    EVACUATION_STATES(X)
#undef X
};

const char *
evacuation_status_of_state(const char *state)
{
    int found = machine_find_state(&machine, state);
    return found >= 0 ? statuses[found] : NULL;
}

char *
evacuation_states_of_status(const char *status)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (int i = 0; i < EVACUATION_N_STATES; i++) {
        if (g_strcmp0(statuses[i], status) == 0) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? "," : "", states[i].name);
        }
    }
    return names->len > 0 ? g_string_free(g_steal_pointer(&names), false) : NULL;
}

GStrv
evacuation_list_failpoints(void)
{
    static const char *const names[] = {
#define X(name, text, status, recovery, stay_s, sentence)                                          \
    "evacuation." text ".before_commit", "evacuation." text ".after_commit",
        EVACUATION_STATES(X)
#undef X
#define X(name, text, lane) "evacuation." text ".before", "evacuation." text ".after",
            EVACUATION_EFFECTS(X)
#undef X
                NULL,
    };
    /* The first two are of QUEUED, into which nothing moves. */
    return g_strdupv((char **)names + 2);
}
