/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/post_copy.h"

#include "hypervisor/fake/domains.h"

/* The source notices at once, for it sends. The destination only reads, and its guest may stand
 * still at a page that it had asked for before: only when it knows too does the call end. */
#define DEST_NOTICES_AFTER_US (60 * G_USEC_PER_SEC)

bool
post_copy_has_begun(const FakeJob *job)
{
    FakeJobPhase phase = job->phase >= JOB_LOST ? job->lost_phase : job->phase;
    return phase == JOB_POSTCOPY || phase == JOB_BROKEN;
}

bool
post_copy_start(FakeFleet *fleet, FakeJob *job, GError **error)
{
    if (!job->post_copy || job->phase != JOB_MEMORY) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "post-copy can only be started while outgoing migration is in progress");
    }
    int64_t now_us = fleet_now_us(fleet);
    int64_t moved = job_moved_in_pass(job, now_us);
    int64_t dirtied = (int64_t)((double)job->dirty_bytes_s * (double)(now_us - job->pass_us) / 1e6);
    int64_t left = MIN(job->pass_bytes - moved + dirtied, job->memory_bytes);
    job->moved_bytes += moved;
    job->switched_us = now_us;
    job_begin_pass(job, JOB_POSTCOPY, now_us, left);
    /* Like libvirt: it sees the pause before it sees what it is for. */
    domains_set_state(fleet, job->source, job->uuid, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION);
    domains_set_state(fleet, job->source, job->uuid, DOMAIN_PAUSED, DOMAIN_REASON_POSTCOPY);
    job_arrive(fleet, job);
    domains_set_state(fleet, job->dest, job->uuid, DOMAIN_RUNNING, DOMAIN_REASON_POSTCOPY);
    job_rows_update(fleet, job);
    return true;
}

static bool
is_active(FakeFleet *fleet, const char *host, const char *uuid)
{
    g_auto(FakeDomain) domain;
    domains_find(fleet, host, uuid, &domain);
    return domain_state_is_active(domain.state);
}

void
post_copy_break(FakeFleet *fleet, FakeJob *job, const char *why)
{
    if (!is_active(fleet, job->source, job->uuid)) {
        post_copy_halve(fleet, job, job->source, why);
        return;
    }
    if (!is_active(fleet, job->dest, job->uuid)) {
        post_copy_halve(fleet, job, job->dest, why);
        return;
    }
    if (job->phase == JOB_BROKEN) {
        return;
    }
    int64_t now_us = fleet_now_us(fleet);
    int64_t moved = job_moved_in_pass(job, now_us);
    job->moved_bytes += moved;
    job_begin_pass(job, JOB_BROKEN, now_us, job->pass_bytes - moved);
    job->due_us = now_us + DEST_NOTICES_AFTER_US;
    job_rows_update(fleet, job);
    domains_set_state(fleet, job->source, job->uuid, DOMAIN_PAUSED, DOMAIN_REASON_POSTCOPY_FAILED);
}

void
post_copy_notice(FakeFleet *fleet, FakeJob *job)
{
    job->due_us = INT64_MAX;
    domains_set_state(fleet, job->dest, job->uuid, DOMAIN_RUNNING, DOMAIN_REASON_POSTCOPY_FAILED);
    fleet_end_job(fleet, job->uuid, ERROR_HYPERVISOR_REFUSED,
        "operation failed: migration failed in post-copy phase");
}

void
post_copy_halve(FakeFleet *fleet, const FakeJob *job, const char *host, const char *why)
{
    bool is_source = strcmp(host, job->source) == 0;
    const char *other = is_source ? job->dest : job->source;
    job_rows_delete(fleet, job->uuid);
    if (is_active(fleet, other, job->uuid)) {
        domains_set_state(fleet, other, job->uuid, is_source ? DOMAIN_RUNNING : DOMAIN_PAUSED,
            DOMAIN_REASON_POSTCOPY_FAILED);
    }
    fleet_end_job(fleet, job->uuid, ERROR_HYPERVISOR_REFUSED, why);
}

bool
post_copy_resume(FakeFleet *fleet, const FakeSession *source, const FakeSession *dest,
    const char *uuid, GError **error)
{
    g_auto(FakeJob) job;
    if (!job_rows_find(fleet, uuid, &job) || job.phase != JOB_BROKEN || job.due_us != INT64_MAX ||
        strcmp(job.source, source->host) != 0 || strcmp(job.dest, dest->host) != 0) {
        return error_set(
            error, ERROR_HYPERVISOR_REFUSED, "QEMU reports that the migration cannot be resumed");
    }
    job_begin_pass(&job, JOB_POSTCOPY, fleet_now_us(fleet), job.pass_bytes);
    job_rows_update(fleet, &job);
    domains_set_state(fleet, job.source, uuid, DOMAIN_PAUSED, DOMAIN_REASON_POSTCOPY);
    domains_set_state(fleet, job.dest, uuid, DOMAIN_RUNNING, DOMAIN_REASON_POSTCOPY);
    return true;
}
