/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/areas.h"
#include "api/placement/placement.h"

enum { DISCOVERY = ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN | ROUTE_ANY_VERSION };
#define LIST "placement:resource_providers:list"
#define SHOW "placement:resource_providers:show"
#define ALLOCATIONS "placement:allocations:list"

/* clang-format off */
static const ApiRoute routes[] = {
    {"GET", "", placement_show_versions, NULL, DISCOVERY},
    {"GET", "/resource_classes", placement_list_resource_classes, NULL, .since = 2},
    {"GET", "/resource_classes/{name}", placement_show_resource_class, NULL, .since = 2},
    {"GET", "/traits", placement_list_traits, NULL, .since = 6},

    {"GET", "/resource_providers", placement_list_providers, LIST},
    {"GET", "/resource_providers/{uuid}", placement_show_provider, SHOW},
    {"GET", "/resource_providers/{uuid}/inventories", placement_list_inventories, SHOW},
    {"GET", "/resource_providers/{uuid}/inventories/{class}", placement_show_inventory, SHOW},
    {"GET", "/resource_providers/{uuid}/usages", placement_show_usages, SHOW},
    {"GET", "/resource_providers/{uuid}/aggregates", placement_list_aggregates, SHOW, .since = 1},
    {"GET", "/resource_providers/{uuid}/traits", placement_list_provider_traits, SHOW, .since = 6},
    {"GET", "/resource_providers/{uuid}/allocations", placement_list_provider_allocations, SHOW},

    {"GET", "/allocations/{consumer}", placement_show_allocations, ALLOCATIONS},
    {"GET", "/usages", placement_show_project_usages, ALLOCATIONS, .since = 9},
};
/* clang-format on */

void
placement_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_PLACEMENT, "/placement", routes, G_N_ELEMENTS(routes));
}
