/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/operation.h"

#define CLEARING_LOOK_US (G_USEC_PER_SEC / 10)

bool
operation_is_host_dead(OperationContext *context, const char *host)
{
    g_autoptr(Host) found = NULL;

    return host != NULL && context->find_session(context, host) == NULL &&
        store_find_host(context->store, host, &found, NULL) && found != NULL &&
        host_is_fenced(found);
}

bool
operation_is_definition_true(OperationContext *context, const char *host, const char *instance_id,
    const Operation *operation, GError **error)
{
    int64_t now_us = clock_now_us(context->clock);

    if (context->find_session(context, host) == NULL ||
        !context->is_clearing(context, host, instance_id)) {
        return true;
    }
    if (operation->deadline_us != 0 && now_us >= operation->deadline_us) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "host '%s' has not yet given up a disk that was detached while it was dead "
            "('drover inspect leftovers' says why): try again",
            host);
    }
    context->wake_at(context, operation->id, now_us + CLEARING_LOOK_US);
    return false;
}

void
operation_read_wanted(OperationContext *context, Operation *operation)
{
    g_autoptr(Operation) stored = store_get_operation(context->store, operation->id, NULL);

    if (stored != NULL) {
        operation->wanted = stored->wanted;
    }
}
