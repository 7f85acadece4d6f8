/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/yank.h"

#include "base/log.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

/* An abort that works ends the job in less than a second. */
#define END_US (3 * G_USEC_PER_SEC)
#define LOOK_US (G_USEC_PER_SEC / 10)
/* A connection may go between the question for them and the command. */
#define TRIES 3

static bool
has_job(virDomainPtr domain)
{
    virDomainJobInfo info;

    return virDomainGetJobInfo(domain, &info) == 0 && info.type != VIR_DOMAIN_JOB_NONE;
}

static bool
ends_by_itself(virDomainPtr domain)
{
    int64_t until_us = g_get_monotonic_time() + END_US;

    while (has_job(domain)) {
        if (g_get_monotonic_time() >= until_us) {
            return false;
        }
        g_usleep(LOOK_US);
    }
    return true;
}

/* QEMU's answer; NULL: there was none, or it refused. Caller frees with free. */
static char *
ask_qemu(virDomainPtr domain, const char *command)
{
    char *reply = NULL;

    if (virDomainQemuMonitorCommand(domain, command, &reply, 0) < 0) {
        return NULL;
    }
    if (strstr(reply, "\"return\"") == NULL) {
        free(reply);
        return NULL;
    }
    return reply;
}

/* libvirt names the connection to a disk's copy after the disk, so that disks which the guest has
 * on the network itself are not meant. */
static char *
list_connections(virDomainPtr domain, const GPtrArray *disks)
{
    g_autoptr(GString) list = g_string_new(NULL);
    char *known = ask_qemu(domain, "{\"execute\":\"query-yank\"}");

    for (unsigned int i = 0; known != NULL && i < disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(disks, i);
        g_autofree char *node = g_strdup_printf("\"migration-%s-storage\"", disk->target);
        if (strstr(known, node) != NULL) {
            g_string_append_printf(list, "%s{\"type\":\"block-node\",\"node-name\":%s}",
                list->len > 0 ? "," : "", node);
        }
    }
    free(known);
    return g_string_free(g_steal_pointer(&list), FALSE);
}

/* All in one: with one connection broken QEMU ends the copy of that disk, and answers nothing until
 * the other copies have heard from the dead host too. False: one of them was gone by then. */
static bool
yank(virDomainPtr domain, const char *connections)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\":\"yank\",\"arguments\":{\"instances\":[%s]}}", connections);
    char *reply = ask_qemu(domain, command);
    bool is_done = reply != NULL;

    free(reply);
    return is_done;
}

void
yank_copies(const Slot *slot, virDomainPtr domain, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = domain_get_xml(slot, domain, 0, &error);
    g_autoptr(GPtrArray) disks = xml != NULL ? domain_xml_list_disks(xml, &error) : NULL;
    if (disks == NULL) {
        log_warning("cannot break the copying of guest '%s': %s", uuid, error->message);
        return;
    }
    for (int i = 0; i < TRIES; i++) {
        g_autofree char *connections = list_connections(domain, disks);
        if (connections[0] == '\0') {
            return;
        }
        if (yank(domain, connections)) {
            log_warning("the copying of the disks of guest '%s' from host '%s' cannot end by "
                        "itself: its connections were broken",
                uuid, slot->host->name);
            return;
        }
    }
}

void
yank_copies_unless_ended(const Slot *slot, virDomainPtr domain, const char *uuid)
{
    if (!ends_by_itself(domain)) {
        yank_copies(slot, domain, uuid);
    }
}
