/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/operation.h"

bool
operation_is_host_dead(OperationContext *context, const char *host)
{
    g_autoptr(Host) found = NULL;

    return host != NULL && context->find_session(context, host) == NULL &&
        store_find_host(context->store, host, &found, NULL) && found != NULL &&
        host_is_fenced(found);
}

void
operation_read_wanted(OperationContext *context, Operation *operation)
{
    g_autoptr(Operation) stored = store_get_operation(context->store, operation->id, NULL);

    if (stored != NULL) {
        operation->wanted = stored->wanted;
    }
}
