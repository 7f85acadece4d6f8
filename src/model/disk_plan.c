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

bool
disk_plan_is_shared(const Instance *instance, const DiskFacts *facts)
{
    return facts->pool_is_shared || instance_is_volume_backed(instance);
}

/* Nova: os-migrateLive, block_migration. Its sentences. */
static bool
agrees(BlockMigration asked, bool is_shared, const char *path, GError **error)
{
    switch (asked) {
    case BLOCK_MIGRATION_AUTO: return true;
    case BLOCK_MIGRATION_YES:
        return !is_shared ||
            error_set(error, ERROR_INVALID,
                "%s is not on local storage: Block migration can not be used with shared storage.",
                path);
    case BLOCK_MIGRATION_NO:
        return is_shared ||
            error_set(error, ERROR_INVALID,
                "%s is not on shared storage: Shared storage live-migration requires either shared "
                "storage or boot-from-volume with no local disks.",
                path);
    }
    g_assert_not_reached();
}

static bool
add_volume(GPtrArray *plan, const Volume *volume, const DiskFacts *facts, GError **error)
{
    if (volume->uri == NULL && !facts->volume_pool_is_shared) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "volume %s lies in storage pool '%s', which the two hosts do not share: mount the same "
            "directory as that pool on both",
            volume->id, volume->pool);
    }
    add(plan, attachment_target(volume->attachment),
        volume->uri != NULL ? DISK_NETWORK : DISK_SHARED);
    return true;
}

GPtrArray *
disk_plan_new(const DiskWish *wish, const DiskFacts *facts, GError **error)
{
    g_autoptr(GPtrArray) plan = g_ptr_array_new_with_free_func(planned_disk_free);
    bool is_shared = disk_plan_is_shared(wish->instance, facts);

    if (!agrees(wish->asked, is_shared, wish->source_host, error)) {
        return NULL;
    }
    add_own_disks(plan, wish->instance, facts);
    for (unsigned i = 0; i < wish->volumes->len; i++) {
        if (!add_volume(plan, wish->volumes->pdata[i], facts, error)) {
            return NULL;
        }
    }
    g_ptr_array_sort(plan, compare_targets);
    return g_steal_pointer(&plan);
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
