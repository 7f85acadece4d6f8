/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/converge.h"

#include "base/error.h"
#include "model/bad_version.h"
#include "model/disk_plan.h"

#define MIN_GIB 2.0
#define MIB_PER_GIB 1024.0

double
converge_data_gib(int64_t ram_mib, const double *disks_gib, int n_disks)
{
    double gib = MAX((double)ram_mib / MIB_PER_GIB, MIN_GIB);
    for (int i = 0; i < n_disks; i++) {
        gib += MAX(disks_gib[i], MIN_GIB);
    }
    return gib;
}

/* Of what is copied the root disk alone can be large: volumes stay where they are. */
static double
disk_gib(const Instance *instance, const PlannedDisk *disk)
{
    return g_str_equal(disk->target, "vda") ? (double)instance->flavor.disk_gib : 0;
}

double
converge_instance_gib(const Instance *instance, const char *disks)
{
    g_autoptr(GPtrArray) plan = disk_plan_from_text(disks);
    g_autofree double *disks_gib = g_new0(double, plan->len + 1);
    int n_copied = 0;
    for (unsigned i = 0; i < plan->len; i++) {
        const PlannedDisk *disk = plan->pdata[i];
        if (disk->decision == DISK_COPIED) {
            disks_gib[n_copied++] = disk_gib(instance, disk);
        }
    }
    return converge_data_gib(instance->flavor.ram_mib, disks_gib, n_copied);
}

/* Step i begins after i delays and aims for base + i * offset. */
int
converge_downtime_ms(const LiveSettings *settings, double data_gib, int64_t elapsed_us)
{
    double steps = settings->downtime_steps;
    double base = settings->downtime_ms / steps;
    double offset = (settings->downtime_ms - base) / steps;
    int64_t delay_us = (int64_t)(settings->downtime_delay_s * data_gib) * G_USEC_PER_SEC;
    int64_t step = delay_us > 0 ? elapsed_us / delay_us : settings->downtime_steps;
    return (int)(base + offset * (double)CLAMP(step, 0, settings->downtime_steps));
}

int64_t
converge_timeout_us(const LiveSettings *settings, double data_gib)
{
    return (int64_t)(settings->completion_timeout_s * data_gib) * G_USEC_PER_SEC;
}

Convergence
converge_choose(const LiveSettings *settings, const HostFacts *source, const HostFacts *dest,
    bool is_paused, char **ret_reason)
{
    bool is_possible = host_can_post_copy(source) && host_can_post_copy(dest);
    if (is_paused) {
        *ret_reason = g_strdup("the guest is paused and writes nothing");
        return CONVERGENCE_PRE_COPY;
    }
    if (settings->permit_post_copy && is_possible) {
        *ret_reason = g_strdup(settings->permit_auto_converge
                ? "post-copy is permitted and possible, so auto-converge is not used"
                : "post-copy is permitted and possible");
        return CONVERGENCE_POST_COPY;
    }
    const char *missing = settings->permit_post_copy
        ? "post-copy is permitted, but needs libvirt 8.5 on both hosts"
        : "post-copy is not permitted";
    if (settings->permit_auto_converge) {
        *ret_reason = g_strdup_printf("auto-converge is permitted; %s", missing);
        return CONVERGENCE_AUTO_CONVERGE;
    }
    *ret_reason = g_strdup_printf("%s, auto-converge neither",
        settings->permit_post_copy ? missing : "post-copy is not permitted");
    return CONVERGENCE_PRE_COPY;
}

bool
converge_check_parallel(const LiveSettings *settings, const Host *host, GError **error)
{
    g_autofree char *obstacle = parallel_post_copy_obstacle(
        host, settings->permit_post_copy, settings->parallel_connections);
    return obstacle == NULL ||
        error_set(error, ERROR_INVALID,
            "live_migration_parallel_connections = %d together with "
            "live_migration_permit_post_copy %s: set one of them back, for its group or for all",
            settings->parallel_connections, obstacle);
}
