/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What instances hold. While an instance moves, its claim on the destination is in the host's
 * usages; here it is shown on the host it is on. */
#include "api/placement/placement.h"
#include <string.h>

static json_t *
view_instance_resources(const Instance *instance)
{
    const Flavor *flavor = &instance->flavor;
    return placement_view_resources(
        flavor->vcpus, flavor->ram_mib, flavor->disk_gib + flavor->ephemeral_gib, false);
}

static GPtrArray *
list_instances(ApiContext *context, const char *host, const char *project, GError **error)
{
    InstanceFilter filter = {.host = host, .project_id = project, .power_state = -1, .locked = -1};
    return store_list_instances(context->store, &filter, error);
}

HttpResponse *
placement_list_provider_allocations(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = placement_get_host(context, error);
    g_autoptr(GPtrArray) instances =
        host == NULL ? NULL : list_instances(context, host->name, NULL, error);
    if (instances == NULL) {
        return NULL;
    }
    json_t *allocations = json_object();
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        json_t *view = json_pack("{s:o}", "resources", view_instance_resources(instance));
        if (context->minor >= 28) {
            json_object_set_new(view, "consumer_generation", json_integer(PLACEMENT_GENERATION));
        }
        json_object_set_new(allocations, instance->id, view);
    }
    return api_json(200,
        json_pack("{s:o, s:i}", "allocations", allocations, "resource_provider_generation",
            PLACEMENT_GENERATION));
}

static void
add_consumer(const ApiContext *context, const Instance *instance, json_t *view)
{
    if (context->minor >= 12) {
        json_object_set_new(view, "project_id", json_string(instance->project_id));
        json_object_set_new(view, "user_id", json_string(instance->user_id));
    }
    if (context->minor >= 28) {
        json_object_set_new(view, "consumer_generation", json_integer(PLACEMENT_GENERATION));
    }
    if (context->minor >= 38) {
        json_object_set_new(view, "consumer_type", json_string("INSTANCE"));
    }
}

/* An unknown consumer holds nothing: that is no error in this API. */
HttpResponse *
placement_show_allocations(ApiContext *context, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Instance) instance =
        store_get_instance(context->store, api_param(context, "consumer"), &reason);
    if (instance == NULL && !error_is(reason, ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return NULL;
    }
    if (instance == NULL || instance->host == NULL || instance->vm_state == VM_STATE_DELETED) {
        return api_json(200, json_pack("{s:{}}", "allocations"));
    }
    g_autoptr(Host) host = store_get_host(context->store, instance->host, error);
    if (host == NULL) {
        return NULL;
    }
    json_t *view = json_pack("{s:{s:{s:i, s:o}}}", "allocations", host->hypervisor_id, "generation",
        PLACEMENT_GENERATION, "resources", view_instance_resources(instance));
    add_consumer(context, instance, view);
    return api_json(200, view);
}

HttpResponse *
placement_show_project_usages(ApiContext *context, GError **error)
{
    int64_t vcpus = 0;
    int64_t ram_mib = 0;
    int64_t disk_gib = 0;
    const char *project = api_query(context, "project_id");
    if (project == NULL) {
        error_set(error, ERROR_INVALID, "'project_id' is a required property");
        return NULL;
    }
    g_autoptr(GPtrArray) instances = list_instances(context, NULL, project, error);
    if (instances == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < instances->len; i++) {
        const Flavor *flavor = &((const Instance *)instances->pdata[i])->flavor;
        vcpus += flavor->vcpus;
        ram_mib += flavor->ram_mib;
        disk_gib += flavor->disk_gib + flavor->ephemeral_gib;
    }
    json_t *resources = placement_view_resources(vcpus, ram_mib, disk_gib, false);
    if (context->minor >= 38) {
        json_object_set_new(resources, "consumer_count", json_integer(instances->len));
        return api_json(200, json_pack("{s:{s:o}}", "usages", "INSTANCE", resources));
    }
    return api_json(200, json_pack("{s:o}", "usages", resources));
}
