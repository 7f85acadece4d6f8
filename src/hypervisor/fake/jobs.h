/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Migrations of a fake fleet: rows of "jobs", which go on by the clock alone. A job passes over
 * its disks, then over memory until what was dirtied meanwhile fits into the downtime, then both
 * sides are paused for the switchover, then the guest runs on the destination. Under the fleet's
 * lock, inside a transaction. */
#include "hypervisor/fake/fleet.h"

bool jobs_start(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const MigrateRequest *request, GError **error);
/* A courier with empty disks on the destination; the guest's are copied when its job ends. */
bool jobs_start_courier(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const CopyRequest *request, GError **error);
/* The job of that domain is a courier's. */
bool jobs_is_courier(FakeFleet *fleet, const char *uuid);
/* CONFLICT: the host has no outgoing job for it. */
bool jobs_abort(FakeFleet *fleet, const char *source, const char *uuid, GError **error);
bool jobs_query(
    FakeFleet *fleet, const char *source, const char *uuid, JobStats *ret_stats, GError **error);
bool jobs_limit_downtime(
    FakeFleet *fleet, const char *source, const char *uuid, int downtime_ms, GError **error);
bool jobs_start_post_copy(FakeFleet *fleet, const char *source, const char *uuid, GError **error);
/* Reads the totals once. */
bool jobs_query_done(
    FakeFleet *fleet, const char *dest, const char *uuid, JobStats *ret_stats, GError **error);
/* The guest on the source was paused or resumed by a call. */
void jobs_guest_paused(FakeFleet *fleet, const char *source, const char *uuid);
void jobs_guest_resumed(FakeFleet *fleet, const char *source, const char *uuid);
/* Both sides stand still now: nobody may resume the guest. */
bool jobs_is_switching(FakeFleet *fleet, const char *uuid);
/* Ends the job of that guest on that host, if there is one; the guest goes on at the source. */
void jobs_fail(FakeFleet *fleet, const char *host, const char *uuid, const char *why);

/* The host of these jobs stops answering its peers; regain: it answers again, as if nothing had
 * been, when keep-alive between the peers has not yet given up. forever: it will not regain. */
void jobs_lose_host(FakeFleet *fleet, const char *host, bool forever);
void jobs_regain_host(FakeFleet *fleet, const char *host);
/* All jobs of the host fail now. only_lost: those that cannot be regained. */
void jobs_fail_host(FakeFleet *fleet, const char *host, bool only_lost, const char *why);

/* The daemon of the host died and came back. */
void jobs_restart_host(FakeFleet *fleet, const char *host);

/* When a job changes next; 0 = never. */
int64_t jobs_next_due_us(FakeFleet *fleet);
void jobs_advance(FakeFleet *fleet, int64_t due_us);
