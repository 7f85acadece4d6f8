/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Will it end? What makes a migration converge, and when it is ended by force. Pure: no clock, no
 * I/O. Nova: nova/virt/libvirt, [libvirt] live_migration_*; the formulas are Nova's. */
#include "model/host.h"
#include "model/instance.h"
#include "model/migration.h"
#include "operation/live_policy.h"

/* GiB by which Nova's times are multiplied: memory and each copied disk, and none of them less
 * than 2. disks_gib: one for each disk that is copied. */
double converge_data_gib(int64_t ram_mib, const double *disks_gib, int n_disks);
/* The same for an instance, of the disks that its plan copies (model/disk_plan.h): the root disk as
 * large as its flavor says, the config drive small. NULL: none is known to be. */
double converge_instance_gib(const Instance *instance, const char *disks);
/* The longest pause to aim for after that time. */
int converge_downtime_ms(const LiveSettings *settings, double data_gib, int64_t elapsed_us);
/* After so long it is ended; 0 = never. */
int64_t converge_timeout_us(const LiveSettings *settings, double data_gib);

/* How it will converge. Post-copy wins over auto-converge where it is permitted and possible; a
 * guest that is paused dirties nothing and needs neither. The reason is a sentence; caller frees
 * it. */
Convergence converge_choose(const LiveSettings *settings, const HostFacts *source,
    const HostFacts *dest, bool is_paused, char **ret_reason);

/* Whether that host can do what is asked of it; the error names both versions. */
bool converge_check_parallel(const LiveSettings *settings, const Host *host, GError **error);
