/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/rows.h"

#define COLUMNS                                                                                    \
    "id, name, owner, status, visibility, disk_format, container_format, size_bytes,"              \
    " virtual_size_bytes, sha256, md5, sha512, min_ram_mib, min_disk_gib, is_protected,"           \
    " is_hidden, tags_json, properties_json, created_us, updated_us"
#define SQL_INSERT                                                                                 \
    "INSERT INTO images (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"  \
    " $13, $14, $15, $16, $17, $18, $19, $20)"
#define SQL_UPDATE                                                                                 \
    "UPDATE images SET name = $2, owner = $3, status = $4, visibility = $5, disk_format = $6,"     \
    " container_format = $7, size_bytes = $8, virtual_size_bytes = $9, sha256 = $10, md5 = $11,"   \
    " sha512 = $12, min_ram_mib = $13, min_disk_gib = $14, is_protected = $15, is_hidden = $16,"   \
    " tags_json = $17, properties_json = $18, created_us = $19, updated_us = $20 WHERE id = $1"
#define SQL_DELETE "DELETE FROM images WHERE id = $1"
#define SQL_GET "SELECT " COLUMNS " FROM images WHERE id = $1"
#define SQL_LIST "SELECT " COLUMNS " FROM images ORDER BY number DESC"
#define SQL_LIST_VISIBLE                                                                           \
    "SELECT " COLUMNS " FROM images WHERE visibility = 'public' OR owner = $1"                     \
    " ORDER BY number DESC"
#define SQL_COUNT_HASH "SELECT COUNT(*) FROM images WHERE sha256 = $1"

static void *
read_image(DbStatement *statement)
{
    Image *image = image_new();
    int column = 0;

    image->id = db_dup_text(statement, column++);
    image->name = db_dup_text(statement, column++);
    image->owner = db_dup_text(statement, column++);
    bool known = image_status_parse(db_text(statement, column++), &image->status);
    g_assert(known);
    image->visibility = db_dup_text(statement, column++);
    image->disk_format = db_dup_text(statement, column++);
    image->container_format = db_dup_text(statement, column++);
    image->size_bytes = db_int(statement, column++);
    image->virtual_size_bytes = db_int(statement, column++);
    image->sha256 = db_dup_text(statement, column++);
    image->md5 = db_dup_text(statement, column++);
    image->sha512 = db_dup_text(statement, column++);
    image->min_ram_mib = (int)db_int(statement, column++);
    image->min_disk_gib = (int)db_int(statement, column++);
    image->is_protected = db_int(statement, column++);
    image->is_hidden = db_int(statement, column++);
    image->tags_json = db_dup_text(statement, column++);
    image->properties_json = db_dup_text(statement, column++);
    image->created_us = db_int(statement, column++);
    image->updated_us = db_int(statement, column++);
    return image;
}

static void
bind_image(Store *store, DbStatement *statement, const Image *image)
{
    int64_t now_us = db_now_us(store);
    int index = 1;

    db_bind_text(statement, index++, image->id);
    db_bind_text(statement, index++, image->name != NULL ? image->name : "");
    db_bind_text(statement, index++, image->owner);
    db_bind_text(statement, index++, image_status_name(image->status));
    db_bind_text(statement, index++, image->visibility != NULL ? image->visibility : "private");
    db_bind_text(statement, index++, image->disk_format);
    db_bind_text(statement, index++, image->container_format);
    db_bind_int(statement, index++, image->size_bytes);
    db_bind_int(statement, index++, image->virtual_size_bytes);
    db_bind_text(statement, index++, image->sha256);
    db_bind_text(statement, index++, image->md5);
    db_bind_text(statement, index++, image->sha512);
    db_bind_int(statement, index++, image->min_ram_mib);
    db_bind_int(statement, index++, image->min_disk_gib);
    db_bind_int(statement, index++, image->is_protected);
    db_bind_int(statement, index++, image->is_hidden);
    db_bind_text(statement, index++, image->tags_json != NULL ? image->tags_json : "[]");
    db_bind_text(
        statement, index++, image->properties_json != NULL ? image->properties_json : "{}");
    db_bind_int(statement, index++, image->created_us != 0 ? image->created_us : now_us);
    db_bind_int(statement, index++, now_us);
}

bool
store_insert_image(Store *store, const Image *image, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    bind_image(store, statement, image);
    return db_run(statement, NULL, error);
}

bool
store_update_image(Store *store, const Image *image, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE, error);

    if (statement == NULL) {
        return false;
    }
    bind_image(store, statement, image);
    return rows_change(statement, "image", image->id, error);
}

bool
store_delete_image(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return rows_change(statement, "image", id, error);
}

Image *
store_get_image(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, read_image, "image", id, error);
}

GPtrArray *
store_list_images(Store *store, const char *project_id, GError **error)
{
    g_autoptr(DbStatement) statement =
        db_prepare(store, project_id == NULL ? SQL_LIST : SQL_LIST_VISIBLE, error);

    if (statement == NULL) {
        return NULL;
    }
    if (project_id != NULL) {
        db_bind_text(statement, 1, project_id);
    }
    return rows_list(statement, read_image, (GDestroyNotify)image_free, error);
}

bool
store_count_image_hash(Store *store, const char *sha256, int *ret_count, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_COUNT_HASH, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, sha256);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_count = (int)db_int(statement, 0);
    return true;
}
