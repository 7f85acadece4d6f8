/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/rows.h"

#define COLUMNS                                                                                    \
    "id, name, description, vcpus, ram_mib, disk_gib, ephemeral_gib, swap_mib, rxtx_factor,"       \
    " is_public, extra_specs_json"
#define SQL_INSERT                                                                                 \
    "INSERT INTO flavors (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
#define SQL_UPDATE                                                                                 \
    "UPDATE flavors SET name = $2, description = $3, vcpus = $4, ram_mib = $5, disk_gib = $6,"     \
    " ephemeral_gib = $7, swap_mib = $8, rxtx_factor = $9, is_public = $10,"                       \
    " extra_specs_json = $11 WHERE id = $1"
#define SQL_DELETE "DELETE FROM flavors WHERE id = $1"
#define SQL_GET "SELECT " COLUMNS " FROM flavors WHERE id = $1"
#define SQL_LIST "SELECT " COLUMNS " FROM flavors ORDER BY id"

static void *
read_flavor(DbStatement *statement)
{
    Flavor *flavor = flavor_new();

    flavor->id = db_dup_text(statement, 0);
    flavor->name = db_dup_text(statement, 1);
    flavor->description = db_dup_text(statement, 2);
    flavor->vcpus = (int)db_int(statement, 3);
    flavor->ram_mib = (int)db_int(statement, 4);
    flavor->disk_gib = (int)db_int(statement, 5);
    flavor->ephemeral_gib = (int)db_int(statement, 6);
    flavor->swap_mib = (int)db_int(statement, 7);
    flavor->rxtx_factor = db_double(statement, 8);
    flavor->is_public = db_int(statement, 9);
    flavor->extra_specs_json = db_dup_text(statement, 10);
    return flavor;
}

static void
bind_flavor(DbStatement *statement, const Flavor *flavor)
{
    db_bind_text(statement, 1, flavor->id);
    db_bind_text(statement, 2, flavor->name);
    db_bind_text(statement, 3, flavor->description);
    db_bind_int(statement, 4, flavor->vcpus);
    db_bind_int(statement, 5, flavor->ram_mib);
    db_bind_int(statement, 6, flavor->disk_gib);
    db_bind_int(statement, 7, flavor->ephemeral_gib);
    db_bind_int(statement, 8, flavor->swap_mib);
    db_bind_double(statement, 9, flavor->rxtx_factor);
    db_bind_int(statement, 10, flavor->is_public);
    db_bind_text(statement, 11, flavor->extra_specs_json != NULL ? flavor->extra_specs_json : "{}");
}

bool
store_insert_flavor(Store *store, const Flavor *flavor, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    bind_flavor(statement, flavor);
    return db_run(statement, NULL, error);
}

bool
store_update_flavor(Store *store, const Flavor *flavor, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE, error);

    if (statement == NULL) {
        return false;
    }
    bind_flavor(statement, flavor);
    return rows_change(statement, "flavor", flavor->id, error);
}

bool
store_delete_flavor(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_DELETE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    return rows_change(statement, "flavor", id, error);
}

Flavor *
store_get_flavor(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, read_flavor, "flavor", id, error);
}

GPtrArray *
store_list_flavors(Store *store, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST, error);

    return statement == NULL
        ? NULL
        : rows_list(statement, read_flavor, (GDestroyNotify)flavor_free, error);
}
