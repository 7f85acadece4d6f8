/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The plan of all drains and restores that are under way: which instance goes next, how, and where
 * to, so that capacity, constraints and limits hold at every step. Pure: what is shown beforehand
 * and what is carried out come from this one function. */
#include "model/drain.h"
#include "model/surroundings.h"
#include "scheduler/scheduler.h"

typedef enum {
    PLANNED_NOTHING, /* it stays, for the reason given */
    PLANNED_LIVE,
    PLANNED_COLD,
} PlannedMove;
const char *planned_move_name(PlannedMove move); /* NULL, "live", "cold" */

/* One of the jobs. The one with the smaller id was asked for earlier: what it can have, no later
 * one takes from it. */
typedef struct DrainJob {
    int64_t id;
    const char *host;
    bool is_restore;
    int parallel;    /* moves of this job at once; 0 = as many as the hosts take */
    int n_under_way; /* moves of this job that have been asked for */
} DrainJob;

/* One instance that is to leave its host. Borrowed, unless it was made by drain_subject_new. */
typedef struct DrainSubject {
    const DrainJob *job;
    const Instance *instance;
    const char *dest_host; /* the one host that will do: where it came from; NULL: any */
    GHashTable *refusals;  /* hosts that failed it -> why: others come first; may be NULL */
    bool is_cold;          /* moving it live has failed, and it may be moved switched off */
    char *why_cold;        /* what was found by drain_foretell, owned; NULL: nothing to say */
    bool is_held;          /* it does not begin now: its job is paused, or it was tried just now */
    char *why_held;        /* half a sentence, owned; may be NULL */
} DrainSubject;
/* Of an item that waits. */
DrainSubject *drain_subject_new(const DrainJob *job, const DrainItem *item,
    const Instance *instance, bool cold_fallback);
/* Of one that drain_subject_new has made. */
void drain_subject_free(void *subject);

typedef struct DrainRequest {
    const PlacementPolicy *policy;
    int64_t service_down_time_us;
    int64_t now_us;
    int host_limit;  /* moves out of a host at once, and into one; 0 = no limit */
    const Surroundings *around; /* of all that are to leave */
} DrainRequest;

typedef struct DrainStep {
    DrainSubject *subject;
    PlannedMove move;
    char *dest_host;    /* NULL: it stays */
    char *reason;       /* why it stays, or why it goes cold; NULL: nothing to say */
    char *fix;          /* what would let it go; NULL: nothing is to be done */
    char **short_hosts; /* as of a decision: it would go to these; NULL or empty: to none */
    bool is_busy;       /* it stays for as long as another operation of it is under way */
    bool is_way_shut;   /* it stays since canaries did not get there, or it may not run on its
                         * way: switched off it could go */
    bool may_begin;     /* there is a slot for it now, and it follows nobody who is yet to move */
    const struct DrainStep *leader; /* of its affinity group, which moves as a whole: it goes there
                                     * once that one has arrived; NULL: it follows nobody */
    char *waits_for;    /* who it follows, or who keeps it that is to follow it, in words; NULL:
                         * nobody */
    bool is_placed;     /* a host was looked for, or none is needed */
    bool is_pinned;     /* one host alone will do, if any: it comes first */
    bool is_choosy;     /* few hosts will do: a server group binds it, or it is given cells, pages
                         * or devices; it is placed early where room is short */
    int dedicated_cpus;
    int64_t size_bytes; /* what has to be carried over: memory, and disks unless all hosts share
                         * their pool */
    int64_t chain_bytes; /* the same with what follows it */
} DrainStep;

/* The steps in their order: the largest first, so that the last one does not keep the slots empty.
 * hosts: Host *; usage: as of the store, with moves that are under way. subjects: DrainSubject *,
 * of all jobs, which get what they plan from one pot. When the usual choice, which spreads, leaves
 * somebody without a host, others are tried: one that packs, and with several jobs those in which
 * the earlier one chooses first. Taken is what leaves fewest of the earliest job, then of the next.
 *
 * An affinity group of which every server is a subject moves as a whole, to one host that has room
 * for all: one of them leads, and when it has arrived the others follow. */
GPtrArray *drain_plan(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage);
/* What a drain that may move servers switched off comes to, since live they cannot go: plans until
 * nobody more is marked as cold. */
GPtrArray *drain_foretell(const DrainRequest *request, const GPtrArray *subjects, GPtrArray *hosts,
    GHashTable *usage);
void drain_step_free(DrainStep *step);
/* What has to be carried over, as of a step. hosts: Host *. */
int64_t drain_size_of(const Instance *instance, GPtrArray *hosts);

/* ---- drain_words.c ---- */
/* Nothing moves from or to a host that does not answer, and that says nothing of the servers: they
 * wait until it does, or until they have been evacuated. hosts: Host *. */
bool drain_is_away(const Drain *drain, const GPtrArray *hosts);
/* What keeps one of that job from beginning, for others that wait for that one; caller frees. */
char *drain_words_held(const Drain *drain, bool is_away, bool may_begin);
/* What a drain says of an instance that an open restore is to take back, also when that does not
 * move. Both are the caller's; *ret_fix NULL: nothing is to be done. */
void drain_words_restore(
    const Drain *restore, bool is_away, char **ret_reason, char **ret_fix);
