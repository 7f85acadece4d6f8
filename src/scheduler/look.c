/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The look at every host. */
#include "scheduler/ranking.h"

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

static void
look_weigh(const Look *look, Ranking *ranking)
{
    for (unsigned i = 0; i < ranking->candidates->len; i++) {
        Candidate *candidate = &g_array_index(ranking->candidates, Candidate, i);
        const double *multipliers = look_multipliers(look, candidate->kind, candidate->index);
        double weight = 0;
        for (int j = 0; j < ranking->n; j++) {
            weight += ranking_share(ranking, candidate, j, multipliers[j]);
        }
        candidate->weight = weight;
    }
}

void
look_at_hosts(Look *look, Ranking *ranking)
{
    unsigned n_hosts = host_index_size(look->hosts);
    Subject subject = look->subject;
    ranking_init(ranking, n_hosts, n_weighers(look->subject.request));
    for (unsigned i = 0; i < n_hosts; i++) {
        subject_set(&subject, look, i);
        if (subject.usage->group_members > 0 && look->n_with_members < MEMBERS_NAMED) {
            look->with_members[look->n_with_members++] = i;
        }
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
