/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/ranking.h"

#include <math.h>

void
ranking_init(Ranking *ranking, unsigned n_hosts, int n)
{
    *ranking = (Ranking){.n = n, .values = g_new(double, (size_t)n_hosts * (unsigned)n + 1)};
    ranking->candidates = g_array_sized_new(FALSE, FALSE, sizeof(Candidate), n_hosts);
    for (int i = 0; i < n; i++) {
        ranking->ranges[i] = (Range){.least = G_MAXDOUBLE, .most = -G_MAXDOUBLE};
    }
}

void
ranking_clear(Ranking *ranking)
{
    g_clear_pointer(&ranking->candidates, g_array_unref);
    g_clear_pointer(&ranking->values, g_free);
}

void
ranking_close(Ranking *ranking)
{
    for (int i = 0; i < ranking->n; i++) {
        Range *range = &ranking->ranges[i];
        range->width = range->most > range->least ? range->most - range->least : INFINITY;
    }
}

/* The better one first; ties by name. */
static int
compare_candidates(const Candidate *one, const Candidate *other)
{
    if (one->weight != other->weight) {
        return one->weight > other->weight ? -1 : 1;
    }
    return one->index < other->index ? -1 : 1;
}

/* The best ones, so many, are brought to the front in their order: of very many hosts a record
 * tells a few, and to sort all would take longer than the choice. */
static void
sort_best(GArray *candidates, unsigned n_best)
{
    Candidate *all = (Candidate *)(void *)candidates->data;
    for (unsigned i = 0; n_best > 0 && i < candidates->len; i++) {
        unsigned n = MIN(i, n_best);
        if (n == n_best && compare_candidates(&all[i], &all[n - 1]) > 0) {
            continue;
        }
        /* It moves to its place among the first; the one that leaves them takes its place. */
        Candidate one = all[i];
        all[i] = all[n - (n == n_best)];
        unsigned at = n - (n == n_best);
        for (; at > 0 && compare_candidates(&one, &all[at - 1]) < 0; at--) {
            all[at] = all[at - 1];
        }
        all[at] = one;
    }
}

void
ranking_sort(Ranking *ranking, unsigned n_best)
{
    GArray *candidates = ranking->candidates;
    if (n_best < candidates->len) {
        sort_best(candidates, n_best);
    } else {
        g_array_sort(candidates, (GCompareFunc)compare_candidates);
    }
}
