/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Whom a host's server certificate is for, and for how long it and those sent with it are good. */
#include "api/drover/lint_sheet.h"

#include "base/clock.h"
#include "base/json.h"
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

/* ---- for how long ---- */

/* Of the host's own certificate, or of one that it sends after it. */
typedef struct Term {
    const char *subject; /* borrowed; NULL: its own */
    int64_t begins_us;
    int64_t expires_us; /* INT64_MAX: not known */
} Term;

/* Of those after it an older droverd has stored the subjects alone. */
static Term
read_term(const json_t *stored, bool is_own)
{
    const json_t *expires = json_object_get(stored, "expires_us");
    const char *subject = json_is_string(stored) ? json_string_value(stored)
                                                 : json_text_or(stored, "subject", "");

    return (Term){is_own ? NULL : subject,
        json_integer_value(json_object_get(stored, "begins_us")),
        json_is_integer(expires) ? json_integer_value(expires) : INT64_MAX};
}

static GArray *
read_terms(const json_t *certificate)
{
    const json_t *chain = json_object_get(certificate, "chain");
    GArray *terms = g_array_new(FALSE, FALSE, sizeof(Term));
    Term term = read_term(certificate, true);

    g_array_append_val(terms, term);
    for (size_t i = 0; i < json_array_size(chain); i++) {
        term = read_term(json_array_get(chain, i), false);
        g_array_append_val(terms, term);
    }
    return terms;
}

/* The one that keeps connections from being made, now or first: that begins last while it has not
 * begun, or else that ends first. */
static const Term *
find_worst(const GArray *terms, int64_t now_us)
{
    const Term *latest = &g_array_index(terms, Term, 0);
    const Term *earliest = latest;

    for (unsigned i = 1; i < terms->len; i++) {
        const Term *term = &g_array_index(terms, Term, i);
        latest = term->begins_us > latest->begins_us ? term : latest;
        earliest = term->expires_us < earliest->expires_us ? term : earliest;
    }
    return latest->begins_us > now_us ? latest : earliest;
}

/* "CN=ca (20 days)" */
static void
append_term(GString *text, const char *name, const Term *term, int64_t now_us)
{
    g_string_append(text, name);
    if (term->expires_us <= now_us) {
        g_string_append(text, " (expired)");
    } else if (term->expires_us != INT64_MAX) {
        g_string_append_printf(
            text, " (%" G_GINT64_FORMAT " days)", (term->expires_us - now_us) / DAY_US);
    }
}

/* Who has issued its own, and what it sends after it. Caller frees. */
static char *
describe_chain(const GArray *terms, const char *issuer, const Term *worst, int64_t now_us)
{
    g_autoptr(GString) text = g_string_new(worst->subject == NULL ? ", by " : "; its own is by ");

    if (worst->subject == NULL) {
        g_string_append(text, issuer);
    } else {
        append_term(text, issuer, &g_array_index(terms, Term, 0), now_us);
    }
    for (unsigned i = 1; i < terms->len; i++) {
        const Term *term = &g_array_index(terms, Term, i);
        g_string_append(text, i == 1 ? "; sent with it: " : ", ");
        append_term(text, term->subject, term, now_us);
    }
    return g_strdup(text->str);
}

static char *
make_fix(const Term *worst, bool has_begun)
{
    const char *clocks = has_begun ? "" : "see that clocks are right, or ";

    return worst->subject == NULL
        ? g_strdup_printf("%smake its server certificate anew, and restart libvirtd", clocks)
        : g_strdup_printf("%sput another certificate of '%s' after its server certificate, in the "
                          "same file, and restart libvirtd",
              clocks, worst->subject);
}

static void
check_terms(const LintSheet *sheet, const json_t *certificate)
{
    g_autoptr(GArray) terms = read_terms(certificate);
    const Term *worst = find_worst(terms, sheet->now_us);
    int64_t left_us = worst->expires_us - sheet->now_us;
    bool has_begun = worst->begins_us <= sheet->now_us;
    bool is_over = left_us <= 0;
    bool is_near = left_us < DAYS_WARN * DAY_US;
    g_autofree char *fix = make_fix(worst, has_begun);
    g_autofree char *chain = describe_chain(
        terms, json_text_or(certificate, "issuer", ""), worst, sheet->now_us);
    g_autofree char *whose =
        worst->subject != NULL ? g_strdup_printf("'%s' is ", worst->subject) : g_strdup("");
    if (!has_begun) {
        g_autofree char *begins = time_format_z(worst->begins_us);
        lint_say(
            sheet, "certificate", "fail", fix, "%snot valid before %s%s", whose, begins, chain);
        return;
    }
    lint_say(sheet, "certificate", is_over ? "fail" : is_near ? "warn" : "pass",
        is_over || is_near ? fix : NULL, "%s%s %" G_GINT64_FORMAT " days%s", whose,
        is_over ? "expired since" : "good for another", ABS(left_us / DAY_US), chain);
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
        check_terms(sheet, certificate);
        check_names(sheet, json_object_get(certificate, "names"));
    }
}
