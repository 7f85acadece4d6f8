/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/effects.h"

/* Two hosts share their pool if and only if a marker made through one is there already when the
 * other makes it. A crash leaves a marker behind, which nobody asks for again: the next probe has
 * a name of its own. The answer holds for a pair of sessions, because a host that was away may
 * have come back with another pool. */

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
    bool existed = false;
    bool is_shared = false;
    if (!hypervisor_create_marker(effect->peer, effect->text, &existed, error) ||
        !hypervisor_create_marker(effect->host, effect->text, &is_shared, error)) {
        return false;
    }
    effect->flag = is_shared;
    /* Markers that stay are harmless, so are failures to delete them. */
    hypervisor_delete_marker(effect->peer, effect->text, NULL);
    if (!is_shared) {
        hypervisor_delete_marker(effect->host, effect->text, NULL);
    }
    return true;
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
