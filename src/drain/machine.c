/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/*   RUNNING <--pause, resume--> PAUSED        WAITING --asked--> MOVING --there--> MOVED
 *      |  \                       |              ^  |               |  \--cold--> CONFIRMING
 *      |   \--cancel--> CANCELLING<              |  +-> LEFT        |                 |
 *      |                    |                    |  +-> BLOCKED <---+-----------------+
 *   DONE, BLOCKED       CANCELLED                +------failed------+                          */
#include "drain/internal.h"

static const MachineState states[] = {
#define X(name, text, is_open, sentence)                                                           \
    {text, sentence, DRAIN_##name == DRAIN_RUNNING, !(is_open)},
    DRAIN_STATES(X)
#undef X
};

static const MachineMove moves[] = {
    {DRAIN_RUNNING, DRAIN_PAUSED, "an operator has paused it"},
    {DRAIN_RUNNING, DRAIN_CANCELLING, "an operator has given it up"},
    {DRAIN_RUNNING, DRAIN_DONE, "nothing is left to be moved"},
    {DRAIN_RUNNING, DRAIN_BLOCKED, "what is left cannot be moved"},
    {DRAIN_PAUSED, DRAIN_RUNNING, "an operator has resumed it"},
    {DRAIN_PAUSED, DRAIN_CANCELLING, "an operator has given it up"},
    {DRAIN_CANCELLING, DRAIN_CANCELLED, "no move of it is under way any more"},
};

static const Machine machine = {
    .name = "drain",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .moves = moves,
    .n_moves = G_N_ELEMENTS(moves),
};

const Machine *
drain_machine(void)
{
    return &machine;
}

/* ---- items ---- */

static const MachineState item_states[] = {
    {"waiting", "It waits for its turn, or until it can move", true, false},
    {"moving", "Its migration is under way", false, false},
    {"confirming", "Its cold migration is being confirmed", false, false},
    {"moved", "It is where it was to go", false, true},
    {"left", "Nothing is to be done for it", false, true},
    {"blocked", "It stays where it is", false, true},
};
G_STATIC_ASSERT(G_N_ELEMENTS(item_states) == DRAIN_ITEM_BLOCKED + 1);

#define MOVE(from, to, sentence) {DRAIN_ITEM_##from, DRAIN_ITEM_##to, sentence}
static const MachineMove item_moves[] = {
    MOVE(WAITING, MOVING, "its migration was asked for"),
    MOVE(WAITING, LEFT, "it was deleted, or is elsewhere already"),
    MOVE(WAITING, BLOCKED, "it cannot be moved, or its job was given up"),
    MOVE(MOVING, MOVED, "its migration has completed"),
    MOVE(MOVING, CONFIRMING, "it was moved cold: nobody else will confirm that"),
    MOVE(MOVING, WAITING, "its migration has failed, and is tried again"),
    MOVE(MOVING, LEFT, "it was deleted meanwhile"),
    MOVE(MOVING, BLOCKED, "its migration has failed too often"),
    MOVE(CONFIRMING, MOVED, "its cold migration is confirmed"),
    MOVE(CONFIRMING, WAITING, "its cold migration was reverted by somebody else"),
    MOVE(CONFIRMING, LEFT, "it was deleted meanwhile"),
    MOVE(CONFIRMING, BLOCKED, "its cold migration could not be confirmed"),
};

static const Machine item_machine = {
    .name = "drain-item",
    .states = item_states,
    .n_states = G_N_ELEMENTS(item_states),
    .moves = item_moves,
    .n_moves = G_N_ELEMENTS(item_moves),
};

const Machine *
drain_item_machine(void)
{
    return &item_machine;
}

GStrv
drain_list_failpoints(void)
{
    static const char *const names[] = {
#define X(name, text, is_open, sentence)                                                           \
    "drain." text ".before_commit", "drain." text ".after_commit",
        DRAIN_STATES(X)
#undef X
#define X(name, text) "drain.item." text ".before_commit", "drain.item." text ".after_commit",
            DRAIN_ITEM_STATES(X)
#undef X
                NULL,
    };
    return g_strdupv((char **)names);
}
