/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/migration.h"
#include "migration/states.h"

GStrv
migration_list_failpoints(void)
{
    static const char *const states[] = {
#define X(name, text, status, recovery, timeout, sentence) text,
        MIGRATION_STATES(X)
#undef X
    };
    static const char *const effects[] = {
#define X(name, text) text,
        MIGRATION_EFFECTS(X)
#undef X
    };
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        /* Nothing moves into the first state: it is accepted in it. */
        if (i == MIGRATION_QUEUED) {
            continue;
        }
        g_autofree char *before = g_strdup_printf("migration.%s.before_commit", states[i]);
        g_autofree char *after = g_strdup_printf("migration.%s.after_commit", states[i]);
        g_strv_builder_add_many(names, before, after, NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(effects); i++) {
        g_autofree char *before = g_strdup_printf("migration.%s.before", effects[i]);
        g_autofree char *after = g_strdup_printf("migration.%s.after", effects[i]);
        g_strv_builder_add_many(names, before, after, NULL);
    }
    return g_strv_builder_end(names);
}
