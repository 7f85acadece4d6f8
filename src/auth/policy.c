/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "auth/policy.h"

typedef enum { ANYBODY, READER, MEMBER, MANAGER, ADMIN } LeastRole;

static const char *const role_names[] = {
    [READER] = "reader", [MEMBER] = "member", [MANAGER] = "manager", [ADMIN] = "admin"};

typedef struct PolicyRule {
    const char *name;
    LeastRole role;
} PolicyRule;

/* The defaults of each OpenStack service, with its names for them. Moving a server without naming
 * the host is a project manager's right since Nova 31; naming one is an administrator's. */
/* clang-format off */
static const PolicyRule rules[] = {
    {"compute:server:topology:host:index", ADMIN},
    {"compute:server:topology:index", READER},
    {"os_compute_api:extensions", ANYBODY},
    {"os_compute_api:ips:index", READER},
    {"os_compute_api:ips:show", READER},
    {"os_compute_api:limits", READER},
    {"os_compute_api:os-admin-actions:reset_state", ADMIN},
    {"os_compute_api:os-aggregates:add_host", ADMIN},
    {"os_compute_api:os-aggregates:create", ADMIN},
    {"os_compute_api:os-aggregates:delete", ADMIN},
    {"os_compute_api:os-aggregates:index", ADMIN},
    {"os_compute_api:os-aggregates:remove_host", ADMIN},
    {"os_compute_api:os-aggregates:set_metadata", ADMIN},
    {"os_compute_api:os-aggregates:show", ADMIN},
    {"os_compute_api:os-aggregates:update", ADMIN},
    {"os_compute_api:os-attach-interfaces:list", READER},
    {"os_compute_api:os-availability-zone:detail", ADMIN},
    {"os_compute_api:os-availability-zone:list", ANYBODY},
    {"os_compute_api:os-console-output", MEMBER},
    {"os_compute_api:os-evacuate", ADMIN},
    {"os_compute_api:os-extended-server-attributes", ADMIN},
    {"os_compute_api:os-flavor-access", ADMIN},
    {"os_compute_api:os-flavor-extra-specs:create", ADMIN},
    {"os_compute_api:os-flavor-extra-specs:delete", ADMIN},
    {"os_compute_api:os-flavor-extra-specs:index", READER},
    {"os_compute_api:os-flavor-extra-specs:show", READER},
    {"os_compute_api:os-flavor-extra-specs:update", ADMIN},
    {"os_compute_api:os-flavor-manage:create", ADMIN},
    {"os_compute_api:os-flavor-manage:delete", ADMIN},
    {"os_compute_api:os-flavor-manage:update", ADMIN},
    {"os_compute_api:os-hosts:list", ADMIN},
    {"os_compute_api:os-hosts:show", ADMIN},
    {"os_compute_api:os-hosts:update", ADMIN},
    {"os_compute_api:os-hypervisors:list", ADMIN},
    {"os_compute_api:os-hypervisors:list-detail", ADMIN},
    {"os_compute_api:os-hypervisors:search", ADMIN},
    {"os_compute_api:os-hypervisors:servers", ADMIN},
    {"os_compute_api:os-hypervisors:show", ADMIN},
    {"os_compute_api:os-hypervisors:statistics", ADMIN},
    {"os_compute_api:os-hypervisors:uptime", ADMIN},
    {"os_compute_api:os-instance-actions:events", ADMIN},
    {"os_compute_api:os-instance-actions:events:details", ADMIN},
    {"os_compute_api:os-instance-actions:list", READER},
    {"os_compute_api:os-instance-actions:show", READER},
    {"os_compute_api:os-keypairs:create", MEMBER},
    {"os_compute_api:os-keypairs:delete", MEMBER},
    {"os_compute_api:os-keypairs:index", READER},
    {"os_compute_api:os-keypairs:show", READER},
    {"os_compute_api:os-lock-server:lock", MEMBER},
    {"os_compute_api:os-lock-server:unlock", MEMBER},
    {"os_compute_api:os-lock-server:unlock:unlock_override", ADMIN},
    {"os_compute_api:os-migrate-server:migrate", MANAGER},
    {"os_compute_api:os-migrate-server:migrate:host", ADMIN},
    {"os_compute_api:os-migrate-server:migrate_live", MANAGER},
    {"os_compute_api:os-migrate-server:migrate_live:host", ADMIN},
    {"os_compute_api:os-migrations:index", ADMIN},
    {"os_compute_api:os-pause-server:pause", MEMBER},
    {"os_compute_api:os-pause-server:unpause", MEMBER},
    {"os_compute_api:os-quota-sets:show", READER},
    {"os_compute_api:os-quota-sets:defaults", ANYBODY},
    {"os_compute_api:os-quota-sets:detail", READER},
    {"os_compute_api:os-security-groups:list", READER},
    {"os_compute_api:os-server-diagnostics", ADMIN},
    {"os_compute_api:os-server-groups:create", MEMBER},
    {"os_compute_api:os-server-groups:delete", MEMBER},
    {"os_compute_api:os-server-groups:index", READER},
    {"os_compute_api:os-server-groups:index:all_projects", ADMIN},
    {"os_compute_api:os-server-groups:show", READER},
    {"os_compute_api:os-server-tags:index", READER},
    {"os_compute_api:os-server-tags:update_all", MEMBER},
    {"os_compute_api:os-services:delete", ADMIN},
    {"os_compute_api:os-services:list", ADMIN},
    {"os_compute_api:os-services:update", ADMIN},
    {"os_compute_api:os-simple-tenant-usage:list", ADMIN},
    {"os_compute_api:os-simple-tenant-usage:show", READER},
    {"os_compute_api:os-suspend-server:resume", MEMBER},
    {"os_compute_api:os-suspend-server:suspend", MEMBER},
    {"os_compute_api:os-volumes-attachments:create", MEMBER},
    {"os_compute_api:os-volumes-attachments:delete", MEMBER},
    {"os_compute_api:os-volumes-attachments:index", READER},
    {"os_compute_api:os-volumes-attachments:show", READER},
    {"os_compute_api:os-volumes-attachments:update", MEMBER},
    {"os_compute_api:server-metadata:create", MEMBER},
    {"os_compute_api:server-metadata:delete", MEMBER},
    {"os_compute_api:server-metadata:index", READER},
    {"os_compute_api:server-metadata:show", READER},
    {"os_compute_api:server-metadata:update", MEMBER},
    {"os_compute_api:server-metadata:update_all", MEMBER},
    {"os_compute_api:servers:confirm_resize", MEMBER},
    {"os_compute_api:servers:create", MEMBER},
    {"os_compute_api:servers:create:forced_host", ADMIN},
    {"os_compute_api:servers:delete", MEMBER},
    {"os_compute_api:servers:detail", READER},
    {"os_compute_api:servers:detail:get_all_tenants", ADMIN},
    {"os_compute_api:servers:index", READER},
    {"os_compute_api:servers:index:get_all_tenants", ADMIN},
    {"os_compute_api:servers:migrations:delete", ADMIN},
    {"os_compute_api:servers:migrations:force_complete", ADMIN},
    {"os_compute_api:servers:migrations:index", MANAGER},
    {"os_compute_api:servers:migrations:index:host", ADMIN},
    {"os_compute_api:servers:migrations:show", ADMIN},
    {"os_compute_api:servers:reboot", MEMBER},
    {"os_compute_api:servers:resize", MEMBER},
    {"os_compute_api:servers:revert_resize", MEMBER},
    {"os_compute_api:servers:show", READER},
    {"os_compute_api:servers:show:host_status", ADMIN},
    {"os_compute_api:servers:start", MEMBER},
    {"os_compute_api:servers:stop", MEMBER},
    {"os_compute_api:servers:update", MEMBER},

    {"identity:create_grant", ADMIN},
    {"identity:create_project", ADMIN},
    {"identity:create_user", ADMIN},
    {"identity:delete_project", ADMIN},
    {"identity:delete_user", ADMIN},
    {"identity:get_project", ADMIN},
    {"identity:get_user", ADMIN},
    {"identity:list_domains", ADMIN},
    {"identity:list_endpoints", ADMIN},
    {"identity:list_grants", ADMIN},
    {"identity:list_projects", ADMIN},
    {"identity:list_role_assignments", ADMIN},
    {"identity:list_roles", ADMIN},
    {"identity:list_services", ADMIN},
    {"identity:list_user_projects", ADMIN},
    {"identity:list_users", ADMIN},
    {"identity:revoke_grant", ADMIN},
    {"identity:revoke_token", ADMIN},
    {"identity:update_project", ADMIN},
    {"identity:update_user", ADMIN},
    {"identity:validate_token", ADMIN},

    {"image:add_image", MEMBER},
    {"image:communitize_image", MEMBER},
    {"image:delete_image", MEMBER},
    {"image:download_image", READER},
    {"image:get_image", READER},
    {"image:get_images", READER},
    {"image:modify_image", MEMBER},
    {"image:publicize_image", ADMIN},
    {"image:upload_image", MEMBER},

    {"network:create_network", ADMIN},
    {"network:create_subnet", ADMIN},
    {"network:delete_network", ADMIN},
    {"network:delete_subnet", ADMIN},
    {"network:get_network", READER},
    {"network:get_port", READER},
    {"network:get_subnet", READER},
    {"network:update_network", ADMIN},
    {"network:update_subnet", ADMIN},

    {"placement:allocations:list", ADMIN},
    {"placement:resource_providers:list", ADMIN},
    {"placement:resource_providers:show", ADMIN},

    {"drover:config:reload", ADMIN},
    {"drover:config:show", ADMIN},
    {"volume:create", MEMBER},
    {"volume:delete", MEMBER},
    {"volume:get", READER},
    {"volume:get_all", READER},
    {"volume:update", MEMBER},
    {"volume_extension:volume_manage", ADMIN},

    {"drover:hosts:baseline", ADMIN},
    {"drover:hosts:create", ADMIN},
    {"drover:hosts:delete", ADMIN},
    {"drover:hosts:drain", ADMIN},
    {"drover:hosts:lint", ADMIN},
    {"drover:hosts:list", ADMIN},
    {"drover:hosts:power", ADMIN},
    {"drover:hosts:show", ADMIN},
    {"drover:hosts:update", ADMIN},
    {"drover:instances:explain", ADMIN},
    {"drover:instances:list", READER},
    {"drover:leftovers:delete", ADMIN},
    {"drover:leftovers:list", ADMIN},
    {"drover:metrics", ADMIN},
    {"drover:migrations:list", ADMIN},
    {"drover:migrations:show", ADMIN},
};
/* clang-format on */

/* Built at the first question; read-only after. */
static GHashTable *
rules_by_name(void)
{
    static gsize table;
    if (g_once_init_enter(&table)) {
        GHashTable *made = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
            g_hash_table_insert(made, (gpointer)rules[i].name, (gpointer)&rules[i]);
        }
        g_once_init_leave(&table, (gsize)made);
    }
    return (GHashTable *)table;
}

bool
policy_has_rule(const char *rule)
{
    return g_hash_table_contains(rules_by_name(), rule);
}

bool
policy_check(const Identity *identity, const char *rule, GError **error)
{
    const PolicyRule *found = g_hash_table_lookup(rules_by_name(), rule);
    g_assert(found != NULL);
    if (found->role == ANYBODY || identity_has_role(identity, role_names[found->role])) {
        return true;
    }
    return error_set(error, ERROR_FORBIDDEN, "Policy doesn't allow %s to be performed.", rule);
}
