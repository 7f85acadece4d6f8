/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "tests/sim/sim.h"

#include "base/log.h"
#include "migration/migration.h"
#include "migration/states.h"
#include <stdio.h>

/* sim [--first N] [--seeds N] [--seed N] [-v]: TAP, one line for each block of seeds; a seed that
 * fails is named, and --seed N -v tells its story. */

#define TROUBLE_US (90 * SECOND_US)
#define PATIENCE_US (240 * SECOND_US)

static void
run_until(Sim *sim, int64_t end_us, bool stops_at_rest)
{
    int64_t act_us = sim->is_calm ? INT64_MAX : chaos_next_us(sim);
    while (sim->now_us < end_us && sim->failure->len == 0) {
        sim_settle(sim);
        if (stops_at_rest && !sim_has_open_operations(sim)) {
            return;
        }
        sim_advance(sim, MIN(act_us, end_us));
        if (sim->now_us >= act_us) {
            sim_settle(sim);
            chaos_act(sim);
            rules_check(sim);
            act_us = chaos_next_us(sim);
        }
    }
}

/* Frees what still waits inside the fleet. */
static void
let_workers_return(Sim *sim)
{
    sim_calls_abandon(sim->context.calls);
    for (int i = 0; i < 1000 && calls_count(sim->context.calls, LANE_SHORT) > 0; i++) {
        sim->now_us += SECOND_US;
        fake_advance(sim->fleet);
        sim_calls_quiesce(sim->context.calls);
        while (sim_calls_run_due(sim->context.calls)) {
        }
    }
}

static char *
run_seed(uint64_t seed, bool is_verbose, GHashTable *counts)
{
    Sim *sim = sim_new(seed, is_verbose);
    bool had_faults = sim->has_faults;
    int fault_percent = sim->fault_percent;
    sim->fault_percent = 0; /* instances must be made first */
    sim_pass(sim);
    sim->is_calm = true;
    run_until(sim, sim->now_us + PATIENCE_US, true);
    sim->is_calm = false;
    sim->has_faults = had_faults;
    sim->fault_percent = fault_percent;
    run_until(sim, sim->now_us + TROUBLE_US, false);
    chaos_calm(sim);
    run_until(sim, sim->now_us + PATIENCE_US / 2, true);
    chaos_end_what_hangs(sim);
    run_until(sim, sim->now_us + PATIENCE_US, true);
    if (sim->failure->len == 0) {
        rules_check_end(sim);
    }
    char *failure = sim->failure->len > 0 ? g_strdup(sim->failure->str) : NULL;
    chaos_calm(sim);
    let_workers_return(sim);
    rules_count_moves(sim, counts);
    sim_free(sim);
    return failure;
}

/* What no fleet does by itself: somebody starts or removes guests behind our back. These moves are
 * made by src/migration/test-outcomes.c. */
static bool
is_sabotage(int from, int to)
{
    return (from == MIGRATION_RESOLVING && to == MIGRATION_ERROR) ||
        (from == MIGRATION_FINISHING && to == MIGRATION_ERROR) ||
        (from == MIGRATION_UNDOING && to == MIGRATION_RESOLVING) ||
        /* Moments that a fleet without latency passes too fast. */
        (from == MIGRATION_SWITCHING && to == MIGRATION_POSTCOPY) ||
        (from == MIGRATION_POSTCOPY && to == MIGRATION_RESOLVING) ||
        (from == MIGRATION_RESOLVING && to == MIGRATION_POSTCOPY);
}

/* Every move of the machine must have happened, or the simulator does not look everywhere. */
static int
report_moves(GHashTable *counts)
{
    const Machine *machine = migration_machine();
    int n_untried = 0;
    for (int i = 0; i < machine->n_moves; i++) {
        const char *from = machine->states[machine->moves[i].from].name;
        const char *to = machine->states[machine->moves[i].to].name;
        g_autofree char *key = g_strdup_printf("%s %s", from, to);
        int count = GPOINTER_TO_INT(g_hash_table_lookup(counts, key));
        n_untried += count == 0 && !is_sabotage(machine->moves[i].from, machine->moves[i].to);
        printf("# %7d %s -> %s\n", count, from, to);
    }
    return n_untried;
}

int
main(int argc, char **argv)
{
    int64_t first = 1;
    int64_t n_seeds = 200;
    int64_t one = 0;
    int is_verbose = FALSE;
    GOptionEntry entries[] = {
        {"first", 0, 0, G_OPTION_ARG_INT64, &first, "first seed", "N"},
        {"seeds", 0, 0, G_OPTION_ARG_INT64, &n_seeds, "how many", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &one, "this seed alone", "N"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &is_verbose, "tell what happens", NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new(NULL);
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error)) {
        g_printerr("%s\n", error->message);
        return 2;
    }
    log_init(LOG_LEVEL_ERROR, false);
    if (one != 0) {
        first = one;
        n_seeds = 1;
    }
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int n_failed = 0;
    printf("1..2\n");
    for (int64_t seed = first; seed < first + n_seeds; seed++) {
        g_autofree char *failure = run_seed((uint64_t)seed, is_verbose, counts);
        if (failure != NULL) {
            n_failed++;
            printf("# seed %" G_GINT64_FORMAT " %s\n", seed, failure);
            printf("#   again: %s --seed %" G_GINT64_FORMAT " -v\n", argv[0], seed);
        }
    }
    printf("%s 1 - %" G_GINT64_FORMAT " seeds from %" G_GINT64_FORMAT
           ": nothing is lost, doubled or left open\n",
        n_failed > 0 ? "not ok" : "ok", n_seeds, first);
    int n_untried = report_moves(counts);
    bool is_thorough = n_untried == 0 || n_seeds < 100;
    printf("%s 2 - every move of the machine has happened\n", is_thorough ? "ok" : "not ok");
    return n_failed > 0 || !is_thorough;
}
