/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/json.h"

#include <string.h>

#include "base/error.h"

/* jansson recurses for each level, to 2048 deep: so the depth is counted before, without
 * recursion. Only brackets outside of strings count; whether they match is the parser's matter. */
static int
count_depth(const char *text, size_t size)
{
    int depth = 0;
    int deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
            deepest = MAX(deepest, depth);
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return deepest;
}

json_t *
json_parse(const char *text, size_t size, size_t max_size, int max_depth, GError **error)
{
    if (size > max_size) {
        error_set(error, ERROR_LIMIT, "the JSON text has %zu bytes, more than the %zu allowed",
            size, max_size);
        return NULL;
    }
    int depth = count_depth(text, size);
    if (depth > max_depth) {
        error_set(error, ERROR_INVALID, "the JSON text is nested %d deep, more than the %d allowed",
            depth, max_depth);
        return NULL;
    }
    json_error_t problem;
    json_t *root = json_loadb(text, size, 0, &problem);
    if (root == NULL) {
        /* jansson quotes what was sent: only what can be shown on one line may pass. */
        g_autofree char *reason = g_utf8_make_valid(problem.text, -1);
        g_strdelimit(reason, "\n\r\t", ' ');
        error_set(error, ERROR_INVALID, "not valid JSON at line %d, column %d: %s",
            MAX(problem.line, 1), MAX(problem.column, 0), reason);
    }
    return root;
}

const char *
json_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "object";
    case JSON_ARRAY: return "array";
    case JSON_STRING: return "string";
    case JSON_INTEGER: return "integer";
    case JSON_REAL: return "number";
    case JSON_TRUE:
    case JSON_FALSE: return "boolean";
    case JSON_NULL: return "null";
    }
    return "nothing";
}

json_t *
json_lookup(const json_t *root, const char *path)
{
    const char *key = path;
    for (;;) {
        size_t length = strcspn(key, ".");
        json_t *value = json_object_getn(root, key, length);
        if (value == NULL || key[length] == '\0') {
            return value;
        }
        root = value;
        key += length + 1;
    }
}

const char *
json_text_or(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : fallback;
}

static bool
set_wrong_type(const json_t *value, const char *path, const char *wanted, GError **error)
{
    return error_set(
        error, ERROR_INVALID, "'%s' is of type %s, not %s", path, json_type_name(value), wanted);
}

/* What 'get' needs: there, and not null. */
static json_t *
get_value(const json_t *root, const char *path, GError **error)
{
    json_t *value = json_lookup(root, path);
    if (value == NULL) {
        error_set(error, ERROR_INVALID, "'%s' is missing", path);
    }
    return value;
}

/* What 'find' needs: NULL for absent and for null. */
static json_t *
find_value(const json_t *root, const char *path)
{
    json_t *value = json_lookup(root, path);
    return json_is_null(value) ? NULL : value;
}

static bool
read_string(const json_t *value, const char *path, const char **ret_text, GError **error)
{
    if (!json_is_string(value)) {
        return set_wrong_type(value, path, "string", error);
    }
    *ret_text = json_string_value(value);
    return true;
}

static bool
read_int(const json_t *value, const char *path, int64_t *ret_number, GError **error)
{
    if (!json_is_integer(value)) {
        return set_wrong_type(value, path, "integer", error);
    }
    *ret_number = json_integer_value(value);
    return true;
}

static bool
read_bool(const json_t *value, const char *path, bool *ret_flag, GError **error)
{
    if (!json_is_boolean(value)) {
        return set_wrong_type(value, path, "boolean", error);
    }
    *ret_flag = json_is_true(value);
    return true;
}

bool
json_get_string(const json_t *root, const char *path, const char **ret_text, GError **error)
{
    const json_t *value = get_value(root, path, error);
    return value != NULL && read_string(value, path, ret_text, error);
}

bool
json_get_int(const json_t *root, const char *path, int64_t *ret_number, GError **error)
{
    const json_t *value = get_value(root, path, error);
    return value != NULL && read_int(value, path, ret_number, error);
}

bool
json_get_bool(const json_t *root, const char *path, bool *ret_flag, GError **error)
{
    const json_t *value = get_value(root, path, error);
    return value != NULL && read_bool(value, path, ret_flag, error);
}

json_t *
json_get_object(const json_t *root, const char *path, GError **error)
{
    json_t *value = get_value(root, path, error);
    if (value != NULL && !json_is_object(value)) {
        set_wrong_type(value, path, "object", error);
        return NULL;
    }
    return value;
}

json_t *
json_get_array(const json_t *root, const char *path, GError **error)
{
    json_t *value = get_value(root, path, error);
    if (value != NULL && !json_is_array(value)) {
        set_wrong_type(value, path, "array", error);
        return NULL;
    }
    return value;
}

bool
json_find_string(const json_t *root, const char *path, const char *fallback, const char **ret_text,
    GError **error)
{
    const json_t *value = find_value(root, path);
    if (value == NULL) {
        *ret_text = fallback;
        return true;
    }
    return read_string(value, path, ret_text, error);
}

bool
json_find_int(
    const json_t *root, const char *path, int64_t fallback, int64_t *ret_number, GError **error)
{
    const json_t *value = find_value(root, path);
    if (value == NULL) {
        *ret_number = fallback;
        return true;
    }
    return read_int(value, path, ret_number, error);
}

bool
json_find_bool(const json_t *root, const char *path, bool fallback, bool *ret_flag, GError **error)
{
    const json_t *value = find_value(root, path);
    if (value == NULL) {
        *ret_flag = fallback;
        return true;
    }
    return read_bool(value, path, ret_flag, error);
}
