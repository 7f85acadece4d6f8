/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/areas.h"
#include "api/network/network.h"

enum { DISCOVERY = ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN };

/* clang-format off */
static const ApiRoute routes[] = {
    {"GET", "", network_list_versions, NULL, DISCOVERY},
    {"GET", "/v2.0", network_list_resources},
    {"GET", "/v2.0/extensions", network_list_extensions},
    {"GET", "/v2.0/extensions/{alias}", network_show_extension},
    {"GET", "/v2.0/availability_zones", network_list_zones},
    {"GET", "/v2.0/quotas/{project}", network_show_quota},
    {"GET", "/v2.0/quotas/{project}/default", network_show_quota},

    {"GET", "/v2.0/networks", network_list, "network:get_network"},
    {"POST", "/v2.0/networks", network_create, "network:create_network", ROUTE_BODY},
    {"GET", "/v2.0/networks/{id}", network_show, "network:get_network"},
    {"PUT", "/v2.0/networks/{id}", network_update, "network:update_network", ROUTE_BODY},
    {"DELETE", "/v2.0/networks/{id}", network_delete, "network:delete_network"},

    {"GET", "/v2.0/subnets", network_list_subnets, "network:get_subnet"},
    {"POST", "/v2.0/subnets", network_create_subnet, "network:create_subnet", ROUTE_BODY},
    {"GET", "/v2.0/subnets/{id}", network_show_subnet, "network:get_subnet"},
    {"PUT", "/v2.0/subnets/{id}", network_update_subnet, "network:update_subnet", ROUTE_BODY},
    {"DELETE", "/v2.0/subnets/{id}", network_delete_subnet, "network:delete_subnet"},

    {"GET", "/v2.0/ports", network_list_ports, "network:get_port"},
    {"GET", "/v2.0/ports/{id}", network_show_port, "network:get_port"},

    {"GET", "/v2.0/security-groups", network_list_nothing},
    {"GET", "/v2.0/security-group-rules", network_list_nothing},
    {"GET", "/v2.0/routers", network_list_nothing},
    {"GET", "/v2.0/floatingips", network_list_nothing},
    {"GET", "/v2.0/agents", network_list_nothing},
    {"GET", "/v2.0/subnetpools", network_list_nothing},
};
/* clang-format on */

void
network_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_NETWORK, "/network", routes, G_N_ELEMENTS(routes));
}
