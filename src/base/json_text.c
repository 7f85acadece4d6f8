/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* json_to_text: what jansson's own writer gives with JSON_COMPACT, several times as fast. That one
 * decodes every character; but strings in a tree are UTF-8 already, so only what JSON escapes has
 * to be found. */
#include "base/json.h"

#include <string.h>

static void append_value(GString *text, const json_t *value);

static void
append_escaped(GString *text, unsigned char byte)
{
    static const char short_names[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (byte == '"' || byte == '\\') {
        g_string_append_c(text, '\\');
        g_string_append_c(text, (char)byte);
    } else if (byte < sizeof short_names && short_names[byte] != 0) {
        g_string_append_c(text, '\\');
        g_string_append_c(text, short_names[byte]);
    } else {
        g_string_append_printf(text, "\\u%04X", byte);
    }
}

static void
append_string(GString *text, const char *string, size_t length)
{
    const char *plain = string; /* what needs no escape and is not written yet */
    const char *end = string + length;

    g_string_append_c(text, '"');
    for (const char *at = string; at < end; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            g_string_append_len(text, plain, at - plain);
            append_escaped(text, byte);
            plain = at + 1;
        }
    }
    g_string_append_len(text, plain, end - plain);
    g_string_append_c(text, '"');
}

static void
append_integer(GString *text, json_int_t number)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    g_string_append_len(text, at, digits + sizeof digits - at);
}

/* jansson knows how a number has to look so that it is read back as the same one. */
static void
append_real(GString *text, const json_t *value)
{
    char *number = json_dumps(value, JSON_ENCODE_ANY);
    g_string_append(text, number);
    free(number);
}

static void
append_array(GString *text, const json_t *array)
{
    size_t i;
    json_t *item;

    g_string_append_c(text, '[');
    json_array_foreach(array, i, item)
    {
        if (i > 0) {
            g_string_append_c(text, ',');
        }
        append_value(text, item);
    }
    g_string_append_c(text, ']');
}

static void
append_object(GString *text, const json_t *object)
{
    json_t *members = (json_t *)object; /* iterating changes nothing */
    bool is_first = true;

    g_string_append_c(text, '{');
    for (void *at = json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        if (!is_first) {
            g_string_append_c(text, ',');
        }
        is_first = false;
        append_string(text, json_object_iter_key(at), json_object_iter_key_len(at));
        g_string_append_c(text, ':');
        append_value(text, json_object_iter_value(at));
    }
    g_string_append_c(text, '}');
}

/* As deep as the tree: what others send is limited by json_parse, and what we make is flat. */
static void
append_value(GString *text, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: append_object(text, value); break;
    case JSON_ARRAY: append_array(text, value); break;
    case JSON_STRING:
        append_string(text, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER: append_integer(text, json_integer_value(value)); break;
    case JSON_REAL: append_real(text, value); break;
    case JSON_TRUE: g_string_append(text, "true"); break;
    case JSON_FALSE: g_string_append(text, "false"); break;
    case JSON_NULL: g_string_append(text, "null"); break;
    }
}

char *
json_to_text(const json_t *value)
{
    GString *text = g_string_sized_new(4096);

    append_value(text, value);
    return g_string_free(text, false);
}
