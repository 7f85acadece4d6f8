/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "dashboard/dashboard.h"
#include "dashboard/assets.h"

#include <string.h>

/* Nothing from elsewhere, nothing inline, no HTML made from text, and in nobody's frame. */
#define CONTENT_SECURITY_POLICY                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "                \
    "require-trusted-types-for 'script'; trusted-types 'none'"

static bool
takes_gzip(const HttpRequest *request)
{
    const char *accepted = http_request_header(request, "Accept-Encoding");
    return accepted != NULL && strstr(accepted, "gzip") != NULL;
}

static void
add_headers(HttpResponse *response, const char *cache_control)
{
    http_response_set_header(response, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
    http_response_set_header(response, "X-Content-Type-Options", "nosniff");
    http_response_set_header(response, "X-Frame-Options", "DENY");
    http_response_set_header(response, "Referrer-Policy", "no-referrer");
    http_response_set_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    http_response_set_header(response, "Cache-Control", cache_control);
    http_response_set_header(response, "Vary", "Accept-Encoding");
}

static HttpResponse *
reply_asset(const HttpRequest *request, const DashboardAsset *asset, const char *cache_control)
{
    bool is_packed = takes_gzip(request);
    GBytes *body = is_packed ? g_bytes_new_static(asset->gzip, asset->gzip_size)
                             : g_bytes_new_static(asset->plain, asset->plain_size);
    HttpResponse *response = http_response_new_bytes(200, asset->type, body);
    if (is_packed) {
        http_response_set_header(response, "Content-Encoding", "gzip");
    }
    add_headers(response, cache_control);
    return response;
}

/* The page is asked for each time, and is small; what it names is kept for ever. */
static HttpResponse *
show_page(HttpRequest *request, void *data)
{
    g_autofree char *etag =
        g_strdup_printf("\"%s%s\"", dashboard_version, takes_gzip(request) ? "-gzip" : "");
    const char *known = http_request_header(request, "If-None-Match");
    bool is_known = known != NULL && strstr(known, etag) != NULL;
    HttpResponse *response = is_known ? http_response_new(304)
                                      : reply_asset(request, &dashboard_assets[0], "no-cache");
    add_headers(response, "no-cache");
    http_response_set_header(response, "ETag", etag);
    return response;
}

static HttpResponse *
show_asset(HttpRequest *request, void *data)
{
    const char *name = http_request_param(request, "file");
    bool is_current = strcmp(http_request_param(request, "version"), dashboard_version) == 0;
    for (size_t i = 1; is_current && i < dashboard_n_assets; i++) {
        if (strcmp(name, dashboard_assets[i].name) == 0) {
            return reply_asset(
                request, &dashboard_assets[i], "public, max-age=31536000, immutable");
        }
    }
    HttpResponse *response = http_response_new_text(404, "text/plain; charset=utf-8",
        g_strdup("The dashboard has no such file: load /dashboard/ anew.\n"));
    add_headers(response, "no-store");
    return response;
}

static const HttpRoute routes[] = {
    {"GET", "", show_page},
    {"GET", "/assets/{version}/{file}", show_asset},
};

void
dashboard_add_routes(HttpRouter *router)
{
    http_router_add_table(router, "/dashboard", routes, G_N_ELEMENTS(routes), NULL);
}
