/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/aggregates.h"

#include "store/rows.h"
#include <string.h>

#define COLUMNS "id, uuid, name, created_us, updated_us"
#define SQL_INSERT                                                                                 \
    "INSERT INTO aggregates (uuid, name, created_us) VALUES ($1, $2, $3) RETURNING id"
#define SQL_GET "SELECT " COLUMNS " FROM aggregates WHERE id = $1"
#define SQL_LIST "SELECT " COLUMNS " FROM aggregates ORDER BY id"
#define SQL_RENAME                                                                                 \
    "UPDATE aggregates SET name = COALESCE($2, name), updated_us = $3 WHERE id = $1"
#define SQL_DELETE "DELETE FROM aggregates WHERE id = $1"
#define SQL_GET_METADATA                                                                           \
    "SELECT aggregate_id, key, value FROM aggregate_metadata WHERE aggregate_id = $1 ORDER BY key"
#define SQL_LIST_METADATA "SELECT aggregate_id, key, value FROM aggregate_metadata ORDER BY key"
#define SQL_SET_PROPERTY                                                                           \
    "INSERT INTO aggregate_metadata (aggregate_id, key, value) VALUES ($1, $2, $3)"                \
    " ON CONFLICT (aggregate_id, key) DO UPDATE SET value = excluded.value"
#define SQL_UNSET_PROPERTY "DELETE FROM aggregate_metadata WHERE aggregate_id = $1 AND key = $2"
#define SQL_GET_HOSTS                                                                              \
    "SELECT aggregate_id, host FROM aggregate_hosts WHERE aggregate_id = $1 ORDER BY number"
#define SQL_LIST_HOSTS "SELECT aggregate_id, host FROM aggregate_hosts ORDER BY number"
#define SQL_ADD_HOST "INSERT INTO aggregate_hosts (aggregate_id, host) VALUES ($1, $2)"
#define SQL_REMOVE_HOST "DELETE FROM aggregate_hosts WHERE aggregate_id = $1 AND host = $2"

/* ---- reading ---- */

static void *
read_aggregate(DbStatement *statement)
{
    Aggregate *aggregate = aggregate_new();

    aggregate->id = db_int(statement, 0);
    aggregate->uuid = db_dup_text(statement, 1);
    aggregate->name = db_dup_text(statement, 2);
    aggregate->created_us = db_int(statement, 3);
    aggregate->updated_us = db_int(statement, 4);
    return aggregate;
}

static void
read_property(DbStatement *statement, Aggregate *aggregate)
{
    g_ptr_array_add(aggregate->metadata,
        aggregate_property_new(db_text(statement, 1), db_text(statement, 2)));
}

static void
read_membership(DbStatement *statement, Aggregate *aggregate)
{
    g_ptr_array_add(aggregate->hosts, db_dup_text(statement, 1));
}

/* A row of something that belongs to an aggregate. */
typedef void (*PartReader)(DbStatement *statement, Aggregate *aggregate);

/* by_id: id -> Aggregate *. The id is the first column. */
static bool
read_parts(DbStatement *statement, PartReader read, GHashTable *by_id, GError **error)
{
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            return true;
        }
        int64_t id = db_int(statement, 0);
        Aggregate *aggregate = g_hash_table_lookup(by_id, &id);
        if (aggregate != NULL) {
            read(statement, aggregate);
        }
    }
}

/* only NULL: of all that are in by_id. */
static bool
load_parts(Store *store, const char *sql, const Aggregate *only, PartReader read,
    GHashTable *by_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    if (only != NULL) {
        db_bind_int(statement, 1, only->id);
    }
    return read_parts(statement, read, by_id, error);
}

/* The table of an array of aggregates, which stay theirs. */
static GHashTable *
index_by_id(const GPtrArray *aggregates)
{
    GHashTable *by_id = g_hash_table_new(g_int64_hash, g_int64_equal);

    for (unsigned i = 0; i < aggregates->len; i++) {
        Aggregate *aggregate = aggregates->pdata[i];
        g_hash_table_insert(by_id, &aggregate->id, aggregate);
    }
    return by_id;
}

static bool
fill_one(Store *store, Aggregate *aggregate, GError **error)
{
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_int64_hash, g_int64_equal);

    g_hash_table_insert(by_id, &aggregate->id, aggregate);
    return load_parts(store, SQL_GET_METADATA, aggregate, read_property, by_id, error) &&
        load_parts(store, SQL_GET_HOSTS, aggregate, read_membership, by_id, error);
}

Aggregate *
store_get_aggregate(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);
    g_autoptr(DbStatement) statement =
        transaction == NULL ? NULL : db_prepare(store, SQL_GET, error);
    void *record = NULL;

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, id);
    if (!rows_find(statement, read_aggregate, &record, error)) {
        return NULL;
    }
    g_autoptr(Aggregate) aggregate = record;
    if (aggregate == NULL) {
        error_set(
            error, ERROR_NOT_FOUND, "Aggregate %" G_GINT64_FORMAT " could not be found.", id);
        return NULL;
    }
    return fill_one(store, aggregate, error) ? g_steal_pointer(&aggregate) : NULL;
}

GPtrArray *
store_list_aggregates(Store *store, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);
    g_autoptr(DbStatement) statement =
        transaction == NULL ? NULL : db_prepare(store, SQL_LIST, error);
    g_autoptr(GPtrArray) aggregates = statement == NULL
        ? NULL
        : rows_list(statement, read_aggregate, (GDestroyNotify)aggregate_free, error);

    if (aggregates == NULL) {
        return NULL;
    }
    g_autoptr(GHashTable) by_id = index_by_id(aggregates);
    if (aggregates->len > 0 &&
        (!load_parts(store, SQL_LIST_METADATA, NULL, read_property, by_id, error) ||
            !load_parts(store, SQL_LIST_HOSTS, NULL, read_membership, by_id, error))) {
        return NULL;
    }
    return g_steal_pointer(&aggregates);
}

/* ---- changing ---- */

static bool
set_property(Store *store, int64_t id, const char *key, const char *value, GError **error)
{
    const char *sql = value != NULL ? SQL_SET_PROPERTY : SQL_UNSET_PROPERTY;
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    db_bind_text(statement, 2, key);
    if (value != NULL) {
        db_bind_text(statement, 3, value);
    }
    return db_run(statement, NULL, error);
}

bool
aggregates_set_properties(Store *store, int64_t id, const GPtrArray *changes, GError **error)
{
    for (unsigned i = 0; changes != NULL && i < changes->len; i++) {
        const AggregateProperty *change = changes->pdata[i];
        if (!set_property(store, id, change->key, change->value, error)) {
            return false;
        }
    }
    return true;
}

static bool
insert_row(Store *store, Aggregate *aggregate, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, aggregate->uuid);
    db_bind_text(statement, 2, aggregate->name);
    db_bind_int(statement, 3, aggregate->created_us);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    g_assert(row);
    aggregate->id = db_int(statement, 0);
    return true;
}

bool
aggregates_insert(Store *store, Aggregate *aggregate, GError **error)
{
    aggregate->uuid = clock_new_uuid(db_clock(store));
    aggregate->created_us = db_now_us(store);
    return insert_row(store, aggregate, error) &&
        aggregates_set_properties(store, aggregate->id, aggregate->metadata, error);
}

bool
store_insert_aggregate(Store *store, Aggregate *aggregate, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && aggregates_insert(store, aggregate, error) &&
        db_commit(transaction, error);
}

static bool
rename_aggregate(Store *store, int64_t id, const char *name, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_RENAME, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    db_bind_text(statement, 2, name);
    db_bind_int(statement, 3, db_now_us(store));
    return db_run(statement, NULL, error);
}

/* With or without the host; its row must be there to be removed. */
static bool
change_membership(Store *store, const char *sql, int64_t id, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    int changes = 0;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    db_bind_text(statement, 2, host);
    return db_run(statement, &changes, error) &&
        (changes == 1 ||
            error_set(error, ERROR_NOT_FOUND,
                "Aggregate %" G_GINT64_FORMAT " has no host %s.", id, host));
}

bool
aggregates_add_member(Store *store, int64_t id, const char *host, GError **error)
{
    return change_membership(store, SQL_ADD_HOST, id, host, error);
}

static GPtrArray *
get_hosts(Store *store, const Aggregate *aggregate, GError **error)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);

    for (unsigned i = 0; i < aggregate->hosts->len; i++) {
        Host *host = store_get_host(store, aggregate->hosts->pdata[i], error);
        if (host == NULL) {
            return NULL;
        }
        g_ptr_array_add(hosts, host);
    }
    return g_steal_pointer(&hosts);
}

bool
store_update_aggregate(
    Store *store, int64_t id, const char *name, const GPtrArray *changes, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Aggregate) aggregate =
        transaction == NULL ? NULL : store_get_aggregate(store, id, error);
    g_autoptr(GPtrArray) before = aggregate == NULL ? NULL : get_hosts(store, aggregate, error);

    return before != NULL && rename_aggregate(store, id, name, error) &&
        aggregates_set_properties(store, id, changes, error) &&
        pools_check_change(store, aggregate, changes, error) &&
        aggregates_check_zones(store, id, before, error) && db_commit(transaction, error);
}

static bool
delete_aggregate(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, id);
    return db_run(statement, NULL, error);
}

bool
store_delete_aggregate(Store *store, int64_t id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Aggregate) aggregate =
        transaction == NULL ? NULL : store_get_aggregate(store, id, error);

    if (aggregate == NULL) {
        return false;
    }
    if (aggregate->hosts->len > 0) {
        return error_set(error, ERROR_INVALID, "Host aggregate is not empty");
    }
    return delete_aggregate(store, id, error) && db_commit(transaction, error);
}

/* Inside a write transaction. */
static bool
change_host(Store *store, const char *sql, int64_t id, const char *name, GError **error)
{
    g_autoptr(GPtrArray) before = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    Host *host = NULL;

    if (!store_find_host(store, name, &host, error)) {
        return false;
    }
    if (host == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "Compute host %s could not be found.", name);
    }
    g_ptr_array_add(before, host);
    return change_membership(store, sql, id, name, error) &&
        rename_aggregate(store, id, NULL, error) &&
        aggregates_check_zones(store, id, before, error);
}

bool
store_add_aggregate_host(Store *store, int64_t id, const char *host, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Aggregate) aggregate =
        transaction == NULL ? NULL : store_get_aggregate(store, id, error);

    if (aggregate == NULL) {
        return false;
    }
    if (aggregate_has_host(aggregate, host)) {
        return error_set(error, ERROR_CONFLICT,
            "Aggregate %" G_GINT64_FORMAT " already has host %s.", id, host);
    }
    return pools_check_join(store, aggregate, host, error) &&
        change_host(store, SQL_ADD_HOST, id, host, error) && db_commit(transaction, error);
}

bool
store_remove_aggregate_host(Store *store, int64_t id, const char *host, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Aggregate) aggregate =
        transaction == NULL ? NULL : store_get_aggregate(store, id, error);

    return aggregate != NULL && pools_check_leave(store, aggregate, host, error) &&
        change_host(store, SQL_REMOVE_HOST, id, host, error) && db_commit(transaction, error);
}
