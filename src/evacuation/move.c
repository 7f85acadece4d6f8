/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "evacuation/task.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "operation/failure.h"

#define STORE_RETRY_US G_USEC_PER_SEC

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
    return (OperationMove){
        .vm_state = -1,
        .power_state = -1,
        .should_run = -1,
        .generation = -1,
        .instance_id = task->instance->id,
        .migration = task->migration,
    };
}

static void
report(const EvacuationTask *task, const OperationMove *move)
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
        {"error", move->error_code},
        {NULL, NULL},
    };
    log_record(
        LOG_LEVEL_INFO, fields, "%s", move->message != NULL ? move->message : move->sentence);
    g_autofree char *labels = g_strdup_printf("operation=\"evacuate\",to=\"%s\"", move->to);
    metrics_count("drover_operation_moves_total", labels, 1);
}

/* Clears what belongs to the state that is left. */
static void
enter(EvacuationTask *task, EvacuationState state, const OperationMove *move)
{
    Operation *operation = &task->migration->operation;
    g_free(operation->state);
    operation->state = g_strdup(move->to);
    operation->deadline_us = move->deadline_us;
    if (operation->error_code == NULL && move->error_code != NULL) {
        operation->error_code = g_strdup(move->error_code);
        g_free(operation->message);
        operation->message = g_strdup(move->message);
    }
    task->state = state;
    task->done = 0;
    task->view = (DomainView){0};
    effect_slot_forget(&task->slot);
}

/* A database that fails is tried again; a row that somebody else moved is not ours any more. */
static EvacuationStep
on_store_error(EvacuationTask *task, const GError *error)
{
    if (error_is(error, ERROR_GONE_STALE)) {
        log_warning("evacuation %" G_GINT64_FORMAT " was moved by somebody else",
            task->migration->id);
        return EVACUATION_END;
    }
    if (log_allow("evacuation-store", 10)) {
        log_error("cannot write evacuation %" G_GINT64_FORMAT ": %s", task->migration->id,
            error->message);
    }
    task->context->wake_at(task->context, task->migration->operation.id,
        evacuation_now_us(task) + STORE_RETRY_US);
    return EVACUATION_WAIT;
}

EvacuationStep
evacuation_move(EvacuationTask *task, EvacuationState to, const OperationMove *with)
{
    const Machine *machine = evacuation_machine();
    const MachineMove *row = machine_find_move(machine, task->state, to);
    g_autoptr(GError) error = NULL;
    OperationMove move = with != NULL ? *with : evacuation_plain_move(task);
    g_assert(row != NULL);
    move.operation_id = task->migration->operation.id;
    move.epoch = task->context->epoch;
    move.from = machine->states[task->state].name;
    move.to = machine->states[to].name;
    move.closes = to >= EVACUATION_DONE;
    move.sentence = row->sentence;
    move.deadline_us =
        rows[to].stay_s == 0 ? 0 : evacuation_now_us(task) + rows[to].stay_s * G_USEC_PER_SEC;
    if (move.closes) {
        task->migration->finished_us = evacuation_now_us(task);
        /* However it ends, the password has been kept for long enough. */
        g_clear_pointer(&task->migration->admin_pass, g_free);
    }
    g_autofree char *explained = failure_explain(&move);
    failpoint(rows[to].before);
    if (!store_move_operation(task->context->store, &move, &error)) {
        return on_store_error(task, error);
    }
    failpoint(rows[to].after);
    enter(task, to, &move);
    report(task, &move);
    failure_count(&task->migration->operation, move.closes);
    task->context->moved(task->context, move.operation_id);
    return move.closes ? EVACUATION_END : EVACUATION_AGAIN;
}

EvacuationStep
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
