/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the configuration says of the two kinds of hosts. At the start, before any thread. */
#include "base/config.h"
#include "hypervisor/driver.h"
#include "hypervisor/libvirt/libvirt.h"

/* Hosts that libvirt manages. ERROR_INVALID: keys that contradict each other. What a reload may
 * change of guests is asked for when one is made. */
Hypervisor *hypervisors_make_libvirt(
    const Config *config, LibvirtFindCpu find_cpu, void *data, GError **error);
/* The fleet in memory, or in a file; *ret_fake is NULL when none is configured. */
bool hypervisors_make_fake(const Config *config, Hypervisor **ret_fake, GError **error);
