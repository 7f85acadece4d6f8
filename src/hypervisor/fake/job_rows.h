/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Rows of "jobs": what is known of a migration under way. jobs.c says what becomes of it. */
#include "hypervisor/fake/fleet.h"

typedef enum {
    JOB_DISK,   /* passes over the disks */
    JOB_MEMORY, /* passes over memory */
    JOB_SWITCH, /* both sides stand still */
    JOB_POSTCOPY, /* the destination runs it, the rest of its memory follows */
    JOB_BROKEN,   /* the same, and nothing flows until somebody mends it; due: both know it */
    JOB_LOST,   /* a side does not hear the other; was in lost_phase */
    JOB_DEAD,   /* as lost_phase: a side lost its power, there is no way back */
} FakeJobPhase;

typedef struct FakeJob {
    char uuid[37];
    char *source;
    char *dest;
    char *source_pool;
    char *dest_pool;
    char *guest; /* "": uuid is a guest; else that of a courier with the disks of this one */
    FakeJobPhase phase;
    int64_t started_us;
    int64_t disk_bytes;
    int64_t memory_bytes;
    int64_t bytes_s; /* 0 = at once */
    int64_t dirty_bytes_s;
    int64_t downtime_us; /* what may be left for the switchover */
    int64_t iteration;   /* passes over memory so far */
    int64_t pass_us;     /* when this pass began */
    int64_t pass_bytes;  /* what it moves */
    int64_t moved_bytes; /* of memory, before this pass */
    int64_t due_us;
    int64_t paused_us;   /* since when the guest dirties nothing; 0 = it runs */
    int64_t switched_us; /* when both sides stopped */
    bool was_paused;     /* before the migration: it arrives paused */
    int64_t lost_us;
    FakeJobPhase lost_phase;
    int64_t left_us; /* from lost_us to when it would have been due */
    bool post_copy;  /* may be asked for */
    bool auto_converge;
} FakeJob;

void fake_job_clear(FakeJob *job);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FakeJob, fake_job_clear)

/* False: there is none; *ret_job is then empty. */
bool job_rows_find(FakeFleet *fleet, const char *uuid, FakeJob *ret_job);
/* The job that is due first, at due_us at the latest. */
bool job_rows_find_due(FakeFleet *fleet, int64_t due_us, FakeJob *ret_job);
/* UUIDs of the jobs from and to a host, so that each may be changed while they are walked. */
GPtrArray *job_rows_list(FakeFleet *fleet, const char *host);
void job_rows_insert(FakeFleet *fleet, const FakeJob *job);
void job_rows_update(FakeFleet *fleet, const FakeJob *job);
void job_rows_delete(FakeFleet *fleet, const char *uuid);
