/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/internal.h"

static const char *const weigher_names[] = {
#define X(name, text, key) [PLACEMENT_WEIGHER_##name] = text,
    PLACEMENT_WEIGHERS(X)
#undef X
};

static const char *const weigher_keys[] = {
#define X(name, text, key) [PLACEMENT_WEIGHER_##name] = key,
    PLACEMENT_WEIGHERS(X)
#undef X
};

const char *
placement_weigher_name(PlacementWeigher weigher)
{
    g_assert((unsigned)weigher < PLACEMENT_N_WEIGHERS);
    return weigher_names[weigher];
}

const char *
placement_weigher_key(PlacementWeigher weigher)
{
    g_assert((unsigned)weigher < PLACEMENT_N_WEIGHERS);
    return weigher_keys[weigher];
}

double
placement_multiplier(const PlacementPolicy *policy, const HostAggregates *own,
    PlacementWeigher weigher, bool *ret_is_own)
{
    double multiplier = policy->multipliers[weigher];

    *ret_is_own = own != NULL && own->weighs && !policy->packs &&
        host_aggregates_get_number(own, weigher_keys[weigher], &multiplier);
    return multiplier;
}

/* By claims alone: they are of the same moment for every host, what hosts have said is not. */
void
placement_weigh(const Subject *subject, int n, double *ret_values)
{
    const HostUsage *usage = subject->usage;
    ServerGroupPolicy policy = subject->request->group_policy;
    const double values[] = {
        [PLACEMENT_WEIGHER_RAM] = (double)subject_free_ram_mib(subject),
        [PLACEMENT_WEIGHER_CPU] = (double)subject_free_vcpus(subject),
        [PLACEMENT_WEIGHER_DISK] = (double)subject_free_disk_gib(subject),
        [PLACEMENT_WEIGHER_INSTANCES] = usage->claims,
        [PLACEMENT_WEIGHER_IO_OPS] = usage->io_ops,
        [PLACEMENT_WEIGHER_SOFT_AFFINITY] =
            policy == SERVER_GROUP_SOFT_AFFINITY ? usage->group_members : 0,
        [PLACEMENT_WEIGHER_SOFT_ANTI_AFFINITY] =
            policy == SERVER_GROUP_SOFT_ANTI_AFFINITY ? -usage->group_members : 0,
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(values) == PLACEMENT_N_WEIGHERS);
    memcpy(ret_values, values, (size_t)n * sizeof values[0]);
}
