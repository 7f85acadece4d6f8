/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/migration.h"

static const char *const type_names[] = {
#define X(name, text) [MIGRATION_TYPE_##name] = text,
    MIGRATION_TYPES(X)
#undef X
};

const char *
migration_type_name(MigrationType type)
{
    g_assert((unsigned)type < G_N_ELEMENTS(type_names));
    return type_names[type];
}

bool
migration_type_parse(const char *text, MigrationType *ret_type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if (g_strcmp0(text, type_names[i]) == 0) {
            *ret_type = (MigrationType)i;
            return true;
        }
    }
    return false;
}

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
