/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "http/server.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/internal.h"

/* Protocol versions that are still safe; the ciphers are GnuTLS's choice. */
static const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

static void
set_defaults(HttpServerConfig *config)
{
    config->n_threads = config->n_threads > 0 ? config->n_threads : 8;
    config->max_connections = config->max_connections > 0 ? config->max_connections : 1024;
    config->idle_timeout_s = config->idle_timeout_s > 0 ? config->idle_timeout_s : 60;
    config->body_timeout_s = config->body_timeout_s > 0 ? config->body_timeout_s : 60;
    config->max_body_size = config->max_body_size > 0 ? config->max_body_size : 1 << 20;
    config->stop_timeout_s = config->stop_timeout_s > 0 ? config->stop_timeout_s : 5;
    config->clock = config->clock != NULL ? config->clock : clock_system();
}

HttpServer *
http_server_new(const HttpServerConfig *config)
{
    HttpServer *server = g_new0(HttpServer, 1);
    server->config = *config;
    server->config.address = g_strdup(config->address);
    server->config.tls_cert_file = g_strdup(config->tls_cert_file);
    server->config.tls_key_file = g_strdup(config->tls_key_file);
    set_defaults(&server->config);
    server->listen_fd = -1;
    server->lot.parked = g_hash_table_new(NULL, NULL);
    g_mutex_init(&server->lock);
    g_cond_init(&server->is_idle);
    metrics_describe("drover_http_requests_total", "counter", "Requests that were answered.");
    metrics_describe("drover_http_request_seconds", "histogram",
        "From the headers of a request to the last byte of its response.");
    return server;
}

void
http_server_free(HttpServer *server)
{
    if (server == NULL) {
        return;
    }
    http_server_stop(server);
    g_free((char *)server->config.address);
    g_free((char *)server->config.tls_cert_file);
    g_free((char *)server->config.tls_key_file);
    g_free(server->tls_cert);
    g_free(server->tls_key);
    g_free(server->problem);
    g_hash_table_unref(server->lot.parked);
    g_mutex_clear(&server->lock);
    g_cond_clear(&server->is_idle);
    g_free(server);
}

uint16_t
http_server_port(const HttpServer *server)
{
    return server->port;
}

/* ---- listening ---- */

static int
listen_on(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (info->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Tries all that the address stands for, IPv6 first: "every address" of IPv6 takes IPv4 too. */
static int
listen_on_any(const struct addrinfo *list)
{
    for (int is_v4 = 0; is_v4 <= 1; is_v4++) {
        for (const struct addrinfo *info = list; info != NULL; info = info->ai_next) {
            int fd = (info->ai_family == AF_INET) == is_v4 ? listen_on(info) : -1;
            if (fd >= 0) {
                return fd;
            }
        }
    }
    return -1;
}

static uint16_t
bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    g_assert(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static bool
open_socket(HttpServer *server, GError **error)
{
    const char *address = server->config.address;
    g_autofree char *port = g_strdup_printf("%u", server->config.port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(address, port, &hints, &list);
    if (code != 0) {
        return error_set(
            error, ERROR_INVALID, "cannot listen on '%s': %s", address, gai_strerror(code));
    }
    server->listen_fd = listen_on_any(list);
    int reason = errno;
    freeaddrinfo(list);
    if (server->listen_fd < 0) {
        return error_set(error, ERROR_INTERNAL, "cannot listen on '%s' port %s: %s",
            address != NULL ? address : "*", port, g_strerror(reason));
    }
    server->port = bound_port(server->listen_fd);
    return true;
}

/* ---- starting ---- */

static bool
read_tls_file(const char *path, char **ret_text, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, ret_text, NULL, &problem)) {
        return error_set(
            error, ERROR_INVALID, "cannot read TLS file '%s': %s", path, problem->message);
    }
    return true;
}

static bool
read_tls_files(HttpServer *server, GError **error)
{
    const HttpServerConfig *config = &server->config;
    if (config->tls_cert_file == NULL && config->tls_key_file == NULL) {
        return true;
    }
    if (config->tls_cert_file == NULL || config->tls_key_file == NULL) {
        return error_set(error, ERROR_INVALID, "TLS needs both a certificate and a key file");
    }
    return read_tls_file(config->tls_cert_file, &server->tls_cert, error) &&
        read_tls_file(config->tls_key_file, &server->tls_key, error);
}

static void G_GNUC_PRINTF(2, 0) on_message(void *cls, const char *format, va_list arguments)
{
    HttpServer *server = cls;
    char *message = g_strchomp(g_strdup_vprintf(format, arguments));
    log_debug("libmicrohttpd: %s", message);
    g_mutex_lock(&server->lock);
    g_free(server->problem);
    server->problem = message;
    g_mutex_unlock(&server->lock);
}

/* A server that stops takes no new connections. Not by MHD_quiesce_daemon: it takes the listening
 * socket from the epoll set that a worker is just taking it from as well, and whoever comes second
 * ends the process (seen with 0.9.75). */
static enum MHD_Result
on_connection(void *cls, const struct sockaddr *address, socklen_t size)
{
    HttpServer *server = cls;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);

    return server->is_stopping ? MHD_NO : MHD_YES;
}

static struct MHD_Daemon *
start_daemon(HttpServer *server)
{
    const HttpServerConfig *config = &server->config;
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tls_priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    bool has_tls = server->tls_cert != NULL;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
        (has_tls ? MHD_USE_TLS : 0);
    return MHD_start_daemon(flags, 0, on_connection, server, http_connection_on_access, server,
        MHD_OPTION_EXTERNAL_LOGGER, on_message, server, /* first: it hears of what follows */
        MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)config->n_threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)config->idle_timeout_s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, http_connection_on_target,
        server, MHD_OPTION_NOTIFY_COMPLETED, http_connection_on_completed, server, MHD_OPTION_ARRAY,
        has_tls ? tls_options : tls_options + G_N_ELEMENTS(tls_options) - 1, MHD_OPTION_END);
}

bool
http_server_start(HttpServer *server, GError **error)
{
    g_assert(server->daemon == NULL);
    if (!read_tls_files(server, error) || !open_socket(server, error)) {
        return false;
    }
    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        close(server->listen_fd);
        server->listen_fd = -1;
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
        return error_set(error, ERROR_INTERNAL, "cannot start the HTTP server: %s",
            server->problem != NULL ? server->problem : "unknown reason");
    }
    return true;
}

/* ---- stopping ---- */

static void
wait_for_requests(HttpServer *server)
{
    int64_t deadline_us =
        g_get_monotonic_time() + server->config.stop_timeout_s * (int64_t)G_USEC_PER_SEC;
    g_mutex_lock(&server->lock);
    bool is_late = false;
    while (server->n_active > 0 && !is_late) {
        is_late = !g_cond_wait_until(&server->is_idle, &server->lock, deadline_us);
    }
    g_mutex_unlock(&server->lock);
}

void
http_server_stop(HttpServer *server)
{
    if (server->daemon == NULL) {
        return;
    }
    g_mutex_lock(&server->lock);
    server->is_stopping = true;
    g_mutex_unlock(&server->lock);
    http_lot_close(&server->lot);
    wait_for_requests(server);
    MHD_stop_daemon(server->daemon); /* closes the listening socket */
    server->daemon = NULL;
    server->listen_fd = -1;
}
