/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where may an instance go, and where is it best? Pure functions over facts: no I/O, no clock. The
 * functions that choose by the two tables are the ones that explain, so that every no carries what
 * was needed, what is there and what would help. Who asks: every operation that needs a host,
 * inside the transaction of its claim; and the API, for whoever wants to know. */
#include "base/error.h"
#include "model/canary_map.h"
#include "model/platform_answer.h"
#include "model/decision.h"
#include "model/host_index.h"
#include "model/instance.h"
#include "model/migration.h"
#include "model/rehearsal.h"
#include "scheduler/numa.h"
#include "scheduler/tables.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What the operator has set, for every request. */
typedef struct PlacementPolicy {
    double cpu_allocation_ratio;
    double ram_allocation_ratio;
    double disk_allocation_ratio;
    bool ram_over_commit; /* memory that is not really free is a warning alone */
    int reserved_host_memory_mib;
    int reserved_host_cpus; /* see placement_reserved_cpus */
    int max_instances_per_host; /* 0 = no limit, as of the next; an aggregate may have its own */
    int max_io_ops_per_host;
    const char *image_default_arch;     /* NULL: images that name none go anywhere */
    const char *image_isolation_prefix; /* of the keys that are compared; NULL: all */
    const char *pci_aliases;    /* [pci] alias, as it is written; NULL: none */
    unsigned filters_off;       /* a bit for each filter that is not enabled */
    double multipliers[PLACEMENT_N_WEIGHERS];
    bool packs; /* what aggregates say of the multipliers does not count */
    int64_t decisions_kept_us; /* 0: they are not stored */
} PlacementPolicy;

/* How often what a host has is promised: what its aggregates say, else what holds for all. */
typedef struct PlacementRatios {
    double cpu;
    double ram;
    double disk;
} PlacementRatios;
PlacementRatios placement_ratios(const PlacementPolicy *policy, const Host *host);
/* Processors that are kept for the host itself; none where it is said which ones guests float on,
 * because that leaves the others to it. */
int placement_reserved_cpus(const PlacementPolicy *policy, const Host *host);
/* Memory that is kept for the host itself: of one that was never reached none is known. */
int64_t placement_reserved_memory_mib(const PlacementPolicy *policy, const Host *host);

/* Of a host that has facts: whether what is really free there is enough for all that are on their
 * way to it. */
bool placement_has_memory(
    const PlacementPolicy *policy, const Host *host, const HostUsage *usage);

/* Whether the guest's memory comes from there at all: it runs, and not in huge pages. */
bool placement_takes_free_memory(const Instance *instance);

/* [filter_scheduler] enabled_filters: names of Nova. warnings: sentences, char *, of those that
 * change nothing here. False: one is no filter of Nova's. */
bool placement_read_filters(
    char *const *names, unsigned *ret_filters_off, GPtrArray *warnings, GError **error);

/* What an aggregate says of a key that is read here as a number. NULL: it can be read, or the key
 * is none of these; else what is taken, half a sentence, static. What cannot be read counts for
 * nothing (model/aggregate.h). */
const char *placement_refuse_property(const char *key, const char *value);

/* What is asked for. Strings are borrowed. */
typedef struct PlacementRequest {
    const PlacementPolicy *policy;
    const char *instance_id;
    int vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
    const char *firmware;       /* as GuestHardware */
    const char *tpm_version;    /* as GuestHardware */
    const char *project_id;
    const char *extra_specs_json; /* of its flavor; NULL: none */
    const char *flavor_name;
    const char *image_properties_json; /* as Instance */
    ServerGroupPolicy group_policy;
    int group_max_per_host;     /* as ServerGroup */
    const char *same_host;      /* as Instance, as is the next */
    const char *different_host;
    const char *requested_host; /* NULL: any */
    const char *zone;           /* NULL: any */
    const char *source_host;    /* where it is; NULL for a create */
    GHashTable *refusals;       /* host -> its own no, as far as it was asked; NULL: nobody was */
    const Rehearsal *rehearsal; /* on one of the hosts; NULL: there was none */
    CanaryMap *canaries;        /* the last ones from source_host. Of live
                                 * moves; NULL: they do not matter */
    bool is_live;               /* the guest's memory goes along */
    bool is_resize;             /* its disks may become larger */
    bool is_cold;               /* it goes along switched off, with all that it has */
    bool permits_post_copy;     /* it goes in post-copy where both hosts can: what is configured for
                                 * source_host permits it. See placement_permit_post_copy */
    bool stays_off;             /* it does not run, and will not there */
    GHashTable *platforms;      /* class of hosts -> PlatformAnswer. Of live moves; NULL: they do
                                 * not matter, or the guest's is not known */
    const char *guest_stays;    /* what keeps it on its host while it runs, as that has said; "":
                                 * nothing; NULL: it was not asked. Of live moves */
    BlockMigration block_migration; /* as asked for. Of live moves */
    const GPtrArray *ports;     /* as Instance; NULL: none */
    const Instance *instance;   /* whose disks are to go along, in a move; NULL: nobody looks at
                                 * them. Else there are volumes, if none then an empty array */
    const GPtrArray *volumes;   /* Volume *, attached to it, in a create too; NULL: none */
    bool asks_storage;          /* both hosts will be asked whether they share their storage: what
                                 * is known of that is no refusal */
    bool force;                 /* the named host is taken without the checks of policy: zone,
                                 * enabled, vcpus, disk */
    bool disk_over_commit;      /* really free bytes do not matter */
    int64_t service_down_time_us;
    int64_t now_us;
} PlacementRequest;

/* What that instance needs anywhere. */
PlacementRequest placement_request(const PlacementPolicy *policy, const Instance *instance,
    int64_t service_down_time_us, int64_t now_us);
/* The same for a move of it, of whatever type. */
PlacementRequest placement_request_to_move(const PlacementPolicy *policy, const Instance *instance,
    const Migration *migration, int64_t service_down_time_us, int64_t now_us);

/* is_permitted: live_migration_permit_post_copy of where it is. One that is paused writes nothing,
 * and goes without. */
void placement_permit_post_copy(
    PlacementRequest *request, const Instance *instance, bool is_permitted);
/* What lets guests go from there to a host whose kernel gives no userfaultfd. Caller frees. */
char *placement_post_copy_fix(const char *source_host, const char *dest_host);

typedef enum {
    PLACEMENT_PASS,
    PLACEMENT_WARN,    /* it may go there, and somebody should know this */
    PLACEMENT_OFF,     /* it would fail, but is not looked at: switched off, or forced */
    PLACEMENT_UNKNOWN, /* there is nothing yet to compare */
    PLACEMENT_FAIL,    /* it may not go there */
} PlacementResult;
const char *placement_result_name(PlacementResult result); /* "pass" */

/* One check of one host. */
typedef struct PlacementRow {
    PlacementResult result;
    char *needed;    /* "2048 MiB" */
    char *have;      /* "1024 MiB" */
    char *fix;    /* one sentence for the operator; NULL: nothing is to be fixed */
} PlacementRow;

/* What one weigher adds to a host's weight: its multiplier times where the host stands between the
 * least (0) and the most (1) of all that fit, which is how Nova does it. */
typedef struct PlacementShare {
    double value;
    double share;
    double multiplier;
    bool is_of_aggregate; /* the multiplier: else it is that of the policy */
} PlacementShare;

/* What a host has of something, and what of it is given away. Processors are those that guests
 * float on. */
typedef struct PlacementGiven {
    int64_t given; /* before the request */
    int64_t more;  /* by it */
    int64_t total; /* 0: it is not known */
} PlacementGiven;

typedef struct PlacementHost {
    char *name;
    unsigned rank; /* 1 is the best; 0: it does not fit */
    double weight; /* the sum of the shares */
    PlacementRow rows[PLACEMENT_N_CHECKS];
    PlacementShare shares[PLACEMENT_N_WEIGHERS];
    PlacementGiven vcpus; /* of a record not known */
    PlacementGiven ram_mib;
} PlacementHost;

/* How many hosts failed one check first. */
typedef struct PlacementNo {
    char *check; /* its name: that of a record may be of a check that there is no more */
    unsigned n_hosts;
} PlacementNo;

/* A choice written out: what was asked for, and what each host had. It owns all of it. */
typedef struct Placement {
    int vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
    char *requested_host; /* NULL: any */
    char *zone;           /* NULL: any */
    char *source_host;    /* NULL: a create */
    unsigned n_hosts;     /* that were looked at */
    unsigned n_fit;
    PlacementHost *hosts; /* by name; of a record not all of them */
    unsigned n_told;
    PlacementNo *firsts;    /* over all hosts, in the order of the checks */
    unsigned n_firsts;
    double weight_least;  /* of those that fit; 0 when nobody does, as the next */
    double weight_most;
    char *inputs;         /* JSON: what was asked for and configured, see inputs.c; NULL: a record
                           * that has none */
    char *chosen;         /* NULL: nobody fits */
    char **short_hosts;   /* as of a StoredDecision; NULL when somebody fits, and in a record */
    char *topology;       /* what that one gives to the guest; NULL: nothing, or it is a record */
    char *reason;         /* why nobody fits, as a request would be told; NULL: somebody does */
    char *fails_with;     /* a request is not told that: it knows less, goes on, and its move fails
                           * with this. NULL: it is told; and in a record */
} Placement;

/* Of the hosts that fit the one with the greatest weight is chosen, ties by name. What is known of
 * the storage of two hosts may be old: it leads to hosts with the storage that is asked for, and
 * where there are none it refuses nothing: whoever moves the guest asks both. The error is the
 * one text that says why nobody fits, as Nova says it where Nova has a text, bounded for a fleet of
 * any size. The name is borrowed from hosts. For store_claim. decision NULL: nobody will ask for it
 * later; else its text and how long it is kept are set, also when nobody fits, and what the host
 * gives to the guest when somebody does. */
const char *scheduler_choose(const PlacementRequest *request, const HostIndex *hosts,
    StoredDecision *decision, GError **error);
/* The same choice with every check of every host written out. What keeps the guest on its host and
 * what came of a rehearsal no request knows: the reason is the one without, if there is one. */
Placement *scheduler_explain(const PlacementRequest *request, const HostIndex *hosts);
/* The same of so many hosts, if there are more: the best ones, and examples of each no. */
Placement *scheduler_explain_some(
    const PlacementRequest *request, const HostIndex *hosts, unsigned max);
void placement_free(Placement *placement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Placement, placement_free)

/* ---- record.c: a placement as it is stored ---- */
char *placement_to_text(const Placement *placement);
/* What it says of checks and weighers that there are no more is left out. ERROR_INTERNAL: it is
 * none. */
Placement *placement_from_text(const char *text, GError **error);

/* ---- verdicts.c: what a decision has found of each host ---- */
typedef struct PlacementVerdict {
    const char *failed; /* the check that it failed first, of the placement's firsts; NULL: it fits,
                         * and the rest says how well, as exactly as is kept */
    double weight_least;
    double weight_most;
    unsigned rank_first;
    unsigned rank_last;
} PlacementVerdict;
/* verdicts: as of a StoredDecision, with its placement; at: the place of a host in its hosts.
 * False: there is none. */
bool placement_read_verdict(
    const Placement *placement, GBytes *verdicts, unsigned at, PlacementVerdict *ret_verdict);
