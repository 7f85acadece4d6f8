/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/state.h"

#include <libvirt/libvirt.h>

static DomainReason
reason_running(int reason)
{
    switch (reason) {
    case VIR_DOMAIN_RUNNING_BOOTED: return DOMAIN_REASON_BOOTED;
    case VIR_DOMAIN_RUNNING_MIGRATED: return DOMAIN_REASON_MIGRATED;
    case VIR_DOMAIN_RUNNING_POSTCOPY: return DOMAIN_REASON_POSTCOPY;
    case VIR_DOMAIN_RUNNING_POSTCOPY_FAILED: return DOMAIN_REASON_POSTCOPY_FAILED;
    default: return DOMAIN_REASON_OTHER;
    }
}

static DomainReason
reason_paused(int reason)
{
    switch (reason) {
    case VIR_DOMAIN_PAUSED_USER: return DOMAIN_REASON_USER;
    case VIR_DOMAIN_PAUSED_MIGRATION: return DOMAIN_REASON_MIGRATION;
    case VIR_DOMAIN_PAUSED_IOERROR: return DOMAIN_REASON_IO_ERROR;
    case VIR_DOMAIN_PAUSED_STARTING_UP: return DOMAIN_REASON_STARTING_UP;
    case VIR_DOMAIN_PAUSED_POSTCOPY: return DOMAIN_REASON_POSTCOPY;
    case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED: return DOMAIN_REASON_POSTCOPY_FAILED;
    case VIR_DOMAIN_PAUSED_CRASHED: return DOMAIN_REASON_CRASHED;
    default: return DOMAIN_REASON_OTHER;
    }
}

static DomainReason
reason_shut_off(int reason)
{
    switch (reason) {
    case VIR_DOMAIN_SHUTOFF_UNKNOWN: return DOMAIN_REASON_UNKNOWN;
    case VIR_DOMAIN_SHUTOFF_SHUTDOWN: return DOMAIN_REASON_SHUTDOWN;
    case VIR_DOMAIN_SHUTOFF_DESTROYED: return DOMAIN_REASON_DESTROYED;
    case VIR_DOMAIN_SHUTOFF_CRASHED: return DOMAIN_REASON_CRASHED;
    case VIR_DOMAIN_SHUTOFF_MIGRATED: return DOMAIN_REASON_MIGRATED;
    case VIR_DOMAIN_SHUTOFF_FAILED: return DOMAIN_REASON_FAILED;
    default: return DOMAIN_REASON_OTHER;
    }
}

void
state_from_libvirt(int state, int reason, DomainState *ret_state, DomainReason *ret_reason)
{
    switch (state) {
    case VIR_DOMAIN_PAUSED:
        *ret_state = DOMAIN_PAUSED;
        *ret_reason = reason_paused(reason);
        return;
    case VIR_DOMAIN_SHUTOFF:
        *ret_state = DOMAIN_SHUT_OFF;
        *ret_reason = reason_shut_off(reason);
        return;
    case VIR_DOMAIN_CRASHED:
        *ret_state = DOMAIN_CRASHED;
        *ret_reason = DOMAIN_REASON_CRASHED;
        return;
    case VIR_DOMAIN_PMSUSPENDED:
        *ret_state = DOMAIN_PAUSED;
        *ret_reason = DOMAIN_REASON_OTHER;
        return;
    /* Blocked and going down are running too: QEMU is there. */
    default:
        *ret_state = DOMAIN_RUNNING;
        *ret_reason = reason_running(reason);
        return;
    }
}

static DomainReason
reason_stopped(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: return DOMAIN_REASON_SHUTDOWN;
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED: return DOMAIN_REASON_DESTROYED;
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED: return DOMAIN_REASON_CRASHED;
    case VIR_DOMAIN_EVENT_STOPPED_MIGRATED: return DOMAIN_REASON_MIGRATED;
    case VIR_DOMAIN_EVENT_STOPPED_FAILED: return DOMAIN_REASON_FAILED;
    default: return DOMAIN_REASON_OTHER;
    }
}

static DomainReason
reason_suspended(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_SUSPENDED_PAUSED: return DOMAIN_REASON_USER;
    case VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED: return DOMAIN_REASON_MIGRATION;
    case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR: return DOMAIN_REASON_IO_ERROR;
    case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY: return DOMAIN_REASON_POSTCOPY;
    case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED: return DOMAIN_REASON_POSTCOPY_FAILED;
    default: return DOMAIN_REASON_OTHER;
    }
}

static DomainReason
reason_resumed(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_RESUMED_MIGRATED: return DOMAIN_REASON_MIGRATED;
    case VIR_DOMAIN_EVENT_RESUMED_POSTCOPY: return DOMAIN_REASON_POSTCOPY;
    case VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED: return DOMAIN_REASON_POSTCOPY_FAILED;
    default: return DOMAIN_REASON_OTHER;
    }
}

bool
state_from_event(int event, int detail, DomainState *ret_state, DomainReason *ret_reason)
{
    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
        /* Started for an incoming migration means: QEMU waits there for the guest. */
        *ret_state = detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED ? DOMAIN_PAUSED : DOMAIN_RUNNING;
        *ret_reason = detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED ? DOMAIN_REASON_MIGRATION
                                                                  : DOMAIN_REASON_BOOTED;
        return true;
    case VIR_DOMAIN_EVENT_SUSPENDED:
        *ret_state = DOMAIN_PAUSED;
        *ret_reason = reason_suspended(detail);
        return true;
    case VIR_DOMAIN_EVENT_RESUMED:
        *ret_state = DOMAIN_RUNNING;
        *ret_reason = reason_resumed(detail);
        return true;
    case VIR_DOMAIN_EVENT_STOPPED:
        *ret_state = DOMAIN_SHUT_OFF;
        *ret_reason = reason_stopped(detail);
        return true;
    case VIR_DOMAIN_EVENT_UNDEFINED:
        *ret_state = DOMAIN_ABSENT;
        *ret_reason = DOMAIN_REASON_OTHER;
        return true;
    case VIR_DOMAIN_EVENT_CRASHED:
        *ret_state = DOMAIN_CRASHED;
        *ret_reason = DOMAIN_REASON_CRASHED;
        return true;
    default: return false;
    }
}
