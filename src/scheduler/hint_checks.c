/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of the hints that name other servers. Of the claims, as those of server groups are:
 * model/neighbour.h. Source: Nova's guide for administrators, "Compute schedulers". */
#include "scheduler/internal.h"

static unsigned
count_ids(const char *ids)
{
    unsigned n = ids != NULL;
    for (const char *at = ids; at != NULL && *at != '\0'; at++) {
        n += *at == ',';
    }
    return n;
}

/* One that moves, or may come back, is perhaps not there a moment later. A server that moves is not
 * bound by those that are nowhere any more (deleted, or on a dead host): it could never leave. */
PlacementResult
check_same_host(const Subject *subject, PlacementRow *row)
{
    const HostUsage *usage = subject->usage;
    unsigned n_named = count_ids(subject->request->same_host);
    bool is_free = n_named == 0 || (subject->source != NULL && usage->beside_size == 0);
    if (row != NULL) {
        row->needed = is_free ? g_strdup("any host")
            : n_named == 1    ? g_strdup("the host of the server that its hint names")
                              : g_strdup_printf("a host of one of the %u servers that its hint "
                                                "names", n_named);
        row->have = g_strdup_printf("%d of them", usage->beside_here);
    }
    return check_unless_forced(
        check_answer(is_free || usage->beside_here > 0,
            "name a host that has one of them for good (see same_host of its hints), or create it "
            "without the hint",
            row),
        subject);
}

PlacementResult
check_different_host(const Subject *subject, PlacementRow *row)
{
    const HostUsage *usage = subject->usage;
    unsigned n_named = count_ids(subject->request->different_host);
    if (row != NULL) {
        row->needed = n_named == 0
            ? g_strdup("any host")
            : n_named == 1 ? g_strdup("a host without the server that its hint names")
                           : g_strdup_printf("a host without the %u servers that its hint names",
                                 n_named);
        row->have = g_strdup_printf("%d of them", usage->apart_here);
    }
    return check_unless_forced(check_answer(n_named == 0 || usage->apart_here == 0,
                                   "name a host without them, or add one", row),
        subject);
}
