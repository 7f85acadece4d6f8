/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/migration.h"

Migration *
migration_new(void)
{
    Migration *migration = g_new0(Migration, 1);

    migration->operation.kind = OPERATION_LIVE_MIGRATE;
    migration->stats = JOB_STATS_UNKNOWN;
    return migration;
}

void
migration_free(Migration *migration)
{
    if (migration == NULL) {
        return;
    }
    g_free(migration->uuid);
    operation_clear(&migration->operation);
    g_free(migration->source_host);
    g_free(migration->dest_host);
    g_free(migration->requested_host);
    g_free(migration);
}
