/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Whom a host's server certificate is for, and for how long. */
#include "api/drover/lint_sheet.h"

#include <string.h>

enum { DAYS_WARN = 30 };
static const int64_t DAY_US = INT64_C(86400) * G_USEC_PER_SEC;

/* "qemu+tls://NAME:PORT/system?..." -> NAME; NULL: no TLS. Caller frees. */
static char *
tls_name(const char *uri)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    if (parsed == NULL || !g_str_has_suffix(g_uri_get_scheme(parsed), "+tls")) {
        return NULL;
    }
    return g_strdup(g_uri_get_host(parsed));
}

static bool
covers(const json_t *names, const char *wanted)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *rest = strchr(wanted, '.');
        bool is_wildcard = g_str_has_prefix(name, "*.") && rest != NULL &&
            g_ascii_strcasecmp(name + 1, rest) == 0;
        if (is_wildcard || g_ascii_strcasecmp(name, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_names(const LintSheet *sheet, const json_t *names)
{
    const char *uris[] = {sheet->host->uri, sheet->host->peer_uri};
    g_autofree char *text = json_array_size(names) > 0 ? json_dumps(names, JSON_COMPACT) : NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autofree char *name = tls_name(uris[i]);
        if (name != NULL && !covers(names, name)) {
            lint_say(sheet, "certificate-names", "fail",
                "make its server certificate anew with the names and addresses of its URI and of "
                "its peer URI",
                "%s does not have '%s', by which %s connect to it", text != NULL ? text : "it",
                name, i == 0 ? "drover does" : "other hosts");
            return;
        }
    }
    lint_say(sheet, "certificate-names", "pass", NULL, "%s", text != NULL ? text : "none");
}

static void
check_expiry(const LintSheet *sheet, const json_t *certificate)
{
    int64_t left_us =
        json_integer_value(json_object_get(certificate, "expires_us")) - sheet->now_us;
    int64_t days = left_us / DAY_US;
    const char *issuer = json_string_value(json_object_get(certificate, "issuer"));
    bool is_over = left_us <= 0;
    lint_say(sheet, "certificate", is_over ? "fail" : days < DAYS_WARN ? "warn" : "pass",
        is_over || days < DAYS_WARN ? "make its server certificate anew, and restart libvirtd"
                                    : NULL,
        "%s %" G_GINT64_FORMAT " days, by %s", is_over ? "expired since" : "good for another",
        ABS(days), issuer);
}

void
lint_check_certificate(const LintSheet *sheet)
{
    g_autofree char *name = tls_name(sheet->host->uri);
    const char *text = sheet->host->facts.certificate_json;
    json_auto_t *certificate = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (name == NULL) {
        lint_say(sheet, "certificate", "unseen", NULL,
            "its URI is not one with TLS: none is shown");
    } else if (certificate == NULL) {
        lint_say(sheet, "certificate", "unknown", NULL, "it has shown none yet");
    } else {
        check_expiry(sheet, certificate);
        check_names(sheet, json_object_get(certificate, "names"));
    }
}
