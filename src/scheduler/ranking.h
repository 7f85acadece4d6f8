/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of scheduler/ alone: the hosts that fit, and which of them is better. */
#include "scheduler/internal.h"

/* A host that fits. */
typedef struct Candidate {
    unsigned index; /* in the index of hosts, which is by name */
    unsigned kind;  /* of its entry, which is not read a second time for that */
    double weight;
} Candidate;

/* What there is of each value among those that fit. */
typedef struct Range {
    double least;
    double most;
    double width; /* what is between them; infinite where all are equal, and none is better */
} Range;

typedef struct Ranking {
    GArray *candidates; /* of Candidate */
    double *values; /* what weighers see in them, a row for each by its index: elsewhere than
                     * they, which are gone through several times */
    int n; /* weighers, of which each row has one value */
    Range ranges[PLACEMENT_N_WEIGHERS];
} Ranking;

/* Room for all hosts at once: they are added one by one. n: weighers, the first ones. */
void ranking_init(Ranking *ranking, unsigned n_hosts, int n);
void ranking_clear(Ranking *ranking);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ranking, ranking_clear)
/* When all were added: what is between the least and the most of each value. */
void ranking_close(Ranking *ranking);
/* Once all have their weights: the best ones, so many, are brought to the front in their order; the
 * better one first, ties by name. */
void ranking_sort(Ranking *ranking, unsigned n_best);

/* ---- look.c ---- */
/* Looks at every host; the ranking is the caller's to clear. */
void look_at_hosts(Look *look, Ranking *ret_ranking);

/* ---- told.c ---- */
/* Of so many hosts: the best, and examples of those that do not fit. Sorts the ranking. */
Placement *look_write_out(const Look *look, Ranking *ranking, unsigned max);
/* What is kept of the decision. Sorts the ranking; once for each look. */
void look_record(Look *look, Ranking *ranking, StoredDecision *ret_decision);

/* What follows is asked of every host that fits, or of each of its values: inline. */

static inline const double *
ranking_values(const Ranking *ranking, const Candidate *candidate)
{
    return &ranking->values[candidate->index * (size_t)ranking->n];
}

static inline void
ranking_add(Ranking *ranking, const Subject *subject)
{
    GArray *candidates = ranking->candidates;
    double *values = &ranking->values[subject->place * (size_t)ranking->n];
    g_array_index(candidates, Candidate, candidates->len++) =
        (Candidate){.index = subject->place, .kind = subject->entry->kind};
    placement_weigh(subject, ranking->n, values);
    for (int i = 0; i < ranking->n; i++) {
        Range *range = &ranking->ranges[i];
        range->least = MIN(range->least, values[i]);
        range->most = MAX(range->most, values[i]);
    }
}

/* Of a weigher that was asked. */
static inline double
ranking_share(const Ranking *ranking, const Candidate *candidate, int weigher, double multiplier)
{
    const Range *range = &ranking->ranges[weigher];
    double value = ranking_values(ranking, candidate)[weigher];
    return multiplier * (value - range->least) / range->width;
}
