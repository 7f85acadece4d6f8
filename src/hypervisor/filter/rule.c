/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/filter/filter.h"
#include <string.h>

static bool
rule_set_nth(FilterRule *rule, const char *text, GError **error)
{
    guint64 nth;

    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT, &nth, NULL)) {
        return error_set(error, ERROR_INVALID, "'%s' is not the number of a call", text);
    }
    rule->nth = (int)nth;
    return true;
}

FilterRule *
filter_rule_parse(const char *text, GError **error)
{
    g_autoptr(FilterRule) rule = g_new0(FilterRule, 1);
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text || equals[1] == '\0') {
        error_set(
            error, ERROR_INVALID, "filter rule '%s' does not read VERB[/HOST][@N]=VALUE", text);
        return NULL;
    }
    rule->value = g_strdup(equals + 1);
    rule->verb = g_strndup(text, (size_t)(equals - text));
    char *at = strchr(rule->verb, '@');
    if (at != NULL) {
        *at = '\0';
        if (!rule_set_nth(rule, at + 1, error)) {
            return NULL;
        }
    }
    char *slash = strchr(rule->verb, '/');
    if (slash != NULL) {
        *slash = '\0';
        rule->host = g_strdup(slash + 1);
    }
    return g_steal_pointer(&rule);
}

void
filter_rule_free(FilterRule *rule)
{
    if (rule == NULL) {
        return;
    }
    g_free(rule->verb);
    g_free(rule->host);
    g_free(rule->value);
    g_free(rule);
}

bool
filter_rule_hits(FilterRule *rule, const char *verb, const char *host)
{
    bool matches = (strcmp(rule->verb, "*") == 0 || strcmp(rule->verb, verb) == 0) &&
        (rule->host == NULL || strcmp(rule->host, host) == 0);

    if (!matches) {
        return false;
    }
    int n = g_atomic_int_add(&rule->n_matched, 1) + 1;
    return rule->nth == 0 || n == rule->nth;
}
