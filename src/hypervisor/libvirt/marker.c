/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Whether two hosts share a pool: a volume made through one cannot be made through the other. */
#include "hypervisor/libvirt/marker.h"

#include "base/log.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"
#include "hypervisor/markers.h"
#include <stdlib.h>

bool
libvirt_create_marker(
    void *data, const char *pool_name, const char *token, bool *ret_existed, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autoptr(GError) reason = NULL;
    g_autofree char *name = name_probe(token);
    VolumeSpec spec = {.name = name, .format = "raw"};

    if (!slot_take_control(&slot, data, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get_named(&slot, pool_name, NULL, error);
    if (pool == NULL) {
        return false;
    }
    if (!volume_create(&slot, pool, &spec, NULL, &reason) && !error_is(reason, ERROR_CONFLICT)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    *ret_existed = reason != NULL;
    return true;
}

bool
libvirt_delete_marker(void *data, const char *pool_name, const char *token, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *name = name_probe(token);

    if (!slot_take_control(&slot, data, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get_named(&slot, pool_name, NULL, error);
    return pool != NULL && volume_delete(&slot, pool, name, error);
}

static void
sweep_pool(const Slot *slot, virStoragePoolPtr pool)
{
    virStorageVolPtr *volumes = NULL;
    int n = virStoragePoolListAllVolumes(pool, &volumes, 0);

    for (int i = 0; i < n; i++) {
        const char *token = name_parse_probe(virStorageVolGetName(volumes[i]));
        if (token != NULL && !markers_are_in_use(token) &&
            virStorageVolDelete(volumes[i], 0) == 0) {
            log_info("pool '%s' of host '%s' still had the marker of a probe that has ended",
                virStoragePoolGetName(pool), slot->host->name);
        }
        virStorageVolFree(volumes[i]);
    }
    free(volumes);
}

void
marker_sweep(LibvirtHost *host)
{
    g_auto(Slot) slot = {0};
    virStoragePoolPtr *pools = NULL;

    if (!slot_take_control(&slot, host, NULL)) {
        return;
    }
    int n = virConnectListAllStoragePools(
        slot.connection, &pools, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE);
    for (int i = 0; i < n; i++) {
        sweep_pool(&slot, pools[i]);
        virStoragePoolFree(pools[i]);
    }
    free(pools);
}
