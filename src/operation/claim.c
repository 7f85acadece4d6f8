/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/claim.h"

typedef struct Choice {
    OperationContext *context;
    int64_t operation_id;
    StoreChooseHost choose;
    void *data;
    bool waits;
} Choice;

/* Nobody fits: is that so because of memory that was read a while ago? Then it is no decision yet,
 * and not kept as one. */
static bool
asks_short_hosts(Choice *choice, char *const *hosts)
{
    for (size_t i = 0; hosts != NULL && hosts[i] != NULL; i++) {
        MemoryAnswer answer =
            choice->context->read_memory(choice->context, choice->operation_id, hosts[i]);
        choice->waits |= answer == MEMORY_ASKED;
    }
    return choice->waits;
}

static const char *
choose_host(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    Choice *choice = data;
    g_autoptr(GError) problem = NULL;
    const char *host = choice->choose(hosts, choice->data, decision, &problem);
    if (host != NULL) {
        return host;
    }
    if (error_is(problem, ERROR_NO_VALID_HOST) && asks_short_hosts(choice, decision->short_hosts)) {
        error_set(error, ERROR_CONFLICT, "hosts are being asked for their memory");
    } else {
        g_propagate_error(error, g_steal_pointer(&problem));
    }
    return NULL;
}

/* With everything that is on its way there, this instance among it. */
static bool
has_memory(OperationContext *context, const char *name, bool *ret_has, GError **error)
{
    HostUsage usage = {0};
    g_autoptr(Host) host = store_get_host(context->store, name, error);
    if (host == NULL || !store_get_host_usage(context->store, name, &usage, error)) {
        return false;
    }
    *ret_has = placement_has_memory(&context->settings.placement, host, &usage);
    return true;
}

ClaimResult
operation_claim(OperationContext *context, const Operation *operation, const Instance *instance,
    StoreChooseHost choose, void *data, char **ret_host, GError **error)
{
    Choice choice = {context, operation->id, choose, data, false};
    for (;;) {
        g_autofree char *host = NULL;
        bool has = true;
        if (!store_claim(
                context->store, operation, instance, choose_host, &choice, &host, error)) {
            g_clear_error(choice.waits ? error : NULL);
            return choice.waits ? CLAIM_WAITING : CLAIM_FAILED;
        }
        MemoryAnswer answer = placement_takes_free_memory(instance)
            ? context->read_memory(context, operation->id, host)
            : MEMORY_SETTLED;
        if (answer == MEMORY_ASKED) {
            return CLAIM_WAITING;
        }
        if (answer == MEMORY_TOLD && !has_memory(context, host, &has, error)) {
            return CLAIM_FAILED;
        }
        if (has) {
            *ret_host = g_steal_pointer(&host);
            return CLAIM_DONE;
        }
        if (!store_release_claim(context->store, operation->id, error)) {
            return CLAIM_FAILED;
        }
    }
}
