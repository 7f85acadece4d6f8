/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/db.h"
#include "store/store.h"

#define SQL_LIST                                                                                   \
    "SELECT c.instance_id, i.name, c.devices FROM claims c JOIN instances i ON i.id ="             \
    " c.instance_id WHERE c.host = $1 AND c.devices IS NOT NULL ORDER BY i.name, c.instance_id"

void
device_claim_free(DeviceClaim *claim)
{
    g_free(claim->instance_id);
    g_free(claim->instance_name);
    g_free(claim->devices);
    g_free(claim);
}

GPtrArray *
store_list_device_claims(Store *store, const char *host, GError **error)
{
    g_autoptr(GPtrArray) claims =
        g_ptr_array_new_with_free_func((GDestroyNotify)device_claim_free);
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LIST, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, host);
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return NULL;
        }
        if (!row) {
            return g_steal_pointer(&claims);
        }
        DeviceClaim *claim = g_new0(DeviceClaim, 1);
        claim->instance_id = db_dup_text(statement, 0);
        claim->instance_name = db_dup_text(statement, 1);
        claim->devices = db_dup_text(statement, 2);
        g_ptr_array_add(claims, claim);
    }
}
