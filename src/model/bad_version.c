/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/bad_version.h"

#include <glib.h>

/* Each was seen on hosts of ours; "until" is the first version without it that was tried. */
static const BadVersion bad_versions[] = {
    {.from = 8008000,
        .until = 8009000,
        .result = "fail",
        .what = "its daemon crashes when it is restarted while a guest migrates",
        .fix = "update libvirt"},
    {.from = 11002000,
        .until = 11004000,
        .result = "warn",
        .what = "a post-copy that has lost its way is not resumed: its daemon would crash",
        .fix = "update libvirt, or leave live_migration_permit_post_copy off"},
    {.is_qemu = true,
        .from = 7002000,
        .until = 7003000,
        .result = "warn",
        .what = "it corrupts the memory of busy guests that are emulated (without KVM) when they "
                "move",
        .fix = "update QEMU where there is no KVM",
        .loses_guests = true},
};

/* Several connections and post-copy in one migration are possible from that version of QEMU on. */
#define PARALLEL_POST_COPY_VERSION 10001000

char *
version_to_text(int version)
{
    return g_strdup_printf("%d.%d.%d", version / 1000000, version / 1000 % 1000, version % 1000);
}

const BadVersion *
bad_version_find(bool is_qemu, int version)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad_versions); i++) {
        const BadVersion *row = &bad_versions[i];
        if (row->is_qemu == is_qemu && version >= row->from && version < row->until) {
            return row;
        }
    }
    return NULL;
}

char *
parallel_post_copy_obstacle(const Host *host, bool post_copy, int connections)
{
    int version = host->facts.hypervisor_version;
    if (!post_copy || connections <= 1 || !host->has_facts ||
        version >= PARALLEL_POST_COPY_VERSION) {
        return NULL;
    }
    g_autofree char *needed = version_to_text(PARALLEL_POST_COPY_VERSION);
    g_autofree char *have = version_to_text(version);
    return g_strdup_printf("needs QEMU %s, and host '%s' has %s", needed, host->name, have);
}
