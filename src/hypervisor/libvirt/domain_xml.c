/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/domain_xml.h"

#include "hypervisor/libvirt/disk_xml.h"
#include "hypervisor/libvirt/machine.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/pci_xml.h"
#include "hypervisor/libvirt/topology_xml.h"
#include <string.h>

static char *
volume_path(const DomainPlace *place, const GuestSpec *guest, VolumeKind kind)
{
    g_autofree char *name = name_guest_volume(guest->uuid, kind);

    return g_build_filename(place->pool_path, name, NULL);
}

static char *
base_path(const DomainPlace *place, const char *sha256, const char *format)
{
    g_autofree char *name = name_base(sha256, format);

    return g_build_filename(place->pool_path, name, NULL);
}

static bool
has_cdrom(const GuestSpec *guest)
{
    for (int i = 0; i < guest->n_disks; i++) {
        if (guest->disks[i].base_hash != NULL) {
            return true;
        }
    }
    return false;
}

/* libvirt finds the firmware, and fills the variables from its template at the first start. */
static void
build_firmware(xmlNode *os, const GuestSpec *guest, const DomainPlace *place)
{
    if (g_strcmp0(guest->firmware, "uefi") != 0) {
        return;
    }
    g_autofree char *path = volume_path(place, guest, VOLUME_NVRAM);
    xml_set(os, "firmware", "efi");
    xmlNode *feature = xml_add(xml_add(os, "firmware"), "feature");
    xml_set(xml_set(feature, "enabled", "no"), "name", "secure-boot");
    xml_add_text(os, "nvram", "%s", path);
}

/* Of a machine "pc" libvirt stores the version that it has here. It boots faster than q35, which
 * puts each device behind a port of its own. */
static void
build_os(xmlNode *domain, const GuestSpec *guest, const DomainPlace *place)
{
    xmlNode *os = xml_add(domain, "os");

    xml_set(xml_add_text(os, "type", "hvm"), "machine", MACHINE_NEWEST);
    build_firmware(os, guest, place);
    if (guest->kernel_hash == NULL) {
        xml_set(xml_add(os, "boot"), "dev", "hd");
        if (has_cdrom(guest)) {
            xml_set(xml_add(os, "boot"), "dev", "cdrom");
        }
        return;
    }
    g_autofree char *kernel = base_path(place, guest->kernel_hash, "kernel");
    xml_add_text(os, "kernel", "%s", kernel);
    if (guest->initrd_hash != NULL) {
        g_autofree char *initrd = base_path(place, guest->initrd_hash, "initrd");
        xml_add_text(os, "initrd", "%s", initrd);
    }
    if (guest->command_line != NULL) {
        xml_add_text(os, "cmdline", "%s", guest->command_line);
    }
}

/* The whole chain with its formats, ended by an empty element: libvirt then probes nothing. */
static void
build_backing(xmlNode *disk, const char *format, const char *path)
{
    xmlNode *backing = xml_add(disk, "backingStore");

    xml_set(backing, "type", "file");
    xml_set(xml_add(backing, "format"), "type", "%s", format);
    xml_set(xml_add(backing, "source"), "file", "%s", path);
    xml_add(backing, "backingStore");
}

static void
build_root(xmlNode *devices, const GuestSpec *guest, const DomainPlace *place)
{
    g_autofree char *path = volume_path(place, guest, VOLUME_ROOT);
    g_autofree char *base = base_path(place, guest->root_hash, guest->root_format);

    build_backing(disk_xml_add_file(devices, "vda", "qcow2", path), guest->root_format, base);
}

static void
build_config(xmlNode *devices, const GuestSpec *guest, const DomainPlace *place)
{
    g_autofree char *path = volume_path(place, guest, VOLUME_CONFIG);
    xmlNode *config = disk_xml_add_file(devices, "vdb", "raw", path);

    xml_add(config, "backingStore");
    if (guest->config_drive_is_read_only) {
        xml_add(config, "readonly");
    }
}

/* The disk that the guest boots from comes first: that is what <boot dev='hd'/> means. */
static bool
build_disks(xmlNode *devices, const GuestSpec *guest, const DomainPlace *place, GError **error)
{
    int first = guest->root_hash == NULL ? 1 : 0;

    if (guest->root_hash != NULL) {
        build_root(devices, guest, place);
    } else if (guest->n_disks == 0) {
        return error_set(error, ERROR_INVALID, "guest '%s' has no disk to boot from", guest->uuid);
    } else if (!disk_xml_add(devices, &guest->disks[0], place->disk_paths[0], error)) {
        return false;
    }
    build_config(devices, guest, place);
    for (int i = first; i < guest->n_disks; i++) {
        if (!disk_xml_add(devices, &guest->disks[i], place->disk_paths[i], error)) {
            return false;
        }
    }
    return true;
}

static void
build_nic(xmlNode *devices, const GuestNic *nic)
{
    xmlNode *interface = xml_set(xml_add(devices, "interface"), "type", "bridge");

    xml_set(xml_add(interface, "mac"), "address", "%s", nic->mac);
    xml_set(xml_add(interface, "source"), "bridge", "%s", nic->bridge);
    xml_set(xml_add(interface, "model"), "type", "virtio");
    if (nic->mtu > 0) {
        xml_set(xml_add(interface, "mtu"), "size", "%" G_GINT64_FORMAT, nic->mtu);
    }
}

static void
build_console(xmlNode *devices, const GuestSpec *guest, const DomainPlace *place)
{
    g_autofree char *log_path = volume_path(place, guest, VOLUME_CONSOLE);
    xmlNode *serial = xml_set(xml_add(devices, "serial"), "type", "pty");

    xml_set(xml_set(xml_add(serial, "log"), "file", "%s", log_path), "append", "on");
    xml_set(xml_add(serial, "target"), "port", "0");
}

/* libvirt chooses the port, on each host anew. */
static void
build_graphics(xmlNode *devices, const char *type, const char *listen)
{
    if (listen != NULL) {
        xmlNode *graphics = xml_set(xml_add(devices, "graphics"), "type", "%s", type);
        xml_set(xml_set(graphics, "autoport", "yes"), "listen", "%s", listen);
    }
}

/* Its state is encrypted on the host, by the secret of the guest's own UUID. */
static void
build_tpm(xmlNode *devices, const GuestSpec *guest)
{
    if (guest->tpm_version == NULL) {
        return;
    }
    xmlNode *tpm = xml_set(xml_add(devices, "tpm"), "model", "%s", guest->tpm_model);
    xmlNode *backend = xml_set(xml_add(tpm, "backend"), "type", "emulator");
    xml_set(backend, "version", "%s", guest->tpm_version);
    xml_set(xml_add(backend, "encryption"), "secret", "%s", guest->uuid);
}

static bool
build_devices(xmlNode *domain, const GuestSpec *guest, const DomainPlace *place, GError **error)
{
    xmlNode *devices = xml_add(domain, "devices");

    if (!build_disks(devices, guest, place, error)) {
        return false;
    }
    for (int i = 0; i < guest->n_nics; i++) {
        build_nic(devices, &guest->nics[i]);
    }
    pci_xml_build(devices, guest->devices);
    build_console(devices, guest, place);
    build_tpm(devices, guest);
    build_graphics(devices, "vnc", place->vnc_listen);
    build_graphics(devices, "spice", place->spice_listen);
    if (place->vnc_listen != NULL || place->spice_listen != NULL) {
        xml_set(xml_add(xml_add(devices, "video"), "model"), "type", "vga");
    }
    xml_set(xml_set(xml_add(devices, "controller"), "type", "usb"), "model", "none");
    xml_set(xml_add(devices, "memballoon"), "model", "virtio");
    xmlNode *rng = xml_set(xml_add(devices, "rng"), "model", "virtio");
    xml_set(xml_add_text(rng, "backend", "/dev/urandom"), "model", "random");
    return true;
}

char *
domain_xml_build(const GuestSpec *guest, const DomainPlace *place, GError **error)
{
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *domain = xmlNewNode(NULL, BAD_CAST "domain");

    xmlDocSetRootElement(document, domain);
    xml_set(domain, "type", "%s", place->virt_type);
    xml_add_text(domain, "name", "%s", guest->domain_name);
    xml_add_text(domain, "uuid", "%s", guest->uuid);
    metadata_xml_put(domain,
        &(Metadata){guest->uuid, guest->display_name, guest->project_id, guest->flavor_name,
            guest->generation, guest->operation});
    xml_set(xml_add_text(domain, "memory", "%" G_GINT64_FORMAT, guest->memory_mib), "unit", "MiB");
    xml_add_text(domain, "vcpu", "%d", guest->vcpus);
    build_os(domain, guest, place);
    xmlNode *features = xml_add(domain, "features");
    xml_add(features, "acpi");
    xml_add(features, "apic");
    cpu_xml_build(domain, &place->cpu, place->virt_type);
    topology_xml_build(domain, guest->topology);
    xml_set(xml_add(domain, "clock"), "offset", "utc");
    xml_add_text(domain, "on_poweroff", "destroy");
    xml_add_text(domain, "on_reboot", "restart");
    xml_add_text(domain, "on_crash", "destroy");
    return build_devices(domain, guest, place, error) ? xml_to_text(document) : NULL;
}

void
domain_disk_free(DomainDisk *disk)
{
    if (disk == NULL) {
        return;
    }
    g_free(disk->target);
    g_free(disk->path);
    g_free(disk->format);
    g_free(disk->cache);
    g_free(disk->backing_path);
    g_free(disk->backing_format);
    g_free(disk);
}

static DomainDisk *
disk_read(const xmlNode *element)
{
    const xmlNode *driver = xml_child(element, "driver");
    const xmlNode *backing = xml_child(element, "backingStore");
    DomainDisk *disk = g_new0(DomainDisk, 1);

    disk->target = xml_get(xml_child(element, "target"), "dev");
    disk->path = xml_get(xml_child(element, "source"), "file");
    disk->format = xml_get(driver, "type");
    disk->cache = xml_get(driver, "cache");
    if (disk->cache == NULL) {
        disk->cache = g_strdup("");
    }
    disk->backing_path = xml_get(xml_child(backing, "source"), "file");
    disk->backing_format = xml_get(xml_child(backing, "format"), "type");
    disk->is_read_only = xml_child(element, "readonly") != NULL;
    disk->is_volume = name_is_volume(disk->path);
    disk->is_copied =
        !disk->is_read_only && !disk->is_volume && xml_child(element, "shareable") == NULL;
    return disk;
}

GPtrArray *
domain_xml_list_disks(const char *xml, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) elements = xml_find_all(document,
        "/domain/devices/disk[@type='file'][not(@device) or @device='disk'][source/@file]");
    GPtrArray *disks = g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_free);
    for (unsigned int i = 0; i < elements->len; i++) {
        g_ptr_array_add(disks, disk_read(g_ptr_array_index(elements, i)));
    }
    return disks;
}

GPtrArray *
domain_xml_list_files(const char *xml, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) nodes = xml_find_all(document,
        "/domain/os/kernel | /domain/os/initrd | /domain/devices/serial/log/@file"
        " | /domain/devices/disk[@device='cdrom']/source/@file");
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    for (unsigned int i = 0; i < nodes->len; i++) {
        g_ptr_array_add(files, xml_get_text(g_ptr_array_index(nodes, i)));
    }
    return files;
}

char *
domain_xml_get_nvram(const char *xml)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, NULL);
    g_autoptr(GPtrArray) found = document != NULL
        ? xml_find_all(document, "/domain/os/nvram[not(*)] | /domain/os/nvram/source/@file")
        : NULL;

    return found != NULL && found->len > 0 ? xml_get_text(g_ptr_array_index(found, 0)) : NULL;
}

bool
domain_xml_has_nvram(const char *xml)
{
    g_autofree char *path = domain_xml_get_nvram(xml);

    return path != NULL;
}

char *
domain_xml_get_tpm(const char *xml)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, NULL);
    g_autoptr(GPtrArray) found = document != NULL
        ? xml_find_all(document, "/domain/devices/tpm/backend[@type='emulator'][encryption]")
        : NULL;

    return found != NULL && found->len > 0 ? xml_get(g_ptr_array_index(found, 0), "version") : NULL;
}
char *
domain_xml_get_machine(const char *xml)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, NULL);
    const xmlNode *os = document != NULL ? xml_child(xmlDocGetRootElement(document), "os") : NULL;

    return os != NULL ? xml_get(xml_child(os, "type"), "machine") : NULL;
}
