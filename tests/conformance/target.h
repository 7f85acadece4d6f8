/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the suite runs against: a hypervisor with two hosts, and what a guest is made from. A test
 * knows nothing else of it: the same test runs on the fake fleet and on real hosts. */
#include "hypervisor/driver.h"

typedef struct Target Target;
struct Target {
    Hypervisor *hypervisor;
    HostAddress hosts[2];  /* each with a pool of its own */
    HostAddress shared[2]; /* the same hosts, with the pool that they share */
    HostAddress dead;      /* nobody answers there */
    BaseImage root;
    BaseImage kernel; /* sha256 NULL: the guest boots from its disk */
    BaseImage initrd;
    const char *command_line;
    const char *bridge;
    const char *served_uri; /* a disk on the network that both hosts can open */
    const char *silent_uri; /* its server takes connections and never speaks */
    const char *boot_text; /* a guest's console says it once for each boot */
    int patience_s;        /* a boot, a shutdown, a migration take less */
    int64_t slow_mib_s;    /* a bandwidth at which a migration surely is still under way when it is
                              looked at */
    /* Takes the completeness marker of a base away, behind the driver's back. */
    void (*spoil_base)(Target *target, const HostAddress *host, const char *sha256);
    /* After each test: what the fleet knows of broken invariants. May be NULL. */
    bool (*check)(Target *target, GError **error);
    void (*free)(Target *target);
    void *data;
};

/* Of the program's own target: target-fake.c or target-lab.c. argument: NULL, or what the command
 * line names. */
Target *target_new(const char *argument, GError **error);
