/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/effects.h"

/* Whether two hosts share their pool. The answer is kept for a pair of sessions, because a host
 * that was away may have come back with another pool. It says how a guest is moved, and never what
 * may be removed: a pool may be mounted while both hosts stay connected, so whoever removes volumes
 * asks anew. */

static char *
pair_key(const HypervisorHost *a, const HypervisorHost *b, const char *pool)
{
    uint64_t first = hypervisor_host_session(a);
    uint64_t second = hypervisor_host_session(b);
    return g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s", MIN(first, second),
        MAX(first, second), pool != NULL ? pool : "");
}

static GHashTable *
known_pools(MigrationTask *task)
{
    return ((MigrationShared *)task->context->migrations)->pools;
}

static bool
find_shared(MigrationTask *task, const char *pool, bool *ret_shared)
{
    HypervisorHost *source = migration_task_source(task);
    HypervisorHost *dest = migration_task_dest(task);
    if (source == NULL || dest == NULL) {
        return false;
    }
    g_autofree char *key = pair_key(source, dest, pool);
    const char *known = g_hash_table_lookup(known_pools(task), key);
    if (known == NULL) {
        return false;
    }
    *ret_shared = g_str_equal(known, "shared");
    return true;
}

bool
storage_find_facts(MigrationTask *task, const GPtrArray *volumes, DiskFacts *ret_facts)
{
    DiskFacts facts = {.volume_pool_is_shared = true};
    if (!find_shared(task, NULL, &facts.pool_is_shared)) {
        return false;
    }
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        bool is_shared = true;
        if (volume->pool != NULL && !find_shared(task, volume->pool, &is_shared)) {
            return false;
        }
        facts.volume_pool_is_shared = facts.volume_pool_is_shared && is_shared;
    }
    *ret_facts = facts;
    return true;
}

static bool
run_probe(Effect *effect, GError **error)
{
    return hypervisor_probe_shared_pool(
        effect->peer, effect->host, effect->pool, effect->text, &effect->flag, error);
}

static void
done_probe(Effect *effect)
{
    /* A host without that pool does not share it. */
    if (effect->pool != NULL && error_is(effect->error, ERROR_NOT_FOUND)) {
        g_clear_error(&effect->error);
        effect->flag = false;
    }
    if (effect->error == NULL) {
        g_hash_table_insert(known_pools(effect->task),
            pair_key(effect->host, effect->peer, effect->pool), effect->flag ? "shared" : "local");
    }
}

static StepResult
probe(MigrationTask *task, const char *pool)
{
    Effect *effect = effect_between(task, EFFECT_PROBE, run_probe);
    if (effect == NULL) {
        return STEP_AGAIN;
    }
    effect->text = clock_random_hex(task->context->clock, 16);
    effect->pool = g_strdup(pool);
    effect->done = done_probe;
    return effect_submit(effect, LANE_SHORT);
}

StepResult
effect_probe(MigrationTask *task, const GPtrArray *volumes)
{
    bool is_shared;
    const char *unknown = NULL;
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->pool != NULL && !find_shared(task, volume->pool, &is_shared)) {
            unknown = volume->pool;
        }
    }
    return probe(task, find_shared(task, NULL, &is_shared) ? unknown : NULL);
}

char *
migration_volume_pool(const MigrationTask *task)
{
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        task->context->store, &(VolumeFilter){.instance_id = task->instance->id}, NULL);
    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->pool != NULL) {
            return g_strdup(volume->pool);
        }
    }
    return NULL;
}
