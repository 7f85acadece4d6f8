/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"
#include <string.h>

/* Ports as the store gives them, and what they need of their networks and instances. */
typedef struct PortList {
    GPtrArray *ports;
    GHashTable *subnet_ids; /* network id -> subnet id */
    GHashTable *instances;  /* instance id -> Instance * */
    GPtrArray *networks;    /* own what the tables point to */
    GPtrArray *all;
} PortList;

static void
port_list_free(PortList *list)
{
    g_clear_pointer(&list->ports, g_ptr_array_unref);
    g_clear_pointer(&list->networks, g_ptr_array_unref);
    g_clear_pointer(&list->all, g_ptr_array_unref);
    g_hash_table_unref(list->subnet_ids);
    g_hash_table_unref(list->instances);
    g_free(list);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PortList, port_list_free)

static PortList *
load_ports(ApiContext *context, GError **error)
{
    g_autoptr(PortList) list = g_new0(PortList, 1);
    InstanceFilter filter = {.power_state = -1, .locked = -1};
    list->subnet_ids = g_hash_table_new(g_str_hash, g_str_equal);
    list->instances = g_hash_table_new(g_str_hash, g_str_equal);
    filter.project_id = context->is_admin ? NULL : context->identity->project_id;
    list->ports = store_list_ports(context->store, api_query(context, "device_id"), NULL, error);
    list->networks = list->ports == NULL ? NULL : store_list_networks(context->store, error);
    list->all =
        list->networks == NULL ? NULL : store_list_instances(context->store, &filter, error);
    if (list->all == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < list->networks->len; i++) {
        Network *network = list->networks->pdata[i];
        g_hash_table_insert(list->subnet_ids, network->id, network->subnet_id);
    }
    for (unsigned i = 0; i < list->all->len; i++) {
        Instance *instance = list->all->pdata[i];
        g_hash_table_insert(list->instances, instance->id, instance);
    }
    return g_steal_pointer(&list);
}

static json_t *
view_port(const Port *port, const Instance *instance, const char *subnet_id)
{
    g_autofree char *owner = g_strdup_printf(
        "compute:%s", instance->availability_zone == NULL ? "nova" : instance->availability_zone);
    const char *status = instance->vm_state == VM_STATE_ACTIVE ? "ACTIVE" : "DOWN";
    const char *host = instance->host == NULL ? "" : instance->host;
    json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:s, s:s}], s:s, s:s, s:b}", "id",
        port->id, "name", "", "network_id", port->network_id, "mac_address", port->mac, "status",
        status, "fixed_ips", "subnet_id", subnet_id, "ip_address", port->address, "device_id",
        port->instance_id, "device_owner", owner, "admin_state_up", true);
    json_auto_t *rest = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:{}, s:{}, s:[], s:[], s:[], s:b,"
        " s:o, s:o, s:i}",
        "project_id", instance->project_id, "tenant_id", instance->project_id, "description", "",
        "binding:host_id", host, "binding:vif_type", "bridge", "binding:vnic_type", "normal",
        "binding:vif_details", "binding:profile", "allowed_address_pairs", "security_groups",
        "tags", "port_security_enabled", false, "created_at", api_time_z(instance->created_us),
        "updated_at", api_time_z(instance->updated_us), "revision_number", 1);
    json_object_update(view, rest);
    return view;
}

/* Ports of other projects' instances are not there for a member. */
static json_t *
view_if_visible(const PortList *list, const Port *port)
{
    const Instance *instance = g_hash_table_lookup(list->instances, port->instance_id);
    return instance == NULL
        ? NULL
        : view_port(port, instance, g_hash_table_lookup(list->subnet_ids, port->network_id));
}

HttpResponse *
network_list_ports(ApiContext *context, GError **error)
{
    g_autoptr(PortList) list = load_ports(context, error);
    if (list == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < list->ports->len; i++) {
        json_t *view = view_if_visible(list, list->ports->pdata[i]);
        if (view != NULL) {
            json_array_append_new(views, view);
        }
    }
    return network_reply_list(context, "ports", views, error);
}

HttpResponse *
network_show_port(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    g_autoptr(PortList) list = load_ports(context, error);
    if (list == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < list->ports->len; i++) {
        const Port *port = list->ports->pdata[i];
        json_t *view = strcmp(port->id, id) == 0 ? view_if_visible(list, port) : NULL;
        if (view != NULL) {
            return network_reply(200, "port", view);
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Port %s could not be found.", id);
    return NULL;
}
