/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The HTTP server: libmicrohttpd with a pool of epoll threads, behind plain structs. It routes,
 * collects bodies, calls handlers on its pool threads and sends what they return. It logs nothing
 * above debug; what a request was and how it ended goes to the hooks and to base/metrics
 * (drover_http_requests_total, drover_http_request_seconds by method and route template). */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "http/message.h"
#include "http/router.h"

/* What happened to a request, once it is over. */
typedef struct HttpAccess {
    int status;         /* 0: no response was made (client gone in the middle of its body) */
    bool is_complete;   /* the whole response was sent */
    uint64_t body_size; /* of the request */
    double duration_s;  /* from its headers to the last byte of the response */
} HttpAccess;

/* All on the pool's threads, any may be NULL; they must be as short as handlers. */
typedef struct HttpHooks {
    /* Before routing. A response answers the request; NULL goes on. */
    HttpResponse *(*before)(HttpRequest *request, void *data);
    /* Makes the response for what the server itself refuses (400, 404, 405, 413, 503);
     * NULL hook: the message as plain text. The message is one English sentence. */
    HttpResponse *(*refuse)(HttpRequest *request, int status, const char *message, void *data);
    /* The last word on every response before it is sent: adds headers. The server has already set
     * X-OpenStack-Request-ID, and Allow for 405. */
    void (*finish)(HttpRequest *request, HttpResponse *response, void *data);
    /* After all is over: the line of the access log. */
    void (*after)(const HttpRequest *request, const HttpAccess *access, void *data);
    void *data;
} HttpHooks;

typedef struct HttpServerConfig {
    const char *address;       /* numeric or a name; NULL = every address, IPv6 and IPv4 */
    uint16_t port;             /* 0 = any free one, see http_server_port() */
    const char *tls_cert_file; /* PEM, the chain; NULL = no TLS */
    const char *tls_key_file;
    int n_threads;            /* 0 = 8 */
    int max_connections;      /* 0 = 1024 */
    int idle_timeout_s;       /* no byte either way for so long closes; 0 = 60 */
    int body_timeout_s;       /* a collected body must be there by then, else closed; 0 = 60 */
    uint64_t max_body_size;   /* of a collected body, else 413; 0 = 1 MiB */
    int stop_timeout_s;       /* how long http_server_stop() lets requests finish; 0 = 5 */
    const Clock *clock;       /* for request ids; NULL = the system's */
    const HttpRouter *router; /* must outlive the server */
    HttpHooks hooks;
} HttpServerConfig;

typedef struct HttpServer HttpServer;

/* Copies the configuration. */
HttpServer *http_server_new(const HttpServerConfig *config);
/* Listens and serves; the error names the address and the reason. Once only. */
bool http_server_start(HttpServer *server, GError **error);
/* The port it listens on. */
uint16_t http_server_port(const HttpServer *server);
/* Takes no more connections, answers deferred requests with 503, ends streams, lets the rest
 * finish for stop_timeout_s, then cuts them off. Blocks; no handler runs after it. Does nothing
 * when not started. Deferred requests may still be completed after, and are then dropped. */
void http_server_stop(HttpServer *server);
/* Stops first. NULL is fine. */
void http_server_free(HttpServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpServer, http_server_free)
