/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* One effect on a host at a time: asked for on the engine's thread, carried out on a worker,
 * answered on the engine's thread. A host that does not answer, or whose answer is lost, is asked
 * again, with a pause that grows, until a deadline: so what runs here must bear being done twice.
 * A machine lists its effects as X(verb, lane) and makes its table with EFFECT_KIND. */
#include "operation/operation.h"

/* One call on its way to a worker and back. What run reads and writes is here and nowhere else: the
 * worker never sees the task. */
typedef struct EffectCall {
    char *uuid;           /* of the domain that it is about */
    HypervisorHost *host; /* who is asked; NULL: no host is */
    HypervisorHost *peer; /* the other side; NULL when nobody asked for one */
    Cancel *cancel;       /* for a kind that looks at it */
    DomainView view;      /* for a kind that describes a domain */
    void *data;           /* the machine's own, made by prepare */
    GDestroyNotify free_data;
    struct EffectFlight *flight; /* effect.c's own */
} EffectCall;

typedef struct EffectKind {
    const char *before; /* failpoints, on the worker, around the call itself */
    const char *after;
    CallLane lane;
    bool (*run)(EffectCall *call, GError **error);
} EffectKind;
#define EFFECT_KIND(machine, verb, lane)                                                           \
    {                                                                                              \
        machine ".effect." #verb ".before", machine ".effect." #verb ".after", lane, run_##verb    \
    }

/* Embedded in a task; see effect_slot_init. */
typedef struct EffectSlot {
    OperationContext *context;
    int64_t operation_id;
    EffectCall *call;   /* in flight, else NULL */
    EffectCall *answer; /* has ended */
    bool is_unread;     /* and no step has looked at it */
    unsigned n_tries;   /* calls that ended without an answer of the host */
    int64_t retry_us;   /* no call before that time */
} EffectSlot;

typedef enum {
    EFFECT_WAITING, /* under way, or its host is not connected; something will wake the task */
    EFFECT_DONE,
    EFFECT_FAILED, /* refused, or the deadline has passed without an answer; *ret_error says why */
} EffectResult;

typedef struct EffectAsk {
    const EffectKind *kind;
    const char *uuid;
    const char *host;    /* NULL: it is on no host */
    const char *peer;    /* must be connected too; NULL: none */
    int64_t deadline_us; /* 0 = none */
    /* Fills in data (and peer, where the machine chooses it); false: it cannot be asked for. May be
     * NULL. */
    bool (*prepare)(EffectCall *call, void *task, GError **error);
    void *task;
} EffectAsk;

void effect_slot_init(EffectSlot *slot, OperationContext *context, int64_t operation_id);
/* Asks for an effect, or gives the answer once it has come: then slot->answer is the call, until
 * something else is asked for. */
EffectResult effect_ask(EffectSlot *slot, const EffectAsk *ask, GError **ret_error);
/* A host is back: it may be asked at once. */
void effect_slot_hurry(EffectSlot *slot);
/* What is under way is not wanted any more: a kind that looks at that ends with CANCELLED, and
 * soon. The answer is still waited for. */
void effect_slot_cancel(EffectSlot *slot);
/* Nobody wants the answer any more. Also when the task ends. */
void effect_slot_forget(EffectSlot *slot);
