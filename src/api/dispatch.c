/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/dispatch.h"
#include "api/api-private.h"
#include "api/cookie.h"
#include "api/microversion.h"
#include "auth/auth.h"
#include "base/json.h"
#include <string.h>

/* Before the reply is sent: who reads it must not find the leftovers of what it is about. */
static void
drop_upload(ApiContext *context)
{
    if (context->upload != NULL) {
        context->upload_free(context->upload);
        context->upload = NULL;
    }
}

static void
context_free(void *data)
{
    ApiContext *context = data;
    drop_upload(context);
    identity_free(context->identity);
    json_decref(context->body);
    g_free(context->token_hash);
    g_free(context->base_url);
    g_free(context);
}

/* A Host header that could not be a host is not written into any reply. */
static bool
is_host(const char *text)
{
    return text != NULL && text[0] != '\0' &&
        text[strspn(
            text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_[]")] == '\0';
}

char *
dispatch_base_url(const ApiOptions *options, const HttpRequest *request)
{
    if (options->public_url != NULL) {
        return g_strdup(options->public_url);
    }
    const char *host = http_request_header(request, "Host");
    return g_strdup_printf(
        "%s://%s", http_request_scheme(request), is_host(host) ? host : "localhost");
}

static ApiContext *
context_new(const ApiTable *table, HttpRequest *request)
{
    ApiContext *context = g_new0(ApiContext, 1);
    context->api = table->api;
    context->options = &table->api->options;
    context->store = table->api->store;
    context->engine = table->api->engine;
    context->service = table->service;
    context->route = http_request_route(request)->data;
    context->request = request;
    context->base_url = dispatch_base_url(context->options, request);
    http_request_set_data(request, context, context_free);
    return context;
}

ApiContext *
dispatch_find_context(const HttpRequest *request)
{
    const HttpRoute *route = http_request_route(request);
    if (route == NULL || route->handler != dispatch_request) {
        return NULL;
    }
    return http_request_data(request);
}

static HttpResponse *
fault_of(const ApiContext *context, const GError *error)
{
    if (error_is(error, ERROR_UNAUTHENTICATED)) {
        g_autofree char *url = api_url(context, "/identity");
        return fault_new_unauthorized(url);
    }
    return fault_new_from_error(context->service, http_request_id(context->request), error);
}

static bool
authenticate(ApiContext *context, GError **error)
{
    const char *token = http_request_header(context->request, "X-Auth-Token");
    g_autofree char *cookie = token == NULL ? cookie_find_token(context->request) : NULL;
    unsigned flags = context->route->flags;
    if ((flags & ROUTE_IGNORE_TOKEN) != 0) {
        return true;
    }
    token = token != NULL ? token : cookie;
    if (token == NULL) {
        return (flags & ROUTE_PUBLIC) != 0 ||
            error_set(error, ERROR_UNAUTHENTICATED, "no token was sent");
    }
    context->identity = auth_find_token(context->store, token, &context->token_hash, error);
    if (context->identity == NULL) {
        return false;
    }
    context->is_admin = identity_has_role(context->identity, "admin");
    return true;
}

/* Nova: an old catalog has the project's id in its endpoints; that of another is a mistake, and
 * what cannot be one is no path at all. */
static bool
check_project(const ApiContext *context, GError **error)
{
    if (strstr(http_request_template(context->request), "/{project_id}") == NULL) {
        return true;
    }
    const char *id = api_param(context, "project_id");
    const char *own = context->identity != NULL ? context->identity->project_id : NULL;
    if (id[strspn(id, "0123456789abcdef-")] != '\0') {
        return error_set(error, ERROR_NOT_FOUND, "The resource could not be found.");
    }
    return g_strcmp0(id, own) == 0 ||
        error_set(error, ERROR_INVALID,
            "Malformed request URL: URL's project_id '%s' doesn't match Context's project_id '%s'",
            id, own != NULL ? own : "None");
}

/* NULL: the version is fine. */
static HttpResponse *
refuse_version(ApiContext *context, MicroversionResult result, const char *text)
{
    const char *request_id = http_request_id(context->request);
    if (result == MICROVERSION_UNACCEPTABLE) {
        return fault_new_unacceptable(context->service, request_id, text);
    }
    if (result == MICROVERSION_MALFORMED) {
        g_autofree char *message = g_strdup_printf("API Version String %s is of invalid format. "
                                                   "Must be of format MajorNum.MinorNum.",
            text);
        return fault_new(context->service, request_id, 400, message);
    }
    const ApiRoute *route = context->route;
    if (context->minor < route->since || (route->until != 0 && context->minor > route->until)) {
        g_autofree char *message =
            g_strdup_printf("API version %d.%d is not supported on this method.",
                context->service->major, context->minor);
        return fault_new(context->service, request_id, 404, message);
    }
    return NULL;
}

/* Token, version, policy; NULL: the handler may run. The version is read first, so that a refusal
 * for another reason still echoes it. */
static HttpResponse *
admit(ApiContext *context)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    const char *legacy = context->service->legacy_version_header;
    MicroversionResult result = microversion_negotiate(context->service,
        http_request_header(context->request, "OpenStack-API-Version"),
        legacy == NULL ? NULL : http_request_header(context->request, legacy), &context->minor,
        &text);
    if (result != MICROVERSION_OK && (context->route->flags & ROUTE_ANY_VERSION) != 0) {
        context->minor = context->service->min_minor;
        result = MICROVERSION_OK;
    }
    context->has_version = result == MICROVERSION_OK;
    if (!authenticate(context, &error) || !check_project(context, &error)) {
        return fault_of(context, error);
    }
    HttpResponse *refusal = refuse_version(context, result, text);
    if (refusal != NULL) {
        return refusal;
    }
    if (context->route->policy != NULL &&
        !api_check_policy(context, context->route->policy, &error)) {
        return fault_of(context, error);
    }
    return NULL;
}

static bool
parse_body(ApiContext *context, GError **error)
{
    size_t size;
    unsigned flags = context->route->flags;
    const char *text = http_request_body(context->request, &size);
    if ((flags & (ROUTE_BODY | ROUTE_BODY_OPTIONAL)) == 0 ||
        (size == 0 && (flags & ROUTE_BODY_OPTIONAL) != 0)) {
        return true;
    }
    g_autoptr(GError) reason = NULL;
    context->body = json_parse(text, size, JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, &reason);
    if (context->body == NULL) {
        /* Nova: MalformedRequestBody, without the parser's own words. */
        return error_set(error, ERROR_INVALID, "Malformed request body");
    }
    return true;
}

HttpResponse *
dispatch_request(HttpRequest *request, void *data)
{
    g_autoptr(GError) error = NULL;
    ApiContext *context = http_request_data(request);
    if (context == NULL) {
        context = context_new(data, request);
        HttpResponse *refusal = admit(context);
        if (refusal != NULL) {
            return refusal;
        }
    }
    if (!parse_body(context, &error)) {
        return fault_of(context, error);
    }
    /* A handler that defers may lose its context to the completer at once: not touched after. */
    HttpResponse *response = context->route->handler(context, &error);
    if (response == NULL && error != NULL) {
        return fault_of(context, error);
    }
    return response;
}

static HttpResponse *
begin_upload(HttpRequest *request, void *data)
{
    g_autoptr(GError) error = NULL;
    ApiContext *context = context_new(data, request);
    HttpResponse *refusal = admit(context);
    if (refusal != NULL) {
        return refusal;
    }
    return context->route->upload_begin(context, &error) ? NULL : fault_of(context, error);
}

static HttpResponse *
take_chunk(HttpRequest *request, const void *bytes, size_t size, void *data)
{
    g_autoptr(GError) error = NULL;
    ApiContext *context = http_request_data(request);
    if (context->route->upload_chunk(context, bytes, size, &error)) {
        return NULL;
    }
    drop_upload(context);
    return fault_of(context, error);
}

const HttpBodySink *
dispatch_sink(void)
{
    static const HttpBodySink sink = {.begin = begin_upload, .chunk = take_chunk};
    return &sink;
}

void
api_defer(ApiContext *context)
{
    context->request = http_request_defer(context->request);
}

void
api_complete(ApiContext *context, HttpResponse *take_response, const GError *error)
{
    HttpResponse *response = take_response == NULL ? fault_of(context, error) : take_response;
    drop_upload(context);
    http_request_complete(context->request, response);
}
