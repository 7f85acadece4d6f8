/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/pci_xml.h"

#include <stdlib.h>
#include <string.h>

/* ---- of a host ---- */

/* <domain>, <bus>, <slot> and <function> of a device are decimal numbers. */
static unsigned
number_of(const xmlNode *capability, const char *name)
{
    g_autofree char *text = xml_get_text(xml_child(capability, name));
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

/* An <address> has hexadecimal ones, "0x3b". */
static void
read_address(const xmlNode *element, char ret_text[PCI_ADDRESS_SIZE])
{
    static const char *const names[] = {"domain", "bus", "slot", "function"};
    unsigned parts[4] = {0};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = xml_get(element, names[i]);
        parts[i] = text != NULL ? (unsigned)strtoul(text, NULL, 0) : 0;
    }
    pci_address_write(&(PciAddress){parts[0], parts[1], parts[2], parts[3]}, ret_text);
}

static bool
read_id(const xmlNode *capability, const char *name, char id[PCI_ID_SIZE])
{
    g_autofree char *text = xml_get(xml_child(capability, name), "id");

    if (text == NULL) {
        return false;
    }
    g_snprintf(id, PCI_ID_SIZE, "%04lx", strtoul(text, NULL, 0) & 0xffff);
    return true;
}

/* A device that can be divided says so also when it has no functions at the moment. */
static void
read_functions(const xmlNode *capability, PciDevice *device)
{
    for (const xmlNode *node = capability->children; node != NULL; node = node->next) {
        g_autofree char *type = node->type == XML_ELEMENT_NODE &&
                strcmp((const char *)node->name, "capability") == 0
            ? xml_get(node, "type")
            : NULL;
        if (g_strcmp0(type, "phys_function") == 0) {
            device->type = PCI_TYPE_VF;
            read_address(xml_child(node, "address"), device->pf);
        } else if (g_strcmp0(type, "virt_functions") == 0) {
            device->type = PCI_TYPE_PF;
        }
    }
}

static bool
is_bridge(const xmlNode *capability)
{
    g_autofree char *text = xml_get_text(xml_child(capability, "class"));
    return text != NULL && g_str_has_prefix(text, "0x06");
}

/* libvirt asks its host anew each time. */
static void
read_driver(const xmlNode *node, PciDevice *device)
{
    g_autofree char *name = xml_get_text(xml_child(xml_child(node, "driver"), "name"));

    if (name != NULL) {
        g_strlcpy(device->driver, g_strdelimit(name, " \n", '_'), sizeof device->driver);
    }
}

bool
node_device_to_pci(const char *xml, PciDevice *ret_device)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, NULL);
    g_autoptr(GPtrArray) found =
        document != NULL ? xml_find_all(document, "/device/capability[@type='pci']") : NULL;
    PciDevice device = {.type = PCI_TYPE_PCI};

    if (found == NULL || found->len == 0) {
        return false;
    }
    const xmlNode *capability = found->pdata[0];
    PciAddress address = {number_of(capability, "domain"), number_of(capability, "bus"),
        number_of(capability, "slot"), number_of(capability, "function")};
    /* Larger domains are VMD's: libvirt gives none of their devices to a guest. */
    if (address.domain > 0xffff || is_bridge(capability) ||
        !read_id(capability, "vendor", device.vendor_id) ||
        !read_id(capability, "product", device.product_id)) {
        return false;
    }
    pci_address_write(&address, device.address);
    device.numa_node = (int)xml_get_int(xml_child(capability, "numa"), "node", -1);
    device.iommu_group = (int)xml_get_int(xml_child(capability, "iommuGroup"), "number", -1);
    read_functions(capability, &device);
    read_driver(capability->parent, &device);
    *ret_device = device;
    return true;
}

/* ---- of a guest ---- */

/* managed: libvirt takes the device from its driver when the guest starts, and gives it back. */
static void
build_device(xmlNode *devices, const PciAddress *address)
{
    xmlNode *hostdev = xml_set(xml_add(devices, "hostdev"), "mode", "subsystem");

    xml_set(xml_set(hostdev, "type", "pci"), "managed", "yes");
    xmlNode *source = xml_add(xml_add(hostdev, "source"), "address");
    xml_set(xml_set(source, "domain", "0x%04x", address->domain), "bus", "0x%02x", address->bus);
    xml_set(xml_set(source, "slot", "0x%02x", address->slot), "function", "0x%x",
        address->function);
}

void
pci_xml_build(xmlNode *devices, const char *given)
{
    g_autoptr(GArray) all = pci_given_parse(given);

    for (unsigned i = 0; i < all->len; i++) {
        PciAddress address;
        if (pci_address_parse(g_array_index(all, PciGiven, i).address, &address)) {
            build_device(devices, &address);
        }
    }
}
