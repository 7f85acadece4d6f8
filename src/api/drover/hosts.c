/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/drover.h"
#include <string.h>

#define NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9._-]*$"

static const Field host_fields[] = {
    {"name", FIELD_STRING, FIELD_REQUIRED, 1, 255, NAME_PATTERN},
    {"uri", FIELD_STRING, FIELD_REQUIRED, 1, 1024},
    {"peer_uri", FIELD_STRING, FIELD_NULLABLE, 1, 1024},
    {"migration_address", FIELD_STRING, FIELD_NULLABLE, 0, 255, "^[A-Za-z0-9._:-]*$"},
    {"pool", FIELD_STRING, 0, 1, 255, NAME_PATTERN},
    {"zone", FIELD_STRING, FIELD_NULLABLE, 1, 255, ZONE_NAME_PATTERN},
    {0},
};
static const Field host_body[] = {
    {"host", FIELD_OBJECT, FIELD_REQUIRED, .fields = host_fields},
    {0},
};

static json_t *
view_facts(const HostFacts *facts)
{
    json_auto_t *cpu = facts->cpu_json == NULL ? NULL : json_loads(facts->cpu_json, 0, NULL);
    return json_pack(
        "{s:o, s:o, s:o, s:i, s:i, s:o, s:O?, s:i, s:I, s:I, s:I, s:I, s:o, s:i, s:o, s:b}",
        "hostname", api_string_or_null(facts->hostname), "host_uuid",
        api_string_or_null(facts->host_uuid), "hypervisor_type",
        api_string_or_null(facts->hypervisor_type), "hypervisor_version", facts->hypervisor_version,
        "libvirt_version", facts->libvirt_version, "arch", api_string_or_null(facts->arch), "cpu",
        cpu, "vcpus", facts->vcpus, "memory_mib", (json_int_t)facts->memory_mib, "memory_free_mib",
        (json_int_t)facts->memory_free_mib, "pool_capacity_bytes",
        (json_int_t)facts->pool_capacity_bytes, "pool_available_bytes",
        (json_int_t)facts->pool_available_bytes, "pool_path", api_string_or_null(facts->pool_path),
        "running_domains", facts->running_domains, "bridges", api_string_or_null(facts->bridges),
        "hides_devices", facts->hides_devices);
}

static json_t *
view_usage(const HostUsage *usage)
{
    return json_pack("{s:i, s:I, s:I, s:i, s:I, s:i, s:i, s:i, s:i}", "vcpus", usage->vcpus,
        "ram_mib", (json_int_t)usage->ram_mib, "disk_gib", (json_int_t)usage->disk_gib,
        "foreign_vcpus", usage->foreign_vcpus, "foreign_ram_mib",
        (json_int_t)usage->foreign_ram_mib, "instances",
        usage->instances, "open_operations", usage->open_operations, "outgoing_migrations",
        usage->outgoing_migrations, "incoming_migrations", usage->incoming_migrations);
}

/* Of the options only what they are called: their values hold passwords. */
static char *
option_names(const Host *host)
{
    g_auto(GStrv) lines = g_strsplit(host->fence_options, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        char *equals = strchr(lines[i], '=');
        if (equals != NULL) {
            *equals = '\0';
        }
    }
    return g_strjoinv(",", lines);
}

static json_t *
view_fence(const Host *host)
{
    g_autofree char *names = option_names(host);
    bool is_fenced = host_is_fenced(host);
    int64_t since_us = host->fenced_us != 0 ? host->fenced_us : host->forced_down_us;
    const char *by = host->fenced_us != 0 ? host->fenced_by : host->forced_down_by;
    return json_pack("{s:s, s:o, s:b, s:o, s:o, s:o, s:s, s:o}", "power",
        host_power_name(host->power), "power_seen", api_time_us(host->power_us), "fenced",
        is_fenced, "fenced_since", api_time_us(is_fenced ? since_us : 0), "fenced_by",
        api_string_or_null(is_fenced ? by : NULL), "fence_agent",
        api_string_or_null(host->fence_agent), "fence_options", names, "fence_error",
        api_string_or_null(host->fence_error));
}

/* Why it takes no instances, whatever keeps it from that, or takes some alone; the caller's, or
 * NULL. */
static char *
reason_of(const ApiContext *context, const Host *host, bool is_up)
{
    const char *pool = context->options->volume_pool;
    if (!is_up && host->connected && host->forced_down) {
        return g_strdup_printf(
            "it answers, and %s%s has declared it dead: once its guests are seen to, 'drover "
            "compute service set --up %s' takes that back",
            host->forced_down_by != NULL ? "user " : "somebody",
            host->forced_down_by != NULL ? host->forced_down_by : "", host->name);
    }
    const char *told =
        !is_up && host->connect_error != NULL ? host->connect_error : host->disabled_reason;
    if (told == NULL && is_up && host->enabled && pool != NULL &&
        host_lacks_pool(&host->facts, pool)) {
        g_autofree char *fix = host_pool_fix(pool);
        return g_strdup_printf("it lacks the pool '%s' of volumes: %s", pool, fix);
    }
    return g_strdup(told);
}

static json_t *
view_host(const ApiContext *context, const Host *host, const HostUsage *usage)
{
    bool is_up = host_is_up(host, api_now_us(context), context->options->service_down_time_us);
    g_autofree char *reason = reason_of(context, host, is_up);
    json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "id",
        host->id, "name", host->name, "state", is_up ? "up" : "down", "status",
        host->enabled ? "enabled" : "disabled", "last_seen", api_time_us(host->last_seen_us),
        "reason", api_string_or_null(reason), "uri", host->uri, "peer_uri", host->peer_uri,
        "migration_address", host->migration_address, "pool", host->pool, "zone", host->zone);
    json_auto_t *rest = json_pack("{s:o, s:b, s:b, s:o, s:o, s:o, s:o}", "cell",
        api_string_or_null(host_cell(host)), "connected", host->connected, "forced_down",
        host->forced_down, "connect_error", api_string_or_null(host->connect_error),
        "disabled_reason", api_string_or_null(host->disabled_reason), "created_at",
        api_time_us(host->created_us), "facts",
        host->has_facts ? view_facts(&host->facts) : json_null());
    json_object_update(view, rest);
    json_auto_t *fence = view_fence(host);
    json_object_update(view, fence);
    if (usage != NULL) {
        json_object_set_new(view, "usage", view_usage(usage));
    }
    return view;
}

HttpResponse *
drover_list_hosts(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    g_autoptr(GHashTable) usage =
        hosts == NULL ? NULL : store_list_host_usage(context->store, error);
    if (usage == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        json_array_append_new(
            views, view_host(context, host, g_hash_table_lookup(usage, host->name)));
    }
    return api_json(200, json_pack("{s:o}", "hosts", views));
}

Host *
drover_get_host(ApiContext *context, const char *name, GError **error)
{
    g_autoptr(Host) host = NULL;
    if (!store_find_host(context->store, name, &host, error)) {
        return NULL;
    }
    if (host == NULL) {
        error_set(error, ERROR_NOT_FOUND, "there is no host '%s'", name);
    }
    return g_steal_pointer(&host);
}

static json_t *
view_differences(GPtrArray *differences)
{
    json_t *views = json_array();
    for (unsigned i = 0; i < differences->len; i++) {
        const HostDifference *difference = differences->pdata[i];
        json_array_append_new(views,
            json_pack("{s:s, s:s, s:s, s:i, s:I, s:i, s:I, s:s}", "kind",
                host_difference_kind_name(difference->kind), "domain", difference->domain, "uuid",
                difference->uuid, "vcpus", difference->vcpus, "ram_mib",
                (json_int_t)difference->memory_mib, "claimed_vcpus", difference->claimed_vcpus,
                "claimed_ram_mib", (json_int_t)difference->claimed_memory_mib, "fix",
                host_difference_fix(difference->kind)));
    }
    return views;
}

HttpResponse *
drover_reply_host(ApiContext *context, const char *name, int status, GError **error)
{
    HostUsage usage;
    g_autoptr(Host) host = drover_get_host(context, name, error);
    if (host == NULL || !store_get_host_usage(context->store, name, &usage, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) differences = store_list_host_differences(context->store, name, error);
    json_t *storage =
        differences != NULL ? drover_view_storage(context, host, error) : NULL;
    json_t *devices = storage != NULL ? drover_view_devices(context, host, error) : NULL;
    json_t *cells = devices != NULL ? drover_view_cells(context, host, error) : NULL;
    if (cells == NULL) {
        json_decref(storage);
        json_decref(devices);
        return NULL;
    }
    json_t *view = view_host(context, host, &usage);
    json_object_set_new(view, "storage", storage);
    json_object_set_new(view, "cells", cells);
    json_object_set_new(view, "pci_devices", devices);
    json_object_set_new(view, "differences", view_differences(differences));
    return api_json(status, json_pack("{s:o}", "host", view));
}

HttpResponse *
drover_show_host(ApiContext *context, GError **error)
{
    return drover_reply_host(context, api_param(context, "name"), 200, error);
}

static bool
check_peer_uri(const char *peer_uri, bool allow_plaintext, GError **error)
{
    if (!drover_check_uri(peer_uri, allow_plaintext, error)) {
        return false;
    }
    g_autofree char *cleaned = drover_make_peer_uri(peer_uri);
    return g_str_equal(cleaned, peer_uri) ||
        error_set(error, ERROR_INVALID,
            "the peer URI is for other hosts: it may not name certificates of droverd");
}

static Host *
make_host(ApiContext *context, const json_t *body, GError **error)
{
    const Clock *clock = context->options->clock;
    bool allow_plaintext = context->options->allow_plaintext;
    g_autoptr(Host) host = host_new();
    host->id = clock_new_uuid(clock);
    host->hypervisor_id = clock_new_uuid(clock);
    host->name = g_strdup(body_string(body, "name", ""));
    host->uri = g_strdup(body_string(body, "uri", ""));
    host->peer_uri = body_string(body, "peer_uri", NULL) == NULL
        ? drover_make_peer_uri(host->uri)
        : g_strdup(body_string(body, "peer_uri", ""));
    host->migration_address = g_strdup(body_string(body, "migration_address", ""));
    host->pool = g_strdup(body_string(body, "pool", "instances"));
    host->zone = g_strdup(body_string(body, "zone", NULL));
    host->enabled = true;
    if (!drover_check_uri(host->uri, allow_plaintext, error) ||
        !check_peer_uri(host->peer_uri, allow_plaintext, error)) {
        return NULL;
    }
    return g_steal_pointer(&host);
}

HttpResponse *
drover_add_host(ApiContext *context, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (!validate_body(context->body, host_body, 0, 0, error)) {
        return NULL;
    }
    g_autoptr(Host) host = make_host(context, json_object_get(context->body, "host"), error);
    if (host == NULL) {
        return NULL;
    }
    if (!store_insert_host(context->store, host, &reason)) {
        if (error_is(reason, ERROR_CONFLICT)) {
            error_set(error, ERROR_CONFLICT, "there is a host '%s' already", host->name);
        } else {
            g_propagate_error(error, g_steal_pointer(&reason));
        }
        return NULL;
    }
    engine_nudge_hosts(context->engine);
    return drover_reply_host(context, host->name, 201, error);
}

HttpResponse *
drover_remove_host(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = drover_get_host(context, api_param(context, "name"), error);
    if (host == NULL || !store_delete_host(context->store, host->name, error)) {
        return NULL;
    }
    engine_nudge_hosts(context->engine);
    return api_empty(204);
}
