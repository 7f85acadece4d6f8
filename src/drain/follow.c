/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* How a move has ended, and what comes of it. */
#include "drain/internal.h"
#include "model/diagnosis.h"

/* Of one kind, before it is given up; the first comes back after so long, each next one after twice
 * as long. */
enum { MAX_ATTEMPTS = 3 };
#define FIRST_PAUSE_US (5 * G_USEC_PER_SEC)

static void
add_tried(DrainItem *item)
{
    if (item->dest_host == NULL) {
        return;
    }
    char *all = item->tried != NULL ? g_strconcat(item->tried, ",", item->dest_host, NULL)
                                    : g_strdup(item->dest_host);
    g_free(item->tried);
    item->tried = all;
}

/* True: it was not the last time. */
static bool
count_attempt(DrainTask *task, DrainItem *item)
{
    item->attempts++;
    if (item->attempts >= MAX_ATTEMPTS) {
        return false;
    }
    item->not_before_us = task->now_us + (FIRST_PAUSE_US << (item->attempts - 1));
    drain_look_at(task, item->not_before_us);
    return true;
}

static bool
may_go_cold(const DrainTask *task, const DrainItem *item, const Instance *instance)
{
    return task->drain->cold_fallback && !item->is_cold &&
        instance->vm_state == VM_STATE_ACTIVE;
}

static bool
wait_again(
    DrainTask *task, DrainItem *item, const char *message, const char *fix, GError **error)
{
    return item->state == DRAIN_ITEM_WAITING
        ? drain_item_tell(task, item, message, fix, error)
        : drain_item_move(task, item, DRAIN_ITEM_WAITING, message, fix, error);
}

/* Those of its group that a job has moved, and that are on another host than it: each of them once,
 * though several jobs may have it, and where it is now. */
static bool
add_apart(GString *text, GHashTable *told, DrainTask *other, const Instance *instance,
    GError **error)
{
    for (unsigned i = 0; other->items != NULL && i < other->items->len; i++) {
        const DrainItem *one = other->items->pdata[i];
        if (one->state != DRAIN_ITEM_MOVED ||
            g_strcmp0(one->group_id, instance->group_id) != 0 ||
            !g_hash_table_add(told, one->instance_id)) {
            continue;
        }
        const Instance *now = drain_get_instance(other, one, error);
        if (now == NULL) {
            return false;
        }
        if (now->terminated_us == 0 && g_strcmp0(now->host, instance->host) != 0) {
            g_string_append_printf(text, "%s'%s' is on %s", text->len > 0 ? ", " : "",
                one->instance_name, now->host);
        }
    }
    return true;
}

/* Where those are that it was to follow. Empty: its group is together, or it is in none. */
static bool
tell_apart(const DrainTask *task, const Instance *instance, GString *text, GError **error)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    bool is_bound =
        instance->group_id != NULL && instance->group_policy == SERVER_GROUP_AFFINITY;
    for (unsigned i = 0; is_bound && i < task->all->len; i++) {
        if (!add_apart(text, told, task->all->pdata[i], instance, error)) {
            return false;
        }
    }
    return true;
}

/* It stays for good. Of a group that is apart for it that is said, and what brings it together. */
static bool
block(DrainTask *task, DrainItem *item, const Instance *instance, const char *message,
    const char *fix, GError **error)
{
    g_autoptr(GString) apart = g_string_new(NULL);
    if (!tell_apart(task, instance, apart, error)) {
        return false;
    }
    if (apart->len == 0) {
        return drain_item_move(task, item, DRAIN_ITEM_BLOCKED, message, fix, error);
    }
    const char *host = task->drain->host;
    g_autofree char *whole = g_strdup_printf("%s; its server group (affinity) is apart: %s, and "
                                             "this one stays on %s",
        message, apart->str, instance->host);
    g_autofree char *both = g_strdup_printf(
        "%s; then 'drover host %s %s' takes it to the others, and 'drover host %s %s' them to it",
        fix != NULL ? fix : "see to what it says", task->drain->is_restore ? "restore" : "drain",
        host, task->drain->is_restore ? "drain" : "restore", host);
    return drain_item_move(task, item, DRAIN_ITEM_BLOCKED, whole, both, error);
}

bool
drain_item_fail(DrainTask *task, DrainItem *item, const Instance *instance, bool can_cold_help,
    const char *message, const char *fix, GError **error)
{
    if (count_attempt(task, item)) {
        return wait_again(task, item, message, fix, error);
    }
    if (can_cold_help && may_go_cold(task, item, instance)) {
        item->is_cold = true;
        item->attempts = 0;
        item->not_before_us = 0;
        drain_look_at(task, task->now_us);
        return wait_again(task, item, message, fix, error);
    }
    return block(task, item, instance, message, fix, error);
}

/* What went cold keeps the word why it did. */
static bool
has_moved(DrainTask *task, DrainItem *item, GError **error)
{
    return drain_item_move(
        task, item, DRAIN_ITEM_MOVED, item->is_cold ? item->message : NULL, NULL, error);
}

/* ---- a migration that has ended ---- */

static bool
on_migration_failed(DrainTask *task, DrainItem *item, const Instance *instance,
    const Operation *operation, GError **error)
{
    const char *message =
        operation->message != NULL ? operation->message : "its migration has failed";
    const Diagnosis *diagnosis = diagnosis_find(message);
    g_autofree char *show = g_strdup_printf(
        "see 'drover server migration list --server %s'", item->instance_id);

    add_tried(item);
    return drain_item_fail(
        task, item, instance, true, message, diagnosis != NULL ? diagnosis->fix : show, error);
}

static bool
on_migration_ended(DrainTask *task, DrainItem *item, const Instance *instance,
    const Operation *operation, GError **error)
{
    if (instance->vm_state == VM_STATE_RESIZED) {
        /* Somebody else is ending it. */
        if (instance->open_operation != 0) {
            return true;
        }
        item->attempts = 0;
        item->not_before_us = 0;
        return drain_item_ask_confirm(task, item, instance, error);
    }
    if (drain_is_there(task, instance)) {
        g_free(item->dest_host);
        item->dest_host = g_strdup(instance->host);
        return has_moved(task, item, error);
    }
    return on_migration_failed(task, item, instance, operation, error);
}

/* ---- a confirmation that has ended ---- */

static bool
on_confirm_failed(DrainTask *task, DrainItem *item, const Instance *instance,
    const Operation *operation, GError **error)
{
    if (task->now_us < item->not_before_us) {
        drain_look_at(task, item->not_before_us);
        return true;
    }
    if (count_attempt(task, item)) {
        return drain_item_ask_confirm(task, item, instance, error);
    }
    return drain_item_move(task, item, DRAIN_ITEM_BLOCKED, operation->message,
        "confirm it ('drover server resize confirm') once its hosts answer", error);
}

static bool
on_confirm_ended(DrainTask *task, DrainItem *item, const Instance *instance,
    const Operation *operation, GError **error)
{
    if (instance->vm_state == VM_STATE_RESIZED) {
        return on_confirm_failed(task, item, instance, operation, error);
    }
    if (drain_is_there(task, instance)) {
        return has_moved(task, item, error);
    }
    return wait_again(task, item, "its cold migration was reverted", NULL, error);
}

bool
drain_follow(DrainTask *task, DrainItem *item, GError **error)
{
    g_autoptr(Operation) operation =
        store_get_operation(task->context->store, item->operation_id, error);

    if (operation == NULL) {
        return false;
    }
    if (operation->is_open) {
        task->n_under_way++;
        return true;
    }
    const Instance *instance = drain_get_instance(task, item, error);
    if (instance == NULL) {
        return false;
    }
    if (instance->terminated_us != 0) {
        return drain_item_move(task, item, DRAIN_ITEM_LEFT, "it was deleted", NULL, error);
    }
    bool is_followed = item->state == DRAIN_ITEM_MOVING
        ? on_migration_ended(task, item, instance, operation, error)
        : on_confirm_ended(task, item, instance, operation, error);
    task->n_under_way +=
        item->state == DRAIN_ITEM_MOVING || item->state == DRAIN_ITEM_CONFIRMING;
    return is_followed;
}
