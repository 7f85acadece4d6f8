/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/drover.h"

#include "model/pci.h"

#include <string.h>

typedef struct Holder {
    const ClaimRow *claim; /* NULL: nobody */
    char alias[PCI_ALIAS_SIZE];
} Holder;

static Holder
find_holder(GPtrArray *claims, const char *address)
{
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        g_autoptr(GArray) given = pci_given_parse(claim->devices);
        const PciGiven *one = pci_given_find(given, address);
        if (one != NULL) {
            Holder holder = {.claim = claim};
            g_strlcpy(holder.alias, one->alias, sizeof holder.alias);
            return holder;
        }
    }
    return (Holder){.claim = NULL};
}

static json_t *
number_or_null(int number)
{
    return number >= 0 ? json_integer(number) : json_null();
}

static json_t *
view_device(const PciDevice *device, GPtrArray *claims)
{
    Holder holder = find_holder(claims, device->address);
    const ClaimRow *claim = holder.claim;

    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "address",
        device->address, "vendor_id", device->vendor_id, "product_id", device->product_id,
        "device_type", pci_type_name(device->type), "parent_address",
        api_string_or_null(device->pf[0] != '\0' ? device->pf : NULL), "numa_node",
        number_or_null(device->numa_node), "iommu_group", number_or_null(device->iommu_group),
        "instance_id", api_string_or_null(claim != NULL ? claim->instance_id : NULL),
        "instance_name", api_string_or_null(claim != NULL ? claim->instance_name : NULL), "alias",
        api_string_or_null(claim != NULL ? holder.alias : NULL));
}

json_t *
drover_view_devices(ApiContext *context, const Host *host, GError **error)
{
    g_autoptr(GPtrArray) claims =
        store_list_claims(context->store, CLAIMS_OF_HOST, host->name, error);
    g_autoptr(GArray) devices =
        pci_devices_parse(host->has_facts ? host->facts.pci_devices : NULL);

    if (claims == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < devices->len; i++) {
        json_array_append_new(
            views, view_device(&g_array_index(devices, PciDevice, i), claims));
    }
    return views;
}
