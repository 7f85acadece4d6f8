/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "evacuation/task.h"

#include "base/failpoint.h"
#include "operation/commit.h"

static const struct {
    const char *before; /* failpoints */
    const char *after;
    int stay_s;
} rows[] = {
#define X(name, text, status, recovery, stay_s, sentence)                                          \
    {"evacuation." text ".before_commit", "evacuation." text ".after_commit", stay_s},
    EVACUATION_STATES(X)
#undef X
};

static const char *const reason_codes[] = {
#define X(name, code, sentence) code,
    EVACUATION_REASONS(X)
#undef X
};

const char *
evacuation_reason_code(EvacuationReason reason)
{
    return reason_codes[reason];
}

int64_t
evacuation_now_us(const EvacuationTask *task)
{
    return clock_now_us(task->context->clock);
}

int64_t
evacuation_deadline_us(const EvacuationTask *task)
{
    int64_t deadline_us = task->migration->operation.deadline_us;
    return deadline_us != 0 ? MAX(deadline_us, task->grace_until_us) : 0;
}

OperationMove
evacuation_plain_move(const EvacuationTask *task)
{
    OperationMove move = operation_plain_move();
    move.instance_id = task->instance->id;
    move.migration = task->migration;
    return move;
}

/* Clears what belongs to the state that is left. */
static void
enter(EvacuationTask *task, EvacuationState state)
{
    task->state = state;
    task->done = 0;
    task->view = (DomainView){0};
    effect_slot_forget(&task->slot);
}

StepResult
evacuation_move(EvacuationTask *task, EvacuationState to, const OperationMove *with)
{
    const Machine *machine = evacuation_machine();
    const MachineMove *row = machine_find_move(machine, task->state, to);
    bool is_written = false;
    OperationMove move = with != NULL ? *with : evacuation_plain_move(task);
    g_assert(row != NULL);
    move.operation_id = task->migration->operation.id;
    move.epoch = task->context->epoch;
    move.from = machine->states[task->state].name;
    move.to = machine->states[to].name;
    move.closes = to >= EVACUATION_DONE;
    move.sentence = row->sentence;
    move.deadline_us = operation_deadline_us(task->context, rows[to].stay_s);
    if (move.closes) {
        task->migration->finished_us = evacuation_now_us(task);
        /* However it ends, the password has been kept for long enough. */
        g_clear_pointer(&task->migration->admin_pass, g_free);
    }
    g_autofree char *explained = operation_explain(&move);
    OperationCommit commit = {
        .context = task->context,
        .operation = &task->migration->operation,
        .migration = task->migration,
        .before = rows[to].before,
        .after = rows[to].after,
    };
    StepResult result = operation_commit(&commit, &move, &is_written);
    if (is_written) {
        enter(task, to);
    }
    return result;
}

StepResult
evacuation_move_because(
    EvacuationTask *task, EvacuationState to, EvacuationReason reason, const char *message)
{
    OperationMove move = evacuation_plain_move(task);
    move.error_code = evacuation_reason_code(reason);
    move.message = message;
    move.release_target = to == EVACUATION_ERROR || to == EVACUATION_CANCELLED;
    return evacuation_move(task, to, &move);
}

bool
evacuation_settle(OperationContext *context, int64_t operation_id, GError **error)
{
    const Machine *machine = evacuation_machine();
    const MachineMove *row = machine_find_move(machine, EVACUATION_DONE, EVACUATION_COMPLETED);
    failpoint(rows[EVACUATION_COMPLETED].before);
    if (!store_settle_operation(context->store, operation_id, machine->states[row->from].name,
            machine->states[row->to].name, row->sentence, error)) {
        return false;
    }
    failpoint(rows[EVACUATION_COMPLETED].after);
    return true;
}
