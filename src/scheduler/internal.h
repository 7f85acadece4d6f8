/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of scheduler/ alone: what its two tables look at. */
#include "model/bad_version.h"
#include "scheduler/pci.h"
#include "scheduler/scheduler.h"

#include <string.h>

/* NAME, Nova's name: the filters that can be switched. */
#define PLACEMENT_FILTERS(X)                                                                       \
    X(COMPUTE, "ComputeFilter")                                                                    \
    X(NUM_INSTANCES, "NumInstancesFilter")                                                         \
    X(TENANCY, "AggregateMultiTenancyIsolation")                                                   \
    X(EXTRA_SPECS, "AggregateInstanceExtraSpecsFilter")                                            \
    X(NUMA_TOPOLOGY, "NUMATopologyFilter")                                                         \
    X(IMAGE_PROPERTIES, "ImagePropertiesFilter")                                                   \
    X(IMAGE_ISOLATION, "AggregateImagePropertiesIsolation")                                        \
    X(FLAVOR, "AggregateTypeAffinityFilter")                                                       \
    X(AGGREGATE_NUM_INSTANCES, "AggregateNumInstancesFilter")                                      \
    X(IO_OPS, "IoOpsFilter")                                                                       \
    X(AGGREGATE_IO_OPS, "AggregateIoOpsFilter")                                                    \
    X(SAME_HOST, "SameHostFilter")                                                                 \
    X(DIFFERENT_HOST, "DifferentHostFilter")

typedef enum {
    FILTER_NONE = -1,
#define X(name, text) FILTER_##name,
    PLACEMENT_FILTERS(X)
#undef X
        N_FILTERS,
} PlacementFilter;
const char *placement_filter_name(PlacementFilter filter); /* NULL for FILTER_NONE */

/* What a flavor wants an aggregate to say of its host. */
typedef struct Spec {
    char *key;
    char *wanted; /* the value, or an operator and what it is applied to: "<or> a <or> b" */
} Spec;
/* Of the flavor's extra specs: Spec *. */
GPtrArray *specs_new(const char *extra_specs_json);
/* Of what an image says of itself: Spec *, each with its value. */
GPtrArray *specs_of_image(const char *properties_json);
void spec_free(Spec *spec);
bool spec_matches(const char *have, const char *wanted);
bool spec_is_met(const Spec *spec, const HostAggregates *aggregates);

/* What an image says of itself. */
typedef struct ImageWishes {
    char *arch;    /* NULL: nothing of that, as of the others */
    char *hv_type; /* "kvm", "qemu", or one that no host here has */
    char *vm_mode; /* "hvm", likewise */
    char *version; /* of the hypervisor: ">=8.0,<10" */
    GPtrArray *properties; /* Spec *: all of them, each with its value */
} ImageWishes;
ImageWishes *image_wishes_new(const char *properties_json, const char *default_arch);
void image_wishes_free(ImageWishes *wishes);
/* Whether there is anything to compare with hosts. */
bool image_wishes_ask(const ImageWishes *wishes);

/* What was answered so far, of hosts by the number of what is left of them: host_index_answers. */
typedef struct GivenAnswers {
    GByteArray *dedicated_cpus; /* 1 + PlacementResult, as of the others; NULL: nobody asks */
    GByteArray *huge_pages;
    GByteArray *numa;
    GByteArray *devices;
} GivenAnswers;

/* What is known so far of hosts of one kind: each is asked about by the first that it is needed of.
 * Arrays are by what is known of their pool and the source's. */
typedef struct KindMemo {
    uint8_t failures[POOLS_ONE + 1]; /* 0, or 1 + the first check of the kind that fails, or
                                      * PLACEMENT_N_CHECKS */
    uint8_t storages[POOLS_ONE + 1]; /* 0, or 1 + PlacementResult: storage_checks.c */
    bool is_weighed;
    double multipliers[PLACEMENT_N_WEIGHERS];
} KindMemo;

/* What a check looks at. One that is made of every host compares what the entry has, where it can:
 * the host's own record is somewhere else in memory. */
typedef struct Subject {
    const PlacementRequest *request;
    const HostIndex *hosts; /* that entry is of */
    const HostEntry *entry;
    const Host *host;             /* of entry */
    const HostUsage *usage;       /* of entry */
    const HostEntry *source_entry; /* NULL: a create, or the source is not known */
    const Host *source;            /* of source_entry */
    GPtrArray *specs; /* Spec * */
    ImageWishes *image;
    NumaRequest numa;
    KindMemo *kinds;     /* by HostEntry's kind */
    unsigned place;      /* of entry in the index, as are those of the next two */
    bool *has_refused;   /* NULL: none has */
    const CanaryPlace *canaries;      /* NULL: they do not matter */
    const HostEntry *requested_entry; /* NULL: none is, or it is not known; as of the next */
    const HostEntry *rehearsal_entry;
    GArray *pci_wishes;  /* of PciWish; NULL: none */
    GArray *pci_aliases; /* of PciAlias; NULL: nobody asks, or they cannot be read */
    GivenAnswers answers;
} Subject;

/* row NULL: only the answer, which is cheap. Otherwise the row is filled in. */
typedef PlacementResult (*CheckFunction)(const Subject *subject, PlacementRow *row);

/* ---- what checks have in common ---- */
/* The last one that was sent there; none where they do not matter. */
static inline CanaryPlace
subject_canary(const Subject *subject)
{
    return subject->canaries != NULL ? subject->canaries[subject->place] : (CanaryPlace){0};
}

/* These two are asked of every host, some twenty times: inline. */
static inline PlacementResult
check_answer(bool passed, const char *fix, PlacementRow *row)
{
    if (row != NULL && !passed) {
        row->fix = g_strdup(fix);
    }
    return passed ? PLACEMENT_PASS : PLACEMENT_FAIL;
}

static inline PlacementResult
check_unless_forced(PlacementResult result, const Subject *subject)
{
    return result == PLACEMENT_FAIL && subject->request->force ? PLACEMENT_OFF : result;
}

/* What a check has written into the row, which may be filled anew. */
void row_clear(PlacementRow *row);

/* The answer of a check for which all hosts of that number are one: it is asked of the first. */
static inline PlacementResult
check_once(
    GByteArray *answers, unsigned number, CheckFunction check, const Subject *subject)
{
    if (number >= answers->len) {
        unsigned old = answers->len;
        g_byte_array_set_size(answers, MAX(2 * old, number + 1));
        memset(answers->data + old, 0, answers->len - old);
    }
    if (answers->data[number] == 0) {
        answers->data[number] = (guint8)(1 + check(subject, NULL));
    }
    return (PlacementResult)(answers->data[number] - 1);
}

char *check_join(GHashTable *set); /* its words in their order; NULL is empty. Caller frees */
bool check_has_word(const char *words, const char *word); /* of words with commas between */
/* What must match the source matches without: there is none, or it has said nothing. */
bool subject_has_source(const Subject *subject);
bool subject_needs_version(const Subject *subject); /* it runs, and goes to no older QEMU */
bool subject_needs_kvm(const Subject *subject); /* the guest runs in it, and goes on in it */
/* What is known to go wrong with guests like the source's on their way from it; NULL: nothing. */
const BadVersion *subject_source_is_unsafe(const Subject *subject);

/* ---- host_checks.c ---- */
PlacementResult check_zone(const Subject *subject, PlacementRow *row);
PlacementResult check_alive(const Subject *subject, PlacementRow *row);
PlacementResult check_up(const Subject *subject, PlacementRow *row);
PlacementResult check_enabled(const Subject *subject, PlacementRow *row);
PlacementResult check_connected(const Subject *subject, PlacementRow *row);
PlacementResult check_facts(const Subject *subject, PlacementRow *row);

/* ---- guest_checks.c ---- */
PlacementResult check_arch(const Subject *subject, PlacementRow *row);
PlacementResult check_version(const Subject *subject, PlacementRow *row);
PlacementResult check_version_safe(const Subject *subject, PlacementRow *row);
PlacementResult check_firmware(const Subject *subject, PlacementRow *row);
PlacementResult check_tpm(const Subject *subject, PlacementRow *row);
PlacementResult check_post_copy(const Subject *subject, PlacementRow *row);
PlacementResult check_virt_type(const Subject *subject, PlacementRow *row);
PlacementResult check_guest(const Subject *subject, PlacementRow *row);
PlacementResult check_cpu(const Subject *subject, PlacementRow *row);
PlacementResult check_refused(const Subject *subject, PlacementRow *row);
PlacementResult check_rehearsal(const Subject *subject, PlacementRow *row);
PlacementResult check_canary(const Subject *subject, PlacementRow *row);

/* ---- network_checks.c ---- */
PlacementResult check_networks(const Subject *subject, PlacementRow *row);

/* ---- volume_checks.c ---- */
PlacementResult check_volumes(const Subject *subject, PlacementRow *row);
bool request_has_pool_volume(const PlacementRequest *request); /* others are on the network */

/* ---- storage_checks.c ---- */
PlacementResult check_storage(const Subject *subject, PlacementRow *row);
/* Whether there is a host that it could say no to. */
bool storage_may_refuse(const PlacementRequest *request);
/* No disk is written anew there, as far as is known: it is in the pool already, with the size that
 * it goes on with. */
bool storage_stays(const Subject *subject);
/* What a request that has chosen this host would be refused for, if it finds what is known; false:
 * nothing, or it would try another one. The caller's. */
bool storage_find_refusal(const Subject *subject, char **ret_sentence);

/* ---- image_checks.c ---- */
PlacementResult check_image_properties(const Subject *subject, PlacementRow *row);
PlacementResult check_image_isolation(const Subject *subject, PlacementRow *row);
PlacementResult check_flavor(const Subject *subject, PlacementRow *row);

/* ---- room_checks.c ---- */
PlacementResult check_ram(const Subject *subject, PlacementRow *row);
PlacementResult check_ram_free(const Subject *subject, PlacementRow *row);
PlacementResult check_vcpus(const Subject *subject, PlacementRow *row);
PlacementResult check_disk(const Subject *subject, PlacementRow *row);
PlacementResult check_disk_free(const Subject *subject, PlacementRow *row);
PlacementResult check_instances(const Subject *subject, PlacementRow *row);
PlacementResult check_aggregate_instances(const Subject *subject, PlacementRow *row);
PlacementResult check_io_ops(const Subject *subject, PlacementRow *row);
PlacementResult check_aggregate_io_ops(const Subject *subject, PlacementRow *row);

/* ---- group_checks.c ---- */
PlacementResult check_cell(const Subject *subject, PlacementRow *row);
PlacementResult check_pool(const Subject *subject, PlacementRow *row);
PlacementResult check_tenant(const Subject *subject, PlacementRow *row);
PlacementResult check_extra_specs(const Subject *subject, PlacementRow *row);
PlacementResult check_affinity(const Subject *subject, PlacementRow *row);
PlacementResult check_anti_affinity(const Subject *subject, PlacementRow *row);

/* ---- hint_checks.c ---- */
PlacementResult check_same_host(const Subject *subject, PlacementRow *row);
PlacementResult check_different_host(const Subject *subject, PlacementRow *row);

/* ---- numa_checks.c ---- */
/* Finds the answers to what the request asks of cells; the request's are read. */
void numa_find_answers(Subject *subject);
PlacementResult check_numa_filters(const Subject *subject, PlacementRow *row);
PlacementResult check_dedicated_cpus(const Subject *subject, PlacementRow *row);
PlacementResult check_huge_pages(const Subject *subject, PlacementRow *row);
PlacementResult check_numa(const Subject *subject, PlacementRow *row);
/* What the host gives to a guest that fits, as GuestTopology; NULL: nothing. Caller frees. */
char *subject_give_topology(const Subject *subject);

/* ---- pci_checks.c ---- */
/* The same of devices. */
void pci_find_answers(Subject *subject);
PlacementResult check_pci_devices(const Subject *subject, PlacementRow *row);
/* What the host gives to a guest that fits, as pci_given_text; NULL: nothing. Caller frees. */
char *subject_give_devices(const Subject *subject);

/* With what filters and missing facts make of its answer. */
PlacementResult placement_check(const Subject *subject, PlacementCheck check, PlacementRow *row);
/* The check alone: of one that can fail, and of a host that has passed those before it, its answer
 * is that of placement_check. */
CheckFunction placement_check_function(PlacementCheck check);
/* Whether any host could fail it: what the request does not ask for is not asked of every host. */
bool placement_can_fail(const Subject *subject, PlacementCheck check);
/* Its answer is the same for all hosts of one kind whose pool is, or is not, the source's: it is
 * asked of the first. */
bool placement_is_of_kind(PlacementCheck check);
/* placement_can_fail of a host that is in no aggregate. */
bool placement_can_fail_bare(const Subject *subject, PlacementCheck check);

/* The guest's memory comes from what is really free there: it will run, and not in huge pages. */
bool subject_takes_free_memory(const Subject *subject);
/* What is left of a host by its claims: asked of every host twice, inline. */
/* ratio times the whole, less what is reserved and taken. No floor(): it is asked of every host. */
static inline int64_t
subject_left(int64_t whole, double ratio, int64_t reserved, int64_t taken)
{
    return (int64_t)((double)(whole - reserved) * ratio) - taken;
}

static inline PlacementRatios
ratios_with(const PlacementPolicy *policy, const HostAggregates *own)
{
    PlacementRatios ratios = {
        policy->cpu_allocation_ratio, policy->ram_allocation_ratio, policy->disk_allocation_ratio};

    if (own != NULL) {
        ratios.cpu = own->cpu_allocation_ratio != 0 ? own->cpu_allocation_ratio : ratios.cpu;
        ratios.ram = own->ram_allocation_ratio != 0 ? own->ram_allocation_ratio : ratios.ram;
        ratios.disk = own->disk_allocation_ratio != 0 ? own->disk_allocation_ratio : ratios.disk;
    }
    return ratios;
}

static inline PlacementRatios
ratios_of(const Subject *subject)
{
    return ratios_with(subject->request->policy, subject->entry->aggregates);
}

static inline int64_t
subject_free_ram_mib(const Subject *subject)
{
    return subject_left(subject->entry->memory_mib, ratios_of(subject).ram,
        subject->request->policy->reserved_host_memory_mib,
        subject->usage->ram_mib + subject->usage->foreign_ram_mib);
}

static inline int64_t
subject_free_vcpus(const Subject *subject)
{
    /* Pinned guests have processors of their own. */
    return subject_left(subject->entry->vcpus, ratios_of(subject).cpu,
        placement_reserved_cpus(subject->request->policy, subject->host),
        subject->usage->vcpus - subject->usage->dedicated_vcpus + subject->usage->foreign_vcpus);
}

static inline int64_t
subject_free_disk_gib(const Subject *subject)
{
    return subject_left(subject->entry->pool_capacity_gib, ratios_of(subject).disk, 0,
        subject->usage->disk_gib);
}

/* How much that counts for this host: what its aggregates say, the lowest of several, else what
 * holds for all. */
double placement_multiplier(const PlacementPolicy *policy, const HostAggregates *own,
    PlacementWeigher weigher, bool *ret_is_own);
/* What the first n weighers see in a host that has facts. */
void placement_weigh(const Subject *subject, int n, double *ret_values);

/* ---- look.c ---- */
/* Of hosts with members of its server group so many are named: enough for most. */
enum { TALLY_NAMED = 3, MEMBERS_NAMED = 64 };

/* Hosts whose first failure was one check. */
typedef struct Tally {
    unsigned n_failed;
    unsigned named[TALLY_NAMED]; /* the first of them, by their place in the list */
} Tally;

/* Checks that a host could fail, in their order. */
typedef struct CheckList {
    PlacementCheck checks[PLACEMENT_N_CHECKS];
    CheckFunction functions[PLACEMENT_N_CHECKS]; /* of these */
    unsigned n;
} CheckList;

/* What a look at every host has found. */
typedef struct Look {
    const HostIndex *hosts;
    const HostEntry *entries; /* of these */
    Subject subject; /* of no host */
    CheckList kind_checks; /* of each kind of hosts; of each host: */
    CheckList checks;
    CheckList bare_checks; /* of one that is in no aggregate: most are, of very many */
    Tally tallies[PLACEMENT_N_CHECKS];
    unsigned n_with_members; /* of its server group, up to so many of them: */
    unsigned with_members[MEMBERS_NAMED];
    uint8_t *verdicts; /* of each host the check that it fails first; PLACEMENT_N_CHECKS: it fits.
                        * NULL: nobody asks */
} Look;
/* Which checks are asked, of whom; what the request says is read once. It borrows both. */
void look_init(Look *look, const PlacementRequest *request, const HostIndex *hosts);
void look_clear(Look *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

Subject look_subject(const Look *look, unsigned index);

/* ---- kinds.c ---- */
/* PLACEMENT_N_CHECKS: it fits. */
PlacementCheck look_first_failure(const Look *look, const Subject *subject);
/* Reads what each weigher counts for hosts of its kind. */
void look_read_multipliers(const Look *look, const HostEntry *entry, KindMemo *memo);

/* What each weigher counts for a host of that kind and place. Asked of every one that fits:
 * inline. */
static inline const double *
look_multipliers(const Look *look, unsigned kind, unsigned index)
{
    KindMemo *memo = &look->subject.kinds[kind];
    if (!memo->is_weighed) {
        look_read_multipliers(look, &look->entries[index], memo);
    }
    return memo->multipliers;
}

/* ---- reason.c ---- */
/* Those that fail nothing but what is really free, a few of them: of many, those by whose claims
 * most is left. Caller frees. */
char **look_short_hosts(const Look *look);
/* What would help the host that is asked for, or more than half of those that there are without
 * the source; NULL: nothing is that common. Caller frees. */
char *look_common_fix(const Look *look);
/* Why nobody fits. Caller frees. */
char *look_reason(const Look *look);

/* ---- verdicts.c ---- */
/* Before the look at every host. */
void look_keep_verdicts(Look *look);
void placement_add_firsts(Placement *placement, const Look *look);
/* After it: checks become their places in Placement.firsts. What a host that fits weighs is the
 * caller's to fill in, with placement_code_of_weight. */
void look_number_verdicts(const Look *look);
uint8_t placement_code_of_weight(const Placement *placement, double weight);
GBytes *look_take_verdicts(Look *look);

/* ---- inputs.c ---- */
/* JSON, with what counts for those hosts alone that the placement tells of; caller frees. */
char *look_tell_inputs(const Look *look, const Placement *placement);
