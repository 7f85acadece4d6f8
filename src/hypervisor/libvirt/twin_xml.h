/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The twin in which a destination rehearses a guest. Pure. */
#include "hypervisor/libvirt/metadata_xml.h"
#include <stdbool.h>

/* definition: what the guest is to be defined as on the destination; running: as it is on its
 * source, whose processor the twin has. All else is of the former: machine, memory and how that is
 * backed, TPM (with a state of its own), firmware (without variables), controllers and screens; no
 * disk, NIC, file, socket or device of a host. Memory that QEMU would take before it starts (huge
 * pages, locked, allocated at once) is cut down to a little in each cell, because others may need
 * it. It is called as twin->uuid says. *ret_has_secret: the state of its TPM wants a secret of that
 * UUID. Caller frees. */
char *twin_xml_make(
    const char *definition, const char *running, const Metadata *twin, bool *ret_has_secret,
    GError **error);
