/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The definition that a guest gets on the destination of a move: what belongs to the host is made
 * anew for it, all else stays. The one place where that is done, for the running and for the
 * persistent definition alike. Pure. */
#include "hypervisor/libvirt/metadata_xml.h"
#include "hypervisor/types.h"

typedef struct DestPlace {
    const char *from_pool; /* directories of both pools; either may be NULL: nothing is moved */
    const char *to_pool;
    const char *from_volumes; /* the same of the pool of its volumes */
    const char *to_volumes;
    const char *vnc_listen; /* addresses that consoles listen on; NULL = as they are */
    const char *spice_listen;
    int n_cpus;  /* of the destination; 0 = not known */
    int n_cells; /* NUMA cells; 0 = not known */
    const GuestTopology *topology; /* what it is given there; NULL: what it has is kept */
} DestPlace;

/* New metadata; paths below from_pool moved to to_pool (disks with their chains, direct kernel,
 * UEFI variables, logs and files of character devices); consoles listen where this fleet's do; a
 * cpuset, a pin or a NUMA placement that names what the destination does not have is taken out, so
 * that the guest floats there instead of failing; where it was given processors, cells or pages,
 * these take the place of all that it had. Caller frees. */
char *dest_xml_make(
    const char *xml, const Metadata *metadata, const DestPlace *place, GError **error);
