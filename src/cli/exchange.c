/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/exchange.h"

#include "base/error.h"
#include "base/json.h"

#include <string.h>

/* What an answer may be at most: ten thousand servers in full are about 20 MiB. */
#define ANSWER_MAX ((size_t)256 << 20)

void
exchange_clear(Exchange *exchange)
{
    g_free(exchange->url);
    curl_slist_free_all(exchange->headers);
    g_free(exchange->body);
    g_clear_pointer(&exchange->answer, g_byte_array_unref);
    g_free(exchange->subject_token);
    g_free(exchange->request_id);
    g_clear_pointer(&exchange->upload, fclose);
}
static size_t
on_answer(char *data, size_t size, size_t count, void *user)
{
    Exchange *exchange = user;
    if (exchange->answer->len + size * count > ANSWER_MAX) {
        return 0;
    }
    g_byte_array_append(exchange->answer, (const guint8 *)data, size * count);
    return size * count;
}

/* The value of the header, when this line is it; caller frees. */
static char *
header_value(const char *line, size_t length, const char *name)
{
    size_t n = strlen(name);
    bool is_it = length > n + 1 && g_ascii_strncasecmp(line, name, n) == 0 && line[n] == ':';
    return is_it ? g_strstrip(g_strndup(line + n + 1, length - n - 1)) : NULL;
}

static void
keep_header(const char *line, size_t length, const char *name, char **value)
{
    char *found = header_value(line, length, name);
    if (found != NULL) {
        g_free(*value);
        *value = found;
    }
}

static size_t
on_header(char *data, size_t size, size_t count, void *user)
{
    Exchange *exchange = user;
    size_t length = size * count;
    if (length > 9 && g_ascii_strncasecmp(data, "HTTP/", 5) == 0) {
        const char *space = memchr(data, ' ', length);
        exchange->status = space != NULL ? strtol(space, NULL, 10) : 0;
    }
    keep_header(data, length, "x-subject-token", &exchange->subject_token);
    keep_header(data, length, "x-openstack-request-id", &exchange->request_id);
    return length;
}

static int
on_progress(void *user, curl_off_t total, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
    Exchange *exchange = user;
    if (exchange->progress != NULL) {
        exchange->progress(sent, exchange->upload_size, exchange->progress_data);
    }
    return 0;
}

/* The sentence inside an error body, whichever service wrote it; caller frees. */
static char *
fault_message(const Exchange *exchange)
{
    g_autoptr(GError) ignored = NULL;
    json_auto_t *body = json_parse((const char *)exchange->answer->data, exchange->answer->len,
        ANSWER_MAX, JSON_DEPTH_MAX, &ignored);
    const char *key = NULL;
    json_t *fault = NULL;
    json_object_foreach(body, key, fault)
    {
        json_t *first = json_is_array(fault) ? json_array_get(fault, 0) : fault;
        const char *message = json_string_value(json_object_get(first, "message"));
        if (message == NULL) {
            message = json_string_value(json_object_get(first, "detail"));
        }
        if (message == NULL && json_is_string(fault)) {
            message = json_string_value(fault);
        }
        if (message != NULL) {
            return g_strdup(message);
        }
    }
    return g_strdup_printf("the server answered with status %ld", exchange->status);
}

static ErrorCode
code_of_status(long status)
{
    switch (status) {
    case 401: return ERROR_UNAUTHENTICATED;
    case 403: return ERROR_FORBIDDEN;
    case 404: return ERROR_NOT_FOUND;
    case 409: return ERROR_CONFLICT;
    case 413: return ERROR_LIMIT;
    case 501: return ERROR_UNSUPPORTED;
    case 503: return ERROR_STORE_DOWN;
    default: return status >= 500 ? ERROR_INTERNAL : ERROR_INVALID;
    }
}

static void
set_up(CURL *curl, const Credentials *credentials, Exchange *exchange)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drover/" DROVER_VERSION);
    if (credentials->cacert != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, credentials->cacert);
    }
    if (credentials->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (exchange->upload != NULL) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READDATA, exchange->upload);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->upload_size);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    } else if (exchange->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body);
    }
    if (strcmp(exchange->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
}

bool
exchange_perform(Exchange *exchange, CURL *curl, const Credentials *credentials, GError **error)
{
    if (exchange->answer == NULL) {
        exchange->answer = g_byte_array_new();
    }
    set_up(curl, credentials, exchange);
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) {
        exchange->status = 0;
        return error_set(error, ERROR_INTERNAL, "cannot talk to '%s': %s", exchange->url,
            curl_easy_strerror(result));
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    if (exchange->status >= 400) {
        g_autofree char *message = fault_message(exchange);
        return error_set(error, code_of_status(exchange->status), "%s", message);
    }
    return true;
}

json_t *
exchange_to_json(const Exchange *exchange, GError **error)
{
    if (exchange->answer->len == 0) {
        return json_null();
    }
    return json_parse((const char *)exchange->answer->data, exchange->answer->len, ANSWER_MAX,
        JSON_DEPTH_MAX, error);
}
