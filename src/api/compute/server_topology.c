/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* GET /servers/{id}/topology: the NUMA cells that a server has been given, and for those who may
 * know it, of what its host has. Source: Compute API reference, "Servers NUMA topology". */
#include "api/compute/compute.h"
#include "auth/policy.h"
#include "scheduler/numa.h"

enum { ORDINARY_PAGE_KIB = 4 };

/* NULL: it is nowhere, or nothing is said of it there. */
static const char *
find_own(const GPtrArray *claims)
{
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        if (claim->is_owner) {
            return claim->topology;
        }
    }
    return NULL;
}

/* vCPUs are numbered through all cells. */
static json_t *
view_cell(const GuestCell *cell, int first_vcpu, bool with_host)
{
    json_t *vcpus = json_array();
    json_auto_t *pins = json_object();

    for (int i = 0; i < cell->n_vcpus; i++) {
        json_array_append_new(vcpus, json_integer(first_vcpu + i));
        if (i < (int)cell->pins->len) {
            g_autofree char *name = g_strdup_printf("%d", first_vcpu + i);
            json_object_set_new(pins, name, json_integer(g_array_index(cell->pins, int, i)));
        }
    }
    /* Guests are not told of threads that share a core: none has a sibling. */
    json_t *view = json_pack("{s:o, s:[], s:I}", "vcpu_set", vcpus, "siblings", "memory_mb",
        (json_int_t)cell->memory_mib);
    if (with_host) {
        json_object_set_new(view, "host_node", json_integer(cell->host_cell));
        json_object_set(view, "cpu_pinning", pins);
    }
    return view;
}

/* Ordinary pages have a size where the flavor asks for pages, and none where it does not. */
static json_t *
view_page_size(const Instance *instance, const GuestTopology *topology)
{
    const Flavor *flavor = &instance->flavor;
    NumaRequest request = {0};

    if (topology->page_kib > 0) {
        return json_integer(topology->page_kib);
    }
    bool asks = numa_request_read(flavor->extra_specs_json, flavor->vcpus, flavor->ram_mib,
                    &request, NULL) && request.asks_pages;
    return asks ? json_integer(ORDINARY_PAGE_KIB) : json_null();
}

/* One that floats over its whole host has no cells, whatever the host shares. */
static json_t *
view_topology(const Instance *instance, const GuestTopology *topology, bool with_host)
{
    json_t *nodes = json_array();
    int n_vcpus = 0;

    for (unsigned i = 0; topology != NULL && i < topology->cells->len; i++) {
        const GuestCell *cell = topology->cells->pdata[i];
        if (cell->host_cell >= 0) {
            json_array_append_new(nodes, view_cell(cell, n_vcpus, with_host));
        }
        n_vcpus += cell->n_vcpus;
    }
    bool has_cells = json_array_size(nodes) > 0;
    return json_pack("{s:o, s:o}", "nodes", nodes, "pagesize_kb",
        has_cells ? view_page_size(instance, topology) : json_null());
}

HttpResponse *
compute_show_topology(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    g_autoptr(GPtrArray) claims = instance == NULL
        ? NULL
        : store_list_claims(context->store, CLAIMS_OF_INSTANCE, instance->id, error);

    if (claims == NULL) {
        return NULL;
    }
    g_autoptr(GuestTopology) topology = guest_topology_parse(find_own(claims));
    bool with_host = policy_check(context->identity, "compute:server:topology:host:index", NULL);
    return api_json(200, view_topology(instance, topology, with_host));
}
