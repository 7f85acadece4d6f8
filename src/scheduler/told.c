/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a look has found, written out: for people, and for the record of a decision. */
#include "scheduler/ranking.h"

/* Of a choice among more hosts than these, the record has the rows of a few: the best, and examples
 * of what was said no for. It is made in the transaction of the claim, and to write out its rows
 * takes as long as thousands of hosts. */
enum { RECORD_ALL = 16, RECORD_SOME = 10 };

static void
fill_rank(PlacementHost *entry, const Look *look, const Ranking *ranking,
    const Candidate *candidate, unsigned rank)
{
    const PlacementPolicy *policy = look->subject.request->policy;
    const HostAggregates *own = look->entries[candidate->index].aggregates;
    entry->rank = rank;
    entry->weight = candidate->weight;
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        PlacementShare *share = &entry->shares[i];
        share->multiplier =
            placement_multiplier(policy, own, (PlacementWeigher)i, &share->is_of_aggregate);
        if (i < ranking->n) {
            share->value = ranking_values(ranking, candidate)[i];
            share->share = ranking_share(ranking, candidate, i, share->multiplier);
        }
    }
}

static void
fill_rows(PlacementHost *entry, const Subject *subject)
{
    entry->name = g_strdup(subject->host->name);
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        placement_check(subject, (PlacementCheck)i, &entry->rows[i]);
    }
}

static void
fill_given(PlacementHost *entry, const Subject *subject)
{
    const PlacementRequest *request = subject->request;
    const HostUsage *usage = subject->usage;
    /* Pinned guests have processors of their own, of which nobody is promised one twice. */
    entry->vcpus = (PlacementGiven){
        .given = usage->vcpus - usage->dedicated_vcpus + usage->foreign_vcpus,
        .more = subject->numa.is_dedicated ? 0 : request->vcpus,
        .total = subject->entry->vcpus};
    entry->ram_mib = (PlacementGiven){.given = usage->ram_mib + usage->foreign_ram_mib,
        .more = request->ram_mib,
        .total = subject->entry->memory_mib};
}

static int
compare_indices(gconstpointer one, gconstpointer other)
{
    unsigned a = *(const unsigned *)one;
    unsigned b = *(const unsigned *)other;
    return a < b ? -1 : a > b;
}

/* Of so many hosts that are told of; the one that is chosen always is. */
static unsigned
n_best_of(unsigned n_hosts, unsigned max)
{
    return n_hosts <= max ? n_hosts : MAX(max / 2, 1);
}

/* Places in the list of hosts, rising: all, or so many. */
static GArray *
hosts_to_tell(const Look *look, const Ranking *ranking, unsigned max)
{
    GArray *indices = g_array_new(FALSE, FALSE, sizeof(unsigned));
    unsigned n_hosts = host_index_size(look->hosts);
    bool all = n_hosts <= max;
    for (unsigned i = 0; all && i < n_hosts; i++) {
        g_array_append_val(indices, i);
    }
    unsigned n_best = MIN(ranking->candidates->len, n_best_of(n_hosts, max));
    for (unsigned i = 0; !all && i < n_best; i++) {
        g_array_append_val(
            indices, g_array_index(ranking->candidates, Candidate, i).index);
    }
    /* One of each no, while there is room; then another one. */
    for (unsigned named = 0; !all && named < TALLY_NAMED; named++) {
        for (int check = 0; check < PLACEMENT_N_CHECKS && indices->len < max; check++) {
            const Tally *tally = &look->tallies[check];
            if (named < tally->n_failed) {
                g_array_append_val(indices, tally->named[named]);
            }
        }
    }
    g_array_sort(indices, compare_indices);
    return indices;
}

static void
fill_hosts(Placement *placement, const Look *look, const Ranking *ranking, unsigned max)
{
    g_autoptr(GArray) indices = hosts_to_tell(look, ranking, max);
    g_autofree unsigned *ranks = g_new0(unsigned, host_index_size(look->hosts));
    for (unsigned i = 0; i < ranking->candidates->len; i++) {
        ranks[g_array_index(ranking->candidates, Candidate, i).index] = i + 1;
    }
    placement->hosts = g_new0(PlacementHost, indices->len);
    placement->n_told = indices->len;
    for (unsigned i = 0; i < indices->len; i++) {
        unsigned index = g_array_index(indices, unsigned, i);
        Subject subject = look_subject(look, index);
        fill_rows(&placement->hosts[i], &subject);
        fill_given(&placement->hosts[i], &subject);
        if (ranks[index] > 0) {
            fill_rank(&placement->hosts[i], look, ranking,
                &g_array_index(ranking->candidates, Candidate, ranks[index] - 1), ranks[index]);
        }
    }
}

static void
fill_weights(Placement *placement, const GArray *candidates)
{
    for (unsigned i = 0; i < candidates->len; i++) {
        double weight = g_array_index(candidates, Candidate, i).weight;
        placement->weight_least = i == 0 ? weight : MIN(placement->weight_least, weight);
        placement->weight_most = i == 0 ? weight : MAX(placement->weight_most, weight);
    }
}

Placement *
look_write_out(const Look *look, Ranking *ranking, unsigned max)
{
    const PlacementRequest *request = look->subject.request;
    Placement *placement = g_new0(Placement, 1);
    placement->vcpus = request->vcpus;
    placement->ram_mib = request->ram_mib;
    placement->disk_gib = request->disk_gib;
    placement->requested_host = g_strdup(request->requested_host);
    placement->zone = g_strdup(request->zone);
    placement->source_host = g_strdup(request->source_host);
    placement->n_hosts = host_index_size(look->hosts);
    placement->n_fit = ranking->candidates->len;
    placement_add_firsts(placement, look);
    fill_weights(placement, ranking->candidates);
    ranking_sort(ranking, n_best_of(placement->n_hosts, max));
    fill_hosts(placement, look, ranking, max);
    placement->inputs = look_tell_inputs(look, placement);
    if (placement->n_fit > 0) {
        unsigned best = g_array_index(ranking->candidates, Candidate, 0).index;
        placement->chosen = g_strdup(look->entries[best].host->name);
    } else {
        placement->reason = look_reason(look);
        placement->short_hosts = look_short_hosts(look);
    }
    return placement;
}

void
look_record(Look *look, Ranking *ranking, StoredDecision *decision)
{
    bool is_small = host_index_size(look->hosts) <= RECORD_ALL;
    g_autoptr(Placement) placement =
        look_write_out(look, ranking, is_small ? RECORD_ALL : RECORD_SOME);
    decision->text = placement_to_text(placement);
    look_number_verdicts(look);
    for (unsigned i = 0; i < ranking->candidates->len; i++) {
        const Candidate *candidate = &g_array_index(ranking->candidates, Candidate, i);
        look->verdicts[candidate->index] = placement_code_of_weight(placement, candidate->weight);
    }
    decision->verdicts = look_take_verdicts(look);
    decision->hosts = host_index_names(look->hosts);
    const PlacementRequest *request = look->subject.request;
    decision->kept_until_us = request->now_us + request->policy->decisions_kept_us;
}

void
placement_free(Placement *placement)
{
    if (placement == NULL) {
        return;
    }
    for (unsigned i = 0; i < placement->n_told; i++) {
        for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
            row_clear(&placement->hosts[i].rows[check]);
        }
        g_free(placement->hosts[i].name);
    }
    for (unsigned i = 0; i < placement->n_firsts; i++) {
        g_free(placement->firsts[i].check);
    }
    g_free(placement->firsts);
    g_free(placement->inputs);
    g_free(placement->hosts);
    g_free(placement->requested_host);
    g_free(placement->zone);
    g_free(placement->source_host);
    g_free(placement->chosen);
    g_strfreev(placement->short_hosts);
    g_free(placement->topology);
    g_free(placement->reason);
    g_free(placement->fails_with);
    g_free(placement);
}
