/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/blockers.h"

#include <string.h>

/* path: the elements that stand in the way; name: an attribute or element below it that says which
 * one it is. Sources: libvirt's qemuMigrationSrcIsAllowed; Nova refuses the same. */
static const struct {
    const char *path;
    const char *name; /* relative to the element; NULL: there is nothing to name */
    const char *what; /* with one %s for the name */
} blockers[] = {
    {"/domain/devices/hostdev[@type='pci'][not(teaming/@type='transient')]", "source/address",
        "PCI device %s of its host is passed through to the guest"},
    {"/domain/devices/interface[@type='hostdev'][not(teaming/@type='transient')]", "mac",
        "NIC %s is a device of its host (SR-IOV direct) without a twin to fall back on"},
    {"/domain/devices/hostdev[@type='mdev' or @type='usb' or @type='scsi' or @type='scsi_host']",
        "source/address", "host device %s is passed through to the guest"},
    {"/domain/devices/hostdev[@mode='capabilities']", NULL,
        "a storage, character or network device of its host is handed to the guest"},
    {"/domain/devices/disk[transient]", "target", "disk %s is transient"},
    {"/domain/devices/disk[@type='nvme']", "target", "disk %s is an NVMe device of its host"},
    {"/domain/devices/shmem[not(@role='master')]", "@name",
        "shared memory device %s is not the master"},
    {"/domain/devices/interface[@type='vdpa']", "mac", "NIC %s is a vDPA device of its host"},
};

static char *
address_text(const xmlNode *address)
{
    static const char *const parts[] = {"domain", "bus", "slot", "function"};
    static const char *const after[] = {":", ":", ".", ""};
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = xml_get(address, parts[i]);
        if (part != NULL) {
            g_string_append_printf(
                text, "%s%s", g_str_has_prefix(part, "0x") ? part + 2 : part, after[i]);
        }
    }
    return g_strdup(text->str);
}

static char *
name_of(const xmlNode *element, const char *name)
{
    if (g_str_equal(name, "source/address")) {
        const xmlNode *address = xml_child(xml_child(element, "source"), "address");
        return address_text(address);
    }
    if (name[0] == '@') {
        return xml_get(element, name + 1);
    }
    return xml_get(xml_child(element, name), g_str_equal(name, "mac") ? "address" : "dev");
}

char *
blockers_find(const char *domain, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain, error);

    for (size_t i = 0; document != NULL && i < G_N_ELEMENTS(blockers); i++) {
        g_autoptr(GPtrArray) found = xml_find_all(document, blockers[i].path);
        if (found->len == 0) {
            continue;
        }
        const char *name = blockers[i].name;
        g_autofree char *which =
            name != NULL ? name_of(g_ptr_array_index(found, 0), name) : g_strdup("");
        g_auto(GStrv) parts = g_strsplit(blockers[i].what, "%s", 2);
        return g_strdup_printf("cannot be moved while it runs: %s%s%s; stop it and migrate it "
                               "cold (openstack server migrate)",
            parts[0], parts[1] != NULL && which != NULL ? which : "",
            parts[1] != NULL ? parts[1] : "");
    }
    return NULL;
}
