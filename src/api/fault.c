/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/fault.h"
#include "base/json.h"
#include "base/log.h"

static const int statuses[] = {
    [ERROR_INVALID] = 400,
    [ERROR_UNAUTHENTICATED] = 401,
    [ERROR_FORBIDDEN] = 403,
    [ERROR_NOT_FOUND] = 404,
    [ERROR_CONFLICT] = 409,
    [ERROR_GONE_STALE] = 409,
    [ERROR_NO_VALID_HOST] = 400,
    [ERROR_LIMIT] = 413,
    [ERROR_UNSUPPORTED] = 501,
    [ERROR_HYPERVISOR_DOWN] = 503,
    [ERROR_HYPERVISOR_REFUSED] = 500,
    [ERROR_STORE_DOWN] = 503,
    [ERROR_TIMEOUT] = 503,
    [ERROR_CANCELLED] = 409,
    [ERROR_OUTCOME_UNKNOWN] = 500,
    [ERROR_INTERNAL] = 500,
};

typedef struct StatusWords {
    int status;
    const char *title;        /* of HTTP */
    const char *nova_kind;    /* the key of Nova's error object */
    const char *neutron_type; /* the class of Neutron's exception */
} StatusWords;

/* The last row is for every status that is not above it. */
static const StatusWords words[] = {
    {400, "Bad Request", "badRequest", "BadRequest"},
    {401, "Unauthorized", "unauthorized", "NotAuthorized"},
    {403, "Forbidden", "forbidden", "PolicyNotAuthorized"},
    {404, "Not Found", "itemNotFound", "NotFound"},
    {405, "Method Not Allowed", "badMethod", "HTTPMethodNotAllowed"},
    {406, "Not Acceptable", "computeFault", "NotAcceptable"},
    {408, "Request Timeout", "computeFault", "RequestTimeout"},
    {409, "Conflict", "conflictingRequest", "Conflict"},
    {413, "Request Entity Too Large", "overLimit", "OverQuota"},
    {415, "Unsupported Media Type", "badMediaType", "HTTPUnsupportedMediaType"},
    {429, "Too Many Requests", "overLimit", "TooManyRequests"},
    {501, "Not Implemented", "notImplemented", "NotImplemented"},
    {503, "Service Unavailable", "serviceUnavailable", "ServiceUnavailable"},
    {500, "Internal Server Error", "computeFault", "HTTPInternalServerError"},
};

int
fault_status(ErrorCode code)
{
    return statuses[code];
}

static const StatusWords *
find_words(int status)
{
    size_t i = 0;
    while (i + 1 < G_N_ELEMENTS(words) && words[i].status != status) {
        i++;
    }
    return &words[i];
}

static json_t *
make_body(const Service *service, const char *request_id, int status, const char *message)
{
    const StatusWords *word = find_words(status);
    switch (service->fault_style) {
    case FAULT_NOVA:
        return json_pack("{s:{s:i, s:s}}", word->nova_kind, "code", status, "message", message);
    case FAULT_KEYSTONE:
        return json_pack("{s:{s:i, s:s, s:s}}", "error", "code", status, "message", message,
            "title", word->title);
    case FAULT_NEUTRON:
        return json_pack("{s:{s:s, s:s, s:s}}", "NeutronError", "type", word->neutron_type,
            "message", message, "detail", "");
    case FAULT_PLACEMENT:
        return json_pack("{s:[{s:i, s:s, s:s, s:s}]}", "errors", "status", status, "title",
            word->title, "detail", message, "request_id", request_id);
    }
    return NULL;
}

static HttpResponse *
make_response(int status, json_t *take_body)
{
    json_auto_t *body = take_body;
    return http_response_new_text(status, "application/json; charset=UTF-8", json_to_text(body));
}

HttpResponse *
fault_new(const Service *service, const char *request_id, int status, const char *message)
{
    return make_response(status, make_body(service, request_id, status, message));
}

HttpResponse *
fault_new_from_error(const Service *service, const char *request_id, const GError *error)
{
    ErrorCode code = error_code(error);
    int status = fault_status(code);
    /* 501 is no failure: it says what is not served. */
    if (status >= 500 && status != 501) {
        LogField fields[] = {{"request_id", request_id}, {"code", error_code_name(code)}, {0}};
        log_record(LOG_LEVEL_ERROR, fields, "request failed: %s", error->message);
    }
    if (code == ERROR_INTERNAL) {
        g_autofree char *text = g_strdup_printf(
            "The server met an unexpected condition; its log has the reason under %s", request_id);
        return fault_new(service, request_id, status, text);
    }
    return fault_new(service, request_id, status, error->message);
}

HttpResponse *
fault_new_unauthorized(const char *identity_url)
{
    json_t *body = json_pack("{s:{s:i, s:s, s:s}}", "error", "code", 401, "title", "Unauthorized",
        "message", "The request you have made requires authentication.");
    HttpResponse *response = make_response(401, body);
    g_autofree char *challenge = g_strdup_printf("Keystone uri=\"%s\"", identity_url);
    http_response_set_header(response, "WWW-Authenticate", challenge);
    return response;
}

HttpResponse *
fault_new_unacceptable(const Service *service, const char *request_id, const char *version)
{
    g_autofree char *min = g_strdup_printf("%d.%d", service->major, service->min_minor);
    g_autofree char *max = g_strdup_printf("%d.%d", service->major, service->max_minor);
    if (service->fault_style == FAULT_PLACEMENT) {
        g_autofree char *detail = g_strdup_printf("Unacceptable version header: %s", version);
        json_t *body = make_body(service, request_id, 406, detail);
        json_t *row = json_array_get(json_object_get(body, "errors"), 0);
        json_object_set_new(row, "min_version", json_string(min));
        json_object_set_new(row, "max_version", json_string(max));
        return make_response(406, body);
    }
    g_autofree char *message = g_strdup_printf("Version %s is not supported by the API. Minimum is "
                                               "%s and maximum is %s.",
        version, min, max);
    return fault_new(service, request_id, 406, message);
}
