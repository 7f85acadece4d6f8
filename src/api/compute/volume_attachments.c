/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /servers/{id}/os-volume_attachments. Source: Compute API reference, "Servers with volume
 * attachments". */
#include "api/compute/compute.h"
#include <string.h>

/* ---- the view ---- */

static json_t *
view_attachment(const ApiContext *context, const Volume *volume)
{
    const Attachment *attachment = volume->attachment;
    json_t *view = json_pack("{s:s, s:s, s:s}", "volumeId", volume->id, "serverId",
        attachment->instance_id, "device", attachment->device);
    if (context->minor < 89) {
        json_object_set_new(view, "id", json_string(volume->id));
    } else {
        json_object_set_new(view, "attachment_id", json_string(attachment->id));
        json_object_set_new(view, "bdm_uuid", json_string(attachment->id));
    }
    if (context->minor >= 70) {
        json_object_set_new(view, "tag", api_string_or_null(attachment->tag));
    }
    if (context->minor >= 79) {
        json_object_set_new(
            view, "delete_on_termination", json_boolean(attachment->delete_on_termination));
    }
    return view;
}

static GPtrArray *
list_volumes(ApiContext *context, const char *instance_id, GError **error)
{
    return store_list_volumes(context->store, &(VolumeFilter){.instance_id = instance_id}, error);
}

HttpResponse *
compute_list_volume_attachments(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    g_autoptr(GPtrArray) volumes =
        instance != NULL ? list_volumes(context, instance->id, error) : NULL;
    if (volumes == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < volumes->len; i++) {
        json_array_append_new(rows, view_attachment(context, volumes->pdata[i]));
    }
    return api_json(200, json_pack("{s:o}", "volumeAttachments", rows));
}

/* The volume of the path, with its attachment to this instance. */
static Volume *
get_attached(ApiContext *context, const Instance *instance, GError **error)
{
    const char *id = api_param(context, "volume");
    g_autoptr(GPtrArray) volumes = list_volumes(context, instance->id, error);
    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        if (strcmp(((const Volume *)volumes->pdata[i])->id, id) == 0) {
            return g_ptr_array_steal_index(volumes, i);
        }
    }
    if (volumes != NULL) {
        error_set(
            error, ERROR_NOT_FOUND, "Instance %s is not attached to volume %s", instance->id, id);
    }
    return NULL;
}

HttpResponse *
compute_show_volume_attachment(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    g_autoptr(Volume) volume = instance != NULL ? get_attached(context, instance, error) : NULL;
    return volume != NULL
        ? api_json(200, json_pack("{s:o}", "volumeAttachment", view_attachment(context, volume)))
        : NULL;
}

/* ---- attach ---- */

static const Field attach_fields[] = {
    {"volumeAttachment", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"volumeId", FIELD_UUID, FIELD_REQUIRED},
                {"device", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"tag", FIELD_STRING, 0, 1, 60, "^[^,/]*$", .since = 49},
                {"delete_on_termination", FIELD_BOOLEAN, .since = 79},
                {NULL},
            }},
    {NULL},
};

/* Nova: any state in which the guest has a definition. */
static const VmState expected[] = {VM_STATE_ACTIVE, VM_STATE_PAUSED, VM_STATE_STOPPED};

/* The conflict is the instance's or the volume's: only the former has Nova's beginning. */
static void
explain(GError **error, GError *take_reason, const char *verb, const Instance *instance)
{
    bool is_state =
        error_is(take_reason, ERROR_CONFLICT) && g_str_has_prefix(take_reason->message, "while");
    bool is_volume = error_is(take_reason, ERROR_CONFLICT) && !is_state;
    g_autoptr(GError) reason = take_reason;
    if (is_volume) {
        /* Cinder refuses what it does not have to give away: Nova answers with a 400. */
        error_set(error, ERROR_INVALID,
            "Invalid volume: %s; a volume is attached to one server at a time.", reason->message);
        return;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    if (is_state) {
        g_prefix_error(error, "Cannot '%s' instance %s ", verb, instance->id);
    }
}

static bool
check_volume(ApiContext *context, const char *id, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Volume) volume = store_get_volume(context->store, id, &reason);
    if (!error_pass_others(&reason, ERROR_NOT_FOUND, error)) {
        return false;
    }
    return (volume != NULL && api_can_see_project(context, volume->project_id)) ||
        error_set(error, ERROR_NOT_FOUND, "Volume %s could not be found.", id);
}

HttpResponse *
compute_attach_volume(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, attach_fields, 0, context->minor, error)) {
        return NULL;
    }
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    const json_t *body = json_object_get(context->body, "volumeAttachment");
    const char *volume_id = body_string(body, "volumeId", "");
    if (instance == NULL || !compute_check_lock(context, instance, error) ||
        !check_volume(context, volume_id, error) ||
        !compute_check_state(instance, "attach_volume", expected, G_N_ELEMENTS(expected), error)) {
        return NULL;
    }
    GError *reason = NULL;
    OperationRequest request = compute_make_request(
        context, instance, OPERATION_ATTACH_VOLUME, expected, G_N_ELEMENTS(expected));
    g_autoptr(Attachment) attachment = attachment_new();
    attachment->volume_id = g_strdup(volume_id);
    attachment->instance_id = g_strdup(instance->id);
    attachment->boot_index = -1;
    attachment->tag = g_strdup(body_string(body, "tag", NULL));
    attachment->delete_on_termination = body_bool(body, "delete_on_termination", false);
    g_autoptr(Operation) operation =
        store_accept_attach(context->store, &request, attachment, &reason);
    if (operation == NULL) {
        explain(error, reason, "attach_volume", instance);
        return NULL;
    }
    engine_nudge(context->engine);
    Volume view = {.id = attachment->volume_id, .attachment = attachment};
    return api_json(200, json_pack("{s:o}", "volumeAttachment", view_attachment(context, &view)));
}

/* ---- detach ---- */

/* Nova refuses it in ERROR, and a hard reboot is its only way out. A server whose volume is gone
 * fails to start, and so ends there: it is to get rid of that volume before it starts again. */
static const VmState detachable[] = {
    VM_STATE_ACTIVE, VM_STATE_PAUSED, VM_STATE_STOPPED, VM_STATE_ERROR};

HttpResponse *
compute_detach_volume(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL || !compute_check_lock(context, instance, error)) {
        return NULL;
    }
    g_autoptr(Volume) volume = get_attached(context, instance, error);
    if (volume == NULL ||
        !compute_check_state(instance, "detach_volume", detachable,
            G_N_ELEMENTS(detachable), error)) {
        return NULL;
    }
    if (volume->attachment->boot_index == 0) {
        error_set(error, ERROR_FORBIDDEN, "Cannot detach a root device volume");
        return NULL;
    }
    GError *reason = NULL;
    OperationRequest request = compute_make_request(
        context, instance, OPERATION_DETACH_VOLUME, detachable, G_N_ELEMENTS(detachable));
    g_autoptr(Operation) operation =
        store_accept_detach(context->store, &request, volume->id, &reason);
    if (operation == NULL) {
        explain(error, reason, "detach_volume", instance);
        return NULL;
    }
    engine_nudge(context->engine);
    return api_empty(202);
}

/* ---- delete_on_termination: 2.85 ---- */

static const Field update_fields[] = {
    {"volumeAttachment", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"volumeId", FIELD_UUID, FIELD_REQUIRED},
                {"delete_on_termination", FIELD_BOOLEAN, FIELD_REQUIRED},
                {"id", FIELD_UUID},
                {"serverId", FIELD_UUID},
                {"device", FIELD_STRING, FIELD_NULLABLE},
                {"tag", FIELD_STRING, FIELD_NULLABLE},
                {NULL},
            }},
    {NULL},
};

HttpResponse *
compute_update_volume_attachment(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, update_fields, 0, context->minor, error)) {
        return NULL;
    }
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    g_autoptr(Volume) volume = instance != NULL ? get_attached(context, instance, error) : NULL;
    const json_t *body = json_object_get(context->body, "volumeAttachment");
    if (volume == NULL) {
        return NULL;
    }
    if (strcmp(body_string(body, "volumeId", ""), volume->id) != 0) {
        error_set(error, ERROR_INVALID, "Swapping one volume for another is not served.");
        return NULL;
    }
    volume->attachment->delete_on_termination = body_bool(body, "delete_on_termination", false);
    return store_update_volume(context->store, volume, error) ? api_empty(202) : NULL;
}
