/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/validate.h"
#include <string.h>

/* Enough to recognise what was sent, too little to blow up a log. */
enum { REPR_SIZE_MAX = 1000 };

/* Python prefers single quotes, and takes double ones when that saves escapes. */
static void
append_string(GString *out, const char *text)
{
    char quote = strchr(text, '\'') != NULL && strchr(text, '"') == NULL ? '"' : '\'';
    g_string_append_c(out, quote);
    for (const char *at = text; *at != '\0' && out->len < REPR_SIZE_MAX; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '\n') {
            g_string_append(out, "\\n");
        } else if (byte == '\t') {
            g_string_append(out, "\\t");
        } else if (byte == '\r') {
            g_string_append(out, "\\r");
        } else if (byte < 0x20 || byte == 0x7f) {
            g_string_append_printf(out, "\\x%02x", byte);
        } else {
            if (byte == '\\' || byte == (unsigned char)quote) {
                g_string_append_c(out, '\\');
            }
            g_string_append_c(out, (char)byte);
        }
    }
    g_string_append_c(out, quote);
}

static void append_value(GString *out, const json_t *value);

static void
append_array(GString *out, const json_t *array)
{
    size_t i;
    json_t *item;
    g_string_append_c(out, '[');
    json_array_foreach(array, i, item)
    {
        if (out->len >= REPR_SIZE_MAX) {
            break;
        }
        g_string_append(out, i == 0 ? "" : ", ");
        append_value(out, item);
    }
    g_string_append_c(out, ']');
}

static void
append_object(GString *out, const json_t *object)
{
    const char *key;
    json_t *value;
    bool first = true;
    g_string_append_c(out, '{');
    json_object_foreach((json_t *)object, key, value)
    {
        if (out->len >= REPR_SIZE_MAX) {
            break;
        }
        g_string_append(out, first ? "" : ", ");
        append_string(out, key);
        g_string_append(out, ": ");
        append_value(out, value);
        first = false;
    }
    g_string_append_c(out, '}');
}

static void
append_value(GString *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: append_object(out, value); break;
    case JSON_ARRAY: append_array(out, value); break;
    case JSON_STRING: append_string(out, json_string_value(value)); break;
    case JSON_INTEGER:
        g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL: g_string_append_printf(out, "%.17g", json_real_value(value)); break;
    case JSON_TRUE: g_string_append(out, "True"); break;
    case JSON_FALSE: g_string_append(out, "False"); break;
    case JSON_NULL: g_string_append(out, "None"); break;
    }
}

char *
json_to_repr(const json_t *value)
{
    GString *out = g_string_new(NULL);
    append_value(out, value);
    if (out->len > REPR_SIZE_MAX) {
        g_string_truncate(out, REPR_SIZE_MAX);
        /* The cut may have split a character. */
        const char *end;
        if (!g_utf8_validate(out->str, (gssize)out->len, &end)) {
            g_string_truncate(out, (size_t)(end - out->str));
        }
        g_string_append(out, "...");
    }
    return g_string_free(out, FALSE);
}
