/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/host_index.h"

#include "model/pool.h"

#include <string.h>

/* What hosts of one kind have in common. Whoever says that a check is of a kind
 * (scheduler/checks.c) relies on each of these. */
typedef struct Kind {
    HostWord aggregates; /* their digest */
    HostWord zone;
    HostWord arch;
    HostWord bridges;
    HostWord offers;
    HostWord cpu_class;
    HostWord pool; /* its name alone: whose it is may be another one for each host */
    unsigned hypervisor_version;
    unsigned flags;
} Kind;

struct HostIndex {
    HostEntry *entries; /* by name */
    unsigned n_entries;
    unsigned n_reserved;
    HostNames **names; /* of them; to NULL until somebody asks */
    GHashTable *words; /* text -> its number; there are few, and none is taken out but with all */
    GHashTable *kinds; /* Kind -> its number, likewise */
    HostRooms *rooms;
    bool owns_hosts;
    uint64_t stamp;
};

static uint64_t
next_stamp(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

static unsigned
kind_hash(const void *data)
{
    const unsigned *parts = data;
    unsigned hash = 0;
    for (size_t i = 0; i < sizeof(Kind) / sizeof(unsigned); i++) {
        hash = hash * 31 + parts[i];
    }
    return hash;
}

static int
kind_equal(const void *one, const void *other)
{
    return memcmp(one, other, sizeof(Kind)) == 0;
}

/* No GArray: that is not aligned. */
static void
reserve(HostIndex *index, unsigned n)
{
    HostEntry *entries = g_aligned_alloc(MAX(n, 1), sizeof *entries, HOST_ENTRY_ALIGNMENT);
    if (index->n_entries > 0) {
        memcpy(entries, index->entries, index->n_entries * sizeof *entries);
    }
    g_aligned_free(index->entries);
    index->entries = entries;
    index->n_reserved = MAX(n, 1);
}

/* An empty one. */
static void
insert(HostIndex *index, unsigned at)
{
    if (index->n_entries == index->n_reserved) {
        reserve(index, 2 * index->n_reserved);
    }
    memmove(&index->entries[at + 1], &index->entries[at],
        (index->n_entries - at) * sizeof(HostEntry));
    index->entries[at] = (HostEntry){0};
    index->n_entries++;
}

static HostIndex *
index_new(bool owns_hosts, unsigned reserved)
{
    HostIndex *index = g_new0(HostIndex, 1);
    reserve(index, reserved);
    index->words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    index->kinds = g_hash_table_new_full(kind_hash, kind_equal, g_free, NULL);
    index->rooms = host_rooms_new();
    index->names = g_new0(HostNames *, 1);
    index->owns_hosts = owns_hosts;
    index->stamp = next_stamp();
    return index;
}

HostIndex *
host_index_new(void)
{
    return index_new(true, 0);
}

unsigned
host_index_size(const HostIndex *index)
{
    return index->n_entries;
}

uint64_t
host_index_stamp(const HostIndex *index)
{
    return index->stamp;
}

unsigned
host_index_place(const HostIndex *index, const HostEntry *entry)
{
    return (unsigned)(entry - host_index_at(index, 0));
}

HostEntry *
host_index_at(const HostIndex *index, unsigned at)
{
    return &index->entries[at];
}

/* Where that name is, or would be. */
static unsigned
find_place(const HostIndex *index, const char *name, bool *ret_found)
{
    unsigned from = 0;
    unsigned to = index->n_entries;
    /* What is put by name goes to the end. */
    if (to > 0 && strcmp(host_index_at(index, to - 1)->host->name, name) < 0) {
        from = to;
    }
    *ret_found = false;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        int order = strcmp(host_index_at(index, middle)->host->name, name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

HostEntry *
host_index_find(const HostIndex *index, const char *name)
{
    bool found = false;
    unsigned at = name != NULL ? find_place(index, name, &found) : 0;
    return found ? host_index_at(index, at) : NULL;
}

/* ---- names ---- */

static void
names_clear(void *data)
{
    HostNames *names = data;
    g_free(names->text);
    g_free(names->digest);
}

void
host_names_unref(HostNames *names)
{
    if (names != NULL) {
        g_atomic_rc_box_release_full(names, names_clear);
    }
}

/* Hosts are at other places, or others. */
static void
forget_places(HostIndex *index)
{
    index->stamp = next_stamp();
    g_clear_pointer(index->names, host_names_unref);
}

HostNames *
host_index_names(const HostIndex *index)
{
    if (*index->names == NULL) {
        GString *text = g_string_new(NULL);
        for (unsigned i = 0; i < index->n_entries; i++) {
            g_string_append(text, host_index_at(index, i)->host->name);
            g_string_append_c(text, '\n');
        }
        HostNames *names = g_atomic_rc_box_new0(HostNames);
        names->digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str, -1);
        names->text = g_string_free(text, FALSE);
        *index->names = names;
    }
    return g_atomic_rc_box_acquire(*index->names);
}

int
host_names_find(const char *text, const char *name)
{
    size_t length = strlen(name);
    int at = 0;
    for (const char *line = text; *line != '\0'; at++) {
        const char *end = strchrnul(line, '\n');
        if ((size_t)(end - line) == length && memcmp(line, name, length) == 0) {
            return at;
        }
        line = *end != '\0' ? end + 1 : end;
    }
    return -1;
}

static HostWord
word_of(HostIndex *index, const char *text)
{
    if (text == NULL) {
        return HOST_NO_TEXT;
    }
    HostWord word = GPOINTER_TO_UINT(g_hash_table_lookup(index->words, text));
    if (word == 0) {
        word = g_hash_table_size(index->words) + 1;
        g_hash_table_insert(index->words, g_strdup(text), GUINT_TO_POINTER(word));
    }
    return word;
}

unsigned
host_index_n_kinds(const HostIndex *index)
{
    return g_hash_table_size(index->kinds);
}

static unsigned
kind_of(HostIndex *index, const Host *host)
{
    const HostFacts *facts = &host->facts;
    const char *digest = host->aggregates != NULL ? host->aggregates->digest : NULL;
    bool flags[] = {host->enabled, host->connected, host->has_facts, host_is_fenced(host),
        pool_is_host_joining(host)};
    Kind kind = {
        .aggregates = word_of(index, digest),
        .zone = word_of(index, host->zone),
        .arch = word_of(index, facts->arch),
        .bridges = word_of(index, facts->bridges),
        .offers = word_of(index, facts->offers),
        .cpu_class = word_of(index, facts->cpu_class),
        .pool = word_of(index, host->pool),
        .hypervisor_version = (unsigned)facts->hypervisor_version,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        kind.flags |= flags[i] ? 1U << i : 0;
    }
    void *number = NULL;
    if (!g_hash_table_lookup_extended(index->kinds, &kind, NULL, &number)) {
        number = GUINT_TO_POINTER(g_hash_table_size(index->kinds));
        g_hash_table_insert(index->kinds, g_memdup2(&kind, sizeof kind), number);
    }
    return GPOINTER_TO_UINT(number);
}

static HostWord
pool_id_of(HostIndex *index, const Host *host)
{
    const char *id = host->has_facts ? host->facts.pool_id : NULL;
    return id != NULL && id[0] != '\0' ? word_of(index, id) : HOST_NO_TEXT;
}

/* Most news of a host are none of these: what is left of them is not read again. */
static void
forget_changed(HostEntry *entry, const Host *host)
{
    const Host *former = entry->host;
    bool is_other = former != NULL && former != host;
    if (!is_other || g_strcmp0(former->facts.topology, host->facts.topology) != 0) {
        entry->usage.cells_left = 0;
    }
    if (!is_other || g_strcmp0(former->facts.pci_devices, host->facts.pci_devices) != 0) {
        entry->usage.devices_left = 0;
    }
}

static int
gib_of(int64_t bytes)
{
    return (int)MIN(bytes >> 30, G_MAXINT);
}

/* The one place that says what of a record is compared of every host. */
static void
fill(HostIndex *index, HostEntry *entry, const Host *host)
{
    const HostFacts *facts = &host->facts;
    forget_changed(entry, host);
    entry->host = host;
    entry->aggregates = host->aggregates;
    entry->last_seen_us = host->last_seen_us;
    entry->memory_mib = facts->memory_mib;
    entry->memory_free_mib = facts->memory_free_mib;
    entry->pool_capacity_gib = gib_of(facts->pool_capacity_bytes);
    entry->pool_available_gib = gib_of(facts->pool_available_bytes);
    entry->vcpus = host_floating_cpus(facts);
    entry->pool_id = pool_id_of(index, host);
    entry->kind = kind_of(index, host);
}

/* What hosts had left once is kept, since they mostly come back to it; not for ever. */
static void
forget_rooms(HostIndex *index)
{
    enum { SPARE = 64 };
    if (host_rooms_size(index->rooms) <= 2 * index->n_entries + SPARE) {
        return;
    }
    host_rooms_free(index->rooms);
    index->rooms = host_rooms_new();
    for (unsigned i = 0; i < index->n_entries; i++) {
        HostUsage *usage = &host_index_at(index, i)->usage;
        usage->cells_left = 0;
        usage->devices_left = 0;
    }
}

static HostEntry *
put(HostIndex *index, Host *host)
{
    bool found = false;
    forget_rooms(index);
    unsigned at = find_place(index, host->name, &found);
    if (!found) {
        insert(index, at);
        forget_places(index);
    }
    HostEntry *entry = host_index_at(index, at);
    Host *former = (Host *)entry->host;
    fill(index, entry, host);
    if (former != host && index->owns_hosts) {
        host_free(former);
    }
    return entry;
}

HostEntry *
host_index_put(HostIndex *index, Host *take_host)
{
    g_assert(index->owns_hosts);
    return put(index, take_host);
}

void
host_entry_set_usage(HostEntry *entry, const HostUsage *usage)
{
    const HostUsage former = entry->usage;
    bool has_cells = g_strcmp0(former.topologies, usage->topologies) == 0;
    bool has_devices = g_strcmp0(former.devices, usage->devices) == 0;
    entry->usage = *usage;
    entry->usage.topologies = g_strdup(usage->topologies);
    entry->usage.devices = g_strdup(usage->devices);
    entry->usage.cells_left = has_cells ? former.cells_left : 0;
    entry->usage.devices_left = has_devices ? former.devices_left : 0;
    g_free(former.topologies);
    g_free(former.devices);
}

static void
entry_clear(const HostIndex *index, HostEntry *entry)
{
    if (index->owns_hosts) {
        host_free((Host *)entry->host);
    }
    g_free(entry->usage.topologies);
    g_free(entry->usage.devices);
}

void
host_index_remove(HostIndex *index, const char *name)
{
    bool found = false;
    unsigned at = find_place(index, name, &found);
    g_assert(index->owns_hosts);
    if (found) {
        entry_clear(index, host_index_at(index, at));
        index->n_entries--;
        memmove(&index->entries[at], &index->entries[at + 1],
            (index->n_entries - at) * sizeof(HostEntry));
        forget_places(index);
    }
}

void
host_index_clear(HostIndex *index)
{
    for (unsigned i = 0; i < index->n_entries; i++) {
        entry_clear(index, host_index_at(index, i));
    }
    index->n_entries = 0;
    /* Nobody has one of these numbers any more: what aggregates said long ago is not kept. */
    g_hash_table_remove_all(index->words);
    g_hash_table_remove_all(index->kinds);
    forget_places(index);
}

HostIndex *
host_index_of(GPtrArray *hosts, GHashTable *usage)
{
    HostIndex *index = index_new(false, hosts->len);
    for (unsigned i = 0; i < hosts->len; i++) {
        HostEntry *entry = put(index, hosts->pdata[i]);
        const HostUsage *used = g_hash_table_lookup(usage, entry->host->name);
        if (used != NULL) {
            host_entry_set_usage(entry, used);
        }
    }
    return index;
}

/* ---- what is left of hosts ---- */

/* What is remembered of an entry is no change of it. */
const HostCells *
host_index_cells(const HostIndex *index, const HostEntry *entry)
{
    HostUsage *usage = (HostUsage *)&entry->usage;
    if (usage->cells_left != 0) {
        return host_rooms_cells(index->rooms, usage->cells_left);
    }
    const HostCells *cells = host_rooms_read_cells(
        index->rooms, entry->host->facts.topology, usage->topologies);
    usage->cells_left = cells->number;
    return cells;
}

const HostDevices *
host_index_devices(const HostIndex *index, const HostEntry *entry)
{
    HostUsage *usage = (HostUsage *)&entry->usage;
    if (usage->devices_left != 0) {
        return host_rooms_devices(index->rooms, usage->devices_left);
    }
    const HostDevices *devices = host_rooms_read_devices(
        index->rooms, entry->host->facts.pci_devices, usage->devices);
    usage->devices_left = devices->number;
    return devices;
}

GByteArray *
host_index_answers(const HostIndex *index, const char *question)
{
    return host_rooms_answers(index->rooms, question);
}

void
host_index_free(HostIndex *index)
{
    if (index == NULL) {
        return;
    }
    host_index_clear(index);
    g_aligned_free(index->entries);
    g_hash_table_unref(index->words);
    g_hash_table_unref(index->kinds);
    host_rooms_free(index->rooms);
    g_free(index->names);
    g_free(index);
}
