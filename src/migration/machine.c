/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/migration.h"
#include "migration/states.h"

#include <string.h>

/*
 *   QUEUED --slot--> CHECKING --source agrees--> CLAIMING --reserved--> PREPARING
 *     |                 |  ^------- another host ---'  |                  |    |
 *     +-----------------+--- no: ERROR, CANCELLED --+       disks are ready    | no
 *                                                                         |    |
 *        +--------------- source paused --------------- TRANSFERRING <----+    |
 *        v                                              |     |    ^           |
 *    SWITCHING ------ not known ---> RESOLVING <--------+     |    |           |
 *        |  |                         |  |  |   not known     |    |           |
 *        |  |                         |  |  +--- still moving-+----+           |
 *        |  +-- source has it --------|--+------------------> UNDOING <--------+
 *        v                            v                          |
 *    FINISHING <---- destination has it                          v
 *        |                                          FAILED, ERROR, CANCELLED
 *        v
 *    COMPLETED (ERROR: it ran twice)        RESOLVING --on neither--> ERROR
 *
 *    TRANSFERRING, SWITCHING, RESOLVING --runs there, memory follows--> POSTCOPY
 *    POSTCOPY --all of it is there--> FINISHING, --not known--> RESOLVING: there is no way back
 *
 * Suspended in: QUEUED (slots), TRANSFERRING (the migrate call), and everywhere for the call under
 * way. No state is left because time has passed alone, but for those whose sentence says so.
 */
/* clang-format off */
static const MachineMove moves[] = {
    {MIGRATION_QUEUED, MIGRATION_CHECKING, "a slot of its source host is free"},
    {MIGRATION_QUEUED, MIGRATION_CANCELLED, "aborted while it waited"},
    {MIGRATION_CHECKING, MIGRATION_CLAIMING, "the source agrees"},
    {MIGRATION_CHECKING, MIGRATION_ERROR, "the source refuses, or does not answer"},
    {MIGRATION_CHECKING, MIGRATION_CANCELLED, "aborted before it began"},
    {MIGRATION_CLAIMING, MIGRATION_PREPARING, "a destination is chosen and reserved"},
    {MIGRATION_CLAIMING, MIGRATION_CHECKING, "that destination cannot run it; another is tried"},
    {MIGRATION_CLAIMING, MIGRATION_ERROR, "no destination will do"},
    {MIGRATION_CLAIMING, MIGRATION_CANCELLED, "aborted before it began"},
    {MIGRATION_PREPARING, MIGRATION_TRANSFERRING, "the destination is ready"},
    {MIGRATION_PREPARING, MIGRATION_UNDOING, "the destination cannot be made ready, or aborted"},
    {MIGRATION_TRANSFERRING, MIGRATION_SWITCHING, "the source has paused the guest"},
    {MIGRATION_TRANSFERRING, MIGRATION_POSTCOPY, "the destination runs it, its memory follows"},
    {MIGRATION_TRANSFERRING, MIGRATION_FINISHING, "the guest runs on the destination"},
    {MIGRATION_TRANSFERRING, MIGRATION_RESOLVING, "the transfer ended, the outcome is not known"},
    {MIGRATION_TRANSFERRING, MIGRATION_UNDOING, "the transfer failed; the source has the guest"},
    {MIGRATION_SWITCHING, MIGRATION_POSTCOPY, "the destination runs it, its memory follows"},
    {MIGRATION_SWITCHING, MIGRATION_FINISHING, "the guest runs on the destination"},
    {MIGRATION_SWITCHING, MIGRATION_RESOLVING, "the transfer ended, the outcome is not known"},
    {MIGRATION_SWITCHING, MIGRATION_UNDOING, "the switchover failed; the source has the guest"},
    {MIGRATION_POSTCOPY, MIGRATION_FINISHING, "all of the guest is on the destination"},
    {MIGRATION_POSTCOPY, MIGRATION_RESOLVING, "the transfer ended, the outcome is not known"},
    {MIGRATION_RESOLVING, MIGRATION_POSTCOPY, "it runs on the destination and is not all there"},
    {MIGRATION_RESOLVING, MIGRATION_TRANSFERRING, "it is still moving; watched again"},
    {MIGRATION_RESOLVING, MIGRATION_FINISHING, "the guest runs on the destination"},
    {MIGRATION_RESOLVING, MIGRATION_UNDOING, "the source has the guest"},
    {MIGRATION_RESOLVING, MIGRATION_ERROR, "the guest is on neither host; an operator must look"},
    {MIGRATION_FINISHING, MIGRATION_COMPLETED, "the source is cleaned"},
    {MIGRATION_FINISHING, MIGRATION_ERROR, "it ran twice; an operator must look"},
    {MIGRATION_UNDOING, MIGRATION_FAILED, "the destination is cleaned after a failed transfer"},
    {MIGRATION_UNDOING, MIGRATION_ERROR, "the destination is cleaned, nothing had moved"},
    {MIGRATION_UNDOING, MIGRATION_CANCELLED, "the destination is cleaned after an abort"},
    {MIGRATION_UNDOING, MIGRATION_RESOLVING, "the destination runs the guest after all"},
};
/* clang-format on */

typedef struct StateTexts {
    const char *status;
    const char *recovery;
} StateTexts;

static const StateTexts state_texts[] = {
#define X(name, text, status, recovery, timeout, sentence) [MIGRATION_##name] = {status, recovery},
    MIGRATION_STATES(X)
#undef X
};

static const MachineState states[] = {
#define X(name, text, status, recovery, timeout, sentence)                                         \
    [MIGRATION_##name] = {text, sentence, MIGRATION_##name == MIGRATION_QUEUED,                    \
        MIGRATION_##name >= MIGRATION_COMPLETED},
    MIGRATION_STATES(X)
#undef X
};

static const Machine machine = {
    .name = "migration",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .moves = moves,
    .n_moves = G_N_ELEMENTS(moves),
};

const Machine *
migration_machine(void)
{
    return &machine;
}

const char *
migration_status_of_state(const char *state)
{
    int index = machine_find_state(&machine, state);
    return index < 0 ? NULL : state_texts[index].status;
}

const char *
migration_recovery_class(const char *state)
{
    int index = machine_find_state(&machine, state);
    return index < 0 ? NULL : state_texts[index].recovery;
}

char *
migration_states_of_status(const char *status)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (int i = 0; i < machine.n_states; i++) {
        if (strcmp(state_texts[i].status, status) == 0) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? "," : "", states[i].name);
        }
    }
    return names->len > 0 ? g_string_free(g_steal_pointer(&names), FALSE) : NULL;
}
