/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For files of the store that record a leftover in a transaction of their own. */
#include "store/store.h"

bool leftovers_insert(Store *store, const Leftover *leftover, GError **error);
/* Inside the transaction that deletes the instance: what is left of it waits for its host alone. */
bool leftovers_on_deleted(Store *store, const char *instance_id, GError **error);
/* Inside the transaction that gives the instance another host, or none: the definition that still
 * has its disks is not the instance's any more. */
bool leftovers_forget_disks(Store *store, const char *instance_id, GError **error);
