/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/twin_xml.h"

#include "hypervisor/libvirt/trial.h"
#include <stdlib.h>
#include <string.h>

static void
drop_all(xmlDoc *document, const char *path)
{
    g_autoptr(GPtrArray) nodes = xml_find_all(document, path);

    for (unsigned int i = 0; i < nodes->len; i++) {
        xml_remove(g_ptr_array_index(nodes, i));
    }
}

/* ---- devices ---- */

static bool
is_kept(const xmlNode *device)
{
    static const char *const names[] = {"emulator", "controller", "input", "graphics", "video",
        "sound", "audio", "watchdog", "memballoon", "rng", "panic", "iommu", "tpm", "memory", NULL};

    return g_strv_contains(names, (const char *)device->name);
}

static void
drop_devices(xmlDoc *document)
{
    g_autoptr(GPtrArray) devices = xml_find_all(document, "/domain/devices/*");

    for (unsigned int i = 0; i < devices->len; i++) {
        if (!is_kept(g_ptr_array_index(devices, i))) {
            xml_remove(g_ptr_array_index(devices, i));
        }
    }
    /* Of those that are kept, which are files or devices of a host. */
    drop_all(document,
        "/domain/devices/input[@type='passthrough' or @type='evdev']"
        " | /domain/devices/rng[backend/@model='egd']"
        " | /domain/devices/memory[@model='nvdimm' or @model='virtio-pmem']"
        " | /domain/devices/tpm[not(backend/@type='emulator')]");
}

/* ---- what a domain leaves behind ---- */

/* A TPM of its own, which goes with it. */
static bool
give_tpm(xmlDoc *document, const char *uuid)
{
    g_autoptr(GPtrArray) backends = xml_find_all(document, "/domain/devices/tpm/backend");
    g_autoptr(GPtrArray) secrets = xml_find_all(document, "/domain/devices/tpm/backend/encryption");

    for (unsigned int i = 0; i < backends->len; i++) {
        xmlUnsetProp(g_ptr_array_index(backends, i), BAD_CAST "persistent_state");
    }
    for (unsigned int i = 0; i < secrets->len; i++) {
        xml_set(g_ptr_array_index(secrets, i), "secret", "%s", uuid);
    }
    drop_all(document, "/domain/devices/tpm/backend/source");
    return secrets->len > 0;
}

/* The kernel is in the guest's pool and never runs here; a file of UEFI variables would stay. The
 * loader is the one that was found for the guest: it is not looked for again. */
static void
give_firmware(xmlDoc *document)
{
    drop_all(document,
        "/domain/os/kernel | /domain/os/initrd | /domain/os/cmdline | /domain/os/dtb"
        " | /domain/os/nvram");
    g_autoptr(GPtrArray) loaders = xml_find_all(document, "/domain/os/loader[@type='pflash']");
    if (loaders->len > 0) {
        drop_all(document, "/domain/os/@firmware | /domain/os/firmware");
        xml_set(g_ptr_array_index(loaders, 0), "stateless", "yes");
    }
}

/* ---- memory ---- */

/* Enough for any machine, and a multiple of the usual huge pages. */
static const int64_t LITTLE_KIB = 64 << 10;
static const int64_t GIB_KIB = 1 << 20;

static int64_t
to_kib(int64_t value, const char *unit)
{
    return unit != NULL && unit[0] == 'G' ? value * GIB_KIB
        : unit != NULL && unit[0] == 'M'  ? value << 10
                                          : value;
}

/* Of a guest whose memory has huge pages of a size that is not said, any size will do. */
static int64_t
little_memory_kib(xmlDoc *document)
{
    g_autoptr(GPtrArray) pages = xml_find_all(document, "/domain/memoryBacking/hugepages/page");
    g_autoptr(GPtrArray) plain =
        xml_find_all(document, "/domain/memoryBacking/hugepages[not(page)]");
    int64_t kib = plain->len > 0 ? GIB_KIB : LITTLE_KIB;

    for (unsigned int i = 0; i < pages->len; i++) {
        const xmlNode *page = g_ptr_array_index(pages, i);
        g_autofree char *unit = xml_get(page, "unit");
        kib = MAX(kib, to_kib(xml_get_int(page, "size", 0), unit));
    }
    return kib;
}

/* Never more than the guest has. */
static int64_t
cut_cell(xmlNode *cell, int64_t little_kib)
{
    g_autofree char *unit = xml_get(cell, "unit");
    int64_t kib = MIN(to_kib(xml_get_int(cell, "memory", 0), unit), little_kib);

    xml_set(cell, "unit", "KiB");
    xml_set(cell, "memory", "%" G_GINT64_FORMAT, kib);
    return kib;
}

static void
set_memory(xmlDoc *document, const char *path, int64_t most_kib)
{
    g_autoptr(GPtrArray) nodes = xml_find_all(document, path);

    for (unsigned int i = 0; i < nodes->len; i++) {
        g_autofree char *unit = xml_get(nodes->pdata[i], "unit");
        g_autofree char *old = xml_get_text(nodes->pdata[i]);
        int64_t kib = MIN(to_kib(g_ascii_strtoll(old, NULL, 10), unit), most_kib);
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, kib);
        xml_set(g_ptr_array_index(nodes, i), "unit", "KiB");
        xml_set_text(g_ptr_array_index(nodes, i), text);
    }
}

static void
cut_memory(xmlDoc *document)
{
    g_autoptr(GPtrArray) greedy = xml_find_all(document,
        "/domain/memoryBacking/hugepages | /domain/memoryBacking/locked"
        " | /domain/memoryBacking/allocation[@mode='immediate']");
    g_autoptr(GPtrArray) cells = xml_find_all(document, "/domain/cpu/numa/cell");
    int64_t little_kib = little_memory_kib(document);
    int64_t sum_kib = 0;

    if (greedy->len == 0) {
        return;
    }
    drop_all(document, "/domain/maxMemory | /domain/devices/memory");
    for (unsigned int i = 0; i < cells->len; i++) {
        sum_kib += cut_cell(g_ptr_array_index(cells, i), little_kib);
    }
    set_memory(document, "/domain/memory | /domain/currentMemory",
        cells->len > 0 ? sum_kib : little_kib);
}

/* ---- processor ---- */

/* A definition that migrates has the processor that was asked for, and libvirt does not always
 * compare that with what QEMU gives (check='none', 'partial'). A guest that arrives is held to what
 * it has, and so is its twin. The cells are those that it gets. */
static bool
give_cpu(xmlDoc *document, const char *running, GError **error)
{
    g_autoptr(xmlDoc) source = xml_parse(running, error);

    if (source == NULL) {
        return false;
    }
    xmlNode *cpu = xml_child(xmlDocGetRootElement(source), "cpu");
    xmlNode *old = xml_child(xmlDocGetRootElement(document), "cpu");
    if (cpu == NULL || old == NULL) {
        return true;
    }
    xmlNode *copy = xmlDocCopyNode(cpu, document, 1);
    xmlNode *cells = xml_child(old, "numa");
    if (cells != NULL && xml_child(copy, "numa") != NULL) {
        xml_remove(xml_child(copy, "numa"));
        xmlUnlinkNode(cells);
        xmlAddChild(copy, cells);
    }
    xmlReplaceNode(old, copy);
    xmlFreeNode(old);
    return true;
}

/* ---- the domain ---- */

static void
give_name(xmlNode *domain, const Metadata *twin)
{
    g_autofree char *name = trial_name(twin->uuid);

    xmlUnsetProp(domain, BAD_CAST "id");
    xml_set_text(xml_child(domain, "name"), name);
    xml_set_text(xml_child(domain, "uuid"), twin->uuid);
    metadata_xml_put(domain, twin);
    /* libvirt wants the same UUID there; and the label of a process is its own. */
    drop_all(domain->doc,
        "/domain/sysinfo/system/entry[@name='uuid']"
        " | /domain/seclabel[@type='dynamic' or not(@type)]");
}

char *
twin_xml_make(
    const char *definition, const char *running, const Metadata *twin, bool *ret_has_secret,
    GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(definition, error);

    if (document == NULL || !give_cpu(document, running, error)) {
        return NULL;
    }
    give_name(xmlDocGetRootElement(document), twin);
    drop_devices(document);
    *ret_has_secret = give_tpm(document, twin->uuid);
    give_firmware(document);
    cut_memory(document);
    return xml_to_text(document);
}
