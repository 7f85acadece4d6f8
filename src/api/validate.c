/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/validate.h"
#include "base/error.h"
#include <string.h>

/* Nova: parameter_types.boolean, in the order in which its error prints them. */
static const char *const true_texts[] = {
    "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t", NULL};
static const char *const false_texts[] = {
    "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f", NULL};

bool
parse_bool(const char *text, bool *ret_value)
{
    if (g_strv_contains(true_texts, text)) {
        *ret_value = true;
        return true;
    }
    if (g_strv_contains(false_texts, text)) {
        *ret_value = false;
        return true;
    }
    return false;
}

bool
is_uuid(const char *text)
{
    int n_digits = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (g_ascii_isxdigit(*at)) {
            n_digits++;
        } else if (*at != '-') {
            return false;
        }
    }
    return n_digits == 32 && strlen(text) <= 36;
}

/* Nova names the last part of the path alone, and nothing for the body itself. */
static bool
fail(GError **error, const char *path, const json_t *value, const char *message)
{
    if (path == NULL) {
        return error_set(error, ERROR_INVALID, "%s", message);
    }
    g_autofree char *repr = json_to_repr(value);
    return error_set(error, ERROR_INVALID, "Invalid input for field/attribute %s. Value: %s. %s",
        path, repr, message);
}

/* A message about the value itself: "'x' is not a 'uuid'". */
static bool fail_value(GError **error, const char *path, const json_t *value, const char *format,
    ...) G_GNUC_PRINTF(4, 5);

static bool
fail_value(GError **error, const char *path, const json_t *value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *repr = json_to_repr(value);
    g_autofree char *message = g_strdup_printf("%s %s", repr, what);
    return fail(error, path, value, message);
}

static const char *
type_words(FieldType type)
{
    switch (type) {
    case FIELD_ANY: break;
    case FIELD_STRING:
    case FIELD_UUID: return "'string'";
    case FIELD_INTEGER: return "'integer', 'string'";
    case FIELD_NUMBER: return "'number', 'string'";
    case FIELD_BOOLEAN: return "'boolean', 'string'";
    case FIELD_OBJECT: return "'object'";
    case FIELD_ARRAY: return "'array'";
    case FIELD_NULL: return "'null'";
    }
    return "";
}

static bool
fail_type(GError **error, const char *path, const json_t *value, const Field *field)
{
    return fail_value(error, path, value, "is not of type %s%s", type_words(field->type),
        (field->flags & FIELD_NULLABLE) != 0 ? ", 'null'" : "");
}

static bool
has_bounds(const Field *field)
{
    return field->min != 0 || field->max != 0;
}

static bool
check_values(const Field *field, const json_t *value, const char *path, GError **error)
{
    const char *text = json_string_value(value);
    if (field->values == NULL || g_strv_contains(field->values, text)) {
        return true;
    }
    g_autofree char *list = g_strjoinv("', '", (char **)field->values);
    return fail_value(error, path, value, "is not one of ['%s']", list);
}

bool
validate_matches(const char *pattern, const char *text)
{
    return g_regex_match_simple(pattern, text, G_REGEX_DOLLAR_ENDONLY, 0);
}

static bool
check_string(const Field *field, const json_t *value, const char *path, GError **error)
{
    if (!json_is_string(value)) {
        return fail_type(error, path, value, field);
    }
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value)) {
        return fail_value(error, path, value, "holds a NUL character");
    }
    int64_t length = g_utf8_strlen(text, -1);
    if (length < field->min) {
        return fail_value(error, path, value, "is too short");
    }
    if (field->max != 0 && length > field->max) {
        return fail_value(error, path, value, "is too long");
    }
    if (field->pattern != NULL && !validate_matches(field->pattern, text)) {
        return field->hint != NULL
            ? fail_value(error, path, value, "%s", field->hint)
            : fail_value(error, path, value, "does not match '%s'", field->pattern);
    }
    return check_values(field, value, path, error);
}

static bool
check_bounds(
    const Field *field, const json_t *value, double number, const char *path, GError **error)
{
    if (has_bounds(field) && number < (double)field->min) {
        return fail_value(
            error, path, value, "is less than the minimum of %" G_GINT64_FORMAT, field->min);
    }
    if (has_bounds(field) && number > (double)field->max) {
        return fail_value(
            error, path, value, "is greater than the maximum of %" G_GINT64_FORMAT, field->max);
    }
    return true;
}

static bool
check_integer(const Field *field, const json_t *value, const char *path, GError **error)
{
    if (json_is_integer(value)) {
        return check_bounds(field, value, (double)json_integer_value(value), path, error);
    }
    if (!json_is_string(value)) {
        return fail_type(error, path, value, field);
    }
    gint64 number;
    if (!g_ascii_string_to_signed(
            json_string_value(value), 10, G_MININT64, G_MAXINT64, &number, NULL)) {
        return fail_value(error, path, value, "does not match '^-?[0-9]+$'");
    }
    return check_bounds(field, value, (double)number, path, error);
}

static bool
check_number(const Field *field, const json_t *value, const char *path, GError **error)
{
    if (json_is_number(value)) {
        return check_bounds(field, value, json_number_value(value), path, error);
    }
    if (!json_is_string(value)) {
        return fail_type(error, path, value, field);
    }
    const char *text = json_string_value(value);
    if (!validate_matches("^[0-9]+(\\.[0-9]+)?$", text)) {
        return fail_value(error, path, value, "does not match '^[0-9]+(\\.[0-9]+)?$'");
    }
    return check_bounds(field, value, g_ascii_strtod(text, NULL), path, error);
}

static bool
check_boolean(const json_t *value, const char *path, GError **error)
{
    bool parsed;
    if (json_is_boolean(value) ||
        (json_is_string(value) && parse_bool(json_string_value(value), &parsed))) {
        return true;
    }
    g_autofree char *yes = g_strjoinv("', '", (char **)true_texts);
    g_autofree char *no = g_strjoinv("', '", (char **)false_texts);
    return fail_value(error, path, value, "is not one of [True, '%s', False, '%s']", yes, no);
}

static bool check_value(
    const Field *field, const json_t *value, const char *path, int minor, GError **error);
static bool check_object(const json_t *value, const Field *fields, bool is_open, const char *path,
    int minor, GError **error);

static bool
check_array(const Field *field, const json_t *value, const char *path, int minor, GError **error)
{
    size_t i;
    json_t *item;
    if (!json_is_array(value)) {
        return fail_type(error, path, value, field);
    }
    int64_t size = (int64_t)json_array_size(value);
    if (size < field->min) {
        return fail_value(error, path, value, "is too short");
    }
    if (field->max != 0 && size > field->max) {
        return fail_value(error, path, value, "is too long");
    }
    json_array_foreach(value, i, item)
    {
        g_autofree char *index = g_strdup_printf("%zu", i);
        if (field->item != NULL && !check_value(field->item, item, index, minor, error)) {
            return false;
        }
    }
    return true;
}

static bool
check_value(const Field *field, const json_t *value, const char *path, int minor, GError **error)
{
    if (json_is_null(value) && (field->flags & FIELD_NULLABLE) != 0) {
        return true;
    }
    switch (field->type) {
    case FIELD_ANY:
    case FIELD_NULL: return true;
    case FIELD_STRING: return check_string(field, value, path, error);
    case FIELD_INTEGER: return check_integer(field, value, path, error);
    case FIELD_NUMBER: return check_number(field, value, path, error);
    case FIELD_BOOLEAN: return check_boolean(value, path, error);
    case FIELD_UUID:
        return (json_is_string(value) && is_uuid(json_string_value(value))) ||
            fail_value(error, path, value, "is not a 'uuid'");
    case FIELD_OBJECT:
        if (!json_is_object(value)) {
            return fail_type(error, path, value, field);
        }
        return field->fields == NULL ||
            check_object(
                value, field->fields, (field->flags & FIELD_OPEN) != 0, path, minor, error);
    case FIELD_ARRAY: return check_array(field, value, path, minor, error);
    }
    return true;
}

static bool
exists_at(const Field *field, int minor)
{
    return minor >= field->since && (field->until == 0 || minor <= field->until);
}

static const Field *
find_field(const Field *fields, const char *name, int minor)
{
    for (const Field *field = fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0 && exists_at(field, minor)) {
            return field;
        }
    }
    return NULL;
}

static bool
check_no_others(
    const json_t *object, const Field *fields, const char *path, int minor, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    int n_names = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (find_field(fields, key, minor) == NULL) {
            g_string_append_printf(names, "%s'%s'", n_names == 0 ? "" : ", ", key);
            n_names++;
        }
    }
    if (n_names == 0) {
        return true;
    }
    g_autofree char *message =
        g_strdup_printf("Additional properties are not allowed (%s %s unexpected)", names->str,
            n_names == 1 ? "was" : "were");
    return fail(error, path, object, message);
}

static bool
check_object(const json_t *value, const Field *fields, bool is_open, const char *path, int minor,
    GError **error)
{
    for (const Field *field = fields; field->name != NULL; field++) {
        json_t *member = json_object_get(value, field->name);
        if (member != NULL && exists_at(field, minor) &&
            !check_value(field, member, field->name, minor, error)) {
            return false;
        }
    }
    for (const Field *field = fields; field->name != NULL; field++) {
        if ((field->flags & FIELD_REQUIRED) != 0 && exists_at(field, minor) &&
            json_object_get(value, field->name) == NULL) {
            g_autofree char *message = g_strdup_printf("'%s' is a required property", field->name);
            return fail(error, path, value, message);
        }
    }
    return is_open || check_no_others(value, fields, path, minor, error);
}

bool
validate_body(const json_t *body, const Field *fields, unsigned flags, int minor, GError **error)
{
    if (!json_is_object(body)) {
        g_autofree char *repr = json_to_repr(body);
        return error_set(error, ERROR_INVALID, "%s is not of type 'object'", repr);
    }
    return check_object(body, fields, (flags & FIELD_OPEN) != 0, NULL, minor, error);
}

bool
body_has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

const char *
body_string(const json_t *object, const char *name, const char *fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t
body_int(const json_t *object, const char *name, int64_t fallback)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value)) {
        return g_ascii_strtoll(json_string_value(value), NULL, 10);
    }
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double
body_number(const json_t *object, const char *name, double fallback)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value)) {
        return g_ascii_strtod(json_string_value(value), NULL);
    }
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool
body_bool(const json_t *object, const char *name, bool fallback)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value)) {
        bool parsed = fallback;
        parse_bool(json_string_value(value), &parsed);
        return parsed;
    }
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}
