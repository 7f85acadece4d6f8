/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "model/diagnosis.h"

#define FAULT_CODE 500 /* as Nova shows a migration that failed */

static const struct {
    const char *before; /* failpoints */
    const char *after;
} points[] = {
#define X(name, text, status, recovery, timeout, sentence)                                         \
    {"migration." text ".before_commit", "migration." text ".after_commit"},
    MIGRATION_STATES(X)
#undef X
};

static int64_t
longest_stay_us(const OperationSettings *settings, MigrationState state)
{
    switch (state) {
#define X(name, text, status, recovery, timeout, sentence)                                         \
    case MIGRATION_##name: return timeout;
        MIGRATION_STATES(X)
#undef X
    case MIGRATION_N_STATES: break;
    }
    g_assert_not_reached();
}

static void
complete(OperationMove *move, MigrationTask *task, MigrationState to)
{
    const Machine *machine = migration_machine();
    const MachineMove *row = machine_find_move(machine, task->state, to);
    g_assert(row != NULL);
    int64_t now_us = migration_task_now_us(task);
    int64_t stay_us = longest_stay_us(&task->context->settings, to);
    move->operation_id = task->operation_id;
    move->epoch = task->context->epoch;
    move->from = machine->states[task->state].name;
    move->to = machine->states[to].name;
    move->closes = machine->states[to].is_final;
    if (move->sentence == NULL) {
        move->sentence = row->sentence;
    }
    move->deadline_us = stay_us == 0 ? 0 : now_us + stay_us;
    move->instance_id = task->instance->id;
    if (move->closes) {
        task->migration->finished_us = now_us;
        move->migration = task->migration;
    }
}

/* What made it fail is kept as the instance's fault too. It is shown once the instance is in ERROR,
 * as Nova has it; a guest that stayed where it was is not. */
static void
add_fault(OperationMove *move, const MigrationTask *task, MigrationState to, Fault *fault)
{
    const char *message = task->migration->operation.message;
    if (move->message != NULL && task->migration->operation.error_code == NULL) {
        message = move->message;
    }
    if (to != MIGRATION_FAILED || move->fault != NULL || message == NULL) {
        return;
    }
    *fault = (Fault){.code = FAULT_CODE,
        .message = (char *)message,
        .details = (char *)diagnosis_label(message),
        .created_us = migration_task_now_us(task)};
    move->set_instance = true;
    move->fault = fault;
}

/* What the guest's way has to do with it; NULL: nothing, or that is not known. */
static const char *
way_error(const MigrationTask *task, MigrationState to, const OperationMove *move)
{
    const char *message = task->refused_by != NULL
        ? g_hash_table_lookup(task->refusals, task->refused_by)
        : NULL;
    if (to == MIGRATION_FAILED || to == MIGRATION_ERROR) {
        const Operation *operation = &task->migration->operation;
        message = move->message != NULL && operation->error_code == NULL ? move->message
                                                                         : operation->message;
    }
    const Diagnosis *diagnosis = diagnosis_find(message);
    return diagnosis != NULL && diagnosis->is_way ? message : NULL;
}

/* A guest that got there, or did not since nothing does, tells what a canary would. */
static void
add_way(OperationMove *move, const MigrationTask *task, MigrationState to, Canary *way)
{
    const char *dest =
        task->refused_by != NULL ? task->refused_by : task->migration->dest_host;
    const char *error = to == MIGRATION_COMPLETED ? NULL : way_error(task, to, move);
    *way = (Canary){.source_host = task->migration->source_host,
        .dest_host = (char *)dest,
        .move_error = (char *)error};
    if (dest != NULL && (to == MIGRATION_COMPLETED || error != NULL)) {
        move->way = way;
    }
}

/* The guest as it was seen, or is known to be by what the move says; -1: neither. */
static int
seen_power(const MigrationTask *task, MigrationState to)
{
    DomainState source = task->has_views ? task->source_view.state : DOMAIN_UNREACHABLE;

    if (to == MIGRATION_POSTCOPY) {
        return task->was_paused ? POWER_STATE_PAUSED : POWER_STATE_RUNNING;
    }
    if (to == MIGRATION_SWITCHING) {
        return POWER_STATE_PAUSED;
    }
    if (migration_task_did(task, EFFECT_RESUME_SOURCE) || source == DOMAIN_RUNNING) {
        return POWER_STATE_RUNNING;
    }
    return source == DOMAIN_PAUSED ? POWER_STATE_PAUSED : -1;
}

/* A pause may last, so it is shown; but whoever records that the guest has moved says how it is. */
static void
add_power(OperationMove *move, const MigrationTask *task, MigrationState to)
{
    int power_state = seen_power(task, to);
    bool has_moved = to == MIGRATION_FINISHING || task->state == MIGRATION_FINISHING;

    if (task->migration->started_us != 0 && !has_moved && !move->set_instance &&
        power_state >= 0) {
        move->set_instance = true;
        move->power_state = power_state;
    }
}

StepResult
migration_move(MigrationTask *task, MigrationState to, OperationMove *with)
{
    OperationMove move = with != NULL ? *with : operation_plain_move();
    bool is_written = false;
    migration_keep_trouble(task, NULL); /* it was of this state alone */
    complete(&move, task, to);
    g_autofree char *explained = operation_explain(&move);
    Fault fault;
    Canary way;
    add_power(&move, task, to);
    add_fault(&move, task, to, &fault);
    add_way(&move, task, to, &way);
    OperationCommit commit = {
        .context = task->context,
        .operation = &task->migration->operation,
        .migration = task->migration,
        .before = points[to].before,
        .after = points[to].after,
    };
    StepResult result = operation_commit(&commit, &move, &is_written);
    if (is_written) {
        migration_task_enter(task, to);
    } else {
        task->is_stale = result == STEP_DONE;
    }
    return result;
}
