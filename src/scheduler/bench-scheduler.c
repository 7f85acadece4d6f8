/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* How many decisions a second of one core, of several kinds, by the functions that explain as well.
 * Each decision is claimed, and old claims are given back, so that the next one finds another one.
 * Times are the processor's, not the clock's: what else runs costs caches, and no more. Prints one
 * object of JSON for each size and kind; bench/scheduler makes a table of them.
 *
 *   bench-scheduler SECONDS KIND[,KIND...]|all HOSTS... */
#include "scheduler/bench-fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Claim {
    HostUsage *usage; /* in the index */
    int vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
    char *topology; /* NULL: nothing, as of the next */
    char *devices;
} Claim;

typedef struct Bench {
    Fleet *fleet;
    BenchKind kind;
    GQueue claims; /* of Claim, the oldest first */
} Bench;

static double
processor_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- claims ---- */

static void
claim_free(Claim *claim)
{
    g_free(claim->topology);
    g_free(claim->devices);
    g_free(claim);
}

static void
change(const Claim *claim, int sign)
{
    claim->usage->claims += sign;
    claim->usage->vcpus += sign * claim->vcpus;
    claim->usage->ram_mib += sign * claim->ram_mib;
    claim->usage->disk_gib += sign * claim->disk_gib;
}

/* Of lines, the first that is this one. */
static void
drop_line(char **lines, const char *line)
{
    g_auto(GStrv) all = g_strsplit(*lines, "\n", -1);
    g_autoptr(GString) left = g_string_new(NULL);
    bool is_dropped = false;
    for (size_t i = 0; all[i] != NULL; i++) {
        if (!is_dropped && strcmp(all[i], line) == 0) {
            is_dropped = true;
            continue;
        }
        g_string_append_printf(left, "%s%s", left->len > 0 ? "\n" : "", all[i]);
    }
    g_free(*lines);
    *lines = g_strdup(left->str);
}

static void
give_back(Claim *claim)
{
    change(claim, -1);
    if (claim->topology != NULL) {
        bool is_pinned = guest_topology_is_pinned(claim->topology);
        claim->usage->dedicated_vcpus -= is_pinned ? claim->vcpus : 0;
        drop_line(&claim->usage->topologies, claim->topology);
        claim->usage->cells_left = 0;
    }
    if (claim->devices != NULL) {
        drop_line(&claim->usage->devices, claim->devices);
        claim->usage->devices_left = 0;
    }
    claim_free(claim);
}

static void
keep_claim(Bench *bench, const PlacementRequest *request, const char *host,
    const StoredDecision *decision)
{
    HostIndex *hosts = fleet_hosts(bench->fleet);
    Claim *claim = g_new0(Claim, 1);
    *claim = (Claim){.usage = &host_index_find(hosts, host)->usage,
        .vcpus = request->vcpus,
        .ram_mib = request->ram_mib,
        .disk_gib = request->disk_gib,
        .topology = g_strdup(decision->topology),
        .devices = g_strdup(decision->devices)};
    change(claim, 1);
    host_usage_add_topology(claim->usage, claim->vcpus, claim->topology);
    host_usage_add_devices(claim->usage, claim->devices);
    g_queue_push_tail(&bench->claims, claim);
    if (bench->claims.length > host_index_size(hosts)) {
        give_back(g_queue_pop_head(&bench->claims));
    }
}

/* ---- decisions ---- */

/* Returns how long it took. */
static double
decide(Bench *bench, int *n_failed)
{
    PlacementRequest request = fleet_ask(bench->fleet, bench->kind);
    StoredDecision *decision = g_new0(StoredDecision, 1);
    double begin_us = processor_us();
    g_autoptr(GError) error = NULL;
    const char *host =
        scheduler_choose(&request, fleet_hosts(bench->fleet), decision, &error);
    double took_us = processor_us() - begin_us;
    if (host != NULL) {
        keep_claim(bench, &request, host, decision);
    } else {
        (*n_failed)++;
    }
    stored_decision_free(decision);
    return took_us;
}

static int
compare_times(gconstpointer one, gconstpointer other)
{
    double difference = *(const double *)one - *(const double *)other;
    return difference < 0 ? -1 : difference > 0;
}

static double
percentile(GArray *times, unsigned percent)
{
    unsigned at = (times->len * percent + 99) / 100;
    return g_array_index(times, double, MAX(at, 1) - 1);
}

typedef struct Shown {
    double explain_ms;
    unsigned n_checks; /* of each host, or of its kind, until one fails */
    double fit_percent; /* of the hosts: those that pass them all */
} Shown;

static Shown
show_one(Bench *bench)
{
    PlacementRequest request = fleet_ask(bench->fleet, bench->kind);
    double begin_us = processor_us();
    g_autoptr(Placement) placement = scheduler_explain(&request, fleet_hosts(bench->fleet));
    Shown shown = {.explain_ms = (processor_us() - begin_us) / 1000};
    g_auto(Look) look = {0};
    look_init(&look, &request, fleet_hosts(bench->fleet));
    bool is_bare = bench->kind == BENCH_PLAIN;
    shown.n_checks = look.kind_checks.n + (is_bare ? look.bare_checks.n : look.checks.n);
    shown.fit_percent = 100.0 * placement->n_fit / placement->n_hosts;
    return shown;
}

static void
report(Bench *bench, double seconds)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
    double sum_us = 0;
    int n_failed = 0;
    decide(bench, &n_failed);
    n_failed = 0;
    while (sum_us < seconds * G_USEC_PER_SEC || times->len < 10) {
        double took_us = decide(bench, &n_failed);
        sum_us += took_us;
        g_array_append_val(times, took_us);
    }
    g_array_sort(times, compare_times);
    Shown shown = show_one(bench);
    printf("{\"kind\": \"%s\", \"hosts\": %u, \"checks\": %u, \"fit_percent\": %.0f, "
           "\"decisions\": %u, \"per_second\": %.1f, \"median_us\": %.0f, \"p99_us\": %.0f, "
           "\"without_host\": %d, \"explain_ms\": %.2f}\n",
        bench_kind_name(bench->kind), host_index_size(fleet_hosts(bench->fleet)), shown.n_checks,
        shown.fit_percent, times->len, times->len * 1e6 / sum_us, percentile(times, 50),
        percentile(times, 99), n_failed, shown.explain_ms);
    fflush(stdout);
}

/* Each kind on a fleet of its own: what the one before it has claimed does not count. */
static void
run(BenchKind kind, unsigned n_hosts, double seconds)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1); /* each run decides the same */
    g_autoptr(Fleet) fleet = fleet_new(n_hosts, kind != BENCH_PLAIN, random);
    Bench bench = {.fleet = fleet, .kind = kind};
    report(&bench, seconds);
    g_queue_clear_full(&bench.claims, (GDestroyNotify)claim_free);
}

int
main(int argc, char **argv)
{
    if (argc < 4 || atof(argv[1]) <= 0) {
        fprintf(stderr, "usage: bench-scheduler SECONDS KIND[,KIND...]|all HOSTS...\n");
        return 2;
    }
    g_auto(GStrv) kinds = g_strsplit(argv[2], ",", -1);
    bool all = strcmp(argv[2], "all") == 0;
    for (int i = 3; i < argc; i++) {
        for (int kind = 0; kind < BENCH_N_KINDS; kind++) {
            const char *name = bench_kind_name((BenchKind)kind);
            if (all || g_strv_contains((const char *const *)kinds, name)) {
                run((BenchKind)kind, (unsigned)MAX(atoi(argv[i]), 1), atof(argv[1]));
            }
        }
    }
    return 0;
}
