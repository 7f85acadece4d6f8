/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/session.h"

#include "base/error.h"
#include "base/json.h"
#include "cli/exchange.h"
#include "cli/usage.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Of the Compute and Placement APIs that this program was written for. */
#define COMPUTE_VERSION "OpenStack-API-Version: compute 2.96"
#define COMPUTE_HOSTS_VERSION "OpenStack-API-Version: compute 2.42" /* the last that has them */
#define PLACEMENT_VERSION "OpenStack-API-Version: placement 1.29"

struct Session {
    CURL *curl;
    const Credentials *credentials; /* outlives the session */
    char *identity_url;             /* ends in /v3 */
    char *token_id;
    json_t *token;
    char *reason;     /* NULL = none is said */
    bool rehearse;
    char *request_id; /* of the last request; NULL = nobody said */
    bool is_silent;   /* so was the last request answered: not at all */
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
    g_free(session->request_id);
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

const char *
session_request_id(Session *session)
{
    return session->request_id;
}

bool
session_is_silent(Session *session)
{
    return session->is_silent;
}

static bool
perform(Session *session, Exchange *exchange, GError **error)
{
    bool is_ok = exchange_perform(exchange, session->curl, session->credentials, error);
    g_free(session->request_id);
    session->request_id = g_strdup(exchange->request_id);
    session->is_silent = exchange->status == 0;
    return is_ok;
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
    json_auto_t *answer = exchange_to_json(&exchange, error);
    if (answer == NULL) {
        return false;
    }
    json_decref(session->token);
    g_free(session->token_id);
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
    json_auto_t *document = problem == NULL ? exchange_to_json(&exchange, NULL) : NULL;
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
        exchange->headers = curl_slist_append(exchange->headers,
            g_str_has_prefix(path, "/os-hosts") ? COMPUTE_HOSTS_VERSION : COMPUTE_VERSION);
    } else if (strcmp(service, "placement") == 0) {
        exchange->headers = curl_slist_append(exchange->headers, PLACEMENT_VERSION);
    }
    if (session->reason != NULL) {
        g_autofree char *reason = g_strconcat("X-Drover-Reason: ", session->reason, NULL);
        exchange->headers = curl_slist_append(exchange->headers, reason);
    }
    if (session->rehearse) {
        exchange->headers = curl_slist_append(exchange->headers, "X-Drover-Rehearse: true");
    }
    return true;
}

void
session_set_rehearse(Session *session, bool rehearse)
{
    session->rehearse = rehearse;
}

bool
session_set_reason(Session *session, const char *reason, GError **error)
{
    bool is_line = reason == NULL || g_utf8_validate(reason, -1, NULL);
    for (const char *p = reason; is_line && p != NULL && *p != '\0'; p = g_utf8_next_char(p)) {
        is_line = !g_unichar_iscntrl(g_utf8_get_char(p));
    }
    if (!is_line) {
        return usage_error(error, "the reason must be one line of text in UTF-8");
    }
    g_free(session->reason);
    session->reason = reason != NULL && *reason != '\0' ? g_strdup(reason) : NULL;
    return true;
}

static json_t *
request_once(Session *session, const char *service, const char *method, const char *path,
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
    return perform(session, &exchange, error) ? exchange_to_json(&exchange, error) : NULL;
}

/* What is waited for may take longer than a token is good for: then another one is asked for. */
json_t *
session_request(Session *session, const char *service, const char *method, const char *path,
    const json_t *body, GError **error)
{
    g_autoptr(GError) problem = NULL;
    json_t *answer = request_once(session, service, method, path, body, &problem);
    if (error_is(problem, ERROR_UNAUTHENTICATED) && session->credentials->token == NULL &&
        login(session, NULL)) {
        return request_once(session, service, method, path, body, error);
    }
    if (answer == NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
    }
    return answer;
}

bool
session_act(Session *session, const char *server_id, const json_t *action, GError **error)
{
    g_autofree char *path = session_path("/servers/%s/action", server_id);
    json_auto_t *answer = session_request(session, "compute", "POST", path, action, error);
    return answer != NULL;
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
