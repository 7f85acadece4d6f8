/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Aggregates that are availability zones, or cells: no host is in two, and none with instances
 * changes to another zone. */
#include "model/pool.h"
#include "store/aggregates.h"

#include <string.h>

#define SQL_FIND_ZONE                                                                              \
    "SELECT MIN(m.aggregate_id) FROM aggregate_metadata m WHERE m.key = '" AGGREGATE_ZONE "'"      \
    " AND m.value = $1 AND NOT EXISTS (SELECT 1 FROM aggregate_metadata p"                         \
    " WHERE p.aggregate_id = m.aggregate_id AND p.key = '" POOL_KEY_FLAG "'"                       \
    " AND LOWER(p.value) = 'true') HAVING COUNT(*) > 0"

static unsigned
count_cells(const Host *host)
{
    GHashTable *cells = host->aggregates != NULL
        ? host_aggregates_get(host->aggregates, AGGREGATE_CELL)
        : NULL;
    return cells != NULL ? g_hash_table_size(cells) : 0;
}

/* A host that was in two before that was refused may leave others. */
static bool
check_cell(const Aggregate *now, const Host *before, const Host *after, GError **error)
{
    unsigned n_cells = count_cells(after);

    if (n_cells <= 1 || n_cells <= count_cells(before)) {
        return true;
    }
    const char *own = aggregate_get(now, AGGREGATE_CELL);
    const char *other =
        g_strcmp0(own, host_cell(before)) != 0 ? host_cell(before) : host_cell(after);
    return error_set(error, ERROR_INVALID,
        "Host '%s' is in cell '%s' already, and no host is in two: take it out of that one first",
        before->name, other);
}

static bool
check_zone(Store *store, const Aggregate *now, const Host *before, GError **error)
{
    g_autoptr(Host) after = store_get_host(store, before->name, error);
    HostUsage usage = {0};

    if (after == NULL || !store_get_host_usage(store, before->name, &usage, error)) {
        return false;
    }
    GHashTable *zones = after->aggregates != NULL
        ? host_aggregates_get(after->aggregates, AGGREGATE_ZONE)
        : NULL;
    if (zones != NULL && g_hash_table_size(zones) > 1) {
        const char *own = aggregate_get(now, AGGREGATE_ZONE);
        return error_set(error, ERROR_INVALID,
            "One or more hosts already in availability zone(s) ['%s']",
            g_strcmp0(own, before->zone) != 0 ? before->zone : after->zone);
    }
    if (usage.claims > 0 && strcmp(before->zone, after->zone) != 0) {
        return error_set(error, ERROR_INVALID, "One or more hosts contain instances in this zone");
    }
    return check_cell(now, before, after, error);
}

/* before: the hosts as they were. */
bool
aggregates_check_zones(Store *store, int64_t id, const GPtrArray *before, GError **error)
{
    g_autoptr(Aggregate) now = store_get_aggregate(store, id, error);

    if (now == NULL) {
        return false;
    }
    for (unsigned i = 0; i < before->len; i++) {
        if (!check_zone(store, now, before->pdata[i], error)) {
            return false;
        }
    }
    return true;
}

/* ---- hosts that are added into a zone ---- */

static bool
find_zone(Store *store, const char *zone, int64_t *ret_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_ZONE, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, zone);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_id = row ? db_int(statement, 0) : 0;
    return true;
}

static bool
make_zone(Store *store, const char *zone, int64_t *ret_id, GError **error)
{
    g_autoptr(Aggregate) aggregate = aggregate_new();
    g_autoptr(GError) problem = NULL;

    aggregate->name = g_strdup(zone);
    g_ptr_array_add(aggregate->metadata, aggregate_property_new(AGGREGATE_ZONE, zone));
    if (aggregates_insert(store, aggregate, &problem)) {
        *ret_id = aggregate->id;
        return true;
    }
    if (error_is(problem, ERROR_CONFLICT)) {
        return error_set(error, ERROR_INVALID,
            "the aggregate '%s' is not of the zone '%s': make that zone first", zone, zone);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

bool
aggregates_join_zone(Store *store, const char *zone, const char *host, GError **error)
{
    int64_t id = 0;

    return find_zone(store, zone, &id, error) &&
        (id != 0 || make_zone(store, zone, &id, error)) &&
        aggregates_add_member(store, id, host, error);
}
