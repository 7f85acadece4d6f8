/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What is said of a migration whose destination does not answer. */
#include "migration/task.h"

/* The source's call does not end when its destination loses its power: its QEMU waits for an answer
 * for as long as TCP does. */
static char *
silence_while_sending(const MigrationTask *task)
{
    const Migration *migration = task->migration;

    if (migration->copies_disks && task->transfer != TRANSFER_LOST) {
        return g_strdup_printf(
            "Host %s does not answer. Unless it does within seconds the migration is given up, "
            "which takes a minute or two: the guest stays on %s. A host that is said to be dead "
            "('openstack compute service set --down %s nova-compute', or 'drover host power %s "
            "off') is not waited for.",
            migration->dest_host, migration->source_host, migration->dest_host,
            migration->dest_host);
    }
    return g_strdup_printf(
        "Host %s does not answer. If only drover cannot reach it, the guest still gets there. "
        "If it is dead, the guest stays on %s: abort the migration, or say that the host is "
        "dead ('openstack compute service set --down %s nova-compute', or 'drover host power "
        "%s off'). Else %s gives up half a minute after that host has gone, or, while disks are "
        "copied, when TCP does, which takes a quarter of an hour.",
        migration->dest_host, migration->source_host, migration->dest_host, migration->dest_host,
        migration->source_host);
}

static char *
describe_abort(const Migration *migration)
{
    return g_strdup_printf(
        "abort the migration ('openstack server migration abort %s %" G_GINT64_FORMAT "')",
        migration->operation.instance_id, migration->id);
}

/* Nobody but the source's libvirt knows whether it may go on there, and it does so by itself; what
 * it leaves paused has either never run elsewhere, or may have. */
static char *
silence_while_paused(const MigrationTask *task)
{
    const Migration *migration = task->migration;
    const char *source = migration->source_host;
    const char *dest = migration->dest_host;

    if (task->state == MIGRATION_SWITCHING) {
        return g_strdup_printf(
            "Host %s does not answer, and the guest is paused on %s for its switch there. The "
            "libvirt of %s notices that half a minute after the host has gone, and the guest goes "
            "on where it is. It must never run on both: nothing else may resume it.",
            dest, source, source);
    }
    if (decide_source_side(&task->source_view) == SOURCE_HELD) {
        return g_strdup_printf(
            "Host %s does not answer, and the guest is paused on %s. It may have got to %s, and is "
            "paused there too: once that host answers, or is said to be dead ('openstack compute "
            "service set --down %s nova-compute', or 'drover host power %s off'), the migration "
            "ends.",
            dest, source, dest, dest, dest);
    }
    g_autofree char *abort = describe_abort(migration);
    if (migration_task_is_dest_dead(task)) {
        return g_strdup_printf(
            "Host %s is dead, and the guest is paused on %s for its switch there. It may have run "
            "on %s. What it did there is to be given up: %s, and it is switched off on %s.",
            dest, source, dest, abort, source);
    }
    return g_strdup_printf(
        "Host %s does not answer, and the guest is paused on %s for its switch there. It may have "
        "run on %s, and must never run on both: it stays as it is until that host answers. Then "
        "the migration ends by itself. If that host does not come back, say that it is dead "
        "('openstack compute service set --down %s nova-compute', or 'drover host power %s off') "
        "and %s: the guest is switched off on %s, and what it did on %s is given up.",
        dest, source, dest, dest, dest, abort, source, dest);
}

/* Its memory is in two places, and one of them is gone. */
static char *
silence_in_post_copy(const MigrationTask *task)
{
    const Migration *migration = task->migration;
    const char *source = migration->source_host;
    const char *dest = migration->dest_host;
    bool is_dead = migration_task_is_dest_dead(task);
    if (is_dead && migration_task_wants(task, WANTED_CANCEL)) {
        return NULL;
    }
    g_autofree char *words = describe_abort(migration);
    g_autofree char *abort = g_strdup_printf(
        "%s: the server is then off on %s without its memory, and 'openstack server reboot --hard' "
        "starts it there",
        words, source);

    if (is_dead) {
        return g_strdup_printf(
            "Host %s is dead, and the guest had gone there with a part of its memory still on %s. "
            "What it did there since is to be given up: %s.",
            dest, source, abort);
    }
    return g_strdup_printf(
        "Host %s does not answer, and the guest has gone there with a part of its memory still on "
        "%s: neither host has all of it. It stays as it is until that host answers. If that host "
        "does not come back, say that it is dead ('openstack compute service set --down %s "
        "nova-compute', or 'drover host power %s off') and %s.",
        dest, source, dest, dest, abort);
}

/* libvirt refuses a question of a guest whose QEMU does not answer it, for as long as that lasts.
 * Nothing is done to such a guest: only its end would help, and it may be the only copy. */
static char *
silence_of_source(const MigrationTask *task)
{
    const char *source = task->migration->source_host;
    const char *dest = task->migration->dest_host;
    g_autofree char *cause = migration_task_dest(task) != NULL
        ? g_strdup("")
        : g_strdup_printf(" Its QEMU may be waiting for host %s, which does not answer, and waits "
                          "as long as TCP does, a quarter of an hour.",
              dest);

    return g_strdup_printf("Host %s answers, but its libvirt cannot tell where the guest is: %s.%s "
                           "It is asked again until it can, and then the migration ends by itself.",
        source, task->source_deaf, cause);
}

/* What is told while the destination is silent; NULL: nothing. Caller frees. */
typedef char *(*Silence)(const MigrationTask *task);

static Silence
find_silence(const MigrationTask *task)
{
    SourceSide source = decide_source_side(&task->source_view);
    bool is_resolving = task->state == MIGRATION_RESOLVING;

    if (is_resolving && task->source_deaf != NULL) {
        return silence_of_source;
    }
    if (task->state == MIGRATION_TRANSFERRING) {
        return silence_while_sending;
    }
    if (task->state == MIGRATION_SWITCHING ||
        (is_resolving && (source == SOURCE_PAUSED || source == SOURCE_HELD))) {
        return silence_while_paused;
    }
    /* A source that is silent as well has nothing that could be switched off. */
    if ((task->state == MIGRATION_POSTCOPY && migration_task_source(task) != NULL) ||
        (is_resolving && (source == SOURCE_POSTCOPY || source == SOURCE_BROKEN))) {
        return silence_in_post_copy;
    }
    return NULL;
}

/* Who looks at the migration is told what it waits for, and what can be done meanwhile. */
void
migration_tell_silence(MigrationTask *task)
{
    Silence silence = find_silence(task);
    g_autofree char *trouble = NULL;

    if (silence == NULL) {
        return;
    }
    bool is_silent = migration_task_dest(task) == NULL || silence == silence_of_source;
    if (is_silent && migration_task_now_us(task) >= task->patient_until_us) {
        trouble = silence(task);
    }
    /* Two halves that both answer have a trouble of their own: why they cannot be mended. */
    if (is_silent || task->n_mends == 0) {
        migration_keep_trouble(task, trouble);
    }
}
