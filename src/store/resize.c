/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The two flavors of a resize, as they were when it was asked for. */
#include "store/instance_rows.h"
#include "store/migration_rows.h"

#define FLAVOR_COLUMNS                                                                             \
    "flavor_id, flavor_name, flavor_description, flavor_vcpus, flavor_ram_mib, flavor_disk_gib,"   \
    " flavor_ephemeral_gib, flavor_swap_mib, flavor_rxtx_factor, flavor_is_public,"                \
    " flavor_extra_specs_json"
#define SQL_INSERT                                                                                 \
    "INSERT INTO resize_flavors (operation_id, role, " FLAVOR_COLUMNS ")"                          \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
#define SQL_GET                                                                                    \
    "SELECT " FLAVOR_COLUMNS " FROM resize_flavors WHERE operation_id = $1 AND role = $2"

static bool
insert_flavor(
    Store *store, int64_t operation_id, const char *role, const Flavor *flavor, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, role);
    flavor_bind_columns(statement, 3, flavor);
    return db_run(statement, NULL, error);
}

bool
resize_insert_flavors(Store *store, int64_t operation_id, const Flavor *old_flavor,
    const Flavor *new_flavor, GError **error)
{
    return insert_flavor(store, operation_id, "old", old_flavor, error) &&
        insert_flavor(store, operation_id, "new", new_flavor, error);
}

static void *
read_flavor(DbStatement *statement)
{
    Flavor *flavor = flavor_new();

    flavor_read_columns(statement, 0, flavor);
    return flavor;
}

Flavor *
store_get_resize_flavor(Store *store, int64_t operation_id, bool is_new, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);
    const char *role = is_new ? "new" : "old";

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, role);
    return rows_get(statement, read_flavor, "flavor of a resize", role, error);
}
