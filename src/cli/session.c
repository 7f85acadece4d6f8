/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/session.h"

#include "base/error.h"
#include "base/json.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What an answer may be at most: ten thousand servers in full are about 20 MiB. */
#define ANSWER_MAX ((size_t)256 << 20)
/* Of the Compute and Placement APIs that this program was written for. */
#define COMPUTE_VERSION "OpenStack-API-Version: compute 2.96"
#define PLACEMENT_VERSION "OpenStack-API-Version: placement 1.29"

struct Session {
    CURL *curl;
    const Credentials *credentials; /* outlives the session */
    char *identity_url;             /* ends in /v3 */
    char *token_id;
    json_t *token;
    char *reason; /* NULL = none is said */
};

void
session_free(Session *session)
{
    if (session == NULL) {
        return;
    }
    curl_easy_cleanup(session->curl);
    g_free(session->identity_url);
    g_free(session->token_id);
    json_decref(session->token);
    g_free(session->reason);
    g_free(session);
}

const json_t *
session_token(Session *session)
{
    return session->token;
}

const char *
session_token_id(Session *session)
{
    return session->token_id;
}

/* One exchange: what goes out and what came back. */
typedef struct Exchange {
    const char *method;
    char *url;
    struct curl_slist *headers;
    char *body;
    GByteArray *answer;
    char *subject_token;
    FILE *upload;
    int64_t upload_size;
    void (*progress)(int64_t sent, int64_t size, void *data);
    void *progress_data;
    long status;
} Exchange;

static void
exchange_clear(Exchange *exchange)
{
    g_free(exchange->url);
    curl_slist_free_all(exchange->headers);
    g_free(exchange->body);
    g_clear_pointer(&exchange->answer, g_byte_array_unref);
    g_free(exchange->subject_token);
    g_clear_pointer(&exchange->upload, fclose);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Exchange, exchange_clear)

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

static size_t
on_header(char *data, size_t size, size_t count, void *user)
{
    static const char SUBJECT[] = "x-subject-token:";
    Exchange *exchange = user;
    size_t length = size * count;
    if (length > 9 && g_ascii_strncasecmp(data, "HTTP/", 5) == 0) {
        const char *space = memchr(data, ' ', length);
        exchange->status = space != NULL ? strtol(space, NULL, 10) : 0;
    }
    if (length > sizeof(SUBJECT) && g_ascii_strncasecmp(data, SUBJECT, sizeof(SUBJECT) - 1) == 0) {
        g_free(exchange->subject_token);
        exchange->subject_token =
            g_strstrip(g_strndup(data + sizeof(SUBJECT) - 1, length - sizeof(SUBJECT) + 1));
    }
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
set_up(Session *session, Exchange *exchange)
{
    CURL *curl = session->curl;
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
    if (session->credentials->cacert != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, session->credentials->cacert);
    }
    if (session->credentials->insecure) {
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

static bool
perform(Session *session, Exchange *exchange, GError **error)
{
    if (exchange->answer == NULL) {
        exchange->answer = g_byte_array_new();
    }
    set_up(session, exchange);
    CURLcode result = curl_easy_perform(session->curl);
    if (result != CURLE_OK) {
        return error_set(error, ERROR_INTERNAL, "cannot talk to '%s': %s", exchange->url,
            curl_easy_strerror(result));
    }
    curl_easy_getinfo(session->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    if (exchange->status >= 400) {
        g_autofree char *message = fault_message(exchange);
        return error_set(error, code_of_status(exchange->status), "%s", message);
    }
    return true;
}

static json_t *
answer_to_json(const Exchange *exchange, GError **error)
{
    if (exchange->answer->len == 0) {
        return json_null();
    }
    return json_parse((const char *)exchange->answer->data, exchange->answer->len, ANSWER_MAX,
        JSON_DEPTH_MAX, error);
}

static json_t *
domain_of(const char *domain)
{
    const char *key = strcmp(domain, "default") == 0 ? "id" : "name";
    return json_pack("{s:s}", key, domain);
}

static json_t *
login_body(const Credentials *credentials)
{
    json_t *identity = NULL;
    if (credentials->token != NULL) {
        identity =
            json_pack("{s:[s], s:{s:s}}", "methods", "token", "token", "id", credentials->token);
    } else if (credentials->user_id != NULL) {
        identity = json_pack("{s:[s], s:{s:{s:s, s:s}}}", "methods", "password", "password", "user",
            "id", credentials->user_id, "password", credentials->password);
    } else {
        identity = json_pack("{s:[s], s:{s:{s:s, s:s, s:o}}}", "methods", "password", "password",
            "user", "name", credentials->username, "password", credentials->password, "domain",
            domain_of(credentials->user_domain));
    }
    json_t *body = json_pack("{s:{s:o}}", "auth", "identity", identity);
    json_t *auth = json_object_get(body, "auth");
    if (credentials->project_id != NULL) {
        json_object_set_new(
            auth, "scope", json_pack("{s:{s:s}}", "project", "id", credentials->project_id));
    } else if (credentials->project_name != NULL) {
        json_object_set_new(auth, "scope",
            json_pack("{s:{s:s, s:o}}", "project", "name", credentials->project_name, "domain",
                domain_of(credentials->project_domain)));
    }
    return body;
}

static bool
login(Session *session, GError **error)
{
    json_auto_t *body = login_body(session->credentials);
    g_auto(Exchange) exchange = {
        .method = "POST",
        .url = g_strconcat(session->identity_url, "/auth/tokens", NULL),
        .body = json_to_text(body),
    };
    exchange.headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!perform(session, &exchange, error)) {
        g_prefix_error(error, "cannot log in: ");
        return false;
    }
    json_auto_t *answer = answer_to_json(&exchange, error);
    if (answer == NULL) {
        return false;
    }
    session->token = json_incref(json_object_get(answer, "token"));
    session->token_id = g_steal_pointer(&exchange.subject_token);
    return session->token_id != NULL ||
        error_set(error, ERROR_INTERNAL, "'%s' gave no token: is it an identity service?",
            session->identity_url);
}

/* What follows host and port; "" when nothing does. */
static const char *
path_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = strchr(host != NULL ? host + 3 : url, '/');
    return path != NULL ? path : url + strlen(url);
}

/* Where a document of versions says that version 3 is, at the host and port that it came from: by
 * those it can be reached for certain. NULL: it is no such document. Caller frees. */
static char *
find_version_3(const char *url, const json_t *document)
{
    size_t i = 0;
    json_t *version = NULL;
    json_array_foreach(json_lookup(document, "versions.values"), i, version)
    {
        const char *id = json_string_value(json_object_get(version, "id"));
        const char *href = json_string_value(
            json_object_get(json_array_get(json_object_get(version, "links"), 0), "href"));
        if (id != NULL && g_str_has_prefix(id, "v3") && href != NULL) {
            g_autofree char *root = g_strndup(url, path_of(url) - url);
            return g_strconcat(root, path_of(href), NULL);
        }
    }
    return NULL;
}

static void
strip_slashes(char *url)
{
    for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--) {
        url[n - 1] = '\0';
    }
}

/* OS_AUTH_URL may be anything that an identity service lists its versions at: host and port alone
 * are enough. Without such a list /v3 is tried below it. */
static bool
find_identity(Session *session, const char *auth_url, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *url = g_strdup(auth_url);
    strip_slashes(url);
    if (g_str_has_suffix(url, "/v3")) {
        session->identity_url = g_steal_pointer(&url);
        return true;
    }
    g_auto(Exchange) exchange = {.method = "GET", .url = g_strconcat(url, "/", NULL)};
    if (!perform(session, &exchange, &problem) && exchange.status == 0) {
        g_propagate_prefixed_error(error, g_steal_pointer(&problem), "cannot log in: ");
        return false;
    }
    json_auto_t *document = problem == NULL ? answer_to_json(&exchange, NULL) : NULL;
    session->identity_url = find_version_3(url, document);
    if (session->identity_url == NULL) {
        session->identity_url = g_strconcat(url, "/v3", NULL);
    }
    strip_slashes(session->identity_url);
    return true;
}

Session *
session_open(const Credentials *credentials, GError **error)
{
    g_autoptr(Session) session = g_new0(Session, 1);
    session->curl = curl_easy_init();
    session->credentials = credentials;
    return find_identity(session, credentials->auth_url, error) && login(session, error)
        ? g_steal_pointer(&session)
        : NULL;
}

/* The endpoint of a service type, without a slash at its end; borrowed from the token. */
static const char *
find_endpoint(Session *session, const char *service)
{
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(json_object_get(session->token, "catalog"), i, entry)
    {
        if (g_strcmp0(json_string_value(json_object_get(entry, "type")), service) != 0) {
            continue;
        }
        size_t j = 0;
        json_t *endpoint = NULL;
        json_array_foreach(json_object_get(entry, "endpoints"), j, endpoint)
        {
            if (g_strcmp0(json_string_value(json_object_get(endpoint, "interface")),
                    session->credentials->interface) == 0) {
                return json_string_value(json_object_get(endpoint, "url"));
            }
        }
    }
    return NULL;
}

/* Where each API's paths begin, below the endpoint that its catalog entry names. */
static const char *
version_prefix(const char *service)
{
    if (strcmp(service, "image") == 0) {
        return "/v2";
    }
    if (strcmp(service, "network") == 0) {
        return "/v2.0";
    }
    return "";
}

static bool
make_url(Session *session, const char *service, const char *path, char **ret_url, GError **error)
{
    if (strcmp(service, "identity") == 0) {
        *ret_url = g_strconcat(session->identity_url, path, NULL);
        return true;
    }
    const char *endpoint = find_endpoint(session, service);
    if (endpoint == NULL) {
        return error_set(error, ERROR_NOT_FOUND,
            "the catalog of '%s' has no '%s' service: log in with a project "
            "(OS_PROJECT_NAME), and to drover",
            session->identity_url, service);
    }
    g_autofree char *base = g_strdup(endpoint);
    strip_slashes(base);
    const char *prefix = version_prefix(service);
    bool has_prefix = *prefix == '\0' || g_str_has_suffix(base, prefix);
    *ret_url = g_strconcat(base, has_prefix ? "" : prefix, path, NULL);
    return true;
}

static bool
prepare(Session *session, const char *service, const char *method, const char *path,
    Exchange *exchange, GError **error)
{
    exchange->method = method;
    if (!make_url(session, service, path, &exchange->url, error)) {
        return false;
    }
    g_autofree char *token = g_strconcat("X-Auth-Token: ", session->token_id, NULL);
    exchange->headers = curl_slist_append(exchange->headers, token);
    exchange->headers = curl_slist_append(exchange->headers, "Expect:");
    if (strcmp(service, "compute") == 0) {
        exchange->headers = curl_slist_append(exchange->headers, COMPUTE_VERSION);
    } else if (strcmp(service, "placement") == 0) {
        exchange->headers = curl_slist_append(exchange->headers, PLACEMENT_VERSION);
    }
    if (session->reason != NULL) {
        g_autofree char *reason = g_strconcat("X-Drover-Reason: ", session->reason, NULL);
        exchange->headers = curl_slist_append(exchange->headers, reason);
    }
    return true;
}

bool
session_set_reason(Session *session, const char *reason, GError **error)
{
    bool is_line = reason == NULL || g_utf8_validate(reason, -1, NULL);
    for (const char *p = reason; is_line && p != NULL && *p != '\0'; p = g_utf8_next_char(p)) {
        is_line = !g_unichar_iscntrl(g_utf8_get_char(p));
    }
    if (!is_line) {
        return error_set(error, ERROR_INVALID, "the reason must be one line of text in UTF-8");
    }
    g_free(session->reason);
    session->reason = reason != NULL && *reason != '\0' ? g_strdup(reason) : NULL;
    return true;
}

json_t *
session_request(Session *session, const char *service, const char *method, const char *path,
    const json_t *body, GError **error)
{
    g_auto(Exchange) exchange = {0};
    if (!prepare(session, service, method, path, &exchange, error)) {
        return NULL;
    }
    if (body != NULL) {
        exchange.headers = curl_slist_append(exchange.headers, "Content-Type: application/json");
        exchange.body = json_to_text(body);
    }
    return perform(session, &exchange, error) ? answer_to_json(&exchange, error) : NULL;
}

/* The path of the page after this one, or NULL. */
static char *
next_page(json_t *page, const char *key)
{
    g_autofree char *links_key = g_strconcat(key, "_links", NULL);
    size_t i = 0;
    json_t *link = NULL;
    json_array_foreach(json_object_get(page, links_key), i, link)
    {
        if (g_strcmp0(json_string_value(json_object_get(link, "rel")), "next") == 0) {
            return g_strdup(strrchr(json_string_value(json_object_get(link, "href")), '?'));
        }
    }
    /* The Image API names only the next path. */
    const char *next = json_string_value(json_object_get(page, "next"));
    return next != NULL ? g_strdup(strrchr(next, '?')) : NULL;
}

json_t *
session_list(
    Session *session, const char *service, const char *path, const char *key, GError **error)
{
    json_auto_t *all = json_array();
    g_autofree char *page_path = g_strdup(path);
    while (page_path != NULL) {
        json_auto_t *page = session_get(session, service, page_path, error);
        if (page == NULL) {
            return NULL;
        }
        json_array_extend(all, json_object_get(page, key));
        g_autofree char *query = next_page(page, key);
        g_clear_pointer(&page_path, g_free);
        if (query != NULL) {
            g_autofree char *plain = g_strndup(path, strcspn(path, "?"));
            page_path = g_strconcat(plain, query, NULL);
        }
    }
    return g_steal_pointer(&all);
}

bool
session_upload(Session *session, const char *service, const char *path, const char *file,
    void (*progress)(int64_t sent, int64_t size, void *data), void *data, GError **error)
{
    g_auto(Exchange) exchange = {.progress = progress, .progress_data = data};
    struct stat status = {0};
    exchange.upload = fopen(file, "rbe");
    if (exchange.upload == NULL || fstat(fileno(exchange.upload), &status) != 0) {
        return error_set(error, ERROR_INVALID, "cannot read '%s': %s", file, g_strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(error, ERROR_INVALID, "cannot upload '%s': it is not a file", file);
    }
    exchange.upload_size = status.st_size;
    exchange.headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    return prepare(session, service, "PUT", path, &exchange, error) &&
        perform(session, &exchange, error);
}

char *
session_path(const char *format, ...)
{
    GString *path = g_string_new(NULL);
    va_list arguments;
    va_start(arguments, format);
    for (const char *p = format; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            g_autofree char *escaped = g_uri_escape_string(va_arg(arguments, char *), NULL, false);
            g_string_append(path, escaped);
            p++;
        } else {
            g_string_append_c(path, *p);
        }
    }
    va_end(arguments);
    return g_string_free(path, false);
}
