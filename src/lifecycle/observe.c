/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "lifecycle/lifecycle.h"

bool
lifecycle_observe(const DomainView *view, VmState *ret_vm_state, PowerState *ret_power_state)
{
    switch (view->state) {
    case DOMAIN_RUNNING:
        *ret_vm_state = VM_STATE_ACTIVE;
        *ret_power_state = POWER_STATE_RUNNING;
        return true;
    case DOMAIN_PAUSED:
        *ret_vm_state = VM_STATE_PAUSED;
        *ret_power_state = POWER_STATE_PAUSED;
        return true;
    case DOMAIN_SHUT_OFF:
        *ret_vm_state = VM_STATE_STOPPED;
        *ret_power_state =
            view->reason == DOMAIN_REASON_CRASHED ? POWER_STATE_CRASHED : POWER_STATE_SHUTDOWN;
        return true;
    case DOMAIN_CRASHED:
        *ret_vm_state = VM_STATE_STOPPED;
        *ret_power_state = POWER_STATE_CRASHED;
        return true;
    case DOMAIN_ABSENT:
    case DOMAIN_UNREACHABLE: return false;
    }
    g_assert_not_reached();
}

bool
lifecycle_has_powered_off(const DomainView *view)
{
    return view->state == DOMAIN_SHUT_OFF && view->reason == DOMAIN_REASON_SHUTDOWN;
}
