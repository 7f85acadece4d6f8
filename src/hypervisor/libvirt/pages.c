/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/pages.h"

static void
read_used(virConnectPtr connection, const HostCell *cell, CellPages *pages)
{
    unsigned int size_kib = (unsigned int)pages->size_kib;
    unsigned long long n_free = 0;

    if (pages->count > 0 &&
        virNodeGetFreePages(connection, 1, &size_kib, cell->id, 1, &n_free, 0) == 1) {
        pages->foreign = MAX(pages->count - (int64_t)n_free, 0);
    }
}

char *
pages_add_used(const Slot *slot, char *take_topology)
{
    g_autofree char *text = take_topology;
    g_autoptr(HostTopology) topology = host_topology_parse(text);

    if (topology == NULL) {
        return g_steal_pointer(&text);
    }
    for (unsigned i = 0; i < topology->cells->len; i++) {
        const HostCell *cell = topology->cells->pdata[i];
        for (unsigned j = 0; j < cell->pages->len; j++) {
            read_used(slot->connection, cell, &g_array_index(cell->pages, CellPages, j));
        }
    }
    return host_topology_text(topology);
}
