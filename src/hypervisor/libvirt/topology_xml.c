/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/topology_xml.h"

#include <stdlib.h>
#include <string.h>

/* ---- of a host ---- */

static int64_t
text_int(const xmlNode *element)
{
    g_autofree char *text = xml_get_text(element);

    return text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
}

static bool
is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* Each core once: by the first of its threads. */
static void
read_cpu(HostCell *cell, const xmlNode *node)
{
    int64_t id = xml_get_int(node, "id", -1);
    g_autofree char *siblings = xml_get(node, "siblings");
    CpuSet core = {0};

    if (id < 0 || id >= CPU_SET_MAX) {
        return;
    }
    cpu_set_add(&cell->cpus, (int)id);
    if (siblings == NULL || !cpu_set_parse(siblings, &core)) {
        cpu_set_add(&core, (int)id);
    }
    if (cpu_set_next(&core, 0) == id) {
        g_array_append_val(cell->cores, core);
    }
}

/* The first size is that of ordinary pages. */
static void
read_pages(HostCell *cell, const xmlNode *node)
{
    CellPages pages = {.size_kib = xml_get_int(node, "size", 0), .count = text_int(node)};

    if (pages.size_kib > 64) {
        g_array_append_val(cell->pages, pages);
    }
}

static void
read_cell(HostTopology *topology, const xmlNode *element)
{
    HostCell *cell = host_topology_add_cell(topology, (int)xml_get_int(element, "id", 0));
    const xmlNode *cpus = xml_child(element, "cpus");

    cell->memory_mib = text_int(xml_child(element, "memory")) / 1024;
    for (const xmlNode *node = element->children; node != NULL; node = node->next) {
        if (is_element(node, "pages")) {
            read_pages(cell, node);
        }
    }
    for (const xmlNode *node = cpus != NULL ? cpus->children : NULL; node != NULL;
         node = node->next) {
        if (is_element(node, "cpu")) {
            read_cpu(cell, node);
        }
    }
}

char *
capabilities_to_topology(const char *capabilities)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, NULL);
    g_autoptr(HostTopology) topology = host_topology_new();
    g_autoptr(GPtrArray) cells = document != NULL
        ? xml_find_all(document, "/capabilities/host/topology/cells/cell")
        : NULL;

    for (unsigned i = 0; cells != NULL && i < cells->len; i++) {
        read_cell(topology, g_ptr_array_index(cells, i));
    }
    return topology->cells->len > 0 ? host_topology_text(topology) : NULL;
}

/* ---- of a guest ---- */

static xmlNode *
child(xmlNode *domain, const char *name)
{
    xmlNode *found = xml_child(domain, name);

    return found != NULL ? found : xml_add(domain, name);
}

static void
put_pin(xmlNode *domain, int vcpu, const CpuSet *cpus)
{
    if (cpu_set_is_empty(cpus)) {
        return;
    }
    g_autofree char *text = cpu_set_text(cpus);
    xmlNode *pin = xml_add(child(domain, "cputune"), "vcpupin");
    xml_set(xml_set(pin, "vcpu", "%d", vcpu), "cpuset", "%s", text);
}

/* One that floats over the whole host's share is said once, of all. */
static void
put_cpus(xmlNode *domain, const GuestTopology *topology)
{
    int vcpu = 0;

    for (unsigned i = 0; i < topology->cells->len; i++) {
        const GuestCell *cell = topology->cells->pdata[i];
        if (cell->host_cell < 0) {
            g_autofree char *text = cpu_set_text(&cell->floats);
            xml_set(child(domain, "vcpu"), "cpuset", "%s", text);
            continue;
        }
        for (int j = 0; j < cell->n_vcpus; j++) {
            CpuSet cpus = cell->floats;
            if (cell->pins->len > 0) {
                cpu_set_add(&cpus, g_array_index(cell->pins, int, j));
            }
            put_pin(domain, vcpu++, &cpus);
        }
    }
    if (!cpu_set_is_empty(&topology->emulator)) {
        g_autofree char *text = cpu_set_text(&topology->emulator);
        xml_set(xml_add(child(domain, "cputune"), "emulatorpin"), "cpuset", "%s", text);
    }
}

static void
put_memory(xmlNode *domain, const GuestTopology *topology)
{
    CpuSet nodes = {0};

    if (topology->page_kib > 0) {
        xmlNode *pages = xml_add(child(domain, "memoryBacking"), "hugepages");
        xml_set(xml_set(xml_add(pages, "page"), "size", "%" G_GINT64_FORMAT, topology->page_kib),
            "unit", "KiB");
    }
    if (!topology->binds_memory) {
        return;
    }
    for (unsigned i = 0; i < topology->cells->len; i++) {
        cpu_set_add(&nodes, ((const GuestCell *)topology->cells->pdata[i])->host_cell);
    }
    g_autofree char *text = cpu_set_text(&nodes);
    xmlNode *tune = xml_add(domain, "numatune");
    xml_set(xml_set(xml_add(tune, "memory"), "mode", "strict"), "nodeset", "%s", text);
    for (unsigned i = 0; topology->has_cells && i < topology->cells->len; i++) {
        const GuestCell *cell = topology->cells->pdata[i];
        xmlNode *node = xml_set(xml_add(tune, "memnode"), "cellid", "%u", i);
        xml_set(xml_set(node, "mode", "strict"), "nodeset", "%d", cell->host_cell);
    }
}

static void
put_guest_cells(xmlNode *domain, const GuestTopology *topology)
{
    int vcpu = 0;

    if (!topology->has_cells) {
        return;
    }
    xmlNode *numa = xml_add(child(domain, "cpu"), "numa");
    for (unsigned i = 0; i < topology->cells->len; i++) {
        const GuestCell *cell = topology->cells->pdata[i];
        xmlNode *node = xml_set(xml_add(numa, "cell"), "id", "%u", i);
        xml_set(node, "cpus", "%d-%d", vcpu, vcpu + cell->n_vcpus - 1);
        xml_set(node, "memory", "%" G_GINT64_FORMAT, cell->memory_mib);
        xml_set(node, "unit", "MiB");
        vcpu += cell->n_vcpus;
    }
}

void
topology_xml_build(xmlNode *domain, const GuestTopology *topology)
{
    if (topology != NULL) {
        put_memory(domain, topology);
        put_cpus(domain, topology);
        put_guest_cells(domain, topology);
    }
}

void
topology_xml_move(xmlDoc *document, const GuestTopology *topology)
{
    g_autoptr(GPtrArray) old = xml_find_all(document,
        "/domain/vcpu/@cpuset | /domain/cputune/vcpupin | /domain/cputune/emulatorpin"
        " | /domain/numatune | /domain/memoryBacking/hugepages");

    for (unsigned i = 0; i < old->len; i++) {
        xml_remove(g_ptr_array_index(old, i));
    }
    xmlNode *domain = xmlDocGetRootElement(document);
    put_memory(domain, topology);
    put_cpus(domain, topology);
}
