/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/instance_rows.h"
#include "store/query.h"
#include "store/volume_rows.h"

#define COLUMNS                                                                                    \
    "v.id, v.name, v.description, v.project_id, v.user_id, v.status, v.size_gib, v.pool,"          \
    " v.format, v.uri, v.bootable, v.image_id, v.image_root_hash, v.image_root_format,"            \
    " v.image_kernel_hash, v.image_initrd_hash, v.image_kernel_id, v.image_initrd_id,"             \
    " v.image_command_line, v.metadata_json,"                                                      \
    " v.message, v.created_us, v.updated_us, a.id, a.instance_id, a.operation_id, a.state,"        \
    " a.device, a.boot_index, a.delete_on_termination, a.tag, a.created_us"
#define SELECT_VOLUMES                                                                             \
    "SELECT " COLUMNS " FROM volumes v LEFT JOIN volume_attachments a ON a.volume_id = v.id"
#define SQL_GET SELECT_VOLUMES " WHERE v.id = $1"
#define SQL_FIND_URI SELECT_VOLUMES " WHERE v.uri_key = $1"
#define SQL_LIST_UNSETTLED                                                                         \
    SELECT_VOLUMES " WHERE v.status IN ('creating', 'deleting') ORDER BY v.number"
#define SQL_INSERT                                                                                 \
    "INSERT INTO volumes (id, name, description, project_id, user_id, status, size_gib, pool,"     \
    " format, uri, bootable, image_id, image_root_hash, image_root_format, image_kernel_hash,"     \
    " image_initrd_hash, image_kernel_id, image_initrd_id, image_command_line, metadata_json,"     \
    " message, created_us, updated_us, uri_key)"                                                   \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"    \
    " $19, $20, $21, $22, $23, $24)"
#define SQL_UPDATE                                                                                 \
    "UPDATE volumes SET name = $2, description = $3, bootable = $4, metadata_json = $5,"           \
    " updated_us = $6 WHERE id = $1"
#define SQL_UPDATE_ATTACHMENT                                                                      \
    "UPDATE volume_attachments SET delete_on_termination = $2 WHERE volume_id = $1"
#define SQL_DELETE_WANTED                                                                          \
    "UPDATE volumes SET status = 'deleting', updated_us = $2 WHERE id = $1"                        \
    " AND status IN ('available', 'error')"                                                        \
    " AND NOT EXISTS (SELECT 1 FROM volume_attachments a WHERE a.volume_id = $1)"
#define SQL_SETTLE                                                                                 \
    "UPDATE volumes SET status = $3, message = $4, updated_us = $5 WHERE id = $1 AND status = $2"
#define SQL_DELETE "DELETE FROM volumes WHERE id = $1 AND status = 'deleting'"

static void
read_attachment(DbStatement *statement, int column, Volume *volume)
{
    if (db_text(statement, column) == NULL) {
        return;
    }
    Attachment *attachment = attachment_new();
    attachment->volume_id = g_strdup(volume->id);
    attachment->id = db_dup_text(statement, column++);
    attachment->instance_id = db_dup_text(statement, column++);
    attachment->operation = db_int(statement, column++);
    bool known = attachment_state_parse(db_text(statement, column++), &attachment->state);
    g_assert(known);
    attachment->device = db_dup_text(statement, column++);
    attachment->boot_index = (int)db_int(statement, column++);
    attachment->delete_on_termination = db_int(statement, column++);
    attachment->tag = db_dup_text(statement, column++);
    attachment->created_us = db_int(statement, column++);
    volume->attachment = attachment;
}

static void *
read_volume(DbStatement *statement)
{
    Volume *volume = volume_new();
    int column = 0;

    volume->id = db_dup_text(statement, column++);
    volume->name = db_dup_text(statement, column++);
    volume->description = db_dup_text(statement, column++);
    volume->project_id = db_dup_text(statement, column++);
    volume->user_id = db_dup_text(statement, column++);
    bool known = volume_status_parse(db_text(statement, column++), &volume->status);
    g_assert(known);
    volume->size_gib = db_int(statement, column++);
    volume->pool = db_dup_text(statement, column++);
    volume->format = db_dup_text(statement, column++);
    volume->uri = db_dup_text(statement, column++);
    volume->bootable = db_int(statement, column++);
    column = image_refs_read_columns(statement, column, &volume->image);
    volume->metadata_json = db_dup_text(statement, column++);
    volume->message = db_dup_text(statement, column++);
    volume->created_us = db_int(statement, column++);
    volume->updated_us = db_int(statement, column++);
    read_attachment(statement, column, volume);
    return volume;
}

bool
volume_insert_row(Store *store, Volume *volume, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    g_autofree char *uri_key = volume->uri != NULL ? volume_uri_key(volume->uri) : NULL;

    if (statement == NULL) {
        return false;
    }
    if (volume->id == NULL) {
        volume->id = clock_new_uuid(db_clock(store));
    }
    volume->created_us = db_now_us(store);
    volume->updated_us = volume->created_us;
    db_bind_text(statement, 1, volume->id);
    db_bind_text(statement, 2, volume->name != NULL ? volume->name : "");
    db_bind_text(statement, 3, volume->description);
    db_bind_text(statement, 4, volume->project_id);
    db_bind_text(statement, 5, volume->user_id);
    db_bind_text(statement, 6, volume_status_name(volume->status));
    db_bind_int(statement, 7, volume->size_gib);
    db_bind_text(statement, 8, volume->pool);
    db_bind_text(statement, 9, volume->format);
    db_bind_text(statement, 10, volume->uri);
    db_bind_int(statement, 11, volume->bootable);
    image_refs_bind_columns(statement, 12, &volume->image);
    db_bind_text(statement, 20, volume->metadata_json != NULL ? volume->metadata_json : "{}");
    db_bind_text(statement, 21, volume->message);
    db_bind_int(statement, 22, volume->created_us);
    db_bind_int(statement, 23, volume->updated_us);
    db_bind_text(statement, 24, uri_key);
    return db_run(statement, NULL, error);
}

/* Two volumes of one disk could be given to two guests, and these would destroy it. */
static bool
check_uri(Store *store, const char *uri, GError **error)
{
    g_autofree char *key = volume_uri_key(uri);

    if (key == NULL) {
        return error_set(error, ERROR_INVALID, "The URI '%s' cannot be read.", uri);
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_URI, error);
    void *found = NULL;
    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, key);
    if (!rows_find(statement, read_volume, &found, error)) {
        return false;
    }
    g_autoptr(Volume) volume = found;
    return volume == NULL ||
        error_set(error, ERROR_CONFLICT,
            "The disk at %s is registered already, as volume '%s' (%s).", volume->uri,
            volume->name, volume->id);
}

bool
store_insert_volume(Store *store, Volume *volume, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL &&
        (volume->uri == NULL || check_uri(store, volume->uri, error)) &&
        volume_insert_row(store, volume, error) &&
        db_commit(transaction, error);
}

Volume *
volume_get_row(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, read_volume, "volume", id, error);
}

Volume *
store_get_volume(Store *store, const char *id, GError **error)
{
    return volume_get_row(store, id, error);
}

GPtrArray *
store_list_volumes(Store *store, const VolumeFilter *filter, GError **error)
{
    g_autoptr(Query) query = query_new(SELECT_VOLUMES " WHERE 1 = 1");

    query_where_text(query, "v.project_id =", filter->project_id);
    query_where_text(query, "a.instance_id =", filter->instance_id);
    query_where_text(query, "v.name =", filter->name);
    query_append(
        query, filter->instance_id != NULL ? " ORDER BY a.device" : " ORDER BY v.number DESC");
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    return statement == NULL
        ? NULL
        : rows_list(statement, read_volume, (GDestroyNotify)volume_free, error);
}

GPtrArray *
store_list_unsettled_volumes(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_UNSETTLED, error);

    return statement == NULL
        ? NULL
        : rows_list(statement, read_volume, (GDestroyNotify)volume_free, error);
}

static bool
update_attachment(Store *store, const Volume *volume, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE_ATTACHMENT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, volume->id);
    db_bind_int(statement, 2, volume->attachment->delete_on_termination);
    return db_run(statement, NULL, error);
}

bool
store_update_volume(Store *store, const Volume *volume, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_UPDATE, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, volume->id);
    db_bind_text(statement, 2, volume->name);
    db_bind_text(statement, 3, volume->description);
    db_bind_int(statement, 4, volume->bootable);
    db_bind_text(statement, 5, volume->metadata_json);
    db_bind_int(statement, 6, db_now_us(store));
    return rows_change(statement, "volume", volume->id, error) &&
        (volume->attachment == NULL || update_attachment(store, volume, error)) &&
        db_commit(transaction, error);
}

bool
store_accept_volume_delete(Store *store, const char *id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Volume) volume = transaction != NULL ? volume_get_row(store, id, error) : NULL;
    g_autoptr(DbStatement) statement =
        volume != NULL ? db_prepare(store, SQL_DELETE_WANTED, error) : NULL;
    int changes = 0;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_int(statement, 2, db_now_us(store));
    if (!db_run(statement, &changes, error)) {
        return false;
    }
    if (changes == 0 && volume->status != VOLUME_DELETING) {
        return error_set(
            error, ERROR_CONFLICT, "volume '%s' is %s", id, volume_shown_status(volume));
    }
    return db_commit(transaction, error);
}

static bool
delete_row(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return db_run(statement, NULL, error);
}

bool
store_settle_volume(
    Store *store, const char *id, VolumeStatus from, const char *message, GError **error)
{
    if (from == VOLUME_DELETING && message == NULL) {
        return delete_row(store, id, error);
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SETTLE, error);
    if (statement == NULL) {
        return false;
    }
    VolumeStatus to = message != NULL ? VOLUME_ERROR : VOLUME_AVAILABLE;
    db_bind_text(statement, 1, id);
    db_bind_text(statement, 2, volume_status_name(from));
    db_bind_text(statement, 3, volume_status_name(to));
    db_bind_text(statement, 4, message);
    db_bind_int(statement, 5, db_now_us(store));
    return db_run(statement, NULL, error);
}
