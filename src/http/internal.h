/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the files of this folder share and nobody else sees: the insides of requests and responses,
 * and the parking of connections.
 *
 * Parking: a connection whose answer (request) or whose next bytes (stream) are not there yet is
 * suspended in libmicrohttpd, and resumed by another thread. libmicrohttpd allows the suspension
 * only inside its callbacks, and forbids to stop while any is suspended; so one lock covers every
 * "is it there, else park" and "here it is, so wake", and each server knows what it has parked.
 * The lock is a leaf: under it only libmicrohttpd's suspend and resume are called. */
#include <microhttpd.h>

#include "http/server.h"

typedef struct HttpPair {
    const char *name;
    const char *value;
} HttpPair;

/* ---- parking ---- */

typedef struct HttpLot {
    bool is_closed;
    GHashTable *parked; /* set of HttpParking */
} HttpLot;

typedef struct HttpParking {
    HttpLot *lot;
    struct MHD_Connection *connection;
    bool is_parked;
} HttpParking;

void http_parking_lock(void);
void http_parking_unlock(void);
/* The lock is held, and the caller is inside a callback for this connection. False when the
 * server is stopping. */
bool http_parking_park(HttpParking *parking);
/* The lock is held. Does nothing when it is not parked. */
void http_parking_wake(HttpParking *parking);
/* Wakes all, and lets nobody park again. */
void http_lot_close(HttpLot *lot);

/* ---- requests ---- */

typedef enum {
    HTTP_REPLY_DIRECT,   /* the handler answers */
    HTTP_REPLY_DEFERRED, /* somebody has a reference and will complete */
    HTTP_REPLY_COMPLETE, /* somebody has: deferred_response is set until it is fetched */
    HTTP_REPLY_GIVEN_UP, /* the server stops: what is completed later is dropped */
} HttpReplyState;

struct HttpRequest {
    gatomicrefcount n_refs;
    GStringChunk *texts; /* owns every string below that is not said to be elsewhere */
    const char *method;
    const char *path;
    const char *query_text;
    GPtrArray *parts; /* decoded, non-empty parts of the path */
    GArray *queries;  /* HttpPair */
    GArray *headers;  /* HttpPair */
    const char *id;
    const char *peer;
    bool is_tls;
    int64_t content_length; /* -1 = unknown */
    GString *body;
    HttpMatch match;
    void *data;
    GDestroyNotify destroy_data;

    /* The progress of the connection's thread. */
    bool is_malformed;      /* the target was: answered with 400 */
    bool is_begun;          /* the headers were seen */
    bool is_handled;        /* the handler has run */
    uint64_t body_size;     /* received so far, kept or not */
    int64_t begin_us;       /* monotonic */
    HttpResponse *response; /* decided, not yet sent */
    int status;             /* of what was sent; 0 = nothing yet */

    /* Under the parking lock. */
    HttpReplyState reply_state;
    HttpResponse *deferred_response;
    HttpParking parking;
};

HttpRequest *http_request_new(void);
HttpRequest *http_request_ref(HttpRequest *request);
void http_request_unref(HttpRequest *request);
/* Splits and decodes "/path?query" (or an absolute URL). False when it is not valid: an escaped
 * NUL, or bytes that are not UTF-8. */
bool http_request_set_target(HttpRequest *request, const char *target);
void http_request_add_header(HttpRequest *request, const char *name, const char *value);
const char *http_request_keep(HttpRequest *request, const char *text);
/* The answer of a deferred request, or NULL after parking the connection. *ret_is_given_up is set
 * when there will be none. */
HttpResponse *http_request_fetch(HttpRequest *request, bool *ret_is_given_up);

/* ---- responses ---- */

struct HttpResponse {
    int status;
    GArray *headers; /* HttpPair, both owned */
    GBytes *body;    /* at most one of body, fd and stream */
    int fd;          /* -1 = none */
    uint64_t fd_size;
    HttpStream *stream;
};

/* Ready to queue on this connection; the descriptor, if any, has been handed over. */
struct MHD_Response *http_response_to_mhd(
    HttpResponse *response, HttpLot *lot, struct MHD_Connection *connection);

/* The body of one response, read on the thread of the connection. */
struct MHD_Response *http_stream_to_mhd(
    HttpStream *stream, HttpLot *lot, struct MHD_Connection *connection);

/* ---- the server ---- */

struct HttpServer {
    HttpServerConfig config; /* its strings are owned */
    struct MHD_Daemon *daemon;
    int listen_fd;
    char *tls_cert; /* PEM texts, which libmicrohttpd borrows */
    char *tls_key;
    uint16_t port;
    HttpLot lot;

    GMutex lock; /* guards what follows; a leaf */
    GCond is_idle;
    unsigned n_active; /* requests between their headers and their end */
    bool is_stopping;
    char *problem; /* the last message of libmicrohttpd, for the error of a failed start */
};

/* libmicrohttpd's callbacks; cls is the server. */
void *http_connection_on_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_connection_on_access(void *cls, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *upload_data,
    size_t *upload_data_size, void **con_cls);
void http_connection_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
    enum MHD_RequestTerminationCode reason);
