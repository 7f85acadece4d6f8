/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Every host and what claims take of it, kept in memory for store_claim: with ten thousand hosts
 * reading them takes a hundred times as long as choosing one. It is as fresh as the database: what
 * a statement changes is noted while that statement holds the database's write lock (watch.c), and
 * what was noted is read again inside the transaction of the claim, which holds the same lock. So
 * nothing can be noted late, and a note of what was rolled back costs one more read. */
#include "model/host_index.h"
#include "store/store.h"

typedef struct KnownHosts KnownHosts;

KnownHosts *known_hosts_new(void);
void known_hosts_free(KnownHosts *known);

/* Any thread. The host of that name is another one now, or is used otherwise, or is gone. */
void known_hosts_note(KnownHosts *known, const char *name);
/* Any thread. A sign of life and nothing else. */
void known_hosts_note_seen(KnownHosts *known, const char *name, int64_t last_seen_us);
/* Any thread. Every host may have changed. */
void known_hosts_note_all(KnownHosts *known);

/* Inside a write transaction that has not written yet: what the database says at this moment. The
 * store's, until the transaction ends. */
HostIndex *known_hosts_get(Store *store, GError **error);
