/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/task.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "model/diagnosis.h"
#include "operation/failure.h"

#define STORE_RETRY_US G_USEC_PER_SEC
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

OperationMove
migration_plain_move(void)
{
    return (OperationMove){.vm_state = -1, .power_state = -1, .should_run = -1, .generation = -1};
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
    move->sentence = row->sentence;
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

static void
report(MigrationTask *task, const OperationMove *move)
{
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, task->migration->id);
    LogField fields[] = {
        {"request_id", task->migration->operation.request_id},
        {"migration_id", id},
        {"instance_id", task->instance->id},
        {"source", task->migration->source_host},
        {"dest", task->migration->dest_host},
        {"from", move->from},
        {"to", move->to},
        {"error", move->message},
        {NULL, NULL},
    };
    log_record(LOG_LEVEL_INFO, fields, "%s", move->sentence);
    g_autofree char *labels = g_strdup_printf(
        "operation=\"%s\",to=\"%s\"", operation_kind_name(OPERATION_LIVE_MIGRATE), move->to);
    metrics_count("drover_operation_moves_total", labels, 1);
}

static void
keep_in_memory(MigrationTask *task, MigrationState to, const OperationMove *move)
{
    Operation *operation = &task->migration->operation;
    g_free(operation->state);
    operation->state = g_strdup(move->to);
    operation->deadline_us = move->deadline_us;
    if (move->error_code != NULL && operation->error_code == NULL) {
        operation->error_code = g_strdup(move->error_code);
        g_free(operation->message);
        operation->message = g_strdup(move->message);
    }
    migration_task_enter(task, to);
}

/* A database that fails is tried again; a row that somebody else moved is not ours any more. */
static StepResult
on_store_error(MigrationTask *task, const GError *error)
{
    if (error_is(error, ERROR_GONE_STALE)) {
        log_warning(
            "migration %" G_GINT64_FORMAT " was moved by somebody else", task->migration->id);
        task->is_stale = true;
        return STEP_DONE;
    }
    if (log_allow("migration-store", 10)) {
        log_error(
            "cannot write migration %" G_GINT64_FORMAT ": %s", task->migration->id, error->message);
    }
    return migration_task_wait(task, STORE_RETRY_US);
}

StepResult
migration_move(MigrationTask *task, MigrationState to, OperationMove *with)
{
    OperationMove move = with != NULL ? *with : migration_plain_move();
    complete(&move, task, to);
    g_autofree char *explained = failure_explain(&move);
    Fault fault;
    add_fault(&move, task, to, &fault);
    g_autoptr(GError) error = NULL;
    failpoint(points[to].before);
    if (!store_move_operation(task->context->store, &move, &error)) {
        return on_store_error(task, error);
    }
    failpoint(points[to].after);
    keep_in_memory(task, to, &move);
    report(task, &move);
    failure_count(&task->migration->operation, move.closes);
    task->context->moved(task->context, task->operation_id);
    return move.closes ? STEP_DONE : STEP_AGAIN;
}
