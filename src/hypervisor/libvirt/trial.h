/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Throw-away domains that show whether a host starts something: a disk on the network, a guest's
 * twin. They start paused, end with the connection that started them, and are destroyed at once.
 * Their UUIDs are new each time and those of no instance. */
#include "hypervisor/libvirt/connection.h"

typedef struct Trial {
    const char *uuid;
    const char *xml;     /* transient, called trial_name, with our metadata */
    const char *problem; /* what it means when it does not start: "host 'a' cannot open ..." */
    const char *late;    /* and what, when its time is over: "its server did not answer" */
    int limit_s;
} Trial;

/* "try-<uuid>"; caller frees. */
char *trial_name(const char *uuid);
/* On a transfer connection; holds slots of its own beside that one. HYPERVISOR_REFUSED: it did not
 * start, in the host's words, or (*ret_late) not in time. Nothing of it is left on a host that
 * answers. */
bool trial_run(const Slot *slot, const Trial *trial, bool *ret_late, GError **error);
/* Destroys what daemons have left that ended in the middle of it. */
void trial_sweep(LibvirtHost *host);
