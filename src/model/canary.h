/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A canary: whether guests get from one host to another, found out by sending a throw-away domain,
 * and what came of the last one. One row for each ordered pair that was ever asked for. */
#include "model/host.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CANARY_POOL_UNKNOWN,
    CANARY_POOL_SHARED, /* a marker that one host made was there for the other */
    CANARY_POOL_OWN,
} CanaryPool;

/* Where nobody names pairs, each host has so many others: the next ones by name in its own cell,
 * since no guest ever leaves that. */
enum { CANARY_PEERS = 2 };
/* Those of one of the hosts (Host *, by name). Borrowed from them; caller frees the array. */
GPtrArray *canary_list_peers(const GPtrArray *hosts, unsigned of);

/* What is asked of one beside what the configuration says, or was. */
typedef struct CanaryExtra {
    bool post_copy;  /* it switches to post-copy */
    int connections; /* streams; 0 = as configured */
} CanaryExtra;

typedef struct Canary {
    char *source_host;
    char *dest_host;
    CanaryExtra asked; /* of one that is pending: a second one is sent so, once the first arrived */
    int64_t asked_us;   /* when one was last asked for */
    int64_t tried_us;   /* when the last one ended, or was given up; 0 = never. Before asked_us: one
                         * is to be sent, or on its way */
    int64_t elapsed_ms; /* of the last one, the guest's start included */
    char *error;        /* why it did not get there; NULL: it did */
    CanaryPool pool;    /* whether both have one pool, tried after it */
    CanaryExtra extra;  /* how the last one was sent of which more was asked ... */
    int64_t extra_us;   /* ... when that ended: tried_us, or before it where the last one had none
                         * or was cut off in it; 0 = there was none ... */
    char *extra_error;  /* ... and why it did not get there so; NULL: it did */
    int64_t moved_us;   /* when a guest last got there live, or did not because of the way; 0 =
                         * none since there is this row */
    char *move_error;   /* why it did not; NULL: it did */
} Canary;

/* What is known of the way, by whatever was later: the canary or a guest. */
typedef enum {
    CANARY_VERDICT_NONE,     /* nothing has gone there yet */
    CANARY_VERDICT_OPEN,     /* a canary or a guest has arrived */
    CANARY_VERDICT_SHUT,     /* a canary did not */
    CANARY_VERDICT_DOUBTFUL, /* a guest did not; a canary before it did, or there is none */
} CanaryVerdict;

void canary_free(Canary *canary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Canary, canary_free)
/* "pass", ...: the verdict in the API's words. */
const char *canary_verdict_name(CanaryVerdict verdict);
CanaryVerdict canary_verdict(const Canary *canary);
/* The same of post-copy, by the last one that was to switch to it: shut where the kernel gives no
 * userfaultfd, doubtful where it failed for something else. */
CanaryVerdict canary_post_copy_verdict(const Canary *canary);
/* Something was asked beside what is configured. */
bool canary_extra_is_set(const CanaryExtra *extra);
bool canary_extra_is_same(const CanaryExtra *one, const CanaryExtra *other);
/* One is to be sent, or on its way. */
bool canary_is_pending(const Canary *canary);
/* The UUID of the domain that is sent: the same for one pair at any time, so that one that a crash
 * has left is known. Caller frees. */
char *canary_make_uuid(const char *source_host, const char *dest_host);
