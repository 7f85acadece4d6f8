/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/config_drive.h"

#include <string.h>

#include "base/json.h"
#include "image/iso9660.h"
#include "image/vfat.h"

/* What drover says in network.env; metadata of the same name does not replace it. */
static const char *const own_variables[] = {
    "ADDRESS", "PREFIX", "GATEWAY", "MAC", "HOSTNAME", "INSTANCE_UUID", NULL};

#define NO_USER_DATA "#cloud-config\n{}\n"

static json_t *
parse_metadata(const Instance *instance, GError **error)
{
    return json_parse(instance->metadata_json, strlen(instance->metadata_json),
        JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, error);
}

/* Nova: api/metadata/base.py, meta_data.json of the version "latest". */
static char *
meta_data(const Instance *instance, const char *admin_pass, json_t *metadata)
{
    json_auto_t *root = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:O, s:[]}", "uuid", instance->id,
        "name", instance->name, "hostname",
        instance->hostname != NULL ? instance->hostname : instance->name, "launch_index", 0,
        "availability_zone",
        instance->availability_zone != NULL ? instance->availability_zone : "nova", "project_id",
        instance->project_id, "meta", metadata, "devices");
    g_assert(root != NULL);
    if (admin_pass != NULL) {
        json_object_set_new(root, "admin_pass", json_string(admin_pass));
    }
    return json_to_text(root);
}

static char *
netmask_text(int prefix)
{
    uint32_t mask = prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
    return g_strdup_printf(
        "%u.%u.%u.%u", mask >> 24, (mask >> 16) & 0xff, (mask >> 8) & 0xff, mask & 0xff);
}

static void
add_port(json_t *root, const Port *port, unsigned index)
{
    g_autofree char *link = g_strdup_printf("nic%u", index);
    g_autofree char *name = g_strdup_printf("network%u", index);
    g_autofree char *netmask = netmask_text(port->prefix);
    json_array_append_new(json_object_get(root, "links"),
        json_pack("{s:s, s:s, s:s, s:s}", "id", link, "type", "phy", "ethernet_mac_address",
            port->mac, "vif_id", port->id));
    json_t *network = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[]}", "id", name, "type", "ipv4",
        "link", link, "ip_address", port->address, "netmask", netmask, "network_id",
        port->network_id, "routes");
    if (port->gateway != NULL) {
        json_array_append_new(json_object_get(network, "routes"),
            json_pack("{s:s, s:s, s:s}", "network", "0.0.0.0", "netmask", "0.0.0.0", "gateway",
                port->gateway));
    }
    json_array_append_new(json_object_get(root, "networks"), network);
}

static char *
network_data(const Instance *instance)
{
    json_auto_t *root = json_pack("{s:[], s:[], s:[]}", "links", "networks", "services");
    for (unsigned i = 0; i < instance->ports->len; i++) {
        add_port(root, instance->ports->pdata[i], i);
    }
    return json_to_text(root);
}

/* NAME='value' with the value as one shell word; what is not printable becomes a space, so that a
 * line stays a line. */
static void
append_variable(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, "%s='", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\'') {
            g_string_append(out, "'\\''");
        } else {
            g_string_append_c(out, (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at);
        }
    }
    g_string_append(out, "'\n");
}

/* "heartbeat-hz" becomes HEARTBEAT_HZ; NULL when no variable can have that name. */
static char *
variable_name(const char *key)
{
    if (!g_ascii_isalpha(key[0]) && key[0] != '_') {
        return NULL;
    }
    g_autofree char *name = g_ascii_strup(key, -1);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '-' || *at == '.') {
            *at = '_';
        } else if (!g_ascii_isalnum(*at) && *at != '_') {
            return NULL;
        }
    }
    return g_strv_contains(own_variables, name) ? NULL : g_steal_pointer(&name);
}

static char *
network_env(const Instance *instance, json_t *metadata)
{
    GString *out = g_string_new(NULL);
    append_variable(out, "INSTANCE_UUID", instance->id);
    append_variable(
        out, "HOSTNAME", instance->hostname != NULL ? instance->hostname : instance->name);
    if (instance->ports->len > 0) {
        const Port *port = instance->ports->pdata[0];
        g_autofree char *prefix = g_strdup_printf("%d", port->prefix);
        append_variable(out, "MAC", port->mac);
        append_variable(out, "ADDRESS", port->address);
        append_variable(out, "PREFIX", prefix);
        append_variable(out, "GATEWAY", port->gateway != NULL ? port->gateway : "");
    }
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        g_autofree char *name = variable_name(key);
        if (name != NULL && json_is_string(value)) {
            append_variable(out, name, json_string_value(value));
        }
    }
    return g_string_free(out, false);
}

/* ---- NoCloud: YAML, of which JSON is a part ---- */

static char *
nocloud_meta_data(const Instance *instance)
{
    json_auto_t *root = json_pack("{s:s, s:s}", "instance-id", instance->id, "local-hostname",
        instance->hostname != NULL ? instance->hostname : instance->name);
    return json_to_text(root);
}

static char *
nocloud_network(const Instance *instance)
{
    json_auto_t *root = json_pack("{s:i, s:{}}", "version", 2, "ethernets");
    for (unsigned i = 0; i < instance->ports->len; i++) {
        const Port *port = instance->ports->pdata[i];
        g_autofree char *name = g_strdup_printf("nic%u", i);
        g_autofree char *address = g_strdup_printf("%s/%d", port->address, port->prefix);
        json_t *nic =
            json_pack("{s:{s:s}, s:[s]}", "match", "macaddress", port->mac, "addresses", address);
        if (port->gateway != NULL) {
            json_object_set_new(nic, "gateway4", json_string(port->gateway));
        }
        json_object_set_new(json_object_get(root, "ethernets"), name, nic);
    }
    return json_to_text(root);
}

/* The same instance has the same serial for life. */
static uint32_t
serial_of(const Instance *instance)
{
    return g_str_hash(instance->id);
}

static GBytes *
make_drive(const Instance *instance, const char *admin_pass, GError **error)
{
    json_auto_t *metadata = parse_metadata(instance, error);
    if (metadata == NULL) {
        return NULL;
    }
    g_autofree char *meta = meta_data(instance, admin_pass, metadata);
    g_autofree char *network = network_data(instance);
    g_autofree char *env = network_env(instance, metadata);
    gsize user_size = 0;
    g_autofree guchar *user_data =
        instance->user_data != NULL ? g_base64_decode(instance->user_data, &user_size) : NULL;
    g_autofree char *nocloud_meta = nocloud_meta_data(instance);
    g_autofree char *nocloud_net = nocloud_network(instance);
    bool has_user_data = user_data != NULL;
    VfatFile files[] = {
        {"openstack/latest/meta_data.json", meta, strlen(meta)},
        {"openstack/latest/network_data.json", network, strlen(network)},
        {"drover/network.env", env, strlen(env)},
        {"meta-data", nocloud_meta, strlen(nocloud_meta)},
        {"network-config", nocloud_net, strlen(nocloud_net)},
        /* NoCloud is only found with this file, be there user data or not. */
        {"user-data", has_user_data ? (const char *)user_data : NO_USER_DATA,
            has_user_data ? user_size : strlen(NO_USER_DATA)},
        {"openstack/latest/user_data", user_data, user_size},
    };
    size_t n_files = G_N_ELEMENTS(files) - (has_user_data ? 0 : 1);
    const char *label = instance->config_drive_label != NULL ? instance->config_drive_label
                                                             : CONFIG_DRIVE_LABEL_OPENSTACK;
    return instance_has_read_only_config_drive(instance)
        ? iso9660_new(CONFIG_DRIVE_SIZE, label, files, n_files, error)
        : vfat_new(CONFIG_DRIVE_SIZE, label, serial_of(instance), files, n_files, error);
}

GBytes *
config_drive_new(const Instance *instance, const char *admin_pass, GError **error)
{
    g_autoptr(GError) reason = NULL;
    GBytes *drive = make_drive(instance, admin_pass, &reason);

    if (drive == NULL) {
        error_set(error, ERROR_INVALID, "metadata and user data make no config drive: %s",
            reason->message);
    }
    return drive;
}
