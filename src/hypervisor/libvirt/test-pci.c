/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Node devices as libvirt tells them, and the elements that a guest's definition gets. */
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/pci_xml.h"

#include <string.h>

#define HEAD(name)                                                                                 \
    "<device><name>" name "</name><parent>computer</parent><driver><name>x</name></driver>"
#define PLACE(bus, slot, function)                                                                 \
    "<domain>0</domain><bus>" bus "</bus><slot>" slot "</slot><function>" function "</function>"

typedef struct Row {
    const char *name;
    const char *xml;
    const char *expected; /* as pci_devices_text; NULL: no device for guests */
} Row;

/* The forms are those of libvirt's documentation of node devices and of a real host's answers. */
static const Row rows[] = {
    {"plain",
        HEAD("pci_0000_3b_00_0") "<capability type='pci'><class>0x030200</class>" PLACE("59", "0",
            "0") "<product id='0x2236'>GA102GL [A10]</product><vendor id='0x10de'>NVIDIA</vendor>"
                 "<iommuGroup number='12'><address domain='0x0000' bus='0x3b' slot='0x00' "
                 "function='0x0'/></iommuGroup><numa node='1'/></capability></device>",
        "0000:3b:00.0 10de 2236 type-PCI 1 12 - x - -"},
    {"without-group-and-node",
        HEAD("pci_0000_00_03_0") "<capability type='pci'><class>0x010000</class>" PLACE("0", "3",
            "0") "<product id='0x1048'/><vendor id='0x1af4'>Red Hat, Inc.</vendor>"
                 "</capability></device>",
        "0000:00:03.0 1af4 1048 type-PCI -1 -1 - x - -"},
    {"physical-function",
        HEAD("pci_0000_81_00_0") "<capability type='pci'><class>0x020000</class>" PLACE("129", "0",
            "0") "<product id='0x10fb'/><vendor id='0x8086'/><capability type='virt_functions' "
                 "maxCount='63'><address domain='0x0000' bus='0x81' slot='0x10' function='0x0'/>"
                 "</capability><iommuGroup number='30'/></capability></device>",
        "0000:81:00.0 8086 10fb type-PF -1 30 - x - -"},
    {"physical-function-not-divided",
        HEAD("pci_0000_81_00_1") "<capability type='pci'><class>0x020000</class>" PLACE("129", "0",
            "1") "<product id='0x10fb'/><vendor id='0x8086'/><capability type='virt_functions' "
                 "maxCount='63'/></capability></device>",
        "0000:81:00.1 8086 10fb type-PF -1 -1 - x - -"},
    {"virtual-function",
        HEAD("pci_0000_81_10_2") "<capability type='pci'><class>0x020000</class>" PLACE("129",
            "16", "2") "<product id='0x10ed'/><vendor id='0x8086'/><capability "
                       "type='phys_function'><address domain='0x0000' bus='0x81' slot='0x00' "
                       "function='0x0'/></capability><iommuGroup number='77'/><numa node='0'/>"
                       "</capability></device>",
        "0000:81:10.2 8086 10ed type-VF 0 77 0000:81:00.0 x - -"},
    {"bridge",
        HEAD("pci_0000_00_1c_0") "<capability type='pci'><class>0x060400</class>" PLACE("0", "28",
            "0") "<product id='0x9d10'/><vendor id='0x8086'/><capability type='pci-bridge'/>"
                 "</capability></device>",
        NULL},
    {"domain-of-vmd",
        HEAD("pci_10000_01_00_0") "<capability type='pci'><class>0x010802</class><domain>65536"
                                  "</domain><bus>1</bus><slot>0</slot><function>0</function>"
                                  "<product id='0xa808'/><vendor id='0x144d'/></capability>"
                                  "</device>",
        NULL},
    {"another-kind", HEAD("net_eth0") "<capability type='net'/></device>", NULL},
    {"broken", "<device>", NULL},
};

static void
test_node_device(const void *data)
{
    const Row *row = data;
    g_autoptr(GArray) devices = g_array_new(FALSE, FALSE, sizeof(PciDevice));
    PciDevice device;

    g_assert_true(node_device_to_pci(row->xml, &device) == (row->expected != NULL));
    if (row->expected != NULL) {
        g_array_append_val(devices, device);
        g_autofree char *text = pci_devices_text(devices);
        g_assert_cmpstr(text, ==, row->expected);
    }
}

static char *
build(const char *devices)
{
    g_autoptr(GError) error = NULL;
    const DomainPlace place = {"/pool", "qemu", {"custom", "qemu64", NULL}};
    const GuestSpec guest = {.uuid = "11111111-2222-4333-8444-555555555555",
        .domain_name = "instance-00000001",
        .display_name = "vm",
        .project_id = "p1",
        .flavor_name = "gpu",
        .vcpus = 1,
        .memory_mib = 256,
        .root_hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .root_format = "qcow2",
        .devices = devices};
    char *text = domain_xml_build(&guest, &place, &error);

    g_assert_no_error(error);
    return text;
}

/* What is claimed is what the definition names, on whatever host it is made. */
static void
test_a_claim_becomes_devices_of_the_guest(void)
{
    g_autofree char *none = build(NULL);
    g_autofree char *two = build("0000:3b:00.0=gpu 0001:81:10.2=nic");

    g_assert_null(strstr(none, "hostdev"));
    g_auto(GStrv) parts =
        g_strsplit(two, "<hostdev mode=\"subsystem\" type=\"pci\" managed=\"yes\">", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 3);
    g_assert_nonnull(strstr(
        parts[1], "<address domain=\"0x0000\" bus=\"0x3b\" slot=\"0x00\" function=\"0x0\"/>"));
    g_assert_nonnull(strstr(
        parts[2], "<address domain=\"0x0001\" bus=\"0x81\" slot=\"0x10\" function=\"0x2\"/>"));
}

/* As a real host has told them. */
static void
test_an_interface_is_a_bridge_or_not(void)
{
    g_assert_true(interface_is_bridge("<interface type='bridge' name='br0'>\n  <mtu size='1500'/>\n"
                                      "  <bridge stp='off' delay='0'>\n"
                                      "    <interface type='ethernet' name='eth0'/>\n"
                                      "  </bridge>\n</interface>"));
    g_assert_false(interface_is_bridge("<interface type='ethernet' name='lo'/>"));
    g_assert_false(interface_is_bridge("<interface"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libvirt/interface/is-a-bridge-or-not", test_an_interface_is_a_bridge_or_not);
    g_test_add_func("/libvirt/pci/a-claim-becomes-devices-of-the-guest",
        test_a_claim_becomes_devices_of_the_guest);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/libvirt/pci/node-device/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_node_device);
    }
    return g_test_run();
}
