/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/rows.h"

#define COLUMNS                                                                                    \
    "host, uuid, kind, domain, vcpus, memory_mib, claimed_vcpus, claimed_memory_mib"
#define SQL_LIST "SELECT " COLUMNS " FROM host_differences WHERE host = $1 ORDER BY uuid"
#define SQL_DELETE "DELETE FROM host_differences WHERE host = $1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO host_differences (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"

static void *
read_difference(DbStatement *statement)
{
    HostDifference *difference = g_new0(HostDifference, 1);
    difference->host = db_dup_text(statement, 0);
    difference->uuid = db_dup_text(statement, 1);
    bool is_known = host_difference_kind_parse(db_text(statement, 2), &difference->kind);
    g_assert(is_known);
    difference->domain = db_dup_text(statement, 3);
    difference->vcpus = (int)db_int(statement, 4);
    difference->memory_mib = db_int(statement, 5);
    difference->claimed_vcpus = (int)db_int(statement, 6);
    difference->claimed_memory_mib = db_int(statement, 7);
    return difference;
}

GPtrArray *
store_list_host_differences(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, host);
    return rows_list(statement, read_difference, (GDestroyNotify)host_difference_free, error);
}

static bool
delete_all(Store *store, const char *host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    return db_run(statement, NULL, error);
}

static bool
insert(Store *store, const char *host, const HostDifference *difference, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, host);
    db_bind_text(statement, 2, difference->uuid);
    db_bind_text(statement, 3, host_difference_kind_name(difference->kind));
    db_bind_text(statement, 4, difference->domain);
    db_bind_int(statement, 5, difference->vcpus);
    db_bind_int(statement, 6, difference->memory_mib);
    db_bind_int(statement, 7, difference->claimed_vcpus);
    db_bind_int(statement, 8, difference->claimed_memory_mib);
    return db_run(statement, NULL, error);
}

bool
store_set_host_differences(
    Store *store, const char *host, const GPtrArray *differences, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL || !delete_all(store, host, error)) {
        return false;
    }
    for (unsigned i = 0; i < differences->len; i++) {
        if (!insert(store, host, differences->pdata[i], error)) {
            return false;
        }
    }
    return db_commit(transaction, error);
}
