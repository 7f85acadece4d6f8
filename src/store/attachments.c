/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Who has which volume. Attachments come and go with operations, in the transactions that accept
 * and end those. */
#include "store/instance_rows.h"
#include "store/operation_rows.h"
#include "store/volume_rows.h"

#define SQL_INSERT                                                                                 \
    "INSERT INTO volume_attachments (id, volume_id, instance_id, operation_id, state, device,"     \
    " boot_index, delete_on_termination, tag, created_us)"                                         \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
#define SQL_LIST_DEVICES "SELECT device FROM volume_attachments WHERE instance_id = $1"
#define SQL_LEAVE                                                                                  \
    "UPDATE volume_attachments SET state = 'leaving', operation_id = $3"                           \
    " WHERE volume_id = $1 AND instance_id = $2 AND state = 'attached'"
#define SQL_KEEP                                                                                   \
    "UPDATE volume_attachments SET state = 'attached' WHERE instance_id = $1 AND operation_id = "  \
    "$2"
#define SQL_DROP "DELETE FROM volume_attachments WHERE instance_id = $1 AND operation_id = $2"
#define SQL_DELETE_VOLUMES                                                                         \
    "UPDATE volumes SET status = 'deleting', updated_us = $2 WHERE id IN"                          \
    " (SELECT volume_id FROM volume_attachments"                                                   \
    " WHERE instance_id = $1 AND delete_on_termination = 1)"
#define SQL_DROP_ALL "DELETE FROM volume_attachments WHERE instance_id = $1"

/* vda is the root disk, vdb the config drive. */
enum { FIRST_LETTER = 'c', LAST_LETTER = 'z' };

static GHashTable *
list_devices(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_DEVICES, error);
    g_autoptr(GHashTable) devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, instance_id);
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return NULL;
        }
        if (!row) {
            return g_steal_pointer(&devices);
        }
        g_hash_table_add(devices, db_dup_text(statement, 0));
    }
}

/* The root disk of an instance that boots from a volume is vda. */
static char *
choose_device(Store *store, const Attachment *attachment, GError **error)
{
    if (attachment->boot_index == 0) {
        return g_strdup("/dev/vda");
    }
    g_autoptr(GHashTable) taken = list_devices(store, attachment->instance_id, error);
    if (taken == NULL) {
        return NULL;
    }
    for (char letter = FIRST_LETTER; letter <= LAST_LETTER; letter++) {
        g_autofree char *device = g_strdup_printf("/dev/vd%c", letter);
        if (!g_hash_table_contains(taken, device)) {
            return g_steal_pointer(&device);
        }
    }
    error_set(
        error, ERROR_LIMIT, "instance '%s' has no room for another disk", attachment->instance_id);
    return NULL;
}

bool
attachment_insert_row(Store *store, Attachment *attachment, GError **error)
{
    g_free(attachment->device);
    attachment->device = choose_device(store, attachment, error);
    g_autoptr(DbStatement) statement =
        attachment->device != NULL ? db_prepare(store, SQL_INSERT, error) : NULL;
    if (statement == NULL) {
        return false;
    }
    if (attachment->id == NULL) {
        attachment->id = clock_new_uuid(db_clock(store));
    }
    attachment->created_us = db_now_us(store);
    db_bind_text(statement, 1, attachment->id);
    db_bind_text(statement, 2, attachment->volume_id);
    db_bind_text(statement, 3, attachment->instance_id);
    db_bind_int(statement, 4, attachment->operation);
    db_bind_text(statement, 5, attachment_state_name(attachment->state));
    db_bind_text(statement, 6, attachment->device);
    db_bind_int(statement, 7, attachment->boot_index);
    db_bind_int(statement, 8, attachment->delete_on_termination);
    db_bind_text(statement, 9, attachment->tag);
    db_bind_int(statement, 10, attachment->created_us);
    return db_run(statement, NULL, error);
}

/* Read again inside the transaction: whoever is first has it. */
static bool
check_free(Store *store, const char *volume_id, GError **error)
{
    g_autoptr(Volume) volume = volume_get_row(store, volume_id, error);

    if (volume == NULL) {
        return false;
    }
    bool is_free = volume->attachment == NULL &&
        (volume->status == VOLUME_AVAILABLE || volume->status == VOLUME_CREATING);
    return is_free ||
        error_set(
            error, ERROR_CONFLICT, "volume '%s' is %s", volume_id, volume_shown_status(volume));
}

bool
attachments_insert(Store *store, const char *instance_id, GPtrArray *volumes, GError **error)
{
    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        Volume *volume = volumes->pdata[i];
        if (volume->id == NULL && !volume_insert_row(store, volume, error)) {
            return false;
        }
        Attachment *attachment = volume->attachment;
        attachment->volume_id = g_strdup(volume->id);
        attachment->instance_id = g_strdup(instance_id);
        attachment->state = ATTACHMENT_ATTACHED;
        if (!check_free(store, volume->id, error) ||
            !attachment_insert_row(store, attachment, error)) {
            return false;
        }
    }
    return true;
}

/* ---- attach and detach ---- */

static bool
check_available(Store *store, const char *volume_id, GError **error)
{
    g_autoptr(Volume) volume = volume_get_row(store, volume_id, error);

    if (volume == NULL) {
        return false;
    }
    return (volume->attachment == NULL && volume->status == VOLUME_AVAILABLE) ||
        error_set(
            error, ERROR_CONFLICT, "volume '%s' is %s", volume_id, volume_shown_status(volume));
}

Operation *
store_accept_attach(
    Store *store, const OperationRequest *request, Attachment *attachment, GError **error)
{
    g_autoptr(Instance) instance = NULL;
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL || !check_available(store, attachment->volume_id, error)) {
        return NULL;
    }
    g_autoptr(Operation) operation = operation_accept(store, request, NULL, &instance, error);
    if (operation == NULL) {
        return NULL;
    }
    attachment->operation = operation->id;
    attachment->state = ATTACHMENT_RESERVED;
    if (!attachment_insert_row(store, attachment, error) || !db_commit(transaction, error)) {
        return NULL;
    }
    return g_steal_pointer(&operation);
}

static bool
leave(Store *store, const char *instance_id, const char *volume_id, int64_t operation_id,
    GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LEAVE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, volume_id);
    db_bind_text(statement, 2, instance_id);
    db_bind_int(statement, 3, operation_id);
    return rows_change(statement, "attachment of volume", volume_id, error);
}

Operation *
store_accept_detach(
    Store *store, const OperationRequest *request, const char *volume_id, GError **error)
{
    g_autoptr(Instance) instance = NULL;
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL) {
        return NULL;
    }
    g_autoptr(Operation) operation = operation_accept(store, request, NULL, &instance, error);
    if (operation == NULL || !leave(store, instance->id, volume_id, operation->id, error) ||
        !db_commit(transaction, error)) {
        return NULL;
    }
    return g_steal_pointer(&operation);
}

/* ---- ends ---- */

static bool
run(Store *store, const char *sql, const char *instance_id, int64_t number, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    if (number >= 0) {
        db_bind_int(statement, 2, number);
    }
    return db_run(statement, NULL, error);
}

bool
attachments_settle(
    Store *store, const char *instance_id, int64_t operation_id, MoveVolumes how, GError **error)
{
    switch (how) {
    case MOVE_VOLUMES_LEAVE: return true;
    case MOVE_VOLUMES_KEEP: return run(store, SQL_KEEP, instance_id, operation_id, error);
    case MOVE_VOLUMES_DROP: return run(store, SQL_DROP, instance_id, operation_id, error);
    case MOVE_VOLUMES_DROP_ALL:
        return run(store, SQL_DELETE_VOLUMES, instance_id, db_now_us(store), error) &&
            run(store, SQL_DROP_ALL, instance_id, -1, error);
    }
    g_assert_not_reached();
}

bool
store_release_volumes(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL &&
        attachments_settle(store, instance_id, 0, MOVE_VOLUMES_DROP_ALL, error) &&
        db_commit(transaction, error);
}
