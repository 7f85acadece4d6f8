/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What the API changes of instances, and what the engine observes of those without an operation.
 * Everything else about an instance changes with the move of an operation: operation_move.c. */
#include "store/instance_rows.h"
#include "store/operation_rows.h"
#include "store/ports.h"
#include "store/volume_rows.h"

#define SQL_WANT_DELETE                                                                            \
    "UPDATE instances SET delete_wanted = 1, delete_request_id = $2, delete_user_id = $3,"         \
    " updated_us = $4 WHERE id = $1"
#define SQL_SET_METADATA                                                                           \
    "UPDATE instances SET metadata_json = $2, updated_us = $3"                                     \
    " WHERE id = $1 AND terminated_us = 0"
#define SQL_SET_NAME                                                                               \
    "UPDATE instances SET name = $2, description = $3, updated_us = $4"                            \
    " WHERE id = $1 AND terminated_us = 0"
#define SQL_SET_LOCK                                                                               \
    "UPDATE instances SET locked = $2, locked_by = $5, locked_reason = $3, updated_us = $4"        \
    " WHERE id = $1 AND terminated_us = 0"
#define SQL_OBSERVE                                                                                \
    "UPDATE instances SET vm_state = $2, power_state = $3, should_run = $4, updated_us = $5"       \
    " WHERE id = $1 AND terminated_us = 0"                                                         \
    " AND (vm_state <> $2 OR power_state <> $3 OR should_run <> $4)"                               \
    " AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.instance_id = $1 AND o.is_open = 1)"
#define SQL_REPORT_LOST                                                                            \
    "UPDATE instances SET power_state = 0, has_fault = 1, fault_code = $2,"                        \
    " vm_state = CASE WHEN vm_state = 'resized' THEN vm_state ELSE 'error' END,"                   \
    " fault_message = $3, fault_details = $4, fault_created_us = $5, updated_us = $5"              \
    " WHERE id = $1 AND terminated_us = 0"                                                         \
    " AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.instance_id = $1 AND o.is_open = 1)"
#define SQL_RESET                                                                                  \
    "UPDATE instances SET vm_state = $2, updated_us = $3 WHERE id = $1 AND terminated_us = 0"

Instance *
store_get_instance(Store *store, const char *id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);

    if (transaction == NULL) {
        return NULL;
    }
    g_autoptr(Instance) instance = instance_get_row(store, id, error);
    if (instance == NULL || !ports_load_one(store, instance, error)) {
        return NULL;
    }
    return g_steal_pointer(&instance);
}

/* ---- create ---- */

static void
fill_in(Store *store, Instance *instance)
{
    if (instance->id == NULL) {
        instance->id = clock_new_uuid(db_clock(store));
    }
    if (instance->reservation_id == NULL) {
        g_autofree char *hex = clock_random_hex(db_clock(store), 4);
        instance->reservation_id = g_strconcat("r-", hex, NULL);
    }
    instance->vm_state = VM_STATE_BUILDING;
    instance->power_state = POWER_STATE_NONE;
    instance->created_us = db_now_us(store);
    instance->updated_us = instance->created_us;
    g_ptr_array_set_size(instance->ports, 0);
}

static bool
insert_ports(Store *store, InstanceRequest *request, GError **error)
{
    unsigned n_networks = request->network_ids != NULL ? request->network_ids->len : 0;

    for (unsigned i = 0; i < n_networks; i++) {
        const char *address =
            request->fixed_addresses != NULL ? request->fixed_addresses->pdata[i] : NULL;
        if (!ports_insert(
                store, request->instance, request->network_ids->pdata[i], address, error)) {
            return false;
        }
    }
    return true;
}

static bool
insert_create(Store *store, InstanceRequest *request, GError **error)
{
    Instance *instance = request->instance;
    OperationRequest create = {
        .kind = OPERATION_CREATE,
        .instance_id = instance->id,
        .request_id = request->request_id,
        .user_id = request->user_id,
        .project_id = instance->project_id,
    };

    g_autoptr(Operation) operation =
        operation_insert_row(store, &create, request->requested_host, error);
    if (operation == NULL) {
        return false;
    }
    g_free(instance->open_kind);
    g_free(instance->open_state);
    instance->open_kind = g_strdup(operation_kind_name(operation->kind));
    instance->open_state = g_strdup(operation->state);
    instance->open_operation = operation->id;
    return true;
}

bool
store_accept_instance(Store *store, InstanceRequest *request, GError **error)
{
    fill_in(store, request->instance);
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    return transaction != NULL && instance_insert_row(store, request->instance, error) &&
        insert_ports(store, request, error) &&
        attachments_insert(store, request->instance->id, request->volumes, error) &&
        insert_create(store, request, error) && db_commit(transaction, error);
}

/* ---- delete ---- */

static bool
want_delete(
    Store *store, const char *id, const char *request_id, const char *user_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_WANT_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, request_id);
    db_bind_text(statement, 3, user_id);
    db_bind_int(statement, 4, db_now_us(store));
    return db_run(statement, NULL, error);
}

/* An open operation is asked to stop; its last move inserts the delete operation. */
static bool
begin_delete(Store *store, const Instance *instance, const char *request_id, const char *user_id,
    GError **error)
{
    if (instance->open_kind != NULL) {
        return operation_set_wanted(store, instance->open_operation, WANTED_CANCEL, NULL, error);
    }
    OperationRequest request = {
        .kind = OPERATION_DELETE,
        .instance_id = instance->id,
        .request_id = request_id,
        .user_id = user_id,
        .project_id = instance->project_id,
    };
    g_autoptr(Operation) operation = operation_insert_row(store, &request, NULL, error);
    return operation != NULL;
}

bool
store_accept_delete(
    Store *store, const char *id, const char *request_id, const char *user_id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL) {
        return false;
    }
    g_autoptr(Instance) instance = instance_get_row(store, id, error);
    if (instance == NULL) {
        return false;
    }
    if (instance->terminated_us != 0) {
        return error_set(error, ERROR_NOT_FOUND, "there is no instance '%s'", id);
    }
    bool is_open = instance->open_kind != NULL;
    bool is_deleting = g_strcmp0(instance->open_kind, operation_kind_name(OPERATION_DELETE)) == 0;
    if (is_deleting || (is_open && instance->delete_wanted)) {
        return true;
    }
    return want_delete(store, id, request_id, user_id, error) &&
        begin_delete(store, instance, request_id, user_id, error) && db_commit(transaction, error);
}

/* ---- small changes ---- */

bool
store_set_instance_metadata(Store *store, const char *id, const char *metadata_json, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_METADATA, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, metadata_json);
    db_bind_int(statement, 3, db_now_us(store));
    return rows_change(statement, "instance", id, error);
}

bool
store_set_instance_name(
    Store *store, const char *id, const char *name, const char *description, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_NAME, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, name);
    db_bind_text(statement, 3, description);
    db_bind_int(statement, 4, db_now_us(store));
    return rows_change(statement, "instance", id, error);
}

bool
store_set_instance_lock(
    Store *store, const char *id, const char *by, const char *reason, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_LOCK, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_int(statement, 2, by != NULL);
    db_bind_text(statement, 3, reason);
    db_bind_int(statement, 4, db_now_us(store));
    db_bind_text(statement, 5, by);
    return rows_change(statement, "instance", id, error);
}

bool
store_observe_instance(Store *store, const char *id, VmState vm_state, PowerState power_state,
    bool should_run, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_OBSERVE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, vm_state_name(vm_state));
    db_bind_int(statement, 3, power_state);
    db_bind_int(statement, 4, should_run);
    db_bind_int(statement, 5, db_now_us(store));
    return db_run(statement, NULL, error);
}

bool
store_report_instance_lost(Store *store, const char *id, const Fault *fault, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_REPORT_LOST, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_int(statement, 2, fault->code);
    db_bind_text(statement, 3, fault->message);
    db_bind_text(statement, 4, fault->details);
    db_bind_int(statement, 5, db_now_us(store));
    return db_run(statement, NULL, error);
}

bool
store_reset_instance_state(Store *store, const char *id, VmState state, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_RESET, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, vm_state_name(state));
    db_bind_int(statement, 3, db_now_us(store));
    return rows_change(statement, "instance", id, error);
}
