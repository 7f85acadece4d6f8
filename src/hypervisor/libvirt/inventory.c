/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a pool holds, and which pool it is. */
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"
#include <stdlib.h>
#include <string.h>

static void
free_volume(void *data)
{
    virStorageVolFree(data);
}

/* Every volume of the pool, as of its last refresh. */
static GPtrArray *
list_volumes(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    virStorageVolPtr *found = NULL;
    int n = virStoragePoolListAllVolumes(pool, &found, 0);

    if (n < 0) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot list the volumes of storage pool '%s' on host '%s'", slot->host->pool,
            slot->host->name);
        return NULL;
    }
    GPtrArray *volumes = g_ptr_array_new_with_free_func(free_volume);
    for (int i = 0; i < n; i++) {
        g_ptr_array_add(volumes, found[i]);
    }
    free(found);
    return volumes;
}

/* ---- which pool ---- */

/* The least, so that hosts that both made one in the same moment agree once both have looked. */
static char *
least_pool_id(GPtrArray *volumes)
{
    const char *least = NULL;

    for (unsigned i = 0; i < volumes->len; i++) {
        const char *id = name_parse_pool_id(virStorageVolGetName(volumes->pdata[i]));
        if (id != NULL && (least == NULL || strcmp(id, least) < 0)) {
            least = id;
        }
    }
    return g_strdup(least);
}

static bool
make_pool_id(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    g_autofree char *id = g_uuid_string_random();
    g_autofree char *name = name_pool_id(id);

    return volume_create(slot, pool, &(VolumeSpec){.name = name, .format = "raw"}, NULL, error) &&
        pool_refresh(slot, pool, error);
}

char *
pool_get_id(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    g_autoptr(GPtrArray) volumes = list_volumes(slot, pool, error);

    if (volumes == NULL) {
        return NULL;
    }
    char *id = least_pool_id(volumes);
    if (id != NULL) {
        return id;
    }
    g_autoptr(GPtrArray) again =
        make_pool_id(slot, pool, error) ? list_volumes(slot, pool, error) : NULL;
    if (again == NULL) {
        return NULL;
    }
    id = least_pool_id(again);
    if (id == NULL) {
        error_set(error, ERROR_HYPERVISOR_REFUSED,
            "storage pool '%s' on host '%s' does not keep what is made in it", slot->host->pool,
            slot->host->name);
    }
    return id;
}

/* ---- what is in it ---- */

/* NULL: not a guest's, or gone meanwhile. */
static VolumeView *
view_volume(virStorageVolPtr volume, const char *uuid)
{
    virStorageVolInfo info;
    VolumeView view = {0};
    const char *name = virStorageVolGetName(volume);

    if (!name_parse_guest_volume(name, view.uuid, &view.is_root) ||
        (uuid != NULL && strcmp(uuid, view.uuid) != 0) ||
        virStorageVolGetInfo(volume, &info) < 0) {
        return NULL;
    }
    view.name = g_strdup(name);
    view.size_bytes = (int64_t)info.allocation;
    return g_memdup2(&view, sizeof view);
}

GPtrArray *
libvirt_list_guest_volumes(void *data, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, data, error)) {
        return NULL;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    g_autoptr(GPtrArray) volumes = pool != NULL && pool_refresh(&slot, pool, error)
        ? list_volumes(&slot, pool, error)
        : NULL;
    if (volumes == NULL) {
        return NULL;
    }
    GPtrArray *views = g_ptr_array_new_with_free_func((GDestroyNotify)volume_view_free);
    for (unsigned i = 0; i < volumes->len; i++) {
        VolumeView *view = view_volume(volumes->pdata[i], uuid);
        if (view != NULL) {
            g_ptr_array_add(views, view);
        }
    }
    return views;
}
