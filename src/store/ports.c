/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/ports.h"
#include "store/rows.h"

#define FROM_PORTS                                                                                 \
    "SELECT p.id, p.network_id, n.name, p.instance_id, p.mac, p.address, n.bridge, n.gateway,"     \
    " n.cidr FROM ports p JOIN networks n ON n.id = p.network_id"
#define IN_ORDER " ORDER BY p.instance_id, p.position"
#define SQL_LIST FROM_PORTS IN_ORDER
#define SQL_LIST_OF_INSTANCE FROM_PORTS " WHERE p.instance_id = $1" IN_ORDER
#define SQL_LIST_OF_NETWORK FROM_PORTS " WHERE p.network_id = $1" IN_ORDER
#define SQL_LIST_OF_BOTH FROM_PORTS " WHERE p.instance_id = $1 AND p.network_id = $2" IN_ORDER
/* One text for any number of instances: what is not bound is NULL and matches nothing. */
enum { CHUNK = 50 };
#define SQL_LIST_OF_MANY                                                                           \
    FROM_PORTS                                                                                     \
    " WHERE p.instance_id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"   \
    " $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33,"   \
    " $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, "            \
    "$50)" IN_ORDER
#define SQL_LIST_ADDRESSES                                                                         \
    "SELECT address FROM ports WHERE network_id = $1 AND address >= $2 ORDER BY address"
#define SQL_FIND_ADDRESS "SELECT 1 FROM ports WHERE network_id = $1 AND address = $2"
#define SQL_FIND_MAC "SELECT 1 FROM ports WHERE mac = $1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO ports (id, network_id, instance_id, position, mac, address)"                      \
    " VALUES ($1, $2, $3, $4, $5, $6)"
#define SQL_RELEASE "DELETE FROM ports WHERE instance_id = $1"
#define SQL_ALL_ADDRESSES "SELECT instance_id, address FROM ports"

/* ---- reading ---- */

static void *
read_port(DbStatement *statement)
{
    Port *port = port_new();
    uint32_t network = 0;

    port->id = db_dup_text(statement, 0);
    port->network_id = db_dup_text(statement, 1);
    port->network_name = db_dup_text(statement, 2);
    port->instance_id = db_dup_text(statement, 3);
    port->mac = db_dup_text(statement, 4);
    port->address = network_format_address((uint32_t)db_int(statement, 5));
    port->bridge = db_dup_text(statement, 6);
    port->gateway = db_dup_text(statement, 7);
    network_parse_cidr(db_text(statement, 8), &network, &port->prefix);
    return port;
}

GPtrArray *
store_list_ports(Store *store, const char *instance_id, const char *network_id, GError **error)
{
    const char *by_instance = network_id == NULL ? SQL_LIST_OF_INSTANCE : SQL_LIST_OF_BOTH;
    const char *by_network = network_id == NULL ? SQL_LIST : SQL_LIST_OF_NETWORK;
    const char *sql = instance_id != NULL ? by_instance : by_network;
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    int index = 1;

    if (statement == NULL) {
        return NULL;
    }
    if (instance_id != NULL) {
        db_bind_text(statement, index++, instance_id);
    }
    if (network_id != NULL) {
        db_bind_text(statement, index++, network_id);
    }
    return rows_list(statement, read_port, (GDestroyNotify)port_free, error);
}

bool
ports_load_one(Store *store, Instance *instance, GError **error)
{
    GPtrArray *ports = store_list_ports(store, instance->id, NULL, error);

    if (ports == NULL) {
        return false;
    }
    g_ptr_array_unref(instance->ports);
    instance->ports = ports;
    return true;
}

static bool
load_chunk(Store *store, Instance *const *instances, unsigned n, GHashTable *by_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_OF_MANY, error);

    if (statement == NULL) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        db_bind_text(statement, (int)i + 1, instances[i]->id);
    }
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            return true;
        }
        Port *port = read_port(statement);
        Instance *instance = g_hash_table_lookup(by_id, port->instance_id);
        g_ptr_array_add(instance->ports, port);
    }
}

bool
ports_load(Store *store, GPtrArray *instances, GError **error)
{
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < instances->len; i++) {
        Instance *instance = instances->pdata[i];
        g_hash_table_insert(by_id, instance->id, instance);
    }
    for (unsigned i = 0; i < instances->len; i += CHUNK) {
        unsigned n = MIN(CHUNK, instances->len - i);
        if (!load_chunk(store, (Instance *const *)&instances->pdata[i], n, by_id, error)) {
            return false;
        }
    }
    return true;
}

bool
ports_match(Store *store, GRegex *regex, GHashTable **ret_ids, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_ALL_ADDRESSES, error);
    g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (statement == NULL) {
        return false;
    }
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return false;
        }
        if (!row) {
            *ret_ids = g_steal_pointer(&ids);
            return true;
        }
        g_autofree char *address = network_format_address((uint32_t)db_int(statement, 1));
        if (g_regex_match(regex, address, 0, NULL)) {
            g_hash_table_add(ids, db_dup_text(statement, 0));
        }
    }
}

/* ---- addresses ---- */

/* What may be handed out: the pool, or the whole range, without the network's own address, its
 * broadcast address and the gateway. */
typedef struct AddressRange {
    uint32_t first;
    uint32_t last;
    uint32_t gateway; /* 0: none */
} AddressRange;

static bool
address_range(const Network *network, AddressRange *ret_range, GError **error)
{
    AddressRange range = {0};
    uint32_t base = 0;
    uint32_t bound = 0;
    int prefix = 0;

    if (network->cidr[0] == '\0') {
        return error_set(error, ERROR_INVALID,
            "network '%s' has no subnet: make one before instances can be on it", network->name);
    }
    if (!network_parse_cidr(network->cidr, &base, &prefix)) {
        return error_set(error, ERROR_INTERNAL, "network '%s' has no usable address range: '%s'",
            network->name, network->cidr);
    }
    uint32_t size_minus_one = prefix == 0 ? UINT32_MAX : (1U << (32 - prefix)) - 1;
    bool has_ends = prefix < 31;
    range.first = base + (has_ends ? 1 : 0);
    range.last = base + size_minus_one - (has_ends ? 1 : 0);
    if (network_parse_address(network->pool_start, &bound)) {
        range.first = MAX(range.first, bound);
    }
    if (network_parse_address(network->pool_end, &bound)) {
        range.last = MIN(range.last, bound);
    }
    network_parse_address(network->gateway, &range.gateway);
    *ret_range = range;
    return true;
}

/* Walks the taken addresses in order; the first gap is the answer. */
static bool
find_lowest_free(Store *store, const Network *network, const AddressRange *range,
    uint32_t *ret_address, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST_ADDRESSES, error);
    uint64_t candidate = range->first;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, network->id);
    db_bind_int(statement, 2, range->first);
    bool row = true;
    while (row) {
        if (!db_step(statement, &row, error)) {
            return false;
        }
        candidate += candidate == range->gateway;
        if (!row || (uint64_t)db_int(statement, 0) > candidate) {
            break;
        }
        candidate = (uint64_t)db_int(statement, 0) + 1;
    }
    if (candidate > range->last) {
        return error_set(
            error, ERROR_LIMIT, "network '%s' has no free address left", network->name);
    }
    *ret_address = (uint32_t)candidate;
    return true;
}

static bool
check_fixed(
    Store *store, const Network *network, const char *text, uint32_t *ret_address, GError **error)
{
    Network whole = *network;
    AddressRange range;
    uint32_t address = 0;

    /* A fixed address may lie outside the pool, but not outside the network. */
    whole.pool_start = NULL;
    whole.pool_end = NULL;
    if (!address_range(&whole, &range, error)) {
        return false;
    }
    if (!network_parse_address(text, &address) || address < range.first || address > range.last ||
        address == range.gateway) {
        return error_set(error, ERROR_INVALID,
            "'%s' is not an address that network '%s' (%s) can give to an instance", text,
            network->name, network->cidr);
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_ADDRESS, error);
    bool taken = false;
    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, network->id);
    db_bind_int(statement, 2, address);
    if (!db_step(statement, &taken, error)) {
        return false;
    }
    if (taken) {
        return error_set(error, ERROR_CONFLICT, "address '%s' is already in use", text);
    }
    *ret_address = address;
    return true;
}

/* 24 random bits are few: among 10,000 ports some would meet, so each is looked up first. */
static char *
new_mac(Store *store, GError **error)
{
    const Clock *clock = db_clock(store);

    for (;;) {
        uint8_t bytes[3];
        bool taken = false;
        clock->random(clock->data, bytes, sizeof bytes);
        g_autofree char *mac =
            g_strdup_printf("52:54:00:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2]);
        g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_MAC, error);
        if (statement == NULL) {
            return NULL;
        }
        db_bind_text(statement, 1, mac);
        if (!db_step(statement, &taken, error)) {
            return NULL;
        }
        if (!taken) {
            return g_steal_pointer(&mac);
        }
    }
}

static bool
choose_address(Store *store, const Network *network, const char *fixed_address,
    uint32_t *ret_address, GError **error)
{
    AddressRange range;

    if (fixed_address != NULL) {
        return check_fixed(store, network, fixed_address, ret_address, error);
    }
    return address_range(network, &range, error) &&
        find_lowest_free(store, network, &range, ret_address, error);
}

static bool
insert_row(Store *store, const Port *port, unsigned position, uint32_t address, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, port->id);
    db_bind_text(statement, 2, port->network_id);
    db_bind_text(statement, 3, port->instance_id);
    db_bind_int(statement, 4, position);
    db_bind_text(statement, 5, port->mac);
    db_bind_int(statement, 6, address);
    return db_run(statement, NULL, error);
}

bool
ports_insert(Store *store, Instance *instance, const char *network_id, const char *fixed_address,
    GError **error)
{
    g_autoptr(Network) network = store_get_network(store, network_id, error);
    uint32_t base = 0;
    uint32_t address = 0;

    if (network == NULL || !choose_address(store, network, fixed_address, &address, error)) {
        return false;
    }
    g_autoptr(Port) port = port_new();
    port->mac = new_mac(store, error);
    if (port->mac == NULL) {
        return false;
    }
    port->id = clock_new_uuid(db_clock(store));
    port->network_id = g_strdup(network->id);
    port->network_name = g_strdup(network->name);
    port->instance_id = g_strdup(instance->id);
    port->address = network_format_address(address);
    port->bridge = g_strdup(network->bridge);
    port->gateway = g_strdup(network->gateway);
    network_parse_cidr(network->cidr, &base, &port->prefix);
    if (!insert_row(store, port, instance->ports->len, address, error)) {
        return false;
    }
    g_ptr_array_add(instance->ports, g_steal_pointer(&port));
    return true;
}

bool
ports_release(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_RELEASE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    return db_run(statement, NULL, error);
}
