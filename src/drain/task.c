/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What there is of one job, and around it. */
#include "drain/internal.h"

#include <string.h>

static const Instance *
keep(DrainTask *task, Instance *take_instance)
{
    g_ptr_array_add(task->instances, take_instance);
    return take_instance;
}

const Instance *
drain_get_instance(DrainTask *task, const DrainItem *item, GError **error)
{
    const Instance *instance = g_hash_table_lookup(task->on_host, item->instance_id);
    if (instance != NULL) {
        return instance;
    }
    Instance *read = store_get_instance(task->context->store, item->instance_id, error);
    return read != NULL ? keep(task, read) : NULL;
}

bool
drain_is_there(const DrainTask *task, const Instance *instance)
{
    bool is_on_host = g_strcmp0(instance->host, task->drain->host) == 0;
    return task->drain->is_restore ? is_on_host : !is_on_host;
}

void
drain_look_at(DrainTask *task, int64_t when_us)
{
    task->next_us = MIN(task->next_us, when_us);
}

static bool
load_on_host(DrainTask *task, GError **error)
{
    InstanceFilter filter = {.host = task->drain->host, .power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) found = store_list_instances(task->context->store, &filter, error);
    if (found == NULL) {
        return false;
    }
    while (found->len > 0) {
        const Instance *instance = keep(task, g_ptr_array_steal_index_fast(found, found->len - 1));
        g_hash_table_insert(task->on_host, instance->id, (void *)instance);
    }
    return true;
}

/* Copies of instances that were moved away cold, and may come back. */
static bool
load_kept(DrainTask *task, GError **error)
{
    g_autoptr(GPtrArray) ids = store_list_kept(task->context->store, task->drain->host, error);
    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        g_hash_table_add(task->kept, g_strdup(ids->pdata[i]));
    }
    return ids != NULL;
}

DrainItem *
drain_find_item(const DrainTask *task, const char *instance_id)
{
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        if (strcmp(item->instance_id, instance_id) == 0) {
            return item;
        }
    }
    return NULL;
}

static bool
add_missing(DrainTask *task, GHashTable *ids, bool *ret_added, GError **error)
{
    GHashTableIter iter;
    void *id;
    g_hash_table_iter_init(&iter, ids);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        if (drain_find_item(task, id) != NULL) {
            continue;
        }
        if (!store_insert_drain_item(task->context->store, task->drain->id, id, error)) {
            return false;
        }
        *ret_added = true;
    }
    return true;
}

static bool
load_items(DrainTask *task, GError **error)
{
    g_clear_pointer(&task->items, g_ptr_array_unref);
    task->items = store_list_drain_items(task->context->store, task->drain->id, error);
    return task->items != NULL;
}

/* A drain is for what has come since as well: it was on its way when the host was disabled. One
 * that is being given up is not: the host may have been enabled. */
bool
drain_load(DrainTask *task, GError **error)
{
    bool is_added = false;
    if (!load_on_host(task, error) || !load_items(task, error)) {
        return false;
    }
    if (task->drain->is_restore) {
        return true;
    }
    if (task->drain->state == DRAIN_CANCELLING) {
        return load_kept(task, error);
    }
    return load_kept(task, error) && add_missing(task, task->on_host, &is_added, error) &&
        add_missing(task, task->kept, &is_added, error) && (!is_added || load_items(task, error));
}

/* What needs no move. */
bool
drain_settle_waiting(DrainTask *task, DrainItem *item, const Instance *instance, GError **error)
{
    if (instance->terminated_us != 0) {
        return drain_item_move(task, item, DRAIN_ITEM_LEFT, "it was deleted", NULL, error);
    }
    if (drain_is_there(task, instance) &&
        !g_hash_table_contains(task->kept, item->instance_id)) {
        return drain_item_move(
            task, item, DRAIN_ITEM_LEFT, "it was moved by somebody else", NULL, error);
    }
    return true;
}

/* ---- how far it is ---- */

unsigned
drain_count(const DrainTask *task, DrainItemState state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < task->items->len; i++) {
        n += ((const DrainItem *)task->items->pdata[i])->state == state;
    }
    return n;
}

bool
drain_has_unfinished(const DrainTask *task)
{
    return drain_count(task, DRAIN_ITEM_WAITING) > 0 || drain_count(task, DRAIN_ITEM_MOVING) > 0 ||
        drain_count(task, DRAIN_ITEM_CONFIRMING) > 0;
}

/* ---- from beginning to end ---- */

DrainTask *
drain_task_new(OperationContext *context, Drain *take_drain)
{
    DrainTask *task = g_new0(DrainTask, 1);
    task->context = context;
    task->drain = take_drain;
    task->instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    task->on_host = g_hash_table_new(g_str_hash, g_str_equal);
    task->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    task->now_us = clock_now_us(context->clock);
    task->next_us = INT64_MAX;
    return task;
}

void
drain_task_free(void *data)
{
    DrainTask *task = data;
    g_clear_pointer(&task->items, g_ptr_array_unref);
    g_hash_table_unref(task->kept);
    g_hash_table_unref(task->on_host);
    g_ptr_array_unref(task->instances);
    drain_free(task->drain);
    g_free(task);
}
