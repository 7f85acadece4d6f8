/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Operations: accepting them and reading them. Their moves: operation_move.c. */
#include "store/instance_rows.h"
#include "store/operation_rows.h"

/* Every machine starts in the state of this name. */
#define FIRST_STATE "queued"
/* And ends in this one when all is well. */
#define LAST_STATE "completed"

#define SELECT_OPERATIONS "SELECT " OPERATION_COLUMNS " FROM operations o"
/* Before the daemon's first epoch an operation belongs to nobody: 0. */
#define SQL_INSERT                                                                                 \
    "INSERT INTO operations (kind, instance_id, state, wanted, is_open, epoch, requested_host,"    \
    " request_id, user_id, project_id, created_us, updated_us)"                                    \
    " VALUES ($1, $2, $3, 'run', 1,"                                                               \
    " COALESCE((SELECT CAST(value AS BIGINT) FROM settings WHERE key = 'epoch'), 0),"              \
    " $4, $5, $6, $7, $8, $8) RETURNING id"
/* What it asks for is done by another operation: it is over when it is recorded. */
#define SQL_INSERT_CLOSED                                                                          \
    "INSERT INTO operations (kind, instance_id, state, wanted, is_open, epoch, request_id,"        \
    " user_id, project_id, created_us, updated_us)"                                                \
    " VALUES ($1, $2, $3, 'run', 0, 0, $4, $5, $6, $7, $7) RETURNING id"
#define SQL_INSERT_EVENT                                                                           \
    "INSERT INTO operation_events (operation_id, from_state, to_state, sentence, at_us)"           \
    " VALUES ($1, $2, $3, $4, $5)"
#define SQL_GET SELECT_OPERATIONS " WHERE o.id = $1"
#define SQL_LIST_OPEN SELECT_OPERATIONS " WHERE o.is_open = 1 ORDER BY o.id"
#define SQL_LIST_FRESH                                                                             \
    SELECT_OPERATIONS                                                                              \
    " WHERE o.is_open = 1 AND (o.id > $1 OR o.wanted <> 'run') ORDER BY o.id"
#define SQL_LIST_OF_INSTANCE SELECT_OPERATIONS " WHERE o.instance_id = $1 ORDER BY o.id DESC"
#define SQL_LIST_OF_INSTANCE_LIMITED SQL_LIST_OF_INSTANCE " LIMIT $2"
#define SQL_LIST_EVENTS                                                                            \
    "SELECT from_state, to_state, sentence, at_us FROM operation_events"                           \
    " WHERE operation_id = $1 ORDER BY id"
/* What was given up stays given up: a DELETE may be behind it. */
#define SQL_SET_WANTED                                                                             \
    "UPDATE operations SET wanted = $2"                                                            \
    " WHERE id = $1 AND is_open = 1 AND (wanted <> 'cancel' OR $2 = 'cancel')"

/* ---- reading ---- */

int
operation_read_columns(DbStatement *statement, int column, Operation *operation)
{
    operation->id = db_int(statement, column++);
    bool known = operation_kind_parse(db_text(statement, column++), &operation->kind);
    operation->instance_id = db_dup_text(statement, column++);
    operation->state = db_dup_text(statement, column++);
    known = wanted_parse(db_text(statement, column++), &operation->wanted) && known;
    g_assert(known);
    operation->is_open = db_int(statement, column++);
    operation->epoch = db_int(statement, column++);
    operation->requested_host = db_dup_text(statement, column++);
    operation->request_id = db_dup_text(statement, column++);
    operation->user_id = db_dup_text(statement, column++);
    operation->project_id = db_dup_text(statement, column++);
    operation->created_us = db_int(statement, column++);
    operation->updated_us = db_int(statement, column++);
    operation->deadline_us = db_int(statement, column++);
    operation->error_code = db_dup_text(statement, column++);
    operation->message = db_dup_text(statement, column++);
    return column;
}

static void *
read_operation(DbStatement *statement)
{
    Operation *operation = operation_new();

    operation_read_columns(statement, 0, operation);
    return operation;
}

static void *
read_event(DbStatement *statement)
{
    OperationEvent *event = g_new0(OperationEvent, 1);

    event->from = db_dup_text(statement, 0);
    event->to = db_dup_text(statement, 1);
    event->sentence = db_dup_text(statement, 2);
    event->at_us = db_int(statement, 3);
    return event;
}

Operation *
store_get_operation(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, id);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, id);
    return rows_get(statement, read_operation, "operation", text, error);
}

GPtrArray *
store_list_open_operations(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_OPEN, error);

    return statement == NULL
        ? NULL
        : rows_list(statement, read_operation, (GDestroyNotify)operation_free, error);
}

GPtrArray *
store_list_fresh_operations(Store *store, int64_t after_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_FRESH, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, after_id);
    return rows_list(statement, read_operation, (GDestroyNotify)operation_free, error);
}

GPtrArray *
store_list_instance_operations(Store *store, const char *instance_id, int limit, GError **error)
{
    g_autoptr(DbStatement) statement =
        db_prepare(store, limit > 0 ? SQL_LIST_OF_INSTANCE_LIMITED : SQL_LIST_OF_INSTANCE, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, instance_id);
    if (limit > 0) {
        db_bind_int(statement, 2, limit);
    }
    return rows_list(statement, read_operation, (GDestroyNotify)operation_free, error);
}

GPtrArray *
store_list_operation_events(Store *store, int64_t operation_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_EVENTS, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, operation_id);
    return rows_list(statement, read_event, (GDestroyNotify)operation_event_free, error);
}

/* ---- accepting ---- */

bool
operation_insert_event(Store *store, int64_t operation_id, const char *from, const char *to,
    const char *sentence, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_EVENT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, from);
    db_bind_text(statement, 3, to);
    db_bind_text(statement, 4, sentence);
    db_bind_int(statement, 5, db_now_us(store));
    return db_run(statement, NULL, error);
}

static bool
insert_operation(Store *store, const OperationRequest *request, const char *requested_host,
    int64_t *ret_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, operation_kind_name(request->kind));
    db_bind_text(statement, 2, request->instance_id);
    db_bind_text(statement, 3, FIRST_STATE);
    db_bind_text(statement, 4, requested_host);
    db_bind_text(statement, 5, request->request_id);
    db_bind_text(statement, 6, request->user_id);
    db_bind_text(statement, 7, request->project_id);
    db_bind_int(statement, 8, db_now_us(store));
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_id = db_int(statement, 0);
    return true;
}

Operation *
operation_insert_row(
    Store *store, const OperationRequest *request, const char *requested_host, GError **error)
{
    int64_t id = 0;

    if (!insert_operation(store, request, requested_host, &id, error) ||
        !operation_insert_event(store, id, NULL, FIRST_STATE, "The request was accepted", error)) {
        return NULL;
    }
    return store_get_operation(store, id, error);
}

/* The end of Nova's sentence "Cannot 'os-migrateLive' instance <id> ...": the API knows the
 * beginning. */
static bool
check_instance(const OperationRequest *request, const Instance *instance, GError **error)
{
    bool expected = request->n_expected == 0;

    for (int i = 0; i < request->n_expected; i++) {
        expected = expected || request->expected[i] == instance->vm_state;
    }
    if (!expected) {
        return error_set(
            error, ERROR_CONFLICT, "while it is in vm_state %s", vm_state_name(instance->vm_state));
    }
    const char *task_state = instance_task_state(instance);
    if (task_state != NULL) {
        return error_set(error, ERROR_CONFLICT, "while it is in task_state %s", task_state);
    }
    /* Nova shows no task_state for these. */
    if (instance->open_operation == 0) {
        return true;
    }
    bool is_ending = g_strcmp0(instance->open_kind,
                         operation_kind_name(OPERATION_CONFIRM_RESIZE)) == 0;
    return error_set(error, ERROR_CONFLICT, "while %s",
        is_ending ? "its resize is being confirmed" : "a volume is being attached or detached");
}

Operation *
operation_accept(Store *store, const OperationRequest *request, const char *requested_host,
    Instance **ret_instance, GError **error)
{
    g_autoptr(Instance) instance = instance_get_row(store, request->instance_id, error);

    if (instance == NULL) {
        return NULL;
    }
    if (instance->terminated_us != 0) {
        error_set(error, ERROR_NOT_FOUND, "there is no instance '%s'", instance->id);
        return NULL;
    }
    if (!check_instance(request, instance, error) || !instance_touch(store, instance->id, error)) {
        return NULL;
    }
    Operation *operation = operation_insert_row(store, request, requested_host, error);
    if (operation != NULL && ret_instance != NULL) {
        *ret_instance = g_steal_pointer(&instance);
    }
    return operation;
}

Operation *
store_accept_operation(Store *store, const OperationRequest *request, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL) {
        return NULL;
    }
    g_autoptr(Operation) operation = operation_accept(store, request, NULL, NULL, error);
    if (operation == NULL || !db_commit(transaction, error)) {
        return NULL;
    }
    return g_steal_pointer(&operation);
}

bool
operation_set_wanted(
    Store *store, int64_t operation_id, Wanted wanted, int *ret_changes, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_WANTED, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, wanted_name(wanted));
    return db_run(statement, ret_changes, error);
}

bool
store_set_wanted(Store *store, int64_t operation_id, Wanted wanted, GError **error)
{
    int changes = 0;

    if (!operation_set_wanted(store, operation_id, wanted, &changes, error)) {
        return false;
    }
    return changes > 0 ||
        error_set(error, ERROR_GONE_STALE,
            "operation %" G_GINT64_FORMAT " is not under way any more, or was given up",
            operation_id);
}

static bool
insert_closed(Store *store, const OperationRequest *request, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT_CLOSED, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, operation_kind_name(request->kind));
    db_bind_text(statement, 2, request->instance_id);
    db_bind_text(statement, 3, LAST_STATE);
    db_bind_text(statement, 4, request->request_id);
    db_bind_text(statement, 5, request->user_id);
    db_bind_text(statement, 6, request->project_id);
    db_bind_int(statement, 7, db_now_us(store));
    return db_step(statement, &row, error) &&
        operation_insert_event(store, db_int(statement, 0), NULL, LAST_STATE,
            "The request was handed to the operation that is under way", error);
}

bool
store_accept_wanted(Store *store, int64_t operation_id, Wanted wanted,
    const OperationRequest *request, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && store_set_wanted(store, operation_id, wanted, error) &&
        insert_closed(store, request, error) && db_commit(transaction, error);
}
