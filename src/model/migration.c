/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/migration.h"

#include <string.h>

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

static const char *const convergence_names[] = {
#define X(name, text) text,
    CONVERGENCES(X)
#undef X
};
static const char *const forcing_names[] = {
#define X(name, text) text,
    FORCINGS(X)
#undef X
};

static bool
find_name(const char *const *names, size_t n, const char *text, size_t *ret_index)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

const char *
convergence_name(Convergence convergence)
{
    return convergence_names[convergence];
}

bool
convergence_parse(const char *text, Convergence *ret_convergence)
{
    size_t index = 0;
    bool is_found = find_name(convergence_names, G_N_ELEMENTS(convergence_names), text, &index);
    *ret_convergence = is_found ? (Convergence)index : *ret_convergence;
    return is_found;
}

const char *
forcing_name(Forcing forcing)
{
    return forcing_names[forcing];
}

bool
forcing_parse(const char *text, Forcing *ret_forcing)
{
    size_t index = 0;
    bool is_found = find_name(forcing_names, G_N_ELEMENTS(forcing_names), text, &index);
    *ret_forcing = is_found ? (Forcing)index : *ret_forcing;
    return is_found;
}

Migration *
migration_new(void)
{
    Migration *migration = g_new0(Migration, 1);

    migration->operation.kind = OPERATION_LIVE_MIGRATE;
    migration->stats = JOB_STATS_UNKNOWN;
    migration->connections = 1;
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
    g_free(migration->convergence_reason);
    g_free(migration->forced_reason);
    g_free(migration->trouble);
    g_free(migration->disks);
    g_free(migration->admin_pass);
    g_free(migration->reason);
    g_free(migration);
}
