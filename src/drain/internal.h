/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of drain/ alone: one job in one pass. */
#include "drain/drain.h"
#include "planner/drain_plan.h"

typedef struct DrainTask {
    OperationContext *context;
    Drain *drain;
    const GPtrArray *all;   /* DrainTask: of every job, the earliest first */
    GPtrArray *items;       /* DrainItem; NULL: not read yet */
    GHashTable *on_host;    /* id -> Instance: what is on the host now; borrowed from instances */
    GPtrArray *instances;   /* owns those of on_host and those that were asked for by id */
    GHashTable *kept;       /* ids of instances that keep a copy on the host, until they are
                             * confirmed or reverted */
    DrainJob job;           /* as the plan knows it */
    int n_under_way;        /* items that an operation of ours works for */
    bool is_away;           /* its host does not answer */
    bool has_asked;
    bool has_failed;        /* nothing more is done for it in this pass */
    int64_t now_us;
    int64_t next_us;
} DrainTask;

/* ---- task.c ---- */
DrainTask *drain_task_new(OperationContext *context, Drain *take_drain);
void drain_task_free(void *task);
/* Reads its items, and adds what has come to the host since. */
bool drain_load(DrainTask *task, GError **error);
DrainItem *drain_find_item(const DrainTask *task, const char *instance_id);
/* The instance of that item; NULL with error when the store fails. Borrowed. */
const Instance *drain_get_instance(DrainTask *task, const DrainItem *item, GError **error);
/* It is where the job wants it. */
bool drain_is_there(const DrainTask *task, const Instance *instance);
unsigned drain_count(const DrainTask *task, DrainItemState state);
/* An item waits, or is being moved. */
bool drain_has_unfinished(const DrainTask *task);
/* Look again then, at the latest. */
void drain_look_at(DrainTask *task, int64_t when_us);

/* What needs no move: it leaves WAITING. */
bool drain_settle_waiting(
    DrainTask *task, DrainItem *item, const Instance *instance, GError **error);

/* ---- pass.c ---- */
/* Logged; the job is looked at again in the next pass. */
void drain_task_fail(DrainTask *task, const GError *error);

/* ---- plan.c ---- */
typedef struct DrainSituation {
    GPtrArray *hosts;
    GHashTable *usage;
    GPtrArray *subjects; /* DrainSubject: of all jobs, as are the steps */
    Surroundings *around;
    GPtrArray *steps;
} DrainSituation;
void drain_situation_clear(DrainSituation *situation);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DrainSituation, drain_situation_clear)
/* Of all tasks that have not failed. False: the fleet cannot be read. */
bool drain_make_plan(OperationContext *context, const GPtrArray *tasks,
    DrainSituation *situation, GError **error);
/* It has failed just now: its room is kept, and it is tried later. */
bool drain_is_resting(const DrainTask *task, const DrainItem *item);
/* Its affinity group has begun to leave its host, by any job: it follows whatever becomes of its
 * own. */
bool drain_is_following(const DrainTask *task, const DrainItem *item, const Instance *instance);

/* ---- cancel.c ---- */
/* Of one that is being given up: what waits stays, and it ends with the last move. */
bool drain_give_up(DrainTask *task, GError **error);

/* ---- move.c: the only writers. False: somebody else was faster, or the store failed. ---- */
bool drain_move(DrainTask *task, DrainState to, GError **error);
/* message and fix may be NULL. */
bool drain_item_move(DrainTask *task, DrainItem *item, DrainItemState to, const char *message,
    const char *fix, GError **error);
/* The same without a change of state. */
bool drain_item_tell(
    DrainTask *task, DrainItem *item, const char *message, const char *fix, GError **error);
/* The same with what it waits for from now on. An instance that cannot now leaves everything as it
 * is: true. */
bool drain_item_ask_move(DrainTask *task, DrainItem *item, const Instance *instance,
    const DrainStep *step, GError **error);
bool drain_item_ask_confirm(
    DrainTask *task, DrainItem *item, const Instance *instance, GError **error);

/* ---- follow.c ---- */
/* An item whose operation is under way, or has ended. */
bool drain_follow(DrainTask *task, DrainItem *item, GError **error);
/* It did not work: again later, or cold if that can help, or never. */
bool drain_item_fail(DrainTask *task, DrainItem *item, const Instance *instance,
    bool can_cold_help, const char *message, const char *fix, GError **error);
