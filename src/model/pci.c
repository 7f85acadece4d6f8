/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/pci.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
    [PCI_TYPE_PCI] = "type-PCI",
    [PCI_TYPE_PF] = "type-PF",
    [PCI_TYPE_VF] = "type-VF",
};

const char *
pci_type_name(PciType type)
{
    g_assert((unsigned)type < G_N_ELEMENTS(type_names));
    return type_names[type];
}

bool
pci_type_parse(const char *text, PciType *ret_type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *ret_type = (PciType)i;
            return true;
        }
    }
    return false;
}

bool
pci_address_parse(const char *text, PciAddress *ret_address)
{
    PciAddress address;
    int end = 0;

    if (sscanf(text, "%4x:%2x:%2x.%1x%n", &address.domain, &address.bus, &address.slot,
            &address.function, &end) != 4 ||
        text[end] != '\0' || address.slot > 31 || address.function > 7) {
        return false;
    }
    *ret_address = address;
    return true;
}

void
pci_address_write(const PciAddress *address, char ret_text[PCI_ADDRESS_SIZE])
{
    g_snprintf(ret_text, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", address->domain & 0xffff,
        address->bus & 0xff, address->slot & 0x1f, address->function & 0x7);
}

/* ---- of a host ---- */

static const char *
word_of(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void
read_word(const char *word, char *ret_text, size_t size)
{
    g_strlcpy(ret_text, strcmp(word, "-") != 0 ? word : "", size);
}

char *
pci_devices_text(const GArray *devices)
{
    if (devices->len == 0) {
        return NULL;
    }
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < devices->len; i++) {
        const PciDevice *device = &g_array_index(devices, PciDevice, i);
        g_string_append_printf(text, "%s%s %s %s %s %d %d %s", i > 0 ? "\n" : "", device->address,
            device->vendor_id, device->product_id, pci_type_name(device->type),
            device->numa_node, device->iommu_group, word_of(device->pf));
        if (device->driver[0] != '\0' || device->rival[0] != '\0') {
            g_string_append_printf(text, " %s %s %s", word_of(device->driver),
                word_of(device->rival), word_of(device->rival_driver));
        }
    }
    return g_string_free(text, FALSE);
}

static bool
read_device(const char *line, PciDevice *device)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    PciAddress address;
    int64_t node = -1;
    int64_t group = -1;

    *device = (PciDevice){0};
    unsigned n_words = g_strv_length(words);
    if ((n_words != 7 && n_words != 10) || !pci_address_parse(words[0], &address) ||
        !pci_type_parse(words[3], &device->type) ||
        !g_ascii_string_to_signed(words[4], 10, -1, G_MAXINT, &node, NULL) ||
        !g_ascii_string_to_signed(words[5], 10, -1, G_MAXINT, &group, NULL)) {
        return false;
    }
    g_strlcpy(device->address, words[0], sizeof device->address);
    g_strlcpy(device->vendor_id, words[1], sizeof device->vendor_id);
    g_strlcpy(device->product_id, words[2], sizeof device->product_id);
    device->numa_node = (int)node;
    device->iommu_group = (int)group;
    read_word(words[6], device->pf, sizeof device->pf);
    if (n_words == 10) {
        read_word(words[7], device->driver, sizeof device->driver);
        read_word(words[8], device->rival, sizeof device->rival);
        read_word(words[9], device->rival_driver, sizeof device->rival_driver);
    }
    return true;
}

GArray *
pci_devices_parse(const char *text)
{
    GArray *devices = g_array_new(FALSE, FALSE, sizeof(PciDevice));
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);

    for (size_t i = 0; lines[i] != NULL; i++) {
        PciDevice device;
        if (read_device(lines[i], &device)) {
            g_array_append_val(devices, device);
        }
    }
    return devices;
}

/* A driver that does nothing with the device: VFIO's own, their variants for some cards, and one
 * that only keeps others away. */
static bool
lets_go(const PciDevice *device)
{
    return device->driver[0] == '\0' || strstr(device->driver, "vfio") != NULL ||
        strcmp(device->driver, "pci-stub") == 0;
}

static bool
has_address(const GArray *devices, const char *address)
{
    for (unsigned i = 0; i < devices->len; i++) {
        if (strcmp(g_array_index(devices, PciDevice, i).address, address) == 0) {
            return true;
        }
    }
    return false;
}

void
pci_find_rivals(GArray *ours, const GArray *all)
{
    for (unsigned i = 0; i < ours->len; i++) {
        PciDevice *device = &g_array_index(ours, PciDevice, i);
        device->driver[0] = '\0';
        for (unsigned j = 0; j < all->len && device->rival[0] == '\0'; j++) {
            const PciDevice *other = &g_array_index(all, PciDevice, j);
            if (device->iommu_group >= 0 && device->iommu_group == other->iommu_group &&
                !lets_go(other) && !has_address(ours, other->address)) {
                g_strlcpy(device->rival, other->address, sizeof device->rival);
                g_strlcpy(device->rival_driver, other->driver, sizeof device->rival_driver);
            }
        }
    }
}

/* ---- of a guest ---- */

char *
pci_given_text(const GArray *given)
{
    if (given == NULL || given->len == 0) {
        return NULL;
    }
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < given->len; i++) {
        const PciGiven *one = &g_array_index(given, PciGiven, i);
        g_string_append_printf(
            text, "%s%s=%s", i > 0 ? " " : "", one->address, one->alias);
    }
    return g_string_free(text, FALSE);
}

GArray *
pci_given_parse(const char *text)
{
    GArray *given = g_array_new(FALSE, FALSE, sizeof(PciGiven));
    g_auto(GStrv) words = g_strsplit_set(text != NULL ? text : "", " \n", -1);

    for (size_t i = 0; words[i] != NULL; i++) {
        char *equals = strchr(words[i], '=');
        if (equals != NULL) {
            PciGiven one;
            *equals = '\0';
            g_strlcpy(one.address, words[i], sizeof one.address);
            g_strlcpy(one.alias, equals + 1, sizeof one.alias);
            g_array_append_val(given, one);
        }
    }
    return given;
}

const PciGiven *
pci_given_find(const GArray *given, const char *address)
{
    for (unsigned i = 0; i < given->len; i++) {
        const PciGiven *one = &g_array_index(given, PciGiven, i);
        if (strcmp(one->address, address) == 0) {
            return one;
        }
    }
    return NULL;
}

/* ---- what is free ---- */

/* One of them is another's part, or their IOMMU sees them as one: VFIO gives a group of it to one
 * guest alone. */
static bool
is_tied(const PciDevice *one, const PciDevice *other)
{
    return strcmp(one->pf, other->address) == 0 || strcmp(other->pf, one->address) == 0 ||
        (one->iommu_group >= 0 && one->iommu_group == other->iommu_group);
}

static bool
is_free(const GArray *devices, const GArray *given, const PciDevice *device)
{
    if (pci_given_find(given, device->address) != NULL || device->rival[0] != '\0') {
        return false;
    }
    for (unsigned i = 0; i < devices->len; i++) {
        const PciDevice *other = &g_array_index(devices, PciDevice, i);
        if (is_tied(device, other) && pci_given_find(given, other->address) != NULL) {
            return false;
        }
    }
    return true;
}

GArray *
pci_free_devices(const GArray *devices, const char *taken)
{
    GArray *left = g_array_new(FALSE, FALSE, sizeof(PciDevice));
    g_autoptr(GArray) given = pci_given_parse(taken);

    for (unsigned i = 0; i < devices->len; i++) {
        const PciDevice *device = &g_array_index(devices, PciDevice, i);
        if (is_free(devices, given, device)) {
            g_array_append_vals(left, device, 1);
        }
    }
    return left;
}
