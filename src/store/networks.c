/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/rows.h"
#include <string.h>

#define COLUMNS                                                                                    \
    "id, subnet_id, name, bridge, cidr, gateway, pool_start, pool_end, mtu, created_us,"           \
    " subnet_name"
#define SQL_INSERT                                                                                 \
    "INSERT INTO networks (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
#define SQL_UPDATE                                                                                 \
    "UPDATE networks SET subnet_id = $2, name = $3, bridge = $4, cidr = $5, gateway = $6,"         \
    " pool_start = $7, pool_end = $8, mtu = $9, subnet_name = $10 WHERE id = $1"
#define SQL_COUNT_PORTS "SELECT COUNT(*) FROM ports WHERE network_id = $1"
#define SQL_DELETE "DELETE FROM networks WHERE id = $1"
#define SQL_GET "SELECT " COLUMNS " FROM networks WHERE id = $1"
#define SQL_LIST "SELECT " COLUMNS " FROM networks ORDER BY name"

static void *
read_network(DbStatement *statement)
{
    Network *network = network_new();

    network->id = db_dup_text(statement, 0);
    network->subnet_id = db_dup_text(statement, 1);
    network->name = db_dup_text(statement, 2);
    network->bridge = db_dup_text(statement, 3);
    network->cidr = db_dup_text(statement, 4);
    network->gateway = db_dup_text(statement, 5);
    network->pool_start = db_dup_text(statement, 6);
    network->pool_end = db_dup_text(statement, 7);
    network->mtu = db_int(statement, 8);
    network->created_us = db_int(statement, 9);
    network->subnet_name = db_dup_text(statement, 10);
    return network;
}

static void
bind_network(DbStatement *statement, const Network *network)
{
    db_bind_text(statement, 1, network->id);
    db_bind_text(statement, 2, network->subnet_id);
    db_bind_text(statement, 3, network->name);
    db_bind_text(statement, 4, network->bridge);
    db_bind_text(statement, 5, network->cidr);
    db_bind_text(statement, 6, network->gateway);
    db_bind_text(statement, 7, network->pool_start);
    db_bind_text(statement, 8, network->pool_end);
    db_bind_int(statement, 9, network->mtu);
}

bool
store_insert_network(Store *store, const Network *network, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    bind_network(statement, network);
    db_bind_int(statement, 10, network->created_us != 0 ? network->created_us : db_now_us(store));
    db_bind_text(statement, 11, network->subnet_name);
    return db_run(statement, NULL, error);
}

static bool
check_unused(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_COUNT_PORTS, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    int64_t n_ports = db_int(statement, 0);
    return n_ports == 0 ||
        error_set(error, ERROR_CONFLICT,
            "network '%s' is still in use by %" G_GINT64_FORMAT " port(s)", id, n_ports);
}

static bool
update_network(Store *store, const Network *network, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE, error);

    if (statement == NULL) {
        return false;
    }
    bind_network(statement, network);
    db_bind_text(statement, 10, network->subnet_name);
    return rows_change(statement, "network", network->id, error);
}

/* Whoever has an address keeps it for life: the range stays while it is used. */
bool
store_update_network(Store *store, const Network *network, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(Network) old =
        transaction == NULL ? NULL : store_get_network(store, network->id, error);

    if (old == NULL) {
        return false;
    }
    bool keeps_range = strcmp(old->cidr, network->cidr) == 0;
    return (keeps_range || check_unused(store, network->id, error)) &&
        update_network(store, network, error) && db_commit(transaction, error);
}

static bool
delete_network(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return rows_change(statement, "network", id, error);
}

bool
store_delete_network(Store *store, const char *id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && check_unused(store, id, error) &&
        delete_network(store, id, error) && db_commit(transaction, error);
}

Network *
store_get_network(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, read_network, "network", id, error);
}

GPtrArray *
store_list_networks(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST, error);

    return statement == NULL
        ? NULL
        : rows_list(statement, read_network, (GDestroyNotify)network_free, error);
}
