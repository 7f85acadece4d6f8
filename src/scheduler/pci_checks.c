/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The check of PCI devices. It is asked also of a host that is forced: what is taken cannot be
 * given twice. */
#include "scheduler/internal.h"

#include <string.h>

static GArray *
free_devices_of(const Subject *subject)
{
    g_autoptr(GArray) all = pci_devices_parse(subject->host->facts.pci_devices);
    return pci_free_devices(all, subject->usage->devices);
}

static unsigned
count_matches(const Subject *subject, const char *name, const GArray *devices)
{
    unsigned n = 0;
    for (unsigned i = 0; subject->pci_aliases != NULL && i < devices->len; i++) {
        const PciDevice *device = &g_array_index(devices, PciDevice, i);
        n += pci_alias_matches(subject->pci_aliases, name, device);
    }
    return n;
}

/* "gpu: 1 of 2 free, nic: none here" */
static char *
tell_devices(const Subject *subject, const GArray *left)
{
    if (subject->host->facts.hides_devices) {
        return g_strdup("not told: its libvirt does not list node devices");
    }
    g_autoptr(GArray) all = pci_devices_parse(subject->host->facts.pci_devices);
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < subject->pci_wishes->len; i++) {
        const PciWish *wish = &g_array_index(subject->pci_wishes, PciWish, i);
        unsigned n_all = count_matches(subject, wish->name, all);
        g_string_append_printf(text, "%s%s: ", i > 0 ? ", " : "", wish->name);
        if (n_all > 0) {
            g_string_append_printf(
                text, "%u of %u free", count_matches(subject, wish->name, left), n_all);
        } else {
            g_string_append(text, "none here");
        }
    }
    return g_string_free(text, FALSE);
}

/* libvirt refuses the same later (hypervisor/libvirt/blockers.c), and so does Nova. */
static PlacementResult
check_stays(const Subject *subject, PlacementRow *row)
{
    if (row != NULL) {
        row->needed = g_strdup("no PCI device of its host, to move while it runs");
        row->have = pci_request_text(subject->pci_wishes);
    }
    return check_answer(
        false, "stop it and migrate it cold: openstack server migrate", row);
}

PlacementResult
check_pci_devices(const Subject *subject, PlacementRow *row)
{
    if (subject->pci_wishes == NULL) {
        if (row != NULL) {
            row->needed = g_strdup("none");
            row->have = g_strdup("any");
        }
        return PLACEMENT_PASS;
    }
    if (subject->request->is_live) {
        return check_stays(subject, row);
    }
    g_autoptr(GArray) left = free_devices_of(subject);
    g_autoptr(GArray) given = subject->pci_aliases != NULL
        ? pci_fit(subject->pci_wishes, subject->pci_aliases, left)
        : NULL;
    if (row != NULL) {
        row->needed = pci_request_text(subject->pci_wishes);
        row->have = tell_devices(subject, left);
    }
    return check_answer(given != NULL,
        subject->host->facts.hides_devices
            ? "install libvirt's driver for node devices there (Debian: "
              "libvirt-daemon-driver-nodedev) and restart its libvirtd"
            : "free one that a server has there, or name more in [pci] device_spec",
        row);
}

char *
subject_give_devices(const Subject *subject)
{
    if (subject->pci_wishes == NULL || subject->pci_aliases == NULL) {
        return NULL;
    }
    g_autoptr(GArray) left = free_devices_of(subject);
    g_autoptr(GArray) given = pci_fit(subject->pci_wishes, subject->pci_aliases, left);
    return pci_given_text(given);
}
