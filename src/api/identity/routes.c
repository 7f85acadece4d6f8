/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/areas.h"
#include "api/identity/identity.h"

enum { DISCOVERY = ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN };

/* Rows without a policy are open to everybody who has a token; where that is about one's own
 * things only, the handler checks. */
/* clang-format off */
static const ApiRoute routes[] = {
    {"GET", "", identity_list_versions, NULL, DISCOVERY},
    {"GET", "/v3", identity_show_version, NULL, DISCOVERY},

    {"POST", "/v3/auth/tokens", identity_create_token, NULL, DISCOVERY | ROUTE_BODY},
    {"GET", "/v3/auth/tokens", identity_show_token},
    {"DELETE", "/v3/auth/tokens", identity_revoke_token},
    {"GET", "/v3/auth/catalog", identity_show_catalog},
    {"GET", "/v3/auth/projects", identity_list_my_projects},
    {"GET", "/v3/auth/domains", identity_list_my_domains},

    {"GET", "/v3/services", identity_list_services, "identity:list_services"},
    {"GET", "/v3/services/{id}", identity_show_service, "identity:list_services"},
    {"GET", "/v3/endpoints", identity_list_endpoints, "identity:list_endpoints"},
    {"GET", "/v3/endpoints/{id}", identity_show_endpoint, "identity:list_endpoints"},
    {"GET", "/v3/regions", identity_list_regions},
    {"GET", "/v3/regions/{id}", identity_show_region},

    {"GET", "/v3/domains", identity_list_domains, "identity:list_domains"},
    {"GET", "/v3/domains/{id}", identity_show_domain},

    {"GET", "/v3/projects", identity_list_projects, "identity:list_projects"},
    {"POST", "/v3/projects", identity_create_project, "identity:create_project", ROUTE_BODY},
    {"GET", "/v3/projects/{id}", identity_show_project},
    {"PATCH", "/v3/projects/{id}", identity_update_project, "identity:update_project", ROUTE_BODY},
    {"DELETE", "/v3/projects/{id}", identity_delete_project, "identity:delete_project"},

    {"GET", "/v3/users", identity_list_users, "identity:list_users"},
    {"POST", "/v3/users", identity_create_user, "identity:create_user", ROUTE_BODY},
    {"GET", "/v3/users/{id}", identity_show_user},
    {"PATCH", "/v3/users/{id}", identity_update_user, "identity:update_user", ROUTE_BODY},
    {"DELETE", "/v3/users/{id}", identity_delete_user, "identity:delete_user"},
    {"POST", "/v3/users/{id}/password", identity_change_password, NULL, ROUTE_BODY},
    {"GET", "/v3/users/{id}/projects", identity_list_user_projects},

    {"GET", "/v3/roles", identity_list_roles, "identity:list_roles"},
    {"GET", "/v3/roles/{id}", identity_show_role, "identity:list_roles"},
    {"GET", "/v3/role_assignments", identity_list_role_assignments, "identity:list_role_assignments"},
    {"GET", "/v3/projects/{project}/users/{user}/roles", identity_list_grants, "identity:list_grants"},
    {"GET", "/v3/projects/{project}/users/{user}/roles/{role}", identity_check_grant, "identity:list_grants"},
    {"PUT", "/v3/projects/{project}/users/{user}/roles/{role}", identity_create_grant, "identity:create_grant"},
    {"DELETE", "/v3/projects/{project}/users/{user}/roles/{role}", identity_revoke_grant, "identity:revoke_grant"},
};
/* clang-format on */

void
identity_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_IDENTITY, "/identity", routes, G_N_ELEMENTS(routes));
}
