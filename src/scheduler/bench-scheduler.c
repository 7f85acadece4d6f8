/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* How many decisions a second of one core, with every check of every host: by the functions that
 * explain as well. Each decision is claimed, and old claims are given back, so that the next one
 * finds another fleet. Times are the processor's, not the clock's: what else runs costs caches, and
 * no more. Prints one object of JSON for each size; bench/scheduler makes a table of them.
 *
 *   bench-scheduler SECONDS HOSTS... */
#include "scheduler/scheduler.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIZES = 4, NOW_S = 2000 };

typedef struct Claim {
    HostUsage *usage; /* in the index */
    int vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
} Claim;

typedef struct Bench {
    HostIndex *hosts;
    PlacementPolicy policy;
    GQueue claims; /* of Claim, the oldest first */
    GPtrArray *ports; /* of every guest */
    GRand *random; /* seeded: each run decides the same */
} Bench;

/* One in fifty is disabled, one in a hundred silent, the rest are filled to different degrees. */
static void
add_host(Bench *bench, int number)
{
    Host *host = host_new();
    host->name = g_strdup_printf("host%06d", number);
    host->zone = g_strdup_printf("zone%d", number % 3);
    host->enabled = number % 50 != 7;
    host->connected = true;
    host->last_seen_us = number % 100 == 3 ? 0 : (int64_t)NOW_S * G_USEC_PER_SEC;
    host->has_facts = true;
    host->facts.arch = g_strdup("x86_64");
    host->facts.bridges = g_strdup_printf("br0,br1,rack%d", number % 40);
    host->facts.hypervisor_version = 10000002;
    host->facts.vcpus = 64;
    host->facts.memory_mib = 262144;
    host->facts.memory_free_mib = 131072;
    host->facts.pool_capacity_bytes = INT64_C(10240) << 30;
    host->facts.pool_available_bytes = INT64_C(5120) << 30;
    HostUsage *usage = &host_index_put(bench->hosts, host)->usage;
    usage->claims = g_rand_int_range(bench->random, 0, 100);
    usage->instances = usage->claims;
    usage->vcpus = usage->claims * 2;
    usage->ram_mib = (int64_t)usage->claims * 3900;
    usage->disk_gib = (int64_t)usage->claims * 20;
}

static PlacementRequest
make_request(Bench *bench)
{
    int size = 1 << g_rand_int_range(bench->random, 0, SIZES);
    int n_hosts = (int)host_index_size(bench->hosts);
    const Host *source =
        host_index_at(bench->hosts, (unsigned)g_rand_int_range(bench->random, 0, n_hosts))->host;
    return (PlacementRequest){
        .policy = &bench->policy,
        .instance_id = "i",
        .vcpus = size,
        .ram_mib = 2048 * size,
        .disk_gib = 20 * size,
        .zone = g_rand_boolean(bench->random) ? source->zone : NULL,
        .source_host = source->name,
        .ports = bench->ports,
        .service_down_time_us = 60 * G_USEC_PER_SEC,
        .now_us = (int64_t)NOW_S * G_USEC_PER_SEC,
    };
}

static double
processor_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void
change(const Claim *claim, int sign)
{
    claim->usage->claims += sign;
    claim->usage->vcpus += sign * claim->vcpus;
    claim->usage->ram_mib += sign * claim->ram_mib;
    claim->usage->disk_gib += sign * claim->disk_gib;
}

static void
keep_claim(Bench *bench, const PlacementRequest *request, const char *host)
{
    Claim *claim = g_new0(Claim, 1);
    *claim = (Claim){.usage = &host_index_find(bench->hosts, host)->usage,
        .vcpus = request->vcpus,
        .ram_mib = request->ram_mib,
        .disk_gib = request->disk_gib};
    change(claim, 1);
    g_queue_push_tail(&bench->claims, claim);
    if (bench->claims.length > host_index_size(bench->hosts)) {
        g_autofree Claim *oldest = g_queue_pop_head(&bench->claims);
        change(oldest, -1);
    }
}

/* Returns how long it took. */
static double
decide(Bench *bench, int *n_failed)
{
    PlacementRequest request = make_request(bench);
    double begin_us = processor_us();
    g_autoptr(GError) error = NULL;
    const char *host = scheduler_choose(&request, bench->hosts, NULL, &error);
    double took_us = processor_us() - begin_us;
    if (host != NULL) {
        keep_claim(bench, &request, host);
    } else {
        (*n_failed)++;
    }
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

static double
explain_ms(Bench *bench)
{
    PlacementRequest request = make_request(bench);
    double begin_us = processor_us();
    g_autoptr(Placement) placement = scheduler_explain(&request, bench->hosts);
    return (processor_us() - begin_us) / 1000;
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
    printf("{\"hosts\": %u, \"decisions\": %u, \"per_second\": %.1f, \"median_us\": %.0f, "
           "\"p99_us\": %.0f, \"without_host\": %d, \"explain_ms\": %.2f}\n",
        host_index_size(bench->hosts), times->len, times->len * 1e6 / sum_us, percentile(times, 50),
        percentile(times, 99), n_failed, explain_ms(bench));
}

static GPtrArray *
make_ports(void)
{
    GPtrArray *ports = g_ptr_array_new_with_free_func((GDestroyNotify)port_free);
    for (int i = 0; i < 2; i++) {
        Port *port = port_new();
        port->bridge = g_strdup_printf("br%d", i);
        port->network_id = g_strdup_printf("net%d", i);
        port->network_name = g_strdup(port->network_id);
        g_ptr_array_add(ports, port);
    }
    return ports;
}

static void
run(int n_hosts, double seconds)
{
    Bench bench = {
        .hosts = host_index_new(),
        .policy = {.cpu_allocation_ratio = 16,
            .ram_allocation_ratio = 1.5,
            .disk_allocation_ratio = 1,
            .reserved_host_memory_mib = 512,
            .max_instances_per_host = 200,
            .multipliers = {1, 1, 1, -0.5}},
        .ports = make_ports(),
        .random = g_rand_new_with_seed(1),
    };
    for (int i = 0; i < n_hosts; i++) {
        add_host(&bench, i);
    }
    report(&bench, seconds);
    host_index_free(bench.hosts);
    g_queue_clear_full(&bench.claims, g_free);
    g_ptr_array_unref(bench.ports);
    g_rand_free(bench.random);
}

int
main(int argc, char **argv)
{
    if (argc < 3 || atof(argv[1]) <= 0) {
        fprintf(stderr, "usage: bench-scheduler SECONDS HOSTS...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        run(MAX(atoi(argv[i]), 1), atof(argv[1]));
        fflush(stdout);
    }
    return 0;
}
