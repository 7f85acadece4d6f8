/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/drover.h"

#include "model/cell_room.h"

static json_t *
view_set(const CpuSet *cpus)
{
    g_autofree char *text = cpu_set_text(cpus);

    return json_string(text);
}

/* Threads of one core each, in the order of the first. */
static json_t *
view_cores(const HostCell *cell)
{
    json_t *views = json_array();

    for (unsigned i = 0; i < cell->cores->len; i++) {
        json_array_append_new(views, view_set(&g_array_index(cell->cores, CpuSet, i)));
    }
    return views;
}

static json_t *
view_pages(const CellRoom *room)
{
    json_t *views = json_array();

    for (unsigned i = 0; i < room->pages->len; i++) {
        const CellPages *all = &g_array_index(room->cell->pages, CellPages, i);
        const CellPages *left = &g_array_index(room->pages, CellPages, i);
        json_array_append_new(views,
            json_pack("{s:I, s:I, s:I, s:I}", "size_kib", (json_int_t)all->size_kib, "total",
                (json_int_t)all->count, "free", (json_int_t)MAX(left->count, 0), "foreign",
                (json_int_t)all->foreign));
    }
    return views;
}

static json_t *
view_cell(const CellRoom *room, const HostTopology *host)
{
    const HostCell *cell = room->cell;
    CpuSet dedicated = cpu_set_both(&cell->cpus, &host->dedicated);

    return json_pack("{s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "id", cell->id, "memory_mib",
        (json_int_t)cell->memory_mib, "memory_free_mib", (json_int_t)MAX(room->memory_mib, 0),
        "cpus", view_set(&cell->cpus), "cores", view_cores(cell), "dedicated_cpus",
        view_set(&dedicated), "dedicated_cpus_free", view_set(&room->dedicated), "shared_cpus",
        view_set(&room->floating), "pages", view_pages(room));
}

json_t *
drover_view_cells(ApiContext *context, const Host *host, GError **error)
{
    g_autoptr(GPtrArray) claims =
        store_list_claims(context->store, CLAIMS_OF_HOST, host->name, error);
    g_autoptr(HostTopology) topology =
        host_topology_parse(host->has_facts ? host->facts.topology : NULL);
    GString *lines = g_string_new(NULL);

    for (unsigned i = 0; claims != NULL && i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        g_string_append_printf(lines, "%s\n", claim->topology != NULL ? claim->topology : "");
    }
    g_autofree char *given = g_string_free(lines, FALSE);
    if (claims == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    g_autoptr(GPtrArray) rooms = topology != NULL ? cell_rooms_new(topology, given) : NULL;
    for (unsigned i = 0; rooms != NULL && i < rooms->len; i++) {
        json_array_append_new(views, view_cell(rooms->pdata[i], topology));
    }
    return views;
}
