/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The server that test_http.py talks to: http/ with a few small handlers, an upload that is only
 * counted and hashed, and TLS when it is given files. Prints its port, stops at end of input. */
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Upload {
    GChecksum *hash;
    uint64_t size;
} Upload;

static void
upload_free(void *data)
{
    Upload *upload = data;
    g_checksum_free(upload->hash);
    g_free(upload);
}

static HttpResponse *
on_upload_begin(HttpRequest *request, void *data)
{
    if (http_request_header(request, "X-Auth-Token") == NULL) {
        return http_response_new_text(401, "text/plain", g_strdup("no token"));
    }
    Upload *upload = g_new0(Upload, 1);
    upload->hash = g_checksum_new(G_CHECKSUM_SHA256);
    http_request_set_data(request, upload, upload_free);
    return NULL;
}

static HttpResponse *
on_upload_chunk(HttpRequest *request, const void *bytes, size_t size, void *data)
{
    Upload *upload = http_request_data(request);
    g_checksum_update(upload->hash, bytes, (gssize)size);
    upload->size += size;
    return NULL;
}

static HttpResponse *
on_upload(HttpRequest *request, void *data)
{
    Upload *upload = http_request_data(request);
    return http_response_new_text(200, "text/plain",
        g_strdup_printf(
            "%" G_GUINT64_FORMAT " %s", upload->size, g_checksum_get_string(upload->hash)));
}

static HttpResponse *
on_echo(HttpRequest *request, void *data)
{
    size_t size;
    const char *body = http_request_body(request, &size);
    return http_response_new_bytes(200, "application/octet-stream", g_bytes_new(body, size));
}

static HttpResponse *
on_peer(HttpRequest *request, void *data)
{
    return http_response_new_text(200, "text/plain",
        g_strdup_printf("%s %s", http_request_scheme(request), http_request_peer(request)));
}

static void *
complete_later(void *data)
{
    g_usleep(20000);
    http_request_complete(data, http_response_new_text(200, "text/plain", g_strdup("later")));
    return NULL;
}

static HttpResponse *
on_later(HttpRequest *request, void *data)
{
    g_thread_unref(g_thread_new("later", complete_later, http_request_defer(request)));
    return NULL;
}

static void *
produce(void *data)
{
    g_autoptr(HttpStream) stream = data;
    for (int i = 0; i < 100; i++) {
        g_autofree char *event = g_strdup_printf("data: %d\n\n", i);
        if (!http_stream_push(stream, event, strlen(event))) {
            return NULL;
        }
        g_usleep(1000);
    }
    http_stream_end(stream);
    return NULL;
}

static HttpResponse *
on_events(HttpRequest *request, void *data)
{
    HttpStream *stream = http_stream_new(1 << 20);
    g_thread_unref(g_thread_new("events", produce, http_stream_ref(stream)));
    return http_response_new_stream(200, "text/event-stream", stream);
}

static const HttpBodySink upload_sink = {on_upload_begin, on_upload_chunk};

static const HttpRoute routes[] = {
    {"PUT", "/images/{id}/file", on_upload, &upload_sink},
    {"POST", "/echo", on_echo},
    {"GET", "/peer", on_peer},
    {"GET", "/later", on_later},
    {"GET", "/events", on_events},
};

int
main(int argc, char **argv)
{
    g_autoptr(HttpRouter) router = http_router_new();
    http_router_add_table(router, "", routes, G_N_ELEMENTS(routes), NULL);
    const HttpServerConfig config = {
        .address = argc > 1 && *argv[1] != '\0' ? argv[1] : NULL,
        .tls_cert_file = argc > 3 ? argv[2] : NULL,
        .tls_key_file = argc > 3 ? argv[3] : NULL,
        .idle_timeout_s = 2,
        .router = router,
    };
    g_autoptr(HttpServer) server = http_server_new(&config);
    g_autoptr(GError) error = NULL;
    if (!http_server_start(server, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return EXIT_FAILURE;
    }
    printf("%u\n", http_server_port(server));
    fflush(stdout);
    while (getchar() != EOF) {
    }
    http_server_stop(server);
    return EXIT_SUCCESS;
}
