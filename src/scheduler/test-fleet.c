/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Over the fleets of the bench: what is asked once for many hosts is, for each of them, what is
 * told of it row by row. */
#include "scheduler/bench-fleet.h"

static bool
fails_a_row(const PlacementHost *host)
{
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        if (host->rows[i].result == PLACEMENT_FAIL) {
            return true;
        }
    }
    return false;
}

static double
sum_of_shares(const PlacementHost *host)
{
    double sum = 0;
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        sum += host->shares[i].share;
    }
    return sum;
}

static void
assert_agree(Fleet *fleet, const PlacementRequest *request)
{
    g_autoptr(Placement) placement = scheduler_explain(request, fleet_hosts(fleet));
    const char *chosen = scheduler_choose(request, fleet_hosts(fleet), NULL, NULL);
    /* Where storage refuses all, the choice is asked again, and hosts are to be asked. */
    if (placement->chosen != NULL) {
        g_assert_cmpstr(chosen, ==, placement->chosen);
    }
    g_assert_cmpuint(placement->n_told, ==, placement->n_hosts);
    for (unsigned i = 0; i < placement->n_told; i++) {
        const PlacementHost *host = &placement->hosts[i];
        g_assert_cmpint(host->rank == 0, ==, fails_a_row(host));
        if (host->rank > 0) {
            g_assert_cmpfloat_with_epsilon(host->weight, sum_of_shares(host), 1e-9);
        }
    }
}

/* What becomes of the disks decides in these alone. */
static void
assert_storage_agrees(Fleet *fleet, BenchKind kind)
{
    static const BlockMigration asked[] = {
        BLOCK_MIGRATION_AUTO, BLOCK_MIGRATION_YES, BLOCK_MIGRATION_NO};
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
        PlacementRequest request = fleet_ask(fleet, kind);
        request.block_migration = asked[i];
        assert_agree(fleet, &request);
        request.volumes = none;
        assert_agree(fleet, &request);
    }
}

static void
test_rows_agree_with_the_choice(void)
{
    enum { HOSTS = 400, TIMES = 5 };
    for (int kind = 0; kind < BENCH_N_KINDS; kind++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(7);
        g_autoptr(Fleet) fleet = fleet_new(HOSTS, kind != BENCH_PLAIN, random);
        for (int i = 0; i < TIMES; i++) {
            PlacementRequest request = fleet_ask(fleet, (BenchKind)kind);
            assert_agree(fleet, &request);
            g_assert_nonnull(scheduler_choose(&request, fleet_hosts(fleet), NULL, NULL));
        }
        if (kind == BENCH_LIVE) {
            assert_storage_agrees(fleet, (BenchKind)kind);
        }
    }
}

/* Of those that have refused none is chosen, whatever is best. */
static void
test_a_refusal_leads_to_another_host(void)
{
    enum { HOSTS = 400, TIMES = 4 };
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    g_autoptr(Fleet) fleet = fleet_new(HOSTS, true, random);
    g_autoptr(GHashTable) refusals = g_hash_table_new(g_str_hash, g_str_equal);
    PlacementRequest request = fleet_ask(fleet, BENCH_CREATE);
    request.refusals = refusals;
    for (int i = 0; i < TIMES; i++) {
        const char *chosen = scheduler_choose(&request, fleet_hosts(fleet), NULL, NULL);
        g_assert_true(g_hash_table_insert(refusals, (char *)chosen, (char *)"no"));
        assert_agree(fleet, &request);
    }
}

static void
test_a_refused_rehearsal_leads_to_another_host(void)
{
    enum { HOSTS = 400 };
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    g_autoptr(Fleet) fleet = fleet_new(HOSTS, true, random);
    PlacementRequest request = fleet_ask(fleet, BENCH_LIVE);
    const char *chosen = scheduler_choose(&request, fleet_hosts(fleet), NULL, NULL);
    Rehearsal rehearsal = {.host = (char *)chosen, .refusal = (char *)"it has no such device"};
    request.rehearsal = &rehearsal;
    const char *other = scheduler_choose(&request, fleet_hosts(fleet), NULL, NULL);
    g_assert_cmpstr(chosen, !=, other);
    assert_agree(fleet, &request);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fleet/rows-agree-with-the-choice", test_rows_agree_with_the_choice);
    g_test_add_func(
        "/fleet/a-refusal-leads-to-another-host", test_a_refusal_leads_to_another_host);
    g_test_add_func("/fleet/a-refused-rehearsal-leads-to-another-host",
        test_a_refused_rehearsal_leads_to_another_host);
    return g_test_run();
}
