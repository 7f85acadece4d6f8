/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a look has found of every host, a byte for each: the smallest numbers are those of
 * Placement.firsts, the check that it failed first; the rest are what it weighs, evenly from the
 * least of those that fit to the most, which is the greatest. */
#include "scheduler/internal.h"

enum { MOST_CODE = 255, FITS = MOST_CODE };
G_STATIC_ASSERT(PLACEMENT_N_CHECKS < FITS / 2);

void
look_keep_verdicts(Look *look)
{
    look->verdicts = g_new0(uint8_t, host_index_size(look->hosts) + 1);
}

void
placement_add_firsts(Placement *placement, const Look *look)
{
    placement->firsts = g_new0(PlacementNo, PLACEMENT_N_CHECKS);
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        if (look->tallies[i].n_failed > 0) {
            placement->firsts[placement->n_firsts++] = (PlacementNo){
                g_strdup(placement_check_name((PlacementCheck)i)), look->tallies[i].n_failed};
        }
    }
}

uint8_t
placement_code_of_weight(const Placement *placement, double weight)
{
    double width = placement->weight_most - placement->weight_least;
    double part = width > 0 ? (weight - placement->weight_least) / width : 1;
    return (uint8_t)(placement->n_firsts + (unsigned)(part * (MOST_CODE - placement->n_firsts)));
}

void
look_number_verdicts(const Look *look)
{
    uint8_t codes[PLACEMENT_N_CHECKS + 1] = {[PLACEMENT_N_CHECKS] = FITS};
    uint8_t n_firsts = 0;
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        codes[i] = n_firsts;
        n_firsts += look->tallies[i].n_failed > 0;
    }
    for (unsigned i = 0; i < host_index_size(look->hosts); i++) {
        look->verdicts[i] = codes[look->verdicts[i]];
    }
}

GBytes *
look_take_verdicts(Look *look)
{
    return g_bytes_new_take(g_steal_pointer(&look->verdicts), host_index_size(look->hosts));
}

/* ---- reading ---- */

static double
weight_of_code(const Placement *placement, unsigned code)
{
    double part = (double)(code - placement->n_firsts) / (MOST_CODE - placement->n_firsts);
    return placement->weight_least + part * (placement->weight_most - placement->weight_least);
}

bool
placement_read_verdict(
    const Placement *placement, GBytes *verdicts, unsigned at, PlacementVerdict *ret_verdict)
{
    size_t n_hosts = 0;
    const uint8_t *codes = verdicts != NULL ? g_bytes_get_data(verdicts, &n_hosts) : NULL;
    if (at >= n_hosts) {
        return false;
    }
    unsigned code = codes[at];
    if (code < placement->n_firsts) {
        *ret_verdict = (PlacementVerdict){.failed = placement->firsts[code].check};
        return true;
    }
    PlacementVerdict verdict = {.weight_least = weight_of_code(placement, code),
        .weight_most = weight_of_code(placement, MIN(code + 1, MOST_CODE))};
    for (size_t i = 0; i < n_hosts; i++) {
        verdict.rank_first += codes[i] > code;
        verdict.rank_last += codes[i] >= code;
    }
    verdict.rank_first++;
    *ret_verdict = verdict;
    return true;
}
