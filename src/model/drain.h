/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A drain: a job that empties a host, or (a restore) brings back what drains have taken from it. It
 * moves nothing itself: it asks for ordinary migrations. state belongs to the engine, wanted to the
 * API. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, stored name, is it under way, what that means */
#define DRAIN_STATES(X)                                                                            \
    X(RUNNING, "running", true, "Servers are being moved")                                         \
    X(PAUSED, "paused", true, "No move is begun; those under way come to their end")               \
    X(CANCELLING, "cancelling", true, "It ends with the moves that are under way")                 \
    X(DONE, "done", false, "No server is left to be moved")                                        \
    X(BLOCKED, "blocked", false, "What can be moved was moved; the rest says why it stays")        \
    X(CANCELLED, "cancelled", false,                                                               \
        "It was given up, by word or by enabling the host; what was moved stays where it is")

typedef enum {
#define X(name, text, is_open, sentence) DRAIN_##name,
    DRAIN_STATES(X)
#undef X
} DrainState;
const char *drain_state_name(DrainState state);
bool drain_state_parse(const char *text, DrainState *ret_state);
bool drain_state_is_open(DrainState state);
const char *drain_state_sentence(DrainState state);

typedef enum {
    DRAIN_WANTED_RUN,    /* "run" */
    DRAIN_WANTED_PAUSE,  /* "pause" */
    DRAIN_WANTED_CANCEL, /* "cancel"; stays */
} DrainWanted;
const char *drain_wanted_name(DrainWanted wanted);
bool drain_wanted_parse(const char *text, DrainWanted *ret_wanted);

typedef struct Drain {
    int64_t id;
    char *host;
    bool is_restore;
    DrainState state;
    DrainWanted wanted;
    int parallel;       /* moves at once; 0 = as many as the hosts take */
    bool cold_fallback; /* what cannot be moved live is switched off for it */
    char *reason;       /* in the words of whoever asked; may be NULL */
    char *request_id;
    char *user_id;
    int64_t created_us;
    int64_t updated_us;
} Drain;
void drain_free(Drain *drain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Drain, drain_free)

/* One instance of it. NAME, stored name */
#define DRAIN_ITEM_STATES(X)                                                                       \
    X(WAITING, "waiting")       /* for its turn, or until it can; message says why */              \
    X(MOVING, "moving")         /* operation_id moves it */                                        \
    X(CONFIRMING, "confirming") /* it was moved cold; operation_id confirms that */                \
    X(MOVED, "moved")           /* it is at dest_host */                                           \
    X(LEFT, "left")             /* nothing is to be done: deleted, or moved by somebody else */    \
    X(BLOCKED, "blocked")       /* it stays, also as its job was given up; message says why */

typedef enum {
#define X(name, text) DRAIN_ITEM_##name,
    DRAIN_ITEM_STATES(X)
#undef X
} DrainItemState;
const char *drain_item_state_name(DrainItemState state);
bool drain_item_state_parse(const char *text, DrainItemState *ret_state);

typedef struct DrainItem {
    int64_t drain_id;
    char *instance_id;
    char *instance_name; /* joined in when read, as is the next */
    char *group_id;      /* of its server group; NULL: it is in none */
    DrainItemState state;
    char *dest_host;      /* of its last move; NULL = none yet */
    int64_t operation_id; /* the last that was asked for; 0 = none */
    bool is_cold;         /* of that move, or of the next one */
    int attempts;         /* that have failed, of that kind */
    char *tried;          /* hosts that have failed it: comma separated; NULL = none */
    int64_t not_before_us;
    char *message; /* why it waits or stays, or why it went cold; may be NULL */
    char *fix;     /* what would help; may be NULL */
} DrainItem;
void drain_item_free(DrainItem *item);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DrainItem, drain_item_free)
