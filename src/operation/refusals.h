/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Hosts that were chosen for an instance, and cannot have it: another is tried where drover
 * chose. Kept in memory alone: after a restart they are asked again. */
#include "model/migration.h"
#include "store/store.h"

/* "HOST cannot have it, another is tried: WHY". Caller frees. */
char *refusals_tell(const char *host, const char *why);
/* host -> why; what PlacementRequest.refusals takes. */
GHashTable *refusals_new(void);
void refusals_add(GHashTable *refusals, const char *host, const char *why);
/* The destination was drover's own choice, and not so many have been asked that it is given up. */
bool refusals_may_try_another(GHashTable *refusals, const Migration *migration);
/* A move back to where a destination is chosen: host is let go, which the history tells with its
 * name and why. The migration need not name it: until it is prepared a row that was read again does
 * not. ret_sentence lives as long as the move. */
OperationMove refusals_try_another(
    GHashTable *refusals, const char *host, Migration *migration, char **ret_sentence);
