/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/disk_plan.h"
#include <string.h>

static const char *const names[] = {
    [DISK_COPIED] = "copied",
    [DISK_SHARED] = "shared",
    [DISK_NETWORK] = "network",
    [DISK_PLACED] = "placed",
};

const char *
disk_decision_name(DiskDecision decision)
{
    g_assert((unsigned)decision < G_N_ELEMENTS(names));
    return names[decision];
}

static void
planned_disk_free(void *data)
{
    PlannedDisk *disk = data;

    g_free(disk->target);
    g_free(disk);
}

static void
add(GPtrArray *plan, const char *target, DiskDecision decision)
{
    PlannedDisk *disk = g_new0(PlannedDisk, 1);

    disk->target = g_strdup(target);
    disk->decision = decision;
    g_ptr_array_add(plan, disk);
}

static int
compare_targets(const void *a, const void *b)
{
    return strcmp((*(PlannedDisk *const *)a)->target, (*(PlannedDisk *const *)b)->target);
}

static void
add_own_disks(GPtrArray *plan, const Instance *instance, const DiskFacts *facts)
{
    DiskDecision local = facts->pool_is_shared ? DISK_SHARED : DISK_COPIED;
    DiskDecision read_only = facts->pool_is_shared ? DISK_SHARED : DISK_PLACED;

    if (!instance_is_volume_backed(instance)) {
        add(plan, "vda", local);
    }
    add(plan, "vdb", instance_has_read_only_config_drive(instance) ? read_only : local);
    if (instance->image.cdrom_hash != NULL) {
        add(plan, "hda", read_only);
    }
}

GPtrArray *
disk_plan_new(
    const Instance *instance, const GPtrArray *volumes, const DiskFacts *facts, char **ret_reason)
{
    g_autoptr(GPtrArray) plan = g_ptr_array_new_with_free_func(planned_disk_free);

    add_own_disks(plan, instance, facts);
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->uri == NULL && !facts->volume_pool_is_shared) {
            *ret_reason = g_strdup_printf(
                "volume %s lies in storage pool '%s', which the two hosts do not share: mount the "
                "same directory as that pool on both",
                volume->id, volume->pool);
            return NULL;
        }
        add(plan, attachment_target(volume->attachment),
            volume->uri != NULL ? DISK_NETWORK : DISK_SHARED);
    }
    g_ptr_array_sort(plan, compare_targets);
    return g_steal_pointer(&plan);
}

bool
disk_plan_is_shared(const Instance *instance, const DiskFacts *facts)
{
    return facts->pool_is_shared || instance_is_volume_backed(instance);
}

/* Nova: os-migrateLive, block_migration. */
char *
disk_plan_refuse(BlockMigration asked, bool is_shared, const char *path)
{
    switch (asked) {
    case BLOCK_MIGRATION_AUTO: return NULL;
    case BLOCK_MIGRATION_YES:
        return !is_shared ? NULL
                          : g_strdup_printf("%s is not on local storage: Block migration can not "
                                            "be used with shared storage.",
                                path);
    case BLOCK_MIGRATION_NO:
        return is_shared
            ? NULL
            : g_strdup_printf("%s is not on shared storage: Shared storage live-migration requires "
                              "either shared storage or boot-from-volume with no local disks.",
                  path);
    }
    g_assert_not_reached();
}

char *
disk_plan_to_text(const GPtrArray *plan)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < plan->len; i++) {
        const PlannedDisk *disk = plan->pdata[i];
        g_string_append_printf(
            text, "%s%s:%s", i > 0 ? " " : "", disk->target, disk_decision_name(disk->decision));
    }
    return g_string_free(text, false);
}

GPtrArray *
disk_plan_from_text(const char *text)
{
    GPtrArray *plan = g_ptr_array_new_with_free_func(planned_disk_free);
    g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", " ", -1);

    for (char **word = words; *word != NULL; word++) {
        char *colon = strchr(*word, ':');
        for (size_t i = 0; colon != NULL && i < G_N_ELEMENTS(names); i++) {
            if (strcmp(colon + 1, names[i]) == 0) {
                g_autofree char *target = g_strndup(*word, (size_t)(colon - *word));
                add(plan, target, (DiskDecision)i);
            }
        }
    }
    return plan;
}
