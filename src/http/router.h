/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Finds the handler of a request in tables of routes, each table under a path prefix. Idea: what is
 * served can be read in the tables, and can be listed (http_router_foreach) for documents and
 * tests. Built once before the server starts; read-only, so lock-free, after that.
 *
 * A template is a path whose parts are literals or "{name}", which matches one whole non-empty
 * part. A literal wins over a {name}: "/servers/detail" before "/servers/{id}". Parts are compared
 * after percent-decoding, so %2F inside a part does not split it. A trailing slash and doubled
 * slashes make no difference. */
#include <glib.h>
#include <stdbool.h>

#include "http/message.h"

/* Runs on a thread of the server's pool: only short work. Returns the response, or NULL after
 * http_request_defer(). data is the table's. */
typedef HttpResponse *(*HttpHandler)(HttpRequest *request, void *data);

/* For bodies that must not be held in memory; same thread rules. Called in the order begin, chunk
 * any number of times, then the route's handler when the body is complete. What belongs to the
 * upload is kept with http_request_set_data(), whose destroy function is also what cleans up when
 * the client goes away in the middle. */
typedef struct HttpBodySink {
    /* The headers are there, the body is not. A response refuses the body (the client that sent
     * Expect: 100-continue never sends it); NULL lets it come. */
    HttpResponse *(*begin)(HttpRequest *request, void *data);
    /* The next bytes, at most some ten KiB. A response ends the upload: the rest is thrown away;
     * NULL lets it go on. */
    HttpResponse *(*chunk)(HttpRequest *request, const void *bytes, size_t size, void *data);
} HttpBodySink;

typedef struct HttpRoute {
    const char *method;
    const char *path; /* template, after the table's prefix; "" is the prefix itself */
    HttpHandler handler;
    const HttpBodySink *sink; /* NULL: the body is collected, up to the server's limit */
    const void *data;         /* the caller's own row: policy, microversions, ... */
} HttpRoute;

typedef struct HttpRouter HttpRouter;

HttpRouter *http_router_new(void);
void http_router_free(HttpRouter *router);
/* prefix is "" or a template such as "/v2.1" or "/v2.1/{project_id}"; data goes to the table's
 * handlers. The table must outlive the router. Two routes with the same method and the same shape
 * are a bug. */
void http_router_add_table(
    HttpRouter *router, const char *prefix, const HttpRoute *routes, size_t n_routes, void *data);

typedef struct HttpMatch {
    const HttpRoute *route;    /* NULL: 404, or 405 when allow is set */
    const char *template_path; /* with the prefix */
    void *data;                /* the table's */
    size_t n_params;
    const char *const *param_names; /* in the order of the template */
    const size_t *param_parts;      /* for each: which part of the path is its value */
    const char *allow;              /* for 405: "GET, HEAD, POST" */
} HttpMatch;

/* parts are the decoded, non-empty parts of the path. All in ret_match is borrowed from the
 * router. True when there is a route. */
bool http_router_find(const HttpRouter *router, const char *method, const char *const *parts,
    size_t n_parts, HttpMatch *ret_match);

/* Every route in the order of the tables, with its whole template. */
typedef void (*HttpRouteVisitor)(const HttpRoute *route, const char *template_path, void *data);
void http_router_foreach(const HttpRouter *router, HttpRouteVisitor visit, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpRouter, http_router_free)
