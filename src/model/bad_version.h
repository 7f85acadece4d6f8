/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Versions of libvirt and QEMU that are known to hurt the guests that move from them. */
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

/* Several connections and post-copy in one migration are possible from that version of QEMU on. */
#define PARALLEL_POST_COPY_VERSION 10001000

/* 10000002 -> "10.0.2". Caller frees. */
char *version_to_text(int version);
/* NULL: nothing is known against it. Static. */
const BadVersion *bad_version_find(bool is_qemu, int version);
