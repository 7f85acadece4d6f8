/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* One HTTP request and its response, free of libmicrohttpd's types: handlers, hooks and unit tests
 * see only these. The server (server.h) fills requests in and sends responses; the router
 * (router.h) names the route. Not JSON, not Nova: bodies are bytes.
 *
 * A request belongs to the thread that runs the handler, until the handler defers it (see
 * http_request_defer): then it belongs to whoever completes it. All strings of a request live as
 * long as the request, are valid UTF-8 and hold no NUL; the body is whatever was sent. */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct HttpRequest HttpRequest;
typedef struct HttpResponse HttpResponse;
typedef struct HttpStream HttpStream;
typedef struct HttpRoute HttpRoute;

/* ---- the request ---- */

/* "GET", "HEAD", ...: as sent. A HEAD request runs the handler of GET; its body is not sent. */
const char *http_request_method(const HttpRequest *request);
/* The path as sent, still percent-encoded, without the query: for links and logs. */
const char *http_request_path(const HttpRequest *request);
/* The part of the path that matched {name} in the route's template, decoded. The name must be in
 * the template: anything else is a bug. */
const char *http_request_param(const HttpRequest *request, const char *name);
/* The first value of a query parameter, decoded; NULL when it is absent. "?x" has the value "". */
const char *http_request_query(const HttpRequest *request, const char *name);
/* All query parameters, in the order in which they were sent. */
size_t http_request_n_queries(const HttpRequest *request);
void http_request_query_at(
    const HttpRequest *request, size_t i, const char **ret_name, const char **ret_value);
/* A header, its name in any case; NULL when it is absent. Of a repeated one, the first. */
const char *http_request_header(const HttpRequest *request, const char *name);
/* The whole body, followed by a NUL that is not counted; "" when there is none, and for a route
 * with an HttpBodySink, which gets the chunks. */
const char *http_request_body(const HttpRequest *request, size_t *ret_size);
/* What the Content-Length header says; -1 when the length is not known beforehand (chunked). */
int64_t http_request_content_length(const HttpRequest *request);
/* "req-<uuid>", made by the server for each request. */
const char *http_request_id(const HttpRequest *request);
/* The client's numeric address, without a port. */
const char *http_request_peer(const HttpRequest *request);
/* "http" or "https". */
const char *http_request_scheme(const HttpRequest *request);
/* The route that was chosen; NULL in the before hook, and when there was none (404, 405). */
const HttpRoute *http_request_route(const HttpRequest *request);
/* Its template with the table's prefix, "/v2.1/servers/{id}"; NULL as above. */
const char *http_request_template(const HttpRequest *request);

/* One pointer of the caller, for instance the identity that was authenticated, or the file that an
 * upload goes to. destroy (may be NULL) is called exactly once: when the request ends, however it
 * ends (answered, client gone, server stopped), or when another pointer takes its place. */
void http_request_set_data(HttpRequest *request, void *take_data, GDestroyNotify destroy);
void *http_request_data(const HttpRequest *request);

/* ---- deferred replies ----
 * A handler that cannot answer at once calls http_request_defer(), gives the reference it gets to
 * somebody else and returns NULL. That somebody, on any thread, must call http_request_complete()
 * exactly once, with a deadline of his own: nothing else ends the request. A client that has gone
 * meanwhile, or a server that is stopping, changes nothing about this duty; the response is then
 * dropped. It is fine to complete before the handler has returned. */
HttpRequest *http_request_defer(HttpRequest *request);
void http_request_complete(HttpRequest *take_request, HttpResponse *take_response);

/* ---- the response ---- */

/* Without a body and without a content type. */
HttpResponse *http_response_new(int status);
/* body is freed with g_free. */
HttpResponse *http_response_new_text(int status, const char *content_type, char *take_body);
HttpResponse *http_response_new_bytes(int status, const char *content_type, GBytes *take_body);
/* The size bytes of an open file from its start; the descriptor is closed after. */
HttpResponse *http_response_new_file(
    int status, const char *content_type, int take_fd, uint64_t size);
/* A body of unknown length that another thread produces: see HttpStream. Takes one reference. */
HttpResponse *http_response_new_stream(
    int status, const char *content_type, HttpStream *take_stream);
void http_response_free(HttpResponse *response);

int http_response_status(const HttpResponse *response);
/* Replaces a header of that name. Control characters in the value become blanks, so that nothing
 * a user wrote can add a header. */
void http_response_set_header(HttpResponse *response, const char *name, const char *value);
/* NULL when it is not set. */
const char *http_response_header(const HttpResponse *response, const char *name);
/* The body of a response made from text or bytes; NULL and size 0 for others. */
const char *http_response_body(const HttpResponse *response, size_t *ret_size);

/* ---- long-lived streams (server-sent events) ----
 * The producer keeps one reference and pushes; the response holds another. Any thread. A client
 * that has gone is noticed at a push some time later, so a producer of rare events pushes a
 * comment every 15 s or so. */

/* max_pending_bytes: a client that reads so slowly that more is waiting is cut off. */
HttpStream *http_stream_new(size_t max_pending_bytes);
HttpStream *http_stream_ref(HttpStream *stream);
void http_stream_unref(HttpStream *stream);
/* Copies the bytes; false when the stream is over (client gone or too slow, server stopping):
 * the producer then drops its reference. Never blocks. */
bool http_stream_push(HttpStream *stream, const void *data, size_t size);
/* The body ends after what was pushed; later pushes return false. */
void http_stream_end(HttpStream *stream);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpResponse, http_response_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpStream, http_stream_unref)
