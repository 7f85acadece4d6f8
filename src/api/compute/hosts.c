/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /os-hosts, until 2.42: the hosts with what servers use of them, per project. What turns hosts off
 * and on is not a libvirt driver's. Source: Compute API reference, "Hosts". */
#include "api/compute/compute.h"

#include <string.h>

#define GIB ((int64_t)1 << 30)

/* A share of a host. */
typedef struct Share {
    int64_t vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
} Share;

static void
add_entry(json_t *rows, const char *host, const char *zone, const char *service)
{
    json_array_append_new(rows,
        json_pack("{s:s, s:s, s:s}", "host_name", host, "service", service, "zone", zone));
}

HttpResponse *
compute_list_hosts(ApiContext *context, GError **error)
{
    const char *zone = api_query(context, "zone");
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    bool with_control = zone == NULL || strcmp(zone, "internal") == 0;
    json_t *rows = json_array();
    for (int i = 0; i < N_CONTROL_SERVICES && with_control; i++) {
        add_entry(rows, g_get_host_name(), "internal",
            compute_control_binaries[i] + strlen("nova-"));
    }
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        if (zone == NULL || strcmp(zone, host->zone) == 0) {
            add_entry(rows, host->name, host->zone, "compute");
        }
    }
    return api_json(200, json_pack("{s:o}", "hosts", rows));
}

/* ---- one ---- */

static void
add_share(json_t *rows, const char *host, const char *project, const Share *share)
{
    json_array_append_new(rows,
        json_pack("{s:{s:s, s:s, s:I, s:I, s:I}}", "resource", "host", host, "project", project,
            "cpu", (json_int_t)share->vcpus, "memory_mb", (json_int_t)share->ram_mib, "disk_gb",
            (json_int_t)share->disk_gib));
}

static void
add_claim(const ClaimRow *claim, Share *share)
{
    share->vcpus += claim->vcpus;
    share->ram_mib += claim->ram_mib;
    share->disk_gib += claim->disk_gib;
}

static int
compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
    return strcmp(a, b);
}

/* What is claimed there, in sum and by project, in the order of the projects' ids. */
static void
add_projects(json_t *rows, const char *host, const GPtrArray *claims)
{
    Share all = {0};
    g_autoptr(GTree) projects = g_tree_new_full(compare_names, NULL, NULL, g_free);

    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        Share *share = g_tree_lookup(projects, claim->project_id);
        if (share == NULL) {
            share = g_new0(Share, 1);
            g_tree_insert(projects, claim->project_id, share);
        }
        add_claim(claim, share);
        add_claim(claim, &all);
    }
    add_share(rows, host, "(used_max)", &all);
    for (GTreeNode *node = g_tree_node_first(projects); node != NULL;
         node = g_tree_node_next(node)) {
        add_share(rows, host, g_tree_node_key(node), g_tree_node_value(node));
    }
}

static json_t *
view_host(ApiContext *context, const Host *host, GError **error)
{
    HostUsage usage;
    g_autoptr(GPtrArray) claims = NULL;

    if (!store_get_host_usage(context->store, host->name, &usage, error) ||
        (claims = store_list_claims(context->store, CLAIMS_OF_HOST, host->name, error)) == NULL) {
        return NULL;
    }
    const HostFacts *facts = &host->facts;
    Share total = {host_floating_cpus(facts) + host_dedicated_cpus(facts), facts->memory_mib,
        facts->pool_capacity_bytes / GIB};
    Share used = {usage.vcpus,
        usage.ram_mib + placement_reserved_memory_mib(&context->options->placement, host),
        usage.disk_gib};
    json_t *rows = json_array();
    add_share(rows, host->name, "(total)", &total);
    add_share(rows, host->name, "(used_now)", &used);
    add_projects(rows, host->name, claims);
    return rows;
}

static Host *
get_host(ApiContext *context, GError **error)
{
    const char *name = api_param(context, "host");
    Host *host = NULL;

    if (store_find_host(context->store, name, &host, error) && host == NULL) {
        error_set(error, ERROR_NOT_FOUND, "Compute host %s could not be found.", name);
    }
    return host;
}

HttpResponse *
compute_show_host(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = get_host(context, error);
    json_t *rows = host != NULL ? view_host(context, host, error) : NULL;
    return rows != NULL ? api_json(200, json_pack("{s:o}", "host", rows)) : NULL;
}

/* ---- what is refused ---- */

HttpResponse *
compute_update_host(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = get_host(context, error);
    if (host != NULL) {
        error_set(error, ERROR_UNSUPPORTED,
            "The requested functionality is not supported: hosts are enabled and disabled by "
            "'openstack compute service set', and not switched by the Compute API.");
    }
    return NULL;
}
