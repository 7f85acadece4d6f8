/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Markers of shared-pool probes that nobody waits for. */
#include "hypervisor/libvirt/connection.h"

/* Deletes those that no probe of this process waits for, from every pool of the host. */
void marker_sweep(LibvirtHost *host);
