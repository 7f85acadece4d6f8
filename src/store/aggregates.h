/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the file of hosts: what aggregates say of them. */
#include "store/db.h"

/* Fills in zone and aggregates of hosts that were just read. */
bool aggregates_tell_host(Store *store, Host *host, GError **error);
bool aggregates_tell_hosts(Store *store, GPtrArray *hosts, GError **error);
/* Inside a write transaction: the first aggregate of that zone gets the host; one called after the
 * zone is made when there is none. ERROR_INVALID: another aggregate has that name. */
bool aggregates_join_zone(Store *store, const char *zone, const char *host, GError **error);
