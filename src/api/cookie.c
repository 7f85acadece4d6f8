/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/cookie.h"
#include <string.h>

#define COOKIE_NAME "drover-session"

static bool
is_read(const HttpRequest *request)
{
    const char *method = http_request_method(request);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

char *
cookie_find_token(const HttpRequest *request)
{
    const char *header = http_request_header(request, "Cookie");
    if (header == NULL ||
        (!is_read(request) && http_request_header(request, COOKIE_GUARD_HEADER) == NULL)) {
        return NULL;
    }
    g_auto(GStrv) pairs = g_strsplit(header, ";", -1);
    for (size_t i = 0; pairs[i] != NULL; i++) {
        const char *pair = g_strstrip(pairs[i]);
        if (g_str_has_prefix(pair, COOKIE_NAME "=")) {
            return g_strdup(pair + strlen(COOKIE_NAME "="));
        }
    }
    return NULL;
}

void
cookie_set(HttpResponse *response, const char *token, int64_t lifetime_s, bool is_secure)
{
    g_autofree char *text = g_strdup_printf(COOKIE_NAME
        "=%s; Path=/; Max-Age=%" G_GINT64_FORMAT "; HttpOnly; SameSite=Strict%s",
        token, lifetime_s, is_secure ? "; Secure" : "");
    http_response_set_header(response, "Set-Cookie", text);
}

void
cookie_clear(HttpResponse *response, bool is_secure)
{
    cookie_set(response, "", 0, is_secure);
}
