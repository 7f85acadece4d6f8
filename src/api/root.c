/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What belongs to no service: metrics, and the root itself, which answers as Identity does, so
 * that OS_AUTH_URL may be nothing but host and port. */
#include "api/areas.h"
#include "api/context.h"
#include "api/identity/identity.h"
#include "base/metrics.h"
#include <string.h>

static HttpResponse *
get_metrics(ApiContext *context, GError **error)
{
    if (!context->options->metrics_public) {
        if (context->identity == NULL) {
            error_set(error, ERROR_UNAUTHENTICATED, "metrics need a token here");
            return NULL;
        }
        if (!api_check_policy(context, "drover:metrics", error)) {
            return NULL;
        }
    }
    GString *text = g_string_new(NULL);
    metrics_export(text);
    return http_response_new_text(
        200, "text/plain; version=0.0.4; charset=utf-8", g_string_free(text, FALSE));
}

/* A person who types host and port means the dashboard. No client of the APIs asks for HTML. */
static HttpResponse *
show_root(ApiContext *context, GError **error)
{
    const char *accepted = http_request_header(context->request, "Accept");
    if (accepted == NULL || strstr(accepted, "text/html") == NULL) {
        return identity_list_versions(context, error);
    }
    HttpResponse *response = http_response_new(303);
    http_response_set_header(response, "Location", "/dashboard/");
    return response;
}

static const ApiRoute routes[] = {
    {"GET", "/", show_root, NULL, ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN},
    {"GET", "/metrics", get_metrics, NULL, ROUTE_PUBLIC},
};

void
root_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_ROOT, "", routes, G_N_ELEMENTS(routes));
}
