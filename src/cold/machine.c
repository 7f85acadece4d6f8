/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The allowed moves, each with the sentence that an operator reads.
 *
 *  migrate, resize
 *                ^ another host is tried
 *                ├──────────┬──────────┬────────────┐
 *   QUEUED ─> CHECKING ─> CLAIMING ─> FETCHING ─> PREPARING ─> STOPPING ─> COPYING ─> DEFINING
 *     │          │           │  └── shared ──────────┼──────────> │ ─ shared ─────────> │  │
 *     └──────────┴───────────┴─> ERROR, CANCELLED    │            │          │          │  v
 *                                    ^            UNDOING <─ RESTARTING <────┴──────────┘ STARTING
 *                                    └───────────────┘            ^                        │  │
 *                                                             RETREATING <── failed ───────┘  v
 *  confirm                                                                                FINISHED
 *   QUEUED ─> PROVING ─> CONFIRMING ─> CONFIRMED
 *  revert
 *   QUEUED ─> RECALLING ─> HALTING ─> RETURNING ─> REVIVING ─> CLEANING ─> REVERTED
 *
 * Suspended in (waiting for a host, an event or a deadline): every state but QUEUED. */
#include "cold/cold.h"

#include "cold/states.h"
#include <string.h>

static const struct {
    const char *status;
    const char *recovery;
} texts[] = {
#define X(name, text, status, recovery, timeout, sentence) [COLD_##name] = {status, recovery},
    COLD_STATES(X)
#undef X
};

static const MachineState states[] = {
#define X(name, text, status, recovery, timeout, sentence)                                         \
    [COLD_##name] = {text, sentence, COLD_##name == COLD_QUEUED, COLD_##name >= COLD_FINISHED},
    COLD_STATES(X)
#undef X
};

#define MOVE(from, to, sentence)                                                                   \
    {                                                                                              \
        COLD_##from, COLD_##to, sentence                                                           \
    }
static const MachineMove moves[] = {
    MOVE(QUEUED, CHECKING, "the move begins"),
    MOVE(QUEUED, PROVING, "the move is to be confirmed"),
    MOVE(QUEUED, RECALLING, "the move is to be reverted"),
    MOVE(QUEUED, CANCELLED, "aborted before it began"),
    MOVE(QUEUED, REFUSED, "given up before it began"),
    MOVE(CHECKING, CLAIMING, "the source agrees"),
    MOVE(CHECKING, ERROR, "the source refuses, or does not answer"),
    MOVE(CHECKING, CANCELLED, "aborted before it began"),
    MOVE(CLAIMING, FETCHING, "a destination is chosen and reserved, the disks must be copied"),
    MOVE(CLAIMING, STOPPING, "a destination is chosen and reserved, both hosts have the disks"),
    MOVE(CLAIMING, CHECKING, "the destination cannot have it: another is tried"),
    MOVE(CLAIMING, ERROR, "no destination will do"),
    MOVE(CLAIMING, CANCELLED, "aborted before it began"),
    MOVE(FETCHING, PREPARING, "the destination has what the disk stands on"),
    MOVE(FETCHING, CHECKING, "the destination is gone: another is tried"),
    MOVE(FETCHING, UNDOING, "the destination cannot be made ready, or aborted"),
    MOVE(PREPARING, STOPPING, "the destination is ready"),
    MOVE(PREPARING, CHECKING, "the destination is gone: another is tried"),
    MOVE(PREPARING, UNDOING, "the destination cannot be made ready, or aborted"),
    MOVE(STOPPING, COPYING, "the guest is off"),
    MOVE(STOPPING, DEFINING, "the guest is off, and both hosts have its disks"),
    MOVE(STOPPING, RESTARTING, "the guest could not be stopped, or aborted"),
    MOVE(COPYING, DEFINING, "the destination has the disks"),
    MOVE(COPYING, RESTARTING, "the disks could not be copied, or aborted"),
    MOVE(DEFINING, STARTING, "the destination knows the guest"),
    MOVE(DEFINING, FINISHED, "the destination has the guest, which stays off as it was"),
    MOVE(DEFINING, RESTARTING, "the destination refuses the guest"),
    MOVE(STARTING, FINISHED, "the guest runs on the destination"),
    MOVE(STARTING, RETREATING, "the destination could not start the guest"),
    MOVE(RETREATING, RESTARTING, "the destination was seen off"),
    MOVE(RESTARTING, UNDOING, "the source has the guest"),
    MOVE(UNDOING, ERROR, "the destination is cleaned after a failed move"),
    MOVE(UNDOING, CANCELLED, "the destination is cleaned after an abort"),
    MOVE(PROVING, CONFIRMING, "the destination has the guest"),
    MOVE(PROVING, REFUSED, "the destination does not say that it has the guest"),
    MOVE(CONFIRMING, CONFIRMED, "the source has forgotten the guest"),
    MOVE(CONFIRMING, REFUSED, "the source does not forget the guest"),
    MOVE(RECALLING, HALTING, "the source still has the guest"),
    MOVE(RECALLING, REFUSED, "the source does not have the guest, or cannot have its disks"),
    MOVE(HALTING, RETURNING, "the destination was seen off"),
    MOVE(HALTING, REFUSED, "the destination does not stop the guest"),
    MOVE(RETURNING, REVIVING, "the source has its old definition back"),
    MOVE(RETURNING, CLEANING, "the source has the guest, which stays off as it was"),
    MOVE(RETURNING, ERROR, "the source does not take the guest back; an operator must look"),
    MOVE(REVIVING, CLEANING, "the guest runs on the source"),
    MOVE(REVIVING, ERROR, "the source cannot start the guest; nothing was removed"),
    MOVE(CLEANING, REVERTED, "the destination is cleaned"),
};

static const Machine machine = {
    .name = "cold",
    .states = states,
    .n_states = COLD_N_STATES,
    .moves = moves,
    .n_moves = G_N_ELEMENTS(moves),
};

const Machine *
cold_machine(void)
{
    return &machine;
}

const char *
cold_status_of_state(const char *state)
{
    int index = machine_find_state(&machine, state);
    return index < 0 ? NULL : texts[index].status;
}

const char *
cold_recovery_class(const char *state)
{
    int index = machine_find_state(&machine, state);
    return index < 0 ? NULL : texts[index].recovery;
}

char *
cold_states_of_status(const char *status)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (int i = 0; i < machine.n_states; i++) {
        if (strcmp(texts[i].status, status) == 0) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? "," : "", states[i].name);
        }
    }
    return names->len > 0 ? g_string_free(g_steal_pointer(&names), FALSE) : NULL;
}

GStrv
cold_list_failpoints(void)
{
    static const char *const names[] = {
#define X(name, text, status, recovery, timeout, sentence) "cold.before." text, "cold.after." text,
        COLD_STATES(X)
#undef X
#define X(verb, lane) "cold.effect." #verb ".before", "cold.effect." #verb ".after",
            COLD_EFFECTS(X)
#undef X
                NULL,
    };
    /* The first two are of QUEUED, into which nothing moves. */
    return g_strdupv((char **)names + 2);
}
