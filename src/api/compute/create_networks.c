/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/compute/create.h"

static const Field network_item[] = {
    {"", FIELD_OBJECT, 0,
        .fields =
            (const Field[]){
                {"uuid", FIELD_UUID},
                {"port", FIELD_STRING},
                {"fixed_ip", FIELD_STRING},
                {"tag", FIELD_STRING, .since = 32},
                {NULL},
            }},
};

static bool
add_network(ApiContext *context, InstanceRequest *request, const json_t *item, GError **error)
{
    const char *id = body_string(item, "uuid", NULL);
    const char *port = body_string(item, "port", NULL);
    if (port != NULL) {
        return error_set(error, ERROR_INVALID,
            "Port %s cannot be used: ports come with their server here, so name a network. SR-IOV "
            "devices are given by flavors (pci_passthrough:alias).",
            port);
    }
    if (id == NULL) {
        return error_set(error, ERROR_INVALID, "Network is not found: 'uuid' is needed.");
    }
    g_autoptr(GError) problem = NULL;
    g_autoptr(Network) network = store_get_network(context->store, id, &problem);
    if (!error_pass_others(&problem, ERROR_NOT_FOUND, error)) {
        return false;
    }
    if (network == NULL) {
        return error_set(error, ERROR_INVALID, "Network %s could not be found.", id);
    }
    g_ptr_array_add(request->network_ids, g_strdup(network->id));
    g_ptr_array_add(request->fixed_addresses, g_strdup(body_string(item, "fixed_ip", NULL)));
    return true;
}

/* "auto" (and no word about it, below 2.37): the only network there is, or none when there is
 * none. */
static bool
add_only_network(ApiContext *context, InstanceRequest *request, GError **error)
{
    g_autoptr(GPtrArray) networks = store_list_networks(context->store, error);
    if (networks == NULL) {
        return false;
    }
    if (networks->len > 1) {
        return error_set(error, ERROR_CONFLICT,
            "Multiple possible networks found, use a Network ID to be more specific.");
    }
    for (unsigned i = 0; i < networks->len; i++) {
        const Network *network = networks->pdata[i];
        g_ptr_array_add(request->network_ids, g_strdup(network->id));
        g_ptr_array_add(request->fixed_addresses, NULL);
    }
    return true;
}

bool
create_read_networks(
    ApiContext *context, const json_t *server, InstanceRequest *request, GError **error)
{
    const json_t *networks = json_object_get(server, "networks");
    const char *word = json_string_value(networks);
    if (networks == NULL && context->minor >= 37) {
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute server. 'networks' is a required property");
    }
    if (networks == NULL || (context->minor >= 37 && g_strcmp0(word, "auto") == 0)) {
        return add_only_network(context, request, error);
    }
    if (context->minor >= 37 && g_strcmp0(word, "none") == 0) {
        return true;
    }
    json_auto_t *wrapped = json_pack("{s:O}", "networks", networks);
    const Field fields[] = {{"networks", FIELD_ARRAY, 0, .item = network_item}, {NULL}};
    if (!validate_body(wrapped, fields, 0, context->minor, error)) {
        return false;
    }
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(networks, i, item)
    {
        if (!add_network(context, request, item, error)) {
            return false;
        }
    }
    return true;
}
