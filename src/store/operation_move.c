/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* THE transaction that moves an operation. Nothing else writes operations.state. */
#include "store/canaries.h"
#include "store/claims.h"
#include "store/console.h"
#include "store/instance_rows.h"
#include "store/leftovers.h"
#include "store/migration_rows.h"
#include "store/operation_rows.h"
#include "store/ports.h"
#include "store/volume_rows.h"

/* The first error stays; without one the message is the sentence of the last move. */
#define SQL_MOVE                                                                                   \
    "UPDATE operations SET state = $4, is_open = $5, deadline_us = $6, updated_us = $7,"           \
    " error_code = CASE WHEN $11 = 1 THEN $8 ELSE COALESCE(error_code, $8) END,"                   \
    " message = CASE WHEN error_code IS NULL OR $11 = 1 THEN COALESCE($9, $10) ELSE message END"   \
    " WHERE id = $1 AND state = $2 AND epoch = $3 AND is_open = 1"                                 \
    " RETURNING instance_id, kind"
#define SQL_SET_INSTANCE                                                                           \
    "UPDATE instances SET host = CASE WHEN $9 = 1 THEN NULL ELSE COALESCE($2, host) END,"          \
    " vm_state = COALESCE($3, vm_state),"                                                          \
    " power_state = COALESCE($4, power_state), should_run = COALESCE($5, should_run),"             \
    " generation = COALESCE($6, generation), launched_us = COALESCE($7, launched_us),"             \
    " terminated_us = COALESCE($8, terminated_us) WHERE id = $1"
#define SQL_SET_FAULT                                                                              \
    "UPDATE instances SET has_fault = $2, fault_code = $3, fault_message = $4,"                    \
    " fault_details = $5, fault_created_us = $6 WHERE id = $1"
#define SQL_FORGET_DELETE "UPDATE instances SET delete_wanted = 0 WHERE id = $1"
#define SQL_FIND_DELETE                                                                            \
    "SELECT delete_request_id, delete_user_id, project_id FROM instances"                          \
    " WHERE id = $1 AND delete_wanted = 1 AND terminated_us = 0"

#define SQL_SETTLE                                                                                 \
    "UPDATE operations SET state = $3, updated_us = $4 WHERE id = $1 AND state = $2"               \
    " AND is_open = 0"

#define SQL_FIND_WAITING                                                                           \
    "SELECT o.id FROM migrations m JOIN operations o ON o.id = m.operation_id"                     \
    " WHERE m.instance_id = $1 AND m.end_operation_id IS NULL AND o.state = $2 AND o.is_open = 0"

/* What the swapped row says. */
typedef struct Moved {
    char *instance_id;
    OperationKind kind;
} Moved;

static void
moved_clear(Moved *moved)
{
    g_free(moved->instance_id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Moved, moved_clear)

static bool
swap_state(Store *store, const OperationMove *move, Moved *ret_moved, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_MOVE, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, move->operation_id);
    db_bind_text(statement, 2, move->from);
    db_bind_int(statement, 3, move->epoch);
    db_bind_text(statement, 4, move->to);
    db_bind_int(statement, 5, !move->closes);
    db_bind_int(statement, 6, move->deadline_us);
    db_bind_int(statement, 7, db_now_us(store));
    db_bind_text(statement, 8, move->error_code);
    db_bind_text(statement, 9, move->message);
    db_bind_text(statement, 10, move->sentence);
    db_bind_int(statement, 11, move->forgets_error);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    if (!row) {
        return error_set(error, ERROR_GONE_STALE,
            "operation %" G_GINT64_FORMAT " is not in state '%s' any more, or not this daemon's",
            move->operation_id, move->from);
    }
    ret_moved->instance_id = db_dup_text(statement, 0);
    bool known = operation_kind_parse(db_text(statement, 1), &ret_moved->kind);
    g_assert(known);
    return true;
}

/* ---- the instance ---- */

/* Unbound parameters are NULL and leave their column alone. */
static void
bind_unless_negative(DbStatement *statement, int index, int64_t value)
{
    if (value >= 0) {
        db_bind_int(statement, index, value);
    }
}

static bool
set_instance(Store *store, const char *id, const OperationMove *move, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_INSTANCE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, move->host);
    if (move->vm_state >= 0) {
        db_bind_text(statement, 3, vm_state_name((VmState)move->vm_state));
    }
    bind_unless_negative(statement, 4, move->power_state);
    bind_unless_negative(statement, 5, move->should_run);
    bind_unless_negative(statement, 6, move->generation);
    bind_unless_negative(statement, 7, move->launched ? db_now_us(store) : -1);
    bind_unless_negative(statement, 8, move->terminated ? db_now_us(store) : -1);
    db_bind_int(statement, 9, move->leaves_host);
    return db_run(statement, NULL, error);
}

static bool
set_fault(Store *store, const char *id, const OperationMove *move, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_FAULT, error);
    const Fault nothing = {0};

    if (statement == NULL) {
        return false;
    }
    const Fault *fault = move->fault != NULL ? move->fault : &nothing;
    int64_t created_us = fault->created_us != 0 ? fault->created_us : db_now_us(store);
    db_bind_text(statement, 1, id);
    db_bind_int(statement, 2, move->fault != NULL);
    db_bind_int(statement, 3, fault->code);
    db_bind_text(statement, 4, fault->message);
    db_bind_text(statement, 5, fault->details);
    db_bind_int(statement, 6, move->fault != NULL ? created_us : 0);
    return db_run(statement, NULL, error);
}

static bool
move_instance(Store *store, const char *id, const OperationMove *move, GError **error)
{
    if ((move->set_instance || move->closes) && !instance_touch(store, id, error)) {
        return false;
    }
    if (!move->set_instance) {
        return true;
    }
    if (!set_instance(store, id, move, error)) {
        return false;
    }
    if ((move->fault != NULL || move->clear_fault) && !set_fault(store, id, move, error)) {
        return false;
    }
    if (move->flavor != NULL && !instance_set_flavor(store, id, move->flavor, error)) {
        return false;
    }
    if ((move->host != NULL || move->terminated) && !leftovers_forget_disks(store, id, error)) {
        return false;
    }
    return !move->terminated ||
        (ports_release(store, id, error) && console_forget(store, id, error));
}

/* ---- claims ---- */

static bool
move_claims(Store *store, const char *id, const OperationMove *move, GError **error)
{
    if (move->release_all) {
        return claims_release_all(store, id, error);
    }
    if (move->promote_target) {
        return claims_promote_target(store, id, error);
    }
    if (move->keep_source) {
        return claims_keep_source(store, id, error);
    }
    if (move->release_kept) {
        return claims_release_kept(store, id, error);
    }
    if (move->restore_kept) {
        return claims_restore_kept(store, id, error);
    }
    return !move->release_target || claims_release_target(store, id, error);
}

/* ---- a delete that waited ---- */

static bool
forget_delete(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FORGET_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return db_run(statement, NULL, error);
}

static bool
insert_wanted_delete(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_DELETE, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    if (!row) {
        return true;
    }
    OperationRequest request = {
        .kind = OPERATION_DELETE,
        .instance_id = id,
        .request_id = db_text(statement, 0),
        .user_id = db_text(statement, 1),
        .project_id = db_text(statement, 2),
    };
    g_autoptr(Operation) operation = operation_insert_row(store, &request, NULL, error);
    return operation != NULL;
}

/* A DELETE that was accepted while something else was under way begins in the transaction that
 * ends that, so no crash can lose it. A delete that has ended, well or badly, is wanted no more:
 * who still wants it asks again. */
static bool
follow_close(Store *store, const Moved *moved, GError **error)
{
    if (moved->kind == OPERATION_DELETE) {
        return forget_delete(store, moved->instance_id, error);
    }
    return insert_wanted_delete(store, moved->instance_id, error);
}

/* ---- what is over and still waits ---- */

static bool
settle(Store *store, int64_t operation_id, const char *from, const char *to, const char *sentence,
    GError **error)
{
    int changes = 0;
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SETTLE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, from);
    db_bind_text(statement, 3, to);
    db_bind_int(statement, 4, db_now_us(store));
    if (!db_run(statement, &changes, error)) {
        return false;
    }
    return changes == 0 ||
        operation_insert_event(store, operation_id, from, to, sentence, error);
}

/* *ret_id 0: there is none. */
static bool
find_waiting(Store *store, const char *id, const char *state, int64_t *ret_id, GError **error)
{
    bool row = false;
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_WAITING, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, state);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_id = row ? db_int(statement, 0) : 0;
    return true;
}

static bool
settle_waiting(Store *store, const char *id, const OperationMove *move, GError **error)
{
    int64_t waiting = 0;

    do {
        if (!find_waiting(store, id, move->settle_from, &waiting, error) ||
            (waiting != 0 &&
                !settle(store, waiting, move->settle_from, move->settle_to, move->settle_sentence,
                    error))) {
            return false;
        }
    } while (waiting != 0);
    return true;
}

bool
store_move_operation(Store *store, const OperationMove *move, GError **error)
{
    g_auto(Moved) moved = {0};
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL || !swap_state(store, move, &moved, error) ||
        !operation_insert_event(
            store, move->operation_id, move->from, move->to, move->sentence, error) ||
        !move_instance(store, moved.instance_id, move, error) ||
        !move_claims(store, moved.instance_id, move, error) ||
        !attachments_settle(
            store, moved.instance_id, move->operation_id, move->volumes, error)) {
        return false;
    }
    if (move->migration != NULL &&
        !migration_update_row(store, move->migration, error)) {
        return false;
    }
    if (move->settle_from != NULL && !settle_waiting(store, moved.instance_id, move, error)) {
        return false;
    }
    if (move->terminated && !leftovers_on_deleted(store, moved.instance_id, error)) {
        return false;
    }
    if (move->leftover != NULL && !leftovers_insert(store, move->leftover, error)) {
        return false;
    }
    if (move->way != NULL && !canaries_note_move(store, move->way, error)) {
        return false;
    }
    if (move->closes && !follow_close(store, &moved, error)) {
        return false;
    }
    return db_commit(transaction, error);
}

bool
store_settle_operation(Store *store, int64_t operation_id, const char *from, const char *to,
    const char *sentence, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && settle(store, operation_id, from, to, sentence, error) &&
        db_commit(transaction, error);
}
