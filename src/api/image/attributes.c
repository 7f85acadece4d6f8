/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"
#include "base/json.h"
#include <string.h>

static const char *const visibilities[] = {"public", "private", "shared", "community", NULL};
static const char *const disk_formats[] = {"qcow2", "raw", "iso", "aki", "ari", NULL};
static const char *const container_formats[] = {"bare", "aki", "ari", NULL};

static const Field tag_field = {"tag", FIELD_STRING, 0, 1, 255};
static const Field string_field = {"property", FIELD_STRING, FIELD_NULLABLE, 0, 65535};

/* Everything else is a free-form property: a string. */
static const Field fields[] = {
    {"name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"visibility", FIELD_STRING, .values = visibilities},
    {"disk_format", FIELD_STRING, FIELD_NULLABLE, .values = disk_formats},
    {"container_format", FIELD_STRING, FIELD_NULLABLE, .values = container_formats},
    {"min_ram", FIELD_INTEGER, 0, 0, G_MAXINT32},
    {"min_disk", FIELD_INTEGER, 0, 0, G_MAXINT32},
    {"protected", FIELD_BOOLEAN},
    {"os_hidden", FIELD_BOOLEAN},
    {"tags", FIELD_ARRAY, 0, 0, 128, .item = &tag_field},
    {"owner", FIELD_STRING, FIELD_NULLABLE, 0, 64},
    {0},
};
enum { PROPERTIES_MAX = 128 };

static const char *const read_only[] = {"status", "size", "virtual_size", "checksum",
    "os_hash_algo", "os_hash_value", "created_at", "updated_at", "self", "file", "schema",
    "direct_url", "locations", "stores", NULL};

static bool
is_attribute(const char *name)
{
    for (const Field *field = fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *
parse_stored(const char *text, json_t *(*make_empty)(void))
{
    json_t *value = text == NULL ? NULL : json_loads(text, 0, NULL);
    return value == NULL ? make_empty() : value;
}

json_t *
image_attributes_to_json(const Image *image)
{
    json_t *attributes = parse_stored(image->properties_json, json_object);
    json_auto_t *known = json_pack("{s:o, s:s, s:o, s:o, s:i, s:i, s:b, s:b, s:o}", "name",
        api_string_or_null(image->name), "visibility", image->visibility, "disk_format",
        api_string_or_null(image->disk_format), "container_format",
        api_string_or_null(image->container_format), "min_ram", image->min_ram_mib, "min_disk",
        image->min_disk_gib, "protected", image->is_protected, "os_hidden", image->is_hidden,
        "tags", parse_stored(image->tags_json, json_array));
    json_object_update(attributes, known);
    return attributes;
}

static bool
check_property(const char *name, const json_t *value, GError **error)
{
    if (g_strv_contains(read_only, name)) {
        return error_set(error, ERROR_FORBIDDEN, "Attribute '%s' is read-only.", name);
    }
    if (strlen(name) > 255) {
        return error_set(error, ERROR_INVALID, "the name of a property is too long");
    }
    Field field = string_field;
    field.name = name;
    const Field one[] = {field, {0}};
    json_auto_t *object = json_object();
    json_object_set(object, name, (json_t *)value);
    return validate_body(object, one, 0, 0, error);
}

/* The free-form properties as text; NULL and an error when one may not be. */
static char *
collect_properties(const json_t *attributes, GError **error)
{
    const char *name;
    json_t *value;
    json_auto_t *properties = json_object();
    json_object_foreach((json_t *)attributes, name, value)
    {
        if (is_attribute(name) || strcmp(name, "id") == 0) {
            continue;
        }
        if (!check_property(name, value, error)) {
            return NULL;
        }
        if (!json_is_null(value)) {
            json_object_set(properties, name, value);
        }
    }
    if (json_object_size(properties) > PROPERTIES_MAX) {
        error_set(error, ERROR_LIMIT, "an image has at most %d properties", PROPERTIES_MAX);
        return NULL;
    }
    return json_to_text(properties);
}

/* Each tag once. */
static char *
collect_tags(const json_t *attributes)
{
    size_t i;
    json_t *tag;
    json_auto_t *seen = json_object();
    json_auto_t *tags = json_array();
    json_array_foreach(json_object_get(attributes, "tags"), i, tag)
    {
        if (json_object_get(seen, json_string_value(tag)) == NULL) {
            json_object_set_new(seen, json_string_value(tag), json_true());
            json_array_append(tags, tag);
        }
    }
    return json_to_text(tags);
}

static bool
apply_visibility(ApiContext *context, const json_t *attributes, Image *image, GError **error)
{
    const char *visibility = body_string(attributes, "visibility", "shared");
    if (strcmp(visibility, image->visibility) != 0 && strcmp(visibility, "public") == 0 &&
        !api_check_policy(context, "image:publicize_image", error)) {
        return false;
    }
    g_free(image->visibility);
    image->visibility = g_strdup(visibility);
    return true;
}

/* What the bytes are is settled once they are there. */
static bool
apply_format(
    const json_t *attributes, const char *name, char **format, bool is_queued, GError **error)
{
    const char *wanted = body_string(attributes, name, NULL);
    if (g_strcmp0(wanted, *format) != 0 && !is_queued) {
        return error_set(
            error, ERROR_FORBIDDEN, "Attribute %s can be only replaced for a queued image.", name);
    }
    g_free(*format);
    *format = g_strdup(wanted);
    return true;
}

static bool
apply_owner(ApiContext *context, const json_t *attributes, Image *image, GError **error)
{
    const char *owner = body_string(attributes, "owner", NULL);
    if (owner == NULL || g_strcmp0(owner, image->owner) == 0) {
        return true;
    }
    if (!context->is_admin) {
        return error_set(
            error, ERROR_FORBIDDEN, "You are not permitted to create images owned by '%s'.", owner);
    }
    g_free(image->owner);
    image->owner = g_strdup(owner);
    return true;
}

bool
image_attributes_apply(ApiContext *context, const json_t *attributes, Image *image, GError **error)
{
    bool is_queued = image->status == IMAGE_QUEUED;
    g_autofree char *properties = validate_body(attributes, fields, FIELD_OPEN, 0, error)
        ? collect_properties(attributes, error)
        : NULL;
    if (properties == NULL || !apply_visibility(context, attributes, image, error) ||
        !apply_owner(context, attributes, image, error) ||
        !apply_format(attributes, "disk_format", &image->disk_format, is_queued, error) ||
        !apply_format(attributes, "container_format", &image->container_format, is_queued, error)) {
        return false;
    }
    g_free(image->name);
    image->name = g_strdup(body_string(attributes, "name", ""));
    image->min_ram_mib = (int)body_int(attributes, "min_ram", 0);
    image->min_disk_gib = (int)body_int(attributes, "min_disk", 0);
    image->is_protected = body_bool(attributes, "protected", false);
    image->is_hidden = body_bool(attributes, "os_hidden", false);
    g_free(image->tags_json);
    image->tags_json = collect_tags(attributes);
    g_free(image->properties_json);
    image->properties_json = g_steal_pointer(&properties);
    return true;
}
