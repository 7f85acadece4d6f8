/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a handler knows of its request, and the rows by which handlers are found. One place
 * (context.c) does for every request: token, microversion, policy, body, error mapping; a handler
 * does only its own thing. See api.h for who calls this. */
#include <jansson.h>

#include "api/api.h"
#include "api/fault.h"
#include "api/service.h"
#include "api/validate.h"
#include "base/error.h"
#include "http/router.h"
#include "model/identity.h"

typedef struct ApiContext {
    Api *api;
    const ApiOptions *options; /* of api: clock, times, ratios, directories */
    Store *store;
    Engine *engine;
    const Service *service;
    const struct ApiRoute *route;
    HttpRequest *request;
    Identity *identity; /* NULL on a public route without a token */
    char *token_hash;   /* of identity's token */
    bool is_admin;
    bool has_version; /* negotiated: the reply echoes it */
    int minor;        /* microversion: 2.53 is 53; 0 for services without */
    json_t *body;     /* parsed; NULL when the route takes none or none was sent */
    char *base_url;   /* "http://host:port", without a slash at the end */
    void *upload;     /* of a route with a sink: the handler's own */
    GDestroyNotify upload_free;
} ApiContext;

/* Returns the response, or NULL and an error (fault.c makes the reply), or NULL without an error
 * after api_defer(). Runs on an HTTP thread: parse, read the store, accept, nudge; no waiting. */
typedef HttpResponse *(*ApiHandler)(ApiContext *context, GError **error);

enum {
    ROUTE_PUBLIC = 1,        /* no token needed; one that is sent must be valid all the same */
    ROUTE_BODY = 2,          /* a JSON body must be sent: context->body */
    ROUTE_BODY_OPTIONAL = 4, /* may be sent */
    ROUTE_ANY_VERSION = 8,   /* version documents: a bad version header does not matter */
    ROUTE_IGNORE_TOKEN = 16, /* public, and a bad token does not matter (logging in, discovery) */
};

typedef struct ApiRoute {
    const char *method;
    const char *path; /* template below the prefix */
    ApiHandler handler;
    const char *policy; /* rule of auth/policy.c; NULL: any valid token will do */
    unsigned flags;
    int since, until; /* microversions in which it exists, else 404; 0 = no bound */
    /* For bodies that are streamed: begin after token, version and policy were checked. */
    bool (*upload_begin)(ApiContext *context, GError **error);
    bool (*upload_chunk)(ApiContext *context, const void *bytes, size_t size, GError **error);
} ApiRoute;

/* Adds a table below prefix. rows are static. Once for each prefix, before the server starts. A
 * {project_id} in the prefix must be that of the token. */
void api_add_routes(
    Api *api, ServiceId service, const char *prefix, const ApiRoute *rows, size_t n_rows);

/* ---- deferred replies ---- */
/* Call it last, hand the context to somebody else, return NULL. That somebody calls api_complete
 * once, from any thread; the context must not be touched after. */
void api_defer(ApiContext *context);
/* response NULL: the error's fault is sent (error is borrowed). */
void api_complete(ApiContext *context, HttpResponse *take_response, const GError *error);

/* ---- for handlers ---- */
/* "Policy doesn't allow os_compute_api:... to be performed." */
bool api_check_policy(ApiContext *context, const char *rule, GError **error);
/* May this identity see what belongs to that project? Its own, or it is an administrator. */
bool api_can_see_project(const ApiContext *context, const char *project_id);
const char *api_param(const ApiContext *context, const char *name);
const char *api_query(const ApiContext *context, const char *name);
int64_t api_now_us(const ApiContext *context);
/* base_url and a path made by the format: api_url(c, "/compute/v2.1/servers/%s", id). */
char *api_url(const ApiContext *context, const char *path_format, ...) G_GNUC_PRINTF(2, 3);
/* {"rel": rel, "href": url}; takes the url. */
json_t *api_link(const char *rel, char *take_url);

HttpResponse *api_json(int status, json_t *take_value);
/* No body, but a Content-Type all the same: 202 of actions, 204 of deletes. */
HttpResponse *api_empty(int status);

/* json_pack("s", NULL) fails: these give null for NULL and for time 0. */
json_t *api_string_or_null(const char *text);
json_t *api_time_z(int64_t us);  /* "2016-06-23T14:42:02Z" */
json_t *api_time_us(int64_t us); /* "2016-06-23T14:42:02.000000" */

/* ---- paging ---- */
typedef struct Paging {
    int limit;          /* 1 .. [api] max_limit */
    const char *marker; /* NULL = from the start */
} Paging;
/* limit and marker of the query, with Nova's texts for what is wrong. */
bool api_paging(const ApiContext *context, Paging *ret_paging, GError **error);
/* The href of the next page: this request's own URL with marker replaced. Caller frees. */
char *api_next_url(const ApiContext *context, const char *marker);
