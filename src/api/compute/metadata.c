/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /servers/{id}/metadata. Source: Compute API reference, "Server metadata". */
#include "api/compute/compute.h"
#include "base/json.h"

#include <string.h>

bool
compute_check_metadata(const json_t *metadata, GError **error)
{
    if (json_object_size(metadata) > 128) {
        return error_set(error, ERROR_FORBIDDEN, "Maximum number of metadata items exceeds 128");
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)metadata, key, value)
    {
        bool key_is_good = validate_matches(KEY_PATTERN, key);
        bool value_is_good =
            json_is_string(value) && g_utf8_strlen(json_string_value(value), -1) <= 255;
        if (!key_is_good || !value_is_good) {
            g_autofree char *repr = json_to_repr(value);
            return error_set(error, ERROR_INVALID,
                "Invalid input for field/attribute %s. Value: %s. %s", key, repr,
                key_is_good ? "It is not a text of at most 255 characters"
                            : "The key is not made of letters, digits, '-_:. '");
        }
    }
    return true;
}

static const Field body_fields[] = {
    {"metadata", FIELD_OBJECT, FIELD_REQUIRED},
    {NULL},
};

static json_t *
read_metadata(ApiContext *context, Instance **ret_instance, GError **error)
{
    Instance *instance = compute_get_instance(context, api_param(context, "id"), error);
    *ret_instance = instance;
    return instance != NULL ? compute_parse_stored(instance->metadata_json) : NULL;
}

static bool
save(ApiContext *context, const Instance *instance, const json_t *metadata, GError **error)
{
    g_autofree char *text = json_to_text(metadata);
    return compute_check_lock(context, instance, error) &&
        compute_check_metadata(metadata, error) &&
        store_set_instance_metadata(context->store, instance->id, text, error);
}

HttpResponse *
compute_list_metadata(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = NULL;
    json_t *metadata = read_metadata(context, &instance, error);
    return metadata != NULL ? api_json(200, json_pack("{s:o}", "metadata", metadata)) : NULL;
}

static HttpResponse *
change(ApiContext *context, bool replaces, GError **error)
{
    if (!validate_body(context->body, body_fields, 0, context->minor, error)) {
        return NULL;
    }
    g_autoptr(Instance) instance = NULL;
    json_auto_t *metadata = read_metadata(context, &instance, error);
    if (metadata == NULL) {
        return NULL;
    }
    if (replaces) {
        json_object_clear(metadata);
    }
    json_object_update(metadata, json_object_get(context->body, "metadata"));
    return save(context, instance, metadata, error)
        ? api_json(200, json_pack("{s:O}", "metadata", metadata))
        : NULL;
}

HttpResponse *
compute_merge_metadata(ApiContext *context, GError **error)
{
    return change(context, false, error);
}

HttpResponse *
compute_replace_metadata(ApiContext *context, GError **error)
{
    return change(context, true, error);
}

static bool
check_item(const ApiContext *context, const json_t *metadata, GError **error)
{
    return json_object_get(metadata, api_param(context, "key")) != NULL ||
        error_set(error, ERROR_NOT_FOUND, "Metadata item was not found");
}

HttpResponse *
compute_show_metadata_item(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = NULL;
    json_auto_t *metadata = read_metadata(context, &instance, error);
    if (metadata == NULL || !check_item(context, metadata, error)) {
        return NULL;
    }
    const char *key = api_param(context, "key");
    return api_json(200, json_pack("{s:{s:O}}", "meta", key, json_object_get(metadata, key)));
}

HttpResponse *
compute_set_metadata_item(ApiContext *context, GError **error)
{
    static const Field item_fields[] = {{"meta", FIELD_OBJECT, FIELD_REQUIRED}, {NULL}};
    if (!validate_body(context->body, item_fields, 0, context->minor, error)) {
        return NULL;
    }
    const json_t *meta = json_object_get(context->body, "meta");
    if (json_object_size(meta) != 1 || json_object_get(meta, api_param(context, "key")) == NULL) {
        error_set(error, ERROR_INVALID, "Request body and URI mismatch");
        return NULL;
    }
    g_autoptr(Instance) instance = NULL;
    json_auto_t *metadata = read_metadata(context, &instance, error);
    if (metadata == NULL) {
        return NULL;
    }
    json_object_update(metadata, (json_t *)meta);
    return save(context, instance, metadata, error)
        ? api_json(200, json_pack("{s:O}", "meta", meta))
        : NULL;
}

HttpResponse *
compute_delete_metadata_item(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = NULL;
    json_auto_t *metadata = read_metadata(context, &instance, error);
    if (metadata == NULL || !check_item(context, metadata, error)) {
        return NULL;
    }
    json_object_del(metadata, api_param(context, "key"));
    return save(context, instance, metadata, error) ? api_empty(204) : NULL;
}
