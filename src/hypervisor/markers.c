/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/markers.h"

#include <glib.h>

static GMutex lock; /* a leaf */
static GHashTable *tokens;

void
markers_begin(const char *token)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

    if (tokens == NULL) {
        tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    g_hash_table_add(tokens, g_strdup(token));
}

void
markers_end(const char *token)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

    g_hash_table_remove(tokens, token);
}

bool
markers_are_in_use(const char *token)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

    return tokens != NULL && g_hash_table_contains(tokens, token);
}
