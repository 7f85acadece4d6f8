/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/leftovers.h"

#include "store/query.h"
#include "store/rows.h"

#define SELECT_LEFTOVERS                                                                           \
    "SELECT id, host, kind, name, instance_id, operation_id, with_disks, size_bytes, why,"         \
    " removable_when, remove_wanted, last_error, since_us, copy FROM leftovers"
#define SQL_INSERT                                                                                 \
    "INSERT INTO leftovers (host, kind, name, instance_id, operation_id, with_disks, size_bytes,"  \
    " why, removable_when, since_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"             \
    " ON CONFLICT (host, kind, name) DO UPDATE SET operation_id = excluded.operation_id,"          \
    " with_disks = excluded.with_disks, size_bytes = excluded.size_bytes, why = excluded.why,"     \
    " removable_when = excluded.removable_when, copy = NULL,"                                      \
    " remove_wanted = CASE WHEN excluded.kind = 'guest' THEN 0 ELSE leftovers.remove_wanted END"
#define SQL_DELETE "DELETE FROM leftovers WHERE id = $1"
#define SQL_WANT "UPDATE leftovers SET remove_wanted = 1 WHERE id = $1"
#define SQL_SET_ERROR "UPDATE leftovers SET last_error = $2 WHERE id = $1"
/* What was wanted before somebody could have looked at it is void. */
#define SQL_SET_COPY                                                                               \
    "UPDATE leftovers SET copy = $2, why = $3, removable_when = $4, remove_wanted = 0,"            \
    " last_error = NULL WHERE id = $1"
#define SQL_ON_DELETED                                                                             \
    "UPDATE leftovers SET removable_when = $2 WHERE instance_id = $1 AND kind = $3"
#define SQL_FORGET "DELETE FROM leftovers WHERE instance_id = $1 AND kind = $2"
#define SQL_GET SELECT_LEFTOVERS " WHERE id = $1"

static void *
read_leftover(DbStatement *statement)
{
    Leftover *leftover = g_new0(Leftover, 1);
    int column = 0;

    leftover->id = db_int(statement, column++);
    leftover->host = db_dup_text(statement, column++);
    bool is_known = leftover_kind_parse(db_text(statement, column++), &leftover->kind);
    g_assert(is_known);
    leftover->name = db_dup_text(statement, column++);
    leftover->instance_id = db_dup_text(statement, column++);
    leftover->operation_id = db_int(statement, column++);
    leftover->with_disks = db_int(statement, column++);
    leftover->size_bytes = db_int(statement, column++);
    leftover->why = db_dup_text(statement, column++);
    leftover->removable_when = db_dup_text(statement, column++);
    leftover->remove_wanted = db_int(statement, column++);
    leftover->last_error = db_dup_text(statement, column++);
    leftover->since_us = db_int(statement, column++);
    leftover->copy = leftover_copy_parse(db_text(statement, column++));
    return leftover;
}

bool
leftovers_insert(Store *store, const Leftover *leftover, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, leftover->host);
    db_bind_text(statement, 2, leftover_kind_name(leftover->kind));
    db_bind_text(statement, 3, leftover->name);
    db_bind_text(statement, 4, leftover->instance_id);
    if (leftover->operation_id != 0) {
        db_bind_int(statement, 5, leftover->operation_id);
    }
    db_bind_int(statement, 6, leftover->with_disks);
    db_bind_int(statement, 7, leftover->size_bytes);
    db_bind_text(statement, 8, leftover->why);
    db_bind_text(statement, 9, leftover->removable_when);
    db_bind_int(statement, 10, db_now_us(store));
    return db_run(statement, NULL, error);
}

bool
leftovers_on_deleted(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_ON_DELETED, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    db_bind_text(statement, 2, "this host answers: the instance was deleted");
    db_bind_text(statement, 3, leftover_kind_name(LEFTOVER_GUEST));
    return db_run(statement, NULL, error);
}

bool
leftovers_forget_disks(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FORGET, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    db_bind_text(statement, 2, leftover_kind_name(LEFTOVER_DISK));
    return db_run(statement, NULL, error);
}

bool
store_record_leftover(Store *store, const Leftover *leftover, GError **error)
{
    return leftovers_insert(store, leftover, error);
}

GPtrArray *
store_list_leftovers(Store *store, const LeftoverFilter *filter, GError **error)
{
    g_autoptr(Query) query = query_new(SELECT_LEFTOVERS " WHERE 1 = 1");

    query_where_text(query, "host =", filter->host);
    query_where_text(query, "instance_id =", filter->instance_id);
    query_append(query, " ORDER BY host, since_us, id");
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    return statement == NULL
        ? NULL
        : rows_list(statement, read_leftover, (GDestroyNotify)leftover_free, error);
}

Leftover *
store_get_leftover(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, id);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, id);
    return rows_get(statement, read_leftover, "leftover", text, error);
}

static bool
change(Store *store, const char *sql, int64_t id, bool has_value, const char *value,
    GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    if (has_value) {
        db_bind_text(statement, 2, value);
    }
    return db_run(statement, NULL, error);
}

bool
store_delete_leftover(Store *store, int64_t id, GError **error)
{
    return change(store, SQL_DELETE, id, false, NULL, error);
}

bool
store_want_leftover_removed(Store *store, int64_t id, GError **error)
{
    return change(store, SQL_WANT, id, false, NULL, error);
}

bool
store_set_leftover_copy(Store *store, int64_t id, LeftoverCopy copy, const char *why,
    const char *removable_when, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_COPY, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    db_bind_text(statement, 2, leftover_copy_name(copy));
    db_bind_text(statement, 3, why);
    db_bind_text(statement, 4, removable_when);
    return db_run(statement, NULL, error);
}

bool
store_set_leftover_error(Store *store, int64_t id, const char *reason, GError **error)
{
    return change(store, SQL_SET_ERROR, id, true, reason, error);
}
