/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The check of PCI devices. It is asked also of a host that is forced: what is taken cannot be
 * given twice. */
#include "scheduler/internal.h"

#include <string.h>

static const HostDevices *
devices_of(const Subject *subject)
{
    return host_index_devices(subject->hosts, subject->entry);
}

/* What is compared of a host is which devices it has left, and of the request what its question
 * says. */
void
pci_find_answers(Subject *subject)
{
    if (subject->pci_wishes == NULL || subject->pci_aliases == NULL) {
        return;
    }
    g_autofree char *wishes = pci_request_text(subject->pci_wishes);
    g_autofree char *question = g_strdup_printf(
        "pci-devices %s\n%s", wishes, subject->request->policy->pci_aliases);
    subject->answers.devices = host_index_answers(subject->hosts, question);
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

/* NULL: none of those that are asked for has one. */
static const PciDevice *
find_rivalled(const Subject *subject, const GArray *devices)
{
    for (unsigned i = 0; i < devices->len; i++) {
        const PciDevice *device = &g_array_index(devices, PciDevice, i);
        for (unsigned j = 0; device->rival[0] != '\0' && j < subject->pci_wishes->len; j++) {
            const PciWish *wish = &g_array_index(subject->pci_wishes, PciWish, j);
            if (subject->pci_aliases != NULL &&
                pci_alias_matches(subject->pci_aliases, wish->name, device)) {
                return device;
            }
        }
    }
    return NULL;
}

/* "gpu: 1 of 2 free, nic: none here; ..." with the first one that its host keeps back. */
static char *
tell_devices(const Subject *subject, const HostDevices *devices)
{
    if (subject->host->facts.hides_devices) {
        return g_strdup("not told: its libvirt does not list node devices");
    }
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < subject->pci_wishes->len; i++) {
        const PciWish *wish = &g_array_index(subject->pci_wishes, PciWish, i);
        unsigned n_all = count_matches(subject, wish->name, devices->all);
        g_string_append_printf(text, "%s%s: ", i > 0 ? ", " : "", wish->name);
        if (n_all > 0) {
            g_string_append_printf(
                text, "%u of %u free", count_matches(subject, wish->name, devices->left), n_all);
        } else {
            g_string_append(text, "none here");
        }
    }
    const PciDevice *kept = find_rivalled(subject, devices->all);
    if (kept != NULL) {
        g_string_append_printf(text,
            "; %s is not to be had: its IOMMU group %d also holds %s, bound to %s", kept->address,
            kept->iommu_group, kept->rival, kept->rival_driver);
    }
    return g_string_free(text, FALSE);
}

/* libvirt refuses the same later (hypervisor/libvirt/blockers.c), and so does Nova. What is free
 * here says whether a cold move would do. */
static PlacementResult
check_stays(const Subject *subject, PlacementRow *row)
{
    if (row != NULL) {
        g_autofree char *wishes = pci_request_text(subject->pci_wishes);
        g_autofree char *here = tell_devices(subject, devices_of(subject));
        row->needed = g_strdup("no PCI device of its host, to move while it runs");
        row->have = g_strdup_printf("the server has %s; of this host: %s", wishes, here);
    }
    return check_answer(
        false, "stop it and migrate it cold: openstack server migrate", row);
}

static GArray *
give(const Subject *subject)
{
    return subject->pci_wishes != NULL && subject->pci_aliases != NULL
        ? pci_fit(subject->pci_wishes, subject->pci_aliases, devices_of(subject)->left)
        : NULL;
}

static const char *
fix_of(const Subject *subject)
{
    if (subject->host->facts.hides_devices) {
        return "install libvirt's driver for node devices there (Debian: "
               "libvirt-daemon-driver-nodedev) and restart its libvirtd";
    }
    return find_rivalled(subject, devices_of(subject)->all) != NULL
        ? "bind the other device of that IOMMU group to vfio-pci on the host, or put the card into "
          "a slot with a group of its own"
        : "free one that a server has there, or name more in [pci] device_spec";
}

static PlacementResult
judge_devices(const Subject *subject, PlacementRow *row)
{
    g_autoptr(GArray) given = give(subject);
    if (row != NULL) {
        row->needed = pci_request_text(subject->pci_wishes);
        row->have = tell_devices(subject, devices_of(subject));
    }
    return check_answer(given != NULL, row != NULL ? fix_of(subject) : NULL, row);
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
    GByteArray *answers = subject->answers.devices;
    unsigned known = subject->entry->usage.devices_left;
    if (row != NULL || answers == NULL) {
        return judge_devices(subject, row);
    }
    return check_once(
        answers, known != 0 ? known : devices_of(subject)->number, judge_devices, subject);
}

char *
subject_give_devices(const Subject *subject)
{
    g_autoptr(GArray) given = give(subject);
    return pci_given_text(given);
}
