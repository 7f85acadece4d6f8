/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"
#include <string.h>

enum { OPERATIONS_MAX = 512 };

static bool
bad(GError **error, const char *reason)
{
    return error_set(error, ERROR_INVALID, "Invalid JSON patch: %s", reason);
}

/* One part of a JSON pointer: ~1 is '/', ~0 is '~'. */
static char *
unescape(const char *part)
{
    g_autoptr(GString) text = g_string_new(part);
    g_string_replace(text, "~1", "/", 0);
    g_string_replace(text, "~0", "~", 0);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* "/tags/3" or "/tags/-" */
static bool
patch_tag(json_t *tags, const char *op, const char *place, json_t *value, GError **error)
{
    guint64 index = json_array_size(tags);
    bool is_end = strcmp(place, "-") == 0;
    if (!is_end && !g_ascii_string_to_unsigned(place, 10, 0, json_array_size(tags), &index, NULL)) {
        return bad(error, "there is no such place among the tags");
    }
    if (strcmp(op, "add") == 0) {
        return json_array_insert(tags, index, value) == 0 || bad(error, "the tag is missing");
    }
    if (index >= json_array_size(tags)) {
        return bad(error, "there is no such place among the tags");
    }
    if (strcmp(op, "remove") == 0) {
        return json_array_remove(tags, index) == 0;
    }
    return json_array_set(tags, index, value) == 0 || bad(error, "the tag is missing");
}

static bool
patch_attribute(json_t *attributes, const char *op, const char *name, json_t *value, GError **error)
{
    if (strcmp(name, "id") == 0) {
        return error_set(error, ERROR_FORBIDDEN, "Attribute 'id' is read-only.");
    }
    bool exists = json_object_get(attributes, name) != NULL;
    if (strcmp(op, "add") != 0 && !exists) {
        return error_set(error, ERROR_CONFLICT, "Property %s does not exist.", name);
    }
    if (strcmp(op, "remove") == 0) {
        return json_object_del(attributes, name) == 0;
    }
    return json_object_set(attributes, name, value) == 0 || bad(error, "'value' is missing");
}

static bool
apply_one(json_t *attributes, const json_t *operation, GError **error)
{
    static const char *const ops[] = {"add", "replace", "remove", NULL};
    const char *op = body_string(operation, "op", "");
    const char *path = body_string(operation, "path", "");
    json_t *value = json_object_get(operation, "value");
    if (!g_strv_contains(ops, op)) {
        return bad(error, "'op' must be add, replace or remove");
    }
    if (path[0] != '/' || path[1] == '\0') {
        return bad(error, "'path' must begin with '/'");
    }
    g_auto(GStrv) parts = g_strsplit(path + 1, "/", 3);
    g_autofree char *name = unescape(parts[0]);
    if (parts[1] == NULL) {
        return patch_attribute(attributes, op, name, value, error);
    }
    if (parts[2] != NULL || strcmp(name, "tags") != 0) {
        return bad(error, "only tags have something below them");
    }
    return patch_tag(json_object_get(attributes, "tags"), op, parts[1], value, error);
}

bool
image_patch_apply(json_t *attributes, const json_t *patch, GError **error)
{
    size_t i;
    json_t *operation;
    if (!json_is_array(patch) || json_array_size(patch) > OPERATIONS_MAX) {
        return bad(error, "it must be a list of at most 512 operations");
    }
    json_array_foreach(patch, i, operation)
    {
        if (!apply_one(attributes, operation, error)) {
            return false;
        }
    }
    return true;
}
