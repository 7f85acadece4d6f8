/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/stream.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"

bool
libvirt_read_console(void *data, const char *uuid, size_t max_size, char **ret_text,
    size_t *ret_size, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *name = name_guest_volume(uuid, VOLUME_CONSOLE);
    virStorageVolPtr found;
    virStorageVolInfo info;

    if (!slot_take_transfer(&slot, data, error)) {
        return false;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, error);
    if (pool == NULL || !volume_find_fresh(&slot, pool, name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    if (volume == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "guest '%s' has no console log on host '%s'", uuid,
            slot.host->name);
    }
    /* This looks at the file anew. The physical size, because what the guest wrote may look like
     * the header of an image to libvirt. */
    if (virStorageVolGetInfoFlags(volume, &info, VIR_STORAGE_VOL_GET_PHYSICAL) < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' for the size of a console log", slot.host->name);
    }
    uint64_t size = MIN(info.allocation, max_size);
    if (size == 0) {
        *ret_text = g_strdup("");
        *ret_size = 0;
        return true;
    }
    return stream_download(&slot, volume, info.allocation - size, size, ret_text, ret_size, error);
}
