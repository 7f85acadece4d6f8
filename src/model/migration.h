/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A migration: the part of an operation that only moves have. Its status in the Compute API is
 * derived from the operation's state (migration/states.h has the text of each). */
#include "model/operation.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, stored name (Nova's migration_type) */
#define MIGRATION_TYPES(X)                                                                         \
    X(LIVE, "live-migration")                                                                      \
    X(COLD, "migration")                                                                           \
    X(RESIZE, "resize")                                                                            \
    X(EVACUATION, "evacuation")

typedef enum {
#define X(name, text) MIGRATION_TYPE_##name,
    MIGRATION_TYPES(X)
#undef X
} MigrationType;

typedef enum { BLOCK_MIGRATION_AUTO, BLOCK_MIGRATION_YES, BLOCK_MIGRATION_NO } BlockMigration;

/* What keeps a guest that writes to its memory from moving for ever. NAME, stored text */
#define CONVERGENCES(X)                                                                            \
    X(PRE_COPY, "pre-copy")                                                                        \
    X(AUTO_CONVERGE, "auto-converge")                                                              \
    X(POST_COPY, "post-copy")

typedef enum {
#define X(name, text) CONVERGENCE_##name,
    CONVERGENCES(X)
#undef X
} Convergence;
const char *convergence_name(Convergence convergence);
bool convergence_parse(const char *text, Convergence *ret_convergence);

/* How it is brought to an end, by whomever (but for an abort by an operator, which is wanted):
 * recorded before it is done. */
#define FORCINGS(X)                                                                                \
    X(NONE, "")                                                                                    \
    X(PAUSE, "pause")                                                                              \
    X(POST_COPY, "post-copy")                                                                      \
    X(ABORT, "abort")

typedef enum {
#define X(name, text) FORCING_##name,
    FORCINGS(X)
#undef X
} Forcing;
const char *forcing_name(Forcing forcing);
bool forcing_parse(const char *text, Forcing *ret_forcing);

/* Progress and totals as libvirt reports them; -1 = not known. */
typedef struct JobStats {
    int64_t memory_total_bytes;
    int64_t memory_processed_bytes;
    int64_t memory_remaining_bytes;
    int64_t disk_total_bytes;
    int64_t disk_processed_bytes;
    int64_t disk_remaining_bytes;
    int64_t memory_bytes_s;     /* transfer rate */
    int64_t disk_bytes_s;
    int64_t dirty_bytes_s;      /* memory dirtied per second */
    int64_t iteration;
    int64_t elapsed_ms;
    int64_t downtime_ms;        /* expected while running, real when completed */
} JobStats;
#define JOB_STATS_UNKNOWN                                                                          \
    (JobStats) { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }

typedef struct Migration {
    int64_t id;   /* Nova's integer */
    char *uuid;
    MigrationType type;
    /* Embedded: the operation that moves. Once a cold move is being confirmed or reverted, state,
     * is_open, updated_us, error_code and message are those of the operation that does it. */
    Operation operation;
    int64_t end_operation_id; /* that one; 0 = none */
    int64_t refused_operation_id; /* the last one that failed to, and left it as it was; its error
                                   * is told until another succeeds; 0 = none */
    char *source_host;
    char *dest_host;      /* NULL until chosen */
    char *requested_host; /* NULL: the scheduler chooses; the operation has the same */
    BlockMigration block_migration; /* as asked for */
    bool disk_over_commit;
    bool force;           /* 2.1-2.67: the named host is taken without the scheduler's checks */
    bool early_checks;    /* below 2.34: the request waits for the checks */
    bool rehearse;        /* live, asked for: the destination starts a twin of the guest first */
    bool copies_disks;    /* decided in CLAIMING: the pools are not shared; of an evacuation: the
                           * root disk begins anew */
    char *disks;          /* decided with it, of each disk: model/disk_plan.h; NULL until then */
    bool was_running;     /* cold: before it was stopped */
    int64_t generation;   /* the instance's generation once it has moved */
    bool pause_first;     /* asked for: the guest is paused as soon as its move has begun */
    Convergence convergence;  /* decided in CLAIMING */
    char *convergence_reason; /* one sentence; NULL = not decided yet */
    int connections;          /* streams of the transfer */
    int downtime_limit_ms;    /* the pause that is aimed for now; 0 = not begun */
    Forcing forced;
    char *forced_reason; /* one sentence; NULL while it is not */
    char *trouble;       /* what stands in its way now, and what to do; NULL = nothing */
    bool ends_stopped;    /* evacuation: the instance stays off, whatever it did before */
    char *admin_pass;     /* evacuation: for the new root disk, until it is made; NULL = none */
    char *reason;         /* why it was asked for, in the words of whoever did; NULL = not said */
    JobStats stats;
    int64_t started_us;   /* transfer began */
    int64_t finished_us;
} Migration;

const char *migration_type_name(MigrationType type);
bool migration_type_parse(const char *text, MigrationType *ret_type);
Migration *migration_new(void);
void migration_free(Migration *migration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Migration, migration_free)
/* operation.c: for embedded operations. */
void operation_clear(Operation *operation);
