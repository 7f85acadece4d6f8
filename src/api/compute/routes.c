/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/areas.h"
#include "api/compute/compute.h"

/* clang-format off */
enum { DISCOVERY = ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN | ROUTE_ANY_VERSION };

static const ApiRoute root_routes[] = {
    {"GET", "", compute_list_versions, NULL, DISCOVERY},
    {"GET", "/v2.1", compute_show_version, NULL, DISCOVERY},
};

/* Method, path, handler, policy, flags, since, until. */
static const ApiRoute routes[] = {
    {"GET", "/servers", compute_list_servers, "os_compute_api:servers:index"},
    {"GET", "/servers/detail", compute_list_servers_detail, "os_compute_api:servers:detail"},
    {"POST", "/servers", compute_create_server, "os_compute_api:servers:create", ROUTE_BODY},
    {"GET", "/servers/{id}", compute_show_server, "os_compute_api:servers:show"},
    {"PUT", "/servers/{id}", compute_update_server, "os_compute_api:servers:update", ROUTE_BODY},
    {"DELETE", "/servers/{id}", compute_delete_server, "os_compute_api:servers:delete"},
    {"POST", "/servers/{id}/action", compute_server_action, NULL, ROUTE_BODY},
    {"GET", "/servers/{id}/ips", compute_list_addresses, "os_compute_api:ips:index"},
    {"GET", "/servers/{id}/os-volume_attachments", compute_list_volume_attachments, "os_compute_api:os-volumes-attachments:index"},
    {"POST", "/servers/{id}/os-volume_attachments", compute_attach_volume, "os_compute_api:os-volumes-attachments:create", ROUTE_BODY},
    {"GET", "/servers/{id}/os-volume_attachments/{volume}", compute_show_volume_attachment, "os_compute_api:os-volumes-attachments:show"},
    {"PUT", "/servers/{id}/os-volume_attachments/{volume}", compute_update_volume_attachment, "os_compute_api:os-volumes-attachments:update", ROUTE_BODY, 85},
    {"DELETE", "/servers/{id}/os-volume_attachments/{volume}", compute_detach_volume, "os_compute_api:os-volumes-attachments:delete"},
    {"GET", "/servers/{id}/metadata", compute_list_metadata, "os_compute_api:server-metadata:index"},
    {"POST", "/servers/{id}/metadata", compute_merge_metadata, "os_compute_api:server-metadata:create", ROUTE_BODY},
    {"PUT", "/servers/{id}/metadata", compute_replace_metadata, "os_compute_api:server-metadata:update_all", ROUTE_BODY},
    {"GET", "/servers/{id}/metadata/{key}", compute_show_metadata_item, "os_compute_api:server-metadata:show"},
    {"PUT", "/servers/{id}/metadata/{key}", compute_set_metadata_item, "os_compute_api:server-metadata:update", ROUTE_BODY},
    {"DELETE", "/servers/{id}/metadata/{key}", compute_delete_metadata_item, "os_compute_api:server-metadata:delete"},
    {"GET", "/servers/{id}/os-instance-actions", compute_list_instance_actions, "os_compute_api:os-instance-actions:list"},
    {"GET", "/servers/{id}/os-instance-actions/{request}", compute_show_instance_action, "os_compute_api:os-instance-actions:show"},
    {"GET", "/servers/{id}/migrations", compute_list_server_migrations, "os_compute_api:servers:migrations:index", 0, 23},
    {"GET", "/servers/{id}/migrations/{migration}", compute_show_server_migration, "os_compute_api:servers:migrations:show", 0, 23},
    {"DELETE", "/servers/{id}/migrations/{migration}", compute_abort_migration, "os_compute_api:servers:migrations:delete", 0, 24},
    {"POST", "/servers/{id}/migrations/{migration}/action", compute_force_complete_migration, "os_compute_api:servers:migrations:force_complete", ROUTE_BODY, 22},
    {"GET", "/servers/{id}/topology", compute_show_topology, "compute:server:topology:index", 0, 78},

    {"GET", "/os-migrations", compute_list_migrations, "os_compute_api:os-migrations:index"},

    {"GET", "/os-services", compute_list_services, "os_compute_api:os-services:list"},
    {"PUT", "/os-services/enable", compute_enable_service, "os_compute_api:os-services:update", ROUTE_BODY, 0, 52},
    {"PUT", "/os-services/disable", compute_disable_service, "os_compute_api:os-services:update", ROUTE_BODY, 0, 52},
    {"PUT", "/os-services/disable-log-reason", compute_disable_service_reason, "os_compute_api:os-services:update", ROUTE_BODY, 0, 52},
    {"PUT", "/os-services/force-down", compute_force_down_service, "os_compute_api:os-services:update", ROUTE_BODY, 11, 52},
    {"PUT", "/os-services/{id}", compute_update_service, "os_compute_api:os-services:update", ROUTE_BODY, 53},

    {"GET", "/os-hosts", compute_list_hosts, "os_compute_api:os-hosts:list", 0, 0, 42},
    {"GET", "/os-hosts/{host}", compute_show_host, "os_compute_api:os-hosts:show", 0, 0, 42},
    {"PUT", "/os-hosts/{host}", compute_update_host, "os_compute_api:os-hosts:update", ROUTE_BODY, 0, 42},

    {"GET", "/os-hypervisors", compute_list_hypervisors, "os_compute_api:os-hypervisors:list"},
    {"GET", "/os-hypervisors/detail", compute_list_hypervisors_detail, "os_compute_api:os-hypervisors:list-detail"},
    {"GET", "/os-hypervisors/statistics", compute_show_hypervisor_statistics, "os_compute_api:os-hypervisors:statistics", 0, 0, 87},
    {"GET", "/os-hypervisors/{id}", compute_show_hypervisor, "os_compute_api:os-hypervisors:show"},
    {"GET", "/os-hypervisors/{id}/uptime", compute_show_hypervisor_uptime, "os_compute_api:os-hypervisors:uptime", 0, 0, 87},
    {"GET", "/os-hypervisors/{id}/search", compute_search_hypervisors, "os_compute_api:os-hypervisors:search", 0, 0, 52},
    {"GET", "/os-hypervisors/{id}/servers", compute_list_hypervisor_servers, "os_compute_api:os-hypervisors:servers", 0, 0, 52},

    {"GET", "/flavors", compute_list_flavors},
    {"GET", "/flavors/detail", compute_list_flavors_detail},
    {"POST", "/flavors", compute_create_flavor, "os_compute_api:os-flavor-manage:create", ROUTE_BODY},
    {"GET", "/flavors/{id}", compute_show_flavor},
    {"PUT", "/flavors/{id}", compute_update_flavor, "os_compute_api:os-flavor-manage:update", ROUTE_BODY, 55},
    {"DELETE", "/flavors/{id}", compute_delete_flavor, "os_compute_api:os-flavor-manage:delete"},
    {"GET", "/flavors/{id}/os-extra_specs", compute_list_flavor_specs, "os_compute_api:os-flavor-extra-specs:index"},
    {"POST", "/flavors/{id}/os-extra_specs", compute_create_flavor_specs, "os_compute_api:os-flavor-extra-specs:create", ROUTE_BODY},
    {"GET", "/flavors/{id}/os-extra_specs/{key}", compute_show_flavor_spec, "os_compute_api:os-flavor-extra-specs:show"},
    {"PUT", "/flavors/{id}/os-extra_specs/{key}", compute_update_flavor_spec, "os_compute_api:os-flavor-extra-specs:update", ROUTE_BODY},
    {"DELETE", "/flavors/{id}/os-extra_specs/{key}", compute_delete_flavor_spec, "os_compute_api:os-flavor-extra-specs:delete"},

    {"GET", "/limits", compute_show_limits, "os_compute_api:limits"},
    {"GET", "/os-aggregates", compute_list_aggregates, "os_compute_api:os-aggregates:index"},
    {"POST", "/os-aggregates", compute_create_aggregate, "os_compute_api:os-aggregates:create", ROUTE_BODY},
    {"GET", "/os-aggregates/{id}", compute_show_aggregate, "os_compute_api:os-aggregates:show"},
    {"PUT", "/os-aggregates/{id}", compute_update_aggregate, "os_compute_api:os-aggregates:update", ROUTE_BODY},
    {"DELETE", "/os-aggregates/{id}", compute_delete_aggregate, "os_compute_api:os-aggregates:delete"},
    {"POST", "/os-aggregates/{id}/action", compute_aggregate_action, NULL, ROUTE_BODY},
    {"GET", "/os-server-groups", compute_list_server_groups, "os_compute_api:os-server-groups:index"},
    {"POST", "/os-server-groups", compute_create_server_group, "os_compute_api:os-server-groups:create", ROUTE_BODY},
    {"GET", "/os-server-groups/{id}", compute_show_server_group, "os_compute_api:os-server-groups:show"},
    {"DELETE", "/os-server-groups/{id}", compute_delete_server_group, "os_compute_api:os-server-groups:delete"},
    {"GET", "/os-availability-zone", compute_list_zones, "os_compute_api:os-availability-zone:list"},
    {"GET", "/os-availability-zone/detail", compute_list_zones_detail, "os_compute_api:os-availability-zone:detail"},
};
/* clang-format on */

void
compute_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_COMPUTE, "/compute", root_routes, G_N_ELEMENTS(root_routes));
    api_add_routes(api, SERVICE_COMPUTE, "/compute/v2.1", routes, G_N_ELEMENTS(routes));
    /* As Nova's catalog had it until 2.18; the dispatch compares it with the token's project. */
    api_add_routes(
        api, SERVICE_COMPUTE, "/compute/v2.1/{project_id}", routes, G_N_ELEMENTS(routes));
}
