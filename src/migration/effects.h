/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For effects.c, transfer.c and storage.c alone: how an effect is put together. */
#include "migration/task.h"

/* One call on its way to a worker and back. What run reads and writes is here and nowhere else:
 * the worker never sees the task. */
typedef struct Effect Effect;
struct Effect {
    MigrationTask *task;
    MigrationEffect kind;
    HypervisorHost *host; /* the lane's */
    HypervisorHost *peer; /* the other side, may be NULL */
    bool (*run)(Effect *effect, GError **error);
    void (*done)(Effect *effect); /* may be NULL: just the error counts */
    char *uuid;
    EffectVerb verb;
    bool with_totals;
    bool with_platform;
    bool is_dest;
    MigrateRequest request;
    char *domain_name;
    GuestTopology *topology; /* what it is given on the destination */
    char *address; /* where the destination takes it */
    WayRequest way;
    int number;
    char *pool; /* NULL: the one that guests live in */
    GPtrArray *bases;
    unsigned base;  /* the one that is streamed */
    Cancel *cancel; /* the task's; NULL: it does not look at it */

    GError *error;
    DomainView view;
    bool has_stats;
    JobStats stats;
    char *text;
    size_t text_size;
    bool flag;
    bool is_void; /* found by done: nobody waits for it any more */
};

/* The call takes references to both sessions; peer may be NULL. */
/* One that is not submitted after all. */
void effect_drop(Effect *effect);
Effect *effect_new(MigrationTask *task, MigrationEffect kind, HypervisorHost *host,
    HypervisorHost *peer, bool (*run)(Effect *effect, GError **error));
/* With both sides at hand, host = destination, peer = source; NULL when one is not connected:
 * then the task has its error. */
Effect *effect_between(
    MigrationTask *task, MigrationEffect kind, bool (*run)(Effect *effect, GError **error));
/* Takes the effect. WAIT. */
StepResult effect_submit(Effect *effect, CallLane lane);
/* A host that is not connected answers like one that hangs up. AGAIN. */
StepResult effect_fail_unconnected(MigrationTask *task, const char *host);
