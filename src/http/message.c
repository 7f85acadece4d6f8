/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "http/message.h"

#include <string.h>
#include <unistd.h>

#include "http/internal.h"

/* ---- the request ---- */

HttpRequest *
http_request_new(void)
{
    HttpRequest *request = g_new0(HttpRequest, 1);
    g_atomic_ref_count_init(&request->n_refs);
    request->texts = g_string_chunk_new(1024);
    request->method = "";
    request->path = "/";
    request->query_text = "";
    request->id = "";
    request->peer = "";
    request->parts = g_ptr_array_new();
    request->queries = g_array_new(FALSE, FALSE, sizeof(HttpPair));
    request->headers = g_array_new(FALSE, FALSE, sizeof(HttpPair));
    request->body = g_string_sized_new(0);
    return request;
}

HttpRequest *
http_request_ref(HttpRequest *request)
{
    g_atomic_ref_count_inc(&request->n_refs);
    return request;
}

void
http_request_unref(HttpRequest *request)
{
    if (!g_atomic_ref_count_dec(&request->n_refs)) {
        return;
    }
    http_request_set_data(request, NULL, NULL);
    http_response_free(request->response);
    http_response_free(request->deferred_response);
    g_ptr_array_unref(request->parts);
    g_array_unref(request->queries);
    g_array_unref(request->headers);
    g_string_free(request->body, TRUE);
    g_string_chunk_free(request->texts);
    g_free(request);
}

const char *
http_request_keep(HttpRequest *request, const char *text)
{
    return g_string_chunk_insert(request->texts, text);
}

void
http_request_add_header(HttpRequest *request, const char *name, const char *value)
{
    HttpPair pair = {http_request_keep(request, name), http_request_keep(request, value)};
    g_array_append_val(request->headers, pair);
}

const char *
http_request_method(const HttpRequest *request)
{
    return request->method;
}

const char *
http_request_path(const HttpRequest *request)
{
    return request->path;
}

const char *
http_request_param(const HttpRequest *request, const char *name)
{
    const HttpMatch *match = &request->match;
    for (size_t i = 0; i < match->n_params; i++) {
        if (strcmp(match->param_names[i], name) == 0) {
            return g_ptr_array_index(request->parts, match->param_parts[i]);
        }
    }
    g_assert_not_reached();
}

const char *
http_request_query(const HttpRequest *request, const char *name)
{
    for (unsigned i = 0; i < request->queries->len; i++) {
        const HttpPair *pair = &g_array_index(request->queries, HttpPair, i);
        if (strcmp(pair->name, name) == 0) {
            return pair->value;
        }
    }
    return NULL;
}

size_t
http_request_n_queries(const HttpRequest *request)
{
    return request->queries->len;
}

void
http_request_query_at(
    const HttpRequest *request, size_t i, const char **ret_name, const char **ret_value)
{
    g_assert(i < request->queries->len);
    const HttpPair *pair = &g_array_index(request->queries, HttpPair, i);
    *ret_name = pair->name;
    *ret_value = pair->value;
}

const char *
http_request_header(const HttpRequest *request, const char *name)
{
    for (unsigned i = 0; i < request->headers->len; i++) {
        const HttpPair *pair = &g_array_index(request->headers, HttpPair, i);
        if (g_ascii_strcasecmp(pair->name, name) == 0) {
            return pair->value;
        }
    }
    return NULL;
}

const char *
http_request_body(const HttpRequest *request, size_t *ret_size)
{
    *ret_size = request->body->len;
    return request->body->str;
}

int64_t
http_request_content_length(const HttpRequest *request)
{
    return request->content_length;
}

const char *
http_request_id(const HttpRequest *request)
{
    return request->id;
}

const char *
http_request_peer(const HttpRequest *request)
{
    return request->peer;
}

const char *
http_request_scheme(const HttpRequest *request)
{
    return request->is_tls ? "https" : "http";
}

const HttpRoute *
http_request_route(const HttpRequest *request)
{
    return request->match.route;
}

const char *
http_request_template(const HttpRequest *request)
{
    return request->match.template_path;
}

void
http_request_set_data(HttpRequest *request, void *take_data, GDestroyNotify destroy)
{
    if (request->destroy_data != NULL) {
        request->destroy_data(request->data);
    }
    request->data = take_data;
    request->destroy_data = destroy;
}

void *
http_request_data(const HttpRequest *request)
{
    return request->data;
}

/* ---- deferred replies ---- */

HttpRequest *
http_request_defer(HttpRequest *request)
{
    http_parking_lock();
    g_assert(request->reply_state == HTTP_REPLY_DIRECT);
    request->reply_state = HTTP_REPLY_DEFERRED;
    http_parking_unlock();
    return http_request_ref(request);
}

void
http_request_complete(HttpRequest *take_request, HttpResponse *take_response)
{
    HttpResponse *dropped = NULL;
    http_parking_lock();
    if (take_request->reply_state == HTTP_REPLY_GIVEN_UP) {
        dropped = take_response;
    } else {
        g_assert(take_request->reply_state == HTTP_REPLY_DEFERRED);
        take_request->reply_state = HTTP_REPLY_COMPLETE;
        take_request->deferred_response = take_response;
        http_parking_wake(&take_request->parking);
    }
    http_parking_unlock();
    http_response_free(dropped);
    http_request_unref(take_request);
}

HttpResponse *
http_request_fetch(HttpRequest *request, bool *ret_is_given_up)
{
    HttpResponse *response = NULL;
    bool is_given_up = false;
    http_parking_lock();
    switch (request->reply_state) {
    case HTTP_REPLY_DIRECT: g_assert_not_reached(); /* the handler returned nothing at all */
    case HTTP_REPLY_GIVEN_UP: is_given_up = true; break;
    case HTTP_REPLY_DEFERRED:
        if (!http_parking_park(&request->parking)) {
            request->reply_state = HTTP_REPLY_GIVEN_UP;
            is_given_up = true;
        }
        break;
    case HTTP_REPLY_COMPLETE: response = g_steal_pointer(&request->deferred_response); break;
    }
    http_parking_unlock();
    *ret_is_given_up = is_given_up;
    return response;
}

/* ---- the response ---- */

static void
clear_pair(void *data)
{
    HttpPair *pair = data;
    g_free((char *)pair->name);
    g_free((char *)pair->value);
}

HttpResponse *
http_response_new(int status)
{
    HttpResponse *response = g_new0(HttpResponse, 1);
    response->status = status;
    response->fd = -1;
    response->headers = g_array_new(FALSE, FALSE, sizeof(HttpPair));
    g_array_set_clear_func(response->headers, clear_pair);
    return response;
}

static HttpResponse *
response_new_typed(int status, const char *content_type)
{
    HttpResponse *response = http_response_new(status);
    http_response_set_header(response, "Content-Type", content_type);
    return response;
}

HttpResponse *
http_response_new_text(int status, const char *content_type, char *take_body)
{
    GBytes *body = g_bytes_new_take(take_body, strlen(take_body));
    return http_response_new_bytes(status, content_type, body);
}

HttpResponse *
http_response_new_bytes(int status, const char *content_type, GBytes *take_body)
{
    HttpResponse *response = response_new_typed(status, content_type);
    response->body = take_body;
    return response;
}

HttpResponse *
http_response_new_file(int status, const char *content_type, int take_fd, uint64_t size)
{
    HttpResponse *response = response_new_typed(status, content_type);
    response->fd = take_fd;
    response->fd_size = size;
    return response;
}

HttpResponse *
http_response_new_stream(int status, const char *content_type, HttpStream *take_stream)
{
    HttpResponse *response = response_new_typed(status, content_type);
    response->stream = take_stream;
    return response;
}

void
http_response_free(HttpResponse *response)
{
    if (response == NULL) {
        return;
    }
    g_array_unref(response->headers);
    g_clear_pointer(&response->body, g_bytes_unref);
    if (response->fd >= 0) {
        close(response->fd);
    }
    /* A stream that was never sent has no reader: its producer must learn that. */
    if (response->stream != NULL) {
        http_stream_end(response->stream);
        http_stream_unref(response->stream);
    }
    g_free(response);
}

int
http_response_status(const HttpResponse *response)
{
    return response->status;
}

static HttpPair *
find_header(const HttpResponse *response, const char *name)
{
    for (unsigned i = 0; i < response->headers->len; i++) {
        HttpPair *pair = &g_array_index(response->headers, HttpPair, i);
        if (g_ascii_strcasecmp(pair->name, name) == 0) {
            return pair;
        }
    }
    return NULL;
}

void
http_response_set_header(HttpResponse *response, const char *name, const char *value)
{
    char *clean = g_strdup(value);
    for (char *p = clean; *p != '\0'; p++) {
        if (g_ascii_iscntrl(*p)) {
            *p = ' ';
        }
    }
    HttpPair *old = find_header(response, name);
    if (old != NULL) {
        g_free((char *)old->value);
        old->value = clean;
        return;
    }
    HttpPair pair = {g_strdup(name), clean};
    g_array_append_val(response->headers, pair);
}

const char *
http_response_header(const HttpResponse *response, const char *name)
{
    const HttpPair *pair = find_header(response, name);
    return pair != NULL ? pair->value : NULL;
}

const char *
http_response_body(const HttpResponse *response, size_t *ret_size)
{
    if (response->body == NULL) {
        *ret_size = 0;
        return NULL;
    }
    return g_bytes_get_data(response->body, ret_size);
}

static void
free_body(void *cls)
{
    g_bytes_unref(cls);
}

static struct MHD_Response *
body_to_mhd(HttpResponse *response, HttpLot *lot, struct MHD_Connection *connection)
{
    if (response->fd >= 0) {
        int fd = response->fd;
        response->fd = -1;
        return MHD_create_response_from_fd64(response->fd_size, fd);
    }
    if (response->stream != NULL) {
        return http_stream_to_mhd(g_steal_pointer(&response->stream), lot, connection);
    }
    if (response->body == NULL) {
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    }
    size_t size;
    const void *data = g_bytes_get_data(response->body, &size);
    return MHD_create_response_from_buffer_with_free_callback_cls(
        size, (void *)data, free_body, g_bytes_ref(response->body));
}

struct MHD_Response *
http_response_to_mhd(HttpResponse *response, HttpLot *lot, struct MHD_Connection *connection)
{
    struct MHD_Response *result = body_to_mhd(response, lot, connection);
    for (unsigned i = 0; i < response->headers->len; i++) {
        const HttpPair *pair = &g_array_index(response->headers, HttpPair, i);
        MHD_add_response_header(result, pair->name, pair->value);
    }
    return result;
}
