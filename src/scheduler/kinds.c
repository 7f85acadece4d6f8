/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Hosts of very many are of few kinds (model/host_index.h): what is the same for all of one is
 * asked of the first. */
#include "scheduler/internal.h"

/* The first of them, if it comes before that one: else that one. */
static inline PlacementCheck
first_failure_of(const CheckList *list, const Subject *subject, PlacementCheck before)
{
    unsigned n = list->n;
    while (n > 0 && list->checks[n - 1] > before) { /* none of a host whose kind fits: most do */
        n--;
    }
    for (unsigned i = 0; i < n; i++) {
        if (list->functions[i](subject, NULL) == PLACEMENT_FAIL) {
            return list->checks[i];
        }
    }
    return before;
}

static PlacementCheck
failure_of_kind(const Look *look, const Subject *subject)
{
    const HostEntry *source = subject->source_entry;
    PoolsKnown known =
        source != NULL ? host_entries_compare_pools(source, subject->entry) : POOLS_UNKNOWN;
    uint8_t *failure = &subject->kinds[subject->entry->kind].failures[known];
    if (*failure == 0) {
        *failure =
            (uint8_t)(1 + first_failure_of(&look->kind_checks, subject, PLACEMENT_N_CHECKS));
    }
    return (PlacementCheck)(*failure - 1);
}

PlacementCheck
look_first_failure(const Look *look, const Subject *subject)
{
    const CheckList *list =
        subject->entry->aggregates != NULL ? &look->checks : &look->bare_checks;
    return first_failure_of(list, subject, failure_of_kind(look, subject));
}

void
look_read_multipliers(const Look *look, const HostEntry *entry, KindMemo *memo)
{
    const PlacementPolicy *policy = look->subject.request->policy;
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        bool is_own = false;
        memo->multipliers[i] =
            placement_multiplier(policy, entry->aggregates, (PlacementWeigher)i, &is_own);
    }
    memo->is_weighed = true;
}
