/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of drain/ alone: one job in one pass. */
#include "drain/drain.h"
#include "planner/drain_plan.h"

typedef struct DrainTask {
    OperationContext *context;
    Drain *drain;
    GPtrArray *items;       /* DrainItem */
    GHashTable *on_host;    /* id -> Instance: what is on the host now; borrowed from instances */
    GPtrArray *instances;   /* owns those of on_host and those that were asked for by id */
    GHashTable *kept;       /* ids of instances that keep a copy on the host, until they are
                             * confirmed or reverted */
    int n_under_way;        /* items that an operation of ours works for */
    bool has_asked;
    int64_t now_us;
    int64_t next_us;
} DrainTask;

/* The instance of that item; NULL with error when the store fails. Borrowed. */
const Instance *drain_get_instance(DrainTask *task, const DrainItem *item, GError **error);
/* It is where the job wants it. */
bool drain_is_there(const DrainTask *task, const Instance *instance);
/* Look again then, at the latest. */
void drain_look_at(DrainTask *task, int64_t when_us);

/* What needs no move: it leaves WAITING. */
bool drain_settle_waiting(
    DrainTask *task, DrainItem *item, const Instance *instance, GError **error);

/* ---- cancel.c ---- */
/* One that is being given up: what waits stays, and it ends with the last move. */
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
