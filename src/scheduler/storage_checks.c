/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The check of what becomes of the disks, by the plan that a request is refused by: here with what
 * is known of both hosts, there with what they answer. */
#include "model/disk_plan.h"
#include "scheduler/internal.h"

/* The marker in their pools tells, else the last canary between them. */
static PoolsKnown
compare_pools(const Subject *subject)
{
    PoolsKnown known = host_entries_compare_pools(subject->source_entry, subject->entry);
    if (known != POOLS_UNKNOWN) {
        return known;
    }
    switch (subject_canary(subject).pool) {
    case CANARY_POOL_UNKNOWN: return POOLS_UNKNOWN;
    case CANARY_POOL_SHARED: return POOLS_ONE;
    case CANARY_POOL_OWN: return POOLS_TWO;
    }
    g_assert_not_reached();
}

static bool
is_in_pool_of(const Volume *volume, const Host *host)
{
    return g_strcmp0(volume->pool, host->pool) == 0;
}

/* Of pools beside the one of the instances no host tells whether another has it: the first such
 * volume, or NULL. */
static const Volume *
find_untold(const Subject *subject)
{
    const GPtrArray *volumes = subject->request->volumes;
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->pool != NULL && !(is_in_pool_of(volume, subject->source) &&
                                        is_in_pool_of(volume, subject->host))) {
            return volume;
        }
    }
    return NULL;
}

bool
storage_may_refuse(const PlacementRequest *request)
{
    return request->instance != NULL && request->source_host != NULL && !request->asks_storage &&
        (request->block_migration != BLOCK_MIGRATION_AUTO || request_has_pool_volume(request));
}

/* It would move there, and somebody wants to know about its disks. */
static bool
is_asked(const Subject *subject)
{
    return subject->request->instance != NULL && subject->source != NULL &&
        subject->host != subject->source;
}

/* What is not known refuses nothing: a volume whose pool nobody tells of counts as shared. */
static GPtrArray *
plan(const Subject *subject, PoolsKnown known, GError **error)
{
    const PlacementRequest *request = subject->request;
    DiskWish wish = {
        request->instance, request->volumes, request->block_migration, request->source_host};
    DiskFacts facts = {
        .pool_is_shared = known == POOLS_ONE,
        .volume_pool_is_shared = known == POOLS_ONE || find_untold(subject) != NULL,
    };
    return disk_plan_new(&wish, &facts, error);
}

bool
storage_stays(const Subject *subject)
{
    return subject->source != NULL && subject->host != subject->source &&
        !subject->request->is_resize && compare_pools(subject) == POOLS_ONE;
}

bool
storage_find_refusal(const Subject *subject, char **ret_sentence)
{
    g_autoptr(GError) error = NULL;
    PoolsKnown known = is_asked(subject) ? compare_pools(subject) : POOLS_UNKNOWN;
    g_autoptr(GPtrArray) disks = known != POOLS_UNKNOWN ? plan(subject, known, &error) : NULL;
    bool would_try_another =
        error_is(error, ERROR_HYPERVISOR_REFUSED) && subject->request->requested_host == NULL;
    if (error == NULL || would_try_another) {
        return false;
    }
    *ret_sentence = g_strdup(error->message);
    return true;
}

static char *
tell_needed(const PlacementRequest *request)
{
    switch (request->block_migration) {
    case BLOCK_MIGRATION_AUTO:
        return g_strdup(
            request_has_pool_volume(request) ? "the pool of its volumes" : "any storage");
    case BLOCK_MIGRATION_YES: return g_strdup("storage of its own, for block_migration true");
    case BLOCK_MIGRATION_NO: return g_strdup("the source's storage, for block_migration false");
    }
    g_assert_not_reached();
}

static const char *
fix_of(BlockMigration asked, const GError *error)
{
    return !error_is(error, ERROR_INVALID) ? "mount the same directory as that pool on both hosts"
        : asked == BLOCK_MIGRATION_YES
        ? "ask for block_migration auto, or name a host with storage of its own"
        : "ask for block_migration auto, or name a host that shares the source's storage";
}

static PlacementResult
tell_unknown(const Subject *subject, const Volume *untold, PlacementRow *row)
{
    if (row != NULL && untold != NULL) {
        row->have = g_strdup_printf("not known whether host '%s' shares storage pool '%s' with it: "
                                    "both are asked when it moves",
            subject->source->name, untold->pool);
    } else if (row != NULL) {
        row->have = g_strdup_printf("not known whether host '%s' shares its storage with it: both "
                                    "are asked when it moves",
            subject->source->name);
    }
    return PLACEMENT_UNKNOWN;
}

static PlacementResult
tell_plan(const Subject *subject, PoolsKnown known, PlacementRow *row)
{
    const PlacementRequest *request = subject->request;
    const Volume *untold = find_untold(subject);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) disks = plan(subject, known, &error);
    if (disks != NULL && untold != NULL) {
        return tell_unknown(subject, untold, row);
    }
    if (row != NULL) {
        row->have = disks != NULL ? disk_plan_to_text(disks) : g_strdup(error->message);
    }
    PlacementResult result =
        check_answer(disks != NULL, fix_of(request->block_migration, error), row);
    return result == PLACEMENT_FAIL && request->asks_storage ? PLACEMENT_WARN : result;
}

/* What becomes of the disks is the same wherever as much is known of hosts of one kind. */
static PlacementResult
answer_plan(const Subject *subject, PoolsKnown known)
{
    uint8_t *answer = &subject->kinds[subject->entry->kind].storages[known];
    if (*answer == 0) {
        *answer = (uint8_t)(1 + tell_plan(subject, known, NULL));
    }
    return (PlacementResult)(*answer - 1);
}

PlacementResult
check_storage(const Subject *subject, PlacementRow *row)
{
    if (!is_asked(subject)) {
        if (row != NULL) {
            row->needed = g_strdup("any storage");
            row->have = g_strdup("any");
        }
        return PLACEMENT_PASS;
    }
    if (row != NULL) {
        row->needed = tell_needed(subject->request);
    }
    PoolsKnown known = compare_pools(subject);
    return known == POOLS_UNKNOWN ? tell_unknown(subject, NULL, row)
        : row == NULL             ? answer_plan(subject, known)
                                  : tell_plan(subject, known, row);
}
