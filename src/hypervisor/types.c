/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/types.h"

void
domain_view_clear(DomainView *view)
{
    if (view != NULL) {
        g_free(view->name);
        *view = (DomainView){.generation = -1};
    }
}

void
domain_view_free(DomainView *view)
{
    domain_view_clear(view);
    g_free(view);
}

const char *
domain_state_name(DomainState state)
{
    switch (state) {
    case DOMAIN_ABSENT: return "absent";
    case DOMAIN_SHUT_OFF: return "shut-off";
    case DOMAIN_RUNNING: return "running";
    case DOMAIN_PAUSED: return "paused";
    case DOMAIN_CRASHED: return "crashed";
    case DOMAIN_UNREACHABLE: return "unreachable";
    }
    g_return_val_if_reached("unreachable");
}

const char *
domain_reason_name(DomainReason reason)
{
    switch (reason) {
    case DOMAIN_REASON_OTHER: return "other";
    case DOMAIN_REASON_BOOTED: return "booted";
    case DOMAIN_REASON_USER: return "user";
    case DOMAIN_REASON_MIGRATION: return "migration";
    case DOMAIN_REASON_MIGRATED: return "migrated";
    case DOMAIN_REASON_POSTCOPY: return "post-copy";
    case DOMAIN_REASON_POSTCOPY_FAILED: return "post-copy-failed";
    case DOMAIN_REASON_IO_ERROR: return "io-error";
    case DOMAIN_REASON_STARTING_UP: return "starting-up";
    case DOMAIN_REASON_SHUTDOWN: return "shutdown";
    case DOMAIN_REASON_DESTROYED: return "destroyed";
    case DOMAIN_REASON_CRASHED: return "crashed";
    case DOMAIN_REASON_FAILED: return "failed";
    case DOMAIN_REASON_UNKNOWN: return "unknown";
    }
    g_return_val_if_reached("other");
}

const char *
domain_job_name(DomainJob job)
{
    switch (job) {
    case DOMAIN_JOB_NONE: return "none";
    case DOMAIN_JOB_OUT: return "out";
    case DOMAIN_JOB_IN: return "in";
    case DOMAIN_JOB_OTHER: return "other";
    }
    g_return_val_if_reached("other");
}

void
volume_view_free(VolumeView *view)
{
    if (view != NULL) {
        g_free(view->name);
        g_free(view);
    }
}

static void
cpu_of_host_free(void *data)
{
    CpuOfHost *host = data;

    g_free(host->name);
    g_free(host->model);
    g_free(host->lacks);
    g_free(host);
}

static void
cpu_of_guest_free(void *data)
{
    CpuOfGuest *guest = data;

    g_free(guest->name);
    g_free(guest->host);
    g_free(guest->model);
    g_free(guest->lacks);
    g_free(guest->obstacle);
    g_free(guest);
}

CpuBaseline *
cpu_baseline_new(void)
{
    CpuBaseline *baseline = g_new0(CpuBaseline, 1);

    baseline->hosts = g_ptr_array_new_with_free_func(cpu_of_host_free);
    baseline->guests = g_ptr_array_new_with_free_func(cpu_of_guest_free);
    return baseline;
}

void
cpu_baseline_free(CpuBaseline *baseline)
{
    if (baseline == NULL) {
        return;
    }
    g_free(baseline->model);
    g_free(baseline->problem);
    g_strfreev(baseline->features);
    g_ptr_array_unref(baseline->hosts);
    g_ptr_array_unref(baseline->guests);
    g_free(baseline);
}
