/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "lifecycle/internal.h"

#include "operation/commit.h"

static const struct {
    const char *before; /* failpoints */
    const char *after;
    int deadline_s;
} rows[] = {
#define X(name, text, class, deadline_s, sentence)                                                 \
    {"lifecycle.before." text, "lifecycle.after." text, deadline_s},
    LIFECYCLE_STATES(X)
#undef X
};

/* Nova: a delete confirms the move that waits for it. Names of states of cold/states.h, which is no
 * layer below this one. */
#define COLD_FINISHED "finished"
#define COLD_CONFIRMED "confirmed"

static OperationMove
build(LifecycleTask *task, LifecycleState to, const LifecycleChange *change)
{
    const Machine *machine = lifecycle_machine();
    const MachineMove *row = machine_find_move(machine, task->state, to);
    g_assert(row != NULL);
    return (OperationMove){
        .operation_id = task->operation->id,
        .epoch = task->context->epoch,
        .from = machine->states[task->state].name,
        .to = machine->states[to].name,
        .closes = machine->states[to].is_final,
        .sentence = change->sentence != NULL ? change->sentence : row->sentence,
        .deadline_us = operation_deadline_us(task->context, rows[to].deadline_s),
        .error_code = change->error != NULL ? error_code_name(error_code(change->error)) : NULL,
        .message = change->error != NULL ? change->error->message : NULL,
        .forgets_error = change->forgets_error,
        .set_instance = true,
        .instance_id = task->instance->id,
        .host = change->host,
        .leaves_host = change->leaves_host,
        .vm_state = change->vm_state,
        .power_state = change->power_state,
        .should_run = change->should_run,
        .generation = -1,
        .launched = change->launched,
        .terminated = change->terminated,
        .settle_from = change->confirms ? COLD_FINISHED : NULL,
        .settle_to = COLD_CONFIRMED,
        .settle_sentence = "the instance was to be deleted: nothing is to be reverted any more",
        .fault = change->fault,
        .clear_fault = change->clears_fault,
        .release_all = change->releases_claims,
        .release_kept = change->confirms,
        .volumes = change->volumes,
        .leftover = change->leftover,
    };
}

static void
enter(LifecycleTask *task, LifecycleState to, const OperationMove *move)
{
    if (move->host != NULL || move->leaves_host) {
        g_free(task->instance->host);
        task->instance->host = g_strdup(move->host);
    }
    task->state = to;
    task->deadline_us = move->deadline_us;
    effect_slot_forget(&task->effect);
}

StepResult
lifecycle_move(LifecycleTask *task, LifecycleState to, const LifecycleChange *change)
{
    OperationMove move = build(task, to, change);
    g_autofree char *explained = operation_explain(&move);
    bool is_written = false;
    OperationCommit commit = {
        .context = task->context,
        .operation = task->operation,
        .host = move.host != NULL ? move.host : task->instance->host,
        .before = rows[to].before,
        .after = rows[to].after,
    };
    StepResult result = operation_commit(&commit, &move, &is_written);
    if (is_written) {
        enter(task, to, &move);
    }
    return result;
}
