/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/scheduler.h"

#include <math.h>
#include <string.h>

static const int64_t GIB = INT64_C(1) << 30;

static const char *const check_names[] = {
#define X(name, text) [PLACEMENT_CHECK_##name] = text,
    PLACEMENT_CHECKS(X)
#undef X
};

const char *
placement_check_name(PlacementCheck check)
{
    g_assert((unsigned)check < PLACEMENT_N_CHECKS);
    return check_names[check];
}

/* What a check looks at. */
typedef struct Subject {
    const PlacementRequest *request;
    const Host *host;
    const Host *source; /* NULL: a create, or the source is not known */
    const HostUsage *usage;
} Subject;

static PlacementRow
row_fail(char *needed, char *have, const char *fix)
{
    return (PlacementRow){.needed = needed, .have = have, .fix = g_strdup(fix)};
}

static const PlacementRow row_pass = {.passed = true};

static PlacementRow
check_requested(const Subject *subject)
{
    const char *requested = subject->request->requested_host;
    if (requested == NULL || strcmp(requested, subject->host->name) == 0) {
        return row_pass;
    }
    return row_fail(g_strdup_printf("host '%s'", requested), g_strdup(subject->host->name),
        "ask for this host, or for none");
}

static PlacementRow
check_not_source(const Subject *subject)
{
    if (g_strcmp0(subject->request->source_host, subject->host->name) != 0) {
        return row_pass;
    }
    return row_fail(g_strdup("another host"), g_strdup("the host it is on"), "name another host");
}

static PlacementRow
check_zone(const Subject *subject)
{
    const char *zone = subject->request->zone;
    if (zone == NULL || subject->request->force || g_strcmp0(zone, subject->host->zone) == 0) {
        return row_pass;
    }
    return row_fail(g_strdup_printf("zone '%s'", zone),
        g_strdup_printf("zone '%s'", subject->host->zone), "name a host of its zone, or force it");
}

static PlacementRow
check_up(const Subject *subject)
{
    const PlacementRequest *request = subject->request;
    if (host_is_up(subject->host, request->now_us, request->service_down_time_us)) {
        return row_pass;
    }
    char *have = NULL;
    if (subject->host->forced_down) {
        have = g_strdup("'forced down'");
    } else if (subject->host->last_seen_us == 0) {
        have = g_strdup("'down', never seen");
    } else {
        have = g_strdup_printf("'down', last seen %" G_GINT64_FORMAT " s ago",
            (request->now_us - subject->host->last_seen_us) / G_USEC_PER_SEC);
    }
    return row_fail(g_strdup("'up'"), have, "see why the host does not answer");
}

static PlacementRow
check_enabled(const Subject *subject)
{
    if (subject->host->enabled || subject->request->force) {
        return row_pass;
    }
    const char *reason = subject->host->disabled_reason;
    return row_fail(g_strdup("'enabled'"),
        reason == NULL ? g_strdup("'disabled'") : g_strdup_printf("'disabled' (%s)", reason),
        "enable its compute service");
}

static PlacementRow
check_connected(const Subject *subject)
{
    if (subject->host->connected) {
        return row_pass;
    }
    const char *reason = subject->host->connect_error;
    return row_fail(g_strdup("a connection"), g_strdup(reason == NULL ? "none yet" : reason),
        "see why the host does not answer");
}

static PlacementRow
check_facts(const Subject *subject)
{
    if (subject->host->has_facts) {
        return row_pass;
    }
    return row_fail(
        g_strdup("known capacity"), g_strdup("none yet"), "wait until the host has been probed");
}

static PlacementRow
check_arch(const Subject *subject)
{
    if (subject->source == NULL || !subject->source->has_facts ||
        g_strcmp0(subject->source->facts.arch, subject->host->facts.arch) == 0) {
        return row_pass;
    }
    return row_fail(g_strdup(subject->source->facts.arch), g_strdup(subject->host->facts.arch),
        "use a host of the same architecture");
}

static char *
version_text(int version)
{
    return g_strdup_printf("%d.%d.%d", version / 1000000, version / 1000 % 1000, version % 1000);
}

static PlacementRow
check_version(const Subject *subject)
{
    if (subject->source == NULL || !subject->source->has_facts ||
        subject->host->facts.hypervisor_version >= subject->source->facts.hypervisor_version) {
        return row_pass;
    }
    return row_fail(version_text(subject->source->facts.hypervisor_version),
        version_text(subject->host->facts.hypervisor_version), "upgrade its hypervisor");
}

static PlacementRow
check_refused(const Subject *subject)
{
    GHashTable *refusals = subject->request->refusals;
    const char *reason =
        refusals != NULL ? g_hash_table_lookup(refusals, subject->host->name) : NULL;
    if (reason == NULL) {
        return row_pass;
    }
    return row_fail(g_strdup("a host that can run the guest"), g_strdup(reason),
        "see what keeps it from that");
}

/* ratio times the whole, less what is reserved and taken. */
static int64_t
left(int64_t whole, double ratio, int64_t reserved, int64_t taken)
{
    return (int64_t)floor((double)(whole - reserved) * ratio) - taken;
}

static int64_t
free_ram_mib(const Subject *subject)
{
    return left(subject->host->facts.memory_mib, subject->request->ram_allocation_ratio,
        subject->request->reserved_host_memory_mib, subject->usage->ram_mib);
}

static PlacementRow
row_amount(int64_t needed, int64_t have, const char *unit, const char *fix)
{
    if (needed <= have) {
        return row_pass;
    }
    return row_fail(g_strdup_printf("%" G_GINT64_FORMAT " %s", needed, unit),
        g_strdup_printf("%" G_GINT64_FORMAT " %s", MAX(have, 0), unit), fix);
}

static PlacementRow
check_ram(const Subject *subject)
{
    return row_amount(subject->request->ram_mib, free_ram_mib(subject), "MiB",
        "free memory, or raise ram_allocation_ratio");
}

static PlacementRow
check_vcpus(const Subject *subject)
{
    if (subject->request->force) {
        return row_pass;
    }
    int64_t have = left(subject->host->facts.vcpus, subject->request->cpu_allocation_ratio, 0,
        subject->usage->vcpus);
    return row_amount(
        subject->request->vcpus, have, "vCPUs", "free some, or raise cpu_allocation_ratio");
}

static PlacementRow
check_disk(const Subject *subject)
{
    if (subject->request->force) {
        return row_pass;
    }
    int64_t have = left(subject->host->facts.pool_capacity_bytes / GIB,
        subject->request->disk_allocation_ratio, 0, subject->usage->disk_gib);
    return row_amount(
        subject->request->disk_gib, have, "GiB", "free some, or raise disk_allocation_ratio");
}

/* An operator who promises more than there is also accepts that less than promised is free. */
static PlacementRow
check_disk_free(const Subject *subject)
{
    double ratio = MAX(subject->request->disk_allocation_ratio, 1.0);
    if (subject->request->disk_over_commit) {
        return row_pass;
    }
    return row_amount((int64_t)ceil((double)subject->request->disk_gib / ratio),
        subject->host->facts.pool_available_bytes / GIB, "GiB really free",
        "free space in its pool, or allow disk overcommit");
}

static PlacementRow (*const checks[])(const Subject *) = {
    [PLACEMENT_CHECK_REQUESTED] = check_requested,
    [PLACEMENT_CHECK_NOT_SOURCE] = check_not_source,
    [PLACEMENT_CHECK_ZONE] = check_zone,
    [PLACEMENT_CHECK_UP] = check_up,
    [PLACEMENT_CHECK_ENABLED] = check_enabled,
    [PLACEMENT_CHECK_CONNECTED] = check_connected,
    [PLACEMENT_CHECK_FACTS] = check_facts,
    [PLACEMENT_CHECK_ARCH] = check_arch,
    [PLACEMENT_CHECK_VERSION] = check_version,
    [PLACEMENT_CHECK_REFUSED] = check_refused,
    [PLACEMENT_CHECK_RAM] = check_ram,
    [PLACEMENT_CHECK_VCPUS] = check_vcpus,
    [PLACEMENT_CHECK_DISK] = check_disk,
    [PLACEMENT_CHECK_DISK_FREE] = check_disk_free,
};
G_STATIC_ASSERT(G_N_ELEMENTS(checks) == PLACEMENT_N_CHECKS);

static void
examine(PlacementHost *entry, const Subject *subject)
{
    entry->host = subject->host;
    entry->fits = true;
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        /* Without facts there is nothing to compare: the row of the facts says it. */
        bool is_blind = i > PLACEMENT_CHECK_FACTS && !subject->host->has_facts;
        entry->rows[i] = is_blind ? row_pass : checks[i](subject);
        entry->fits = entry->fits && entry->rows[i].passed;
    }
}

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

Placement *
placement_make(const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage)
{
    static const HostUsage empty = {0};
    Placement *placement = g_new0(Placement, 1);
    placement->hosts = g_new0(PlacementHost, hosts->len);
    placement->n_hosts = hosts->len;
    const Host *source = find_host(hosts, request->source_host);
    int64_t most = 0;
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        const HostUsage *used = g_hash_table_lookup(usage, host->name);
        Subject subject = {request, host, source, used != NULL ? used : &empty};
        examine(&placement->hosts[i], &subject);
        if (!placement->hosts[i].fits) {
            continue;
        }
        int64_t free_mib = free_ram_mib(&subject);
        const Host *best = placement->chosen;
        if (best == NULL || free_mib > most ||
            (free_mib == most && strcmp(host->name, best->name) < 0)) {
            placement->chosen = host;
            most = free_mib;
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
    for (unsigned i = 0; i < placement->n_hosts; i++) {
        for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
            g_free(placement->hosts[i].rows[check].needed);
            g_free(placement->hosts[i].rows[check].have);
            g_free(placement->hosts[i].rows[check].fix);
        }
    }
    g_free(placement->hosts);
    g_free(placement);
}

static PlacementCheck
first_failure(const PlacementHost *entry)
{
    int check = 0;
    while (check < PLACEMENT_N_CHECKS && entry->rows[check].passed) {
        check++;
    }
    return (PlacementCheck)check;
}

/* "3 failed 'ram' (hosta: needs 2048 MiB, has 1024 MiB; hostb: ...; ...)": at most three names. */
static void
append_failures(GString *text, const Placement *placement, PlacementCheck check)
{
    enum { NAMED = 3 };
    g_autoptr(GString) named = g_string_new(NULL);
    int n_failed = 0;
    for (unsigned i = 0; i < placement->n_hosts; i++) {
        const PlacementHost *entry = &placement->hosts[i];
        if (first_failure(entry) != check) {
            continue;
        }
        n_failed++;
        if (n_failed <= NAMED) {
            const PlacementRow *row = &entry->rows[check];
            g_string_append_printf(named, "%s%s: needs %s, has %s", n_failed > 1 ? "; " : "",
                entry->host->name, row->needed, row->have);
        }
    }
    if (n_failed > 0) {
        g_string_append_printf(text, "%s%d failed '%s' (%s%s)",
            g_str_has_suffix(text->str, ": ") ? "" : ", ", n_failed, placement_check_name(check),
            named->str, n_failed > NAMED ? "; ..." : "");
    }
}

static char *
reason_of_all(const Placement *placement)
{
    if (placement->n_hosts == 0) {
        return g_strdup("No valid host was found. There are not enough hosts available.");
    }
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "No valid host was found. %u host%s: ", placement->n_hosts,
        placement->n_hosts == 1 ? "" : "s");
    for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
        append_failures(text, placement, (PlacementCheck)check);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The named host alone matters: one sentence about it, Nova's where there is one. */
static char *
reason_of_host(const PlacementHost *entry, const PlacementRequest *request)
{
    PlacementCheck check = first_failure(entry);
    const PlacementRow *row = &entry->rows[check];
    const char *name = entry->host->name;
    if (check == PLACEMENT_CHECK_NOT_SOURCE) {
        return g_strdup_printf(
            "Unable to migrate instance (%s) to current host (%s).", request->instance_id, name);
    }
    if (check == PLACEMENT_CHECK_UP || check == PLACEMENT_CHECK_CONNECTED) {
        return g_strdup_printf("Compute service of %s is unavailable at this time.", name);
    }
    if (check == PLACEMENT_CHECK_VERSION) {
        return g_strdup("The instance requires a newer hypervisor version than has been provided.");
    }
    return g_strdup_printf("No valid host was found. %s failed '%s': needs %s, has %s (%s)", name,
        placement_check_name(check), row->needed, row->have, row->fix);
}

char *
placement_reason(const Placement *placement, const PlacementRequest *request)
{
    if (request->requested_host == NULL) {
        return reason_of_all(placement);
    }
    for (unsigned i = 0; i < placement->n_hosts; i++) {
        if (strcmp(placement->hosts[i].host->name, request->requested_host) == 0) {
            return reason_of_host(&placement->hosts[i], request);
        }
    }
    return g_strdup_printf("Compute host %s could not be found.", request->requested_host);
}

const char *
scheduler_choose(
    const PlacementRequest *request, GPtrArray *hosts, GHashTable *usage, GError **error)
{
    g_autoptr(Placement) placement = placement_make(request, hosts, usage);
    if (placement->chosen == NULL) {
        g_autofree char *reason = placement_reason(placement, request);
        error_set(error, ERROR_NO_VALID_HOST, "%s", reason);
        return NULL;
    }
    return placement->chosen->name;
}
