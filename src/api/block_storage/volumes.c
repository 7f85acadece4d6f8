/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Source: Block Storage API reference, v3, "Volumes". */
#include "api/block_storage/block_storage.h"
#include "base/json.h"
#include <string.h>

/* ---- the view ---- */

static json_t *
parse_metadata(const Volume *volume)
{
    json_t *metadata = json_parse(volume->metadata_json, strlen(volume->metadata_json),
        JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, NULL);
    return metadata != NULL ? metadata : json_object();
}

static json_t *
view_links(const ApiContext *context, const Volume *volume)
{
    return json_pack("[o, o]",
        api_link("self", api_url(context, "/volume/v3/volumes/%s", volume->id)),
        api_link("bookmark", api_url(context, "/volume/volumes/%s", volume->id)));
}

static json_t *
view_attachments(const Volume *volume)
{
    const Attachment *attachment = volume->attachment;
    if (attachment == NULL) {
        return json_array();
    }
    return json_pack("[{s:s, s:s, s:s, s:s, s:n, s:s, s:o}]", "id", volume->id, "attachment_id",
        attachment->id, "volume_id", volume->id, "server_id", attachment->instance_id, "host_name",
        "device", attachment->device, "attached_at", api_time_us(attachment->created_us));
}

/* What only drover has: where a volume on the network is, and why one is in error. */
static void
add_own(const ApiContext *context, const Volume *volume, json_t *view)
{
    if (context->is_admin) {
        json_object_set_new(view, "os-vol-host-attr:host",
            api_string_or_null(volume->pool != NULL ? volume->pool : volume->uri));
        json_object_set_new(view, "drover:uri", api_string_or_null(volume->uri));
    }
    if (volume->message != NULL) {
        json_object_set_new(view, "drover:message", json_string(volume->message));
    }
    if (volume->image.image_id != NULL) {
        json_object_set_new(
            view, "volume_image_metadata", json_pack("{s:s}", "image_id", volume->image.image_id));
    }
}

static json_t *
view_volume(const ApiContext *context, const Volume *volume)
{
    json_t *view = json_pack("{s:s, s:s, s:o, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:s}", "id",
        volume->id, "name", volume->name, "description", api_string_or_null(volume->description),
        "status", volume_shown_status(volume), "size", (json_int_t)volume->size_gib, "volume_type",
        volume->format, "availability_zone", "nova", "attachments", view_attachments(volume),
        "metadata", parse_metadata(volume), "links", view_links(context, volume), "bootable",
        volume->bootable ? "true" : "false");
    json_auto_t *rest = json_pack("{s:s, s:s, s:b, s:b, s:n, s:n, s:n, s:n, s:n, s:o, s:o}",
        "user_id", volume->user_id, "os-vol-tenant-attr:tenant_id", volume->project_id, "encrypted",
        0, "multiattach", 0, "snapshot_id", "source_volid", "replication_status",
        "consistencygroup_id", "migration_status", "created_at", api_time_us(volume->created_us),
        "updated_at", api_time_us(volume->updated_us));
    json_object_update(view, rest);
    add_own(context, volume, view);
    return view;
}

HttpResponse *
block_storage_reply(ApiContext *context, int status, const Volume *volume)
{
    return api_json(status, json_pack("{s:o}", "volume", view_volume(context, volume)));
}

/* ---- the list ---- */

static bool
matches(const ApiContext *context, const Volume *volume)
{
    const char *status = api_query(context, "status");
    const char *bootable = api_query(context, "bootable");
    bool flag;
    return (status == NULL || g_ascii_strcasecmp(status, volume_shown_status(volume)) == 0) &&
        (bootable == NULL || !parse_bool(bootable, &flag) || flag == volume->bootable);
}

static json_t *
view_row(const ApiContext *context, const Volume *volume, bool is_detailed)
{
    return is_detailed ? view_volume(context, volume)
                       : json_pack("{s:s, s:s, s:o}", "id", volume->id, "name", volume->name,
                             "links", view_links(context, volume));
}

static HttpResponse *
list(ApiContext *context, bool is_detailed, GError **error)
{
    Paging paging;
    bool is_for_all = context->is_admin && query_bool(context->request, "all_tenants", false);
    VolumeFilter filter = {
        .project_id = is_for_all ? api_query(context, "project_id") : context->identity->project_id,
        .name = api_query(context, "name"),
    };
    if (!api_paging(context, &paging, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) volumes = store_list_volumes(context->store, &filter, error);
    if (volumes == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    bool has_begun = paging.marker == NULL;
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        bool has_room = (int)json_array_size(rows) < paging.limit;
        if (has_begun && has_room && matches(context, volume)) {
            json_array_append_new(rows, view_row(context, volume, is_detailed));
        }
        has_begun = has_begun || g_strcmp0(volume->id, paging.marker) == 0;
    }
    return api_json(200, json_pack("{s:o}", "volumes", rows));
}

HttpResponse *
block_storage_list(ApiContext *context, GError **error)
{
    return list(context, false, error);
}

HttpResponse *
block_storage_list_detail(ApiContext *context, GError **error)
{
    return list(context, true, error);
}

/* ---- one ---- */

Volume *
block_storage_get(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    g_autoptr(GError) reason = NULL;
    g_autoptr(Volume) volume = store_get_volume(context->store, id, &reason);
    if (!error_pass_others(&reason, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    if (volume == NULL || !api_can_see_project(context, volume->project_id)) {
        error_set(error, ERROR_NOT_FOUND, "Volume %s could not be found.", id);
        return NULL;
    }
    return g_steal_pointer(&volume);
}

HttpResponse *
block_storage_show(ApiContext *context, GError **error)
{
    g_autoptr(Volume) volume = block_storage_get(context, error);
    return volume != NULL ? block_storage_reply(context, 200, volume) : NULL;
}

static const Field update_body[] = {
    {"volume", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"display_name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"description", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"display_description", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"metadata", FIELD_OBJECT},
                {NULL},
            }},
    {NULL},
};

static void
replace(char **text, const json_t *body, const char *name)
{
    if (body_has(body, name)) {
        g_free(*text);
        *text = g_strdup(body_string(body, name, ""));
    }
}

HttpResponse *
block_storage_update(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, update_body, 0, 0, error)) {
        return NULL;
    }
    g_autoptr(Volume) volume = block_storage_get(context, error);
    if (volume == NULL) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "volume");
    replace(&volume->name, body, "name");
    replace(&volume->name, body, "display_name");
    replace(&volume->description, body, "description");
    replace(&volume->description, body, "display_description");
    return store_update_volume(context->store, volume, error)
        ? block_storage_reply(context, 200, volume)
        : NULL;
}

static bool
accept_delete(ApiContext *context, const Volume *volume, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (store_accept_volume_delete(context->store, volume->id, &reason)) {
        engine_nudge(context->engine);
        return true;
    }
    if (error_is(reason, ERROR_CONFLICT)) {
        /* Cinder: VolumeAttached and InvalidVolume are both a 400. */
        return error_set(error, ERROR_INVALID,
            "Invalid volume: Volume status must be available or error and must not be attached "
            "(%s is %s).",
            volume->id, volume_shown_status(volume));
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

HttpResponse *
block_storage_delete(ApiContext *context, GError **error)
{
    g_autoptr(Volume) volume = block_storage_get(context, error);
    return volume != NULL && accept_delete(context, volume, error) ? api_empty(202) : NULL;
}

/* ---- actions ---- */

static bool
set_bootable(ApiContext *context, Volume *volume, const json_t *value, GError **error)
{
    static const Field fields[] = {{"bootable", FIELD_BOOLEAN, FIELD_REQUIRED}, {NULL}};
    if (!validate_body(value, fields, 0, 0, error)) {
        return false;
    }
    volume->bootable = body_bool(value, "bootable", false);
    return store_update_volume(context->store, volume, error);
}

HttpResponse *
block_storage_act(ApiContext *context, GError **error)
{
    g_autoptr(Volume) volume = block_storage_get(context, error);
    if (volume == NULL) {
        return NULL;
    }
    const json_t *bootable = json_object_get(context->body, "os-set_bootable");
    if (bootable != NULL) {
        return set_bootable(context, volume, bootable, error) ? api_empty(200) : NULL;
    }
    if (json_object_get(context->body, "os-force_delete") != NULL) {
        return accept_delete(context, volume, error) ? api_empty(202) : NULL;
    }
    void *first = json_object_iter(context->body);
    error_set(error, ERROR_INVALID, "The action %s is not served: volumes keep their size and type",
        first != NULL ? json_object_iter_key(first) : "(none)");
    return NULL;
}
