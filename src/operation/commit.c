/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/commit.h"

#include <string.h>

#include "base/error.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "model/diagnosis.h"

#define STORE_RETRY_US G_USEC_PER_SEC

OperationMove
operation_plain_move(void)
{
    return (OperationMove){.vm_state = -1, .power_state = -1, .should_run = -1, .generation = -1};
}

int64_t
operation_deadline_us(const OperationContext *context, int stay_s)
{
    if (stay_s == 0) {
        return 0;
    }
    return clock_now_us(context->clock) +
        (stay_s < 0 ? context->settings.shutdown_timeout_us : stay_s * G_USEC_PER_SEC);
}

char *
operation_explain(OperationMove *move)
{
    if (move->error_code == NULL || move->message == NULL) {
        return NULL;
    }
    char *text = diagnosis_explain(move->message);
    move->message = text;
    return text;
}

static void
keep_in_memory(Operation *operation, const OperationMove *move)
{
    g_free(operation->state);
    operation->state = g_strdup(move->to);
    operation->deadline_us = move->deadline_us;
    if (move->forgets_error) {
        g_clear_pointer(&operation->error_code, g_free);
        g_clear_pointer(&operation->message, g_free);
    }
    if (move->error_code != NULL && operation->error_code == NULL) {
        operation->error_code = g_strdup(move->error_code);
        g_free(operation->message);
        operation->message = g_strdup(move->message);
    }
}

static void
report(const OperationCommit *commit, const OperationMove *move)
{
    const Operation *operation = commit->operation;
    const Migration *migration = commit->migration;
    bool is_move = migration != NULL;
    const char *kind = operation_kind_name(operation->kind);
    g_autofree char *id =
        g_strdup_printf("%" G_GINT64_FORMAT, is_move ? migration->id : operation->id);
    LogField fields[] = {
        {"request_id", operation->request_id},
        {is_move ? "migration_id" : "operation_id", id},
        {"instance_id", move->instance_id},
        {"operation", kind},
        {"host", is_move ? NULL : commit->host},
        {"source", is_move ? migration->source_host : NULL},
        {"dest", is_move ? migration->dest_host : NULL},
        {"from", move->from},
        {"to", move->to},
        {"error", move->message},
        {NULL, NULL},
    };
    log_record(LOG_LEVEL_INFO, fields, "%s", move->sentence);
    g_autofree char *labels = g_strdup_printf("operation=\"%s\",to=\"%s\"", kind, move->to);
    metrics_count("drover_operation_moves_total", labels, 1);
}

/* An operation that ends with an error, and was not given up by its owner, is counted by what its
 * message means. */
static void
count_failure(const Operation *operation)
{
    const char *code = operation->error_code;

    if (code == NULL || strcmp(code, error_code_name(ERROR_CANCELLED)) == 0) {
        return;
    }
    g_autofree char *labels = g_strdup_printf("operation=\"%s\",diagnosis=\"%s\"",
        operation_kind_name(operation->kind), diagnosis_label(operation->message));
    metrics_count("drover_operation_failures_total", labels, 1);
}

/* A database that fails is tried again; a row that somebody else moved is not ours any more. */
static StepResult
on_store_error(const OperationCommit *commit, const GError *error)
{
    OperationContext *context = commit->context;
    int64_t id = commit->operation->id;

    if (error_is(error, ERROR_GONE_STALE)) {
        log_warning("operation %" G_GINT64_FORMAT " was moved by somebody else", id);
        return STEP_DONE;
    }
    if (log_allow("operation-store", 10)) {
        log_error("cannot write operation %" G_GINT64_FORMAT ": %s", id, error->message);
    }
    context->wake_at(context, id, clock_now_us(context->clock) + STORE_RETRY_US);
    return STEP_WAIT;
}

StepResult
operation_commit(const OperationCommit *commit, const OperationMove *move, bool *ret_written)
{
    OperationContext *context = commit->context;
    g_autoptr(GError) error = NULL;

    failpoint(commit->before);
    *ret_written = store_move_operation(context->store, move, &error);
    if (!*ret_written) {
        return on_store_error(commit, error);
    }
    failpoint(commit->after);
    keep_in_memory(commit->operation, move);
    report(commit, move);
    if (move->closes) {
        count_failure(commit->operation);
    }
    context->moved(context, move->operation_id);
    return move->closes ? STEP_DONE : STEP_AGAIN;
}
