/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/filter/filter.h"

typedef struct Delay {
    FilterRule *rule;
    unsigned int ms;
} Delay;

static bool
delay_before(void *data, const char *verb, const char *host, GError **error)
{
    Delay *delay = data;

    if (filter_rule_hits(delay->rule, verb, host)) {
        g_usleep(delay->ms * 1000UL);
    }
    return true;
}

static void
delay_free(void *data)
{
    Delay *delay = data;

    filter_rule_free(delay->rule);
    g_free(delay);
}

bool
delay_filter_make(const char *rule_text, HypervisorFilter *ret_filter, GError **error)
{
    g_autoptr(FilterRule) rule = filter_rule_parse(rule_text, error);
    guint64 ms;

    if (rule == NULL) {
        return false;
    }
    if (!g_ascii_string_to_unsigned(rule->value, 10, 0, 3600 * 1000, &ms, NULL)) {
        return error_set(error, ERROR_INVALID, "'%s' is not a delay in milliseconds", rule->value);
    }
    Delay *delay = g_new0(Delay, 1);
    delay->rule = g_steal_pointer(&rule);
    delay->ms = (unsigned int)ms;
    *ret_filter = (HypervisorFilter){
        .name = "delay", .before = delay_before, .free = delay_free, .data = delay};
    return true;
}
