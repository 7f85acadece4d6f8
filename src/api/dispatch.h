/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Between the HTTP server and the handlers: what every request goes through. Only for api.c. */
#include "api/context.h"

/* One table of routes as it was added: the data of its HTTP handlers. */
typedef struct ApiTable {
    Api *api;
    const Service *service;
    HttpRoute *routes;
} ApiTable;

/* The HTTP handler of every row. data is an ApiTable. */
HttpResponse *dispatch_request(HttpRequest *request, void *data);
/* For rows with an upload. */
const HttpBodySink *dispatch_sink(void);
/* The context of a request that went through dispatch_request; NULL for others. */
ApiContext *dispatch_find_context(const HttpRequest *request);
/* Where this server is, as the client sees it; caller frees. */
char *dispatch_base_url(const ApiOptions *options, const HttpRequest *request);
