/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/db.h"
#include "store/store.h"

#include <string.h>

#define SELECT                                                                                     \
    "SELECT c.instance_id, i.name, i.project_id, i.user_id, c.host, c.role, c.vcpus, c.ram_mib,"   \
    " c.disk_gib, c.topology, c.devices FROM claims c JOIN instances i ON i.id = c.instance_id"    \
    " WHERE "
#define ORDER " = $1 ORDER BY c.instance_id, c.host"

static const char *const sql_list[] = {
    [CLAIMS_OF_HOST] = SELECT "c.host" ORDER,
    [CLAIMS_OF_INSTANCE] = SELECT "c.instance_id" ORDER,
    [CLAIMS_OF_PROJECT] = SELECT "i.project_id" ORDER,
};

void
claim_row_free(ClaimRow *claim)
{
    g_free(claim->instance_id);
    g_free(claim->instance_name);
    g_free(claim->project_id);
    g_free(claim->user_id);
    g_free(claim->host);
    g_free(claim->topology);
    g_free(claim->devices);
    g_free(claim);
}

static ClaimRow *
read_row(DbStatement *statement)
{
    ClaimRow *claim = g_new0(ClaimRow, 1);
    claim->instance_id = db_dup_text(statement, 0);
    claim->instance_name = db_dup_text(statement, 1);
    claim->project_id = db_dup_text(statement, 2);
    claim->user_id = db_dup_text(statement, 3);
    claim->host = db_dup_text(statement, 4);
    claim->is_owner = strcmp(db_text(statement, 5), "owner") == 0;
    claim->vcpus = (int)db_int(statement, 6);
    claim->ram_mib = db_int(statement, 7);
    claim->disk_gib = db_int(statement, 8);
    claim->topology = db_dup_text(statement, 9);
    claim->devices = db_dup_text(statement, 10);
    return claim;
}

GPtrArray *
store_list_claims(Store *store, ClaimsOf of, const char *key, GError **error)
{
    g_autoptr(GPtrArray) claims =
        g_ptr_array_new_with_free_func((GDestroyNotify)claim_row_free);
    g_autoptr(DbStatement) statement = db_prepare(store, sql_list[of], error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, key);
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return NULL;
        }
        if (!row) {
            return g_steal_pointer(&claims);
        }
        g_ptr_array_add(claims, read_row(statement));
    }
}
