/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The end of a job that is given up: by an operator's word, or since its host was enabled. */
#include "drain/internal.h"

/* What has not begun stays, but for who follows the rest of its group, and is not left as if it
 * waited. One that a host has failed says that as well. */
static bool
leave(DrainTask *task, DrainItem *item, bool is_enabled, GError **error)
{
    const Drain *drain = task->drain;
    const char *kind = drain->is_restore ? "restore" : "drain";
    g_autofree char *reason = is_enabled && !drain->is_restore
        ? g_strdup_printf("host '%s' was enabled again, which gives its drain up", drain->host)
        : g_strdup_printf("the %s was given up before it was moved", kind);
    g_autofree char *fix =
        g_strdup_printf("ask for it again: 'drover host %s %s'", kind, drain->host);
    bool has_failed = item->tried != NULL && item->message != NULL;
    g_autofree char *message = has_failed
        ? g_strdup_printf("%s; %s", item->message, reason)
        : g_strdup(reason);
    return drain_item_move(task, item, DRAIN_ITEM_BLOCKED, message, fix, error);
}

static bool
leave_waiting(DrainTask *task, GError **error)
{
    g_autoptr(Host) host = NULL; /* it may be gone */
    if (!store_find_host(task->context->store, task->drain->host, &host, error)) {
        return false;
    }
    bool is_enabled = host != NULL && host->enabled;
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        if (item->state != DRAIN_ITEM_WAITING) {
            continue;
        }
        const Instance *instance = drain_get_instance(task, item, error);
        if (instance == NULL || !drain_settle_waiting(task, item, instance, error) ||
            (item->state == DRAIN_ITEM_WAITING && !drain_is_following(task, item, instance) &&
                !leave(task, item, is_enabled, error))) {
            return false;
        }
    }
    return true;
}

bool
drain_give_up(DrainTask *task, GError **error)
{
    if (task->drain->state != DRAIN_CANCELLING) {
        return true;
    }
    return leave_waiting(task, error) &&
        (drain_has_unfinished(task) || drain_move(task, DRAIN_CANCELLED, error));
}
