/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Claims: what is taken on a host. A host's use is the sum of its rows, never a counter. */
#include "store/db.h"

/* host_usage.c: what is taken of hosts, not their operations and migrations: name -> HostUsage *.
 * host NULL = all. A host that exists has an entry. */
GHashTable *claims_list_usage(Store *store, const char *host, GError **error);

/* Inside a write transaction. */
bool claims_release_target(Store *store, const char *instance_id, GError **error);
bool claims_release_all(Store *store, const char *instance_id, GError **error);
/* The target's row becomes the owner's. ERROR_INTERNAL when there is no target. */
bool claims_promote_target(Store *store, const char *instance_id, GError **error);
/* The target's row becomes the owner's, and the owner's stays as kept, in place of what an older
 * move has kept. ERROR_INTERNAL as above. */
bool claims_keep_source(Store *store, const char *instance_id, GError **error);
bool claims_release_kept(Store *store, const char *instance_id, GError **error);
/* What was kept becomes the owner's again. */
bool claims_restore_kept(Store *store, const char *instance_id, GError **error);
