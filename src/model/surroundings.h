/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What is known around several instances that are to move, beside the hosts: what the claim of each
 * of these moves would look at as well. Plain data. */
#include "model/instance.h"

/* A move that is under way, whoever has asked for it. */
typedef struct Arrival {
    Instance *instance; /* as it was before */
    char *host;         /* where to */
    bool is_claimed;    /* what it takes there is in the host's usage */
    bool has_slot;      /* so is the move itself: a claimed one may yet be let go for its memory */
} Arrival;
Arrival *arrival_new(Instance *take_instance, const char *host);
void arrival_free(Arrival *arrival);

typedef struct Surroundings {
    GPtrArray *neighbours; /* Neighbour *: of the server groups and the hints of all of them */
    GHashTable *canaries;  /* host -> CanaryMap: of where they are */
    GHashTable *post_copies; /* such a host, for each of which what is configured permits post-copy:
                              * surroundings_ask_post_copy */
    GHashTable *volumes;   /* id -> Volume *, a GPtrArray: those attached to it */
    GHashTable *guest_platforms; /* id -> platform_answer_make_key, where that is on record */
    GHashTable *platform_answers; /* such a key -> (class of hosts -> PlatformAnswer) */
    GPtrArray *arrivals;   /* Arrival *: those that have asked for a host which is not settled yet,
                            * and those of server groups */
} Surroundings;

Surroundings *surroundings_new(void);
void surroundings_free(Surroundings *around);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Surroundings, surroundings_free)
/* Of each host from which canaries are known. */
void surroundings_ask_post_copy(
    Surroundings *around, bool (*is_permitted)(const char *host, void *data), void *data);
