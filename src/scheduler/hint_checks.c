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

/* " (ID, ID)" of those that a hint names; of many the first ones. */
static char *
tell_ids(const char *ids)
{
    enum { MOST = 3 };
    g_auto(GStrv) words = g_strsplit(ids, ",", MOST + 1);
    bool is_cut = g_strv_length(words) > MOST;
    if (is_cut) {
        g_free(words[MOST]);
        words[MOST] = g_strdup("...");
    }
    g_autofree char *text = g_strjoinv(", ", words);
    return g_strdup_printf(" (%s)", text);
}

/* "a host without" the server, or the servers, that a hint names. */
static char *
tell_needed(const char *one, const char *several, const char *ids)
{
    unsigned n = count_ids(ids);
    g_autofree char *names = tell_ids(ids);
    return n == 1 ? g_strdup_printf("%s the server that its hint names%s", one, names)
                  : g_strdup_printf("%s the %u servers that its hint names%s", several, n, names);
}

/* One that moves, or may come back, is perhaps not there a moment later. A server that moves is not
 * bound by those that are nowhere any more (deleted, or on a dead host): it could never leave. */
PlacementResult
check_same_host(const Subject *subject, PlacementRow *row)
{
    const HostUsage *usage = subject->usage;
    bool is_free = subject->request->same_host == NULL ||
        (subject->source != NULL && usage->beside_size == 0);
    if (row != NULL) {
        row->needed = is_free
            ? g_strdup("any host")
            : tell_needed("the host of", "a host of one of", subject->request->same_host);
        row->have = g_strdup_printf("%d of them", usage->beside_here);
    }
    return check_unless_forced(
        check_answer(is_free || usage->beside_here > 0,
            subject->request->source_host != NULL
                ? "move one of them there first"
                : "name a host that has one of them for good, or create it without the hint",
            row),
        subject);
}

PlacementResult
check_different_host(const Subject *subject, PlacementRow *row)
{
    const HostUsage *usage = subject->usage;
    const char *ids = subject->request->different_host;
    if (row != NULL) {
        row->needed = ids == NULL ? g_strdup("any host")
                                   : tell_needed("a host without", "a host without", ids);
        row->have = g_strdup_printf("%d of them", usage->apart_here);
    }
    return check_unless_forced(check_answer(ids == NULL || usage->apart_here == 0,
                                   "name a host without them, or add one", row),
        subject);
}
