/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/cpu_policy.h"

#include "model/topology.h"

struct CpuPolicy {
    GPtrArray *groups; /* Group * */
};

typedef struct Group {
    char **hosts; /* NULL: all */
    char *dedicated;
    char *shared;
} Group;

static void
group_free(void *data)
{
    Group *group = data;
    g_strfreev(group->hosts);
    g_free(group->dedicated);
    g_free(group->shared);
    g_free(group);
}

CpuPolicy *
cpu_policy_new(void)
{
    CpuPolicy *policy = g_new0(CpuPolicy, 1);
    policy->groups = g_ptr_array_new_with_free_func(group_free);
    return policy;
}

void
cpu_policy_free(CpuPolicy *policy)
{
    if (policy != NULL) {
        g_ptr_array_unref(policy->groups);
        g_free(policy);
    }
}

void
cpu_policy_add(CpuPolicy *policy, char *const *hosts, const char *dedicated, const char *shared)
{
    Group *group = g_new0(Group, 1);
    group->hosts = g_strdupv((char **)hosts);
    group->dedicated = g_strdup(dedicated);
    group->shared = g_strdup(shared);
    g_ptr_array_add(policy->groups, group);
}

static void
apply_group(const Group *group, HostTopology *topology)
{
    topology->dedicated = topology->shared = (CpuSet){0};
    topology->has_dedicated =
        group->dedicated[0] != '\0' && cpu_set_parse(group->dedicated, &topology->dedicated);
    topology->has_shared =
        group->shared[0] != '\0' && cpu_set_parse(group->shared, &topology->shared);
}

void
cpu_policy_apply(const CpuPolicy *policy, const char *host, HostFacts *facts)
{
    g_autoptr(HostTopology) topology = host_topology_parse(facts->topology);
    if (policy == NULL || topology == NULL) {
        return;
    }
    for (unsigned i = 0; i < policy->groups->len; i++) {
        const Group *group = policy->groups->pdata[i];
        if (host_is_named(group->hosts, host)) {
            apply_group(group, topology);
            break;
        }
    }
    CpuSet floating = host_topology_floating(topology);
    g_free(facts->topology);
    facts->topology = host_topology_text(topology);
    facts->has_floating_cpus = topology->has_dedicated || topology->has_shared;
    facts->floating_cpus = cpu_set_count(&floating);
}
