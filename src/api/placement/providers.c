/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/placement/placement.h"
#include <string.h>

static const QueryField list_query[] = {
    {"name", QUERY_STRING},
    {"uuid", QUERY_UUID},
    {"in_tree", QUERY_UUID, 14},
    {"resources", QUERY_STRING, 4},
    {"member_of", QUERY_STRING, 3},
    {"required", QUERY_STRING, 18},
    {0},
};

/* Hosts are in no aggregate of Placement's and have no traits: who wants some finds none of them,
 * and who forbids some ("!CUSTOM_OLD") all. */
static bool
is_met(const char *name, const char *value)
{
    if (strcmp(name, "member_of") == 0) {
        return value[0] == '!';
    }
    if (strcmp(name, "required") != 0) {
        return true;
    }
    g_auto(GStrv) traits = g_strsplit(value, ",", -1);
    for (char **trait = traits; *trait != NULL; trait++) {
        if (**trait != '!') {
            return false;
        }
    }
    return true;
}

static bool
may_have_any(const ApiContext *context)
{
    for (size_t i = 0; i < http_request_n_queries(context->request); i++) {
        const char *name;
        const char *value;
        http_request_query_at(context->request, i, &name, &value);
        if (!is_met(name, value)) {
            return false;
        }
    }
    return true;
}

static bool
check_item(const char *item, GError **error)
{
    guint64 amount;
    g_auto(GStrv) parts = g_strsplit(item, ":", -1);
    if (g_strv_length(parts) != 2 || *parts[0] == '\0') {
        return error_set(error, ERROR_INVALID,
            "Badly formed resources parameter: '%s' does not read CLASS:AMOUNT, as in "
            "?resources=VCPU:2,MEMORY_MB:1024",
            item);
    }
    return g_ascii_string_to_unsigned(parts[1], 10, 1, G_MAXINT32, &amount, NULL) ||
        error_set(error, ERROR_INVALID, "Requested resource %s needs a positive integer, not '%s'",
            parts[0], parts[1]);
}

static bool
check_resources(const char *text, GError **error)
{
    g_auto(GStrv) items = g_strsplit(text != NULL ? text : "", ",", -1);
    if (text != NULL && items[0] == NULL) {
        return check_item("", error);
    }
    for (char **item = items; *item != NULL; item++) {
        if (!check_item(*item, error)) {
            return false;
        }
    }
    return true;
}

/* For one server, which gets no more than there is, whatever the ratio. */
static int64_t
room(const json_t *inventories, const char *name, int64_t used)
{
    const json_t *inventory = json_object_get(inventories, name);
    double capacity =
        (double)(body_int(inventory, "total", 0) - body_int(inventory, "reserved", 0)) *
        body_number(inventory, "allocation_ratio", 1.0);
    return MIN((int64_t)capacity - used, body_int(inventory, "max_unit", 0));
}

/* ?resources=VCPU:1,MEMORY_MB:512 */
static bool
has_room(const ApiContext *context, const Host *host, const HostUsage *usage)
{
    const char *text = api_query(context, "resources");
    Amounts amounts = placement_used(usage);
    json_auto_t *inventories = placement_view_inventories(context, host, usage);
    json_auto_t *used = placement_view_amounts(&amounts, inventories);
    g_auto(GStrv) items = g_strsplit(text == NULL ? "" : text, ",", -1);
    for (char **item = items; *item != NULL; item++) {
        g_auto(GStrv) parts = g_strsplit(*item, ":", 2);
        int64_t wanted = g_ascii_strtoll(parts[1], NULL, 10);
        if (room(inventories, parts[0], body_int(used, parts[0], 0)) < wanted) {
            return false;
        }
    }
    return true;
}

static bool
matches(const ApiContext *context, const Host *host, const HostUsage *usage)
{
    const char *name = api_query(context, "name");
    const char *uuid = api_query(context, "uuid");
    const char *tree = api_query(context, "in_tree");
    return (name == NULL || strcmp(name, host->name) == 0) &&
        (uuid == NULL || strcmp(uuid, host->hypervisor_id) == 0) &&
        (tree == NULL || strcmp(tree, host->hypervisor_id) == 0) &&
        has_room(context, host, usage);
}

HttpResponse *
placement_list_providers(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, list_query, context->minor, 1, error) ||
        !check_resources(api_query(context, "resources"), error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    g_autoptr(GHashTable) usage =
        hosts == NULL ? NULL : store_list_host_usage(context->store, error);
    if (usage == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    bool is_possible = may_have_any(context);
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        const HostUsage *used = g_hash_table_lookup(usage, host->name);
        if (used != NULL && is_possible && matches(context, host, used)) {
            json_array_append_new(views, placement_view_provider(context, host));
        }
    }
    return api_json(200, json_pack("{s:o}", "resource_providers", views));
}

HttpResponse *
placement_show_provider(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = placement_get_host(context, error);
    return host == NULL ? NULL : api_json(200, placement_view_provider(context, host));
}

/* The host, what is taken of it and what it has; the caller frees the host. NULL: an error. */
static json_t *
read_inventories(ApiContext *context, Host **ret_host, HostUsage *ret_usage, GError **error)
{
    *ret_host = placement_get_host(context, error);
    if (*ret_host == NULL ||
        !store_get_host_usage(context->store, (*ret_host)->name, ret_usage, error)) {
        return NULL;
    }
    return placement_view_inventories(context, *ret_host, ret_usage);
}

HttpResponse *
placement_list_inventories(ApiContext *context, GError **error)
{
    HostUsage usage;
    g_autoptr(Host) host = NULL;
    json_t *inventories = read_inventories(context, &host, &usage, error);
    if (inventories == NULL) {
        return NULL;
    }
    return api_json(200,
        json_pack("{s:o, s:i}", "inventories", inventories, "resource_provider_generation",
            PLACEMENT_GENERATION));
}

HttpResponse *
placement_show_inventory(ApiContext *context, GError **error)
{
    const char *name = api_param(context, "class");
    HostUsage usage;
    g_autoptr(Host) host = NULL;
    json_auto_t *inventories = read_inventories(context, &host, &usage, error);
    if (inventories == NULL) {
        return NULL;
    }
    json_t *inventory = json_object_get(inventories, name);
    if (inventory == NULL) {
        error_set(
            error, ERROR_NOT_FOUND, "No inventory of class %s for %s", name, host->hypervisor_id);
        return NULL;
    }
    json_object_set_new(
        inventory, "resource_provider_generation", json_integer(PLACEMENT_GENERATION));
    return api_json(200, json_incref(inventory));
}

HttpResponse *
placement_show_usages(ApiContext *context, GError **error)
{
    HostUsage usage;
    g_autoptr(Host) host = NULL;
    json_auto_t *inventories = read_inventories(context, &host, &usage, error);
    if (inventories == NULL) {
        return NULL;
    }
    Amounts used = placement_used(&usage);
    return api_json(200,
        json_pack("{s:o, s:i}", "usages", placement_view_amounts(&used, inventories),
            "resource_provider_generation", PLACEMENT_GENERATION));
}

static HttpResponse *
reply_nothing(ApiContext *context, const char *name, bool with_generation, GError **error)
{
    g_autoptr(Host) host = placement_get_host(context, error);
    if (host == NULL) {
        return NULL;
    }
    json_t *view = json_pack("{s:[]}", name);
    if (with_generation) {
        json_object_set_new(
            view, "resource_provider_generation", json_integer(PLACEMENT_GENERATION));
    }
    return api_json(200, view);
}

HttpResponse *
placement_list_aggregates(ApiContext *context, GError **error)
{
    return reply_nothing(context, "aggregates", context->minor >= 19, error);
}

HttpResponse *
placement_list_provider_traits(ApiContext *context, GError **error)
{
    return reply_nothing(context, "traits", true, error);
}
