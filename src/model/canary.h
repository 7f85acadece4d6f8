/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A canary: whether guests get from one host to another, found out by sending a throw-away domain,
 * and what came of the last one. One row for each ordered pair that was ever asked for. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CANARY_POOL_UNKNOWN,
    CANARY_POOL_SHARED, /* a marker that one host made was there for the other */
    CANARY_POOL_OWN,
} CanaryPool;

typedef struct Canary {
    char *source_host;
    char *dest_host;
    int64_t asked_us;   /* when one was last asked for */
    int64_t tried_us;   /* when the last one ended, or was given up; 0 = never. Before asked_us: one
                         * is to be sent, or on its way */
    int64_t elapsed_ms; /* of the last one, the guest's start included */
    char *error;        /* why it did not get there; NULL: it did */
    CanaryPool pool;    /* whether both have one pool, tried after it */
} Canary;

void canary_free(Canary *canary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Canary, canary_free)
/* One is to be sent, or on its way. */
bool canary_is_pending(const Canary *canary);
/* The UUID of the domain that is sent: the same for one pair at any time, so that one that a crash
 * has left is known. Caller frees. */
char *canary_make_uuid(const char *source_host, const char *dest_host);
/* What such a domain is called. Caller frees. */
char *canary_make_name(const char *uuid);
