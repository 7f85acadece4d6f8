/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Versions of libvirt and QEMU that are known to hurt guests that move from them, or the moves. */
#include "model/host.h"
#include <stdbool.h>

/* Versions as libvirt counts: 10000002 is 10.0.2. */
typedef struct BadVersion {
    bool is_qemu;       /* else libvirt */
    int from;
    int until;          /* the first that is better */
    const char *result; /* of a lint: "fail" or "warn" */
    const char *what;   /* it does: goes on after the version and a colon */
    const char *fix;
    bool loses_guests;  /* emulated guests (no KVM) do not survive a live move from it */
} BadVersion;

/* 10000002 -> "10.0.2". Caller frees. */
char *version_to_text(int version);
/* Its libvirt can have a post-copy that broke resumed: both hosts must, or none is tried. */
bool host_can_post_copy(const HostFacts *facts);
/* The gravest that is known against it; NULL: nothing. Static. */
const BadVersion *bad_version_find(bool is_qemu, int version);
/* The next one; last: NULL for the first. */
const BadVersion *bad_version_find_next(const BadVersion *last, bool is_qemu, int version);
/* "needs QEMU 10.1.0, and host 'hosta' has 10.0.2": of a migration that may switch to post-copy,
 * by so many connections. NULL: nothing is in its way there, or the host has not told what it has.
 * Caller frees. */
char *parallel_post_copy_obstacle(const Host *host, bool post_copy, int connections);
