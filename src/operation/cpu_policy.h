/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Which processors of which hosts are for pinned guests, and which for all others: [compute]
 * cpu_dedicated_set and cpu_shared_set, for all and for groups. Read-only once it is made. */
#include "model/host.h"

typedef struct CpuPolicy CpuPolicy;
CpuPolicy *cpu_policy_new(void);
void cpu_policy_free(CpuPolicy *policy);
/* hosts: names and patterns; NULL: all whom no group has. Groups first. The sets as they are
 * written, "" for none; they were checked before. */
void cpu_policy_add(
    CpuPolicy *policy, char *const *hosts, const char *dedicated, const char *shared);
/* Adds to what a host has told what the policy says of it. policy may be NULL. */
void cpu_policy_apply(const CpuPolicy *policy, const char *host, HostFacts *facts);
