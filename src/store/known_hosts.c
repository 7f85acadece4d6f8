/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/known_hosts.h"

#include "store/claims.h"

/* Of more hosts than this share, reading all is faster than reading each. */
enum { FEW_SHARE = 8 };

/* What was noted since it was last looked at. */
typedef struct Notes {
    bool all;
    GHashTable *names; /* set of char * */
    GHashTable *seen;  /* char * -> int64_t *: last_seen_us */
} Notes;

struct KnownHosts {
    HostIndex *index; /* under the database's write lock */
    GMutex lock;      /* of the notes; a leaf */
    Notes notes;
};

static void
notes_init(Notes *notes)
{
    notes->all = false;
    notes->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    notes->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void
notes_clear(Notes *notes)
{
    g_clear_pointer(&notes->names, g_hash_table_unref);
    g_clear_pointer(&notes->seen, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Notes, notes_clear)

KnownHosts *
known_hosts_new(void)
{
    KnownHosts *known = g_new0(KnownHosts, 1);
    known->index = host_index_new();
    g_mutex_init(&known->lock);
    notes_init(&known->notes);
    known->notes.all = true; /* nothing was read yet */
    return known;
}

void
known_hosts_free(KnownHosts *known)
{
    if (known == NULL) {
        return;
    }
    host_index_free(known->index);
    notes_clear(&known->notes);
    g_mutex_clear(&known->lock);
    g_free(known);
}

/* ---- notes ---- */

void
known_hosts_note(KnownHosts *known, const char *name)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&known->lock);
    if (!known->notes.all) {
        g_hash_table_add(known->notes.names, g_strdup(name));
    }
}

void
known_hosts_note_seen(KnownHosts *known, const char *name, int64_t last_seen_us)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&known->lock);
    if (!known->notes.all) {
        g_hash_table_insert(
            known->notes.seen, g_strdup(name), g_memdup2(&last_seen_us, sizeof last_seen_us));
    }
}

void
known_hosts_note_all(KnownHosts *known)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&known->lock);
    known->notes.all = true;
    g_hash_table_remove_all(known->notes.names);
    g_hash_table_remove_all(known->notes.seen);
}

static void
take_notes(KnownHosts *known, Notes *ret_notes)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&known->lock);
    *ret_notes = known->notes;
    notes_init(&known->notes);
}

/* ---- reading again ---- */

static bool
read_all(Store *store, HostIndex *index, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(store, error);
    g_autoptr(GHashTable) usage = hosts != NULL ? claims_list_usage(store, NULL, error) : NULL;
    if (usage == NULL) {
        return false;
    }
    host_index_clear(index);
    g_ptr_array_set_free_func(hosts, NULL);
    for (unsigned i = 0; i < hosts->len; i++) {
        HostEntry *entry = host_index_put(index, hosts->pdata[i]);
        const HostUsage *used = g_hash_table_lookup(usage, entry->host->name);
        if (used != NULL) {
            host_entry_set_usage(entry, used);
        }
    }
    return true;
}

static bool
read_one(Store *store, HostIndex *index, const char *name, GError **error)
{
    Host *host = NULL;
    if (!store_find_host(store, name, &host, error)) {
        return false;
    }
    if (host == NULL) {
        host_index_remove(index, name);
        return true;
    }
    HostEntry *entry = host_index_put(index, host);
    g_autoptr(GHashTable) usage = claims_list_usage(store, name, error);
    if (usage == NULL) {
        return false;
    }
    host_entry_set_usage(entry, g_hash_table_lookup(usage, name));
    return true;
}

static bool
read_noted(Store *store, HostIndex *index, const Notes *notes, GError **error)
{
    GHashTableIter iter;
    gpointer name = NULL;
    gpointer seen = NULL;
    g_hash_table_iter_init(&iter, notes->seen);
    while (g_hash_table_iter_next(&iter, &name, &seen)) {
        HostEntry *entry = host_index_find(index, name);
        if (entry != NULL) {
            entry->last_seen_us = *(const int64_t *)seen;
        }
    }
    g_hash_table_iter_init(&iter, notes->names);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        if (!read_one(store, index, name, error)) {
            return false;
        }
    }
    return true;
}

HostIndex *
known_hosts_get(Store *store, GError **error)
{
    KnownHosts *known = db_known_hosts(store);
    g_auto(Notes) notes = {0};
    take_notes(known, &notes);
    bool is_few =
        g_hash_table_size(notes.names) <= host_index_size(known->index) / FEW_SHARE + FEW_SHARE;
    bool is_read = notes.all || !is_few ? read_all(store, known->index, error)
                                        : read_noted(store, known->index, &notes, error);
    if (!is_read) {
        known_hosts_note_all(known);
        return NULL;
    }
    return known->index;
}
