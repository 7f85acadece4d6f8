/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The filters that are shipped, made from text by hypervisor_add_filter_text. A rule reads
 * VERB[/HOST][@N]=VALUE: VERB is a member of provider.h or "*", HOST narrows it to one host, N is
 * the one matching call (from 1) that it hits; without N it hits all of them. */
#include "hypervisor/driver.h"

typedef struct FilterRule {
    char *verb;
    char *host; /* NULL = every host */
    int nth;    /* 0 = every call */
    char *value;
    int n_matched; /* atomic: calls that verb and host matched so far */
} FilterRule;

/* text is the rule alone, without the filter's name. */
FilterRule *filter_rule_parse(const char *text, GError **error);
void filter_rule_free(FilterRule *rule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FilterRule, filter_rule_free)
/* Whether this call is hit; counts it. Any thread. */
bool filter_rule_hits(FilterRule *rule, const char *verb, const char *host);

/* Value: milliseconds that a hit call waits before it starts. */
bool delay_filter_make(const char *rule, HypervisorFilter *ret_filter, GError **error);
/* Value: the error of a hit call, by its name in base/error.h, or "refused", "down", "unknown"
 * for short. "unknown" (outcome-unknown) strikes after the effect, all others before it. */
bool fault_filter_make(const char *rule, HypervisorFilter *ret_filter, GError **error);
