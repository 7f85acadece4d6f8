/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/facts.h"

#include "hypervisor/libvirt/machine.h"
#include "hypervisor/libvirt/pages.h"
#include "hypervisor/libvirt/pci_xml.h"
#include "hypervisor/libvirt/probe.h"
#include "hypervisor/libvirt/topology_xml.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"
#include "hypervisor/libvirt/xml.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool
facts_fail(const Slot *slot, const char *what, GError **error)
{
    return libvirt_error_set(error, slot->connection, EFFECT_NONE, "cannot ask host '%s' for %s",
        slot->host->name, what);
}

char *
host_get_capabilities(const Slot *slot, GError **error)
{
    char *text = virConnectGetCapabilities(slot->connection);

    if (text == NULL) {
        facts_fail(slot, "its capabilities", error);
        return NULL;
    }
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

bool
capabilities_offer(const char *capabilities, const char *virt_type, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, error);
    g_autofree char *path =
        g_strdup_printf("/capabilities/guest[os_type='hvm']/arch[@name=/capabilities/host/cpu/arch]"
                        "/domain[@type='%s']",
            virt_type);

    if (document == NULL) {
        return false;
    }
    g_autoptr(GPtrArray) found = xml_find_all(document, path);
    return found->len > 0;
}

const char *
host_get_virt_type(const Slot *slot, GError **error)
{
    LibvirtHost *host = slot->host;

    if (host->settings->virt_type[0] != '\0') {
        return host->settings->virt_type;
    }
    g_mutex_lock(&host->lock);
    const char *known = host->virt_type;
    g_mutex_unlock(&host->lock);
    if (known != NULL) {
        return known;
    }
    g_autofree char *capabilities = host_get_capabilities(slot, error);
    if (capabilities == NULL) {
        return NULL;
    }
    bool has_kvm = capabilities_offer(capabilities, "kvm", NULL);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);
    if (host->virt_type == NULL) {
        host->virt_type = g_strdup(has_kvm ? "kvm" : "qemu");
    }
    return host->virt_type;
}

static json_t *
features_json(const xmlNode *cpu)
{
    json_t *features = json_array();

    for (const xmlNode *node = cpu->children; node != NULL; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "feature") == 0) {
            g_autofree char *name = xml_get(node, "name");
            json_array_append_new(features, json_string(name));
        }
    }
    return features;
}

static json_t *
text_json(const xmlNode *cpu, const char *name)
{
    g_autofree char *text = xml_get_text(xml_child(cpu, name));

    return json_string(text != NULL ? text : "");
}

char *
capabilities_to_cpu_json(const char *capabilities, int cells, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, error);

    if (document == NULL) {
        return NULL;
    }
    const xmlNode *cpu = xml_child(xml_child(xmlDocGetRootElement(document), "host"), "cpu");
    json_auto_t *info = json_object();
    if (cpu != NULL) {
        const xmlNode *topology = xml_child(cpu, "topology");
        json_object_set_new(info, "arch", text_json(cpu, "arch"));
        json_object_set_new(info, "model", text_json(cpu, "model"));
        json_object_set_new(info, "vendor", text_json(cpu, "vendor"));
        json_object_set_new(info, "topology",
            json_pack("{s:i, s:I, s:I, s:I}", "cells", cells, "sockets",
                (json_int_t)xml_get_int(topology, "sockets", 1), "cores",
                (json_int_t)xml_get_int(topology, "cores", 1), "threads",
                (json_int_t)xml_get_int(topology, "threads", 1)));
        json_object_set_new(info, "features", features_json(cpu));
    }
    char *text = json_dumps(info, JSON_COMPACT);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

char *
capabilities_get_host_uuid(const char *capabilities, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, error);

    if (document == NULL) {
        return NULL;
    }
    return xml_get_text(xml_child(xml_child(xmlDocGetRootElement(document), "host"), "uuid"));
}

static bool
read_versions(const Slot *slot, HostFacts *facts, GError **error)
{
    unsigned long hypervisor = 0;
    unsigned long libvirt = 0;
    char *hostname = virConnectGetHostname(slot->connection);

    if (hostname == NULL) {
        return facts_fail(slot, "its name", error);
    }
    facts->hostname = g_strdup(hostname);
    free(hostname);
    const char *type = virConnectGetType(slot->connection);
    if (type == NULL || virConnectGetLibVersion(slot->connection, &libvirt) < 0) {
        return facts_fail(slot, "its version", error);
    }
    facts->hypervisor_type = g_strdup(type);
    facts->libvirt_version = (int)libvirt;
    /* A host without any QEMU has no version of it. */
    if (virConnectGetVersion(slot->connection, &hypervisor) == 0) {
        facts->hypervisor_version = (int)hypervisor;
    }
    return true;
}

/* Total and free memory as the host's kernel sees them; caches give way, so they are free. Where
 * libvirt knows one NUMA cell less than the kernel, virNodeGetInfo tells less than there is. */
static bool
read_memory(const Slot *slot, HostMemory *ret_memory)
{
    int n = 0; /* libvirt takes no other number than that it tells of */
    int64_t free_kib = 0;

    if (virNodeGetMemoryStats(slot->connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) < 0) {
        return false;
    }
    g_autofree virNodeMemoryStats *stats = g_new0(virNodeMemoryStats, n);
    if (virNodeGetMemoryStats(slot->connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &n, 0) <
        0) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL) == 0) {
            ret_memory->total_mib = (int64_t)(stats[i].value / 1024);
        } else {
            free_kib += (int64_t)stats[i].value;
        }
    }
    ret_memory->free_mib = free_kib / 1024;
    return true;
}

bool
libvirt_read_memory(void *data, HostMemory *ret_memory, GError **error)
{
    g_auto(Slot) slot = {0};

    return slot_take_control(&slot, data, error) &&
        (read_memory(&slot, ret_memory) || facts_fail(&slot, "its memory", error));
}

static bool
read_node(const Slot *slot, HostFacts *facts, GError **error)
{
    virNodeInfo node;

    if (virNodeGetInfo(slot->connection, &node) < 0) {
        return facts_fail(slot, "its processors and memory", error);
    }
    g_autofree char *capabilities = host_get_capabilities(slot, error);
    if (capabilities == NULL) {
        return false;
    }
    facts->cpu_json = capabilities_to_cpu_json(capabilities, (int)node.nodes, error);
    if (facts->cpu_json == NULL) {
        return false;
    }
    facts->host_uuid = capabilities_get_host_uuid(capabilities, NULL);
    facts->topology = pages_add_used(slot, capabilities_to_topology(capabilities));
    facts->arch = g_strdup(node.model);
    facts->vcpus = (int)node.cpus;
    HostMemory memory = {(int64_t)(node.memory / 1024), (int64_t)(node.memory / 1024)};
    read_memory(slot, &memory);
    facts->memory_mib = memory.total_mib;
    facts->memory_free_mib = memory.free_mib;
    return true;
}

/* ---- the pool ---- */

static void
take_text(json_t *object, const char *name, char *take_text)
{
    if (take_text != NULL) {
        json_object_set_new(object, name, json_string(take_text));
    }
    g_free(take_text);
}

/* <fs:mount_opts><fs:option name='...'/>: only an administrator of the host puts them there. */
static void
add_mount_options(json_t *object, const xmlNode *pool)
{
    const xmlNode *options = xml_child(pool, "mount_opts");

    if (options == NULL) {
        return;
    }
    json_t *names = json_array();
    for (const xmlNode *node = options->children; node != NULL; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            g_autofree char *name = xml_get(node, "name");
            json_array_append_new(names, json_string(name != NULL ? name : ""));
        }
    }
    json_object_set_new(object, "mount_options", names);
}

char *
pool_to_json(const char *pool, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(pool, error);

    if (document == NULL) {
        return NULL;
    }
    const xmlNode *root = xmlDocGetRootElement(document);
    const xmlNode *source = xml_child(root, "source");
    const xmlNode *permissions = xml_child(xml_child(root, "target"), "permissions");
    json_auto_t *object = json_object();
    take_text(object, "type", xml_get(root, "type"));
    take_text(object, "owner", xml_get_text(xml_child(permissions, "owner")));
    take_text(object, "group", xml_get_text(xml_child(permissions, "group")));
    take_text(object, "mode", xml_get_text(xml_child(permissions, "mode")));
    take_text(object, "source_host", xml_get(xml_child(source, "host"), "name"));
    take_text(object, "source_path", xml_get(xml_child(source, "dir"), "path"));
    take_text(object, "source_device", xml_get(xml_child(source, "device"), "path"));
    take_text(object, "source_format", xml_get(xml_child(source, "format"), "type"));
    take_text(object, "source_version", xml_get(xml_child(source, "protocol"), "ver"));
    add_mount_options(object, root);
    char *text = json_dumps(object, JSON_COMPACT);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

static bool
describe_pool(const Slot *slot, virStoragePoolPtr pool, HostFacts *facts, GError **error)
{
    char *text = virStoragePoolGetXMLDesc(pool, 0);

    if (text == NULL) {
        return facts_fail(slot, "its storage pool's definition", error);
    }
    facts->pool_json = pool_to_json(text, error);
    free(text);
    return facts->pool_json != NULL;
}

/* Drivers without storage (tests of scale use libvirt's own test driver) name no pool. */
static bool
read_pool(const Slot *slot, HostFacts *facts, GError **error)
{
    virStoragePoolInfo info;

    if (slot->host->pool[0] == '\0') {
        facts->pool_path = g_strdup("");
        return true;
    }
    g_autoptr(virStoragePool) pool = pool_get(slot, error);
    if (pool == NULL || !pool_refresh(slot, pool, error)) {
        return false;
    }
    if (virStoragePoolGetInfo(pool, &info) < 0) {
        return facts_fail(slot, "the size of its storage pool", error);
    }
    facts->pool_id = pool_get_id(slot, pool, error);
    if (facts->pool_id == NULL) {
        return false;
    }
    facts->pool_path = g_strdup(pool_get_path(slot, pool, NULL));
    facts->pool_capacity_bytes = (int64_t)info.capacity;
    facts->pool_available_bytes = (int64_t)info.available;
    return describe_pool(slot, pool, facts, error);
}

/* ---- what guests may have ---- */

static bool
has_any(xmlDoc *document, const char *path)
{
    g_autoptr(GPtrArray) found = xml_find_all(document, path);

    return found->len > 0;
}

char *
domain_capabilities_to_offers(const char *capabilities, const char *virt_type, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, error);

    if (document == NULL) {
        return NULL;
    }
    bool has_uefi = has_any(document, "/domainCapabilities/os/enum[@name='firmware']/value"
                                      "[.='efi']");
    bool has_tpm = has_any(document, "/domainCapabilities/devices/tpm[@supported='yes']"
                                     "/enum[@name='backendModel']/value[.='emulator']");
    return g_strconcat(virt_type, has_uefi ? ",uefi" : "", has_tpm ? ",tpm" : "", NULL);
}

char *
domain_capabilities_to_cpu_class(const char *capabilities, const char *virt_type)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, NULL);
    xmlNode *cpu = document != NULL ? xml_child(xmlDocGetRootElement(document), "cpu") : NULL;

    if (cpu == NULL) {
        return NULL;
    }
    g_autofree char *text = xml_node_to_text(cpu);
    /* What the newest one is called tells which others there are. */
    g_autofree char *machine = machine_of_capabilities(capabilities);
    g_autofree char *all =
        g_strjoin(" ", virt_type, machine != NULL ? machine : "", text, NULL);
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, all, -1);
}

char *
host_read_cpu_class(const Slot *slot, const char *virt_type)
{
    char *text = virConnectGetDomainCapabilities(
        slot->connection, NULL, NULL, MACHINE_NEWEST, virt_type, 0);

    if (text == NULL) {
        return NULL;
    }
    char *cpu_class = domain_capabilities_to_cpu_class(text, virt_type);
    free(text);
    return cpu_class;
}

/* Of the machine that guests get. A host that does not say is no worse for it. */
static void
read_offers(const Slot *slot, HostFacts *facts)
{
    const char *virt_type = host_get_virt_type(slot, NULL);
    char *text = virt_type != NULL
        ? virConnectGetDomainCapabilities(
              slot->connection, NULL, NULL, MACHINE_NEWEST, virt_type, 0)
        : NULL;

    if (text != NULL) {
        facts->offers = domain_capabilities_to_offers(text, virt_type, NULL);
        facts->cpu_class = domain_capabilities_to_cpu_class(text, virt_type);
        free(text);
    }
}

static int
compare_names(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

char *
join_names(GPtrArray *names, const char *prefix)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (names->len > 0) {
        qsort(names->pdata, names->len, sizeof *names->pdata, compare_names);
    }
    for (unsigned i = 0; i < names->len; i++) {
        g_string_append_printf(text, "%s%s%s", i > 0 ? "," : "", prefix,
            (const char *)names->pdata[i]);
    }
    return g_string_free(g_steal_pointer(&text), false);
}

/* Those of that kind, by name. NULL: it cannot be asked. */
static GPtrArray *
list_pools(const Slot *slot, unsigned flags)
{
    virStoragePoolPtr *pools = NULL;
    int n = virConnectListAllStoragePools(slot->connection, &pools, flags);
    GPtrArray *names = n >= 0 ? g_ptr_array_new_with_free_func(g_free) : NULL;

    for (int i = 0; i < n; i++) {
        const char *name = virStoragePoolGetName(pools[i]);
        if (strchr(name, ',') == NULL) {
            g_ptr_array_add(names, g_strdup(name));
        }
        virStoragePoolFree(pools[i]);
    }
    free(pools);
    return names;
}

static void
take_out(GPtrArray *names, const GPtrArray *others)
{
    for (unsigned i = 0; i < others->len; i++) {
        unsigned at = 0;
        if (g_ptr_array_find_with_equal_func(names, others->pdata[i], g_str_equal, &at)) {
            g_ptr_array_remove_index(names, at);
        }
    }
}

/* Two questions: one that stops between them is not taken for one that is not there. */
static void
add_pools(const Slot *slot, HostFacts *facts)
{
    g_autoptr(GPtrArray) stopped = list_pools(slot, 0);
    g_autoptr(GPtrArray) active = list_pools(slot, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE);

    if (stopped != NULL && active != NULL) {
        take_out(stopped, active);
        g_autofree char *offers = facts->offers;
        g_autofree char *active_text = join_names(active, "pool=");
        g_autofree char *stopped_text = join_names(stopped, "stopped=");
        /* That there are none is told as well. */
        facts->offers = g_strconcat(offers, ",", active->len == 0 ? "pool=" : active_text,
            stopped->len > 0 ? "," : "", stopped_text, NULL);
    }
}

static void
add_pci_device(GArray *devices, virNodeDevicePtr node)
{
    char *text = virNodeDeviceGetXMLDesc(node, 0);
    PciDevice device;

    if (text != NULL && node_device_to_pci(text, &device)) {
        g_array_append_val(devices, device);
    }
    free(text);
}

/* libvirt lists them in no order. */
static int
compare_devices(gconstpointer one, gconstpointer other)
{
    return strcmp(((const PciDevice *)one)->address, ((const PciDevice *)other)->address);
}

/* A question for each device, so it is asked only where the configuration names some. */
static void
read_pci_devices(const Slot *slot, HostFacts *facts)
{
    virNodeDevicePtr *nodes = NULL;
    int n_nodes = slot->host->settings->with_pci_devices
        ? virConnectListAllNodeDevices(
              slot->connection, &nodes, VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV)
        : 0;
    g_autoptr(GArray) devices = g_array_new(FALSE, FALSE, sizeof(PciDevice));

    facts->hides_devices = n_nodes < 0;
    for (int i = 0; i < n_nodes; i++) {
        add_pci_device(devices, nodes[i]);
        virNodeDeviceFree(nodes[i]);
    }
    free(nodes);
    g_array_sort(devices, compare_devices);
    facts->pci_devices = pci_devices_text(devices);
}

/* The one that was shown at the opening, later one that is shown anew: it may have been renewed. */
static char *
read_certificate(LibvirtHost *host)
{
    g_mutex_lock(&host->lock);
    char *certificate = g_steal_pointer(&host->certificate);
    g_mutex_unlock(&host->lock);
    if (certificate == NULL && strstr(host->uri, "+tls:") != NULL) {
        probe_certificate(host->uri, host->settings->connect_timeout_ms, &certificate, NULL);
    }
    return certificate;
}

bool
libvirt_probe(void *data, HostFacts *ret_facts, GError **error)
{
    g_auto(Slot) slot = {0};
    HostFacts facts = {0};

    if (!slot_take_control(&slot, data, error)) {
        return false;
    }
    if (!read_versions(&slot, &facts, error) || !read_node(&slot, &facts, error) ||
        !read_pool(&slot, &facts, error)) {
        host_facts_clear(&facts);
        return false;
    }
    read_offers(&slot, &facts);
    if (facts.offers != NULL) {
        add_pools(&slot, &facts);
    }
    facts.bridges = host_read_bridges(&slot);
    read_pci_devices(&slot, &facts);
    facts.running_domains = MAX(virConnectNumOfDomains(slot.connection), 0);
    facts.certificate_json = read_certificate(data);
    *ret_facts = facts;
    return true;
}
