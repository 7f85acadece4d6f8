/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the tests of the store: a database in a directory of its own, a clock that is set by hand,
 * and records that are right unless a test makes them wrong. */
#include "store/store.h"

typedef struct Fixture {
    char *directory;
    char *path; /* of the database */
    char *url;
    Store *store;
    int64_t epoch;
    char *network_id; /* "private", 10.20.0.0/24, gateway .1; NULL until test_network */
} Fixture;

/* Set by tests; every fixture's store tells this time. Begins at 1,000 s. */
extern int64_t test_now_us;
const Clock *test_clock(void);

/* For g_test_add: a fresh store with its first epoch begun. */
void fixture_set_up(Fixture *fixture, const void *data);
void fixture_tear_down(Fixture *fixture, const void *data);
/* Closes and opens the database again. */
void fixture_reopen(Fixture *fixture);

/* "private": 10.20.0.0/24 with a pool from .10 to .12, so that its end is near. */
const char *test_network(Fixture *fixture);
/* A wide network: 10.30.0.0/16. Returns its id; caller frees. */
char *test_wide_network(Fixture *fixture);
void test_host(Fixture *fixture, const char *name);
/* An accepted instance with one vcpu and 512 MiB, without ports; the create operation is open. */
Instance *test_instance(Fixture *fixture, const char *name);
/* The same, active on a host: its create operation is closed and the owner's claim is made. */
Instance *test_active_instance(Fixture *fixture, const char *name, const char *host);
/* A move with nothing but the swap. */
OperationMove test_move(Fixture *fixture, int64_t operation_id, const char *from, const char *to);
void test_move_ok(Fixture *fixture, const OperationMove *move);
/* A chooser for store_claim: data is the name, and the decision's text, kept for 10 us. */
const char *choose_named(
    const HostIndex *hosts, void *data, StoredDecision *decision, GError **error);
/* Opens a migration of the instance. */
Migration *test_migration(Fixture *fixture, const Instance *instance);
