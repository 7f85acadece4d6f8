/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Jobs of domains: progress, totals, giving up. */
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/yank.h"

static int64_t
param_get(virTypedParameterPtr params, int n, const char *name)
{
    unsigned long long number;

    return virTypedParamsGetULLong(params, n, name, &number) == 1 ? (int64_t)number : -1;
}

static JobStats
stats_read(virTypedParameterPtr params, int n)
{
    int64_t page_size = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE);
    int64_t dirty_pages_s = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE);

    return (JobStats){
        .memory_total_bytes = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_TOTAL),
        .memory_processed_bytes = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_PROCESSED),
        .memory_remaining_bytes = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_REMAINING),
        .disk_total_bytes = param_get(params, n, VIR_DOMAIN_JOB_DISK_TOTAL),
        .disk_processed_bytes = param_get(params, n, VIR_DOMAIN_JOB_DISK_PROCESSED),
        .disk_remaining_bytes = param_get(params, n, VIR_DOMAIN_JOB_DISK_REMAINING),
        .memory_bytes_s = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_BPS),
        .disk_bytes_s = param_get(params, n, VIR_DOMAIN_JOB_DISK_BPS),
        .dirty_bytes_s = page_size > 0 && dirty_pages_s >= 0 ? dirty_pages_s * page_size : -1,
        .iteration = param_get(params, n, VIR_DOMAIN_JOB_MEMORY_ITERATION),
        .elapsed_ms = param_get(params, n, VIR_DOMAIN_JOB_TIME_ELAPSED),
        .downtime_ms = param_get(params, n, VIR_DOMAIN_JOB_DOWNTIME),
    };
}

static bool
job_query(
    LibvirtHost *host, const char *uuid, unsigned int flags, JobStats *ret_stats, GError **error)
{
    g_auto(Slot) slot = {0};
    int type = VIR_DOMAIN_JOB_NONE;
    virTypedParameterPtr params = NULL;
    int n = 0;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    if (domain == NULL) {
        return false;
    }
    if (virDomainGetJobStats(domain, &type, &params, &n, flags) < 0 &&
        libvirt_error_number() != VIR_ERR_OPERATION_INVALID) {
        return domain_fail(&slot, uuid, EFFECT_NONE, "ask for the job of", error);
    }
    if (type == VIR_DOMAIN_JOB_NONE) {
        virTypedParamsFree(params, n);
        return error_set(
            error, ERROR_CONFLICT, "guest '%s' has no job on host '%s'", uuid, slot.host->name);
    }
    *ret_stats = stats_read(params, n);
    virTypedParamsFree(params, n);
    return true;
}

bool
libvirt_query_job(void *source, const char *uuid, JobStats *ret_stats, GError **error)
{
    return job_query(source, uuid, 0, ret_stats, error);
}

/* Kept by libvirt until another job ends, so that asking again gives the same answer. */
bool
libvirt_query_done_job(void *dest, const char *uuid, JobStats *ret_stats, GError **error)
{
    unsigned int flags = VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED;

    return job_query(dest, uuid, flags, ret_stats, error);
}

/* No job, or not one that this can be done to: libvirt has one number for both. */
static bool
fail_invalid(
    const Slot *slot, const char *uuid, ErrorCode code, const char *what, GError **error)
{
    g_autofree char *text = g_strdup(virGetLastErrorMessage());

    return libvirt_error_number() == VIR_ERR_OPERATION_INVALID
        ? error_set(error, code, "cannot %s guest '%s' on host '%s': %s", what, uuid,
              slot->host->name, text)
        : domain_fail(slot, uuid, EFFECT_ASKED, what, error);
}

bool
libvirt_limit_downtime(void *source, const char *uuid, int downtime_ms, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, source, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    return domain != NULL &&
        (virDomainMigrateSetMaxDowntime(domain, (unsigned long long)downtime_ms, 0) == 0 ||
            fail_invalid(&slot, uuid, ERROR_CONFLICT, "limit the downtime of", error));
}

bool
libvirt_start_post_copy(void *source, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, source, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    return domain != NULL &&
        (virDomainMigrateStartPostCopy(domain, 0) == 0 ||
            fail_invalid(
                &slot, uuid, ERROR_HYPERVISOR_REFUSED, "start the post-copy of", error));
}

bool
libvirt_abort_job(void *source, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, source, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    if (domain == NULL) {
        return false;
    }
    host_set_aborted(slot.host, uuid, true);
    /* First: a QEMU that is told to cancel complete copies waits for the dead host, and with it its
     * monitor and the guest. */
    if (host_has_lost_dest(slot.host, uuid)) {
        yank_copies(&slot, domain, uuid);
    }
    if (virDomainAbortJob(domain) == 0) {
        yank_copies_unless_ended(&slot, domain, uuid);
        return true;
    }
    host_set_aborted(slot.host, uuid, false);
    if (libvirt_error_number() == VIR_ERR_OPERATION_INVALID) {
        return error_set(
            error, ERROR_CONFLICT, "guest '%s' has no job on host '%s'", uuid, slot.host->name);
    }
    return domain_fail(&slot, uuid, EFFECT_ASKED, "abort the job of", error);
}
