/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/internal.h"

#include "model/bad_version.h"

#include <math.h>
#include <string.h>

static const char *const check_names[] = {
#define X(name, text, filter) [PLACEMENT_CHECK_##name] = text,
    PLACEMENT_CHECKS(X)
#undef X
};

static const PlacementFilter check_filters[] = {
#define X(name, text, filter) [PLACEMENT_CHECK_##name] = FILTER_##filter,
    PLACEMENT_CHECKS(X)
#undef X
};

const char *
placement_check_name(PlacementCheck check)
{
    g_assert((unsigned)check < PLACEMENT_N_CHECKS);
    return check_names[check];
}

const char *
placement_check_filter(PlacementCheck check)
{
    g_assert((unsigned)check < PLACEMENT_N_CHECKS);
    return placement_filter_name(check_filters[check]);
}

const char *
placement_result_name(PlacementResult result)
{
    static const char *const names[] = {
        [PLACEMENT_PASS] = "pass",
        [PLACEMENT_WARN] = "warn",
        [PLACEMENT_OFF] = "off",
        [PLACEMENT_UNKNOWN] = "unknown",
        [PLACEMENT_FAIL] = "fail",
    };
    g_assert((unsigned)result < G_N_ELEMENTS(names));
    return names[result];
}

/* Texts are made for those who want them. */
PlacementResult
check_answer(bool passed, const char *fix, PlacementRow *row)
{
    if (row != NULL && !passed) {
        row->fix = fix;
    }
    return passed ? PLACEMENT_PASS : PLACEMENT_FAIL;
}

PlacementResult
check_unless_forced(PlacementResult result, const Subject *subject)
{
    return result == PLACEMENT_FAIL && subject->request->force ? PLACEMENT_OFF : result;
}

static PlacementResult
check_requested(const Subject *subject, PlacementRow *row)
{
    const char *requested = subject->request->requested_host;
    if (row != NULL) {
        row->needed =
            requested == NULL ? g_strdup("any host") : g_strdup_printf("host '%s'", requested);
        row->have = g_strdup(subject->host->name);
    }
    return check_answer(requested == NULL || strcmp(requested, subject->host->name) == 0,
        "ask for this host, or for none", row);
}

static PlacementResult
check_not_source(const Subject *subject, PlacementRow *row)
{
    bool passed = subject->host != subject->source &&
        (subject->source != NULL ||
            g_strcmp0(subject->request->source_host, subject->host->name) != 0);
    if (row != NULL) {
        row->needed = g_strdup("another host");
        row->have = g_strdup(passed ? "another host" : "the host it is on");
    }
    return check_answer(passed, "name another host", row);
}

static PlacementResult
check_zone(const Subject *subject, PlacementRow *row)
{
    const char *zone = subject->request->zone;
    if (row != NULL) {
        row->needed = zone == NULL ? g_strdup("any zone") : g_strdup_printf("zone '%s'", zone);
        row->have = g_strdup_printf("zone '%s'", subject->host->zone);
    }
    bool passed = zone == NULL || subject->zone == subject->entry->zone;
    return check_unless_forced(
        check_answer(passed, "name a host of its zone, or force it", row), subject);
}

static PlacementResult
check_alive(const Subject *subject, PlacementRow *row)
{
    const Host *host = subject->host;
    bool passed = !subject->entry->is_fenced;
    if (row != NULL) {
        row->needed = g_strdup("not declared dead");
        row->have = g_strdup(passed ? "not declared dead"
                : host->forced_down ? "'forced down'"
                                    : "its power is off");
    }
    return check_answer(passed, "once it runs again, unset its forced-down state", row);
}

static PlacementResult
check_up(const Subject *subject, PlacementRow *row)
{
    const PlacementRequest *request = subject->request;
    int64_t last_seen_us = subject->entry->last_seen_us;
    bool is_seen = last_seen_us != 0;
    int64_t silent_us = request->now_us - last_seen_us;
    /* Death is the check before this one. */
    bool passed = is_seen && silent_us <= request->service_down_time_us;
    if (row != NULL) {
        row->needed = g_strdup("'up'");
        row->have = passed ? g_strdup("'up'")
            : is_seen
            ? g_strdup_printf("'down', last seen %" G_GINT64_FORMAT " s ago",
                  silent_us / G_USEC_PER_SEC)
            : g_strdup("'down', never seen");
    }
    return check_answer(passed, "see why the host does not answer", row);
}

static PlacementResult
check_enabled(const Subject *subject, PlacementRow *row)
{
    const Host *host = subject->host;
    if (row != NULL) {
        row->needed = g_strdup("'enabled'");
        row->have = host->enabled ? g_strdup("'enabled'")
            : host->disabled_reason == NULL
            ? g_strdup("'disabled'")
            : g_strdup_printf("'disabled' (%s)", host->disabled_reason);
    }
    return check_unless_forced(
        check_answer(subject->entry->enabled, "enable its compute service", row), subject);
}

static PlacementResult
check_connected(const Subject *subject, PlacementRow *row)
{
    const Host *host = subject->host;
    if (row != NULL) {
        row->needed = g_strdup("a connection");
        row->have = g_strdup(host->connected ? "a connection"
                : host->connect_error == NULL ? "none yet"
                                              : host->connect_error);
    }
    return check_answer(subject->entry->connected, "see why the host does not answer", row);
}

static PlacementResult
check_facts(const Subject *subject, PlacementRow *row)
{
    bool passed = subject->entry->has_facts;
    if (row != NULL) {
        row->needed = g_strdup("known capacity");
        row->have = g_strdup(passed ? "known capacity" : "none yet");
    }
    return check_answer(passed, "wait until the host has been probed", row);
}

/* What must match the source matches when there is none, or when it has said nothing. */
static bool
has_source(const Subject *subject)
{
    return subject->source_entry != NULL && subject->source_entry->has_facts;
}

static PlacementResult
check_arch(const Subject *subject, PlacementRow *row)
{
    const char *have = subject->host->facts.arch;
    const char *needed = has_source(subject) ? subject->source->facts.arch : NULL;
    if (row != NULL) {
        row->needed = g_strdup(needed != NULL ? needed : "any");
        row->have = g_strdup(have != NULL ? have : "not told");
    }
    return check_answer(
        !has_source(subject) || subject->source_entry->arch == subject->entry->arch,
        "use a host of the same architecture", row);
}

static char *
version_text(int version)
{
    return g_strdup_printf("%d.%d.%d", version / 1000000, version / 1000 % 1000, version % 1000);
}

static PlacementResult
check_version(const Subject *subject, PlacementRow *row)
{
    int have = subject->entry->hypervisor_version;
    int needed = has_source(subject) ? subject->source_entry->hypervisor_version : 0;
    if (row != NULL) {
        row->needed = needed == 0 ? g_strdup("any") : version_text(needed);
        row->have = version_text(have);
    }
    return check_answer(have >= needed, "upgrade its hypervisor", row);
}

/* Of the words that are between commas. */
static bool
has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at == words || at[-1] == ',';
        if (begins && (at[length] == '\0' || at[length] == ',')) {
            return true;
        }
    }
    return false;
}

/* What is known to go wrong with guests like the source's on their way from it; NULL: nothing. */
static const BadVersion *
source_is_unsafe(const Subject *subject)
{
    if (!subject->request->is_live || !has_source(subject)) {
        return NULL;
    }
    const HostFacts *facts = &subject->source->facts;
    const BadVersion *bad = bad_version_find(true, facts->hypervisor_version);
    bool is_emulated = facts->offers != NULL && has_word(facts->offers, "qemu");
    return bad != NULL && bad->loses_guests && is_emulated ? bad : NULL;
}

static PlacementResult
check_version_safe(const Subject *subject, PlacementRow *row)
{
    const BadVersion *bad = source_is_unsafe(subject);
    if (row != NULL) {
        bool is_known = subject->request->is_live && has_source(subject);
        int from = is_known ? subject->source->facts.hypervisor_version : 0;
        g_autofree char *source = version_text(from);
        g_autofree char *here = version_text(subject->host->facts.hypervisor_version);
        row->needed = g_strdup("a pair of versions that guests survive");
        row->have = from == 0 ? g_strdup(here)
            : bad != NULL ? g_strdup_printf("QEMU %s to %s: %s", source, here, bad->what)
                          : g_strdup_printf("QEMU %s to %s", source, here);
    }
    return check_answer(
        bad == NULL, "move it cold, or update QEMU on the source, or give it KVM", row);
}

/* what: a word of the host's offers; NULL: the guest needs nothing of the kind. */
static PlacementResult
check_offer(const Subject *subject, const char *what, const char *fix, PlacementRow *row)
{
    const char *offers = subject->host->facts.offers;
    if (row != NULL) {
        row->needed = g_strdup(what != NULL ? what : "nothing special");
        row->have = g_strdup(offers != NULL ? offers : "not told");
    }
    if (what != NULL && offers == NULL) {
        return PLACEMENT_UNKNOWN;
    }
    return check_answer(what == NULL || has_word(offers, what), fix, row);
}

static PlacementResult
check_firmware(const Subject *subject, PlacementRow *row)
{
    return check_offer(subject, subject->request->firmware, "install ovmf on it", row);
}

static PlacementResult
check_tpm(const Subject *subject, PlacementRow *row)
{
    return check_offer(subject, subject->request->tpm_version != NULL ? "tpm" : NULL,
        "install swtpm and swtpm-tools on it", row);
}

static PlacementResult
check_cpu(const Subject *subject, PlacementRow *row)
{
    GHashTable *cpus = subject->request->cpus;
    const CpuAnswer *answer =
        cpus != NULL ? g_hash_table_lookup(cpus, subject->host->name) : NULL;
    if (row != NULL) {
        row->needed = g_strdup("the CPU of the guest");
    }
    if (answer == NULL) {
        if (row != NULL) {
            row->have = g_strdup("not asked");
        }
        return PLACEMENT_UNKNOWN;
    }
    if (row != NULL) {
        int64_t age_us = subject->request->now_us - answer->asked_us;
        row->have = g_strdup_printf("asked %d min ago, host '%s' says: %s",
            (int)(age_us / G_USEC_PER_SEC / 60), answer->asked_host,
            answer->refusal != NULL ? answer->refusal : "yes");
    }
    return check_answer(answer->refusal == NULL,
        "choose a host with these features, or give guests a processor that all hosts have: "
        "'drover cpu baseline --apply HOST...'",
        row);
}

static PlacementResult
check_refused(const Subject *subject, PlacementRow *row)
{
    GHashTable *refusals = subject->request->refusals;
    const char *reason =
        refusals != NULL ? g_hash_table_lookup(refusals, subject->host->name) : NULL;
    if (row != NULL) {
        row->needed = g_strdup("a host that can run the guest");
        row->have = g_strdup(reason != NULL ? reason : "asked when it is chosen");
    }
    return reason == NULL ? PLACEMENT_UNKNOWN
                          : check_answer(false, "see what keeps it from that", row);
}

/* After this a failure is no proof any more that the next one fails as well. */
static const int64_t CANARY_FRESH_US = 600 * G_USEC_PER_SEC;

static PlacementResult
fill_canary(const Subject *subject, const Canary *canary, PlacementRow *row)
{
    int64_t age_us = subject->request->now_us - canary->tried_us;
    bool is_fresh = age_us < CANARY_FRESH_US;
    if (row != NULL) {
        row->have = g_strdup_printf("the canary from there %s %d min ago%s%s",
            canary->error != NULL ? "failed" : "arrived", (int)(age_us / G_USEC_PER_SEC / 60),
            canary->error != NULL ? ": " : "", canary->error != NULL ? canary->error : "");
        row->fix = "mend the way, and send another: 'drover host lint SOURCE DESTINATION'";
    }
    return canary->error == NULL ? PLACEMENT_PASS
        : is_fresh               ? PLACEMENT_FAIL
                                 : PLACEMENT_WARN;
}

static PlacementResult
check_canary(const Subject *subject, PlacementRow *row)
{
    GHashTable *canaries = subject->request->canaries;
    const Canary *canary =
        canaries != NULL ? g_hash_table_lookup(canaries, subject->host->name) : NULL;
    if (row != NULL) {
        row->needed = g_strdup("a way for guests from their host");
    }
    if (canary != NULL && canary->tried_us != 0) {
        return check_unless_forced(fill_canary(subject, canary, row), subject);
    }
    if (row != NULL) {
        row->have = g_strdup("no canary was sent");
    }
    return PLACEMENT_UNKNOWN;
}

/* ratio times the whole, less what is reserved and taken. No floor(): it is asked of every host. */
static int64_t
left(int64_t whole, double ratio, int64_t reserved, int64_t taken)
{
    return (int64_t)((double)(whole - reserved) * ratio) - taken;
}

static PlacementRatios
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

PlacementRatios
placement_ratios(const PlacementPolicy *policy, const Host *host)
{
    return ratios_with(policy, host->aggregates);
}

static PlacementRatios
ratios_of(const Subject *subject)
{
    return ratios_with(subject->request->policy, subject->entry->aggregates);
}

int64_t
subject_free_ram_mib(const Subject *subject)
{
    return left(subject->entry->memory_mib, ratios_of(subject).ram,
        subject->request->policy->reserved_host_memory_mib,
        subject->usage->ram_mib + subject->usage->foreign_ram_mib);
}

int64_t
subject_free_vcpus(const Subject *subject)
{
    /* Pinned guests have processors of their own. */
    return left(subject->entry->vcpus, ratios_of(subject).cpu, 0,
        subject->usage->vcpus - subject->usage->dedicated_vcpus + subject->usage->foreign_vcpus);
}

int64_t
subject_free_disk_gib(const Subject *subject)
{
    return left(subject->entry->pool_capacity_gib,
        ratios_of(subject).disk, 0, subject->usage->disk_gib);
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

static PlacementResult
check_ram(const Subject *subject, PlacementRow *row)
{
    PlacementResult result = compare(subject->request->ram_mib, subject_free_ram_mib(subject),
        "MiB", "free memory, or raise ram_allocation_ratio", row);
    tell_foreign(row, subject->usage->foreign_ram_mib, "MiB");
    return result;
}

/* As old as the host's facts, and a guest takes its memory little by little: it says that memory
 * may be short, not that it is. */
static PlacementResult
check_ram_free(const Subject *subject, PlacementRow *row)
{
    PlacementResult result = compare(subject->request->ram_mib,
        subject->host->facts.memory_free_mib, "MiB really free",
        "see what takes its memory: it may have to swap", row);
    return result == PLACEMENT_FAIL ? PLACEMENT_WARN : result;
}

static PlacementResult
check_vcpus(const Subject *subject, PlacementRow *row)
{
    int needed = subject->numa.is_dedicated ? 0 : subject->request->vcpus;
    PlacementResult result = compare(needed, subject_free_vcpus(subject), "vCPUs",
        subject->host->facts.has_floating_cpus
            ? "free some, raise cpu_allocation_ratio, or add to its cpu_shared_set"
            : "free some, or raise cpu_allocation_ratio",
        row);
    tell_foreign(row, subject->usage->foreign_vcpus, "vCPUs");
    return check_unless_forced(result, subject);
}

static PlacementResult
check_disk(const Subject *subject, PlacementRow *row)
{
    PlacementResult result = compare(subject->request->disk_gib, subject_free_disk_gib(subject),
        "GiB", "free some, or raise disk_allocation_ratio", row);
    return check_unless_forced(result, subject);
}

/* An operator who promises more than there is also accepts that less than promised is free. */
static PlacementResult
check_disk_free(const Subject *subject, PlacementRow *row)
{
    const PlacementRequest *request = subject->request;
    double ratio = MAX(ratios_of(subject).disk, 1.0);
    PlacementResult result = compare((int64_t)ceil((double)request->disk_gib / ratio),
        subject->entry->pool_available_gib, "GiB really free",
        "free space in its pool, or allow disk overcommit", row);
    return result == PLACEMENT_FAIL && request->disk_over_commit ? PLACEMENT_OFF : result;
}

static PlacementResult
check_instances(const Subject *subject, PlacementRow *row)
{
    int most = subject->request->policy->max_instances_per_host;
    int have = subject->usage->claims;
    if (row != NULL) {
        row->needed = most == 0 ? g_strdup("any number")
                                : g_strdup_printf("less than %d instances", most);
        row->have = g_strdup_printf("%d instances", have);
    }
    return check_answer(most == 0 || have < most, "free it, or raise max_instances_per_host", row);
}

static const CheckFunction checks[] = {
    [PLACEMENT_CHECK_REQUESTED] = check_requested,
    [PLACEMENT_CHECK_NOT_SOURCE] = check_not_source,
    [PLACEMENT_CHECK_ZONE] = check_zone,
    [PLACEMENT_CHECK_CELL] = check_cell,
    [PLACEMENT_CHECK_POOL] = check_pool,
    [PLACEMENT_CHECK_TENANT] = check_tenant,
    [PLACEMENT_CHECK_EXTRA_SPECS] = check_extra_specs,
    [PLACEMENT_CHECK_ALIVE] = check_alive,
    [PLACEMENT_CHECK_UP] = check_up,
    [PLACEMENT_CHECK_ENABLED] = check_enabled,
    [PLACEMENT_CHECK_CONNECTED] = check_connected,
    [PLACEMENT_CHECK_FACTS] = check_facts,
    [PLACEMENT_CHECK_ARCH] = check_arch,
    [PLACEMENT_CHECK_VERSION] = check_version,
    [PLACEMENT_CHECK_VERSION_SAFE] = check_version_safe,
    [PLACEMENT_CHECK_FIRMWARE] = check_firmware,
    [PLACEMENT_CHECK_TPM] = check_tpm,
    [PLACEMENT_CHECK_CPU] = check_cpu,
    [PLACEMENT_CHECK_REFUSED] = check_refused,
    [PLACEMENT_CHECK_CANARY] = check_canary,
    [PLACEMENT_CHECK_NUMA_FILTERS] = check_numa_filters,
    [PLACEMENT_CHECK_RAM] = check_ram,
    [PLACEMENT_CHECK_RAM_FREE] = check_ram_free,
    [PLACEMENT_CHECK_VCPUS] = check_vcpus,
    [PLACEMENT_CHECK_DEDICATED_CPUS] = check_dedicated_cpus,
    [PLACEMENT_CHECK_HUGE_PAGES] = check_huge_pages,
    [PLACEMENT_CHECK_NUMA] = check_numa,
    [PLACEMENT_CHECK_DISK] = check_disk,
    [PLACEMENT_CHECK_DISK_FREE] = check_disk_free,
    [PLACEMENT_CHECK_INSTANCES] = check_instances,
    [PLACEMENT_CHECK_AFFINITY] = check_affinity,
    [PLACEMENT_CHECK_ANTI_AFFINITY] = check_anti_affinity,
};
G_STATIC_ASSERT(G_N_ELEMENTS(checks) == PLACEMENT_N_CHECKS);

static bool
is_switched_off(const Subject *subject, PlacementCheck check)
{
    PlacementFilter filter = check_filters[check];
    return filter != FILTER_NONE && (subject->request->policy->filters_off & (1U << filter)) != 0;
}

/* Without facts there is nothing to compare: the row of the facts says it. */
static bool
is_blind(const Subject *subject, PlacementCheck check)
{
    return check > PLACEMENT_CHECK_FACTS && !subject->entry->has_facts;
}

PlacementResult
placement_check(const Subject *subject, PlacementCheck check, PlacementRow *row)
{
    PlacementResult result = checks[check](subject, row);
    if (is_blind(subject, check)) {
        result = PLACEMENT_UNKNOWN;
    } else if (result == PLACEMENT_FAIL && is_switched_off(subject, check)) {
        result = PLACEMENT_OFF;
    }
    if (row != NULL) {
        row->result = result;
        row->fix = result == PLACEMENT_FAIL || result == PLACEMENT_WARN ? row->fix : NULL;
    }
    return result;
}

CheckFunction
placement_check_function(PlacementCheck check)
{
    return checks[check];
}

bool
placement_can_fail(const Subject *subject, PlacementCheck check)
{
    const PlacementRequest *request = subject->request;
    if (is_switched_off(subject, check)) {
        return false;
    }
    switch (check) {
    case PLACEMENT_CHECK_REQUESTED: return request->requested_host != NULL;
    case PLACEMENT_CHECK_NOT_SOURCE: return request->source_host != NULL;
    case PLACEMENT_CHECK_ZONE: return request->zone != NULL;
    case PLACEMENT_CHECK_CELL: return subject->source != NULL;
    case PLACEMENT_CHECK_EXTRA_SPECS: return subject->specs->len > 0;
    case PLACEMENT_CHECK_ARCH:
    case PLACEMENT_CHECK_VERSION: return has_source(subject);
    case PLACEMENT_CHECK_VERSION_SAFE: return source_is_unsafe(subject) != NULL;
    case PLACEMENT_CHECK_FIRMWARE: return request->firmware != NULL;
    case PLACEMENT_CHECK_TPM: return request->tpm_version != NULL;
    case PLACEMENT_CHECK_CPU: return request->cpus != NULL;
    case PLACEMENT_CHECK_REFUSED: return request->refusals != NULL;
    case PLACEMENT_CHECK_CANARY: return request->canaries != NULL;
    case PLACEMENT_CHECK_NUMA_FILTERS:
        return request->is_live && numa_request_binds(&subject->numa);
    case PLACEMENT_CHECK_DEDICATED_CPUS: return subject->numa.is_dedicated;
    case PLACEMENT_CHECK_HUGE_PAGES: return subject->numa.asks_pages;
    case PLACEMENT_CHECK_NUMA: return numa_request_binds(&subject->numa);
    case PLACEMENT_CHECK_RAM_FREE: return false;
    case PLACEMENT_CHECK_INSTANCES: return request->policy->max_instances_per_host > 0;
    case PLACEMENT_CHECK_AFFINITY: return request->group_policy == SERVER_GROUP_AFFINITY;
    case PLACEMENT_CHECK_ANTI_AFFINITY: return request->group_policy == SERVER_GROUP_ANTI_AFFINITY;
    case PLACEMENT_CHECK_POOL:
    case PLACEMENT_CHECK_TENANT:
    case PLACEMENT_CHECK_ALIVE:
    case PLACEMENT_CHECK_UP:
    case PLACEMENT_CHECK_ENABLED:
    case PLACEMENT_CHECK_CONNECTED:
    case PLACEMENT_CHECK_FACTS:
    case PLACEMENT_CHECK_RAM:
    case PLACEMENT_CHECK_VCPUS:
    case PLACEMENT_CHECK_DISK:
    case PLACEMENT_CHECK_DISK_FREE: return true;
    case PLACEMENT_N_CHECKS: break;
    }
    g_assert_not_reached();
}
