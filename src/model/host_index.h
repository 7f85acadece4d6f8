/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The hosts as a decision looks at them: by name, in one array, each with what is compared of every
 * host and with what claims take of it. A look at a hundred thousand hosts then reads memory in its
 * order and follows no pointer; texts that many hosts share are numbers. Whoever tells more of a
 * host follows its pointer to the record. */
#include "model/host.h"
#include "model/host_rooms.h"

enum { HOST_ENTRY_ALIGNMENT = 64 };

/* A text of the index: the same text is the same number. */
typedef unsigned HostWord;
#define HOST_NO_TEXT 0U /* of NULL */

/* What is asked of every host comes first, up to the first part of its usage, and begins where the
 * processor's reads begin: a look at very many hosts is as fast as their memory is read. */
typedef struct HostEntry {
    _Alignas(HOST_ENTRY_ALIGNMENT) const Host *host;
    /* Of the record, as it was when it was put here. */
    const HostAggregates *aggregates;
    int64_t last_seen_us;
    int64_t memory_mib;
    int64_t memory_free_mib;
    int pool_capacity_gib;
    int pool_available_gib;
    int vcpus; /* for guests that are not pinned */
    HostWord pool_id; /* HOST_NO_TEXT: it has not told */
    /* The same for hosts that are alike in what they are and in what is said of them, not in what
     * they have and in what is left of it: whoever asks about that asks the first of a kind. Hosts
     * of very many are of few kinds. */
    unsigned kind;
    HostUsage usage;
} HostEntry;

typedef struct HostIndex HostIndex;

/* The names of all hosts of an index in its order, a line each, and the SHA-256 of that. Shared,
 * and never changed: made once for as long as no host comes or goes. */
typedef struct HostNames {
    char *text;
    char *digest;
} HostNames;

/* Empty; it owns the hosts that are put into it. */
HostIndex *host_index_new(void);
/* Of hosts (Host *) that outlive it and are not changed meanwhile. usage: name -> HostUsage *,
 * which is copied; a missing one is an empty host. */
HostIndex *host_index_of(GPtrArray *hosts, GHashTable *usage);
void host_index_free(HostIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostIndex, host_index_free)

/* In the place of the one of that name, if there is one: its usage stays. Cheap where hosts come by
 * name. Of an index that owns its hosts. */
HostEntry *host_index_put(HostIndex *index, Host *take_host);
/* What claims take of it; copied. */
void host_entry_set_usage(HostEntry *entry, const HostUsage *usage);
/* A name that is not there changes nothing. Of an index that owns its hosts. */
void host_index_remove(HostIndex *index, const char *name);
void host_index_clear(HostIndex *index);

unsigned host_index_size(const HostIndex *index);
/* Another one whenever hosts are at other places, and of each index: never 0. */
uint64_t host_index_stamp(const HostIndex *index);
unsigned host_index_place(const HostIndex *index, const HostEntry *entry);
/* By name, from 0; as long as nothing is put or removed. */
HostEntry *host_index_at(const HostIndex *index, unsigned at);
/* NULL: there is none of that name, or the name is NULL. As above. */
HostEntry *host_index_find(const HostIndex *index, const char *name);
/* Every HostEntry's kind is less. */
unsigned host_index_n_kinds(const HostIndex *index);
/* host_compare_pools of the hosts of two entries. */
static inline PoolsKnown
host_entries_compare_pools(const HostEntry *one, const HostEntry *other)
{
    return one->pool_id == HOST_NO_TEXT || other->pool_id == HOST_NO_TEXT ? POOLS_UNKNOWN
        : one->pool_id == other->pool_id                                  ? POOLS_ONE
                                                                          : POOLS_TWO;
}
/* A reference of the caller's. */
HostNames *host_index_names(const HostIndex *index);
void host_names_unref(HostNames *names);
/* Where a name is in such a text, from 0; -1: nowhere. */
int host_names_find(const char *text, const char *name);
/* What claims leave of the cells and the devices of a host. Its texts are read when that is first
 * asked for, and again after they have changed. The index remembers it: one thread at a time may
 * ask. As long as nothing is put or removed. */
const HostCells *host_index_cells(const HostIndex *index, const HostEntry *entry);
const HostDevices *host_index_devices(const HostIndex *index, const HostEntry *entry);
/* As host_rooms_answers, of the numbers of these. Caller unrefs. */
GByteArray *host_index_answers(const HostIndex *index, const char *question);
