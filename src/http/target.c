/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The request target: "/v2.1/servers/a%2Fb?name=x+y" into decoded parts and pairs. libmicrohttpd
 * decodes the path as a whole, which loses the difference between "/" and "%2F"; so this works on
 * the text as it was sent. */
#include <string.h>

#include "http/internal.h"

/* A '%' that two hex digits do not follow stays as it is, as in Python's unquote. NULL when the
 * result holds a NUL or is not UTF-8. */
static const char *
decode(HttpRequest *request, const char *text, size_t length, bool plus_is_blank)
{
    g_autofree char *decoded = g_malloc(length + 1);
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < length && g_ascii_isxdigit(text[i + 1]) &&
            g_ascii_isxdigit(text[i + 2])) {
            c = (char)(g_ascii_xdigit_value(text[i + 1]) << 4 | g_ascii_xdigit_value(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        decoded[size++] = c;
    }
    decoded[size] = '\0';
    if (!g_utf8_validate_len(decoded, size, NULL)) {
        return NULL;
    }
    return g_string_chunk_insert_len(request->texts, decoded, (gssize)size);
}

static bool
split_path(HttpRequest *request, const char *path)
{
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        if (length > 0) {
            const char *part = decode(request, path, length, false);
            if (part == NULL) {
                return false;
            }
            g_ptr_array_add(request->parts, (char *)part);
        }
        path += length + (path[length] == '/');
    }
    return true;
}

static bool
split_query(HttpRequest *request, const char *query)
{
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t name_length = equals != NULL ? (size_t)(equals - query) : length;
        size_t value_at = equals != NULL ? name_length + 1 : length;
        HttpPair pair = {
            .name = decode(request, query, name_length, true),
            .value = decode(request, query + value_at, length - value_at, true),
        };
        if (pair.name == NULL || pair.value == NULL) {
            return false;
        }
        if (length > 0) {
            g_array_append_val(request->queries, pair);
        }
        query += length + (query[length] == '&');
    }
    return true;
}

/* A proxy may send "http://host/path"; the host is in the Host header too. */
static const char *
skip_authority(const char *target)
{
    if (*target == '/') {
        return target;
    }
    const char *slashes = strstr(target, "://");
    const char *path = slashes != NULL ? strchr(slashes + 3, '/') : NULL;
    return path != NULL ? path : target;
}

bool
http_request_set_target(HttpRequest *request, const char *target)
{
    /* What is kept for logs and links must be text, too. */
    if (!g_utf8_validate(target, -1, NULL)) {
        return false;
    }
    target = skip_authority(target);
    size_t path_length = strcspn(target, "?#");
    request->path = g_string_chunk_insert_len(request->texts, target, (gssize)path_length);
    if (target[path_length] == '?') {
        const char *query = target + path_length + 1;
        request->query_text =
            g_string_chunk_insert_len(request->texts, query, (gssize)strcspn(query, "#"));
    }
    return split_path(request, request->path) && split_query(request, request->query_text);
}
