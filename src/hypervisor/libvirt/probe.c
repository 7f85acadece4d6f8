/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/probe.h"

#include "hypervisor/libvirt/certificate.h"
#include <errno.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_PORT 16514
#define TCP_PORT 16509

typedef struct Probe {
    const char *host;
    int port;
    int64_t deadline_us; /* monotonic */
    int fd;              /* -1 = none */
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    char *certificate; /* that the host has shown, as JSON */
} Probe;

static void
probe_clear(Probe *probe)
{
    if (probe->session != NULL) {
        gnutls_deinit(probe->session);
    }
    if (probe->credentials != NULL) {
        gnutls_certificate_free_credentials(probe->credentials);
    }
    if (probe->fd >= 0) {
        close(probe->fd);
    }
    g_free(probe->certificate);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Probe, probe_clear)

/* GnuTLS ends its sentences with a dot. */
static bool
probe_fail(const Probe *probe, const char *reason, GError **error)
{
    size_t length = strlen(reason);

    if (length > 0 && reason[length - 1] == '.') {
        length--;
    }
    return error_set(error, ERROR_HYPERVISOR_DOWN, "cannot connect to '%s' port %d: %.*s",
        probe->host, probe->port, (int)length, reason);
}

static bool
probe_wait(const Probe *probe, short events, GError **error)
{
    struct pollfd entry = {.fd = probe->fd, .events = events};
    int n;

    do {
        int64_t left_us = MAX(probe->deadline_us - g_get_monotonic_time(), 0);
        n = poll(&entry, 1, (int)((left_us + 999) / 1000));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return probe_fail(probe, g_strerror(errno), error);
    }
    return n > 0 || probe_fail(probe, "no answer in time", error);
}

static bool
probe_connect_to(Probe *probe, const struct addrinfo *address, GError **error)
{
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int reason = 0;
    socklen_t size = sizeof(reason);

    probe->fd = socket(address->ai_family, type, 0);
    if (probe->fd < 0) {
        return probe_fail(probe, g_strerror(errno), error);
    }
    if (connect(probe->fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS) {
        return probe_fail(probe, g_strerror(errno), error);
    }
    if (!probe_wait(probe, POLLOUT, error)) {
        return false;
    }
    getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &reason, &size);
    return reason == 0 || probe_fail(probe, g_strerror(reason), error);
}

/* Tries each address of the name until one is connected; the last one's error stays. */
static bool
probe_connect(Probe *probe, GError **error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    g_autofree char *service = g_strdup_printf("%d", probe->port);
    int failed = getaddrinfo(probe->host, service, &hints, &addresses);
    bool is_connected = false;

    if (failed != 0) {
        return probe_fail(probe, gai_strerror(failed), error);
    }
    for (struct addrinfo *a = addresses; a != NULL && !is_connected; a = a->ai_next) {
        g_clear_error(error);
        if (probe->fd >= 0) {
            close(probe->fd);
        }
        is_connected = probe_connect_to(probe, a, error);
    }
    freeaddrinfo(addresses);
    return is_connected;
}

/* The places where libvirt looks: flat below pkipath, or its system-wide ones. */
static bool
probe_load_credentials(Probe *probe, const char *pki_path, GError **error)
{
    g_autofree char *certificate = pki_path != NULL
        ? g_build_filename(pki_path, "clientcert.pem", NULL)
        : g_strdup("/etc/pki/libvirt/clientcert.pem");
    g_autofree char *key = pki_path != NULL ? g_build_filename(pki_path, "clientkey.pem", NULL)
                                            : g_strdup("/etc/pki/libvirt/private/clientkey.pem");
    int r = gnutls_certificate_allocate_credentials(&probe->credentials);

    if (r == GNUTLS_E_SUCCESS) {
        r = gnutls_certificate_set_x509_key_file(
            probe->credentials, certificate, key, GNUTLS_X509_FMT_PEM);
    }
    if (r < 0) {
        return error_set(error, ERROR_HYPERVISOR_DOWN,
            "cannot load the certificate '%s' and its key: %s", certificate, gnutls_strerror(r));
    }
    return true;
}

static bool
probe_start_tls(Probe *probe, GError **error)
{
    int r = gnutls_init(&probe->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);

    if (r == GNUTLS_E_SUCCESS) {
        r = gnutls_set_default_priority(probe->session);
    }
    if (r == GNUTLS_E_SUCCESS) {
        r = gnutls_credentials_set(probe->session, GNUTLS_CRD_CERTIFICATE, probe->credentials);
    }
    if (r < 0) {
        return probe_fail(probe, gnutls_strerror(r), error);
    }
    gnutls_transport_set_int(probe->session, probe->fd);
    return true;
}

static bool
probe_wait_tls(const Probe *probe, GError **error)
{
    bool writes = gnutls_record_get_direction(probe->session) == 1;

    return probe_wait(probe, writes ? POLLOUT : POLLIN, error);
}

/* libvirtd sends one byte, 1, once it has accepted our certificate. */
static bool
probe_handshake(Probe *probe, GError **error)
{
    char byte = 0;
    ssize_t r;

    while ((r = gnutls_handshake(probe->session)) < 0 && gnutls_error_is_fatal((int)r) == 0) {
        if (!probe_wait_tls(probe, error)) {
            return false;
        }
    }
    if (r < 0) {
        return probe_fail(probe, gnutls_strerror((int)r), error);
    }
    while ((r = gnutls_record_recv(probe->session, &byte, 1)) < 0 &&
        gnutls_error_is_fatal((int)r) == 0) {
        if (!probe_wait_tls(probe, error)) {
            return false;
        }
    }
    if (r != 1 || byte != '\1') {
        return probe_fail(
            probe, "the host ended the TLS connection: does it accept our certificate?", error);
    }
    unsigned n_shown = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(probe->session, &n_shown);
    probe->certificate = n_shown > 0 ? certificate_to_json(shown, n_shown) : NULL;
    gnutls_bye(probe->session, GNUTLS_SHUT_WR);
    return true;
}

static bool
probe_tls(Probe *probe, const char *pki_path, GError **error)
{
    return probe_load_credentials(probe, pki_path, error) && probe_connect(probe, error) &&
        probe_start_tls(probe, error) && probe_handshake(probe, error);
}

/* Without TLS the kernel completes a connection to a frozen libvirtd, so one is asked what every
 * client asks first: the list of ways to authenticate. */
static bool
probe_tcp(Probe *probe, GError **error)
{
    /* libvirt's RPC header: size, program REMOTE, version, procedure AUTH_LIST, call, serial,
     * status; 32 bits each, in network order. */
    const uint32_t question[] = {
        g_htonl(28), g_htonl(0x20008086), g_htonl(1), g_htonl(66), 0, 0, 0};
    char byte;

    if (!probe_connect(probe, error)) {
        return false;
    }
    if (send(probe->fd, question, sizeof(question), MSG_NOSIGNAL) != sizeof(question)) {
        return probe_fail(probe, g_strerror(errno), error);
    }
    if (!probe_wait(probe, POLLIN, error)) {
        return false;
    }
    return recv(probe->fd, &byte, 1, 0) == 1 ||
        probe_fail(probe, "the host closed the connection", error);
}

bool
probe_certificate(const char *uri, int timeout_ms, char **ret_json, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, &reason);

    if (parsed == NULL) {
        return error_set(
            error, ERROR_INVALID, "'%s' is not a connection URI: %s", uri, reason->message);
    }
    bool is_tls = g_str_has_suffix(g_uri_get_scheme(parsed), "+tls");
    bool is_tcp = g_str_has_suffix(g_uri_get_scheme(parsed), "+tcp");
    const char *host = g_uri_get_host(parsed);
    if ((!is_tls && !is_tcp) || host == NULL || host[0] == '\0') {
        *ret_json = NULL;
        return true;
    }
    int port = g_uri_get_port(parsed) > 0 ? g_uri_get_port(parsed) : is_tls ? TLS_PORT : TCP_PORT;
    g_auto(Probe) probe = {.host = host,
        .port = port,
        .fd = -1,
        .deadline_us = g_get_monotonic_time() + (int64_t)timeout_ms * 1000};
    if (is_tcp) {
        *ret_json = NULL;
        return probe_tcp(&probe, error);
    }
    const char *query = g_uri_get_query(parsed);
    g_autoptr(GHashTable) values =
        query != NULL ? g_uri_parse_params(query, -1, "&", G_URI_PARAMS_NONE, NULL) : NULL;
    const char *pki_path = values != NULL ? g_hash_table_lookup(values, "pkipath") : NULL;
    if (!probe_tls(&probe, pki_path, error)) {
        return false;
    }
    *ret_json = g_steal_pointer(&probe.certificate);
    return true;
}

bool
probe_address(const char *uri, int timeout_ms, GError **error)
{
    g_autofree char *certificate = NULL;

    return probe_certificate(uri, timeout_ms, &certificate, error);
}
