/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/refusals.h"

#include "operation/commit.h"

/* So many hosts are asked whether they can have the guest before it is given up. */
#define MAX_REFUSALS 8

GHashTable *
refusals_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void
refusals_add(GHashTable *refusals, const char *host, const char *why)
{
    g_hash_table_insert(refusals, g_strdup(host), g_strdup(why));
}

char *
refusals_tell(const char *host, const char *why)
{
    return g_strdup_printf("%s cannot have it, another is tried: %s", host, why);
}

bool
refusals_may_try_another(GHashTable *refusals, const Migration *migration)
{
    return migration->requested_host == NULL && g_hash_table_size(refusals) < MAX_REFUSALS;
}

OperationMove
refusals_try_another(
    GHashTable *refusals, const char *host, Migration *migration, char **ret_sentence)
{
    OperationMove move = operation_plain_move();
    const char *why = g_hash_table_lookup(refusals, host);

    *ret_sentence = refusals_tell(host, why != NULL ? why : "it refused the guest");
    move.sentence = *ret_sentence;
    g_clear_pointer(&migration->dest_host, g_free);
    move.migration = migration;
    move.release_target = true;
    return move;
}
