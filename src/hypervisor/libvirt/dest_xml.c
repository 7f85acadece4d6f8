/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/dest_xml.h"

#include "hypervisor/libvirt/topology_xml.h"
#include <stdlib.h>
#include <string.h>

/* ---- paths ---- */

/* Every place where a path of the pool can be. */
static void
move_paths(xmlDoc *document, const char *from, const char *to)
{
    if (from == NULL || to == NULL || strcmp(from, to) == 0) {
        return;
    }
    g_autoptr(GPtrArray) nodes = xml_find_all(document,
        "/domain/os/kernel | /domain/os/initrd | /domain/os/nvram[not(*)]"
        " | /domain/os/nvram/source/@file | /domain/devices/disk//source/@file"
        " | /domain/devices/*/log/@file | /domain/devices/*[@type='file']/source/@path");
    g_autofree char *prefix = g_strconcat(from, "/", NULL);

    for (unsigned int i = 0; i < nodes->len; i++) {
        xmlNode *node = g_ptr_array_index(nodes, i);
        g_autofree char *path = xml_get_text(node);
        if (g_str_has_prefix(path, prefix)) {
            g_autofree char *moved = g_build_filename(to, path + strlen(prefix), NULL);
            xml_set_text(node, moved);
        }
    }
}

/* ---- consoles ---- */

/* An address of the source is none of the destination's. What listens on a libvirt network or on a
 * socket of its own is made anew by libvirt. */
static void
set_listen(xmlDoc *document, const char *type, const char *address)
{
    g_autofree char *path = g_strdup_printf("/domain/devices/graphics[@type='%s']", type);
    g_autoptr(GPtrArray) consoles = xml_find_all(document, path);

    for (unsigned int i = 0; address != NULL && i < consoles->len; i++) {
        xmlNode *console = g_ptr_array_index(consoles, i);
        xmlNode *listen = xml_child(console, "listen");
        g_autofree char *kind = xml_get(listen, "type");
        if (kind != NULL && strcmp(kind, "address") != 0) {
            continue;
        }
        xml_set(console, "listen", "%s", address);
        if (listen != NULL) {
            xml_set(listen, "address", "%s", address);
        }
    }
}

/* ---- processors and memory of the host ---- */

/* The highest number of a list as libvirt writes it ("0-3,^2,8"); -1: it is empty. */
static int
highest_of(const char *list)
{
    int highest = -1;

    for (const char *at = list; *at != '\0';) {
        if (!g_ascii_isdigit(*at)) {
            at++;
            continue;
        }
        bool is_excluded = at > list && at[-1] == '^';
        char *end = NULL;
        int number = (int)MIN(strtoul(at, &end, 10), G_MAXINT);
        highest = is_excluded ? highest : MAX(highest, number);
        at = end;
    }
    return highest;
}

/* Of what path names, whatever has a list in the attribute that goes beyond the n there are. */
static void
drop_beyond(xmlDoc *document, const char *path, const char *attribute, int n)
{
    g_autoptr(GPtrArray) nodes = xml_find_all(document, path);

    for (unsigned int i = 0; n > 0 && i < nodes->len; i++) {
        xmlNode *node = g_ptr_array_index(nodes, i);
        g_autofree char *list =
            node->type == XML_ATTRIBUTE_NODE ? xml_get_text(node) : xml_get(node, attribute);
        if (list != NULL && highest_of(list) >= n) {
            xml_remove(node);
        }
    }
}

static void
drop_empty(xmlDoc *document, const char *path)
{
    g_autoptr(GPtrArray) nodes = xml_find_all(document, path);

    for (unsigned int i = 0; i < nodes->len; i++) {
        xml_remove(g_ptr_array_index(nodes, i));
    }
}

static void
fit_placement(xmlDoc *document, const DestPlace *place)
{
    drop_beyond(document, "/domain/cputune/iothreadpin", "cpuset", place->n_cpus);
    if (place->topology != NULL) {
        topology_xml_move(document, place->topology);
    } else {
        drop_beyond(document, "/domain/vcpu/@cpuset", "cpuset", place->n_cpus);
        drop_beyond(document, "/domain/cputune/vcpupin | /domain/cputune/emulatorpin", "cpuset",
            place->n_cpus);
        drop_beyond(document, "/domain/numatune/memory | /domain/numatune/memnode", "nodeset",
            place->n_cells);
    }
    drop_empty(document, "/domain/cputune[not(*)] | /domain/numatune[not(*)]"
                         " | /domain/memoryBacking[not(*)]");
}

char *
dest_xml_make(const char *xml, const Metadata *metadata, const DestPlace *place, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(xml, error);

    if (document == NULL) {
        return NULL;
    }
    metadata_xml_put(xmlDocGetRootElement(document), metadata);
    move_paths(document, place->from_pool, place->to_pool);
    move_paths(document, place->from_volumes, place->to_volumes);
    set_listen(document, "vnc", place->vnc_listen);
    set_listen(document, "spice", place->spice_listen);
    fit_placement(document, place);
    return xml_to_text(document);
}
