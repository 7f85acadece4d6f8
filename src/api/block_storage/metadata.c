/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/block_storage/block_storage.h"
#include "base/json.h"
#include <string.h>

static const Field body_fields[] = {{"metadata", FIELD_OBJECT, FIELD_REQUIRED}, {NULL}};

static json_t *
read_metadata(const Volume *volume)
{
    json_t *metadata = json_parse(volume->metadata_json, strlen(volume->metadata_json),
        JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, NULL);
    return metadata != NULL ? metadata : json_object();
}

static bool
check(const json_t *metadata, GError **error)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (strlen(key) == 0 || strlen(key) > 255 || !json_is_string(value) ||
            json_string_length(value) > 255) {
            return error_set(error, ERROR_INVALID,
                "Metadata property '%s' is not a text of at most 255 characters", key);
        }
    }
    return true;
}

static bool
save(ApiContext *context, Volume *volume, const json_t *metadata, GError **error)
{
    g_free(volume->metadata_json);
    volume->metadata_json = json_to_text(metadata);
    return store_update_volume(context->store, volume, error);
}

HttpResponse *
block_storage_list_metadata(ApiContext *context, GError **error)
{
    g_autoptr(Volume) volume = block_storage_get(context, error);
    return volume != NULL ? api_json(200, json_pack("{s:o}", "metadata", read_metadata(volume)))
                          : NULL;
}

static HttpResponse *
change(ApiContext *context, bool is_replaced, GError **error)
{
    if (!validate_body(context->body, body_fields, 0, 0, error)) {
        return NULL;
    }
    g_autoptr(Volume) volume = block_storage_get(context, error);
    if (volume == NULL) {
        return NULL;
    }
    json_auto_t *metadata = is_replaced ? json_object() : read_metadata(volume);
    json_object_update(metadata, json_object_get(context->body, "metadata"));
    return check(metadata, error) && save(context, volume, metadata, error)
        ? api_json(200, json_pack("{s:O}", "metadata", metadata))
        : NULL;
}

HttpResponse *
block_storage_merge_metadata(ApiContext *context, GError **error)
{
    return change(context, false, error);
}

HttpResponse *
block_storage_replace_metadata(ApiContext *context, GError **error)
{
    return change(context, true, error);
}

HttpResponse *
block_storage_delete_metadata_item(ApiContext *context, GError **error)
{
    const char *key = api_param(context, "key");
    g_autoptr(Volume) volume = block_storage_get(context, error);
    if (volume == NULL) {
        return NULL;
    }
    json_auto_t *metadata = read_metadata(volume);
    if (json_object_del(metadata, key) < 0) {
        error_set(
            error, ERROR_NOT_FOUND, "Volume %s has no metadata with key %s.", volume->id, key);
        return NULL;
    }
    return save(context, volume, metadata, error) ? api_empty(200) : NULL;
}
