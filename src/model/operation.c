/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/operation.h"
#include "model/migration.h"

typedef struct KindNames {
    const char *name;
    const char *task_state;
} KindNames;

static const KindNames kinds[] = {
#define X(kind, text, task) [OPERATION_##kind] = {text, task},
    OPERATION_KINDS(X)
#undef X
};

static const char *const wanted_names[] = {
    [WANTED_RUN] = "run",
    [WANTED_CANCEL] = "cancel",
    [WANTED_FORCE_COMPLETE] = "force_complete",
};

const char *
operation_kind_name(OperationKind kind)
{
    g_assert((unsigned)kind < G_N_ELEMENTS(kinds));
    return kinds[kind].name;
}

const char *
operation_kind_task_state(OperationKind kind)
{
    g_assert((unsigned)kind < G_N_ELEMENTS(kinds));
    return kinds[kind].task_state;
}

bool
operation_kind_is_cold(OperationKind kind)
{
    return kind == OPERATION_COLD_MIGRATE || kind == OPERATION_RESIZE;
}

/* Of the states in cold/states.h, those in which more than preparations are under way. */
static const char *const cold_task_states[][2] = {
    {"stopping", "resize_migrating"},
    {"copying", "resize_migrating"},
    {"retreating", "resize_migrating"},
    {"restarting", "resize_migrating"},
    {"undoing", "resize_migrating"},
    {"defining", "resize_migrated"},
    {"starting", "resize_finish"},
};

const char *
operation_task_state(OperationKind kind, const char *state)
{
    for (size_t i = 0; operation_kind_is_cold(kind) && i < G_N_ELEMENTS(cold_task_states); i++) {
        if (g_strcmp0(state, cold_task_states[i][0]) == 0) {
            return cold_task_states[i][1];
        }
    }
    return operation_kind_task_state(kind);
}

bool
operation_kind_parse(const char *text, OperationKind *ret_kind)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(text, kinds[i].name) == 0) {
            *ret_kind = (OperationKind)i;
            return true;
        }
    }
    return false;
}

const char *
wanted_name(Wanted wanted)
{
    g_assert((unsigned)wanted < G_N_ELEMENTS(wanted_names));
    return wanted_names[wanted];
}

bool
wanted_parse(const char *text, Wanted *ret_wanted)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted_names); i++) {
        if (g_strcmp0(text, wanted_names[i]) == 0) {
            *ret_wanted = (Wanted)i;
            return true;
        }
    }
    return false;
}

Operation *
operation_new(void)
{
    return g_new0(Operation, 1);
}

void
operation_clear(Operation *operation)
{
    g_free(operation->instance_id);
    g_free(operation->state);
    g_free(operation->requested_host);
    g_free(operation->request_id);
    g_free(operation->user_id);
    g_free(operation->project_id);
    g_free(operation->error_code);
    g_free(operation->message);
    *operation = (Operation){0};
}

void
operation_free(Operation *operation)
{
    if (operation == NULL) {
        return;
    }
    operation_clear(operation);
    g_free(operation);
}

void
operation_event_free(OperationEvent *event)
{
    if (event == NULL) {
        return;
    }
    g_free(event->from);
    g_free(event->to);
    g_free(event->sentence);
    g_free(event);
}
