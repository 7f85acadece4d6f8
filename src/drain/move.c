/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "drain/internal.h"

#include "base/failpoint.h"
#include "base/log.h"

typedef struct Points {
    const char *before;
    const char *after;
} Points;

static const Points points[] = {
#define X(name, text, is_open, sentence)                                                           \
    {"drain." text ".before_commit", "drain." text ".after_commit"},
    DRAIN_STATES(X)
#undef X
};

static const Points item_points[] = {
#define X(name, text) {"drain.item." text ".before_commit", "drain.item." text ".after_commit"},
    DRAIN_ITEM_STATES(X)
#undef X
};

bool
drain_move(DrainTask *task, DrainState to, GError **error)
{
    Drain *drain = task->drain;
    const MachineMove *row = machine_find_move(drain_machine(), drain->state, to);

    g_assert(row != NULL);
    failpoint(points[to].before);
    if (!store_move_drain(task->context->store, drain->id, drain->state, to, error)) {
        return false;
    }
    failpoint(points[to].after);
    drain->state = to;
    LogField fields[] = {{"host", drain->host}, {NULL, NULL}};
    log_record(LOG_LEVEL_INFO, fields, "%s %" G_GINT64_FORMAT " is %s: %s",
        drain->is_restore ? "restore" : "drain", drain->id, drain_state_name(to), row->sentence);
    return true;
}

static void
set_text(char **place, const char *text)
{
    char *copy = g_strdup(text);

    g_free(*place);
    *place = copy;
}

static void
log_item(const DrainTask *task, const DrainItem *item, const char *sentence)
{
    LogField fields[] = {
        {"instance_id", item->instance_id}, {"host", task->drain->host}, {NULL, NULL}};

    log_record(LOG_LEVEL_INFO, fields, "drain %" G_GINT64_FORMAT ": %s: %s%s%s", task->drain->id,
        drain_item_state_name(item->state), sentence, item->message != NULL ? ": " : "",
        item->message != NULL ? item->message : "");
}

/* Nothing of the item has been changed yet. */
static const char *
enter(DrainItem *item, DrainItemState to)
{
    const MachineMove *row = machine_find_move(drain_item_machine(), item->state, to);

    g_assert(row != NULL);
    item->state = to;
    return row->sentence;
}

bool
drain_item_move(DrainTask *task, DrainItem *item, DrainItemState to, const char *message,
    const char *fix, GError **error)
{
    DrainItemState from = item->state;
    const char *sentence = enter(item, to);

    set_text(&item->message, message);
    set_text(&item->fix, fix);
    failpoint(item_points[to].before);
    if (!store_update_drain_item(task->context->store, item, from, error)) {
        return false;
    }
    failpoint(item_points[to].after);
    log_item(task, item, sentence);
    return true;
}

bool
drain_item_tell(
    DrainTask *task, DrainItem *item, const char *message, const char *fix, GError **error)
{
    set_text(&item->message, message);
    set_text(&item->fix, fix);
    return store_update_drain_item(task->context->store, item, item->state, error);
}

/* ---- what is asked for ---- */

static OperationRequest
request_of(const DrainTask *task, const Instance *instance, OperationKind kind)
{
    return (OperationRequest){
        .kind = kind,
        .instance_id = instance->id,
        .request_id = task->drain->request_id,
        .user_id = task->drain->user_id,
        .project_id = instance->project_id,
    };
}

static MigrationRequest
move_request(const DrainTask *task, const Instance *instance, const DrainStep *step)
{
    bool is_cold = step->move == PLANNED_COLD;
    MigrationRequest request = {
        .operation = request_of(
            task, instance, is_cold ? OPERATION_COLD_MIGRATE : OPERATION_LIVE_MIGRATE),
        .type = is_cold ? MIGRATION_TYPE_COLD : MIGRATION_TYPE_LIVE,
        .requested_host = step->dest_host,
        .block_migration = BLOCK_MIGRATION_AUTO,
    };

    /* As it was when it was planned. */
    request.operation.expected[0] = instance->vm_state;
    request.operation.n_expected = 1;
    return request;
}

/* Somebody else was faster: the next pass sees with what. */
static bool
is_overtaken(GError *problem, GError **error)
{
    if (error_is(problem, ERROR_CONFLICT) || error_is(problem, ERROR_INVALID) ||
        error_is(problem, ERROR_NOT_FOUND)) {
        g_error_free(problem);
        return true;
    }
    g_propagate_error(error, problem);
    return false;
}

bool
drain_item_ask_move(DrainTask *task, DrainItem *item, const Instance *instance,
    const DrainStep *step, GError **error)
{
    const Drain *drain = task->drain;
    g_autoptr(GError) problem = NULL;
    g_autofree char *reason = g_strdup_printf("%s %" G_GINT64_FORMAT " of %s%s%s",
        drain->is_restore ? "restore" : "drain", drain->id, drain->host,
        drain->reason != NULL ? ": " : "", drain->reason != NULL ? drain->reason : "");
    MigrationRequest request = move_request(task, instance, step);
    const char *sentence = enter(item, DRAIN_ITEM_MOVING);

    request.reason = reason;
    set_text(&item->dest_host, step->dest_host);
    set_text(&item->message, step->reason);
    set_text(&item->fix, NULL);
    item->is_cold = step->move == PLANNED_COLD;
    failpoint(item_points[DRAIN_ITEM_MOVING].before);
    if (!store_accept_drain_move(
            task->context->store, item, DRAIN_ITEM_WAITING, &request, &problem)) {
        return is_overtaken(g_steal_pointer(&problem), error);
    }
    failpoint(item_points[DRAIN_ITEM_MOVING].after);
    task->has_asked = true;
    task->n_under_way++;
    log_item(task, item, sentence);
    return true;
}

bool
drain_item_ask_confirm(
    DrainTask *task, DrainItem *item, const Instance *instance, GError **error)
{
    DrainItemState from = item->state;
    g_autoptr(GError) problem = NULL;
    OperationRequest request = request_of(task, instance, OPERATION_CONFIRM_RESIZE);

    request.expected[0] = VM_STATE_RESIZED;
    request.n_expected = 1;
    item->state = DRAIN_ITEM_CONFIRMING;
    failpoint(item_points[DRAIN_ITEM_CONFIRMING].before);
    if (!store_accept_drain_confirm(task->context->store, item, from, &request, &problem)) {
        return is_overtaken(g_steal_pointer(&problem), error);
    }
    failpoint(item_points[DRAIN_ITEM_CONFIRMING].after);
    task->has_asked = true;
    log_item(task, item, "its cold migration is being confirmed");
    return true;
}
