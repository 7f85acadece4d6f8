/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The simulator: the real store, the real state machines and the fake fleet, in virtual time, on
 * one thread that decides. Everything random comes from the seed, so a seed can be run again.
 *
 * world.c is the engine's place in it (hosts, tasks, timers), calls.c takes the place of the worker
 * threads, chaos.c makes the trouble, rules.c says what must hold at every moment. */
#include "hypervisor/fake/fake.h"
#include "operation/operation.h"

#define SECOND_US G_USEC_PER_SEC

typedef struct Rng {
    uint64_t state;
} Rng;
uint64_t rng_next(Rng *rng);
int rng_below(Rng *rng, int n); /* 0 .. n-1 */
bool rng_chance(Rng *rng, int percent);

typedef struct SimHost {
    char *name;
    HypervisorHost *session; /* NULL: not connected */
    uint64_t session_id;
    int64_t reopen_us;
    int64_t slow_until_us; /* its calls take long */
    bool is_off;           /* trouble that ends by itself at: */
    bool is_cut;
    bool is_frozen;
    int64_t heal_us;
} SimHost;

typedef struct SimTask {
    int64_t id;
    char *instance_id;
    const OperationRunner *runner;
    OperationTask *task;
    int64_t wake_us; /* INT64_MAX: not set */
} SimTask;

typedef struct Sim {
    uint64_t seed;
    bool is_verbose;
    Rng rng;
    int64_t now_us;
    int64_t begin_us;
    Clock clock;
    char *directory;
    char *path; /* of the store's database */
    Store *store;
    Hypervisor *fleet;
    OperationContext context;
    GPtrArray *hosts;     /* SimHost */
    GPtrArray *instances; /* char * ids */
    GHashTable *tasks;    /* &id -> SimTask */
    GAsyncQueue *events;  /* HostEvent: from the fleet's threads */
    uint64_t last_session;
    bool is_calm;      /* no trouble any more */
    bool has_faults;   /* this seed: hosts fail */
    bool has_crashes;  /* this seed: the daemon dies */
    bool dies_soon;    /* right after the move that was made last */
    int fault_percent; /* of calls that fail though nothing is wrong */
    GString *failure;  /* the first broken rule; "" = none */
    unsigned n_steps;
    unsigned n_moves;
    struct sqlite3 *reader; /* of the store's database, for the rules */
} Sim;

/* ---- world.c ---- */
Sim *sim_new(uint64_t seed, bool is_verbose);
void sim_free(Sim *sim);
void sim_log(Sim *sim, const char *format, ...) G_GNUC_PRINTF(2, 3);
void sim_fail(Sim *sim, const char *format, ...) G_GNUC_PRINTF(2, 3);
SimHost *sim_find_host(Sim *sim, const char *name);
/* Looks for operations that have no task. */
void sim_pass(Sim *sim);
void sim_wake(Sim *sim, int64_t operation_id);
/* Kill -9: every task, call and connection is gone; the store and the fleet are not. */
void sim_crash_daemon(Sim *sim);
/* Does all that is due now. */
void sim_settle(Sim *sim);
/* Lets time pass until something is due, at most until that moment. */
void sim_advance(Sim *sim, int64_t until_us);
bool sim_has_open_operations(Sim *sim);

/* ---- calls.c ---- */
void sim_calls_init(Sim *sim);
int64_t sim_calls_next_due_us(Calls *calls);
/* True when something was done. */
bool sim_calls_run_due(Calls *calls);
/* Waits until every worker has returned or waits inside the fleet. */
void sim_calls_quiesce(Calls *calls);
/* Results of what was asked for until now reach nobody. */
void sim_calls_abandon(Calls *calls);
void sim_calls_drop_filter(Sim *sim);

/* ---- chaos.c ---- */
int64_t chaos_next_us(Sim *sim);
void chaos_act(Sim *sim);
void chaos_calm(Sim *sim);
void chaos_end_what_hangs(Sim *sim);

/* ---- rules.c ---- */
void rules_open(Sim *sim);
void rules_close(Sim *sim);
/* What must hold at every moment. */
void rules_check(Sim *sim);
/* What must hold once everything has come to rest. */
void rules_check_end(Sim *sim);
/* Adds the moves that migrations have made: "from to" -> how often. */
void rules_count_moves(Sim *sim, GHashTable *counts);
