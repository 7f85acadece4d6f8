/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/validate.h"
#include "base/clock.h"
#include "base/error.h"
#include <string.h>

static bool
fail(GError **error, const char *name, const char *text, const char *what)
{
    json_auto_t *value = json_string(text);
    g_autofree char *repr = json_to_repr(value);
    return error_set(error, ERROR_INVALID,
        "Invalid input for query parameters %s. Value: %s. %s %s", name, repr, repr, what);
}

static bool
check_value(const QueryField *field, const char *text, GError **error)
{
    bool flag;
    int64_t us;
    guint64 number;
    switch (field->type) {
    case QUERY_STRING: return true;
    case QUERY_INTEGER:
        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &number, NULL) ||
            fail(error, field->name, text, "does not match '^[0-9]*$'");
    case QUERY_BOOLEAN:
        return parse_bool(text, &flag) || fail(error, field->name, text, "is not a boolean");
    case QUERY_UUID: return is_uuid(text) || fail(error, field->name, text, "is not a 'uuid'");
    case QUERY_TIME:
        return time_parse(text, &us) || fail(error, field->name, text, "is not a 'date-time'");
    }
    return true;
}

static const QueryField *
find_field(const QueryField *fields, const char *name, int minor)
{
    for (const QueryField *field = fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0 && minor >= field->since &&
            (field->until == 0 || minor <= field->until)) {
            return field;
        }
    }
    return NULL;
}

bool
validate_query(const HttpRequest *request, const QueryField *fields, int minor, int strict_since,
    GError **error)
{
    bool is_strict = strict_since != 0 && minor >= strict_since;
    for (size_t i = 0; i < http_request_n_queries(request); i++) {
        const char *name;
        const char *text;
        http_request_query_at(request, i, &name, &text);
        const QueryField *field = find_field(fields, name, minor);
        if (field == NULL && is_strict) {
            return error_set(error, ERROR_INVALID,
                "Additional properties are not allowed ('%s' was unexpected)", name);
        }
        if (field != NULL && !check_value(field, text, error)) {
            return false;
        }
    }
    return true;
}

bool
query_bool(const HttpRequest *request, const char *name, bool fallback)
{
    bool value = false;
    const char *text = http_request_query(request, name);
    if (text == NULL) {
        return fallback;
    }
    return parse_bool(text, &value) && value;
}
