/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Source: Block Storage API reference, v3, "Create a volume" and "Manage an existing volume". */
#include "api/block_storage/block_storage.h"
#include "api/block_storage/new_volume.h"
#include "base/json.h"

enum { SIZE_MAX_GIB = 1 << 16 };

static const char *const types[] = {"qcow2", "raw", "__DEFAULT__", NULL};

static const Field create_fields[] = {
    {"size", FIELD_INTEGER, FIELD_NULLABLE, 1, SIZE_MAX_GIB},
    {"name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"description", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"volume_type", FIELD_STRING, FIELD_NULLABLE, .values = types},
    {"availability_zone", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"metadata", FIELD_OBJECT, FIELD_NULLABLE},
    {"imageRef", FIELD_STRING, FIELD_NULLABLE},
    {"multiattach", FIELD_BOOLEAN, FIELD_NULLABLE},
    {"snapshot_id", FIELD_STRING, FIELD_NULLABLE},
    {"source_volid", FIELD_STRING, FIELD_NULLABLE},
    {"consistencygroup_id", FIELD_STRING, FIELD_NULLABLE},
    {"backup_id", FIELD_STRING, FIELD_NULLABLE},
    {"project_id", FIELD_STRING, FIELD_NULLABLE},
    {"user_id", FIELD_STRING, FIELD_NULLABLE},
    {NULL},
};
static const Field create_body[] = {
    {"volume", FIELD_OBJECT, FIELD_REQUIRED, .fields = create_fields},
    {"OS-SCH-HNT:scheduler_hints", FIELD_OBJECT, FIELD_NULLABLE},
    {NULL},
};

/* What is not served is not taken silently. */
static bool
check_served(const json_t *body, GError **error)
{
    static const char *const missing[] = {
        "snapshot_id", "source_volid", "consistencygroup_id", "backup_id"};
    if (body_bool(body, "multiattach", false)) {
        return error_set(error, ERROR_INVALID,
            "Multi-attach is not served: two guests that write to one volume destroy it.");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(missing); i++) {
        if (body_string(body, missing[i], NULL) != NULL) {
            return error_set(error, ERROR_INVALID, "Volumes from a %s are not served.", missing[i]);
        }
    }
    return body_has(body, "size") && !json_is_null(json_object_get(body, "size"))
        ? true
        : error_set(error, ERROR_INVALID,
              "Invalid input for field/attribute volume. 'size' is a required property");
}

static void
set_metadata(Volume *volume, const json_t *body)
{
    const json_t *metadata = json_object_get(body, "metadata");
    if (json_is_object(metadata)) {
        g_free(volume->metadata_json);
        volume->metadata_json = json_to_text(metadata);
    }
}

static const char *
read_type(const json_t *body)
{
    const char *type = body_string(body, "volume_type", NULL);
    return g_strcmp0(type, "__DEFAULT__") == 0 ? NULL : type;
}

static HttpResponse *
insert(ApiContext *context, Volume *volume, GError **error)
{
    if (volume->metadata_json == NULL) {
        volume->metadata_json = g_strdup("{}");
    }
    if (!store_insert_volume(context->store, volume, error)) {
        return NULL;
    }
    engine_nudge(context->engine);
    return block_storage_reply(context, 202, volume);
}

static bool
check_project(const ApiContext *context, GError **error)
{
    return context->identity->project_id != NULL ||
        error_set(error, ERROR_INVALID, "The token has no project: log in with one.");
}

HttpResponse *
block_storage_create(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, create_body, 0, 0, error) || !check_project(context, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "volume");
    if (!check_served(body, error)) {
        return NULL;
    }
    NewVolume spec = {
        .name = body_string(body, "name", NULL),
        .description = body_string(body, "description", NULL),
        .size_gib = body_int(body, "size", 0),
        .type = read_type(body),
        .image_id = body_string(body, "imageRef", NULL),
    };
    g_autoptr(Volume) volume = new_volume_make(context, &spec, error);
    if (volume == NULL) {
        return NULL;
    }
    set_metadata(volume, body);
    return insert(context, volume, error);
}

/* ---- on the network ---- */

#define URI_PATTERN                                                                                \
    "^(nbd://[A-Za-z0-9.:\\[\\]-]+(/[^\\s?#]*)?"                                                   \
    "|iscsi://[A-Za-z0-9.:\\[\\]-]+/[A-Za-z0-9.:-]+/[0-9]+)$"

#define URI_HINT                                                                                   \
    "is neither nbd://HOST[:PORT][/EXPORT] nor iscsi://HOST[:PORT]/TARGET/LUN, as "                \
    "nbd://10.9.0.1:10809/disk1 is"

static const Field manage_fields[] = {
    {"host", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"ref", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"uri", FIELD_STRING, FIELD_REQUIRED, 1, 1024, URI_PATTERN, .hint = URI_HINT},
                {"size", FIELD_INTEGER, 0, 1, SIZE_MAX_GIB},
                {NULL},
            }},
    {"name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"description", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"volume_type", FIELD_STRING, FIELD_NULLABLE, .values = types},
    {"availability_zone", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"metadata", FIELD_OBJECT, FIELD_NULLABLE},
    {"bootable", FIELD_BOOLEAN, FIELD_NULLABLE},
    {NULL},
};
static const Field manage_body[] = {
    {"volume", FIELD_OBJECT, FIELD_REQUIRED, .fields = manage_fields},
    {NULL},
};

/* A raw disk unless its type says otherwise: what is behind a URI is not looked at. */
HttpResponse *
block_storage_manage(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, manage_body, 0, 0, error) || !check_project(context, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "volume");
    const json_t *ref = json_object_get(body, "ref");
    const char *type = read_type(body);
    g_autoptr(Volume) volume = volume_new();
    volume->name = g_strdup(body_string(body, "name", ""));
    volume->description = g_strdup(body_string(body, "description", NULL));
    volume->project_id = g_strdup(context->identity->project_id);
    volume->user_id = g_strdup(context->identity->user_id);
    volume->status = VOLUME_AVAILABLE;
    volume->size_gib = body_int(ref, "size", 1);
    volume->format = g_strdup(type != NULL ? type : "raw");
    volume->uri = g_strdup(body_string(ref, "uri", NULL));
    volume->bootable = body_bool(body, "bootable", false);
    set_metadata(volume, body);
    return insert(context, volume, error);
}
