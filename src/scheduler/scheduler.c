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
        .project_id = instance->project_id,
        .extra_specs_json = instance->flavor.extra_specs_json,
        .group_policy = instance->group_policy,
        .group_max_per_host = instance->group_max_per_host,
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
    return (Subject){
        look->request, look->hosts->pdata[index], look->source, &no_usage, look->specs};
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

/* Of the checks of the look, from one to before another. */
static PlacementCheck
first_failure(const Look *look, const Subject *subject, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if (placement_check(subject, look->checks[i], NULL) == PLACEMENT_FAIL) {
            return look->checks[i];
        }
    }
    return PLACEMENT_N_CHECKS;
}

PlacementCheck
look_first_failure(const Look *look, unsigned index, Subject *ret_subject)
{
    *ret_subject = subject_without_usage(look, index);
    PlacementCheck failed = first_failure(look, ret_subject, 0, look->n_before_claims);
    if (failed != PLACEMENT_N_CHECKS) {
        return failed;
    }
    subject_find_usage(ret_subject, look);
    return first_failure(look, ret_subject, look->n_before_claims, look->n_checks);
}

static void
look_init(Look *look, const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage)
{
    *look = (Look){.request = request, .hosts = hosts, .usage = usage};
    look->source = find_host(hosts, request->source_host);
    look->specs = specs_new(request->extra_specs_json);
    Subject subject = {request, NULL, look->source, &no_usage, look->specs};
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        PlacementCheck check = (PlacementCheck)i;
        if (placement_can_fail(&subject, check)) {
            look->n_before_claims += check < FIRST_OF_CLAIMS;
            look->checks[look->n_checks++] = check;
        }
    }
}

static void
look_clear(Look *look)
{
    g_clear_pointer(&look->specs, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

/* Those of server groups are the last: without a group nobody asks them. */
static int
n_weighers(const PlacementRequest *request)
{
    bool is_soft = request->group_policy == SERVER_GROUP_SOFT_AFFINITY ||
        request->group_policy == SERVER_GROUP_SOFT_ANTI_AFFINITY;
    return is_soft ? PLACEMENT_N_WEIGHERS : PLACEMENT_WEIGHER_SOFT_AFFINITY;
}

static void
ranking_add(Ranking *ranking, const Subject *subject, unsigned index)
{
    Candidate candidate = {.index = index};
    bool is_first = ranking->candidates->len == 0;
    for (int i = 0; i < n_weighers(subject->request); i++) {
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
        for (int j = 0; j < n_weighers(look->request); j++) {
            if (multipliers[j] != 0) {
                candidate->weight += share_of(ranking, candidate, j, multipliers[j]);
            }
        }
    }
}

static void
look_at_hosts(Look *look, Ranking *ranking)
{
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

/* ---- the same, written out ---- */

/* Of a choice among more hosts than these, the record tells the best and an example or more of each
 * no: it is made in the transaction of the claim, and there may be very many of them. */
enum { RECORD_HOSTS = 16 };

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
    entry->name = g_strdup(subject->host->name);
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        placement_check(subject, (PlacementCheck)i, &entry->rows[i]);
    }
}

static int
compare_indices(gconstpointer one, gconstpointer other)
{
    unsigned a = *(const unsigned *)one;
    unsigned b = *(const unsigned *)other;
    return a < b ? -1 : a > b;
}

/* Places in the list of hosts, rising: all, or so many. */
static GArray *
hosts_to_tell(const Look *look, const Ranking *ranking, unsigned max)
{
    GArray *indices = g_array_new(FALSE, FALSE, sizeof(unsigned));
    bool all = look->hosts->len <= max;
    for (unsigned i = 0; all && i < look->hosts->len; i++) {
        g_array_append_val(indices, i);
    }
    for (unsigned i = 0; !all && i < MIN(ranking->candidates->len, max / 2); i++) {
        g_array_append_val(
            indices, g_array_index(ranking->candidates, Candidate, i).index);
    }
    for (int check = 0; !all && check < PLACEMENT_N_CHECKS; check++) {
        const Tally *tally = &look->tallies[check];
        unsigned room = max - indices->len;
        g_array_append_vals(
            indices, tally->named, MIN(MIN(tally->n_failed, TALLY_NAMED), room));
    }
    g_array_sort(indices, compare_indices);
    return indices;
}

static void
fill_hosts(Placement *placement, const Look *look, const Ranking *ranking, unsigned max)
{
    g_autoptr(GArray) indices = hosts_to_tell(look, ranking, max);
    g_autofree unsigned *ranks = g_new0(unsigned, look->hosts->len);
    for (unsigned i = 0; i < ranking->candidates->len; i++) {
        ranks[g_array_index(ranking->candidates, Candidate, i).index] = i + 1;
    }
    placement->hosts = g_new0(PlacementHost, indices->len);
    placement->n_told = indices->len;
    for (unsigned i = 0; i < indices->len; i++) {
        unsigned index = g_array_index(indices, unsigned, i);
        Subject subject = look_subject(look, index);
        fill_rows(&placement->hosts[i], &subject);
        if (ranks[index] > 0) {
            fill_rank(&placement->hosts[i], look, ranking,
                &g_array_index(ranking->candidates, Candidate, ranks[index] - 1), ranks[index]);
        }
    }
}

/* Sorts the candidates. */
static Placement *
write_out(const Look *look, const Ranking *ranking, unsigned max)
{
    const PlacementRequest *request = look->request;
    Placement *placement = g_new0(Placement, 1);
    placement->vcpus = request->vcpus;
    placement->ram_mib = request->ram_mib;
    placement->disk_gib = request->disk_gib;
    placement->requested_host = g_strdup(request->requested_host);
    placement->zone = g_strdup(request->zone);
    placement->source_host = g_strdup(request->source_host);
    memcpy(placement->multipliers, request->policy->multipliers, sizeof placement->multipliers);
    placement->n_hosts = look->hosts->len;
    placement->n_fit = ranking->candidates->len;
    g_array_sort_with_data(ranking->candidates, compare_for_sort, (gpointer)look);
    fill_hosts(placement, look, ranking, max);
    if (placement->n_fit > 0) {
        unsigned best = g_array_index(ranking->candidates, Candidate, 0).index;
        placement->chosen = g_strdup(((const Host *)look->hosts->pdata[best])->name);
    } else {
        placement->reason = look_reason(look);
    }
    return placement;
}

static void
record(StoredDecision *decision, const Look *look, const Ranking *ranking)
{
    g_autoptr(Placement) placement = write_out(look, ranking, RECORD_HOSTS);
    decision->text = placement_to_text(placement);
    decision->kept_until_us = look->request->now_us + look->request->policy->decisions_kept_us;
}

/* ---- the choice ---- */

const char *
scheduler_choose(const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage,
    StoredDecision *decision, GError **error)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    g_auto(Look) look = {0};
    look_init(&look, request, hosts, usage);
    Ranking ranking = {.candidates = candidates};
    look_at_hosts(&look, &ranking);
    if (decision != NULL && request->policy->decisions_kept_us > 0) {
        record(decision, &look, &ranking);
    }
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

Placement *
scheduler_explain(const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    g_auto(Look) look = {0};
    look_init(&look, request, hosts, usage);
    Ranking ranking = {.candidates = candidates};
    look_at_hosts(&look, &ranking);
    return write_out(&look, &ranking, hosts->len);
}

void
placement_free(Placement *placement)
{
    if (placement == NULL) {
        return;
    }
    for (unsigned i = 0; i < placement->n_told; i++) {
        for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
            g_free(placement->hosts[i].rows[check].needed);
            g_free(placement->hosts[i].rows[check].have);
        }
        g_free(placement->hosts[i].name);
    }
    g_free(placement->hosts);
    g_free(placement->requested_host);
    g_free(placement->zone);
    g_free(placement->source_host);
    g_free(placement->chosen);
    g_free(placement->reason);
    g_free(placement);
}
