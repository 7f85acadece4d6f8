/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/effects.h"

/* Whether two hosts share their pool. The answer is kept for a pair of sessions, because a host
 * that was away may have come back with another pool. It says how a guest is moved, and never what
 * may be removed: a pool may be mounted while both hosts stay connected, so whoever removes volumes
 * asks anew. */

static char *
pair_key(const HypervisorHost *a, const HypervisorHost *b)
{
    uint64_t first = hypervisor_host_session(a);
    uint64_t second = hypervisor_host_session(b);
    return g_strdup_printf(
        "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, MIN(first, second), MAX(first, second));
}

static GHashTable *
known_pools(MigrationTask *task)
{
    return ((MigrationShared *)task->context->migrations)->pools;
}

bool
storage_find_shared(MigrationTask *task, bool *ret_shared)
{
    HypervisorHost *source = migration_task_source(task);
    HypervisorHost *dest = migration_task_dest(task);
    if (source == NULL || dest == NULL) {
        return false;
    }
    g_autofree char *key = pair_key(source, dest);
    const char *known = g_hash_table_lookup(known_pools(task), key);
    if (known == NULL) {
        return false;
    }
    *ret_shared = g_str_equal(known, "shared");
    return true;
}

static bool
run_probe(Effect *effect, GError **error)
{
    return hypervisor_probe_shared_pool(
        effect->peer, effect->host, effect->text, &effect->flag, error);
}

static void
done_probe(Effect *effect)
{
    if (effect->error == NULL) {
        g_hash_table_insert(known_pools(effect->task), pair_key(effect->host, effect->peer),
            effect->flag ? "shared" : "local");
    }
}

StepResult
effect_probe(MigrationTask *task)
{
    Effect *effect = effect_between(task, EFFECT_PROBE, run_probe);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    effect->text = clock_random_hex(task->context->clock, 16);
    effect->done = done_probe;
    return effect_submit(effect, LANE_SHORT);
}
