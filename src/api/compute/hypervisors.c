/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /os-hypervisors: the hosts with what they have and what claims take of it. From 2.88 capacity is
 * Placement's. Source: Compute API reference, "Hypervisors". */
#include "api/compute/compute.h"

#include <string.h>

#define GIB ((int64_t)1 << 30)

/* The hosts, what is taken on each, and (when shown) the instances by host. */
typedef struct Fleet {
    GPtrArray *hosts;    /* Host * */
    GHashTable *usage;   /* name -> HostUsage * */
    GHashTable *servers; /* name -> json_t array; NULL: not shown */
} Fleet;

static void
fleet_clear(Fleet *fleet)
{
    g_clear_pointer(&fleet->hosts, g_ptr_array_unref);
    g_clear_pointer(&fleet->usage, g_hash_table_unref);
    g_clear_pointer(&fleet->servers, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fleet, fleet_clear)

static bool
read_servers(ApiContext *context, Fleet *fleet, GError **error)
{
    InstanceFilter filter = {.power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) instances = store_list_instances(context->store, &filter, error);
    if (instances == NULL) {
        return false;
    }
    fleet->servers =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        if (instance->host == NULL) {
            continue;
        }
        json_t *rows = g_hash_table_lookup(fleet->servers, instance->host);
        if (rows == NULL) {
            rows = json_array();
            g_hash_table_insert(fleet->servers, g_strdup(instance->host), rows);
        }
        json_array_append_new(
            rows, json_pack("{s:s, s:s}", "uuid", instance->id, "name", instance->name));
    }
    return true;
}

static bool
read_fleet(ApiContext *context, bool with_servers, Fleet *fleet, GError **error)
{
    fleet->hosts = store_list_hosts(context->store, error);
    fleet->usage = fleet->hosts != NULL ? store_list_host_usage(context->store, error) : NULL;
    return fleet->usage != NULL && (!with_servers || read_servers(context, fleet, error));
}

/* ---- views ---- */

static json_t *
view_summary(const ApiContext *context, const Host *host)
{
    bool is_up = host_is_up(host, api_now_us(context), context->options->service_down_time_us);
    return json_pack("{s:o, s:s, s:s, s:s}", "id",
        context->minor >= 53 ? json_string(host->hypervisor_id) : json_integer(host->number),
        "hypervisor_hostname", host->name, "state", is_up ? "up" : "down", "status",
        host->enabled ? "enabled" : "disabled");
}

/* Where it is reached: the host part of its URI. */
static json_t *
host_address(const Host *host)
{
    g_autoptr(GUri) uri = g_uri_parse(host->uri, G_URI_FLAGS_NONE, NULL);
    return api_string_or_null(uri != NULL ? g_uri_get_host(uri) : NULL);
}

static void
add_capacity(const ApiContext *context, const Host *host, const HostUsage *usage, json_t *view)
{
    const HostFacts *facts = &host->facts;
    int64_t memory_used =
        usage->ram_mib + placement_reserved_memory_mib(&context->options->placement, host);
    int64_t disk_gib = facts->pool_capacity_bytes / GIB;
    int vcpus = host_floating_cpus(facts) + host_dedicated_cpus(facts);
    json_auto_t *capacity = json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:I}",
        "vcpus", vcpus, "vcpus_used", usage->vcpus, "memory_mb",
        (json_int_t)facts->memory_mib, "memory_mb_used", (json_int_t)memory_used, "free_ram_mb",
        (json_int_t)(facts->memory_mib - memory_used), "local_gb", (json_int_t)disk_gib,
        "local_gb_used", (json_int_t)usage->disk_gib, "free_disk_gb",
        (json_int_t)(disk_gib - usage->disk_gib), "current_workload", usage->open_operations,
        "running_vms", usage->instances, "disk_available_least",
        (json_int_t)(facts->pool_available_bytes / GIB));
    json_object_update(view, capacity);
    /* 2.28: an object; before, its text. */
    json_object_set_new(view, "cpu_info",
        context->minor >= 28 ? compute_parse_stored(facts->cpu_json)
                             : json_string(facts->cpu_json != NULL ? facts->cpu_json : "{}"));
}

static void
add_servers(const ApiContext *context, const Fleet *fleet, const Host *host, json_t *view)
{
    json_t *servers =
        fleet->servers != NULL ? g_hash_table_lookup(fleet->servers, host->name) : NULL;
    if (servers != NULL) {
        json_object_set(view, "servers", servers);
    } else if (context->minor >= 75 && fleet->servers != NULL) {
        json_object_set_new(view, "servers", json_array());
    }
}

static json_t *
view_detail(const ApiContext *context, const Fleet *fleet, const Host *host)
{
    static const HostUsage nothing = {0};
    const HostUsage *usage = g_hash_table_lookup(fleet->usage, host->name);
    json_t *view = view_summary(context, host);
    json_object_set_new(view, "hypervisor_type",
        json_string(host->has_facts ? host->facts.hypervisor_type : "QEMU"));
    json_object_set_new(view, "hypervisor_version", json_integer(host->facts.hypervisor_version));
    json_object_set_new(view, "host_ip", host_address(host));
    json_object_set_new(view, "service",
        json_pack("{s:s, s:o, s:o}", "host", host->name, "id",
            compute_host_service_id(context, host),
            "disabled_reason", api_string_or_null(host->disabled_reason)));
    if (context->minor >= 88) {
        /* A text in any case: client 6.0 fails over null, and libvirt does not tell it. */
        json_object_set_new(view, "uptime", json_string("unknown"));
    } else {
        add_capacity(context, host, usage != NULL ? usage : &nothing, view);
    }
    return view;
}

/* ---- lists ---- */

static const QueryField list_query[] = {
    {"limit", QUERY_INTEGER, 33},
    {"marker", QUERY_STRING, 33},
    {"hypervisor_hostname_pattern", QUERY_STRING, 53},
    {"with_servers", QUERY_BOOLEAN, 53},
    {NULL},
};

static char *
hypervisor_marker(const ApiContext *context, const Host *host)
{
    return context->minor >= 53 ? g_strdup(host->hypervisor_id)
                                : g_strdup_printf("%" G_GINT64_FORMAT, host->number);
}

static HttpResponse *
list(ApiContext *context, bool detailed, GError **error)
{
    Paging paging = {.limit = context->options->max_limit};
    if (!validate_query(context->request, list_query, context->minor, 75, error) ||
        (context->minor >= 33 && !api_paging(context, &paging, error))) {
        return NULL;
    }
    const char *pattern =
        context->minor >= 53 ? api_query(context, "hypervisor_hostname_pattern") : NULL;
    bool with_servers = context->minor >= 53 && query_bool(context->request, "with_servers", false);
    g_auto(Fleet) fleet = {0};
    if (!read_fleet(context, with_servers, &fleet, error)) {
        return NULL;
    }
    json_auto_t *rows = json_array();
    g_autofree char *last = NULL;
    bool after_marker = paging.marker == NULL, has_more = false;
    for (unsigned i = 0; i < fleet.hosts->len && !has_more; i++) {
        const Host *host = fleet.hosts->pdata[i];
        g_autofree char *marker = hypervisor_marker(context, host);
        if (!after_marker) {
            after_marker = strcmp(marker, paging.marker) == 0;
        } else if (pattern == NULL || strstr(host->name, pattern) != NULL) {
            has_more = (int)json_array_size(rows) == paging.limit;
            if (!has_more) {
                json_t *view =
                    detailed ? view_detail(context, &fleet, host) : view_summary(context, host);
                add_servers(context, &fleet, host, view);
                json_array_append_new(rows, view);
                g_free(last);
                last = g_steal_pointer(&marker);
            }
        }
    }
    if (!after_marker) {
        error_set(error, ERROR_INVALID, "marker [%s] not found", paging.marker);
        return NULL;
    }
    if (pattern != NULL && json_array_size(rows) == 0) {
        error_set(error, ERROR_NOT_FOUND, "No hypervisor matching '%s' could be found.", pattern);
        return NULL;
    }
    return compute_reply_list(
        context, "hypervisors", g_steal_pointer(&rows), has_more ? last : NULL);
}

HttpResponse *
compute_list_hypervisors(ApiContext *context, GError **error)
{
    return list(context, false, error);
}

HttpResponse *
compute_list_hypervisors_detail(ApiContext *context, GError **error)
{
    return list(context, true, error);
}

/* ---- one ---- */

/* By number below 2.53, by UUID from it on: a name is a 400 there, which clients rely on. */
static const Host *
find_host(ApiContext *context, const Fleet *fleet, GError **error)
{
    const char *id = api_param(context, "id");
    if (context->minor >= 53 && !is_uuid(id)) {
        error_set(error, ERROR_INVALID, "Invalid uuid %s", id);
        return NULL;
    }
    for (unsigned i = 0; i < fleet->hosts->len; i++) {
        const Host *host = fleet->hosts->pdata[i];
        g_autofree char *marker = hypervisor_marker(context, host);
        if (strcmp(marker, id) == 0) {
            return host;
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Hypervisor with ID '%s' could not be found.", id);
    return NULL;
}

HttpResponse *
compute_show_hypervisor(ApiContext *context, GError **error)
{
    bool with_servers = context->minor >= 53 && query_bool(context->request, "with_servers", false);
    g_auto(Fleet) fleet = {0};
    const Host *host =
        read_fleet(context, with_servers, &fleet, error) ? find_host(context, &fleet, error) : NULL;
    if (host == NULL) {
        return NULL;
    }
    json_t *view = view_detail(context, &fleet, host);
    add_servers(context, &fleet, host, view);
    return api_json(200, json_pack("{s:o}", "hypervisor", view));
}

HttpResponse *
compute_show_hypervisor_uptime(ApiContext *context, GError **error)
{
    g_auto(Fleet) fleet = {0};
    if (read_fleet(context, false, &fleet, error) && find_host(context, &fleet, error) != NULL) {
        error_set(error, ERROR_UNSUPPORTED, "Virt driver does not implement uptime function.");
    }
    return NULL;
}

/* Of the hosts that are enabled, as the reference has it. */
HttpResponse *
compute_show_hypervisor_statistics(ApiContext *context, GError **error)
{
    g_auto(Fleet) fleet = {0};
    if (!read_fleet(context, false, &fleet, error)) {
        return NULL;
    }
    static const char *const summed[] = {"vcpus", "vcpus_used", "memory_mb", "memory_mb_used",
        "free_ram_mb", "local_gb", "local_gb_used", "free_disk_gb", "current_workload",
        "running_vms", "disk_available_least"};
    json_int_t sums[G_N_ELEMENTS(summed)] = {0};
    int count = 0;
    for (unsigned i = 0; i < fleet.hosts->len; i++) {
        const Host *host = fleet.hosts->pdata[i];
        if (!host->enabled) {
            continue;
        }
        count++;
        json_auto_t *view = view_detail(context, &fleet, host);
        for (size_t j = 0; j < G_N_ELEMENTS(summed); j++) {
            sums[j] += json_integer_value(json_object_get(view, summed[j]));
        }
    }
    json_t *statistics = json_pack("{s:i}", "count", count);
    for (size_t j = 0; j < G_N_ELEMENTS(summed); j++) {
        json_object_set_new(statistics, summed[j], json_integer(sums[j]));
    }
    return api_json(200, json_pack("{s:o}", "hypervisor_statistics", statistics));
}

/* ---- until 2.52: the host's name is in the path ---- */

static HttpResponse *
search(ApiContext *context, bool with_servers, GError **error)
{
    const char *pattern = api_param(context, "id");
    g_auto(Fleet) fleet = {0};
    if (!read_fleet(context, with_servers, &fleet, error)) {
        return NULL;
    }
    json_auto_t *rows = json_array();
    for (unsigned i = 0; i < fleet.hosts->len; i++) {
        const Host *host = fleet.hosts->pdata[i];
        if (strstr(host->name, pattern) != NULL) {
            json_t *view = view_summary(context, host);
            add_servers(context, &fleet, host, view);
            json_array_append_new(rows, view);
        }
    }
    if (json_array_size(rows) == 0) {
        error_set(error, ERROR_NOT_FOUND, "No hypervisor matching '%s' could be found.", pattern);
        return NULL;
    }
    return api_json(200, json_pack("{s:O}", "hypervisors", rows));
}

HttpResponse *
compute_search_hypervisors(ApiContext *context, GError **error)
{
    return search(context, false, error);
}

HttpResponse *
compute_list_hypervisor_servers(ApiContext *context, GError **error)
{
    return search(context, true, error);
}
