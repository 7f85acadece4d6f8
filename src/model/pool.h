/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A pool: an aggregate that says hypervisor_pool=true, whose hosts have their instances in one
 * storage that all of them mount. Its first host is the master; each further one joins: it has no
 * guests, and is proven to share the master's storage. What a pool is at is in its metadata, where
 * Nova's clients show it. Source: Nova's guide for administrators up to Ussuri, "Configure live
 * migrations", XenServer; doc/decisions/036. */
#include "model/host.h"

/* Users set these. */
#define POOL_KEY_FLAG "hypervisor_pool"    /* "true" */
#define POOL_KEY_STORAGE "default_storage" /* storage pool of its hosts' instances; else the
                                            * master's is written there */
/* "true": guests may leave it and enter it live, by copies of their disks */
#define POOL_KEY_BLOCK_MIGRATION "block_migration"
/* Drover writes these. */
#define POOL_KEY_STATE "operational_state"
#define POOL_KEY_MASTER "master_compute"
#define POOL_KEY_JOINING "joining_compute" /* the host that joins, or could not */
#define POOL_KEY_ERROR "operational_error" /* why it could not; or which has lost the storage */

/* NAME, Nova's word */
#define POOL_STATES(X)                                                                             \
    X(CREATED, "created")   /* it has no hosts */                                                  \
    X(CHANGING, "changing") /* a host is joining */                                                \
    X(ACTIVE, "active")                                                                            \
    X(ERROR, "error") /* a host could not join, and those that have are as they were; or, with     \
                       * nobody joining, one that has joined has the master's storage no more */

typedef enum {
#define X(name, text) POOL_##name,
    POOL_STATES(X)
#undef X
} PoolState;
const char *pool_state_name(PoolState state);

bool pool_is(const Aggregate *aggregate);
PoolState pool_state(const Aggregate *pool);
bool pool_may_copy(const Aggregate *pool); /* POOL_KEY_BLOCK_MIGRATION */
/* NULL: nobody is. Borrowed. */
const char *pool_joining(const Aggregate *pool);
const char *pool_master(const Aggregate *pool);
/* Of what its aggregates say: the pool it has joined, borrowed; NULL: none. */
const char *pool_of_host(const Host *host);
/* It is in one, and has not joined: it takes no guests. */
bool pool_is_host_joining(const Host *host);

/* Each: why it may not be so, half a sentence that the caller frees; NULL: it may. */
/* What a user wants the aggregate to say, which need not be a pool. What drover says with it is
 * added to more. */
char *pool_refuse_change(const Aggregate *now, const GPtrArray *changes, GPtrArray *more);
/* master NULL: it would be the first. in_pool: of those that it is in already; NULL: none. */
char *pool_refuse_join(const Aggregate *pool, const Host *host, const HostUsage *usage,
    const Host *master, const char *in_pool);
char *pool_refuse_leave(const Aggregate *pool, const char *host, const HostUsage *usage);

/* What the pool says from then on: AggregateProperty *. */
GPtrArray *pool_on_join(const char *host);
GPtrArray *pool_on_leave(const Aggregate *pool, const char *host);
/* After hosts have said what they have (Host *, its members and others): whether members still have
 * the master's storage. Empty: it says that already, or a host is joining it. */
GPtrArray *pool_on_looked(const Aggregate *pool, const GPtrArray *hosts);
/* reason NULL: the host has joined. */
GPtrArray *pool_on_settled(const Aggregate *pool, const Host *host, const char *reason);
