/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/scheduler.h"

#include "scheduler/internal.h"
#include <math.h>
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
        .flavor_name = instance->flavor.name,
        .image_properties_json = instance->image_properties_json,
        .group_policy = instance->group_policy,
        .group_max_per_host = instance->group_max_per_host,
        .same_host = instance->same_host,
        .different_host = instance->different_host,
        .ports = instance->ports,
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
    request.is_live = migration->type == MIGRATION_TYPE_LIVE;
    request.stays_off = instance->vm_state == VM_STATE_STOPPED;
    request.block_migration = migration->block_migration;
    request.force = migration->force;
    request.disk_over_commit = migration->disk_over_commit;
    return request;
}

/* ---- the look at every host ---- */

/* A host that fits. */
typedef struct Candidate {
    unsigned index; /* in the index of hosts, which is by name */
    unsigned row;   /* in the ranking's values */
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
    double *values; /* what weighers see in them, a row for each in their first order: elsewhere
                     * than they, which are gone through several times */
    int n; /* weighers, of which each row has one value */
    Range ranges[PLACEMENT_N_WEIGHERS];
} Ranking;

static void
ranking_clear(Ranking *ranking)
{
    g_clear_pointer(&ranking->candidates, g_array_unref);
    g_clear_pointer(&ranking->values, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ranking, ranking_clear)

static void
subject_set(Subject *subject, const Look *look, unsigned place)
{
    const HostEntry *entry = &look->entries[place];
    subject->place = place;
    subject->entry = entry;
    subject->host = entry->host;
    subject->usage = &entry->usage;
}

Subject
look_subject(const Look *look, unsigned index)
{
    Subject subject = look->subject;
    subject_set(&subject, look, index);
    return subject;
}

/* By the place of each host in the index; NULL: none of them has. */
static bool *
mark_refusals(GHashTable *refusals, const HostIndex *hosts)
{
    if (refusals == NULL || g_hash_table_size(refusals) == 0) {
        return NULL;
    }
    bool *has_refused = g_new0(bool, host_index_size(hosts));
    GHashTableIter iter;
    void *name = NULL;
    g_hash_table_iter_init(&iter, refusals);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        HostEntry *entry = host_index_find(hosts, name);
        if (entry != NULL) {
            has_refused[host_index_place(hosts, entry)] = true;
        }
    }
    return has_refused;
}

/* What is known by the names of hosts. */
static void
find_hosts(Subject *subject, const HostIndex *hosts)
{
    const PlacementRequest *request = subject->request;
    const Rehearsal *rehearsal = request->rehearsal;
    subject->source_entry = host_index_find(hosts, request->source_host);
    subject->source = subject->source_entry != NULL ? subject->source_entry->host : NULL;
    subject->requested_entry = host_index_find(hosts, request->requested_host);
    subject->rehearsal_entry =
        host_index_find(hosts, rehearsal != NULL ? rehearsal->host : NULL);
    subject->has_refused = mark_refusals(request->refusals, hosts);
    subject->canaries =
        request->canaries != NULL ? canary_map_places(request->canaries, hosts) : NULL;
}

static void
check_list_add(CheckList *list, PlacementCheck check)
{
    list->functions[list->n] = placement_check_function(check);
    list->checks[list->n++] = check;
}

void
look_init(Look *look, const PlacementRequest *request, const HostIndex *hosts)
{
    *look = (Look){.hosts = hosts, .entries = host_index_at(hosts, 0)};
    Subject *subject = &look->subject;
    subject->request = request;
    subject->hosts = hosts;
    find_hosts(subject, hosts);
    subject->specs = specs_new(request->extra_specs_json);
    subject->image = image_wishes_new(
        request->image_properties_json, request->policy->image_default_arch);
    subject->zone = host_index_word(hosts, request->zone);
    subject->kinds = g_new0(KindMemo, host_index_n_kinds(hosts));
    /* The API has refused what cannot be read. */
    if (!numa_request_read(
            request->extra_specs_json, request->vcpus, request->ram_mib, &subject->numa, NULL)) {
        subject->numa = (NumaRequest){0};
    }
    pci_request_read(request->extra_specs_json, &subject->pci_wishes, NULL);
    if (subject->pci_wishes != NULL) {
        subject->pci_aliases = pci_aliases_read(request->policy->pci_aliases, NULL, NULL);
    }
    numa_find_answers(subject);
    pci_find_answers(subject);
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        PlacementCheck check = (PlacementCheck)i;
        if (placement_can_fail(subject, check)) {
            bool is_of_kind = placement_is_of_kind(check);
            check_list_add(is_of_kind ? &look->kind_checks : &look->checks, check);
            if (!is_of_kind && placement_can_fail_bare(subject, check)) {
                check_list_add(&look->bare_checks, check);
            }
        }
    }
}

void
look_clear(Look *look)
{
    g_clear_pointer(&look->subject.specs, g_ptr_array_unref);
    g_clear_pointer(&look->subject.image, image_wishes_free);
    g_clear_pointer(&look->subject.kinds, g_free);
    g_clear_pointer(&look->verdicts, g_free);
    g_clear_pointer(&look->subject.has_refused, g_free);
    g_clear_pointer(&look->subject.pci_wishes, g_array_unref);
    g_clear_pointer(&look->subject.pci_aliases, g_array_unref);
    g_clear_pointer(&look->subject.answers.dedicated_cpus, g_byte_array_unref);
    g_clear_pointer(&look->subject.answers.huge_pages, g_byte_array_unref);
    g_clear_pointer(&look->subject.answers.numa, g_byte_array_unref);
    g_clear_pointer(&look->subject.answers.devices, g_byte_array_unref);
}

/* Those of server groups are the last: without a group nobody asks them. */
static int
n_weighers(const PlacementRequest *request)
{
    bool is_soft = request->group_policy == SERVER_GROUP_SOFT_AFFINITY ||
        request->group_policy == SERVER_GROUP_SOFT_ANTI_AFFINITY;
    return is_soft ? PLACEMENT_N_WEIGHERS : PLACEMENT_WEIGHER_SOFT_AFFINITY;
}

/* Room for all hosts at once: they are added one by one. */
static void
ranking_init(Ranking *ranking, unsigned n_hosts, int n)
{
    *ranking = (Ranking){.n = n, .values = g_new(double, (size_t)n_hosts * (unsigned)n + 1)};
    ranking->candidates = g_array_sized_new(FALSE, FALSE, sizeof(Candidate), n_hosts);
    for (int i = 0; i < n; i++) {
        ranking->ranges[i] = (Range){.least = G_MAXDOUBLE, .most = -G_MAXDOUBLE};
    }
}

static const double *
ranking_values(const Ranking *ranking, const Candidate *candidate)
{
    return &ranking->values[candidate->row * (size_t)ranking->n];
}

static void
ranking_add(Ranking *ranking, const Subject *subject)
{
    GArray *candidates = ranking->candidates;
    unsigned row = candidates->len++;
    double *values = &ranking->values[row * (size_t)ranking->n];
    g_array_index(candidates, Candidate, row) = (Candidate){.index = subject->place, .row = row};
    placement_weigh(subject, ranking->n, values);
    for (int i = 0; i < ranking->n; i++) {
        Range *range = &ranking->ranges[i];
        range->least = MIN(range->least, values[i]);
        range->most = MAX(range->most, values[i]);
    }
}

static void
ranking_close(Ranking *ranking)
{
    for (int i = 0; i < ranking->n; i++) {
        Range *range = &ranking->ranges[i];
        range->width = range->most > range->least ? range->most - range->least : INFINITY;
    }
}

/* Of a weigher that was asked. */
static double
share_of(const Ranking *ranking, const Candidate *candidate, int weigher, double multiplier)
{
    const Range *range = &ranking->ranges[weigher];
    double value = ranking_values(ranking, candidate)[weigher];
    return multiplier * (value - range->least) / range->width;
}

static void
look_weigh(const Look *look, Ranking *ranking)
{
    for (unsigned i = 0; i < ranking->candidates->len; i++) {
        Candidate *candidate = &g_array_index(ranking->candidates, Candidate, i);
        const double *multipliers = look_multipliers(look, &look->entries[candidate->index]);
        double weight = 0;
        for (int j = 0; j < ranking->n; j++) {
            weight += share_of(ranking, candidate, j, multipliers[j]);
        }
        candidate->weight = weight;
    }
}

static void
look_at_hosts(Look *look, Ranking *ranking)
{
    unsigned n_hosts = host_index_size(look->hosts);
    Subject subject = look->subject;
    ranking_init(ranking, n_hosts, n_weighers(look->subject.request));
    for (unsigned i = 0; i < n_hosts; i++) {
        subject_set(&subject, look, i);
        PlacementCheck failed = look_first_failure(look, &subject);
        if (look->verdicts != NULL) {
            look->verdicts[i] = (uint8_t)failed;
        }
        if (failed == PLACEMENT_N_CHECKS) {
            ranking_add(ranking, &subject);
            continue;
        }
        Tally *tally = &look->tallies[failed];
        if (tally->n_failed < TALLY_NAMED) {
            tally->named[tally->n_failed] = i;
        }
        tally->n_failed++;
    }
    ranking_close(ranking);
    look_weigh(look, ranking);
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

/* ---- the same, written out ---- */

/* Of a choice among more hosts than these, the record has the rows of a few: the best, and examples
 * of what was said no for. It is made in the transaction of the claim, and to write out its rows
 * takes as long as thousands of hosts. */
enum { RECORD_ALL = 16, RECORD_SOME = 10 };

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

static void
sort_candidates(GArray *candidates, unsigned n_best)
{
    if (n_best < candidates->len) {
        sort_best(candidates, n_best);
    } else {
        g_array_sort(candidates, (GCompareFunc)compare_candidates);
    }
}

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
            share->share = share_of(ranking, candidate, i, share->multiplier);
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
    const HostFacts *facts = &subject->host->facts;
    const HostUsage *usage = subject->usage;
    entry->vcpus = (PlacementGiven){usage->vcpus + usage->foreign_vcpus, facts->vcpus};
    entry->ram_mib = (PlacementGiven){usage->ram_mib + usage->foreign_ram_mib, facts->memory_mib};
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

/* Sorts the candidates. */
static Placement *
write_out(const Look *look, const Ranking *ranking, unsigned max)
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
    placement->inputs = look_tell_inputs(look);
    placement_add_firsts(placement, look);
    fill_weights(placement, ranking->candidates);
    sort_candidates(ranking->candidates, n_best_of(placement->n_hosts, max));
    fill_hosts(placement, look, ranking, max);
    if (placement->n_fit > 0) {
        unsigned best = g_array_index(ranking->candidates, Candidate, 0).index;
        placement->chosen = g_strdup(look->entries[best].host->name);
    } else {
        placement->reason = look_reason(look);
        placement->short_hosts = look_short_hosts(look);
    }
    return placement;
}

static void
record(StoredDecision *decision, Look *look, const Ranking *ranking)
{
    bool is_small = host_index_size(look->hosts) <= RECORD_ALL;
    g_autoptr(Placement) placement =
        write_out(look, ranking, is_small ? RECORD_ALL : RECORD_SOME);
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

/* ---- the choice ---- */

/* Checks are made in their order: the host that fails the last one has passed the most. */
static PlacementCheck
look_nearest_miss(const Look *look)
{
    int check = PLACEMENT_N_CHECKS - 1;
    while (check > 0 && look->tallies[check].n_failed == 0) {
        check--;
    }
    return (PlacementCheck)check;
}

static PlacementRequest
as_when_storage_is_asked(const PlacementRequest *request)
{
    PlacementRequest asking = *request;
    asking.asks_storage = true;
    return asking;
}

const char *
scheduler_choose(const PlacementRequest *request, const HostIndex *hosts,
    StoredDecision *decision, GError **error)
{
    g_auto(Ranking) ranking = {0};
    g_auto(Look) look = {0};
    bool is_kept = decision != NULL && request->policy->decisions_kept_us > 0;
    look_init(&look, request, hosts);
    if (is_kept) {
        look_keep_verdicts(&look);
    }
    look_at_hosts(&look, &ranking);
    const GArray *candidates = ranking.candidates;
    if (candidates->len == 0 && storage_may_refuse(request)) {
        PlacementRequest asking = as_when_storage_is_asked(request);
        return scheduler_choose(&asking, hosts, decision, error);
    }
    if (is_kept) {
        record(decision, &look, &ranking);
    } else {
        sort_candidates(ranking.candidates, 1);
    }
    if (candidates->len == 0) {
        g_autofree char *reason = look_reason(&look);
        error_set(error, ERROR_NO_VALID_HOST, "%s", reason);
        if (decision != NULL) {
            decision->nearest_miss = look_nearest_miss(&look);
            g_free(decision->fix);
            decision->fix = look_common_fix(&look);
            g_strfreev(decision->short_hosts);
            decision->short_hosts = look_short_hosts(&look);
        }
        return NULL;
    }
    const Candidate *best = &g_array_index(candidates, Candidate, 0);
    if (decision != NULL) {
        Subject subject = look_subject(&look, best->index);
        decision->topology = subject_give_topology(&subject);
        decision->devices = subject_give_devices(&subject);
    }
    return look.entries[best->index].host->name;
}

/* What a request is told that goes on with the best of the rest, and finds there what is known:
 * caller frees. NULL: it would try another one. */
static char *
reason_of_storage(const PlacementRequest *request, const HostIndex *hosts)
{
    g_auto(Ranking) ranking = {0};
    g_auto(Look) look = {0};
    PlacementRequest asking = as_when_storage_is_asked(request);
    look_init(&look, &asking, hosts);
    look_at_hosts(&look, &ranking);
    GArray *candidates = ranking.candidates;
    if (candidates->len == 0) {
        return look_reason(&look);
    }
    sort_candidates(candidates, 1);
    Subject subject = look_subject(&look, g_array_index(candidates, Candidate, 0).index);
    char *sentence = NULL;
    return storage_find_refusal(&subject, &sentence) ? sentence : NULL;
}

/* By what a request knows; both are the caller's. */
static void
tell_request(Placement *placement, const PlacementRequest *request, const HostIndex *hosts)
{
    PlacementRequest asked = *request;
    asked.guest_stays = NULL;
    asked.rehearsal = NULL;
    g_autoptr(Placement) told = scheduler_explain(&asked, hosts);
    if (told->reason != NULL) {
        g_free(placement->reason);
        placement->reason = g_steal_pointer(&told->reason);
        g_strfreev(placement->short_hosts);
        placement->short_hosts = g_steal_pointer(&told->short_hosts);
        return;
    }
    const char *stays = request->guest_stays;
    placement->fails_with = g_strdup(
        stays != NULL && stays[0] != '\0' ? stays : request->rehearsal->refusal);
}

/* A request does not know all that is known here. */
static bool
knows_more(const PlacementRequest *request)
{
    return request->guest_stays != NULL || request->rehearsal != NULL;
}

Placement *
scheduler_explain(const PlacementRequest *request, const HostIndex *hosts)
{
    return scheduler_explain_some(request, hosts, host_index_size(hosts));
}

Placement *
scheduler_explain_some(const PlacementRequest *request, const HostIndex *hosts, unsigned max)
{
    g_auto(Ranking) ranking = {0};
    g_auto(Look) look = {0};
    look_init(&look, request, hosts);
    look_at_hosts(&look, &ranking);
    Placement *placement = write_out(&look, &ranking, max);
    if (placement->chosen != NULL) {
        Subject subject =
            look_subject(&look, g_array_index(ranking.candidates, Candidate, 0).index);
        placement->topology = subject_give_topology(&subject);
    } else if (knows_more(request)) {
        tell_request(placement, request, hosts);
    } else if (storage_may_refuse(request)) {
        char *reason = reason_of_storage(request, hosts);
        if (reason != NULL) {
            g_free(placement->reason);
            placement->reason = reason;
        }
    }
    return placement;
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
