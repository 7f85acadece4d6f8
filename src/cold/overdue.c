/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cold/cold.h"

#include "base/log.h"

static void
confirm(OperationContext *context, const Migration *migration)
{
    g_autoptr(GError) error = NULL;
    OperationRequest request = {
        .kind = OPERATION_CONFIRM_RESIZE,
        .instance_id = migration->operation.instance_id,
        .project_id = migration->operation.project_id,
        .expected = {VM_STATE_RESIZED},
        .n_expected = 1,
    };
    g_autoptr(Operation) operation = store_accept_end(context->store, &request, &error);

    /* Its owner may just have ended it. */
    if (operation == NULL) {
        log_debug("migration %" G_GINT64_FORMAT " is not confirmed: %s", migration->id,
            error->message);
    }
}

void
cold_confirm_overdue(OperationContext *context)
{
    int64_t window_us = context->settings.resize_confirm_window_us;
    MigrationFilter filter = {
        .states = "migration:finished,resize:finished",
        .changed_before_us = clock_now_us(context->clock) - window_us,
        .oldest_first = true,
    };

    if (window_us == 0) {
        return;
    }
    g_autoptr(GPtrArray) migrations = store_list_migrations(context->store, &filter, NULL);
    for (unsigned i = 0; migrations != NULL && i < migrations->len; i++) {
        confirm(context, migrations->pdata[i]);
    }
}
