/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of what is counted: memory, processors, disk, instances. */
#include "scheduler/internal.h"

#include <math.h>

PlacementRatios
placement_ratios(const PlacementPolicy *policy, const Host *host)
{
    return ratios_with(policy, host->aggregates);
}

int
placement_reserved_cpus(const PlacementPolicy *policy, const Host *host)
{
    /* The host's record is looked at where there is something to keep alone. */
    return policy->reserved_host_cpus > 0 && !host->facts.has_floating_cpus
        ? policy->reserved_host_cpus
        : 0;
}

int64_t
placement_reserved_memory_mib(const PlacementPolicy *policy, const Host *host)
{
    return MIN(policy->reserved_host_memory_mib, host->facts.memory_mib);
}

static PlacementResult
compare(int64_t needed, int64_t have, const char *unit, const char *fix, PlacementRow *row)
{
    if (row != NULL) {
        row->needed = g_strdup_printf("%" G_GINT64_FORMAT " %s", needed, unit);
        row->have = g_strdup_printf("%" G_GINT64_FORMAT " %s", MAX(have, 0), unit);
    }
    return check_answer(needed <= have, fix, row);
}

/* Nobody looks for what no instance takes. */
static void
tell_foreign(PlacementRow *row, int64_t foreign, const char *unit)
{
    if (row != NULL && foreign > 0) {
        g_autofree char *have = row->have;
        row->have = g_strdup_printf("%s (%" G_GINT64_FORMAT
                                    " %s are taken by domains that are not drover's)",
            have, foreign, unit);
    }
}

/* A ratio is how often a host is promised, to several: one alone gets no more than there is.
 * Source: Placement, max_unit. */
static PlacementResult
refuse_giant(
    int64_t needed, int64_t whole, const char *unit, const char *fix, PlacementRow *row)
{
    if (row != NULL) {
        row->needed = g_strdup_printf("%" G_GINT64_FORMAT " %s on one host", needed, unit);
        row->have = g_strdup_printf("%" G_GINT64_FORMAT " %s in all", whole, unit);
    }
    return check_answer(false, fix, row);
}

#define FIX_GIANT "take a smaller flavor or a larger host: no ratio lets one server have more"

PlacementResult
check_ram(const Subject *subject, PlacementRow *row)
{
    int64_t needed = subject->request->ram_mib;
    if (needed > subject->entry->memory_mib) {
        return refuse_giant(needed, subject->entry->memory_mib, "MiB", FIX_GIANT, row);
    }
    PlacementResult result = compare(needed, subject_free_ram_mib(subject), "MiB",
        "free memory, or raise ram_allocation_ratio", row);
    tell_foreign(row, subject->usage->foreign_ram_mib, "MiB");
    return result;
}

/* Nobody gets it in two places, and guests that are on their way get it before others: it is free
 * as long as they are not there. What the host itself uses is not free already: what is reserved
 * for it counts as far as it does not lie in memory that nobody claims. */
static int64_t
really_left(int64_t whole, int64_t free_mib, const HostUsage *usage, int64_t reserved)
{
    int64_t unclaimed = whole - usage->ram_mib - usage->foreign_ram_mib;
    int64_t left_mib = free_mib - usage->arriving_ram_mib;
    return MIN(left_mib, MAX(left_mib, unclaimed) - reserved);
}

bool
placement_has_memory(const PlacementPolicy *policy, const Host *host, const HostUsage *usage)
{
    const HostFacts *facts = &host->facts;
    return policy->ram_over_commit ||
        really_left(facts->memory_mib, facts->memory_free_mib, usage,
            policy->reserved_host_memory_mib) >= 0;
}

bool
placement_takes_free_memory(const Instance *instance)
{
    const Flavor *flavor = &instance->flavor;
    NumaRequest numa = {0};
    bool is_read = numa_request_read(
        flavor->extra_specs_json, flavor->vcpus, flavor->ram_mib, &numa, NULL);
    return instance->vm_state != VM_STATE_STOPPED &&
        !(is_read && numa_request_has_huge_pages(&numa));
}

bool
subject_takes_free_memory(const Subject *subject)
{
    return !subject->request->stays_off && !numa_request_has_huge_pages(&subject->numa);
}

static void
tell_arriving(const Subject *subject, int64_t left_mib, PlacementRow *row)
{
    const HostEntry *entry = subject->entry;
    int64_t arriving = subject->usage->arriving_ram_mib;
    if (row != NULL && arriving > 0) {
        int64_t kept_mib = entry->memory_free_mib - arriving - left_mib;
        g_autofree char *kept = kept_mib > 0
            ? g_strdup_printf(" and %" G_GINT64_FORMAT " MiB kept for itself", kept_mib)
            : g_strdup("");
        g_autofree char *have = row->have;
        row->have = g_strdup_printf("%s (of %" G_GINT64_FORMAT " MiB, with %" G_GINT64_FORMAT
                                    " MiB for guests on their way to it%s)",
            have, entry->memory_free_mib, arriving, kept);
    }
}

PlacementResult
check_ram_free(const Subject *subject, PlacementRow *row)
{
    const HostEntry *entry = subject->entry;
    const PlacementPolicy *policy = subject->request->policy;
    int64_t needed = subject_takes_free_memory(subject) ? subject->request->ram_mib : 0;
    int64_t left_mib = really_left(entry->memory_mib, entry->memory_free_mib, subject->usage,
        policy->reserved_host_memory_mib);
    PlacementResult result = compare(needed, left_mib, "MiB really free",
        "see what takes its memory, or move guests off it", row);
    tell_arriving(subject, left_mib, row);
    return result == PLACEMENT_FAIL && (needed == 0 || policy->ram_over_commit)
        ? needed == 0 ? PLACEMENT_PASS : PLACEMENT_WARN
        : result;
}

/* It has as many processors: for pinned guests, or for none. */
#define FIX_KEPT_BACK "add to its cpu_shared_set and restart droverd, or take a smaller flavor"

PlacementResult
check_vcpus(const Subject *subject, PlacementRow *row)
{
    int needed = subject->numa.is_dedicated ? 0 : subject->request->vcpus;
    bool has_sets = row != NULL && subject->host->facts.has_floating_cpus;
    if (needed > subject->entry->vcpus) {
        bool is_kept_back = has_sets && needed <= subject->host->facts.vcpus;
        const char *fix = is_kept_back ? FIX_KEPT_BACK : FIX_GIANT;
        return check_unless_forced(
            refuse_giant(needed, subject->entry->vcpus, "vCPUs", fix, row), subject);
    }
    PlacementResult result = compare(needed, subject_free_vcpus(subject), "vCPUs",
        has_sets ? "free some, raise cpu_allocation_ratio, or add to its cpu_shared_set"
                 : "free some, or raise cpu_allocation_ratio",
        row);
    tell_foreign(row, subject->usage->foreign_vcpus, "vCPUs");
    return check_unless_forced(result, subject);
}

PlacementResult
check_disk(const Subject *subject, PlacementRow *row)
{
    PlacementResult result = compare(subject->request->disk_gib, subject_free_disk_gib(subject),
        "GiB", "free some, or raise disk_allocation_ratio", row);
    return check_unless_forced(result, subject);
}

/* An operator who promises more than there is also accepts that less than promised is free. */
PlacementResult
check_disk_free(const Subject *subject, PlacementRow *row)
{
    const PlacementRequest *request = subject->request;
    int64_t available = subject->entry->pool_available_gib;
    int64_t needed = request->disk_gib;
    /* Most hosts have the room, and then neither is divided nor their own record looked at. */
    if (row != NULL || needed > available) {
        needed = (int64_t)ceil((double)needed / MAX(ratios_of(subject).disk, 1.0));
    }
    if ((row != NULL || needed > available) && storage_stays(subject)) {
        needed = 0;
    }
    PlacementResult result = compare(needed, available, "GiB really free",
        "free space in its pool, or allow disk overcommit", row);
    return result == PLACEMENT_FAIL && request->disk_over_commit ? PLACEMENT_OFF : result;
}

static PlacementResult
compare_count(int most, int have, const char *what, const char *fix, PlacementRow *row)
{
    if (row != NULL) {
        row->needed = most == 0 ? g_strdup("any number")
                                : g_strdup_printf("less than %d %s", most, what);
        row->have = g_strdup_printf("%d %s", have, what);
    }
    return check_answer(most == 0 || have < most, fix, row);
}

/* What its aggregates say, else what holds for all. */
static int
limit_of(int own, int common)
{
    return own != 0 ? own : common;
}

PlacementResult
check_instances(const Subject *subject, PlacementRow *row)
{
    return compare_count(subject->request->policy->max_instances_per_host, subject->usage->claims,
        "instances", "free it, or raise max_instances_per_host", row);
}

PlacementResult
check_aggregate_instances(const Subject *subject, PlacementRow *row)
{
    const HostAggregates *own = subject->entry->aggregates;
    int most = limit_of(own != NULL ? own->max_instances_per_host : 0,
        subject->request->policy->max_instances_per_host);
    return compare_count(most, subject->usage->claims, "instances",
        "free it, or raise max_instances_per_host of its aggregate", row);
}

PlacementResult
check_io_ops(const Subject *subject, PlacementRow *row)
{
    return compare_count(subject->request->policy->max_io_ops_per_host, subject->usage->io_ops,
        "being made or moved", "wait for them, or raise max_io_ops_per_host", row);
}

PlacementResult
check_aggregate_io_ops(const Subject *subject, PlacementRow *row)
{
    const HostAggregates *own = subject->entry->aggregates;
    int most = limit_of(own != NULL ? own->max_io_ops_per_host : 0,
        subject->request->policy->max_io_ops_per_host);
    return compare_count(most, subject->usage->io_ops, "being made or moved",
        "wait for them, or raise max_io_ops_per_host of its aggregate", row);
}
