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
