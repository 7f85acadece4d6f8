/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The session of a browser. Who has a token (from the Identity API) changes it for a cookie; see
 * cookie.h for what that is good for. */
#include "api/cookie.h"
#include "api/drover/drover.h"

#include <string.h>

static json_t *
view_session(const Identity *identity)
{
    json_t *roles = json_array();
    for (unsigned i = 0; i < identity->roles->len; i++) {
        json_array_append_new(roles, json_string(identity->roles->pdata[i]));
    }
    return json_pack("{s:{s:s, s:s, s:o, s:o, s:o, s:o, s:s}}", "session", "user_id",
        identity->user_id, "user_name", identity->user_name, "project_id",
        api_string_or_null(identity->project_id), "project_name",
        api_string_or_null(identity->project_name), "roles", roles, "expires_at",
        api_time_z(identity->expires_us), "drover", DROVER_VERSION);
}

/* A proxy in front may be the one that speaks TLS: then [api] public_url says so. */
static bool
is_secure(const ApiContext *context)
{
    return strcmp(http_request_scheme(context->request), "https") == 0 ||
        g_str_has_prefix(context->base_url, "https:");
}

HttpResponse *
drover_begin_session(ApiContext *context, GError **error)
{
    const char *token = http_request_header(context->request, "X-Auth-Token");
    if (token == NULL) {
        error_set(error, ERROR_INVALID, "a session begins with a token in the header X-Auth-Token");
        return NULL;
    }
    int64_t left_us = context->identity->expires_us - api_now_us(context);
    HttpResponse *response = api_json(201, view_session(context->identity));
    cookie_set(response, token, MAX(left_us / G_USEC_PER_SEC, 1), is_secure(context));
    return response;
}

HttpResponse *
drover_show_session(ApiContext *context, GError **error)
{
    HttpResponse *response = api_json(200, view_session(context->identity));
    http_response_set_header(response, "Cache-Control", "no-store");
    return response;
}

HttpResponse *
drover_end_session(ApiContext *context, GError **error)
{
    if (!store_delete_token(context->store, context->token_hash, error)) {
        return NULL;
    }
    HttpResponse *response = api_empty(204);
    cookie_clear(response, is_secure(context));
    return response;
}
