/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One request on its connection, in the order in which libmicrohttpd calls: on_target when its
 * first line is there, on_access once for the headers, once for each piece of the body, once at
 * its end (and again after a parked connection was woken), on_completed when all is over. All
 * calls for one connection come from one thread of the pool. */
#include <arpa/inet.h>
#include <string.h>

#include "base/metrics.h"
#include "http/internal.h"

/* A refused body is read and thrown away up to this size, since a client that is still sending
 * would see a broken connection instead of the reason. */
enum { DRAIN_BYTES_MAX = 16 << 20 };

void *
http_connection_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    HttpRequest *request = http_request_new();
    request->is_malformed = !http_request_set_target(request, target);
    return request;
}

static HttpResponse *
refuse(HttpServer *server, HttpRequest *request, int status, const char *message)
{
    const HttpHooks *hooks = &server->config.hooks;
    HttpResponse *response = hooks->refuse != NULL
        ? hooks->refuse(request, status, message, hooks->data)
        : http_response_new_text(
              status, "text/plain; charset=utf-8", g_strconcat(message, "\n", NULL));
    if (request->match.allow != NULL) {
        http_response_set_header(response, "Allow", request->match.allow);
    }
    return response;
}

static void
set_peer(HttpRequest *request, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "";
    if (info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *address = (const struct sockaddr_in *)info->client_addr;
        inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    } else if (info->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)info->client_addr;
        inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    }
    /* An IPv4 client of a socket for both. */
    const char *mapped = "::ffff:";
    bool is_mapped = g_str_has_prefix(text, mapped) && strchr(text, '.') != NULL;
    request->peer = http_request_keep(request, is_mapped ? text + strlen(mapped) : text);
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    HttpRequest *request = cls;
    /* What is not text is no header that any handler could use. */
    if (value != NULL && g_utf8_validate(name, -1, NULL) && g_utf8_validate(value, -1, NULL)) {
        http_request_add_header(request, name, value);
    }
    return MHD_YES;
}

/* libmicrohttpd has checked its form, and that it does not stand beside "chunked". */
static void
set_content_length(HttpRequest *request)
{
    const char *length = http_request_header(request, "Content-Length");
    if (http_request_header(request, "Transfer-Encoding") != NULL) {
        request->content_length = -1;
    } else if (length != NULL) {
        request->content_length = g_ascii_strtoll(length, NULL, 10);
    }
}

static void
begin_request(
    HttpServer *server, HttpRequest *request, struct MHD_Connection *connection, const char *method)
{
    request->is_begun = true;
    request->begin_us = g_get_monotonic_time();
    request->method = http_request_keep(request, method);
    request->is_tls = server->tls_cert != NULL;
    request->parking = (HttpParking){.lot = &server->lot, .connection = connection};
    g_autofree char *uuid = clock_new_uuid(server->config.clock);
    g_autofree char *id = g_strconcat("req-", uuid, NULL);
    request->id = http_request_keep(request, id);
    set_peer(request, connection);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, request);
    set_content_length(request);
    g_mutex_lock(&server->lock);
    server->n_active++;
    g_mutex_unlock(&server->lock);
}

/* Everything that can be said from the headers alone; NULL when the body may come. */
static HttpResponse *
decide_early(HttpServer *server, HttpRequest *request)
{
    if (request->is_malformed) {
        return refuse(server, request, 400, "The URL is malformed.");
    }
    const HttpHooks *hooks = &server->config.hooks;
    HttpResponse *response = hooks->before != NULL ? hooks->before(request, hooks->data) : NULL;
    if (response != NULL) {
        return response;
    }
    if (!http_router_find(server->config.router, request->method,
            (const char *const *)request->parts->pdata, request->parts->len, &request->match)) {
        return request->match.allow != NULL
            ? refuse(server, request, 405, "The method is not allowed for this resource.")
            : refuse(server, request, 404, "The resource could not be found.");
    }
    const HttpBodySink *sink = request->match.route->sink;
    if (sink != NULL) {
        return sink->begin(request, request->match.data);
    }
    if (request->content_length > (int64_t)server->config.max_body_size) {
        return refuse(server, request, 413, "Request is too large.");
    }
    return NULL;
}

static void
add_common_headers(HttpServer *server, HttpRequest *request, HttpResponse *response)
{
    http_response_set_header(response, "X-OpenStack-Request-ID", request->id);
    g_mutex_lock(&server->lock);
    bool is_stopping = server->is_stopping;
    g_mutex_unlock(&server->lock);
    if (is_stopping) {
        http_response_set_header(response, "Connection", "close");
    }
    const HttpHooks *hooks = &server->config.hooks;
    if (hooks->finish != NULL) {
        hooks->finish(request, response, hooks->data);
    }
}

static enum MHD_Result
send_response(HttpServer *server, HttpRequest *request, struct MHD_Connection *connection)
{
    HttpResponse *response = g_steal_pointer(&request->response);
    add_common_headers(server, request, response);
    request->status = response->status;
    struct MHD_Response *message = http_response_to_mhd(response, &server->lot, connection);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)response->status, message);
    MHD_destroy_response(message);
    http_response_free(response);
    return result;
}

static enum MHD_Result
take_headers(
    HttpServer *server, HttpRequest *request, struct MHD_Connection *connection, const char *method)
{
    begin_request(server, request, connection, method);
    request->response = decide_early(server, request);
    bool is_waiting = http_request_header(request, "Expect") != NULL;
    if (request->response != NULL && (is_waiting || request->content_length > DRAIN_BYTES_MAX)) {
        return send_response(server, request, connection);
    }
    return MHD_YES;
}

/* False: the connection is to be closed, as no response can be sent in the middle of a body. */
static bool
take_body(HttpServer *server, HttpRequest *request, const char *data, size_t size)
{
    request->body_size += size;
    if (request->response != NULL) {
        return request->body_size <= server->config.max_body_size + DRAIN_BYTES_MAX;
    }
    const HttpBodySink *sink = request->match.route->sink;
    if (sink != NULL) {
        request->response = sink->chunk(request, data, size, request->match.data);
        if (request->response != NULL) {
            request->body_size = 0; /* counts what is thrown away */
        }
        return true;
    }
    if (request->body_size > server->config.max_body_size) {
        g_string_truncate(request->body, 0);
        request->response = refuse(server, request, 413, "Request is too large.");
        return true;
    }
    g_string_append_len(request->body, data, (gssize)size);
    int64_t age_us = g_get_monotonic_time() - request->begin_us;
    return age_us < server->config.body_timeout_s * (int64_t)G_USEC_PER_SEC;
}

/* The body is complete, or a parked connection was woken. */
static enum MHD_Result
answer(HttpServer *server, HttpRequest *request, struct MHD_Connection *connection)
{
    if (request->response == NULL && !request->is_handled) {
        request->is_handled = true;
        request->response = request->match.route->handler(request, request->match.data);
    }
    if (request->response == NULL) {
        bool is_given_up;
        request->response = http_request_fetch(request, &is_given_up);
        if (request->response == NULL && !is_given_up) {
            return MHD_YES; /* parked */
        }
        if (is_given_up) {
            request->response = refuse(server, request, 503, "The service is shutting down.");
        }
    }
    return send_response(server, request, connection);
}

enum MHD_Result
http_connection_on_access(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload_data, size_t *upload_data_size,
    void **con_cls)
{
    HttpServer *server = cls;
    HttpRequest *request = *con_cls;
    if (!request->is_begun) {
        return take_headers(server, request, connection, method);
    }
    if (*upload_data_size > 0) {
        size_t size = *upload_data_size;
        *upload_data_size = 0;
        return take_body(server, request, upload_data, size) ? MHD_YES : MHD_NO;
    }
    return answer(server, request, connection);
}

static void
count_request(const HttpRequest *request, double duration_s)
{
    const HttpMatch *match = &request->match;
    /* Never what a client made up: each new label costs memory for ever. */
    const char *method = match->route != NULL ? match->route->method : "other";
    const char *route = match->route != NULL ? match->template_path : "none";
    g_autofree char *labels = g_strdup_printf("method=\"%s\",route=\"%s\"", method, route);
    g_autofree char *with_status = g_strdup_printf("%s,status=\"%d\"", labels, request->status);
    metrics_count("drover_http_requests_total", with_status, 1);
    metrics_observe_s("drover_http_request_seconds", labels, duration_s);
}

static void
end_request(HttpServer *server, HttpRequest *request, bool is_complete)
{
    HttpAccess access = {
        .status = request->status,
        .is_complete = is_complete,
        .body_size = request->body_size,
        .duration_s = (double)(g_get_monotonic_time() - request->begin_us) / G_USEC_PER_SEC,
    };
    count_request(request, access.duration_s);
    const HttpHooks *hooks = &server->config.hooks;
    if (hooks->after != NULL) {
        hooks->after(request, &access, hooks->data);
    }
    g_mutex_lock(&server->lock);
    server->n_active--;
    g_cond_broadcast(&server->is_idle);
    g_mutex_unlock(&server->lock);
}

void
http_connection_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
    enum MHD_RequestTerminationCode reason)
{
    HttpRequest *request = g_steal_pointer(con_cls);
    if (request == NULL) {
        return;
    }
    if (request->is_begun) {
        end_request(cls, request, reason == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    }
    http_request_unref(request);
}
