/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/scheduler.h"

#include "scheduler/internal.h"
#include <string.h>

/* ---- requests ---- */

PlacementRequest
placement_request(const PlacementPolicy *policy, const Instance *instance,
    int64_t service_down_time_us, int64_t now_us)
{
    return (PlacementRequest){
        .policy = policy,
        .instance_id = instance->id,
        .vcpus = instance->flavor.vcpus,
        .ram_mib = instance->flavor.ram_mib,
        .disk_gib = instance_disk_gib(instance) + instance->flavor.ephemeral_gib,
        .firmware = instance->hardware.firmware,
        .tpm_version = instance->hardware.tpm_version,
        .zone = instance->availability_zone,
        .service_down_time_us = service_down_time_us,
        .now_us = now_us,
    };
}

PlacementRequest
placement_request_to_move(const PlacementPolicy *policy, const Instance *instance,
    const Migration *migration, int64_t service_down_time_us, int64_t now_us)
{
    PlacementRequest request =
        placement_request(policy, instance, service_down_time_us, now_us);
    request.requested_host = migration->requested_host;
    request.source_host = migration->source_host;
    request.force = migration->force;
    request.disk_over_commit = migration->disk_over_commit;
    return request;
}

/* ---- the look at every host ---- */

/* A host that fits. */
typedef struct Candidate {
    unsigned index; /* in the list of hosts */
    double values[PLACEMENT_N_WEIGHERS];
    double weight;
} Candidate;

/* What there is of each value among those that fit. */
typedef struct Range {
    double least;
    double most;
} Range;

typedef struct Ranking {
    GArray *candidates; /* of Candidate */
    Range ranges[PLACEMENT_N_WEIGHERS];
} Ranking;

static const Host *
find_host(GPtrArray *hosts, const char *name)
{
    for (unsigned i = 0; name != NULL && i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        if (strcmp(host->name, name) == 0) {
            return host;
        }
    }
    return NULL;
}

/* This check and those after it look at claims, those before it do not. */
static const PlacementCheck FIRST_OF_CLAIMS = PLACEMENT_CHECK_RAM;
static const HostUsage no_usage = {0};

static Subject
subject_without_usage(const Look *look, unsigned index)
{
    return (Subject){look->request, look->hosts->pdata[index], look->source, &no_usage};
}

static void
subject_find_usage(Subject *subject, const Look *look)
{
    const HostUsage *usage = g_hash_table_lookup(look->usage, subject->host->name);
    subject->usage = usage != NULL ? usage : &no_usage;
}

Subject
look_subject(const Look *look, unsigned index)
{
    Subject subject = subject_without_usage(look, index);
    subject_find_usage(&subject, look);
    return subject;
}

PlacementCheck
look_first_failure(const Look *look, unsigned index, Subject *ret_subject)
{
    *ret_subject = subject_without_usage(look, index);
    PlacementCheck failed =
        placement_first_failure(ret_subject, PLACEMENT_CHECK_REQUESTED, FIRST_OF_CLAIMS);
    if (failed != FIRST_OF_CLAIMS) {
        return failed;
    }
    subject_find_usage(ret_subject, look);
    return placement_first_failure(ret_subject, FIRST_OF_CLAIMS, PLACEMENT_N_CHECKS);
}

static void
ranking_add(Ranking *ranking, const Subject *subject, unsigned index)
{
    Candidate candidate = {.index = index};
    bool is_first = ranking->candidates->len == 0;
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        Range *range = &ranking->ranges[i];
        double value = placement_weigh(subject, (PlacementWeigher)i);
        candidate.values[i] = value;
        range->least = is_first ? value : MIN(range->least, value);
        range->most = is_first ? value : MAX(range->most, value);
    }
    g_array_append_val(ranking->candidates, candidate);
}

/* Where all are equal, none is better. */
static double
share_of(const Ranking *ranking, const Candidate *candidate, int weigher, double multiplier)
{
    const Range *range = &ranking->ranges[weigher];
    double width = range->most - range->least;
    return width > 0 ? multiplier * (candidate->values[weigher] - range->least) / width : 0;
}

static void
look_weigh(const Look *look, Ranking *ranking)
{
    const double *multipliers = look->request->policy->multipliers;
    for (unsigned i = 0; i < ranking->candidates->len; i++) {
        Candidate *candidate = &g_array_index(ranking->candidates, Candidate, i);
        candidate->weight = 0;
        for (int j = 0; j < PLACEMENT_N_WEIGHERS; j++) {
            if (multipliers[j] != 0) {
                candidate->weight += share_of(ranking, candidate, j, multipliers[j]);
            }
        }
    }
}

static void
look_at_hosts(Look *look, Ranking *ranking)
{
    look->source = find_host(look->hosts, look->request->source_host);
    for (unsigned i = 0; i < look->hosts->len; i++) {
        Subject subject;
        PlacementCheck failed = look_first_failure(look, i, &subject);
        if (failed == PLACEMENT_N_CHECKS) {
            ranking_add(ranking, &subject, i);
            continue;
        }
        Tally *tally = &look->tallies[failed];
        if (tally->n_failed < TALLY_NAMED) {
            tally->named[tally->n_failed] = i;
        }
        tally->n_failed++;
    }
    look_weigh(look, ranking);
}

/* The better one first; ties by name. */
static int
compare_candidates(const Look *look, const Candidate *one, const Candidate *other)
{
    if (one->weight != other->weight) {
        return one->weight > other->weight ? -1 : 1;
    }
    const Host *host = look->hosts->pdata[one->index];
    return strcmp(host->name, ((const Host *)look->hosts->pdata[other->index])->name);
}

const char *
scheduler_choose(
    const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage, GError **error)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    Look look = {.request = request, .hosts = hosts, .usage = usage};
    Ranking ranking = {.candidates = candidates};
    look_at_hosts(&look, &ranking);
    const Candidate *best = NULL;
    for (unsigned i = 0; i < candidates->len; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        if (best == NULL || compare_candidates(&look, candidate, best) < 0) {
            best = candidate;
        }
    }
    if (best == NULL) {
        g_autofree char *reason = look_reason(&look);
        error_set(error, ERROR_NO_VALID_HOST, "%s", reason);
        return NULL;
    }
    return ((const Host *)hosts->pdata[best->index])->name;
}

/* ---- the same, written out ---- */

static int
compare_for_sort(gconstpointer one, gconstpointer other, gpointer look)
{
    return compare_candidates(look, one, other);
}

static void
fill_rank(PlacementHost *entry, const Look *look, const Ranking *ranking,
    const Candidate *candidate, unsigned rank)
{
    entry->rank = rank;
    entry->weight = candidate->weight;
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        entry->shares[i].value = candidate->values[i];
        entry->shares[i].share =
            share_of(ranking, candidate, i, look->request->policy->multipliers[i]);
    }
}

static void
fill_rows(PlacementHost *entry, const Subject *subject)
{
    entry->host = subject->host;
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        placement_check(subject, (PlacementCheck)i, &entry->rows[i]);
    }
}

Placement *
scheduler_explain(const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    Look look = {.request = request, .hosts = hosts, .usage = usage};
    Ranking ranking = {.candidates = candidates};
    look_at_hosts(&look, &ranking);
    g_array_sort_with_data(candidates, compare_for_sort, &look);

    Placement *placement = g_new0(Placement, 1);
    placement->hosts = g_new0(PlacementHost, hosts->len);
    placement->n_hosts = hosts->len;
    placement->n_fit = candidates->len;
    for (unsigned i = 0; i < hosts->len; i++) {
        Subject subject = look_subject(&look, i);
        fill_rows(&placement->hosts[i], &subject);
    }
    for (unsigned i = 0; i < candidates->len; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        fill_rank(&placement->hosts[candidate->index], &look, &ranking, candidate, i + 1);
    }
    if (candidates->len > 0) {
        placement->chosen = hosts->pdata[g_array_index(candidates, Candidate, 0).index];
    } else {
        placement->reason = look_reason(&look);
    }
    return placement;
}

void
placement_free(Placement *placement)
{
    if (placement == NULL) {
        return;
    }
    for (unsigned i = 0; i < placement->n_hosts; i++) {
        for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
            g_free(placement->hosts[i].rows[check].needed);
            g_free(placement->hosts[i].rows[check].have);
        }
    }
    g_free(placement->hosts);
    g_free(placement->reason);
    g_free(placement);
}
