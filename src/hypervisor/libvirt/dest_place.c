/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/dest_place.h"

#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/volumes.h"

/* How many processors and NUMA cells there are to be pinned to. */
static bool
learn_size(LibvirtHost *host, DestPlace *place, GError **error)
{
    g_auto(Slot) slot = {0};
    virNodeInfo node;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    if (virNodeGetInfo(slot.connection, &node) < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' for its processors", host->name);
    }
    place->n_cpus = (int)VIR_NODEINFO_MAXCPUS(node);
    place->n_cells = (int)node.nodes;
    return true;
}

/* Where a host's pool is; known after the first use of it in a session. */
static bool
learn_pool_path(LibvirtHost *host, const char **ret_path, GError **error)
{
    g_auto(Slot) slot = {0};

    if (host->pool[0] == '\0') {
        *ret_path = NULL;
        return true;
    }
    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    *ret_path = pool != NULL ? pool_get_path(&slot, pool, error) : NULL;
    return *ret_path != NULL;
}

static bool
learn_named_path(LibvirtHost *host, const char *pool_name, char **ret_path, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get_named(&slot, pool_name, ret_path, error);
    return pool != NULL;
}

/* Where its volumes are, on both sides; nothing when there are none. */
static bool
learn_volume_paths(LibvirtHost *source, LibvirtHost *dest, const char *pool, DestPlaceRead *read,
    GError **error)
{
    if (pool == NULL) {
        return true;
    }
    bool is_ok = learn_named_path(source, pool, &read->from_volumes, error) &&
        learn_named_path(dest, pool, &read->to_volumes, error);
    read->place.from_volumes = read->from_volumes;
    read->place.to_volumes = read->to_volumes;
    return is_ok;
}

bool
dest_place_read(LibvirtHost *source, LibvirtHost *dest, const MigrateRequest *request,
    DestPlaceRead *read, GError **error)
{
    DestPlace *place = &read->place;

    place->vnc_listen = dest->settings->vnc_listen;
    place->spice_listen = dest->settings->spice_listen;
    place->topology = request->topology;
    return learn_pool_path(source, &place->from_pool, error) &&
        learn_pool_path(dest, &place->to_pool, error) && learn_size(dest, place, error) &&
        learn_volume_paths(source, dest, request->volume_pool, read, error);
}

void
dest_place_read_clear(DestPlaceRead *read)
{
    g_free(read->from_volumes);
    g_free(read->to_volumes);
}

/* Generation and operation travel in both definitions of the destination, because metadata cannot
 * be changed while a job runs. */
char *
dest_definition(const Slot *slot, virDomainPtr domain, unsigned int flags,
    const MigrateRequest *request, const DestPlace *place, GError **error)
{
    /* With passwords of consoles: what is left out here is gone on the destination. */
    flags |= VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_SECURE;
    g_autofree char *xml = domain_get_xml(slot, domain, flags, error);
    Metadata metadata = {request->uuid, request->display_name, request->project_id,
        request->flavor_name, request->generation, request->operation};

    return xml != NULL ? dest_xml_make(xml, &metadata, place, error) : NULL;
}
