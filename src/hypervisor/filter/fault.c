/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/filter/filter.h"
#include <string.h>

typedef struct Fault {
    FilterRule *rule;
    ErrorCode code;
    char *words; /* of the hypervisor, as it were; NULL: none */
} Fault;

static bool
fault_strike(void *data, const char *verb, const char *host, GError **error)
{
    Fault *fault = data;

    if (!filter_rule_hits(fault->rule, verb, host)) {
        return true;
    }
    return error_set(error, fault->code, "%s on host '%s' failed by a fault filter: %s", verb, host,
        fault->words != NULL ? fault->words : error_code_name(fault->code));
}

static void
fault_free(void *data)
{
    Fault *fault = data;

    filter_rule_free(fault->rule);
    g_free(fault->words);
    g_free(fault);
}

static bool
fault_code_parse(const char *name, ErrorCode *ret_code, GError **error)
{
    static const struct {
        const char *name;
        ErrorCode code;
    } shorts[] = {
        {"refused", ERROR_HYPERVISOR_REFUSED},
        {"down", ERROR_HYPERVISOR_DOWN},
        {"unknown", ERROR_OUTCOME_UNKNOWN},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(shorts); i++) {
        if (strcmp(name, shorts[i].name) == 0) {
            *ret_code = shorts[i].code;
            return true;
        }
    }
    for (int code = ERROR_INVALID; code <= ERROR_INTERNAL; code++) {
        if (strcmp(name, error_code_name((ErrorCode)code)) == 0) {
            *ret_code = (ErrorCode)code;
            return true;
        }
    }
    return error_set(error, ERROR_INVALID, "'%s' is not the name of an error", name);
}

bool
fault_filter_make(const char *rule_text, HypervisorFilter *ret_filter, GError **error)
{
    g_autoptr(FilterRule) rule = filter_rule_parse(rule_text, error);
    ErrorCode code = ERROR_INTERNAL;
    char *words = rule != NULL ? strchr(rule->value, ':') : NULL;

    if (words != NULL) {
        *words++ = '\0';
    }
    if (rule == NULL || !fault_code_parse(rule->value, &code, error)) {
        return false;
    }
    Fault *fault = g_new0(Fault, 1);
    fault->words = g_strdup(words);
    fault->rule = g_steal_pointer(&rule);
    fault->code = code;
    *ret_filter = (HypervisorFilter){.name = "fault", .free = fault_free, .data = fault};
    if (code == ERROR_OUTCOME_UNKNOWN) {
        ret_filter->after = fault_strike;
    } else {
        ret_filter->before = fault_strike;
    }
    return true;
}
