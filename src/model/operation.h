/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An operation: something that was asked for and is carried out once. The store is the queue; an
 * instance has at most one open operation, by a unique index. Two columns, two writers: state
 * belongs to the engine, wanted to the API. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, stored name (also the name of Nova's instance action), task_state while open (NULL: Nova
 * shows none); a cold move's goes on with its state. The last two are only ever recorded, as over:
 * the migration does what they ask for. */
#define OPERATION_KINDS(X)                                                                         \
    X(CREATE, "create", "spawning")                                                                \
    X(DELETE, "delete", "deleting")                                                                \
    X(START, "start", "powering-on")                                                               \
    X(STOP, "stop", "powering-off")                                                                \
    X(REBOOT_SOFT, "reboot", "rebooting")                                                          \
    X(REBOOT_HARD, "reboot_hard", "rebooting_hard")                                                \
    X(PAUSE, "pause", "pausing")                                                                   \
    X(UNPAUSE, "unpause", "unpausing")                                                             \
    X(ATTACH_VOLUME, "attach_volume", NULL)                                                        \
    X(DETACH_VOLUME, "detach_volume", NULL)                                                        \
    X(LIVE_MIGRATE, "live-migration", "migrating")                                                 \
    X(EVACUATE, "evacuate", "rebuilding")                                                          \
    X(COLD_MIGRATE, "migrate", "resize_prep")                                                      \
    X(RESIZE, "resize", "resize_prep")                                                             \
    X(CONFIRM_RESIZE, "confirmResize", NULL)                                                       \
    X(REVERT_RESIZE, "revertResize", "resize_reverting")                                           \
    X(LIVE_MIGRATION_CANCEL, "live_migration_cancel", NULL)                                        \
    X(LIVE_MIGRATION_FORCE_COMPLETE, "live_migration_force_complete", NULL)

typedef enum {
#define X(name, text, task) OPERATION_##name,
    OPERATION_KINDS(X)
#undef X
} OperationKind;

typedef enum {
    WANTED_RUN,            /* "run" */
    WANTED_CANCEL,         /* "cancel" */
    WANTED_FORCE_COMPLETE, /* "force_complete" */
} Wanted;

typedef struct Operation {
    int64_t id;
    OperationKind kind;
    char *instance_id;
    char *state;  /* name in the machine of its kind: migration/states.h or lifecycle/states.h */
    Wanted wanted;
    bool is_open;
    int64_t epoch;       /* of the daemon that owns it */
    char *requested_host; /* the host that was asked for, NULL: the scheduler chooses */
    char *request_id;    /* "req-<uuid>" */
    char *user_id;       /* who asked; NULL: drover itself */
    char *project_id;
    int64_t created_us;
    int64_t updated_us;  /* of the last move */
    int64_t deadline_us; /* of the state it is in; 0 = none */
    char *error_code;    /* error_code_name() of the first error, NULL = none */
    char *message;       /* the first error, or the sentence of the last move; may be NULL */
} Operation;

const char *operation_kind_name(OperationKind kind);
const char *operation_kind_task_state(OperationKind kind);
/* The same of an operation in that state: Nova shows how far a cold move is. state may be NULL. */
const char *operation_task_state(OperationKind kind, const char *state);
/* A cold move, with the same flavor or another. */
bool operation_kind_is_cold(OperationKind kind);
bool operation_kind_parse(const char *text, OperationKind *ret_kind);
const char *wanted_name(Wanted wanted);
bool wanted_parse(const char *text, Wanted *ret_wanted);
Operation *operation_new(void);
void operation_free(Operation *operation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Operation, operation_free)

/* One line of an operation's history. */
typedef struct OperationEvent {
    char *from;
    char *to;
    char *sentence;
    int64_t at_us;
} OperationEvent;
void operation_event_free(OperationEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OperationEvent, operation_event_free)
