/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cold/internal.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "operation/failure.h"

#define STORE_RETRY_US G_USEC_PER_SEC

static const struct {
    const char *before; /* failpoints */
    const char *after;
    int timeout_s;
} rows[] = {
#define X(name, text, status, recovery, timeout, sentence)                                         \
    {"cold.before." text, "cold.after." text, timeout},
    COLD_STATES(X)
#undef X
};

static int64_t
deadline_of(const ColdTask *task, ColdState state)
{
    int64_t now_us = clock_now_us(task->context->clock);
    int timeout_s = rows[state].timeout_s;

    if (timeout_s < 0) {
        return now_us + task->context->settings.shutdown_timeout_us;
    }
    return timeout_s == 0 ? 0 : now_us + timeout_s * G_USEC_PER_SEC;
}

OperationMove
cold_plain_move(void)
{
    return (OperationMove){.vm_state = -1, .power_state = -1, .should_run = -1, .generation = -1};
}

static void
complete(ColdTask *task, ColdState to, OperationMove *move)
{
    const Machine *machine = cold_machine();
    const MachineMove *row = machine_find_move(machine, task->state, to);

    g_assert(row != NULL);
    move->operation_id = task->operation->id;
    move->epoch = task->context->epoch;
    move->from = machine->states[task->state].name;
    move->to = machine->states[to].name;
    move->closes = machine->states[to].is_final;
    if (move->sentence == NULL) {
        move->sentence = row->sentence;
    }
    move->deadline_us = deadline_of(task, to);
    move->instance_id = task->instance->id;
    if (move->closes && operation_kind_is_cold(task->operation->kind)) {
        task->migration->finished_us = clock_now_us(task->context->clock);
    }
    /* What did not happen leaves the move as it was, to be ended another time. */
    if (to == COLD_REFUSED) {
        task->migration->end_operation_id = 0;
    }
    move->migration = task->migration;
}

static void
report(ColdTask *task, const OperationMove *move)
{
    const char *kind = operation_kind_name(task->operation->kind);
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, task->migration->id);
    LogField fields[] = {
        {"request_id", task->operation->request_id},
        {"migration_id", id},
        {"instance_id", task->instance->id},
        {"operation", kind},
        {"source", task->migration->source_host},
        {"dest", task->migration->dest_host},
        {"from", move->from},
        {"to", move->to},
        {"error", move->message},
        {NULL, NULL},
    };
    log_record(LOG_LEVEL_INFO, fields, "%s", move->sentence);
    g_autofree char *labels = g_strdup_printf("operation=\"%s\",to=\"%s\"", kind, move->to);
    metrics_count("drover_operation_moves_total", labels, 1);
}

static void
keep_in_memory(ColdTask *task, ColdState to, const OperationMove *move)
{
    Operation *operation = task->operation;

    g_free(operation->state);
    operation->state = g_strdup(move->to);
    if (move->error_code != NULL && operation->error_code == NULL) {
        operation->error_code = g_strdup(move->error_code);
        g_free(operation->message);
        operation->message = g_strdup(move->message);
    }
    task->state = to;
    task->deadline_us = move->deadline_us;
    task->done = 0;
    task->idle_since_us = 0;
    task->off = (PowerOff){0};
    task->destroy_wanted = false;
    effect_slot_forget(&task->effect);
    effect_slot_forget(&task->side);
}

/* A database that fails is tried again; a row that somebody else moved is not ours any more. */
static StepResult
on_store_error(ColdTask *task, const GError *error)
{
    if (error_is(error, ERROR_GONE_STALE)) {
        log_warning("operation %" G_GINT64_FORMAT " was moved by somebody else",
            task->operation->id);
        return STEP_DONE;
    }
    if (log_allow("cold-store", 10)) {
        log_error("cannot write operation %" G_GINT64_FORMAT ": %s", task->operation->id,
            error->message);
    }
    return cold_wait(task, STORE_RETRY_US);
}

StepResult
cold_move(ColdTask *task, ColdState to, const OperationMove *with)
{
    OperationMove move = with != NULL ? *with : cold_plain_move();
    g_autoptr(GError) error = NULL;

    complete(task, to, &move);
    g_autofree char *explained = failure_explain(&move);
    failpoint(rows[to].before);
    if (!store_move_operation(task->context->store, &move, &error)) {
        return on_store_error(task, error);
    }
    failpoint(rows[to].after);
    keep_in_memory(task, to, &move);
    report(task, &move);
    failure_count(task->operation, move.closes);
    task->context->moved(task->context, task->operation->id);
    return move.closes ? STEP_DONE : STEP_AGAIN;
}

StepResult
cold_move_with_error(ColdTask *task, ColdState to, const GError *error)
{
    OperationMove move = cold_plain_move();

    move.error_code = error_code_name(error_code(error));
    move.message = error->message;
    return cold_move(task, to, &move);
}

Leftover
cold_leftover(const ColdTask *task, bool on_dest, const char *why, const char *when)
{
    const Migration *migration = task->migration;
    char *id = task->instance->id;

    return (Leftover){
        .host = on_dest ? migration->dest_host : migration->source_host,
        .kind = LEFTOVER_GUEST,
        .name = id,
        .instance_id = id,
        .operation_id = on_dest ? migration->operation.id : 0,
        .with_disks = migration->copies_disks,
        .size_bytes = -1,
        .why = (char *)why,
        .removable_when = (char *)when,
    };
}

void
cold_forget_leftover(ColdTask *task, bool on_dest)
{
    Store *store = task->context->store;
    LeftoverFilter filter = {
        .host = on_dest ? task->migration->dest_host : task->migration->source_host,
        .instance_id = task->instance->id,
    };
    g_autoptr(GPtrArray) left = store_list_leftovers(store, &filter, NULL);

    for (unsigned i = 0; left != NULL && i < left->len; i++) {
        store_delete_leftover(store, ((Leftover *)left->pdata[i])->id, NULL);
    }
}
