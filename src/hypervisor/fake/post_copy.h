/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Jobs whose guest runs on the destination before all of its memory is there. Between jobs.c, which
 * has their time, and this there is no wall: under the fleet's lock, inside a transaction. */
#include "hypervisor/fake/job_rows.h"

bool post_copy_has_begun(const FakeJob *job);
bool post_copy_start(FakeFleet *fleet, FakeJob *job, GError **error);
/* The sides do not hear each other: the source knows and waits. One of them may have died: then it
 * is halved. */
void post_copy_break(FakeFleet *fleet, FakeJob *job, const char *why);
/* Now the destination knows too: the call ends, and what broke can be mended. */
void post_copy_notice(FakeFleet *fleet, FakeJob *job);
/* The side on that host is gone, and the other cannot go on without it. */
void post_copy_halve(FakeFleet *fleet, const FakeJob *job, const char *host, const char *why);
/* What live_migrate does with resume_post_copy. */
bool post_copy_resume(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const char *uuid, GError **error);

/* ---- jobs.c ---- */
int64_t job_time_for(const FakeJob *job, int64_t bytes);
void job_begin_pass(FakeJob *job, FakeJobPhase phase, int64_t now_us, int64_t bytes);
int64_t job_moved_in_pass(const FakeJob *job, int64_t now_us);
void job_arrive(FakeFleet *fleet, const FakeJob *job);
