/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/areas.h"
#include "api/block_storage/block_storage.h"

enum { DISCOVERY = ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN | ROUTE_ANY_VERSION };

/* clang-format off */
static const ApiRoute routes[] = {
    {"GET", "", block_storage_list_versions, NULL, DISCOVERY},
    {"GET", "/v3", block_storage_show_versions, NULL, DISCOVERY},

    {"GET", "/v3/volumes", block_storage_list, "volume:get_all"},
    {"GET", "/v3/volumes/detail", block_storage_list_detail, "volume:get_all"},
    {"POST", "/v3/volumes", block_storage_create, "volume:create", ROUTE_BODY},
    {"GET", "/v3/volumes/{id}", block_storage_show, "volume:get"},
    {"PUT", "/v3/volumes/{id}", block_storage_update, "volume:update", ROUTE_BODY},
    {"DELETE", "/v3/volumes/{id}", block_storage_delete, "volume:delete"},
    {"POST", "/v3/volumes/{id}/action", block_storage_act, "volume:update", ROUTE_BODY},
    {"GET", "/v3/volumes/{id}/metadata", block_storage_list_metadata, "volume:get"},
    {"POST", "/v3/volumes/{id}/metadata", block_storage_merge_metadata, "volume:update", ROUTE_BODY},
    {"PUT", "/v3/volumes/{id}/metadata", block_storage_replace_metadata, "volume:update", ROUTE_BODY},
    {"DELETE", "/v3/volumes/{id}/metadata/{key}", block_storage_delete_metadata_item, "volume:update"},
    {"POST", "/v3/os-volume-manage", block_storage_manage, "volume_extension:volume_manage", ROUTE_BODY},

    {"GET", "/v3/types", block_storage_list_types, "volume:get_all"},
    {"GET", "/v3/types/{id}", block_storage_show_type, "volume:get_all"},
    {"GET", "/v3/limits", block_storage_show_limits, "volume:get_all"},
    {"GET", "/v3/os-availability-zone", block_storage_list_zones, "volume:get_all"},
    {"GET", "/v3/os-services", block_storage_list_services, "volume:get_all"},
    {"GET", "/v3/snapshots", block_storage_list_snapshots, "volume:get_all"},
    {"GET", "/v3/snapshots/detail", block_storage_list_snapshots, "volume:get_all"},
};
/* clang-format on */

void
block_storage_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_VOLUME, "/volume", routes, G_N_ELEMENTS(routes));
}
