/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/pci_policy.h"

#include "scheduler/pci.h"

struct PciPolicy {
    GPtrArray *groups; /* Group * */
};

typedef struct Group {
    char **hosts;  /* NULL: all */
    GArray *specs; /* of PciSpec */
} Group;

static void
group_free(void *data)
{
    Group *group = data;
    g_strfreev(group->hosts);
    g_array_unref(group->specs);
    g_free(group);
}

PciPolicy *
pci_policy_new(void)
{
    PciPolicy *policy = g_new0(PciPolicy, 1);
    policy->groups = g_ptr_array_new_with_free_func(group_free);
    return policy;
}

void
pci_policy_free(PciPolicy *policy)
{
    if (policy != NULL) {
        g_ptr_array_unref(policy->groups);
        g_free(policy);
    }
}

void
pci_policy_add(PciPolicy *policy, char *const *hosts, const char *device_spec)
{
    Group *group = g_new0(Group, 1);
    GArray *specs = pci_specs_read(device_spec, NULL, NULL);
    group->hosts = g_strdupv((char **)hosts);
    group->specs = specs != NULL ? specs : g_array_new(FALSE, FALSE, sizeof(PciSpec));
    g_ptr_array_add(policy->groups, group);
}

static const Group *
find_group(const PciPolicy *policy, const char *host)
{
    for (unsigned i = 0; policy != NULL && i < policy->groups->len; i++) {
        const Group *group = policy->groups->pdata[i];
        if (host_is_named(group->hosts, host)) {
            return group;
        }
    }
    return NULL;
}

void
pci_policy_apply(const PciPolicy *policy, const char *host, HostFacts *facts)
{
    const Group *group = find_group(policy, host);
    g_autoptr(GArray) all = pci_devices_parse(facts->pci_devices);
    g_autoptr(GArray) ours = g_array_new(FALSE, FALSE, sizeof(PciDevice));

    for (unsigned i = 0; group != NULL && i < all->len; i++) {
        const PciDevice *device = &g_array_index(all, PciDevice, i);
        if (pci_specs_match(group->specs, device)) {
            g_array_append_vals(ours, device, 1);
        }
    }
    pci_find_rivals(ours, all);
    facts->hides_devices = facts->hides_devices && group != NULL && group->specs->len > 0;
    g_free(facts->pci_devices);
    facts->pci_devices = pci_devices_text(ours);
}
