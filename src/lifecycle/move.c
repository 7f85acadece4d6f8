/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "lifecycle/internal.h"

#include <inttypes.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "operation/failure.h"

#define STORE_RETRY_US G_USEC_PER_SEC

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

static int64_t
deadline_of(LifecycleTask *task, LifecycleState state)
{
    int64_t now_us = clock_now_us(task->context->clock);
    int deadline_s = rows[state].deadline_s;
    if (deadline_s < 0) {
        return now_us + task->context->settings.shutdown_timeout_us;
    }
    return deadline_s == 0 ? 0 : now_us + deadline_s * G_USEC_PER_SEC;
}

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
        .deadline_us = deadline_of(task, to),
        .error_code = change->error != NULL ? error_code_name(error_code(change->error)) : NULL,
        .message = change->error != NULL ? change->error->message : NULL,
        .set_instance = true,
        .instance_id = task->instance->id,
        .host = change->host,
        .vm_state = change->vm_state,
        .power_state = change->power_state,
        .should_run = change->should_run,
        .generation = -1,
        .launched = change->launched,
        .terminated = change->terminated,
        .fault = change->fault,
        .clear_fault = change->clears_fault,
        .release_all = change->releases_claims,
        .volumes = change->volumes,
        .leftover = change->leftover,
    };
}

static void
report(LifecycleTask *task, const OperationMove *move)
{
    const char *kind = operation_kind_name(task->operation->kind);
    g_autofree char *id = g_strdup_printf("%" PRId64, task->operation->id);
    LogField fields[] = {
        {"request_id", task->operation->request_id},
        {"instance_id", task->instance->id},
        {"operation_id", id},
        {"operation", kind},
        {"host", task->instance->host},
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
keep_in_memory(LifecycleTask *task, LifecycleState to, const OperationMove *move)
{
    g_free(task->operation->state);
    task->operation->state = g_strdup(move->to);
    if (move->error_code != NULL && task->operation->error_code == NULL) {
        task->operation->error_code = g_strdup(move->error_code);
        g_free(task->operation->message);
        task->operation->message = g_strdup(move->message);
    }
    if (move->host != NULL) {
        g_free(task->instance->host);
        task->instance->host = g_strdup(move->host);
    }
    task->state = to;
    task->deadline_us = move->deadline_us;
    effect_slot_forget(&task->effect);
}

/* A database that fails is tried again; a row that somebody else moved is not ours any more. */
static StepResult
on_store_error(LifecycleTask *task, const GError *error)
{
    if (error_is(error, ERROR_GONE_STALE)) {
        log_warning("operation %" PRId64 " was moved by somebody else", task->operation->id);
        return STEP_DONE;
    }
    if (log_allow("lifecycle-store", 10)) {
        log_error("cannot write operation %" PRId64 ": %s", task->operation->id, error->message);
    }
    task->context->wake_at(
        task->context, task->operation->id, clock_now_us(task->context->clock) + STORE_RETRY_US);
    return STEP_WAIT;
}

StepResult
lifecycle_move(LifecycleTask *task, LifecycleState to, const LifecycleChange *change)
{
    OperationMove move = build(task, to, change);
    g_autofree char *explained = failure_explain(&move);
    g_autoptr(GError) error = NULL;
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
