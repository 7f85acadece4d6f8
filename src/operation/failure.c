/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/failure.h"

#include "base/error.h"
#include "base/metrics.h"
#include "model/diagnosis.h"
#include <string.h>

char *
failure_explain(OperationMove *move)
{
    if (move->error_code == NULL || move->message == NULL) {
        return NULL;
    }
    char *text = diagnosis_explain(move->message);
    move->message = text;
    return text;
}

void
failure_count(const Operation *operation, bool is_closed)
{
    const char *code = operation->error_code;

    if (!is_closed || code == NULL || strcmp(code, error_code_name(ERROR_CANCELLED)) == 0) {
        return;
    }
    g_autofree char *labels = g_strdup_printf("operation=\"%s\",diagnosis=\"%s\"",
        operation_kind_name(operation->kind), diagnosis_label(operation->message));
    metrics_count("drover_operation_failures_total", labels, 1);
}
