/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The whole server over real sockets on loopback: what is sent is written out byte by byte, since
 * most of what can go wrong is what no client library would send. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metrics.h"

typedef struct Fixture {
    HttpRouter *router;
    HttpServer *server;
    HttpServerConfig config;
    GMutex lock; /* guards what follows */
    GCond changed;
    HttpRequest *deferred; /* given to the test by the handler */
    HttpStream *stream;    /* the same */
    GString *log;          /* lines of the after hook */
    uint64_t received;     /* bytes of streamed uploads */
    int n_uploads;         /* uploads that exist at the moment */
} Fixture;

/* ---- handlers ---- */

static HttpResponse *
on_echo(HttpRequest *request, void *data)
{
    size_t size;
    const char *body = http_request_body(request, &size);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(
        text, "%s|%s|", http_request_method(request), http_request_path(request));
    for (size_t i = 0; i < http_request_n_queries(request); i++) {
        const char *name;
        const char *value;
        http_request_query_at(request, i, &name, &value);
        g_string_append_printf(text, "%s=%s;", name, value);
    }
    const char *header = http_request_header(request, "x-test");
    g_string_append_printf(text, "|%s|%s", header != NULL ? header : "-", body);
    return http_response_new_text(200, "text/plain", g_string_free(g_steal_pointer(&text), FALSE));
}

static HttpResponse *
on_item(HttpRequest *request, void *data)
{
    return http_response_new_text(200, "text/plain", g_strdup(http_request_param(request, "id")));
}

static HttpResponse *
on_delete(HttpRequest *request, void *data)
{
    return http_response_new(204);
}

static HttpResponse *
on_slow(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    g_mutex_lock(&fixture->lock);
    fixture->deferred = http_request_defer(request);
    g_cond_broadcast(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
    return NULL;
}

static HttpResponse *
on_at_once(HttpRequest *request, void *data)
{
    http_request_complete(http_request_defer(request), http_response_new(202));
    return NULL;
}

static HttpResponse *
on_events(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    HttpStream *stream = http_stream_new(1 << 20);
    g_mutex_lock(&fixture->lock);
    fixture->stream = http_stream_ref(stream);
    g_cond_broadcast(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
    return http_response_new_stream(200, "text/event-stream", stream);
}

static HttpResponse *
on_file(HttpRequest *request, void *data)
{
    int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, 3 << 20), ==, 0);
    g_assert_cmpint(pwrite(fd, "begin", 5, 0), ==, 5);
    g_assert_cmpint(pwrite(fd, "end", 3, (3 << 20) - 3), ==, 3);
    return http_response_new_file(200, "application/octet-stream", fd, 3 << 20);
}

static void
on_upload_gone(void *data)
{
    Fixture *fixture = data;
    g_mutex_lock(&fixture->lock);
    fixture->n_uploads--;
    g_cond_broadcast(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
}

static HttpResponse *
on_upload_begin(HttpRequest *request, void *data)
{
    if (http_request_header(request, "X-Refuse") != NULL) {
        return http_response_new(401);
    }
    Fixture *fixture = data;
    g_mutex_lock(&fixture->lock);
    fixture->n_uploads++;
    fixture->received = 0;
    g_mutex_unlock(&fixture->lock);
    http_request_set_data(request, fixture, on_upload_gone);
    return NULL;
}

static HttpResponse *
on_upload_chunk(HttpRequest *request, const void *bytes, size_t size, void *data)
{
    Fixture *fixture = data;
    g_mutex_lock(&fixture->lock);
    fixture->received += size;
    g_cond_broadcast(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
    return memchr(bytes, '!', size) != NULL ? http_response_new(409) : NULL;
}

static HttpResponse *
on_upload_end(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    g_mutex_lock(&fixture->lock);
    char *text = g_strdup_printf("%" G_GUINT64_FORMAT, fixture->received);
    g_mutex_unlock(&fixture->lock);
    return http_response_new_text(200, "text/plain", text);
}

static const HttpBodySink upload_sink = {on_upload_begin, on_upload_chunk};

static const HttpRoute routes[] = {
    {"GET", "/echo", on_echo},
    {"POST", "/echo", on_echo},
    {"GET", "/items/{id}", on_item},
    {"DELETE", "/items/{id}", on_delete},
    {"GET", "/slow", on_slow},
    {"GET", "/at-once", on_at_once},
    {"GET", "/events", on_events},
    {"GET", "/file", on_file},
    {"PUT", "/upload", on_upload_end, &upload_sink},
};

static void
on_finish(HttpRequest *request, HttpResponse *response, void *data)
{
    http_response_set_header(response, "X-Finished", "yes\r\nX-Evil: 1");
}

static void
on_after(const HttpRequest *request, const HttpAccess *access, void *data)
{
    Fixture *fixture = data;
    const char *template_path = http_request_template(request);
    g_mutex_lock(&fixture->lock);
    g_string_append_printf(fixture->log, "%s %s %s %d %s\n", http_request_method(request),
        http_request_path(request), template_path != NULL ? template_path : "-", access->status,
        access->is_complete ? "complete" : "broken");
    g_cond_broadcast(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
}

/* ---- the fixture ---- */

static void
set_up(Fixture *fixture, const void *data)
{
    g_mutex_init(&fixture->lock);
    g_cond_init(&fixture->changed);
    fixture->log = g_string_new(NULL);
    fixture->router = http_router_new();
    http_router_add_table(fixture->router, "", routes, G_N_ELEMENTS(routes), fixture);
    fixture->config = (HttpServerConfig){
        .address = "127.0.0.1",
        .n_threads = 2,
        .idle_timeout_s = 1,
        .body_timeout_s = 1,
        .max_body_size = 1000,
        .stop_timeout_s = 1,
        .router = fixture->router,
        .hooks = {.finish = on_finish, .after = on_after, .data = fixture},
    };
    fixture->server = http_server_new(&fixture->config);
    g_autoptr(GError) error = NULL;
    g_assert_true(http_server_start(fixture->server, &error));
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, const void *data)
{
    http_server_free(fixture->server);
    http_router_free(fixture->router);
    g_assert_cmpint(fixture->n_uploads, ==, 0);
    g_string_free(fixture->log, TRUE);
    g_mutex_clear(&fixture->lock);
    g_cond_clear(&fixture->changed);
}

static void *
wait_for(Fixture *fixture, void *const *field)
{
    int64_t deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    g_mutex_lock(&fixture->lock);
    while (*field == NULL) {
        g_assert_true(g_cond_wait_until(&fixture->changed, &fixture->lock, deadline_us));
    }
    void *value = *field;
    g_mutex_unlock(&fixture->lock);
    return value;
}

/* Until so many uploads are open, and if any is, its first bytes are there. */
static void
wait_for_uploads(Fixture *fixture, int n_uploads)
{
    int64_t deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    g_mutex_lock(&fixture->lock);
    while (fixture->n_uploads != n_uploads || (n_uploads > 0 && fixture->received == 0)) {
        g_assert_true(g_cond_wait_until(&fixture->changed, &fixture->lock, deadline_us));
    }
    g_mutex_unlock(&fixture->lock);
}

static void
wait_for_log(Fixture *fixture, const char *line)
{
    int64_t deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    g_mutex_lock(&fixture->lock);
    while (strstr(fixture->log->str, line) == NULL) {
        if (!g_cond_wait_until(&fixture->changed, &fixture->lock, deadline_us)) {
            g_test_message("log:\n%s", fixture->log->str);
            g_test_fail_printf("no line '%s'", line);
            break;
        }
    }
    g_mutex_unlock(&fixture->lock);
}

/* ---- the client ---- */

static bool
is_connected(Fixture *fixture, int fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(http_server_port(fixture->server)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static int
connect_to(Fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_true(is_connected(fixture, fd));
    struct timeval timeout = {.tv_sec = 8};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return fd;
}

static void
send_text(int fd, const char *text)
{
    size_t length = strlen(text);
    g_assert_cmpint(send(fd, text, length, MSG_NOSIGNAL), ==, length);
}

/* Reads until the text ends with it, or, for NULL, until the connection is closed. */
static char *
receive_until(int fd, const char *end)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    ssize_t size = 1;
    while (size > 0 && (end == NULL || strstr(text->str, end) == NULL)) {
        size = recv(fd, buffer, sizeof buffer, 0);
        g_assert_true(size >= 0 || errno == ECONNRESET);
        g_string_append_len(text, buffer, MAX(size, 0));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* One request on a connection of its own; the whole response. */
static char *
exchange(Fixture *fixture, const char *request)
{
    int fd = connect_to(fixture);
    send_text(fd, request);
    char *response = receive_until(fd, NULL);
    close(fd);
    return response;
}

/* The body of the response to a request without one. */
static char *
fetch(Fixture *fixture, const char *method, const char *target)
{
    g_autofree char *request = g_strdup_printf(
        "%s %s HTTP/1.1\r\nHost: x\r\nX-Test: Hi\r\nConnection: close\r\n\r\n", method, target);
    return exchange(fixture, request);
}

static void
assert_status(const char *response, int status)
{
    g_autofree char *line = g_strdup_printf("HTTP/1.1 %d ", status);
    if (!g_str_has_prefix(response, line)) {
        g_test_message("%s", response);
        g_test_fail_printf("status is not %d", status);
    }
}

static void
assert_contains(const char *response, const char *text)
{
    if (strstr(response, text) == NULL) {
        g_test_message("%s", response);
        g_test_fail_printf("'%s' is not in the response", text);
    }
}

static const char *
body_of(const char *response)
{
    const char *end = strstr(response, "\r\n\r\n");
    g_assert_nonnull(end);
    return end + 4;
}

/* ---- tests ---- */

static void
test_request_reaches_its_handler(Fixture *fixture, const void *data)
{
    g_autofree char *response = fetch(fixture, "GET", "/echo?b=1&a=x%20y+z&b=%26&c");
    assert_status(response, 200);
    g_assert_cmpstr(body_of(response), ==, "GET|/echo|b=1;a=x y z;b=&;c=;|Hi|");
    assert_contains(response, "Content-Type: text/plain\r\n");
    assert_contains(response, "X-OpenStack-Request-ID: req-");
}

static void
test_header_value_cannot_add_a_header(Fixture *fixture, const void *data)
{
    g_autofree char *response = fetch(fixture, "GET", "/echo");
    assert_contains(response, "X-Finished: yes  X-Evil: 1\r\n");
}

static void
test_path_is_decoded_by_parts(Fixture *fixture, const void *data)
{
    g_autofree char *slash = fetch(fixture, "GET", "//items/a%2Fb%20%C3%A9%zz/");
    g_assert_cmpstr(body_of(slash), ==, "a/b é%zz");
    g_autofree char *nul = fetch(fixture, "GET", "/items/a%00b");
    assert_status(nul, 400);
    g_autofree char *bytes = fetch(fixture, "GET", "/items/%ff");
    assert_status(bytes, 400);
    g_autofree char *query = fetch(fixture, "GET", "/items/1?x=%ff");
    assert_status(query, 400);
    g_autofree char *absolute = fetch(fixture, "GET", "http://example:80/items/7");
    g_assert_cmpstr(body_of(absolute), ==, "7");
}

static void
test_unknown_path_and_method(Fixture *fixture, const void *data)
{
    g_autofree char *path = fetch(fixture, "GET", "/nothing");
    assert_status(path, 404);
    g_autofree char *method = fetch(fixture, "PATCH", "/items/1");
    assert_status(method, 405);
    assert_contains(method, "Allow: GET, HEAD, DELETE\r\n");
    wait_for_log(fixture, "GET /nothing - 404 complete\n");
}

static void
test_head_is_get_without_body(Fixture *fixture, const void *data)
{
    g_autofree char *response = fetch(fixture, "HEAD", "/items/abc");
    assert_status(response, 200);
    assert_contains(response, "Content-Length: 3\r\n");
    g_assert_cmpstr(body_of(response), ==, "");
}

static void
test_no_content_has_no_body(Fixture *fixture, const void *data)
{
    g_autofree char *response = fetch(fixture, "DELETE", "/items/abc");
    assert_status(response, 204);
    g_assert_cmpstr(body_of(response), ==, "");
}

static void
test_connection_is_kept(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    for (int i = 0; i < 3; i++) {
        send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        g_autofree char *response = receive_until(fd, "|hello");
        assert_status(response, 200);
    }
    /* Two at once: the second is answered after the first. */
    send_text(
        fd, "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /items/two HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autofree char *both = receive_until(fd, "two");
    assert_contains(both, "\r\n\r\n1HTTP/1.1 200 OK\r\n");
    close(fd);
}

static void
test_body_in_pieces(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(
        fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    send_text(fd, "4\r\ndefg\r\n0\r\n\r\n");
    g_autofree char *response = receive_until(fd, "abcdefg");
    assert_status(response, 200);
    close(fd);
}

static void
test_body_too_large(Fixture *fixture, const void *data)
{
    g_autofree char *big = g_strnfill(200000, 'x');
    g_autofree char *known = g_strdup_printf("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: "
                                             "close\r\nContent-Length: 200000\r\n\r\n%s",
        big);
    g_autofree char *known_response = exchange(fixture, known);
    assert_status(known_response, 413);
    g_autofree char *chunked = g_strdup_printf("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: "
                                               "close\r\nTransfer-Encoding: chunked\r\n\r\n"
                                               "30d40\r\n%s\r\n0\r\n\r\n",
        big);
    g_autofree char *chunked_response = exchange(fixture, chunked);
    assert_status(chunked_response, 413);
}

static void
test_body_of_the_limit_is_taken(Fixture *fixture, const void *data)
{
    g_autofree char *body = g_strnfill(1000, 'x');
    g_autofree char *request = g_strdup_printf("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: "
                                               "close\r\nContent-Length: 1000\r\n\r\n%s",
        body);
    g_autofree char *response = exchange(fixture, request);
    assert_status(response, 200);
}

static void
test_refused_body_is_not_asked_for(Fixture *fixture, const void *data)
{
    g_autofree char *response = exchange(fixture,
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
    assert_status(response, 413);
    int fd = connect_to(fixture);
    send_text(fd,
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        "Connection: close\r\n\r\n");
    g_autofree char *go_on = receive_until(fd, "\r\n\r\n");
    assert_status(go_on, 100);
    send_text(fd, "ok");
    g_autofree char *done = receive_until(fd, NULL);
    assert_status(done, 200);
    close(fd);
}

/* What comes back is libmicrohttpd's affair: an error or a closed connection, and no crash. */
static void
test_garbage_does_no_harm(Fixture *fixture, const void *data)
{
    static const char *const texts[] = {
        "\r\n\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /echo\r\n\r\n",
        "GET /echo HTTP/9.9\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\nffffffffffffffffff\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort",
        "GET /echo?%ff%00&=&&=&%= HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    int fds[G_N_ELEMENTS(texts)];
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        fds[i] = connect_to(fixture);
        send_text(fds[i], texts[i]);
        shutdown(fds[i], SHUT_WR);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *response = receive_until(fds[i], NULL);
        g_assert_false(g_str_has_prefix(response, "HTTP/1.1 200"));
        close(fds[i]);
    }
    g_autofree char *long_header = g_strnfill(100000, 'h');
    g_autofree char *request =
        g_strdup_printf("GET /echo HTTP/1.1\r\nHost: x\r\nX-Test: %s\r\n\r\n", long_header);
    int fd = connect_to(fixture);
    send(fd, request, strlen(request), MSG_NOSIGNAL);
    g_autofree char *response = receive_until(fd, NULL);
    g_assert_false(g_str_has_prefix(response, "HTTP/1.1 200"));
    close(fd);
    g_autofree char *alive = fetch(fixture, "GET", "/items/alive");
    assert_status(alive, 200);
}

static void
test_body_that_trickles_in_is_cut_off(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n");
    int64_t begin_us = g_get_monotonic_time();
    ssize_t sent = 1;
    while (sent > 0 && g_get_monotonic_time() - begin_us < 4 * G_USEC_PER_SEC) {
        sent = send(fd, "x", 1, MSG_NOSIGNAL);
        g_usleep(50000);
    }
    g_assert_cmpint(sent, <, 0);
    close(fd);
    wait_for_log(fixture, "POST /echo /echo 0 broken\n");
}

static void
test_idle_connection_is_closed(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /echo HT");
    g_autofree char *response = receive_until(fd, NULL);
    g_assert_cmpstr(response, ==, "");
    close(fd);
}

static void
test_deferred_reply_comes_later(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(fixture, (void **)&fixture->deferred);
    g_autofree char *other = fetch(fixture, "GET", "/items/other");
    assert_status(other, 200);
    http_request_complete(
        fixture->deferred, http_response_new_text(200, "text/plain", g_strdup("later")));
    g_autofree char *response = receive_until(fd, "later");
    assert_status(response, 200);
    send_text(fd, "GET /items/kept HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autofree char *next = receive_until(fd, "kept");
    assert_status(next, 200);
    close(fd);
}

static void
test_deferred_reply_may_come_at_once(Fixture *fixture, const void *data)
{
    g_autofree char *response = fetch(fixture, "GET", "/at-once");
    assert_status(response, 202);
}

static void
test_client_goes_before_deferred_reply(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(fixture, (void **)&fixture->deferred);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    http_request_complete(fixture->deferred, http_response_new(200));
    wait_for_log(fixture, "GET /slow /slow 200 broken\n");
}

static void
test_stop_answers_deferred_requests(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(fixture, (void **)&fixture->deferred);
    http_server_stop(fixture->server);
    g_autofree char *response = receive_until(fd, NULL);
    assert_status(response, 503);
    assert_contains(response, "Connection: close\r\n");
    close(fd);
    http_request_complete(fixture->deferred, http_response_new(200));
}

static void
test_stop_does_not_wait_for_idle_connections(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autofree char *response = receive_until(fd, "\r\n\r\n1");
    wait_for_log(fixture, "GET /items/1");
    int64_t begin_us = g_get_monotonic_time();
    http_server_stop(fixture->server);
    g_assert_cmpint(g_get_monotonic_time() - begin_us, <, G_USEC_PER_SEC / 2);
    close(fd);
}

static void
test_stop_cuts_off_what_takes_too_long(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome");
    wait_for_uploads(fixture, 1);
    http_server_stop(fixture->server);
    wait_for_log(fixture, "PUT /upload /upload 0 broken\n");
    close(fd);
}

static void *
stop_in_background(void *data)
{
    http_server_stop(data);
    return NULL;
}

/* While it waits for what it has begun: the connection is closed, nothing of it is answered. */
static void
test_stop_takes_no_new_connections(Fixture *fixture, const void *data)
{
    http_server_free(fixture->server);
    fixture->config.stop_timeout_s = 60;
    fixture->config.idle_timeout_s = fixture->config.body_timeout_s = 60;
    fixture->server = http_server_new(&fixture->config);
    g_assert_true(http_server_start(fixture->server, NULL));
    int fd = connect_to(fixture);
    send_text(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nsome");
    wait_for_uploads(fixture, 1);
    GThread *stopper = g_thread_new("stopper", stop_in_background, fixture->server);
    bool is_answered = true;
    for (int i = 0; is_answered && i < 500; i++) {
        g_autofree char *body = fetch(fixture, "GET", "/items/1");
        is_answered = body[0] != '\0';
        g_usleep(10000);
    }
    g_assert_false(is_answered);
    send_text(fd, "!");
    g_autofree char *response = receive_until(fd, NULL);
    assert_status(response, 409);
    g_thread_join(stopper);
    close(fd);
    int late_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_false(is_connected(fixture, late_fd));
    close(late_fd);
}

static void
test_upload_is_not_limited(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    g_autofree char *block = g_strnfill(65536, 'x');
    for (int i = 0; i < 320; i++) {
        send_text(fd, "10000\r\n");
        send_text(fd, block);
        send_text(fd, "\r\n");
    }
    send_text(fd, "0\r\n\r\n");
    g_autofree char *response = receive_until(fd, "20971520");
    assert_status(response, 200);
    close(fd);
}

static void
test_upload_is_refused(Fixture *fixture, const void *data)
{
    g_autofree char *early = exchange(fixture,
        "PUT /upload HTTP/1.1\r\nHost: x\r\nX-Refuse: 1\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\nbody");
    assert_status(early, 401);
    g_autofree char *middle = exchange(fixture,
        "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhell!");
    assert_status(middle, 409);
}

static void
test_client_goes_during_upload(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome");
    wait_for_uploads(fixture, 1);
    close(fd);
    wait_for_uploads(fixture, 0);
    wait_for_log(fixture, "PUT /upload /upload 0 broken\n");
}

static void
test_file_is_sent(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    g_autoptr(GByteArray) all = g_byte_array_new();
    uint8_t buffer[65536];
    for (ssize_t size; (size = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
        g_byte_array_append(all, buffer, (unsigned)size);
    }
    close(fd);
    g_byte_array_append(all, (const uint8_t *)"", 1);
    const char *body = body_of((const char *)all->data);
    size_t size = all->len - 1 - (size_t)(body - (const char *)all->data);
    g_assert_cmpuint(size, ==, 3 << 20);
    g_assert_true(memcmp(body, "begin", 5) == 0);
    g_assert_true(memcmp(body + size - 3, "end", 3) == 0);
}

static void
push(HttpStream *stream, const char *text, bool is_open)
{
    g_assert_cmpint(http_stream_push(stream, text, strlen(text)), ==, is_open);
}

static void
test_events_arrive_as_they_are_pushed(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    HttpStream *stream = wait_for(fixture, (void **)&fixture->stream);
    for (int i = 0; i < 3; i++) {
        g_autofree char *event = g_strdup_printf("data: %d\n\n", i);
        push(stream, event, true);
        g_autofree char *received = receive_until(fd, event);
        assert_contains(received, event);
    }
    http_stream_end(stream);
    g_autofree char *end = receive_until(fd, "0\r\n\r\n");
    assert_contains(end, "0\r\n\r\n");
    push(stream, "late", false);
    http_stream_unref(stream);
    close(fd);
}

static void
test_stream_ends_when_the_client_goes(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    HttpStream *stream = wait_for(fixture, (void **)&fixture->stream);
    push(stream, "data: 1\n\n", true);
    g_autofree char *received = receive_until(fd, "data: 1\n\n");
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    int n = 0;
    while (http_stream_push(stream, ":\n\n", 3) && n++ < 100) {
        g_usleep(20000);
    }
    g_assert_cmpint(n, <, 100);
    http_stream_unref(stream);
}

static void
test_slow_reader_of_a_stream_is_cut_off(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    HttpStream *stream = wait_for(fixture, (void **)&fixture->stream);
    g_autofree char *block = g_strnfill(65536, 'x');
    int n = 0;
    while (http_stream_push(stream, block, 65536) && n++ < 1000) {
    }
    g_assert_cmpint(n, <, 1000);
    http_stream_unref(stream);
    close(fd);
}

static void
test_stop_ends_streams(Fixture *fixture, const void *data)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    HttpStream *stream = wait_for(fixture, (void **)&fixture->stream);
    push(stream, "data: 1\n\n", true);
    g_autofree char *received = receive_until(fd, "data: 1\n\n");
    http_server_stop(fixture->server);
    push(stream, "late", false);
    http_stream_unref(stream);
    close(fd);
}

static void
test_requests_are_counted_by_template(Fixture *fixture, const void *data)
{
    g_autofree char *one = fetch(fixture, "DELETE", "/items/1");
    g_autofree char *two = fetch(fixture, "DELETE", "/items/2");
    wait_for_log(fixture, "DELETE /items/2 /items/{id} 204 complete\n");
    g_autoptr(GString) text = g_string_new(NULL);
    metrics_export(text);
    assert_contains(text->str,
        "drover_http_requests_total{method=\"DELETE\",route=\"/items/{id}\",status=\"204\"} ");
    assert_contains(
        text->str, "drover_http_request_seconds_count{method=\"DELETE\",route=\"/items/{id}\"} ");
    g_assert_null(strstr(text->str, "/items/1"));
}

static void
test_port_in_use_is_an_error(Fixture *fixture, const void *data)
{
    HttpServerConfig config = fixture->config;
    config.port = http_server_port(fixture->server);
    g_autoptr(HttpServer) second = http_server_new(&config);
    g_autoptr(GError) error = NULL;
    g_assert_false(http_server_start(second, &error));
    g_autofree char *message = g_strdup_printf(
        "cannot listen on '127.0.0.1' port %u: Address already in use", config.port);
    g_assert_cmpstr(error->message, ==, message);
}

static void
test_bad_tls_files_are_errors(Fixture *fixture, const void *data)
{
    HttpServerConfig config = fixture->config;
    config.tls_cert_file = "/nonexistent/cert.pem";
    config.tls_key_file = "/nonexistent/key.pem";
    g_autoptr(HttpServer) absent = http_server_new(&config);
    g_autoptr(GError) error = NULL;
    g_assert_false(http_server_start(absent, &error));
    g_assert_true(strstr(error->message, "/nonexistent/cert.pem") != NULL);
    g_clear_error(&error);
    config.tls_cert_file = config.tls_key_file = "/proc/self/cmdline";
    g_autoptr(HttpServer) wrong = http_server_new(&config);
    g_assert_false(http_server_start(wrong, &error));
    g_assert_true(g_str_has_prefix(error->message, "cannot start the HTTP server: "));
}

#define ADD(name) g_test_add("/server/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(request_reaches_its_handler);
    ADD(header_value_cannot_add_a_header);
    ADD(path_is_decoded_by_parts);
    ADD(unknown_path_and_method);
    ADD(head_is_get_without_body);
    ADD(no_content_has_no_body);
    ADD(connection_is_kept);
    ADD(body_in_pieces);
    ADD(body_too_large);
    ADD(body_of_the_limit_is_taken);
    ADD(refused_body_is_not_asked_for);
    ADD(garbage_does_no_harm);
    ADD(body_that_trickles_in_is_cut_off);
    ADD(idle_connection_is_closed);
    ADD(deferred_reply_comes_later);
    ADD(deferred_reply_may_come_at_once);
    ADD(client_goes_before_deferred_reply);
    ADD(stop_answers_deferred_requests);
    ADD(stop_does_not_wait_for_idle_connections);
    ADD(stop_cuts_off_what_takes_too_long);
    ADD(stop_takes_no_new_connections);
    ADD(upload_is_not_limited);
    ADD(upload_is_refused);
    ADD(client_goes_during_upload);
    ADD(file_is_sent);
    ADD(events_arrive_as_they_are_pushed);
    ADD(stream_ends_when_the_client_goes);
    ADD(slow_reader_of_a_stream_is_cut_off);
    ADD(stop_ends_streams);
    ADD(requests_are_counted_by_template);
    ADD(port_in_use_is_an_error);
    ADD(bad_tls_files_are_errors);
    return g_test_run();
}
