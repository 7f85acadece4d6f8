/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The ports of instances: reading many at once, and giving out addresses. */
#include "store/db.h"

/* Fills the ports of every instance, in the order of their positions, with few queries. */
bool ports_load(Store *store, GPtrArray *instances, GError **error);
/* The same for one; a part of store_get_instance. */
bool ports_load_one(Store *store, Instance *instance, GError **error);
/* Inside a write transaction: gives the instance a port on the network and adds it to its ports.
 * fixed_address NULL takes the lowest free one. ERROR_LIMIT: none is free; ERROR_INVALID: the
 * fixed one is no address of the network; ERROR_CONFLICT: somebody has it. */
bool ports_insert(Store *store, Instance *instance, const char *network_id,
    const char *fixed_address, GError **error);
bool ports_release(Store *store, const char *instance_id, GError **error);
/* Ids (const char *, owned by the set) of the instances with an address that matches. */
bool ports_match(Store *store, GRegex *regex, GHashTable **ret_ids, GError **error);
