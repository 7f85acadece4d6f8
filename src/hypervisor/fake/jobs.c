/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/jobs.h"

#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/volumes.h"

#define MIB (INT64_C(1) << 20)
/* QEMU's own downtime limit, when the caller names none. */
#define DEFAULT_DOWNTIME_US 300000

typedef enum {
    JOB_DISK,   /* passes over the disks */
    JOB_MEMORY, /* passes over memory */
    JOB_SWITCH, /* both sides stand still */
    JOB_LOST,   /* a side does not hear the other; was in lost_phase */
    JOB_DEAD,   /* as lost_phase: a side lost its power, there is no way back */
} JobPhase;

typedef struct Job {
    char uuid[37];
    char *source;
    char *dest;
    char *source_pool;
    char *dest_pool;
    JobPhase phase;
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
    JobPhase lost_phase;
    int64_t left_us; /* from lost_us to when it would have been due */
} Job;

static void
job_clear(Job *job)
{
    g_free(job->source);
    g_free(job->dest);
    g_free(job->source_pool);
    g_free(job->dest_pool);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Job, job_clear)

#define JOB_COLUMNS                                                                                \
    "uuid, source, dest, source_pool, dest_pool, phase, started_us, disk_bytes, memory_bytes,"     \
    " bytes_s, dirty_bytes_s, downtime_us, iteration, pass_us, pass_bytes, moved_bytes, due_us,"   \
    " paused_us, switched_us, was_paused, lost_us, lost_phase, left_us"

static bool
read_job(WorldRows *rows, Job *ret_job)
{
    *ret_job = (Job){0};
    if (!world_next(rows)) {
        return false;
    }
    g_strlcpy(ret_job->uuid, world_text(rows, 0), sizeof ret_job->uuid);
    ret_job->source = g_strdup(world_text(rows, 1));
    ret_job->dest = g_strdup(world_text(rows, 2));
    ret_job->source_pool = g_strdup(world_text(rows, 3));
    ret_job->dest_pool = g_strdup(world_text(rows, 4));
    ret_job->phase = (JobPhase)world_int(rows, 5);
    ret_job->started_us = world_int(rows, 6);
    ret_job->disk_bytes = world_int(rows, 7);
    ret_job->memory_bytes = world_int(rows, 8);
    ret_job->bytes_s = world_int(rows, 9);
    ret_job->dirty_bytes_s = world_int(rows, 10);
    ret_job->downtime_us = world_int(rows, 11);
    ret_job->iteration = world_int(rows, 12);
    ret_job->pass_us = world_int(rows, 13);
    ret_job->pass_bytes = world_int(rows, 14);
    ret_job->moved_bytes = world_int(rows, 15);
    ret_job->due_us = world_int(rows, 16);
    ret_job->paused_us = world_int(rows, 17);
    ret_job->switched_us = world_int(rows, 18);
    ret_job->was_paused = world_int(rows, 19) != 0;
    ret_job->lost_us = world_int(rows, 20);
    ret_job->lost_phase = (JobPhase)world_int(rows, 21);
    ret_job->left_us = world_int(rows, 22);
    return true;
}

static bool
find_job(FakeFleet *fleet, const char *uuid, Job *ret_job)
{
    g_autoptr(WorldRows) rows =
        world_select(fleet->world, "select " JOB_COLUMNS " from jobs where uuid = ?1", TEXT(uuid));
    return read_job(rows, ret_job);
}

static void
insert_job(FakeFleet *fleet, const Job *job)
{
    world_run(fleet->world,
        "insert into jobs (" JOB_COLUMNS ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
        " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
        TEXT(job->uuid), TEXT(job->source), TEXT(job->dest), TEXT(job->source_pool),
        TEXT(job->dest_pool), INT(job->phase), INT(job->started_us), INT(job->disk_bytes),
        INT(job->memory_bytes), INT(job->bytes_s), INT(job->dirty_bytes_s), INT(job->downtime_us),
        INT(job->iteration), INT(job->pass_us), INT(job->pass_bytes), INT(job->moved_bytes),
        INT(job->due_us), INT(job->paused_us), INT(job->switched_us), INT(job->was_paused),
        INT(job->lost_us), INT(job->lost_phase), INT(job->left_us));
}

static void
update_job(FakeFleet *fleet, const Job *job)
{
    world_run(fleet->world,
        "update jobs set phase = ?2, iteration = ?3, pass_us = ?4, pass_bytes = ?5,"
        " moved_bytes = ?6, due_us = ?7, paused_us = ?8, switched_us = ?9, lost_us = ?10,"
        " lost_phase = ?11, left_us = ?12 where uuid = ?1",
        TEXT(job->uuid), INT(job->phase), INT(job->iteration), INT(job->pass_us),
        INT(job->pass_bytes), INT(job->moved_bytes), INT(job->due_us), INT(job->paused_us),
        INT(job->switched_us), INT(job->lost_us), INT(job->lost_phase), INT(job->left_us));
}

static void
delete_job(FakeFleet *fleet, const char *uuid)
{
    world_run(fleet->world, "delete from jobs where uuid = ?1", TEXT(uuid));
}

/* ---- starting ---- */

static int64_t
time_for(const Job *job, int64_t bytes)
{
    return job->bytes_s == 0 ? 0 : (int64_t)((double)bytes / (double)job->bytes_s * 1e6);
}

static void
begin_pass(Job *job, JobPhase phase, int64_t now_us, int64_t bytes)
{
    job->phase = phase;
    job->pass_us = now_us;
    job->pass_bytes = bytes;
    job->due_us = now_us + time_for(job, bytes);
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
make_incoming(FakeFleet *fleet, const FakeSession *dest, const MigrateRequest *request,
    const FakeDomain *domain)
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
    Job job = {
        .source = source->host,
        .dest = dest->host,
        .source_pool = source->pool,
        .dest_pool = dest->pool,
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
    };
    g_strlcpy(job.uuid, request->uuid, sizeof job.uuid);
    begin_pass(&job, JOB_DISK, now_us, job.disk_bytes);
    insert_job(fleet, &job);
    make_incoming(fleet, dest, request, &domain);
    return true;
}

/* ---- ending ---- */

static void
emit_job_done(FakeFleet *fleet, const char *host, const char *uuid)
{
    HostEvent event = {.kind = HOST_EVENT_JOB_DONE};
    g_strlcpy(event.uuid, uuid, sizeof event.uuid);
    fleet_emit(fleet, host, &event);
}

static void
complete(FakeFleet *fleet, Job *job)
{
    int64_t now_us = job->due_us;
    bool is_copied = strcmp(job->source_pool, job->dest_pool) != 0;
    delete_job(fleet, job->uuid);
    volumes_write(fleet, job->dest_pool, job->uuid, is_copied);
    world_run(fleet->world, "update domains set persistent = 1 where host = ?1 and uuid = ?2",
        TEXT(job->dest), TEXT(job->uuid));
    world_run(fleet->world,
        "insert or replace into done_jobs (host, uuid, disk_bytes, memory_bytes, elapsed_us,"
        " downtime_us, iteration) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        TEXT(job->dest), TEXT(job->uuid), INT(job->disk_bytes), INT(job->moved_bytes),
        INT(now_us - job->started_us), INT(now_us - job->switched_us), INT(job->iteration));
    if (job->was_paused) {
        domains_set_state(fleet, job->dest, job->uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER);
    } else {
        domains_set_state(fleet, job->dest, job->uuid, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED);
    }
    emit_job_done(fleet, job->dest, job->uuid);
    domains_set_state(fleet, job->source, job->uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_MIGRATED);
    domains_undefine(fleet, job->source, job->uuid);
    emit_job_done(fleet, job->source, job->uuid);
    fleet_end_job(fleet, job->uuid, 0, NULL);
}

/* The destination's half goes, the guest goes on at the source if it is there. */
static void
give_up(FakeFleet *fleet, const Job *job, ErrorCode code, const char *why)
{
    delete_job(fleet, job->uuid);
    g_auto(FakeDomain) dest;
    domains_find(fleet, job->dest, job->uuid, &dest);
    if (domain_state_is_active(dest.state)) {
        domains_stop(fleet, job->dest, job->uuid, DOMAIN_REASON_FAILED);
    }
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
    g_auto(Job) job;
    if (find_job(fleet, uuid, &job) &&
        (strcmp(job.source, host) == 0 || strcmp(job.dest, host) == 0)) {
        give_up(fleet, &job, ERROR_HYPERVISOR_REFUSED, why);
    }
}

static bool
find_outgoing(FakeFleet *fleet, const char *source, const char *uuid, Job *ret_job, GError **error)
{
    g_auto(FakeDomain) domain = {0};
    *ret_job = (Job){0};
    if (!domains_get(fleet, source, uuid, &domain, error)) {
        return false;
    }
    if (domain.job != DOMAIN_JOB_OUT) {
        return error_set(error, ERROR_CONFLICT, "no job is active on the domain '%s'", domain.name);
    }
    return find_job(fleet, uuid, ret_job);
}

bool
jobs_abort(FakeFleet *fleet, const char *source, const char *uuid, GError **error)
{
    g_auto(Job) job;
    if (!find_outgoing(fleet, source, uuid, &job, error)) {
        return false;
    }
    if (job.phase == JOB_SWITCH) {
        return error_set(
            error, ERROR_HYPERVISOR_REFUSED, "cannot abort a migration that switches over already");
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
next_iteration(FakeFleet *fleet, Job *job, int64_t now_us, int64_t bytes)
{
    job->iteration++;
    begin_pass(job, JOB_MEMORY, now_us, bytes);
    HostEvent event = {.kind = HOST_EVENT_ITERATION, .iteration = job->iteration};
    g_strlcpy(event.uuid, job->uuid, sizeof event.uuid);
    fleet_emit(fleet, job->source, &event);
}

static int64_t
dirtied_in_pass(const Job *job)
{
    int64_t until_us = job->paused_us != 0 ? MIN(job->paused_us, job->due_us) : job->due_us;
    int64_t while_us = MAX(until_us - job->pass_us, 0);
    return MIN((int64_t)((double)job->dirty_bytes_s * (double)while_us / 1e6), job->memory_bytes);
}

static void
switch_over(FakeFleet *fleet, Job *job, int64_t now_us)
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
end_memory_pass(FakeFleet *fleet, Job *job, int64_t now_us)
{
    int64_t dirtied = dirtied_in_pass(job);
    job->moved_bytes += job->pass_bytes;
    /* What is left after a pause must still be moved, but it gets no more. */
    if (job->bytes_s == 0 || time_for(job, dirtied) <= job->downtime_us) {
        switch_over(fleet, job, now_us);
    } else {
        next_iteration(fleet, job, now_us, dirtied);
    }
}

static void
advance_job(FakeFleet *fleet, Job *job)
{
    int64_t now_us = job->due_us;
    switch (job->phase) {
    case JOB_DISK: next_iteration(fleet, job, now_us, job->memory_bytes); break;
    case JOB_MEMORY: end_memory_pass(fleet, job, now_us); break;
    case JOB_SWITCH: complete(fleet, job); return;
    case JOB_LOST:
    case JOB_DEAD:
        give_up(fleet, job, ERROR_HYPERVISOR_REFUSED,
            "operation failed: Lost connection to destination host");
        return;
    }
    update_job(fleet, job);
}

void
jobs_advance(FakeFleet *fleet, int64_t due_us)
{
    for (;;) {
        g_auto(Job) job;
        {
            g_autoptr(WorldRows) rows = world_select(fleet->world,
                "select " JOB_COLUMNS
                " from jobs where due_us <= ?1 order by due_us, started_us, uuid limit 1",
                INT(due_us));
            if (!read_job(rows, &job)) {
                return;
            }
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
    g_auto(Job) job;
    return find_job(fleet, uuid, &job) &&
        (job.phase == JOB_SWITCH || (job.phase >= JOB_LOST && job.lost_phase == JOB_SWITCH));
}

/* UUIDs of the jobs from and to a host, so that each may be changed while they are walked. */
static GPtrArray *
list_jobs_of_host(FakeFleet *fleet, const char *host)
{
    GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select uuid from jobs where source = ?1 or dest = ?1 order by started_us, uuid",
        TEXT(host));
    while (world_next(rows)) {
        g_ptr_array_add(uuids, g_strdup(world_text(rows, 0)));
    }
    return uuids;
}

void
jobs_lose_host(FakeFleet *fleet, const char *host, bool forever)
{
    g_autoptr(GPtrArray) uuids = list_jobs_of_host(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(Job) job;
        find_job(fleet, uuids->pdata[i], &job);
        if (job.phase < JOB_LOST) {
            job.lost_phase = job.phase;
            job.lost_us = fleet_now_us(fleet);
            job.left_us = MAX(job.due_us - job.lost_us, 0);
            job.due_us = job.lost_us + fleet->options.peer_keepalive_us;
            job.phase = JOB_LOST;
        }
        if (forever) {
            job.phase = JOB_DEAD;
        }
        update_job(fleet, &job);
    }
}

void
jobs_regain_host(FakeFleet *fleet, const char *host)
{
    g_autoptr(GPtrArray) uuids = list_jobs_of_host(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(Job) job;
        find_job(fleet, uuids->pdata[i], &job);
        bool is_lost =
            world_number(fleet->world, "select 1 from hosts where name in (?1, ?2) and frozen",
                TEXT(job.source), TEXT(job.dest)) != 0;
        if (job.phase == JOB_LOST && !is_lost) {
            int64_t now_us = fleet_now_us(fleet);
            job.phase = job.lost_phase;
            job.pass_us += now_us - job.lost_us;
            job.due_us = now_us + job.left_us;
            update_job(fleet, &job);
        }
    }
}

void
jobs_fail_host(FakeFleet *fleet, const char *host, bool only_lost, const char *why)
{
    g_autoptr(GPtrArray) uuids = list_jobs_of_host(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        g_auto(Job) job;
        find_job(fleet, uuids->pdata[i], &job);
        if (!only_lost || job.phase == JOB_DEAD) {
            give_up(fleet, &job, ERROR_HYPERVISOR_REFUSED, why);
        }
    }
}

/* ---- statistics ---- */

static int64_t
moved_in_pass(const Job *job, int64_t now_us)
{
    int64_t until_us = job->phase >= JOB_LOST ? job->lost_us : now_us;
    double while_us = (double)MAX(until_us - job->pass_us, 0);
    return MIN((int64_t)((double)job->bytes_s * while_us / 1e6), job->pass_bytes);
}

bool
jobs_query(
    FakeFleet *fleet, const char *source, const char *uuid, JobStats *ret_stats, GError **error)
{
    g_auto(Job) job;
    if (!find_outgoing(fleet, source, uuid, &job, error)) {
        return false;
    }
    int64_t now_us = fleet_now_us(fleet);
    int64_t moved = moved_in_pass(&job, now_us);
    JobPhase phase = job.phase >= JOB_LOST ? job.lost_phase : job.phase;
    int64_t disk_moved = phase == JOB_DISK ? moved : job.disk_bytes;
    *ret_stats = JOB_STATS_UNKNOWN;
    ret_stats->memory_total_bytes = job.memory_bytes;
    ret_stats->memory_processed_bytes = job.moved_bytes + (phase == JOB_MEMORY ? moved : 0);
    ret_stats->memory_remaining_bytes = phase == JOB_DISK ? job.memory_bytes
        : phase == JOB_MEMORY                             ? job.pass_bytes - moved
                                                          : 0;
    ret_stats->disk_total_bytes = job.disk_bytes;
    ret_stats->disk_processed_bytes = disk_moved;
    ret_stats->disk_remaining_bytes = job.disk_bytes - disk_moved;
    ret_stats->memory_bytes_s = phase == JOB_MEMORY ? job.bytes_s : 0;
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
