/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/live_policy.h"

#include <string.h>

typedef struct Group {
    char *name; /* NULL: for all hosts */
    GPtrArray *patterns;
    char *inbound_addr;
    LiveSettings settings;
} Group;

struct LivePolicy {
    int refs;
    Group *for_all;
    GPtrArray *groups; /* of Group */
};

static void
group_free(void *data)
{
    Group *group = data;
    g_free(group->name);
    g_free(group->inbound_addr);
    g_clear_pointer(&group->patterns, g_ptr_array_unref);
    g_free(group);
}

static Group *
group_new(const char *name, const LiveSettings *settings)
{
    Group *group = g_new0(Group, 1);
    group->name = g_strdup(name);
    group->settings = *settings;
    group->inbound_addr = g_strdup(settings->inbound_addr);
    group->settings.inbound_addr = group->inbound_addr;
    return group;
}

LivePolicy *
live_policy_new(const LiveSettings *for_all)
{
    LivePolicy *policy = g_new0(LivePolicy, 1);
    policy->refs = 1;
    policy->for_all = group_new(NULL, for_all);
    policy->groups = g_ptr_array_new_with_free_func(group_free);
    return policy;
}

static void
free_pattern(void *pattern)
{
    g_pattern_spec_free(pattern);
}

void
live_policy_add_group(LivePolicy *policy, const char *name, const char *const *hosts,
    const LiveSettings *settings)
{
    Group *group = group_new(name, settings);
    group->patterns = g_ptr_array_new_with_free_func(free_pattern);
    for (; *hosts != NULL; hosts++) {
        g_ptr_array_add(group->patterns, g_pattern_spec_new(*hosts));
    }
    g_ptr_array_add(policy->groups, group);
}

LivePolicy *
live_policy_ref(LivePolicy *policy)
{
    g_atomic_int_inc(&policy->refs);
    return policy;
}

void
live_policy_unref(LivePolicy *policy)
{
    if (policy != NULL && g_atomic_int_dec_and_test(&policy->refs)) {
        group_free(policy->for_all);
        g_ptr_array_unref(policy->groups);
        g_free(policy);
    }
}

static bool
group_has(const Group *group, const char *host)
{
    for (unsigned i = 0; i < group->patterns->len; i++) {
        if (g_pattern_spec_match_string(group->patterns->pdata[i], host)) {
            return true;
        }
    }
    return false;
}

static const Group *
find_group(const LivePolicy *policy, const char *host)
{
    for (unsigned i = 0; policy != NULL && i < policy->groups->len; i++) {
        if (group_has(policy->groups->pdata[i], host)) {
            return policy->groups->pdata[i];
        }
    }
    return policy != NULL ? policy->for_all : NULL;
}

const LiveSettings *
live_policy_for(const LivePolicy *policy, const char *host)
{
    static const LiveSettings defaults = LIVE_SETTINGS_DEFAULT;
    const Group *group = find_group(policy, host);
    return group != NULL ? &group->settings : &defaults;
}

const char *
live_policy_group_of(const LivePolicy *policy, const char *host)
{
    const Group *group = find_group(policy, host);
    return group != NULL ? group->name : NULL;
}

char *
live_policy_inbound_address(const LivePolicy *policy, const char *host)
{
    const char *template = live_policy_for(policy, host)->inbound_addr;
    if (*template == '\0') {
        return NULL;
    }
    g_auto(GStrv) parts = g_strsplit(template, "%s", -1);
    return g_strjoinv(host, parts);
}
