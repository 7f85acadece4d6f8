/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/internal.h"

#include <string.h>

/* What naming one of Nova's filters means here. */
typedef enum {
    MEANS_A_SWITCH,
    MEANS_ALWAYS, /* what it checks is checked, named or not */
    MEANS_NOTHING /* what it checks does not exist here */
} Meaning;

/* Source: Nova's guide for administrators, "Compute schedulers", of this release and of those that
 * still had filters for what Placement does since. */
static const struct {
    const char *name;
    Meaning meaning;
    PlacementFilter filter;
} filters[] = {
#define X(name, text) {text, MEANS_A_SWITCH, FILTER_##name},
    PLACEMENT_FILTERS(X)
#undef X
    {"AvailabilityZoneFilter", MEANS_ALWAYS},
    {"CoreFilter", MEANS_ALWAYS},
    {"DiskFilter", MEANS_ALWAYS},
    {"RamFilter", MEANS_ALWAYS},
    {"RetryFilter", MEANS_ALWAYS},
    {"AggregateCoreFilter", MEANS_ALWAYS},
    {"AggregateDiskFilter", MEANS_ALWAYS},
    {"AggregateRamFilter", MEANS_ALWAYS},
    {"AllHostsFilter", MEANS_NOTHING},
    {"ComputeCapabilitiesFilter", MEANS_NOTHING},
    {"IsolatedHostsFilter", MEANS_NOTHING},
    {"JsonFilter", MEANS_NOTHING},
    {"MetricsFilter", MEANS_NOTHING},
    {"PciPassthroughFilter", MEANS_ALWAYS},
    {"ServerGroupAffinityFilter", MEANS_ALWAYS},
    {"ServerGroupAntiAffinityFilter", MEANS_ALWAYS},
    {"SimpleCIDRAffinityFilter", MEANS_NOTHING},
    {"TrustedFilter", MEANS_NOTHING},
};

const char *
placement_filter_name(PlacementFilter filter)
{
    return filter == FILTER_NONE ? NULL : filters[filter].name;
}

static int
find_filter(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        if (strcmp(filters[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool
placement_read_filters(
    char *const *names, unsigned *ret_filters_off, GPtrArray *warnings, GError **error)
{
    unsigned off = (1U << N_FILTERS) - 1;
    for (size_t i = 0; names[i] != NULL; i++) {
        int at = find_filter(names[i]);
        if (at < 0) {
            return error_set(error, ERROR_INVALID, "Nova has no filter '%s'", names[i]);
        }
        switch (filters[at].meaning) {
        case MEANS_A_SWITCH: off &= ~(1U << filters[at].filter); break;
        case MEANS_ALWAYS: break;
        case MEANS_NOTHING:
            g_ptr_array_add(warnings, g_strdup_printf("'%s' checks nothing here", names[i]));
            break;
        }
    }
    *ret_filters_off = off;
    return true;
}
