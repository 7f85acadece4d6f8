/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/jobs.h"

#include "hypervisor/fake/disks.h"
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/job_rows.h"
#include "hypervisor/fake/post_copy.h"
#include "hypervisor/fake/volumes.h"
#include "model/throwaway.h"

#define MIB (INT64_C(1) << 20)
/* QEMU's own downtime limit, when the caller names none. */
#define DEFAULT_DOWNTIME_US 300000
enum { COURIER_MEMORY_MIB = 8 };

/* What auto-converge leaves of what a guest writes, after each pass that it did not help. */
#define THROTTLED_PERCENT 60

/* ---- starting ---- */

int64_t
job_time_for(const FakeJob *job, int64_t bytes)
{
    return job->bytes_s == 0 ? 0 : (int64_t)((double)bytes / (double)job->bytes_s * 1e6);
}

void
job_begin_pass(FakeJob *job, FakeJobPhase phase, int64_t now_us, int64_t bytes)
{
    job->phase = phase;
    job->pass_us = now_us;
    job->pass_bytes = bytes;
    job->due_us = now_us + job_time_for(job, bytes);
}

static bool
check_source(FakeFleet *fleet, const FakeSession *source, const char *uuid, FakeDomain *ret_domain,
    GError **error)
{
    if (!domains_get(fleet, source->host, uuid, ret_domain, error)) {
        return false;
    }
    if (!domain_state_is_active(ret_domain->state)) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED, "domain is not running");
    }
    if (world_number(fleet->world, "select 1 from jobs where uuid = ?1", TEXT(uuid)) != 0) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "another migration job is already running for domain '%s'", uuid);
    }
    return true;
}

/* What the source's daemon finds out when it talks to the destination's. */
static bool
check_dest(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const MigrateRequest *request, int64_t memory_mib, GError **error)
{
    if (strcmp(source->host, dest->host) == 0) {
        return error_set(
            error, ERROR_HYPERVISOR_REFUSED, "Attempt to migrate guest to the same host");
    }
    if (world_number(fleet->world, "select power and not frozen from hosts where name = ?1",
            TEXT(dest->host)) == 0) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "unable to connect to server at '%s': No route to host", dest->host);
    }
    g_auto(FakeDomain) old;
    domains_find(fleet, dest->host, request->uuid, &old);
    if (domain_state_is_active(old.state)) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "domain '%s' is already active on the destination", request->uuid);
    }
    bool is_shared = strcmp(source->pool, dest->pool) == 0;
    if (is_shared == request->copies_disks) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            is_shared ? "Failed to get \"write\" lock: the disk is on a pool that both share"
                      : "Unsafe migration: Migration without shared storage is unsafe");
    }
    if (!volumes_has_guest(fleet, dest->pool, request->uuid)) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "Cannot access storage file of '%s' on the destination: No such file or directory",
            request->uuid);
    }
    return domains_check_memory(fleet, dest->host, memory_mib, error);
}

static int64_t
min_rate(int64_t bytes_s, int64_t limit_mib_s)
{
    int64_t limit = limit_mib_s * MIB;
    return limit > 0 && (bytes_s == 0 || limit < bytes_s) ? limit : bytes_s;
}

static void
make_incoming(FakeFleet *fleet, const char *source, const FakeSession *dest,
    const MigrateRequest *request, const FakeDomain *domain)
{
    world_run(fleet->world,
        "insert into domains (host, uuid, name, pool, state, reason, persistent, generation,"
        " operation, vcpus, memory_mib) values (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8, ?9)"
        " on conflict (host, uuid) do update set pool = excluded.pool,"
        " generation = excluded.generation, operation = excluded.operation,"
        " vcpus = excluded.vcpus, memory_mib = excluded.memory_mib",
        TEXT(dest->host), TEXT(request->uuid), TEXT(domain->name), TEXT(dest->pool),
        INT(DOMAIN_SHUT_OFF), INT(request->generation), INT(request->operation), INT(domain->vcpus),
        INT(domain->memory_mib));
    domains_set_state(fleet, dest->host, request->uuid, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION);
    disks_arrive(fleet, source, dest->host, request->uuid);
}

bool
jobs_start(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const MigrateRequest *request, GError **error)
{
    g_auto(FakeDomain) domain = {0};
    if (!check_source(fleet, source, request->uuid, &domain, error) ||
        !check_dest(fleet, source, dest, request, domain.memory_mib, error)) {
        return false;
    }
    int64_t now_us = fleet_now_us(fleet);
    FakeJob job = {
        .source = source->host,
        .dest = dest->host,
        .source_pool = source->pool,
        .dest_pool = dest->pool,
        .guest = (char *)"",
        .started_us = now_us,
        .disk_bytes =
            request->copies_disks ? volumes_guest_bytes(fleet, source->pool, request->uuid) : 0,
        .memory_bytes = domain.memory_mib * MIB,
        .bytes_s = min_rate(fleet->options.transfer_bytes_s, request->bandwidth_mib_s),
        .dirty_bytes_s = fleet->options.dirty_bytes_s,
        .downtime_us =
            request->downtime_ms > 0 ? request->downtime_ms * INT64_C(1000) : DEFAULT_DOWNTIME_US,
        .was_paused = domain.state == DOMAIN_PAUSED,
        .paused_us = domain.state == DOMAIN_PAUSED ? now_us : 0,
        .post_copy = request->post_copy,
        .auto_converge = request->auto_converge,
    };
    g_strlcpy(job.uuid, request->uuid, sizeof job.uuid);
    job_begin_pass(&job, JOB_DISK, now_us, job.disk_bytes);
    job_rows_insert(fleet, &job);
    make_incoming(fleet, source->host, dest, request, &domain);
    return true;
}

/* ---- couriers ---- */

static bool
check_courier(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const CopyRequest *request, GError **error)
{
    g_auto(FakeDomain) guest = {0};
    g_auto(FakeDomain) old = {0};
    if (!domains_get(fleet, source->host, request->uuid, &guest, error)) {
        return false;
    }
    if (domain_state_is_active(guest.state)) {
        return error_set(error, ERROR_CONFLICT, "domain '%s' is running", guest.name);
    }
    if (domains_find(fleet, dest->host, request->uuid, &old)) {
        return error_set(error, ERROR_CONFLICT, "domain '%s' is defined on host '%s'",
            request->uuid, dest->host);
    }
    return domains_check_memory(fleet, dest->host, COURIER_MEMORY_MIB, error) &&
        volumes_prepare_guest(fleet, dest->pool, source->pool, request->uuid, error);
}

bool
jobs_start_courier(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const CopyRequest *request, GError **error)
{
    if (!check_courier(fleet, source, dest, request, error)) {
        return false;
    }
    g_autofree char *name = throwaway_make_name(THROWAWAY_COURIER, request->courier);
    FakeDomain domain = {.name = name, .memory_mib = COURIER_MEMORY_MIB, .vcpus = 1};
    MigrateRequest migrate = {.uuid = request->courier};
    int64_t now_us = fleet_now_us(fleet);
    FakeJob job = {
        .source = source->host,
        .dest = dest->host,
        .source_pool = source->pool,
        .dest_pool = dest->pool,
        .guest = (char *)request->uuid,
        .started_us = now_us,
        .disk_bytes = volumes_guest_bytes(fleet, source->pool, request->uuid),
        .bytes_s = min_rate(fleet->options.transfer_bytes_s, request->bandwidth_mib_s),
        .was_paused = true,
        .paused_us = now_us,
    };
    g_strlcpy(job.uuid, request->courier, sizeof job.uuid);
    job_begin_pass(&job, JOB_DISK, now_us, job.disk_bytes);
    /* On the source it is like one that waits to move in, but for the job. */
    make_incoming(fleet, source->host, source, &migrate, &domain);
    domains_set_state(fleet, source->host, job.uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER);
    job_rows_insert(fleet, &job);
    make_incoming(fleet, source->host, dest, &migrate, &domain);
    return true;
}

bool
jobs_is_courier(FakeFleet *fleet, const char *uuid)
{
    return world_number(fleet->world, "select guest <> '' from jobs where uuid = ?1",
               TEXT(uuid)) != 0;
}

/* ---- ending ---- */

/* libvirt tells it on the source alone. */
static void
emit_job_done(FakeFleet *fleet, const char *host, const char *uuid)
{
    HostEvent event = {.kind = HOST_EVENT_JOB_DONE};
    g_strlcpy(event.uuid, uuid, sizeof event.uuid);
    fleet_emit(fleet, host, &event);
}

/* What Finish does on the destination: the guest is there from now on. */
void
job_arrive(FakeFleet *fleet, const FakeJob *job)
{
    bool is_copied = strcmp(job->source_pool, job->dest_pool) != 0;
    if (job->guest[0] != '\0') {
        volumes_copy_guest(fleet, job->dest_pool, job->source_pool, job->guest);
    } else {
        volumes_write(fleet, job->dest_pool, job->uuid, is_copied);
    }
    world_run(fleet->world, "update domains set persistent = 1 where host = ?1 and uuid = ?2",
        TEXT(job->dest), TEXT(job->uuid));
}

static void
keep_totals(FakeFleet *fleet, const FakeJob *job, int64_t now_us, int64_t downtime_us)
{
    world_run(fleet->world,
        "insert or replace into done_jobs (host, uuid, disk_bytes, memory_bytes, elapsed_us,"
        " downtime_us, iteration) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        TEXT(job->dest), TEXT(job->uuid), INT(job->disk_bytes), INT(job->moved_bytes),
        INT(now_us - job->started_us), INT(downtime_us), INT(job->iteration));
}

static void
let_go(FakeFleet *fleet, const FakeJob *job, int64_t now_us)
{
    job_arrive(fleet, job);
    keep_totals(fleet, job, now_us, now_us - job->switched_us);
    if (job->was_paused) {
        domains_set_state(fleet, job->dest, job->uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER);
    } else {
        domains_set_state(fleet, job->dest, job->uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
    }
}

static void
leave(FakeFleet *fleet, const FakeJob *job)
{
    domains_set_state(fleet, job->source, job->uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_MIGRATED);
    domains_undefine(fleet, job->source, job->uuid);
    emit_job_done(fleet, job->source, job->uuid);
    fleet_end_job(fleet, job->uuid, 0, NULL);
}

static void
complete(FakeFleet *fleet, const FakeJob *job)
{
    job_rows_delete(fleet, job->uuid);
    let_go(fleet, job, job->due_us);
    leave(fleet, job);
}

static void
complete_post_copy(FakeFleet *fleet, FakeJob *job)
{
    job->moved_bytes += job->pass_bytes;
    job_rows_delete(fleet, job->uuid);
    keep_totals(fleet, job, job->due_us, 0);
    domains_set_state(fleet, job->dest, job->uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
    leave(fleet, job);
}

static void
stop_incoming(FakeFleet *fleet, const FakeJob *job)
{
    g_auto(FakeDomain) dest;
    domains_find(fleet, job->dest, job->uuid, &dest);
    if (domain_state_is_active(dest.state)) {
        domains_stop(fleet, job->dest, job->uuid, DOMAIN_REASON_FAILED);
    }
}

/* The destination's half goes, the guest goes on at the source if it is there. */
static void
give_up(FakeFleet *fleet, FakeJob *job, ErrorCode code, const char *why)
{
    if (post_copy_has_begun(job)) {
        post_copy_break(fleet, job, why);
        return;
    }
    job_rows_delete(fleet, job->uuid);
    stop_incoming(fleet, job);
    g_auto(FakeDomain) source;
    domains_find(fleet, job->source, job->uuid, &source);
    if (source.state == DOMAIN_PAUSED && source.reason == DOMAIN_REASON_MIGRATION) {
        domains_set_state(fleet, job->source, job->uuid, DOMAIN_RUNNING, DOMAIN_REASON_OTHER);
    }
    fleet_end_job(fleet, job->uuid, code, why);
}

void
jobs_fail(FakeFleet *fleet, const char *host, const char *uuid, const char *why)
{
    g_auto(FakeJob) job;
    if (!job_rows_find(fleet, uuid, &job) ||
        (strcmp(job.source, host) != 0 && strcmp(job.dest, host) != 0)) {
        return;
    }
    if (post_copy_has_begun(&job)) {
        post_copy_halve(fleet, &job, host, why);
    } else {
        give_up(fleet, &job, ERROR_HYPERVISOR_REFUSED, why);
    }
}

static bool
find_outgoing(
    FakeFleet *fleet, const char *source, const char *uuid, FakeJob *ret_job, GError **error)
{
    g_auto(FakeDomain) domain = {0};
    *ret_job = (FakeJob){0};
    if (!domains_get(fleet, source, uuid, &domain, error)) {
        return false;
    }
    if (domain.job != DOMAIN_JOB_OUT) {
        return error_set(error, ERROR_CONFLICT, "no job is active on the domain '%s'", domain.name);
    }
    return job_rows_find(fleet, uuid, ret_job);
}

bool
jobs_limit_downtime(
    FakeFleet *fleet, const char *source, const char *uuid, int downtime_ms, GError **error)
{
    g_auto(FakeJob) job;
    if (!find_outgoing(fleet, source, uuid, &job, error)) {
        return false;
    }
    world_run(fleet->world, "update jobs set downtime_us = ?2 where uuid = ?1", TEXT(uuid),
        INT(downtime_ms * INT64_C(1000)));
    return true;
}

bool
jobs_start_post_copy(FakeFleet *fleet, const char *source, const char *uuid, GError **error)
{
    g_auto(FakeJob) job;
    return find_outgoing(fleet, source, uuid, &job, error) &&
        post_copy_start(fleet, &job, error);
}

bool
jobs_abort(FakeFleet *fleet, const char *source, const char *uuid, GError **error)
{
    g_auto(FakeJob) job;
    if (!find_outgoing(fleet, source, uuid, &job, error)) {
        return false;
    }
    if (job.phase == JOB_SWITCH) {
        return error_set(
            error, ERROR_HYPERVISOR_REFUSED, "cannot abort a migration that switches over already");
    }
    if (post_copy_has_begun(&job)) {
        return error_set(
            error, ERROR_HYPERVISOR_REFUSED, "cannot abort migration in post-copy mode");
    }
    give_up(fleet, &job, ERROR_CANCELLED, "operation aborted: migration out: canceled by client");
    return true;
}

/* ---- time ---- */

int64_t
jobs_next_due_us(FakeFleet *fleet)
{
    return world_number(fleet->world, "select min(due_us) from jobs");
}

static void
next_iteration(FakeFleet *fleet, FakeJob *job, int64_t now_us, int64_t bytes)
{
    job->iteration++;
    job_begin_pass(job, JOB_MEMORY, now_us, bytes);
    HostEvent event = {.kind = HOST_EVENT_ITERATION, .iteration = job->iteration};
    g_strlcpy(event.uuid, job->uuid, sizeof event.uuid);
    fleet_emit(fleet, job->source, &event);
}

static int64_t
dirtied_in_pass(const FakeJob *job)
{
    int64_t until_us = job->paused_us != 0 ? MIN(job->paused_us, job->due_us) : job->due_us;
    int64_t while_us = MAX(until_us - job->pass_us, 0);
    return MIN((int64_t)((double)job->dirty_bytes_s * (double)while_us / 1e6), job->memory_bytes);
}

static void
switch_over(FakeFleet *fleet, FakeJob *job, int64_t now_us)
{
    g_auto(FakeDomain) source;
    domains_find(fleet, job->source, job->uuid, &source);
    if (source.state == DOMAIN_RUNNING) {
        domains_set_state(fleet, job->source, job->uuid, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION);
    }
    job->phase = JOB_SWITCH;
    job->switched_us = now_us;
    job->due_us = now_us + fleet->options.switchover_us;
}

static void
end_memory_pass(FakeFleet *fleet, FakeJob *job, int64_t now_us)
{
    int64_t dirtied = dirtied_in_pass(job);
    job->moved_bytes += job->pass_bytes;
    /* What is left after a pause must still be moved, but it gets no more. */
    if (job->bytes_s == 0 || job_time_for(job, dirtied) <= job->downtime_us) {
        switch_over(fleet, job, now_us);
    } else {
        next_iteration(fleet, job, now_us, dirtied);
        if (job->auto_converge) {
            job->dirty_bytes_s = job->dirty_bytes_s * THROTTLED_PERCENT / 100;
        }
    }
}

static void
advance_job(FakeFleet *fleet, FakeJob *job)
{
    int64_t now_us = job->due_us;
    switch (job->phase) {
    case JOB_DISK: next_iteration(fleet, job, now_us, job->memory_bytes); break;
    case JOB_MEMORY: end_memory_pass(fleet, job, now_us); break;
    case JOB_SWITCH: complete(fleet, job); return;
    case JOB_POSTCOPY: complete_post_copy(fleet, job); return;
    case JOB_BROKEN: post_copy_notice(fleet, job); break;
    case JOB_LOST:
    case JOB_DEAD:
        give_up(fleet, job, ERROR_HYPERVISOR_REFUSED,
            "operation failed: Lost connection to destination host");
        return;
    }
    job_rows_update(fleet, job);
}

void
jobs_advance(FakeFleet *fleet, int64_t due_us)
{
    for (;;) {
        g_auto(FakeJob) job;
        if (!job_rows_find_due(fleet, due_us, &job)) {
            return;
        }
        advance_job(fleet, &job);
    }
}

/* ---- what happens to a job from outside ---- */

void
jobs_guest_paused(FakeFleet *fleet, const char *source, const char *uuid)
{
    world_run(fleet->world,
        "update jobs set paused_us = ?3 where uuid = ?1 and source = ?2 and paused_us = 0",
        TEXT(uuid), TEXT(source), INT(fleet_now_us(fleet)));
}

void
jobs_guest_resumed(FakeFleet *fleet, const char *source, const char *uuid)
{
    world_run(fleet->world, "update jobs set paused_us = 0 where uuid = ?1 and source = ?2",
        TEXT(uuid), TEXT(source));
}

bool
jobs_is_switching(FakeFleet *fleet, const char *uuid)
{
    g_auto(FakeJob) job;
    return job_rows_find(fleet, uuid, &job) &&
        (job.phase == JOB_SWITCH || (job.phase >= JOB_LOST && job.lost_phase == JOB_SWITCH));
}

void
jobs_lose_host(FakeFleet *fleet, const char *host, bool forever)
{
    g_autoptr(GPtrArray) uuids = job_rows_list(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(FakeJob) job;
        job_rows_find(fleet, uuids->pdata[i], &job);
        if (job.phase < JOB_LOST && job.phase != JOB_BROKEN) {
            job.lost_phase = job.phase;
            job.lost_us = fleet_now_us(fleet);
            job.left_us = MAX(job.due_us - job.lost_us, 0);
            job.due_us = job.lost_us + fleet->options.peer_keepalive_us;
            job.phase = JOB_LOST;
        }
        if (forever && job.phase != JOB_BROKEN) {
            job.phase = JOB_DEAD;
        }
        job_rows_update(fleet, &job);
    }
}

void
jobs_regain_host(FakeFleet *fleet, const char *host)
{
    g_autoptr(GPtrArray) uuids = job_rows_list(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(FakeJob) job;
        job_rows_find(fleet, uuids->pdata[i], &job);
        bool is_lost =
            world_number(fleet->world, "select 1 from hosts where name in (?1, ?2) and frozen",
                TEXT(job.source), TEXT(job.dest)) != 0;
        if (job.phase == JOB_LOST && !is_lost) {
            int64_t now_us = fleet_now_us(fleet);
            job.phase = job.lost_phase;
            job.pass_us += now_us - job.lost_us;
            job.due_us = now_us + job.left_us;
            job_rows_update(fleet, &job);
        }
    }
}

void
jobs_fail_host(FakeFleet *fleet, const char *host, bool only_lost, const char *why)
{
    g_autoptr(GPtrArray) uuids = job_rows_list(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(FakeJob) job;
        job_rows_find(fleet, uuids->pdata[i], &job);
        if (!only_lost || job.phase == JOB_DEAD) {
            give_up(fleet, &job, ERROR_HYPERVISOR_REFUSED, why);
        }
    }
}

/* The source's daemon died between Perform and Confirm. Chance is drawn from the job itself, so
 * that a simulation can be run again. */
static void
strand(FakeFleet *fleet, const FakeJob *job)
{
    bool has_arrived = (g_str_hash(job->uuid) ^ (unsigned int)job->switched_us) & 1;
    job_rows_delete(fleet, job->uuid);
    if (has_arrived) {
        let_go(fleet, job, fleet_now_us(fleet));
    } else {
        stop_incoming(fleet, job);
    }
    fleet_end_job(fleet, job->uuid, ERROR_OUTCOME_UNKNOWN, "the source's daemon has died");
}

void
jobs_restart_host(FakeFleet *fleet, const char *host)
{
    g_autoptr(GPtrArray) uuids = job_rows_list(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(FakeJob) job;
        job_rows_find(fleet, uuids->pdata[i], &job);
        if (job.phase == JOB_SWITCH && strcmp(job.source, host) == 0) {
            strand(fleet, &job);
        } else if (post_copy_has_begun(&job)) {
            /* It needs no daemon: QEMU goes on by itself. */
            fleet_end_job(fleet, job.uuid, ERROR_OUTCOME_UNKNOWN, "a daemon has died");
        } else {
            give_up(fleet, &job, ERROR_HYPERVISOR_REFUSED,
                "operation failed: Lost connection to destination host");
        }
    }
}

/* ---- statistics ---- */

int64_t
job_moved_in_pass(const FakeJob *job, int64_t now_us)
{
    int64_t until_us = job->phase >= JOB_LOST ? job->lost_us : now_us;
    double while_us = (double)MAX(until_us - job->pass_us, 0);
    return MIN((int64_t)((double)job->bytes_s * while_us / 1e6), job->pass_bytes);
}

bool
jobs_query(
    FakeFleet *fleet, const char *source, const char *uuid, JobStats *ret_stats, GError **error)
{
    g_auto(FakeJob) job;
    if (!find_outgoing(fleet, source, uuid, &job, error)) {
        return false;
    }
    int64_t now_us = fleet_now_us(fleet);
    int64_t moved = job_moved_in_pass(&job, now_us);
    FakeJobPhase phase = job.phase >= JOB_LOST ? job.lost_phase : job.phase;
    bool is_memory = phase == JOB_MEMORY || phase == JOB_POSTCOPY || phase == JOB_BROKEN;
    int64_t disk_moved = phase == JOB_DISK ? moved : job.disk_bytes;
    *ret_stats = JOB_STATS_UNKNOWN;
    ret_stats->memory_total_bytes = job.memory_bytes;
    ret_stats->memory_processed_bytes = job.moved_bytes + (is_memory ? moved : 0);
    ret_stats->memory_remaining_bytes = phase == JOB_DISK ? job.memory_bytes
                : is_memory                             ? job.pass_bytes - moved
                                                          : 0;
    ret_stats->disk_total_bytes = job.disk_bytes;
    ret_stats->disk_processed_bytes = disk_moved;
    ret_stats->disk_remaining_bytes = job.disk_bytes - disk_moved;
    ret_stats->memory_bytes_s = is_memory ? job.bytes_s : 0;
    ret_stats->disk_bytes_s = phase == JOB_DISK ? job.bytes_s : 0;
    ret_stats->dirty_bytes_s = job.paused_us != 0 ? 0 : job.dirty_bytes_s;
    ret_stats->iteration = job.iteration;
    ret_stats->elapsed_ms = (now_us - job.started_us) / 1000;
    ret_stats->downtime_ms = job.downtime_us / 1000;
    return true;
}

bool
jobs_query_done(
    FakeFleet *fleet, const char *dest, const char *uuid, JobStats *ret_stats, GError **error)
{
    g_auto(FakeDomain) domain = {0};
    if (!domains_get(fleet, dest, uuid, &domain, error)) {
        return false;
    }
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "delete from done_jobs where host = ?1 and uuid = ?2"
        " returning disk_bytes, memory_bytes, elapsed_us, downtime_us, iteration",
        TEXT(dest), TEXT(uuid));
    if (!world_next(rows)) {
        return error_set(error, ERROR_CONFLICT, "host '%s' has no totals of a finished job of '%s'",
            dest, domain.name);
    }
    *ret_stats = JOB_STATS_UNKNOWN;
    ret_stats->disk_total_bytes = ret_stats->disk_processed_bytes = world_int(rows, 0);
    ret_stats->memory_total_bytes = domain.memory_mib * MIB;
    ret_stats->memory_processed_bytes = world_int(rows, 1);
    ret_stats->memory_remaining_bytes = ret_stats->disk_remaining_bytes = 0;
    ret_stats->elapsed_ms = world_int(rows, 2) / 1000;
    ret_stats->downtime_ms = world_int(rows, 3) / 1000;
    ret_stats->iteration = world_int(rows, 4);
    return true;
}
