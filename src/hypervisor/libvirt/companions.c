/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/companions.h"

#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/tpm.h"
#include "hypervisor/libvirt/volumes.h"

bool
companions_read(LibvirtHost *host, const char *uuid, Companions *ret_companions, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    g_autofree char *xml = domain != NULL ? domain_get_xml(&slot, domain, 0, error) : NULL;
    if (xml == NULL) {
        return false;
    }
    g_autofree char *tpm = domain_xml_get_tpm(xml);
    *ret_companions = (Companions){tpm != NULL, domain_xml_has_nvram(xml)};
    return true;
}

bool
companions_prepare(
    const Companions *companions, LibvirtHost *dest, const char *uuid, GError **error)
{
    return !companions->has_tpm || tpm_put_secret(dest, uuid, error);
}

static void
refresh(LibvirtHost *host)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, NULL)) {
        return;
    }
    g_autoptr(virStoragePool) pool = pool_get(&slot, NULL);
    if (pool != NULL) {
        pool_refresh(&slot, pool, NULL);
    }
}

void
companions_settle(
    const Companions *companions, LibvirtHost *source, LibvirtHost *dest, const char *uuid)
{
    if (companions->has_tpm) {
        tpm_drop_secret(dest, uuid);
    }
    if (companions->has_nvram) {
        refresh(source);
        refresh(dest);
    }
}
