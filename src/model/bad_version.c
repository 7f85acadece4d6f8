/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/bad_version.h"

#include <glib.h>

/* The gravest first. NEWS is what libvirt says of the version that mends it; rows without a "from"
 * are those of which it does not say since when. Seen is on hosts of ours. What a distribution has
 * mended in an older version of its own cannot be seen.
 *
 * Not here, from NEWS of 11.0.0: a resume of a post-copy that succeeds and is told as failed. Both
 * hosts are asked after a resume, whatever it says. */
static const BadVersion bad_versions[] = {
    /* NEWS of 8.9.0 */
    {.from = 8008000,
        .until = 8009000,
        .result = "fail",
        .what = "its daemon crashes when it is restarted while a guest migrates",
        .fix = "update libvirt"},
    /* NEWS of 11.4.0; seen with 11.3.0 (doc/decisions/024-post-copy-has-a-state.md) */
    {.from = 11002000,
        .until = 11004000,
        .result = "warn",
        .what = "a post-copy that has lost its way is not resumed: its daemon would crash",
        .fix = "update libvirt, or leave live_migration_permit_post_copy off"},
    /* NEWS of 10.5.0 */
    {.until = 10005000,
        .result = "warn",
        .what = "its daemon can crash when a guest is shut off while it migrates",
        .fix = "update libvirt"},
    /* NEWS of 10.4.0 */
    {.from = 10001000,
        .until = 10004000,
        .result = "warn",
        .what = "guests with disks on NFS that is exported with root_squash may not move "
                "('Unknown error 255')",
        .fix = "update libvirt"},
    /* NEWS of 10.3.0; encryption is the default */
    {.until = 10003000,
        .result = "warn",
        .what = "with live_migration_parallel_connections disks may not be copied encrypted "
                "('Certificate does not match the hostname')",
        .fix = "update libvirt"},
    /* Seen with 7.2.22, and not with 10.0.2. Those between were not tried. */
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

/* Of libvirt: VIR_MIGRATE_POSTCOPY_RESUME. */
#define POST_COPY_VERSION 8005000

char *
version_to_text(int version)
{
    return g_strdup_printf("%d.%d.%d", version / 1000000, version / 1000 % 1000, version % 1000);
}

bool
host_can_post_copy(const HostFacts *facts)
{
    return facts->libvirt_version >= POST_COPY_VERSION;
}

const BadVersion *
bad_version_find_next(const BadVersion *last, bool is_qemu, int version)
{
    const BadVersion *end = bad_versions + G_N_ELEMENTS(bad_versions);
    for (const BadVersion *row = last != NULL ? last + 1 : bad_versions; row < end; row++) {
        if (row->is_qemu == is_qemu && version >= row->from && version < row->until) {
            return row;
        }
    }
    return NULL;
}

const BadVersion *
bad_version_find(bool is_qemu, int version)
{
    return bad_version_find_next(NULL, is_qemu, version);
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
