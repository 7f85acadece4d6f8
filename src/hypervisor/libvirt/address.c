/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/address.h"

#include <string.h>

char *
address_with_pki_path(const char *uri, const char *pki_path)
{
    bool is_tls = strstr(uri, "+tls://") != NULL;

    if (!is_tls || pki_path == NULL || pki_path[0] == '\0' || strstr(uri, "pkipath=") != NULL) {
        return g_strdup(uri);
    }
    g_autofree char *escaped = g_uri_escape_string(pki_path, "/", FALSE);
    return g_strconcat(uri, strchr(uri, '?') != NULL ? "&" : "?", "pkipath=", escaped, NULL);
}

char *
address_host(const char *uri, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, &reason);

    if (parsed == NULL) {
        error_set(error, ERROR_INVALID, "'%s' is not a connection URI: %s", uri, reason->message);
        return NULL;
    }
    const char *host = g_uri_get_host(parsed);
    return g_strdup(host != NULL ? host : "");
}

static bool
is_bare_ipv6(const char *address)
{
    return strchr(address, ':') != NULL && address[0] != '[';
}

char *
address_migration_uri(const char *address)
{
    return g_strdup_printf(is_bare_ipv6(address) ? "tcp://[%s]" : "tcp://%s", address);
}

char *
address_knock_uri(const char *address, int port)
{
    return is_bare_ipv6(address) ? g_strdup_printf("qemu+tcp://[%s]:%d/system", address, port)
                                 : g_strdup_printf("qemu+tcp://%s:%d/system", address, port);
}
