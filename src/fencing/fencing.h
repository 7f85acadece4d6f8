/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Fence agents: programs that switch a host's power, by the FenceAgentAPI that Debian's
 * fence-agents follow. One function runs one to its end. What was found out belongs to the caller,
 * who writes it down (store_set_host_power). */
#include "base/error.h"
#include "model/host.h"

typedef enum {
    FENCE_STATUS,
    FENCE_OFF,
    FENCE_ON,
} FenceAction;

typedef struct FenceAgent {
    const char *directory; /* where agents are */
    const char *name;      /* "fence_ipmilan": a file there */
    const char *options;   /* "key=value" lines; "" = none */
    int timeout_ms;        /* of each run of it */
} FenceAgent;

/* INVALID unless the name is a fence agent's and every line of options is a "key=value" that cannot
 * make the agent do something else: no action, no program to run. */
bool fencing_check(const char *name, const char *options, GError **error);
/* INVALID unless that directory has an agent of this name which may be run. */
bool fencing_find(const char *directory, const char *name, GError **error);
/* "key=value,key=value" (a comma in a value is written \,) becomes lines. NULL: INVALID. Caller
 * frees. */
char *fencing_parse_options(const char *text, GError **error);
const char *fence_action_name(FenceAction action);
bool fence_action_parse(const char *text, FenceAction *ret_action);

/* Runs it, and after OFF and ON asks for the status, which is what *ret_power says: OFF that did
 * not end in off is HYPERVISOR_REFUSED, with the agent's own last words. TIMEOUT: it was ended
 * after its time, and what it did is not known. Blocks: on a worker. May be repeated. */
bool fencing_run(
    const FenceAgent *agent, FenceAction action, HostPower *ret_power, GError **error);
