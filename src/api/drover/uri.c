/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/drover.h"
#include <string.h>

/* Parameters that are droverd's own: another host has certificates of its own. */
static bool
is_private_parameter(const char *parameter)
{
    static const char *const names[] = {"pkipath=", "keyfile=", "known_hosts=", NULL};
    for (const char *const *name = names; *name != NULL; name++) {
        if (g_str_has_prefix(parameter, *name)) {
            return true;
        }
    }
    return false;
}

static bool
check_scheme(const char *scheme, bool allow_plaintext, GError **error)
{
    static const char *const safe[] = {"qemu+tls", "qemu+ssh", "fake", NULL};
    if (g_strv_contains(safe, scheme)) {
        return true;
    }
    if (strcmp(scheme, "qemu+tcp") != 0) {
        return error_set(error, ERROR_INVALID,
            "a host's URI begins with qemu+tls:// (or qemu+ssh://), not with '%s://'", scheme);
    }
    return allow_plaintext ||
        error_set(error, ERROR_INVALID,
            "qemu+tcp:// has neither encryption nor authentication; the configuration must allow "
            "it ([libvirt] allow_plaintext)");
}

bool
drover_check_uri(const char *uri, bool allow_plaintext, GError **error)
{
    const char *end = strstr(uri, "://");
    if (end == NULL) {
        return error_set(
            error, ERROR_INVALID, "'%s' is not a URI like qemu+tls://NAME/system", uri);
    }
    g_autofree char *scheme = g_strndup(uri, (size_t)(end - uri));
    if (!check_scheme(scheme, allow_plaintext, error)) {
        return false;
    }
    /* fake:///NAME has no host part. */
    if (strcmp(scheme, "fake") != 0 && (end[3] == '/' || end[3] == '\0' || end[3] == '?')) {
        return error_set(error, ERROR_INVALID, "'%s' names no host", uri);
    }
    return allow_plaintext || strstr(uri, "no_verify=1") == NULL ||
        error_set(error, ERROR_INVALID,
            "no_verify=1 talks to whoever answers; the configuration must allow it ([libvirt] "
            "allow_plaintext)");
}

char *
drover_make_peer_uri(const char *uri)
{
    const char *question = strchr(uri, '?');
    if (question == NULL) {
        return g_strdup(uri);
    }
    g_autoptr(GString) peer = g_string_new_len(uri, question - uri);
    g_auto(GStrv) parameters = g_strsplit(question + 1, "&", -1);
    char separator = '?';
    for (char **parameter = parameters; *parameter != NULL; parameter++) {
        if (!is_private_parameter(*parameter) && **parameter != '\0') {
            g_string_append_printf(peer, "%c%s", separator, *parameter);
            separator = '&';
        }
    }
    return g_string_free(g_steal_pointer(&peer), FALSE);
}
