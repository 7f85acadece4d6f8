/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* libvirt's numbers for states, reasons and events as ours. Pure. */
#include "hypervisor/types.h"

/* state of virDomainState and its reason, as virDomainGetState gives them. */
void state_from_libvirt(int state, int reason, DomainState *ret_state, DomainReason *ret_reason);
/* A lifecycle event; false when it says nothing about the state (such as a new definition). */
bool state_from_event(int event, int detail, DomainState *ret_state, DomainReason *ret_reason);
