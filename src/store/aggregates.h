/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the files of aggregates have for each other, and for the file of hosts. */
#include "store/db.h"

/* ---- aggregates.c: the rows. Inside a write transaction ---- */
bool aggregates_insert(Store *store, Aggregate *aggregate, GError **error);
/* changes: AggregateProperty *, may be NULL. */
bool aggregates_set_properties(
    Store *store, int64_t id, const GPtrArray *changes, GError **error);
bool aggregates_add_member(Store *store, int64_t id, const char *host, GError **error);

/* ---- host_aggregates.c: fills in zone and aggregates of hosts that were just read ---- */
bool aggregates_tell_host(Store *store, Host *host, GError **error);
bool aggregates_tell_hosts(Store *store, GPtrArray *hosts, GError **error);

/* ---- zones.c: inside a write transaction ---- */
/* The aggregate has changed. before: the hosts that it concerns, as they were. ERROR_INVALID: one
 * of them would be in two zones or cells, or its instances in another zone. */
bool aggregates_check_zones(Store *store, int64_t id, const GPtrArray *before, GError **error);
/* The first aggregate of that zone gets the host; one called after the zone is made when there is
 * none. ERROR_INVALID: another aggregate has that name. */
bool aggregates_join_zone(Store *store, const char *zone, const char *host, GError **error);

/* ---- pools.c: inside a write transaction. What is no pool passes; what passes has been written
 * into the metadata. ERROR_INVALID: one half of a sentence that says why not ---- */
/* now: before the changes, AggregateProperty *, which may be NULL. */
bool pools_check_change(
    Store *store, const Aggregate *now, const GPtrArray *changes, GError **error);
/* aggregate: without, and with, the host. */
bool pools_check_join(Store *store, const Aggregate *aggregate, const char *host, GError **error);
bool pools_check_leave(Store *store, const Aggregate *aggregate, const char *host, GError **error);
/* The host is about to be deleted, and leaves whatever it is in. */
bool pools_check_removal(Store *store, const char *host, GError **error);
