/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/topology.h"

#include "cli/output.h"

char *
topology_text(const json_t *topology)
{
    GString *text = g_string_new(NULL);
    size_t i = 0;
    json_t *node = NULL;
    json_array_foreach(json_object_get(topology, "nodes"), i, node)
    {
        g_autofree char *vcpus = output_text(json_object_get(node, "vcpu_set"));
        g_autofree char *pins = output_text(json_object_get(node, "cpu_pinning"));
        g_string_append_printf(text, "%svCPUs %s with %" JSON_INTEGER_FORMAT " MiB",
            i > 0 ? "; " : "", vcpus, json_integer_value(json_object_get(node, "memory_mb")));
        if (json_object_get(node, "host_node") != NULL) {
            g_string_append_printf(text, " on cell %" JSON_INTEGER_FORMAT "%s%s",
                json_integer_value(json_object_get(node, "host_node")),
                pins[0] != '\0' ? ", pins " : "", pins);
        }
    }
    const json_t *page = json_object_get(topology, "pagesize_kb");
    if (json_is_integer(page)) {
        g_string_append_printf(
            text, "; pages of %" JSON_INTEGER_FORMAT " KiB", json_integer_value(page));
    }
    return g_string_free(text, false);
}

static void
add_set(GString *text, const char *name, const json_t *cell, const char *key)
{
    const char *cpus = json_string_value(json_object_get(cell, key));
    if (cpus != NULL && cpus[0] != '\0') {
        g_string_append_printf(text, ", %s %s", name, cpus);
    }
}

static void
add_cell(GString *text, const json_t *cell)
{
    const char *free_cpus = json_string_value(json_object_get(cell, "dedicated_cpus_free"));
    const char *dedicated = json_string_value(json_object_get(cell, "dedicated_cpus"));
    size_t i = 0;
    json_t *pages = NULL;

    g_string_append_printf(text, "cell %" JSON_INTEGER_FORMAT ": CPUs %s",
        json_integer_value(json_object_get(cell, "id")),
        json_string_value(json_object_get(cell, "cpus")));
    add_set(text, "dedicated", cell, "dedicated_cpus");
    if (dedicated != NULL && dedicated[0] != '\0') {
        g_string_append_printf(text, " (free: %s)",
            free_cpus != NULL && free_cpus[0] != '\0' ? free_cpus : "none");
    }
    add_set(text, "shared", cell, "shared_cpus");
    g_string_append_printf(text,
        ", %" JSON_INTEGER_FORMAT " MiB (%" JSON_INTEGER_FORMAT " free)",
        json_integer_value(json_object_get(cell, "memory_mib")),
        json_integer_value(json_object_get(cell, "memory_free_mib")));
    json_array_foreach(json_object_get(cell, "pages"), i, pages)
    {
        g_string_append_printf(text,
            ", %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
            " pages of %" JSON_INTEGER_FORMAT " KiB free",
            json_integer_value(json_object_get(pages, "free")),
            json_integer_value(json_object_get(pages, "total")),
            json_integer_value(json_object_get(pages, "size_kib")));
    }
}

char *
topology_cells_text(const json_t *cells)
{
    GString *text = g_string_new(NULL);
    size_t i = 0;
    json_t *cell = NULL;
    json_array_foreach(cells, i, cell)
    {
        g_string_append(text, i > 0 ? "; " : "");
        add_cell(text, cell);
    }
    return g_string_free(text, FALSE);
}
