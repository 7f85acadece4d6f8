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
double
placement_weigh(const Subject *subject, PlacementWeigher weigher)
{
    switch (weigher) {
    case PLACEMENT_WEIGHER_RAM: return (double)subject_free_ram_mib(subject);
    case PLACEMENT_WEIGHER_CPU: return (double)subject_free_vcpus(subject);
    case PLACEMENT_WEIGHER_DISK: return (double)subject_free_disk_gib(subject);
    case PLACEMENT_WEIGHER_INSTANCES: return subject->usage->claims;
    case PLACEMENT_WEIGHER_IO_OPS: return subject->usage->io_ops;
    case PLACEMENT_WEIGHER_SOFT_AFFINITY:
        return subject->request->group_policy == SERVER_GROUP_SOFT_AFFINITY
            ? subject->usage->group_members
            : 0;
    case PLACEMENT_WEIGHER_SOFT_ANTI_AFFINITY:
        return subject->request->group_policy == SERVER_GROUP_SOFT_ANTI_AFFINITY
            ? -subject->usage->group_members
            : 0;
    case PLACEMENT_N_WEIGHERS: break;
    }
    g_assert_not_reached();
}
