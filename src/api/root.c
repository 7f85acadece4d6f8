/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What belongs to no service: metrics, and the root itself, which answers as Identity does, so
 * that OS_AUTH_URL may be nothing but host and port. */
#include "api/areas.h"
#include "api/context.h"
#include "api/identity/identity.h"
#include "base/metrics.h"

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

static const ApiRoute routes[] = {
    {"GET", "/", identity_list_versions, NULL, ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN},
    {"GET", "/metrics", get_metrics, NULL, ROUTE_PUBLIC},
};

void
root_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_ROOT, "", routes, G_N_ELEMENTS(routes));
}
